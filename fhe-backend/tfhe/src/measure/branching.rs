//! Measuring programs on encrypted bits: every coefficient of the result, before the modulus is switched, is a multiple of the scale but
//! for its error.

use core::sync::atomic::AtomicBool;

use rand_core::CryptoRng;
use tenebra_client::branching::BranchingLayout;
use tenebra_client::{Client, ClientError, Frame, Kind, SecretKey, ValidGlwe, to_frame};

use super::statistics::{Errors, Measurement, Predicted};
use super::{KeyBits, Measure, MeasureError, codes};
use crate::branching::evaluate::Glwe;
use crate::branching::variance::{result_noise, switch_noise};
use crate::error::EvaluateError;
use crate::network::program::NetworkProgram;
use crate::noise::MixedNoise;
use crate::program::{BranchingProgram, EvaluationKey, Program};

/// Queries of several rows that are evaluated at least: bounds are from the spread between them.
const FEWEST_QUERIES: usize = 6;
/// Keys that share the queries.
const KEYS: usize = 2;

/// A program whose result is a ciphertext for each row of a query.
pub(super) trait Subject {
    fn glwe(&self) -> ValidGlwe;
    fn layout(&self) -> &BranchingLayout;
    /// Of products, and of the switch of the modulus.
    fn noise(&self) -> (MixedNoise, f64);
    /// Before their modulus is switched.
    fn results(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
    ) -> Result<Vec<Glwe>, EvaluateError>;
    fn respond(&self, query: &[u8], results: &mut [Glwe]) -> Vec<u8>;
    /// The key of a row of the query or response that begins so.
    fn key_of(&self, key: &SecretKey, prefix: &[u8], row: usize) -> Option<SecretKey>;
}

impl Subject for BranchingProgram {
    fn glwe(&self) -> ValidGlwe {
        self.plan.layout.glwe()
    }

    fn layout(&self) -> &BranchingLayout {
        self.plan.layout.layout()
    }

    fn noise(&self) -> (MixedNoise, f64) {
        let layout = &self.plan.layout;
        let products = result_noise(layout, &self.plan.diagram.noise);
        (products, switch_noise(layout))
    }

    fn results(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
    ) -> Result<Vec<Glwe>, EvaluateError> {
        self.results(key, query, 1, &AtomicBool::new(false))
    }

    fn respond(&self, query: &[u8], results: &mut [Glwe]) -> Vec<u8> {
        self.respond(query, results)
    }

    fn key_of(&self, key: &SecretKey, prefix: &[u8], row: usize) -> Option<SecretKey> {
        self.plan.layout.key_of_row(key, prefix, row)
    }
}

impl Subject for NetworkProgram {
    fn glwe(&self) -> ValidGlwe {
        self.plan.layout.glwe()
    }

    fn layout(&self) -> &BranchingLayout {
        &self.plan.layout.layout().branching
    }

    fn noise(&self) -> (MixedNoise, f64) {
        let switch = switch_noise(self.plan.layout.branching());
        (self.plan.noise.result, switch)
    }

    fn results(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
    ) -> Result<Vec<Glwe>, EvaluateError> {
        let key = key.and_then(EvaluationKey::unpacking);
        let result = self.result(key, query, 1, &AtomicBool::new(false))?;
        Ok(vec![result])
    }

    fn respond(&self, query: &[u8], results: &mut [Glwe]) -> Vec<u8> {
        self.respond(query, &mut results[0])
    }

    fn key_of(&self, key: &SecretKey, prefix: &[u8], row: usize) -> Option<SecretKey> {
        self.plan.layout.branching().key_of_row(key, prefix, row)
    }
}

pub(super) fn measure<R: CryptoRng>(
    program: &Program,
    spec: &[u8],
    subject: &impl Subject,
    measure: &mut Measure<'_, R>,
) -> Result<Measurement, MeasureError> {
    let (noise, added) = subject.noise();
    let layout = subject.layout();
    let of_query = usize::from(layout.max_rows);
    let rows = match program.report()[0].predicted_evaluate_ms {
        ..20.0 => 48,
        20.0..60.0 => 24,
        _ => 12usize,
    };
    let few = rows.div_ceil(of_query).max(FEWEST_QUERIES);
    let queries = measure.queries.unwrap_or(few);
    let mut errors = Errors::new(Predicted {
        noise,
        added,
        half_step: f64::from(63 - layout.plaintext_bits).exp2(),
        outputs: layout.coefficients as usize * of_query,
    });
    let mut keys: Option<(Client, Option<EvaluationKey>)> = None;
    for index in 0..queries {
        if index % queries.div_ceil(KEYS) == 0 {
            keys = Some(keys_of(program, spec, measure.rng)?);
        }
        let Some((client, evaluation_key)) = &keys else {
            break;
        };
        let (mut rows, mut expected) = (Vec::new(), Vec::new());
        for row in 0..of_query {
            let codes = codes(program, index * of_query + row, measure.rng);
            expected.extend((measure.expected)(&codes).ok_or(MeasureError::Expected)?);
            rows.extend(codes);
        }
        let (id, tag) = (client.key().spec_id(), client.key().tag());
        let query = client
            .spec()
            .encrypt_codes(client.key(), &rows, measure.rng)?;
        let query = Frame::parse_for(&query, Kind::Query, id).map_err(EvaluateError::from)?;
        let evaluate = || subject.results(evaluation_key.as_ref(), query.payload);
        let mut sums = errors.timed(evaluate)?;
        let key = client.key().plan_key(0).ok_or(ClientError::KeyLength)?;
        let mut phases = Vec::new();
        for (row, sum) in sums.iter().enumerate() {
            let key = subject.key_of(key, query.payload, row);
            let key = KeyBits::of(&key.ok_or(ClientError::KeyLength)?);
            phases.extend(phase_errors(subject, &key, sum));
        }
        let response = subject.respond(query.payload, &mut sums);
        let response = to_frame(Kind::Response, id, tag, &response);
        // Integers out of range are wrong like others.
        let outputs = client.decrypt(&response);
        let right = outputs.is_ok_and(|rows| rows.concat() == expected);
        errors.add(phases.into_iter(), right);
        (measure.progress)(index + 1, queries);
    }
    Ok(errors.measurement())
}

fn keys_of(
    program: &Program,
    spec: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(Client, Option<EvaluationKey>), MeasureError> {
    let client = Client::generate(spec, rng).map_err(ClientError::from)?;
    let key = client.evaluation_key(rng)?;
    let id = client.key().spec_id();
    let key = key.map(|file| program.prepare_key(id, &file)).transpose()?;
    Ok((client, key))
}

/// How far the phase of each coefficient is from a multiple of the scale.
fn phase_errors(subject: &impl Subject, key: &KeyBits, sum: &[u64]) -> Vec<i64> {
    let size = subject.glwe().polynomial_size();
    let scale = 64 - u32::from(subject.layout().plaintext_bits);
    let (masks, body) = sum.split_at(sum.len() - size);
    let error = |(position, body): (usize, &u64)| {
        let phase = body.wrapping_sub(key.product_at(masks, size, position));
        (phase << (64 - scale)).cast_signed() >> (64 - scale)
    };
    body.iter().enumerate().map(error).collect()
}
