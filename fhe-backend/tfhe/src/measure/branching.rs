//! Measuring branching programs: every coefficient of the result, before the modulus is switched, is a multiple of the scale but
//! for its error.

use core::sync::atomic::AtomicBool;

use rand_core::CryptoRng;
use tenebra_client::{Client, ClientError, Frame, Kind, to_frame};

use super::statistics::{Errors, Measurement, Predicted};
use super::{KeyBits, Measure, MeasureError, codes};
use crate::branching::plan::BranchingPlan;
use crate::branching::variance::{result_noise, switch_noise};
use crate::error::EvaluateError;
use crate::program::{BranchingProgram, EvaluationKey, Program};

/// Keys that share the queries.
const KEYS: usize = 2;

pub(super) fn measure<R: CryptoRng>(
    program: &Program,
    spec: &[u8],
    branching: &BranchingProgram,
    measure: &mut Measure<'_, R>,
) -> Result<Measurement, MeasureError> {
    let plan = &branching.plan;
    let milliseconds = program.report()[0].predicted_evaluate_ms;
    let queries = measure.queries.unwrap_or(match milliseconds {
        ..20.0 => 48,
        20.0..60.0 => 24,
        _ => 12,
    });
    let noise = result_noise(&plan.layout, &plan.diagram.noise);
    let mut errors = Errors::new(Predicted {
        noise,
        added: switch_noise(&plan.layout),
        half_step: f64::from(63 - plan.layout.layout().plaintext_bits).exp2(),
        outputs: plan.layout.layout().coefficients as usize,
    });
    let mut keys: Option<(Client, KeyBits, Option<EvaluationKey>)> = None;
    for index in 0..queries {
        if index % queries.div_ceil(KEYS) == 0 {
            keys = Some(keys_of(program, spec, measure.rng)?);
        }
        let Some((client, bits, evaluation_key)) = &keys else {
            break;
        };
        let codes = codes(program, index, measure.rng);
        let expected = (measure.expected)(&codes).ok_or(MeasureError::Expected)?;
        let (id, tag) = (client.key().spec_id(), client.key().tag());
        let query = client
            .spec()
            .encrypt_codes(client.key(), &codes, measure.rng)?;
        let query = Frame::parse_for(&query, Kind::Query, id).map_err(EvaluateError::from)?;
        let never = AtomicBool::new(false);
        let mut sum = branching.result(evaluation_key.as_ref(), query.payload, 1, &never)?;
        let of_query = phase_errors(plan, bits, &sum);
        let response = to_frame(Kind::Response, id, tag, &branching.respond(&mut sum));
        // Integers out of range are wrong like others.
        let outputs = client.decrypt(&response);
        let right = outputs.is_ok_and(|rows| rows.concat() == expected);
        errors.add(of_query.into_iter(), right);
        (measure.progress)(index + 1, queries);
    }
    Ok(errors.measurement())
}

fn keys_of(
    program: &Program,
    spec: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(Client, KeyBits, Option<EvaluationKey>), MeasureError> {
    let client = Client::generate(spec, rng).map_err(ClientError::from)?;
    let bits = KeyBits::of_plan(&client, 0)?;
    let key = client.evaluation_key(rng)?;
    let id = client.key().spec_id();
    let key = key.map(|file| program.prepare_key(id, &file)).transpose()?;
    Ok((client, bits, key))
}

/// How far the phase of each coefficient is from a multiple of the scale.
fn phase_errors(plan: &BranchingPlan, key: &KeyBits, sum: &[u64]) -> Vec<i64> {
    let size = plan.layout.glwe().polynomial_size();
    let scale = 64 - u32::from(plan.layout.layout().plaintext_bits);
    let (masks, body) = sum.split_at(sum.len() - size);
    let error = |(position, body): (usize, &u64)| {
        let phase = body.wrapping_sub(key.product_at(masks, size, position));
        (phase << (64 - scale)).cast_signed() >> (64 - scale)
    };
    body.iter().enumerate().map(error).collect()
}
