//! From a linear model to one integer matrix product.
//!
//! With `x_j = s_j (c_j - z_j)` for the codes `c` of the features, `sum_j w_j x_j + b = sum_j (w_j s_j)(c_j - z_j) + b`:
//! the feature's scales go into the weights before these are quantized, `w_j s_j = t q_j` with one scale `t` per output
//! and symmetric `q`, so that the circuit is `y = q · c + round(b / t - q · z)` and `score = t y`, up to a remainder of
//! the rounding that goes into the output's offset.

use tenebra_circuit::{CircuitBuilder, Interval, Matrix};
use tenebra_quant::{Affine, QuantError, Readout};

use super::LinearModel;
use super::calibration::{Codecs, FeatureStats};
use crate::data::Table;
use crate::quantized::{
    self, Codec, InputCodec, QuantizeError, QuantizeOptions, QuantizedModel, verified,
};

/// Quantizes a linear model; see [`quantize`](crate::quantize()).
///
/// - Features that are constant in the calibration data get the range that they had in training or, if that is not known, one
///   around the constant; features whose weights all become zero are dropped.
/// - Features that move in steps are coded exactly, with as few codes per step as the weights' range allows: the error
///   of a weight counts once per code.
/// - What the rounding of weights and steps shifts on average is put back into the intercept.
///
/// # Errors
/// [`QuantizeError`]: no calibration data, missing values in it, or a feature whose range cannot be coded.
pub fn quantize_linear(
    model: &LinearModel,
    calibration: Option<&Table>,
    options: &QuantizeOptions,
) -> Result<QuantizedModel, QuantizeError> {
    let stats = stats(model, calibration, options)?;
    let mut intercept = model.intercept.clone();
    let mut varying = Vec::new();
    for (feature, stats) in stats.iter().enumerate() {
        if stats.is_constant() && !has_weight(model, feature) {
            continue;
        }
        let codecs = stats
            .codecs(options)
            .map_err(|e| QuantizeError::Quant(e).of_feature(feature))?;
        varying.push((feature, stats, codecs));
    }
    let largest = largest_weights(model, &varying);
    let mut features = Vec::new();
    for (feature, stats, codecs) in varying {
        let room = largest
            .iter()
            .zip(&model.coef)
            .map(|(largest, coef)| largest / coef[feature].abs());
        let (affine, offset) = codecs
            .codec(room.fold(f64::INFINITY, f64::min))
            .map_err(|e| QuantizeError::Quant(e).of_feature(feature))?;
        add(&mut intercept, model, feature, offset);
        features.push(Feature {
            feature,
            affine,
            mean: (stats.mean - offset) / affine.scale(),
        });
    }
    let mut outputs = Vec::new();
    for (coef, intercept) in model.coef.iter().zip(&intercept) {
        outputs.push(Output::new(coef, *intercept, &features, options)?);
    }
    build(model, &features, &outputs)
}

pub(super) fn has_weight(model: &LinearModel, feature: usize) -> bool {
    model.coef.iter().any(|coef| coef[feature] != 0.0)
}

/// A feature that may vary.
struct Feature {
    feature: usize,
    affine: Affine<f64>,
    /// Mean of `code - zero_point`.
    mean: f64,
}

fn stats(
    model: &LinearModel,
    calibration: Option<&Table>,
    options: &QuantizeOptions,
) -> Result<Vec<FeatureStats>, QuantizeError> {
    let Some(table) = calibration else {
        return model
            .feature_stats
            .clone()
            .ok_or(QuantizeError::CalibrationNeeded);
    };
    let table = table.align(model.feature_names.as_deref(), model.n_features)?;
    table.require_complete()?;
    let feature = |feature| {
        let values: Vec<f64> = table.column(feature).collect();
        let stats = FeatureStats::new(&values, options)
            .map_err(|e| QuantizeError::Quant(e).of_feature(feature))?;
        let trained = model.feature_stats.as_ref().map(|all| &all[feature]);
        Ok(match trained.filter(|_| stats.is_constant()) {
            Some(trained) => stats.on_range_of(trained),
            None => stats,
        })
    };
    (0..model.n_features).map(feature).collect()
}

/// The intercepts take over what the codes of a feature leave out.
fn add(intercept: &mut [f64], model: &LinearModel, feature: usize, value: f64) {
    for (intercept, coef) in intercept.iter_mut().zip(&model.coef) {
        *intercept += coef[feature] * value;
    }
}

/// Per output, the largest folded weight that cannot be avoided.
fn largest_weights(model: &LinearModel, features: &[(usize, &FeatureStats, Codecs)]) -> Vec<f64> {
    let folded = |coef: &[f64], (feature, _, codecs): &(usize, &FeatureStats, Codecs)| {
        Some(coef[*feature].abs() * codecs.finest_scale()?)
    };
    let largest = |coef: &Vec<f64>| {
        let known = features.iter().filter_map(|f| folded(coef, f));
        known.fold(0.0, f64::max)
    };
    model.coef.iter().map(largest).collect()
}

/// One output: `score = scale * (sum weights * codes + bias) + offset`.
struct Output {
    scale: f64,
    offset: f64,
    /// One per feature.
    weights: Vec<i64>,
    bias: i64,
}

impl Output {
    fn new(
        coef: &[f64],
        intercept: f64,
        features: &[Feature],
        options: &QuantizeOptions,
    ) -> Result<Self, QuantizeError> {
        let folded: Vec<f64> = features
            .iter()
            .map(|f| coef[f.feature] * f.affine.scale())
            .collect();
        let largest = folded.iter().fold(0.0, |a: f64, w| a.max(w.abs()));
        let weight = |e: QuantError| QuantizeError::Weights { source: e };
        let codec = Affine::symmetric(largest, options.weight_bits).map_err(weight)?;
        let scale = codec.scale();
        let mut weights = Vec::with_capacity(folded.len());
        let mut intercept = intercept;
        let mut zero_points = 0;
        for (&folded, feature) in folded.iter().zip(features) {
            let code = codec.quantize(folded).map_err(weight)?.code;
            intercept += (folded - codec.dequantize(code)) * feature.mean;
            zero_points += i64::from(code) * i64::from(feature.affine.zero_point());
            weights.push(i64::from(code));
        }
        let (steps, offset) = whole_steps(intercept, scale);
        Ok(Self {
            scale,
            offset,
            weights,
            bias: steps - zero_points,
        })
    }
}

/// `value = steps * scale + rest`; an intercept that dwarfs the weights is all rest, so as not to widen the output.
fn whole_steps(value: f64, scale: f64) -> (i64, f64) {
    const LARGEST: f64 = 2_147_483_648.0;
    let steps = (value / scale).round_ties_even();
    if steps.abs() > LARGEST {
        return (0, value);
    }
    #[expect(clippy::cast_possible_truncation, reason = "integral and at most 2^31")]
    let whole = steps as i64;
    (whole, (-steps).mul_add(scale, value))
}

fn build(
    model: &LinearModel,
    features: &[Feature],
    outputs: &[Output],
) -> Result<QuantizedModel, QuantizeError> {
    let used: Vec<usize> = (0..features.len())
        .filter(|&j| outputs.iter().any(|o| o.weights[j] != 0))
        .collect();
    let mut inputs = Vec::new();
    let mut ranges = Vec::new();
    for &j in &used {
        let Feature {
            feature, affine, ..
        } = &features[j];
        inputs.push(InputCodec {
            column: *feature,
            codec: Codec::Affine(*affine),
            missing: None,
        });
        ranges.push(Interval::new(
            affine.min_code().into(),
            affine.max_code().into(),
        ));
    }
    let mut weights: Vec<i64> = outputs
        .iter()
        .flat_map(|o| used.iter().map(|&j| o.weights[j]))
        .collect();
    if inputs.is_empty() {
        // A circuit has an input, even if nothing depends on it.
        inputs.push(InputCodec {
            column: 0,
            codec: Codec::Bins {
                cuts: Vec::new(),
                round_to_f32: false,
            },
            missing: None,
        });
        ranges.push(Interval::constant(0));
        weights = vec![0; outputs.len()];
    }
    let mut circuit = CircuitBuilder::new();
    let x = circuit.input("x", ranges);
    let weights = Matrix::dense(outputs.len(), inputs.len(), weights);
    let y = circuit.linear(x, weights, outputs.iter().map(|o| o.bias).collect());
    circuit.output("y", y);
    let circuit = verified(&circuit.finish())?;
    let scale: Vec<f64> = outputs.iter().map(|o| o.scale).collect();
    let offset: Vec<f64> = outputs.iter().map(|o| o.offset).collect();
    Ok(QuantizedModel {
        steps: Vec::new(),
        estimator: model.estimator.clone(),
        feature_names: model.feature_names.clone(),
        n_features: model.n_features,
        inputs,
        words: Vec::new(),
        readout: Readout {
            outputs: quantized::outputs(&circuit, &scale, &offset),
            inverse_link: model.inverse_link,
            decision: model.decision,
            classes: model.classes.clone(),
        },
        metric: model.metric(),
        circuit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::LinearParts;
    use proptest::prelude::*;

    fn no_margin(bits: u8) -> QuantizeOptions {
        QuantizeOptions {
            margin: 0.0,
            ..QuantizeOptions::with_bits(bits).unwrap()
        }
    }

    fn line(coef: Vec<f64>, intercept: f64) -> LinearModel {
        let n_features = coef.len();
        LinearModel::new(LinearParts {
            n_features,
            coef: vec![coef],
            intercept: vec![intercept],
            ..LinearParts::regression("x")
        })
        .unwrap()
    }

    fn run(quantized: &QuantizedModel, row: &[f64]) -> (Vec<i64>, f64) {
        let codes = quantized.encode(row).unwrap();
        let outputs = tenebra_sim::run(quantized.circuit(), &codes.codes).unwrap();
        let score = quantized.decode(&outputs).unwrap().scores[0];
        (outputs, score)
    }

    #[test]
    fn one_feature_by_hand() {
        // Values 0, 15 at 4 bits: scale 1, zero point 0. Folded weight 3 at 4 bits: scale 3/7, code 7. Bias 2 / (3/7) = 4.67:
        // 5 steps and a remainder of 2 - 15/7.
        let table = Table::from_rows(1, vec![0.0, 15.0]).unwrap();
        let quantized =
            quantize_linear(&line(vec![3.0], 2.0), Some(&table), &no_margin(4)).unwrap();
        let (outputs, score) = run(&quantized, &[10.0]);
        assert_eq!(outputs, [7 * 10 + 5]);
        assert!((score - 32.0).abs() < 1e-12);
        assert!((quantized.readout.outputs[0].offset + 1.0 / 7.0).abs() < 1e-12);
    }

    #[test]
    fn beyond_the_range_clips_and_says_so() {
        let table = Table::from_rows(1, vec![0.0, 15.0]).unwrap();
        let quantized =
            quantize_linear(&line(vec![1.0], 0.0), Some(&table), &no_margin(4)).unwrap();
        assert_eq!(
            quantized.encode(&[99.0]).unwrap(),
            crate::quantized::Codes {
                codes: vec![15],
                clipped: 1
            }
        );
        assert_eq!(quantized.encode(&[7.0]).unwrap().clipped, 0);
        assert!(matches!(
            quantized.encode(&[f64::NAN]),
            Err(QuantizeError::Feature { feature: 0, .. })
        ));
        assert_eq!(
            quantized.encode(&[]),
            Err(QuantizeError::RowLength {
                found: 0,
                expected: 1
            })
        );
    }

    #[test]
    fn features_without_weight_are_not_sent() {
        // Feature 0 is always 2, feature 1 has no weight, feature 2 counts: 2 * 5 + 10 = 20 at x = 10.
        let table = Table::from_rows(3, vec![2.0, 0.0, 0.0, 2.0, 9.0, 15.0]).unwrap();
        let model = line(vec![5.0, 0.0, 1.0], 0.0);
        let quantized = quantize_linear(&model, Some(&table), &no_margin(8)).unwrap();
        let features = quantized.inputs.iter().map(|i| i.column);
        assert_eq!(features.collect::<Vec<_>>(), [0, 2]);
        // The weights keep their codes: both are 127 of 15/255, and 85 codes are a unit of feature 0.
        assert!((run(&quantized, &[2.0, 3.0, 10.0]).1 - 20.0).abs() < 0.05);
        assert!((run(&quantized, &[3.0, 3.0, 10.0]).1 - 25.0).abs() < 0.05);
        let codes = quantized.encode(&[50.0, 3.0, 10.0]).unwrap();
        assert_eq!(codes.clipped, 1);
    }

    #[test]
    fn a_constant_keeps_the_range_of_training() {
        let stats = |min, max, step| FeatureStats {
            min,
            max,
            mean: 0.5 * (min + max),
            step,
        };
        let trained = vec![stats(0.0, 1.0, Some(1.0)), stats(-3.0, 3.0, None)];
        let model = LinearModel::new(LinearParts {
            feature_stats: Some(trained),
            ..line(vec![8.0, 2.0], 0.5).parts().clone()
        })
        .unwrap();
        // In one row every feature is constant; 5 lies beyond what training saw.
        for row in [[0.0, 0.25], [1.0, 5.0]] {
            let table = Table::from_rows(2, row.to_vec()).unwrap();
            let quantized = quantize_linear(&model, Some(&table), &no_margin(8)).unwrap();
            assert_eq!(quantized.inputs.len(), 2);
            for x in [[0.0, -3.0], [1.0, 3.0], row] {
                let want = 8.0 * x[0] + 2.0 * x[1] + 0.5;
                assert_eq!(quantized.encode(&x).unwrap().clipped, 0);
                assert!((run(&quantized, &x).1 - want).abs() < 0.15, "{x:?}");
            }
        }
    }

    #[test]
    fn one_row_makes_a_model_with_inputs() {
        let table = Table::from_rows(2, vec![2.0, -1.5]).unwrap();
        let model = line(vec![5.0, 1.0], 1.0);
        let quantized = quantize_linear(&model, Some(&table), &no_margin(8)).unwrap();
        assert_eq!(quantized.inputs.len(), 2);
        for (row, want) in [([2.0, -1.5], 9.5), ([3.0, -1.5], 14.5), ([2.0, 4.0], 15.0)] {
            assert!((run(&quantized, &row).1 - want).abs() < 0.3, "{row:?}");
        }
        assert_eq!(quantized.encode(&[100.0, -1.5]).unwrap().clipped, 1);
    }

    #[test]
    fn calibration_is_needed() {
        let error = quantize_linear(&line(vec![1.0], 0.0), None, &no_margin(8)).unwrap_err();
        assert_eq!(error, QuantizeError::CalibrationNeeded);
        let table = Table::from_rows(1, vec![f64::NAN]).unwrap();
        assert!(matches!(
            quantize_linear(&line(vec![1.0], 0.0), Some(&table), &no_margin(8)),
            Err(QuantizeError::Data(_))
        ));
    }

    #[test]
    fn a_huge_intercept_does_not_widen_the_output() {
        let table = Table::from_rows(1, vec![0.0, 1e-9]).unwrap();
        let quantized =
            quantize_linear(&line(vec![1.0], 1e6), Some(&table), &no_margin(8)).unwrap();
        assert!(quantized.circuit().output_ranges()[0].bits() <= 16);
        assert!((run(&quantized, &[0.0]).1 - 1e6).abs() < 1e-3);
    }

    proptest! {
        /// Without clipping, half a step of every feature and half a step of every weight bound the error.
        #[test]
        fn scores_are_within_the_rounding(
            coef in proptest::collection::vec(-5.0..5.0_f64, 1..6),
            seed in proptest::collection::vec(-10.0..10.0_f64, 60),
            bits in 4_u8..=12,
        ) {
            let n = coef.len();
            let rows = 60 / n * n;
            let table = Table::from_rows(n, seed[..rows].to_vec()).unwrap();
            let model = line(coef.clone(), 0.5);
            let quantized = quantize_linear(&model, Some(&table), &no_margin(bits)).unwrap();
            let scale = quantized.readout.outputs[0].scale;
            let mut bound = scale;
            for (j, w) in coef.iter().enumerate() {
                let (lo, hi) = table.column(j).fold((f64::MAX, f64::MIN), |(lo, hi), x| (lo.min(x), hi.max(x)));
                let step = (hi - lo) / f64::from((1 << bits) - 1);
                // The weight's error counts as often as the code differs from its mean.
                bound += w.abs() * step * 0.51 + 0.51 * scale * ((hi - lo) / step + 1.0);
            }
            for row in table.rows() {
                let (_, score) = run(&quantized, row);
                let want = model.decision_function(row).unwrap()[0];
                prop_assert!((score - want).abs() <= bound, "{score} {want} {bound}");
            }
        }
    }
}
