//! From a forest on reals to a forest on codes.
//!
//! With [`BinsMode::Thresholds`] the cut points of a feature's codes are the forest's own split points, so that
//! `code < j` iff `x < t_j` holds exactly (every library's comparison is brought into this form first): each row
//! reaches the leaf that it reaches in the float model, in the fewest input bits. The client learns the split points, but
//! neither the structure nor the leaves; [`Decoys`] hide which split points are the model's. With [`BinsMode::Uniform`] the
//! client learns each feature's range only, and a split is exact to half a step.
//!
//! Features that no split uses are not inputs. Missing values keep the direction that each split learned.

mod additive;
mod align;
mod choose;
mod compact;
mod decoys;
mod inputs;
mod leaves;
mod options;
mod report;
mod ties;
mod unfold;

pub use additive::quantize_additive;
pub use leaves::ScoreDeviation;
pub use options::{BinsMode, Decoys, ForestOptions, MAX_LEAF_BITS};
pub use report::ForestReport;

use choose::choose_leaves;
use inputs::Inputs;
use report::{AddedCuts, cut_points, measure, report};
use tenebra_circuit::passes::simplify;
use tenebra_circuit::{CircuitBuilder, Forest, Verified};
use tenebra_quant::{Readout, Words};

use super::ForestModel;
use crate::data::Table;
use crate::quantized::{self, InputCodec, QuantizeError, QuantizedModel, code_interval, verified};

/// Quantizes a forest and builds its circuit.
///
/// `calibration` are rows like those that will be scored. They set the ranges of [`BinsMode::Uniform`], the leaf bits
/// where none are given, and the measured error of the report.
///
/// # Errors
///
/// [`QuantizeError`]: rows that do not fit the model, leaf bits out of range, a feature with more than 65,535 split points or
/// one whose range cannot be coded, or a circuit beyond the limits of the verifier.
pub fn quantize_forest(
    model: &ForestModel,
    calibration: Option<&Table>,
    options: &ForestOptions,
) -> Result<(QuantizedModel, ForestReport), QuantizeError> {
    let aligned =
        calibration.map(|table| table.align(model.feature_names.as_deref(), model.n_features));
    let calibration = aligned.transpose()?;
    let inputs = Inputs::new(model, options.bins, calibration.as_ref(), options.missing)?;
    let codes = choose_leaves(model, calibration.as_ref(), options.leaf_bits)?;
    let forest = unfold::unfold(model, &inputs, &codes)?;
    let (circuit, codecs, added) = build(forest, inputs, options, calibration.as_ref())?;
    let quantized = QuantizedModel {
        steps: Vec::new(),
        estimator: model.estimator.clone(),
        feature_names: model.feature_names.clone(),
        n_features: model.n_features,
        inputs: codecs,
        words: words(model),
        readout: Readout {
            outputs: quantized::outputs(&circuit, &codes.scale, &codes.offset),
            inverse_link: model.inverse_link,
            decision: model.decision,
            classes: model.classes.clone(),
        },
        metric: model.metric(),
        circuit,
    };
    let measured = calibration.map(|table| measure(model, &quantized, &table));
    let report = report(
        &quantized,
        added,
        codes,
        options.bins,
        measured.transpose()?,
    );
    Ok((quantized, report))
}

/// The columns of categories whose cells are words.
fn words(model: &ForestModel) -> Vec<Words> {
    let words = model.words().map(|(column, words)| Words {
        column,
        others_are_missing: words.others_are_missing,
        words: words.words.clone(),
    });
    words.collect()
}

/// The circuit without what it does not need, its inputs, and what was added to their cut points.
fn build(
    forest: Forest,
    inputs: Inputs,
    options: &ForestOptions,
    calibration: Option<&Table>,
) -> Result<(Verified, Vec<InputCodec>, AddedCuts), QuantizeError> {
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", inputs.codecs.iter().map(code_interval).collect());
    let y = builder.forest(x, forest);
    builder.output("y", y);
    let simplified = simplify(&verified(&builder.finish())?);
    let mut codecs: Vec<InputCodec> = simplified
        .kept_inputs
        .iter()
        .map(|&input| inputs.codecs[input].clone())
        .collect();
    let mut circuit = simplified.circuit.circuit().clone();
    compact::drop_unused_cuts(&mut circuit, &mut codecs);
    let own: Vec<usize> = codecs.iter().map(cut_points).collect();
    match options.decoys {
        Some(decoys) => compact::add_decoys(&mut circuit, &mut codecs, decoys, calibration),
        None => align::align(&mut circuit, &mut codecs),
    }
    compact::set_ranges(&mut circuit, &codecs);
    let mut added = AddedCuts::default();
    let counts = own.into_iter().zip(&codecs);
    counts.for_each(|(own, input)| added.count(own, cut_points(input)));
    Ok((verified(&circuit)?, codecs, added))
}

#[cfg(test)]
mod tests;
