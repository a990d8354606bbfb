//! Measured noise against its formula, for the linear scheme.
//!
//! Each test takes [`SAMPLES`] phase errors, of which no two share any randomness but the key, and compares their mean
//! square with the predicted variance. The errors are sums of independent symmetric terms, each uniform or nearly so, hence
//! of a kurtosis `κ` of at most 3, and the mean of `n` squares has a relative standard deviation of `√((κ − 1)/n)`. The
//! tolerance is six of these, [`TOLERANCE`]: were the formula exact, a fresh seed would fail a comparison with a
//! probability of about 2·10^-9. The seeds are fixed.
#![expect(
    clippy::print_stdout,
    reason = "measured figures, shown with --nocapture"
)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/ciphertexts.rs"]
mod ciphertexts;

use ciphertexts::{error, evaluate, phases, query_glwes, response_glwes, tfhe_key};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Options, Verified, verify};
use tenebra_client::linear::{LinearLayout, OwnedLinear, ValidLinear};
use tenebra_client::{ClientSpec, SecretKey};
use tenebra_client::{OwnedScheme, OwnedSpec};
use tenebra_quant::Interface;
use tenebra_tfhe::Program;
use tenebra_tfhe::noise::{rounding_variance, tuniform_variance};
use tfhe::core_crypto::prelude::{GlweCiphertextOwned, GlweSecretKeyOwned};

/// Phase errors a comparison.
const SAMPLES: u32 = 28_800;
/// `6·√(2 / SAMPLES)`.
const TOLERANCE: f64 = 0.05;

/// Mean and mean square of phase errors.
#[derive(Default)]
struct Moments {
    count: u32,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, error: f64) {
        self.count += 1;
        self.sum += error;
        self.squares += error * error;
    }

    /// Compares with no bias and `variance`.
    fn check(&self, what: &str, variance: f64) {
        assert_eq!(self.count, SAMPLES, "{what}");
        let count = f64::from(self.count);
        let measured = self.squares / count;
        println!(
            "{what}: measured 2^{:.4}, predicted 2^{:.4}, ratio of variances {:.4}",
            measured.log2() / 2.0 - 64.0,
            variance.log2() / 2.0 - 64.0,
            measured / variance
        );
        assert!(
            (measured / variance - 1.0).abs() < TOLERANCE,
            "{what}: {measured:e} against {variance:e}"
        );
        // Of the mean, six standard deviations as well.
        let bias = self.sum / count;
        assert!(
            bias.abs() < 6.0 * (variance / count).sqrt(),
            "{what}: bias {bias:e}"
        );
    }
}

/// `y = W·x` for 8-bit codes and weights, with the rows of `W`.
struct Model {
    circuit: Verified,
    weights: Vec<Vec<i64>>,
}

impl Model {
    fn new(features: usize, outputs: usize, rng: &mut impl Rng) -> Self {
        let mut weight = || i64::from(rng.next_u32() % 255) - 127;
        let weights: Vec<Vec<i64>> = (0..outputs)
            .map(|_| (0..features).map(|_| weight()).collect())
            .collect();
        let mut builder = CircuitBuilder::new();
        let x = builder.input("x", vec![Interval::new(0, 255); features]);
        let y = builder.linear(
            x,
            Matrix::dense(outputs, features, weights.concat()),
            vec![0; outputs],
        );
        builder.output("y", y);
        let circuit = verify(&builder.finish()).unwrap();
        Self { circuit, weights }
    }

    fn apply(&self, codes: &[i64]) -> Vec<i64> {
        let outputs = self.weights.iter();
        outputs
            .map(|row| row.iter().zip(codes).map(|(w, x)| w * x).sum())
            .collect()
    }

    /// A program that runs this layout: by way of a client spec, as on a server.
    fn program(&self, layout: LinearLayout) -> Program {
        let ends = |range: Interval| (range.min, range.max);
        let inputs: Vec<_> = self.circuit.input_ranges().into_iter().map(ends).collect();
        let outputs: Vec<_> = self.circuit.output_ranges().into_iter().map(ends).collect();
        let spec = OwnedSpec {
            p_fail_log2: -20.0,
            scheme: OwnedScheme::Linear(OwnedLinear::plain(vec![layout])),
            interface: Interface::of_codes(&inputs, &outputs).unwrap(),
        };
        let bytes = spec.encode().unwrap();
        Program::for_spec(&self.circuit, &ClientSpec::parse(&bytes).unwrap()).unwrap()
    }
}

/// Bits of the key that are set.
fn set_bits(key: &SecretKey) -> f64 {
    let mut bytes = vec![0; SecretKey::secret_len(key.glwe())];
    key.write_secret(&mut bytes);
    bytes.iter().map(|byte| f64::from(byte.count_ones())).sum()
}

/// Variance of a body as the server reads it: fresh noise, and what is rounded away.
fn input_variance(layout: &ValidLinear) -> f64 {
    let dropped = 64 - u32::from(layout.layout().body_bits);
    tuniform_variance(layout.glwe().noise_bound_log2()) + rounding_variance(dropped)
}

/// Variance of output `output`, given the key: the bodies of all inputs count with the weights of every output that
/// shares the ciphertext; each rounding of a mask where the key bit is set, and that of the body.
fn output_variance(layout: &ValidLinear, model: &Model, key: &SecretKey, output: usize) -> f64 {
    let mut groups = model.weights.chunks(layout.layout().group as usize);
    let group = groups.nth(output / layout.layout().group as usize).unwrap();
    let norm: f64 = group
        .iter()
        .flatten()
        .map(|weight| (*weight as f64).powi(2))
        .sum();
    let switch = rounding_variance(64 - u32::from(layout.layout().response_bits));
    norm * input_variance(layout) + (set_bits(key) + 1.0) * switch
}

fn random_codes(count: usize, rng: &mut impl Rng) -> Vec<i64> {
    (0..count)
        .map(|_| i64::from(rng.next_u32() % 256))
        .collect()
}

fn encrypt(
    layout: &ValidLinear,
    plan: u8,
    key: &SecretKey,
    codes: &[i64],
    rng: &mut ChaCha20Rng,
) -> Vec<u8> {
    let rows = codes.len() / layout.layout().features as usize;
    let mut query = vec![0; layout.query_len(rows)];
    let mut scratch = vec![0; layout.scratch_len(rows)];
    layout
        .encrypt(plan, key, codes, rng, &mut scratch, &mut query)
        .unwrap();
    query
}

/// `b − Σ_j A_j·S_j` at one coefficient.
fn phase_at(
    key: &GlweSecretKeyOwned<u64>,
    ciphertext: &GlweCiphertextOwned<u64>,
    position: usize,
) -> u64 {
    let size = ciphertext.polynomial_size().0;
    let mask = ciphertext.get_mask();
    let polynomials = mask.as_ref().chunks(size).zip(key.as_ref().chunks(size));
    let terms = polynomials.flat_map(|(mask, key)| {
        let (low, high) = mask.split_at(position + 1);
        let positive = low
            .iter()
            .zip(key[..=position].iter().rev())
            .map(|(a, s)| a * s);
        let negative = high
            .iter()
            .zip(key[position + 1..].iter().rev())
            .map(|(a, s)| (a * s).wrapping_neg());
        positive.chain(negative)
    });
    terms.fold(ciphertext.get_body().as_ref()[position], u64::wrapping_sub)
}

/// The output noise of one layout: one output a query, in turn, for those of a query share their masks.
fn check_outputs(what: &str, model: &Model, program: &Program, plan: u8, seed: u8) {
    let mut rng = ChaCha20Rng::from_seed([seed; 32]);
    let layout = program.layouts().nth(usize::from(plan)).unwrap();
    let plain = layout.layout();
    let (rows, outputs) = (usize::from(plain.max_rows), plain.outputs as usize);
    let key = SecretKey::generate(layout.glwe(), &mut rng);
    let tfhe_key = tfhe_key(&key);
    let scale = 64 - u32::from(plain.plaintext_bits);

    // Outputs of unequal variance are brought to the first one's.
    let variances: Vec<f64> = (0..outputs)
        .map(|output| output_variance(layout, model, &key, output))
        .collect();
    let mut moments = Moments::default();
    for sample in 0..SAMPLES as usize {
        let (row, output) = (sample / outputs % rows, sample % outputs);
        let codes = random_codes(rows * plain.features as usize, &mut rng);
        let query = encrypt(layout, plan, &key, &codes, &mut rng);
        let response = evaluate(program, &query);
        let glwe = &response_glwes(layout, &response)[output / plain.group as usize];
        let want =
            model.apply(&codes[row * plain.features as usize..][..plain.features as usize])[output];
        let error = error(
            phase_at(&tfhe_key, glwe, layout.output_position(row, output)),
            want,
            scale,
        );
        moments.add(error as f64 * (variances[0] / variances[output]).sqrt());
    }
    moments.check(what, variances[0]);

    // The planner does not know the key: it takes a bound on its set bits, and the group with the largest norm.
    let predicted = program.report()[usize::from(plan)].noise_std_log2;
    let largest = variances.iter().copied().fold(0.0, f64::max).log2() / 2.0 - 64.0;
    assert!(
        (largest..largest + 0.3).contains(&predicted),
        "{what}: {largest} planned as {predicted}"
    );
}

#[test]
fn fresh_bodies() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let model = Model::new(30, 1, &mut rng);
    let options = Options {
        rows: 1000,
        ..Options::default()
    };
    let program = Program::prepare(&model.circuit, &options).unwrap();
    for (plan, layout) in (0u8..).zip(program.layouts()) {
        let (plain, rows) = (*layout.layout(), usize::from(layout.layout().max_rows));
        let key = SecretKey::generate(layout.glwe(), &mut rng);
        let mut moments = Moments::default();
        while moments.count < SAMPLES {
            let codes = random_codes(rows * 30, &mut rng);
            let query = encrypt(layout, plan, &key, &codes, &mut rng);
            let phases = phases(&tfhe_key(&key), &query_glwes(layout, &query)[0]);
            for (index, code) in codes
                .iter()
                .enumerate()
                .take((SAMPLES - moments.count) as usize)
            {
                let (_, position) = layout.input_position(index / 30, index % 30);
                moments.add(error(
                    phases[position],
                    *code,
                    64 - u32::from(plain.plaintext_bits),
                ) as f64);
            }
        }
        moments.check(
            &format!("fresh bodies of plan {plan}"),
            input_variance(layout),
        );
    }
}

#[test]
fn a_single_row() {
    let model = Model::new(30, 1, &mut ChaCha20Rng::from_seed([2; 32]));
    let program = Program::prepare(&model.circuit, &Options::default()).unwrap();
    check_outputs("single row, 30 x 1", &model, &program, 0, 12);
}

#[test]
fn a_batch() {
    let model = Model::new(100, 1, &mut ChaCha20Rng::from_seed([3; 32]));
    let options = Options {
        rows: 8,
        ..Options::default()
    };
    let program = Program::prepare(&model.circuit, &options).unwrap();
    assert_eq!(program.layouts().nth(1).unwrap().layout().max_rows, 8);
    check_outputs("batch of 8, 100 x 1", &model, &program, 1, 13);
}

/// Groups of unequal size in two blocks.
fn grouped(response_bits: u8) -> LinearLayout {
    let secure = tenebra_client::ValidGlwe::secure(6, 256).unwrap();
    LinearLayout {
        glwe: secure.params(),
        plaintext_bits: 20,
        body_bits: 37,
        response_bits,
        features: 16,
        outputs: 5,
        group: 3,
        blocks: 2,
        max_rows: 1,
    }
}

#[test]
fn groups_and_blocks_where_switching_the_modulus_counts_most() {
    let model = Model::new(16, 5, &mut ChaCha20Rng::from_seed([4; 32]));
    check_outputs(
        "groups of 3, 16 x 5, 27 bits",
        &model,
        &model.program(grouped(27)),
        0,
        14,
    );
}

#[test]
fn groups_and_blocks_where_fresh_noise_counts_alone() {
    let model = Model::new(16, 5, &mut ChaCha20Rng::from_seed([5; 32]));
    check_outputs(
        "groups of 3, 16 x 5, 64 bits",
        &model,
        &model.program(grouped(64)),
        0,
        15,
    );
}
