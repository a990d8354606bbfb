//! From a trained pipeline to codes: the model is quantized on what the steps give, and steps that the codes can do by themselves
//! are folded into them.
//!
//! - Scaling before a linear model is its weights' business: `w (x - c) / s + b = (w / s) x + b - w c / s`.
//! - A cut point behind scaling, clipping or a logarithm becomes the least real that the steps bring to it, found by bisection of
//!   the very functions: the code is the same for every real.
//! - What takes the place of a missing value becomes the code of a missing value.

use tenebra_quant::{Codec, RowStep, Words};

use super::model::{PipelineModel, Step};
use super::values::needed;
use crate::data::Table;
use crate::linear::{LinearModel, LinearParts};
use crate::model::Model;
use crate::quantize::{QuantizeReport, quantize_with_report};
use crate::quantized::{InputCodec, QuantizeError, QuantizeOptions, QuantizedModel};

/// Quantizes a pipeline; see [`quantize`](crate::quantize()).
///
/// # Errors
/// [`QuantizeError`]; features of the model are named by what they were made of.
pub(crate) fn quantize_pipeline(
    pipeline: &PipelineModel,
    calibration: Option<&Table>,
    options: &QuantizeOptions,
) -> Result<(QuantizedModel, QuantizeReport), QuantizeError> {
    let before = &pipeline.before;
    let refused = |error: crate::model::ModelError| QuantizeError::Preprocessing {
        message: error.to_string(),
    };
    let folded = match &*pipeline.model {
        Model::Linear(model) => Some(unscaled(pipeline, model).map_err(refused)?),
        _ => None,
    };
    let pipeline = folded.as_ref().unwrap_or(pipeline);
    let table = calibration.map(|table| pipeline.transform(table));
    let table = table.transpose().map_err(refused)?;
    let (mut quantized, report) = quantize_with_report(&pipeline.model, table.as_ref(), options)
        .map_err(|e| match e {
            QuantizeError::Feature { feature, source } => QuantizeError::Derived {
                feature: pipeline.before.name(pipeline.before.features[feature]),
                source,
            },
            error => error,
        })?;
    for input in &mut quantized.inputs {
        input.column = pipeline.before.features[input.column];
        fold(input, &before.steps, before.n_features);
    }
    let (steps, inputs) = used(&before.steps, before.n_features, quantized.inputs);
    quantized.steps = steps;
    quantized.inputs = inputs;
    quantized.n_features = before.n_features;
    let words = before.words.iter().map(|(&column, words)| Words {
        column,
        others_are_missing: words.others_are_missing,
        words: words.words.clone(),
    });
    quantized.words = words.collect();
    quantized.feature_names.clone_from(&before.feature_names);
    Ok((quantized, report))
}

/// The same function with the scaling directly before a linear model in its weights; features that become one are added.
fn unscaled(
    pipeline: &PipelineModel,
    model: &LinearModel,
) -> Result<PipelineModel, crate::model::ModelError> {
    let before = &pipeline.before;
    let mut parts = model.parts().clone();
    let mut features: Vec<usize> = Vec::new();
    let mut coef = vec![Vec::new(); parts.coef.len()];
    let mut stats = parts.feature_stats.is_some().then(Vec::new);
    for (feature, &value) in before.features.iter().enumerate() {
        let (value, center, scale) = source(value, &before.steps, before.n_features);
        let place = features.iter().position(|other| *other == value);
        for (output, (old, new)) in parts.coef.iter().zip(&mut coef).enumerate() {
            let weight = old[feature] / scale;
            parts.intercept[output] -= weight * center;
            match place {
                Some(place) => new[place] += weight,
                None => new.push(weight),
            }
        }
        if place.is_some() {
            continue;
        }
        features.push(value);
        let known = parts.feature_stats.as_ref().map(|all| all[feature]);
        if let (Some(stats), Some(known)) = (&mut stats, known) {
            let back = |x: f64| x * scale + center;
            let (a, b) = (back(known.min), back(known.max));
            stats.push(crate::linear::FeatureStats {
                min: a.min(b),
                max: a.max(b),
                // Rounding must not move it out of the range.
                mean: back(known.mean).clamp(a.min(b), a.max(b)),
                step: known
                    .step
                    .map(|step| (step * scale).abs())
                    .filter(|step| *step > 0.0 && *step <= (b - a).abs()),
            });
        }
    }
    let model = LinearModel::new(LinearParts {
        n_features: features.len(),
        feature_names: None,
        coef,
        feature_stats: stats,
        ..parts
    })?;
    let mut parts = (**pipeline).clone();
    parts.before.features = features;
    parts.model = Box::new(Model::Linear(model));
    PipelineModel::new(parts)
}

/// The value that scaling starts from, with what is subtracted and divided by in total.
fn source(mut value: usize, steps: &[Step], columns: usize) -> (usize, f64, f64) {
    let (mut center, mut scale) = (0.0, 1.0);
    while let Some(RowStep::Affine {
        from,
        center: c,
        scale: s,
    }) = value.checked_sub(columns).and_then(|step| steps.get(step))
    {
        // ((x - c) / s - center) / scale
        center = c + s * center;
        scale *= s;
        value = *from;
    }
    (value, center, scale)
}

/// Lets an input read what its step reads, as long as its codec can do what the step does.
fn fold(input: &mut InputCodec, steps: &[Step], columns: usize) {
    while let Some(step) = input
        .column
        .checked_sub(columns)
        .and_then(|at| steps.get(at))
    {
        match step {
            RowStep::Fill { from, value } => {
                let Ok(code) = input.quantize(*value) else {
                    return;
                };
                input.missing = Some(code.code);
                input.column = *from;
            }
            RowStep::Affine { from, .. }
            | RowStep::Clip { from, .. }
            | RowStep::Power { from, .. } => {
                let Codec::Bins { cuts, round_to_f32 } = &input.codec else {
                    return;
                };
                let Some(cuts) = before_step(step, cuts, *round_to_f32) else {
                    return;
                };
                input.codec = Codec::Bins {
                    cuts,
                    round_to_f32: false,
                };
                input.column = *from;
            }
            _ => return,
        }
    }
}

/// The cut points before an increasing step: the least real that it brings to each, if there is one of its own.
fn before_step(step: &Step, cuts: &[f64], round_to_f32: bool) -> Option<Vec<f64>> {
    let alone: Step = match step {
        RowStep::Affine { center, scale, .. } => (*scale > 0.0).then_some(RowStep::Affine {
            from: 0,
            center: *center,
            scale: *scale,
        }),
        RowStep::Clip { min, max, .. } => Some(RowStep::Clip {
            from: 0,
            min: *min,
            max: *max,
        }),
        RowStep::Power { lambda, .. } => Some(RowStep::Power {
            from: 0,
            lambda: *lambda,
        }),
        _ => None,
    }?;
    let result = |x: f64| {
        let y = alone.evaluate(&[x]).unwrap_or(f64::NAN);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding to single precision is what is asked for"
        )]
        let y = if round_to_f32 { f64::from(y as f32) } else { y };
        y
    };
    let mut found = Vec::with_capacity(cuts.len());
    for &cut in cuts {
        let least = least(|x| result(x) >= cut)?;
        // Reals from one cut point on have its code: two that became one would lose a code.
        if found.last().is_some_and(|last| *last >= least) {
            return None;
        }
        found.push(least);
    }
    Some(found)
}

/// The least finite real of which an increasing condition holds; `None` where it holds for none or all.
fn least(holds: impl Fn(f64) -> bool) -> Option<f64> {
    /// Reals in their order, as integers.
    fn rank(x: f64) -> i64 {
        let bits = x.to_bits().cast_signed();
        if bits < 0 { i64::MIN - bits } else { bits }
    }
    fn real(rank: i64) -> f64 {
        let bits = if rank < 0 { i64::MIN - rank } else { rank };
        f64::from_bits(bits.cast_unsigned())
    }
    let (mut low, mut high) = (rank(f64::MIN), rank(f64::MAX));
    if holds(f64::MIN) || !holds(f64::MAX) {
        return None;
    }
    while high - 1 > low {
        let middle = low + (high.wrapping_sub(low).cast_unsigned() / 2).cast_signed();
        if holds(real(middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(real(high))
}

/// The steps that an input needs, renumbered.
fn used(
    steps: &[Step],
    columns: usize,
    mut inputs: Vec<InputCodec>,
) -> (Vec<Step>, Vec<InputCodec>) {
    let needed = needed(steps, columns, inputs.iter().map(|input| input.column));
    let mut place: Vec<usize> = (0..needed.len()).collect();
    let mut kept = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if needed[columns + index] {
            place[columns + index] = columns + kept.len();
            kept.push(step.clone().relocated(|value| place[value]));
        }
    }
    for input in &mut inputs {
        input.column = place[input.column];
    }
    (kept, inputs)
}
