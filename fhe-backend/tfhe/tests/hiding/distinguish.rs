//! Two models of one spec with equal outputs, and the sharpest eyes that we know: of one who holds the secret key, the masks and
//! errors of every query, and both models.
//!
//! `TENEBRA_RESPONSES=100000 cargo test --release -p tenebra-tfhe --test hiding -- --nocapture` looks at so many responses of
//! each model; `docs/hide-model.md` has the figures.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{Hide, Options};
use tenebra_client::OwnedScheme;
use tenebra_client::bits::BitReader;
use tenebra_client::linear::{LinearLayout, OwnedLinear, ValidLinear};
use tenebra_client::random::MaskStream;
use tenebra_client::{ClientKey, ClientSpec, Frame, Kind};
use tenebra_tfhe::{EvaluationKey, Program};

use crate::parties::{circuit, keys, plan, spec};

/// On rows of equal pairs, both answer 50 times the last code.
const MODELS: [[i64; 5]; 2] = [[100, -100, 37, -37, 50], [-100, 100, -37, 37, 50]];
const FEATURES: usize = 5;

/// A response, seen by one who knows everything but the model and the server's randomness.
struct Seen {
    /// High byte of each mask, less what the first model makes of the query's masks.
    residues: Vec<u8>,
    /// Error of the phase.
    error: f64,
    /// How much larger it would be of the first model than of the second, but for what hides it.
    difference: f64,
}

struct Client<'a> {
    spec: &'a ClientSpec<'a>,
    layout: ValidLinear,
    key: ClientKey,
    public: Option<EvaluationKey>,
    bits: Vec<u64>,
    rng: ChaCha20Rng,
}

impl<'a> Client<'a> {
    fn new(program: &Program, spec: &'a ClientSpec<'a>, seed: u8) -> Self {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let (key, public) = keys(program, spec, &mut rng);
        let file = key.to_secret_file(spec);
        let secret = &Frame::parse(&file, Kind::SecretKey).unwrap().payload[1..];
        let layout = *spec.scheme().linear().unwrap().plans().next().unwrap();
        let bit = |at: usize| u64::from(secret[at / 8] >> (at % 8) & 1);
        Self {
            spec,
            layout,
            key,
            public,
            bits: (0..layout.glwe().dimension()).map(bit).collect(),
            rng,
        }
    }

    /// Coefficient `at` of `Σ_j A_j·S_j`.
    fn product_at(&self, masks: &[u64], at: usize) -> u64 {
        let size = self.layout.glwe().polynomial_size();
        let polynomials = masks.chunks(size).zip(self.bits.chunks(size));
        let mut sum = 0u64;
        for (mask, bits) in polynomials {
            for (i, bit) in bits.iter().enumerate() {
                let term = coefficient(mask, at, i).wrapping_mul(*bit);
                sum = sum.wrapping_add(term);
            }
        }
        sum
    }

    /// Asks a server for the result of a random row.
    fn ask(&mut self, server: &Program) -> Seen {
        let mut code = || i64::from(self.rng.next_u32() % 256);
        let (a, b, c) = (code(), code(), code());
        let codes = [a, a, b, b, c];
        let rng = &mut self.rng;
        let query = self.spec.encrypt_codes(&self.key, &codes, rng).unwrap();
        let response = server
            .evaluate(self.spec.id(), self.public.as_ref(), &query)
            .unwrap();
        let decrypted = self.spec.decrypt_rows(&self.key, &response).unwrap();
        assert_eq!(decrypted, [[50 * c]]);
        let query = Frame::parse(&query, Kind::Query).unwrap().payload;
        let response = Frame::parse(&response, Kind::Response).unwrap().payload;
        self.look(&codes, query, response)
    }

    fn look(&self, codes: &[i64], query: &[u8], response: &[u8]) -> Seen {
        let (layout, plain) = (&self.layout, self.layout.layout());
        let scale = 64 - plain.plaintext_bits;
        let (_, seed, bodies) = layout.read_query(query).unwrap();
        let size = layout.glwe().polynomial_size();
        let mut masks = vec![0u64; layout.glwe().dimension()];
        MaskStream::new(seed).fill(&mut masks);
        // One output: F = 5, and input f at coefficient f.
        let mut reader = BitReader::new(bodies);
        let errors: Vec<f64> = (0..FEATURES)
            .map(|at| {
                let width = u32::from(plain.body_bits);
                let body = reader.read(width) << (64 - width);
                let message = codes[at].cast_unsigned() << scale;
                let phase = body.wrapping_sub(self.product_at(&masks, at));
                phase.wrapping_sub(message).cast_signed() as f64
            })
            .collect();
        let weights = MODELS[0].iter().zip(&MODELS[1]);
        let differences = weights.zip(&errors);
        let difference = differences.map(|((w, v), e)| (w - v) as f64 * e).sum();

        let width = u32::from(plain.response_bits);
        let mut reader = BitReader::new(&response[3..]);
        let answer: Vec<u64> = (0..masks.len())
            .map(|_| reader.read(width) << (64 - width))
            .collect();
        let body = reader.read(width) << (64 - width);
        let residue = |(at, value): (usize, &u64)| {
            let mask = &masks[at / size * size..][..size];
            let mut own = 0u64;
            for (feature, weight) in MODELS[0].iter().enumerate() {
                let exponent = layout.weight_exponent(0, feature);
                let term = coefficient(mask, at % size, exponent);
                own = own.wrapping_add(term.wrapping_mul(weight.cast_unsigned()));
            }
            // Centred on what rounding leaves, so that it is one bin.
            let residue = value.wrapping_sub(own).wrapping_add(1 << 55);
            u8::try_from(residue >> 56).unwrap()
        };
        let position = layout.output_position(0, 0);
        let phase = body.wrapping_sub(self.product_at(&answer, position));
        let message = (50 * codes[4]).cast_unsigned() << scale;
        Seen {
            residues: answer.iter().enumerate().map(residue).collect(),
            error: phase.wrapping_sub(message).cast_signed() as f64,
            difference,
        }
    }
}

/// Coefficient `at` of `mask · X^exponent`.
fn coefficient(mask: &[u64], at: usize, exponent: usize) -> u64 {
    if at >= exponent {
        mask[at - exponent]
    } else {
        mask[at + mask.len() - exponent].wrapping_neg()
    }
}

/// What the tests say; each is below its limit for responses that cannot be told apart.
#[derive(Debug)]
struct Verdict {
    /// Largest of the two-sample Kolmogorov-Smirnov statistics of all masks, squared, times the responses of one model. It
    /// exceeds `x` with a probability of `2·e^(−x)`, for each of up to 4096 masks.
    masks: f64,
    /// The same of the errors of phases.
    errors: f64,
    /// Sum of `error·difference` over the first model's responses less that over the second's, in its standard deviations:
    /// the most powerful test for small differences.
    linear: f64,
}

impl Verdict {
    /// Together below 2^-30: `2·4097·e^−31`, and 6.5 standard deviations.
    fn finds_nothing(&self) -> bool {
        self.masks < 31.0 && self.errors < 31.0 && self.linear.abs() < 6.5
    }
}

fn kolmogorov(counts: [&[u32]; 2], responses: usize) -> f64 {
    let (mut sums, mut largest) = ([0i64; 2], 0i64);
    for (a, b) in counts[0].iter().zip(counts[1]) {
        sums = [sums[0] + i64::from(*a), sums[1] + i64::from(*b)];
        largest = largest.max((sums[0] - sums[1]).abs());
    }
    let distance = largest as f64 / responses as f64;
    distance * distance * responses as f64
}

/// Asks both servers `responses` times, in turn.
fn compare(servers: &[Program; 2], spec: &ClientSpec<'_>, seed: u8, responses: usize) -> Verdict {
    let mut client = Client::new(&servers[0], spec, seed);
    let size = client.layout.glwe().dimension();
    let mut counts = [0, 1].map(|_| vec![0u32; size * 256]);
    let mut errors: [Vec<f64>; 2] = [vec![], vec![]];
    let (mut linear, mut squares) = (0.0, 0.0);
    for _ in 0..responses {
        for (model, sign) in [(0, 1.0), (1, -1.0)] {
            let seen = client.ask(&servers[model]);
            for (at, residue) in seen.residues.iter().enumerate() {
                counts[model][at * 256 + usize::from(*residue)] += 1;
            }
            let product = seen.error * seen.difference;
            linear += sign * product;
            squares += product * product;
            errors[model].push(seen.error);
        }
    }
    let masks = counts[0].chunks(256).zip(counts[1].chunks(256));
    let masks = masks.map(|(a, b)| kolmogorov([a, b], responses));
    Verdict {
        masks: masks.fold(0.0, f64::max),
        errors: kolmogorov_of(&mut errors),
        linear: linear / f64::sqrt(squares),
    }
}

/// Of real numbers, without bins.
fn kolmogorov_of(samples: &mut [Vec<f64>; 2]) -> f64 {
    let mut all: Vec<(f64, usize)> = Vec::new();
    for (model, errors) in samples.iter().enumerate() {
        all.extend(errors.iter().map(|error| (*error, model)));
    }
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut values: Vec<f64> = all.iter().map(|(error, _)| *error).collect();
    values.dedup();
    let mut counts = [0, 1].map(|_| vec![0u32; values.len()]);
    let mut at = 0;
    for (error, model) in all {
        at += usize::from(values[at].total_cmp(&error).is_ne());
        counts[model][at] += 1;
    }
    kolmogorov([&counts[0], &counts[1]], samples[0].len())
}

/// Both models planned like this, with responses of so many bits; they have one spec.
fn servers(hide: Option<Hide>, response_bits: Option<u8>) -> ([Program; 2], Vec<u8>) {
    let circuits = MODELS.map(|weights| circuit(&[weights.to_vec()], &[0]));
    let options = Options {
        hide,
        ..Options::default()
    };
    let files = circuits.each_ref().map(|circuit| {
        let (program, _) = plan(circuit, &options);
        let widen = |layouts: Vec<LinearLayout>| -> Vec<LinearLayout> {
            let widened = layouts.into_iter().map(|layout| LinearLayout {
                response_bits: response_bits.unwrap_or(layout.response_bits),
                ..layout
            });
            widened.collect()
        };
        let scheme = match program.spec_scheme() {
            OwnedScheme::Linear(scheme) => OwnedScheme::Linear(OwnedLinear {
                plans: widen(scheme.plans),
                ..scheme
            }),
            _ => panic!("linear models have linear plans"),
        };
        spec(circuit, scheme, -128.0)
    });
    assert_eq!(files[0], files[1], "two models of one spec");
    let [file, _] = files;
    let parsed = ClientSpec::parse(&file).unwrap();
    let programs = circuits.map(|circuit| Program::for_spec(&circuit, &parsed).unwrap());
    (programs, file)
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are wanted, with --nocapture"
)]
fn verdict(hide: Option<Hide>, response_bits: Option<u8>, responses: usize) -> Verdict {
    let (servers, file) = servers(hide, response_bits);
    let spec = ClientSpec::parse(&file).unwrap();
    let verdict = compare(&servers, &spec, 41, responses);
    println!("{responses} responses of each model, {hide:?}: {verdict:?}");
    verdict
}

#[test]
fn models_are_told_apart_by_forty_responses_that_do_not_hide_them() {
    let verdict = verdict(None, None, 40);
    assert!(verdict.masks > 31.0, "{verdict:?}");
}

/// The eyes are sharp: noise that promises an advantage of a half from one response hides nothing from thousands, though the
/// masks say nothing.
#[test]
fn models_are_told_apart_where_the_noise_is_made_for_fewer_responses() {
    let hide = Hide {
        responses_log2: 0,
        advantage_bits: 1,
    };
    let verdict = verdict(Some(hide), Some(60), 1500);
    assert!(verdict.masks < 31.0, "{verdict:?}");
    assert!(verdict.linear > 6.5, "{verdict:?}");
}

#[test]
fn hidden_models_are_not_told_apart() {
    let responses = std::env::var("TENEBRA_RESPONSES").ok();
    let responses = responses.map_or(2000, |number| number.parse().unwrap());
    for response_bits in [None, Some(60)] {
        let verdict = verdict(Some(Hide::default()), response_bits, responses);
        assert!(verdict.finds_nothing(), "{verdict:?}");
    }
}
