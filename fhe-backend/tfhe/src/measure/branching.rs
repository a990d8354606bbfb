//! Measuring branching programs: every coefficient of the result, before the modulus is switched, is a multiple of the scale but
//! for its error.

use core::sync::atomic::AtomicBool;

use rand_core::CryptoRng;
use tenebra_client::SecretKey;

use super::statistics::{Errors, Measurement, Predicted};
use super::{KeyBits, Measure, MeasureError, codes};
use crate::backend::{BackendError, encrypt_bits, evaluation_key};
use crate::branching::plan::BranchingPlan;
use crate::branching::variance::{result_noise, switch_noise};
use crate::program::{BranchingProgram, EvaluationKey, Program};

/// Keys that share the queries.
const KEYS: usize = 2;

pub(super) fn measure<R: CryptoRng>(
    program: &Program,
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
        plaintext_bits: u32::from(plan.layout.layout().plaintext_bits),
        outputs: plan.layout.layout().coefficients as usize,
    });
    let mut keys: Option<(SecretKey, KeyBits, Option<EvaluationKey>)> = None;
    for index in 0..queries {
        if index % queries.div_ceil(KEYS) == 0 {
            let key = SecretKey::generate(plan.layout.glwe(), measure.rng);
            let evaluation_key = evaluation_key(program, &key, measure.rng)?;
            keys = Some((KeyBits::of(&key), evaluation_key)).map(|(bits, ek)| (key, bits, ek));
        }
        let Some((key, bits, evaluation_key)) = &keys else {
            break;
        };
        let codes = codes(program, index, measure.rng);
        let expected = (measure.expected)(&codes).ok_or(MeasureError::Expected)?;
        let ranges = program.input_ranges();
        let query = encrypt_bits(&plan.layout, ranges, key, &codes, measure.rng)?;
        let mut sum = branching
            .result(evaluation_key.as_ref(), &query, &AtomicBool::new(false))
            .map_err(BackendError::from)?;
        let of_query = phase_errors(plan, bits, &sum);
        let response = branching.respond(&mut sum);
        let outputs = branching
            .decrypt(key, &response)
            .map_err(BackendError::from)?;
        errors.add(of_query.into_iter(), outputs == expected);
        (measure.progress)(index + 1, queries);
    }
    Ok(errors.measurement())
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
