//! Networks end to end with real parameters: what is decrypted is what is simulated, and its noise is what is predicted.

use core::convert::Infallible;
use core::sync::atomic::AtomicBool;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{
    CircuitBuilder, Interval, Matrix, Options, QueryMode, Table, ValueId, Verified, verify,
};
use tenebra_client::SecretKey;
use tenebra_client::branching::Digits;
use tenebra_client::packing::SwitchGadget;

use super::*;
use crate::branching::goal::Goal;
use crate::branching::kernel::FourierGgsw;
use crate::error::PlanError;
use crate::measure::KeyBits as SecretBits;
use crate::network::form::network_form;
use crate::network::plan::{check, plan};

/// A random network: layers of neurons with `weights` weights in ±1..=3, and an affine output.
struct Shape<'a> {
    input_bits: u32,
    widths: &'a [usize],
    weights: usize,
    activation_bits: u32,
    output_weight: i64,
    /// Most values of a sum.
    values: u64,
}

fn below(rng: &mut ChaCha20Rng, n: u64) -> u64 {
    rng.next_u64() % n
}

/// Weights of a neuron whose sum has few enough values.
fn weights(shape: &Shape<'_>, inputs: usize, most: u64, rng: &mut ChaCha20Rng) -> Vec<i64> {
    loop {
        let mut weights = vec![0i64; inputs];
        for _ in 0..shape.weights.min(inputs) {
            let at = usize::try_from(below(rng, inputs as u64)).unwrap();
            let weight = 1 + below(rng, 3).cast_signed();
            weights[at] = if rng.next_u64() & 1 == 0 {
                weight
            } else {
                -weight
            };
        }
        let norm: u64 = weights.iter().map(|w| w.unsigned_abs()).sum();
        if norm * most < shape.values && norm > 0 {
            return weights;
        }
    }
}

/// Steps at random places around the middle of a sum.
fn steps(weights: &[i64], most: i64, levels: i64, rng: &mut ChaCha20Rng) -> Table {
    let least: i64 = weights.iter().map(|w| w.min(&0) * most).sum();
    let largest: i64 = weights.iter().map(|w| w.max(&0) * most).sum();
    let (middle, spread) = (i64::midpoint(least, largest), (largest - least) / 8 + 1);
    let cuts: Vec<i64> = (1..levels)
        .map(|_| middle - spread + below(rng, 2 * spread.unsigned_abs()).cast_signed())
        .collect();
    let value = |z: i64| cuts.iter().filter(|cut| z >= **cut).count() as i64;
    Table {
        min: least,
        values: (least..=largest).map(value).collect(),
    }
}

fn network(shape: &Shape<'_>, rng: &mut ChaCha20Rng) -> Verified {
    let mut b = CircuitBuilder::new();
    let mut most = (1i64 << shape.input_bits) - 1;
    let [inputs, hidden @ .., outputs] = shape.widths else {
        panic!("a network has inputs and outputs");
    };
    let mut value: ValueId = b.input("x", vec![Interval::new(-1, most - 1); *inputs]);
    let (mut width, mut offset) = (*inputs, -1);
    for neurons in hidden {
        let rows: Vec<Vec<i64>> = (0..*neurons)
            .map(|_| weights(shape, width, most.unsigned_abs(), rng))
            .collect();
        let tables: Vec<Table> = rows
            .iter()
            .map(|row| steps(row, most, 1 << shape.activation_bits, rng))
            .collect();
        // Inputs count from −1: the bias makes up for it.
        let bias = rows.iter().map(|row| -offset * row.iter().sum::<i64>());
        let bias = bias.collect();
        let z = b.linear(value, Matrix::dense(*neurons, width, rows.concat()), bias);
        value = b.lookup(z, tables);
        (width, offset, most) = (*neurons, 0, (1 << shape.activation_bits) - 1);
    }
    let span = 2 * shape.output_weight.unsigned_abs() + 1;
    let rows = (0..outputs * width).map(|_| below(rng, span).cast_signed() - shape.output_weight);
    let rows = rows.collect();
    let bias = (0..*outputs).map(|i| i as i64 * 11 - 7).collect();
    let y = b.linear(value, Matrix::dense(*outputs, width, rows), bias);
    b.output("y", y);
    verify(&b.finish()).unwrap()
}

/// A data owner and its server.
struct Parties {
    rng: ChaCha20Rng,
    key: SecretKey,
    unpacking: Option<UnpackingKey>,
    evaluator: NetworkEvaluator,
}

impl Parties {
    fn new(plan: &NetworkPlan, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let layout = &plan.layout;
        let key = SecretKey::generate(layout.glwe(), &mut rng);
        let unpacking = layout.switch_keys().map(|keys| {
            let mut section = Vec::new();
            let mut scratch = vec![0; keys.scratch_len()];
            let push = |bytes: &[u8]| {
                section.extend_from_slice(bytes);
                Ok::<_, Infallible>(())
            };
            let Ok(()) = keys.write(&key, &mut rng, &mut scratch, push);
            UnpackingKey::prepare(&keys, &section).unwrap()
        });
        let evaluator = NetworkEvaluator::new(plan);
        Self {
            rng,
            key,
            unpacking,
            evaluator,
        }
    }

    fn codes(&mut self, circuit: &Verified) -> Vec<i64> {
        let ranges = circuit.input_ranges().into_iter();
        let code = |range: Interval| {
            range.min + below(&mut self.rng, range.max.abs_diff(range.min) + 1).cast_signed()
        };
        ranges.map(code).collect()
    }

    fn query(&mut self, plan: &NetworkPlan, circuit: &Verified, codes: &[i64]) -> Vec<u8> {
        let ranges = circuit.input_ranges();
        let bits = codes.iter().zip(&ranges).flat_map(|(code, range)| {
            (0..range.bits()).map(move |bit| (code - range.min) >> bit & 1 == 1)
        });
        let bits: Vec<bool> = bits.collect();
        let mut scratch = vec![0; plan.layout.scratch_len()];
        let mut payload = vec![0; plan.layout.query_len()];
        plan.layout
            .encrypt(
                &self.key,
                bits.into_iter(),
                &mut self.rng,
                &mut scratch,
                &mut payload,
            )
            .unwrap();
        payload
    }

    fn result(&self, plan: &NetworkPlan, query: &[u8]) -> Glwe {
        let stop = AtomicBool::new(false);
        let unpacking = self.unpacking.as_ref();
        self.evaluator
            .result(plan, unpacking, query, 1, &stop)
            .unwrap()
    }

    fn outputs(&self, plan: &NetworkPlan, query: &[u8], result: &mut Glwe) -> Vec<i64> {
        let response = respond(&plan.layout, query, result);
        let mut sums = vec![0; plan.digits.coefficients];
        plan.layout
            .decrypt(&self.key, &response, 0, &mut sums)
            .unwrap();
        let outputs = plan.digits.outputs.iter().map(|output| {
            Digits::from(output).value(plan.digits.radix, &sums[output.first..][..output.count])
        });
        outputs.collect()
    }

    /// Memory that one evaluation after the other works in.
    fn kept_bytes(&self) -> usize {
        let workspaces = lock(&self.evaluator.workspaces);
        let of = |workspace: &Workspace<CpuKernel>| {
            let pairs = workspace.pairs.iter().map(|glwe| 8 * glwe.len());
            let bits = workspace.bits.iter().map(FourierGgsw::bytes);
            pairs.sum::<usize>() + bits.sum::<usize>()
        };
        workspaces.iter().map(of).sum()
    }

    /// Errors of the digit sums of a result, in units of `1/q`.
    fn errors(&self, plan: &NetworkPlan, query: &[u8], result: &Glwe) -> Vec<f64> {
        let size = plan.layout.glwe().polynomial_size();
        let scale = 64 - u32::from(plan.layout.layout().branching.plaintext_bits);
        let key = plan.layout.branching().key_of(&self.key, query);
        let bits = SecretBits::of(&key.unwrap());
        let (masks, body) = result.split_at(plan.layout.glwe().dimension());
        let stride = usize::from(plan.layout.layout().stride);
        let positions = (0..plan.digits.coefficients).map(|digit| digit * stride);
        let phases = positions.map(|at| body[at].wrapping_sub(bits.product_at(masks, size, at)));
        let half = 1u64 << (scale - 1);
        phases
            .map(|phase| (phase.wrapping_add(half) & ((1 << scale) - 1)) as f64 - half as f64)
            .collect()
    }
}

fn options(query: QueryMode) -> Options {
    Options {
        query,
        ..Options::default()
    }
}

const GOAL: Goal = Goal {
    p_fail_log2: -128.0,
    variance_factor: 1.0,
};

/// Plans, evaluates and decrypts `rows` rows with each of `keys` keys; the σ that was measured, as a part of the predicted.
fn run(name: &str, circuit: &Verified, query: QueryMode, keys: u64, rows: usize) -> f64 {
    let form = network_form(circuit).unwrap();
    let start = Instant::now();
    let plan = plan(&form, &options(query), GOAL).unwrap();
    let planned = start.elapsed();
    let (mut squares, mut count) = (0.0, 0.0);
    let mut fastest = f64::INFINITY;
    for seed in 0..keys {
        let mut parties = Parties::new(&plan, seed);
        for _ in 0..rows {
            let codes = parties.codes(circuit);
            let query = parties.query(&plan, circuit, &codes);
            let start = Instant::now();
            let mut result = parties.result(&plan, &query);
            fastest = fastest.min(start.elapsed().as_secs_f64() * 1e3);
            let errors = parties.errors(&plan, &query, &result);
            squares += errors.iter().map(|error| error * error).sum::<f64>();
            count += errors.len() as f64;
            let expected = tenebra_sim::run(circuit, &codes).unwrap();
            assert_eq!(
                parties.outputs(&plan, &query, &mut result),
                expected,
                "{name}: {codes:?}"
            );
        }
    }
    let variance = plan.noise.result.variance();
    let ratio = (squares / count / variance).sqrt();
    let layout = plan.layout.layout();
    let plain = &layout.branching;
    let work = super::super::cost::Work::of(&plan.layers, &plan.bits, plan.exact);
    println!(
        "{name} {query:?}: N={} ({}, {}), made {:?}, packed {} p={} stride {}, query {} B, key {} B, p_fail 2^{:.1}, σ 2^{:.2} predicted, {ratio:.2} of it \
         measured; {fastest:.1} ms, {:.1} predicted; planned in {planned:.1?}",
        plain.glwe.polynomial_size,
        plain.base_log,
        plain.level_count,
        plan.gadgets,
        layout.packed_bits,
        plain.plaintext_bits,
        layout.stride,
        plan.layout.query_len(),
        plan.layout.switch_keys().map_or(0, |keys| keys.len()),
        plan.p_fail_log2,
        variance.log2() / 2.0 - 64.0,
        work.evaluate_us(layout, &plan.gadgets) / 1e3,
    );
    ratio
}

/// 10 digit sums of 8 rows and 2 keys are 160 draws: a standard error of σ of 6 %, and of what rows have in common. The formula
/// counts the transform with the most noise, and the most products.
#[test]
fn one_hidden_layer() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let shape = Shape {
        input_bits: 2,
        widths: &[64, 32, 10],
        weights: 30,
        activation_bits: 2,
        output_weight: 7,
        values: 200,
    };
    let circuit = network(&shape, &mut rng);
    for query in [QueryMode::Direct, QueryMode::Packed] {
        let ratio = run("64-32-10", &circuit, query, 2, 8);
        assert!((0.3..1.25).contains(&ratio), "{query:?}: {ratio}");
    }
}

#[test]
fn two_hidden_layers() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let shape = Shape {
        input_bits: 2,
        widths: &[30, 32, 16, 2],
        weights: 24,
        activation_bits: 2,
        output_weight: 7,
        values: 200,
    };
    let circuit = network(&shape, &mut rng);
    for query in [QueryMode::Direct, QueryMode::Packed] {
        let ratio = run("30-32-16-2", &circuit, query, 3, 6);
        assert!((0.3..1.4).contains(&ratio), "{query:?}: {ratio}");
    }
}

/// As a convolution and a layer behind it: as many bits in a digit sum as finer gadgets leave room for behind a packed query.
#[test]
fn two_hidden_layers_of_wide_outputs() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let shape = Shape {
        input_bits: 2,
        widths: &[32, 32, 32, 10],
        weights: 20,
        activation_bits: 2,
        output_weight: 60,
        values: 200,
    };
    let circuit = network(&shape, &mut rng);
    let ratio = run("32-32-32-10", &circuit, QueryMode::Packed, 1, 2);
    assert!((0.2..1.4).contains(&ratio), "{ratio}");
}

#[test]
fn three_hidden_layers() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let shape = Shape {
        input_bits: 2,
        widths: &[64, 32, 16, 16, 10],
        weights: 16,
        activation_bits: 1,
        output_weight: 3,
        values: 200,
    };
    let circuit = network(&shape, &mut rng);
    let ratio = run("64-32-16-16-10", &circuit, QueryMode::Direct, 1, 3);
    assert!((0.2..1.4).contains(&ratio), "{ratio}");
}

/// A network of six small weights a neuron.
pub(crate) fn small(widths: &[usize], activation_bits: u32, seed: u64) -> Verified {
    let shape = Shape {
        input_bits: 2,
        widths,
        weights: 6,
        activation_bits,
        output_weight: 3,
        values: 60,
    };
    network(&shape, &mut ChaCha20Rng::seed_from_u64(seed))
}

/// A server counts what an evaluation works in; rows in two limbs take twice the memory.
#[test]
fn evaluations_work_in_the_memory_that_is_counted() {
    for widths in [&[12, 6, 2][..], &[12, 6, 9, 2]] {
        let circuit = small(widths, 1, 7);
        let form = network_form(&circuit).unwrap();
        for query in [QueryMode::Direct, QueryMode::Packed] {
            let mut planned = plan(&form, &options(query), GOAL).unwrap();
            for exact in [false, true] {
                planned.exact = exact && planned.layout.glwe().glwe_dimension() == 1;
                let mut parties = Parties::new(&planned, 1);
                let codes = parties.codes(&circuit);
                for _ in 0..2 {
                    let query = parties.query(&planned, &circuit, &codes);
                    let mut result = parties.result(&planned, &query);
                    let expected = tenebra_sim::run(&circuit, &codes).unwrap();
                    assert_eq!(parties.outputs(&planned, &query, &mut result), expected);
                }
                let kept = parties.kept_bytes() as u64;
                assert_eq!(planned.working_bytes(), kept, "{query:?}, exact: {exact}");
            }
        }
    }
}

#[test]
fn networks_that_are_too_deep_are_refused() {
    let mut b = CircuitBuilder::new();
    let mut value = b.input("x", vec![Interval::new(0, 1); 4]);
    for _ in 0..4 {
        // How many of four are set: at least 1, 2, 3, 4?
        let z = b.linear(value, Matrix::dense(4, 4, vec![1; 16]), vec![0; 4]);
        let table = |least: i64| Table {
            min: 0,
            values: (0..=4).map(|z| i64::from(z >= least)).collect(),
        };
        value = b.lookup(z, (1..=4).map(table).collect());
    }
    let y = b.linear(value, Matrix::dense(1, 4, vec![1; 4]), vec![0]);
    b.output("y", y);
    let circuit = verify(&b.finish()).unwrap();
    let form = network_form(&circuit).unwrap();
    let refused = plan(&form, &options(QueryMode::Auto), GOAL).unwrap_err();
    // Any of the first three layers: four neurons of one bit, at 81 ms each.
    let expected = PlanError::TooDeep {
        hidden_layers: 4,
        max: 3,
        layers: vec![1],
        refreshed_bits: 4,
        bootstrap_ms: 324,
        key_megabytes: 144,
    };
    assert_eq!(refused, expected);
}

/// A sum of outputs that is too wide for what two hidden layers leave is refused with the bits that fit.
#[test]
fn outputs_that_are_too_wide_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let shape = Shape {
        input_bits: 2,
        widths: &[16, 16, 16, 50],
        weights: 12,
        activation_bits: 2,
        output_weight: 100_000,
        values: 200,
    };
    let circuit = network(&shape, &mut rng);
    let form = network_form(&circuit).unwrap();
    let refused = plan(&form, &options(QueryMode::Auto), GOAL).unwrap_err();
    let PlanError::NetworkTooWide {
        needed_bits,
        fitting_bits,
        hidden_layers: 2,
        narrower,
        ..
    } = refused
    else {
        panic!("{refused}");
    };
    assert!((1..needed_bits).contains(&fitting_bits), "{refused}");
    // 50 outputs of several digits: less than 4096 / 50 values a sum.
    let sums = narrower.unwrap();
    assert!(sums.digit_bits <= fitting_bits, "{refused}");
    assert!(sums.values < (4096 / 50).min(sums.widest), "{refused}");
}

/// What a search refuses because it hangs on the square of the key, the server refuses in a spec: plans with much room, whose scheme
/// switch is made coarser bit by bit. Behind two hidden layers, most of that noise comes with the bits that are made.
#[test]
fn specs_that_leave_much_to_the_square_of_the_key_are_refused() {
    let shapes = [
        (&[12, 6, 2][..], QueryMode::Packed),
        (&[12, 6, 4, 2][..], QueryMode::Direct),
    ];
    for (widths, query) in shapes {
        let circuit = small(widths, 1, 6);
        let form = network_form(&circuit).unwrap();
        let goal = Goal {
            p_fail_log2: -600.0,
            ..GOAL
        };
        let planned = plan(&form, &options(query), goal).unwrap();
        assert!(!planned.noise.hangs_on_the_key(-600.0), "{query:?}");
        let (radix, mut layout) = (planned.digits.radix, *planned.layout.layout());
        layout.branching.response_bits = 60;
        let mut answers = Vec::new();
        for level_count in (10..48).rev() {
            let mut coarse = layout;
            coarse.keys.as_mut().unwrap().scheme_switch = SwitchGadget {
                base_log: 1,
                level_count,
            };
            let coarse = coarse.validate().unwrap();
            let accepted = check(&form, coarse, radix, -100.0);
            answers.push((level_count, accepted.map(|plan| plan.noise.square_share())));
        }
        let refused = answers
            .iter()
            .position(|(_, answer)| answer.is_err())
            .unwrap();
        // 26/100 of the variance; a bit less quadruples what meets the square.
        let shares = answers[..refused]
            .iter()
            .map(|(_, answer)| answer.as_ref().unwrap());
        let largest = shares.copied().fold(0.0, f64::max);
        assert!((0.05..0.26).contains(&largest), "{query:?}: {answers:?}");
        assert!(
            answers[refused..].iter().all(|(_, answer)| answer.is_err()),
            "{answers:?}"
        );
    }
}
