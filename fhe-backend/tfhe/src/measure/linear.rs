//! Measuring linear programs: the errors of the outputs of responses.

use rand_core::CryptoRng;
use tenebra_client::CipherError;
use tenebra_client::bits::BitReader;
use tenebra_client::linear::ValidLinear;
use tenebra_client::{Client, ClientError, Frame, Kind, SpecId};

use super::statistics::{Errors, Measurement, Predicted};
use super::{KeyBits, Measure, MeasureError, codes};
use crate::error::EvaluateError;
use crate::noise::MixedNoise;
use crate::program::{EvaluationKey, LinearProgram, Program};

/// Errors that are looked at.
const ERRORS: usize = 4096;
/// Keys that share the queries.
const KEYS: usize = 4;

pub(super) fn measure<R: CryptoRng>(
    program: &Program,
    spec: &[u8],
    (index, linear): (u8, &LinearProgram),
    measure: &mut Measure<'_, R>,
) -> Result<Measurement, MeasureError> {
    let layout = &linear.plan.layout;
    let rows = usize::from(layout.layout().max_rows);
    let outputs_of_row = layout.layout().outputs as usize;
    let queries = measure
        .queries
        .unwrap_or((ERRORS / (rows * outputs_of_row)).clamp(12, 512));
    let mut errors = Errors::new(Predicted {
        noise: MixedNoise::from(linear.plan.noise_variance),
        added: 0.0,
        half_step: linear.plan.room(),
        outputs: rows * outputs_of_row,
    });
    let mut keys: Option<(Client, KeyBits, Option<EvaluationKey>)> = None;
    for query in 0..queries {
        if query % queries.div_ceil(KEYS) == 0 {
            let client = Client::generate(spec, measure.rng).map_err(ClientError::from)?;
            let bits = KeyBits::of_plan(&client, index)?;
            let public = match client.evaluation_key(measure.rng)? {
                Some(file) => Some(program.prepare_key(client.key().spec_id(), &file)?),
                None => None,
            };
            keys = Some((client, bits, public));
        }
        let Some((client, bits, public)) = &keys else {
            break;
        };
        let (mut all_codes, mut expected) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let codes = codes(program, query + row, measure.rng);
            expected.extend((measure.expected)(&codes).ok_or(MeasureError::Expected)?);
            all_codes.extend(codes);
        }
        let id = client.key().spec_id();
        let framed = client
            .spec()
            .encrypt_codes(client.key(), &all_codes, measure.rng)?;
        let response = errors.timed(|| program.evaluate(id, public.as_ref(), &framed))?;
        // Integers out of range are wrong like others.
        let outputs = client.decrypt(&response);
        let right = outputs.is_ok_and(|rows| rows.concat() == expected);
        let payload = match linear.plan.hidden {
            None => payload_of(&response, Kind::Response, id)?.to_vec(),
            // The noise that hides the model is known and bounded; it would cover the other.
            Some(_) => {
                let query = payload_of(&framed, Kind::Query, id)?;
                linear.evaluate(index, public.as_ref(), false, query)?
            }
        };
        let of_query = phase_errors(layout, bits, &payload, |row, output| {
            expected[row * outputs_of_row + output]
        })
        .map_err(ClientError::from)?;
        errors.add(of_query.into_iter(), right);
        (measure.progress)(query + 1, queries);
    }
    Ok(errors.measurement())
}

fn payload_of(framed: &[u8], kind: Kind, id: SpecId) -> Result<&[u8], EvaluateError> {
    Ok(Frame::parse_for(framed, kind, id)?.payload)
}

/// How far the phase of each output is from what it should be, on 64 bits.
fn phase_errors(
    layout: &ValidLinear,
    key: &KeyBits,
    response: &[u8],
    expected: impl Fn(usize, usize) -> i64,
) -> Result<Vec<i64>, CipherError> {
    let rows = layout.response_rows(response)?;
    let width = u32::from(layout.layout().response_bits);
    let size = layout.glwe().polynomial_size();
    let prefix = layout.response_len(rows) - response_bits(layout, rows).div_ceil(8);
    let mut reader = BitReader::new(&response[prefix..]);
    let mut next = || reader.read(width) << (64 - width);
    let scale = 64 - u32::from(layout.layout().plaintext_bits);
    let (mut errors, mut first) = (Vec::new(), 0);
    for group in 0..layout.groups() {
        let masks: Vec<u64> = (0..layout.glwe().dimension()).map(|_| next()).collect();
        let outputs = first..first + layout.group_outputs(group);
        for row in 0..rows {
            for output in outputs.clone() {
                let position = layout.output_position(row, output);
                let phase = next().wrapping_sub(key.product_at(&masks, size, position));
                let message = expected(row, output).cast_unsigned() << scale;
                errors.push(phase.wrapping_sub(message).cast_signed());
            }
        }
        first = outputs.end;
    }
    Ok(errors)
}

/// Bits of the integers of a response.
fn response_bits(layout: &ValidLinear, rows: usize) -> usize {
    let outputs = rows * layout.layout().outputs as usize;
    let integers = layout.groups() * layout.glwe().dimension() + outputs;
    integers * usize::from(layout.layout().response_bits)
}
