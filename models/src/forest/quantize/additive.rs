//! From an additive model to one table per input, summed.

use tenebra_circuit::{Circuit, CircuitBuilder, Interval, Matrix, Table as CodeTable};
use tenebra_quant::Readout;

use super::choose::choose_leaves;
use super::decoys::DecoyPool;
use super::inputs::uniform;
use super::leaves::LeafCodes;
use super::options::{BinsMode, Decoys, ForestOptions};
use super::report::{AddedCuts, ForestReport, measure, report};
use crate::additive::{AdditiveModel, Term};
use crate::data::Table;
use crate::quantized::{
    self, Codec, InputCodec, QuantizeError, QuantizedModel, code_interval, verified,
};
use crate::random::Random;

/// Quantizes an additive model and builds its circuit: a lookup of each input for each output, and their sums.
///
/// Options mean what they mean for a forest, with the steps of the terms as split points and their values as leaves; in the
/// report, a term is a tree without splits. Terms without a step left are not sent.
///
/// # Errors
///
/// As [`quantize_forest`](super::quantize_forest).
pub fn quantize_additive(
    model: &AdditiveModel,
    calibration: Option<&Table>,
    options: &ForestOptions,
) -> Result<(QuantizedModel, ForestReport), QuantizeError> {
    let forest = model.as_forest();
    let aligned =
        calibration.map(|table| table.align(model.feature_names.as_deref(), model.n_features));
    let calibration = aligned.transpose()?;
    let mut codes = choose_leaves(forest, calibration.as_ref(), options.leaf_bits)?;
    let mut random = Random::new(options.decoys.map_or(0, |decoys| decoys.seed));
    let (mut inputs, mut tables, mut added) = (Vec::new(), Vec::new(), AddedCuts::default());
    for (index, term) in model.terms.iter().enumerate() {
        let steps = Steps::new(term, &codes, index, options.missing);
        if let Some(values) = steps.constant() {
            let scores = values.iter().zip(&codes.scale);
            #[expect(clippy::cast_precision_loss, reason = "leaves have at most 24 bits")]
            let scores = scores.map(|(value, scale)| scale * *value as f64);
            codes
                .offset
                .iter_mut()
                .zip(scores)
                .for_each(|(offset, score)| *offset += score);
            continue;
        }
        let column = calibration.as_ref().map(|table| (table, term.feature));
        let own = steps.cuts.len();
        let steps = match (options.bins, options.decoys) {
            (BinsMode::Thresholds, Some(with)) => {
                steps.with_decoys(with, column, model.round_to_f32, &mut random)
            }
            _ => steps,
        };
        if options.bins == BinsMode::Thresholds {
            added.count(own, steps.cuts.len());
        }
        let lowered = steps.lower(term.feature, options.bins, column, model.round_to_f32);
        let (input, table) = lowered.map_err(|source| QuantizeError::Feature {
            feature: term.feature,
            source,
        })?;
        inputs.push(input);
        tables.push(table);
    }
    let circuit = verified(&circuit(&mut inputs, &tables, model.bias.len()))?;
    let quantized = QuantizedModel {
        steps: Vec::new(),
        estimator: model.estimator.clone(),
        feature_names: model.feature_names.clone(),
        n_features: model.n_features,
        inputs,
        words: Vec::new(),
        readout: Readout {
            outputs: quantized::outputs(&circuit, &codes.scale, &codes.offset),
            inverse_link: model.inverse_link,
            decision: model.decision,
            classes: model.classes.clone(),
        },
        metric: model.metric(),
        circuit,
    };
    let measured = calibration.map(|table| measure(forest, &quantized, &table));
    let mut report = report(
        &quantized,
        added,
        codes,
        options.bins,
        measured.transpose()?,
    );
    report.trees = tables.len();
    Ok((quantized, report))
}

/// A step function with integer values.
struct Steps {
    cuts: Vec<f64>,
    /// One more than cuts; per output.
    values: Vec<Vec<i64>>,
    missing: Option<Vec<i64>>,
}

impl Steps {
    /// The function of term `index`, without steps between equal values.
    fn new(term: &Term, codes: &LeafCodes, index: usize, missing: bool) -> Self {
        // The leaves of the term's tree stand in the order of the intervals, that of missing values last.
        let mut leaves: Vec<&Vec<i64>> = codes.integers[index]
            .iter()
            .filter(|leaf| !leaf.is_empty())
            .collect();
        let last = if term.missing.is_some() {
            leaves.pop()
        } else {
            None
        };
        let mut steps = Self {
            cuts: Vec::new(),
            values: vec![leaves[0].clone()],
            missing: last.filter(|_| missing).cloned(),
        };
        for (cut, pair) in term.cuts.iter().zip(leaves.windows(2)) {
            if pair[0] != pair[1] {
                // One zero for both signs: a decoy may be the other.
                steps.cuts.push(*cut + 0.0);
                steps.values.push(pair[1].clone());
            }
        }
        steps
    }

    /// The value, if there is only one.
    fn constant(&self) -> Option<&[i64]> {
        let one = self
            .values
            .iter()
            .chain(&self.missing)
            .all(|value| *value == self.values[0]);
        one.then_some(&self.values[0])
    }

    /// The value at a real number, rounded as the model does.
    fn at(&self, x: f64) -> &[i64] {
        &self.values[self.cuts.partition_point(|cut| *cut <= x)]
    }

    fn with_decoys(
        self,
        decoys: Decoys,
        column: Option<(&Table, usize)>,
        round_to_f32: bool,
        random: &mut Random,
    ) -> Self {
        let codes =
            self.values.len() + usize::from(self.code_of_missing() == Some(self.values.len()));
        let pool = DecoyPool {
            cuts: &self.cuts,
            codes,
            column,
            round_to_f32,
        };
        let mut cuts = [self.cuts.as_slice(), &pool.draw(decoys.bits, random)].concat();
        cuts.sort_by(f64::total_cmp);
        let first = self.values[0].clone();
        let values = cuts.iter().map(|cut| self.at(*cut).to_vec());
        Self {
            values: [first].into_iter().chain(values).collect(),
            cuts,
            missing: self.missing,
        }
    }

    /// An interval with the value of missing values, or one beyond the last.
    fn code_of_missing(&self) -> Option<usize> {
        let missing = self.missing.as_ref()?;
        let same = self.values.iter().position(|value| value == missing);
        Some(same.unwrap_or(self.values.len()))
    }

    /// The input and the values of its codes.
    fn lower(
        self,
        feature: usize,
        bins: BinsMode,
        column: Option<(&Table, usize)>,
        round_to_f32: bool,
    ) -> Result<(InputCodec, CodeTables), tenebra_quant::QuantError> {
        let (codec, mut values) = match bins {
            BinsMode::Thresholds => {
                let cuts = self.cuts.clone();
                (Codec::Bins { cuts, round_to_f32 }, self.values.clone())
            }
            BinsMode::Uniform(bits) => {
                let affine = uniform(&self.cuts, column, bits)?;
                let codes = affine.min_code()..=affine.max_code();
                let values = codes.map(|code| self.at(affine.dequantize(code)).to_vec());
                (Codec::Affine(affine), values.collect())
            }
        };
        let mut input = InputCodec {
            column: feature,
            codec,
            missing: None,
        };
        let min = input.code_range().0;
        if let Some(missing) = self.missing {
            let same = values.iter().position(|value| *value == missing);
            let place = same.unwrap_or(values.len());
            if same.is_none() {
                values.push(missing);
            }
            let code = min.saturating_add_unsigned(place as u64);
            input.missing = Some(i32::try_from(code).unwrap_or(i32::MAX));
        }
        Ok((input, CodeTables { min, values }))
    }
}

/// The values of an input's codes from `min` on, per output.
struct CodeTables {
    min: i64,
    values: Vec<Vec<i64>>,
}

/// `y_c = sum over inputs of table_c`; a constant model gets an input that does not matter.
fn circuit(inputs: &mut Vec<InputCodec>, tables: &[CodeTables], outputs: usize) -> Circuit {
    let mut builder = CircuitBuilder::new();
    if inputs.is_empty() {
        let codec = Codec::Bins {
            cuts: Vec::new(),
            round_to_f32: false,
        };
        inputs.push(InputCodec {
            column: 0,
            codec,
            missing: Some(0),
        });
    }
    let ranges: Vec<Interval> = inputs.iter().map(code_interval).collect();
    let x = builder.input("x", ranges);
    let y = if tables.is_empty() {
        builder.constant(x, inputs.len(), vec![0; outputs])
    } else {
        let sums: Vec<_> = (0..outputs)
            .map(|output| {
                let of_input = |table: &CodeTables| CodeTable {
                    min: table.min,
                    values: table.values.iter().map(|value| value[output]).collect(),
                };
                let looked_up = builder.lookup(x, tables.iter().map(of_input).collect());
                let ones = Matrix::dense(1, tables.len(), vec![1; tables.len()]);
                builder.linear(looked_up, ones, vec![0])
            })
            .collect();
        if let [sum] = sums.as_slice() {
            *sum
        } else {
            builder.concat(sums)
        }
    };
    builder.output("y", y);
    builder.finish()
}

#[cfg(test)]
mod tests;
