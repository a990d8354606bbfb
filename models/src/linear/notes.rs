//! What a person should know about calibration data.

use core::fmt;

use tenebra_quant::calibrate;

use super::LinearModel;
use super::calibration::FeatureStats;
use super::quantize::has_weight;
use crate::data::Table;
use crate::quantized::QuantizeError;
use crate::quantized::QuantizeOptions;

/// Something about the calibration values of a feature that the model has a weight for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CalibrationNote {
    /// It does not vary.
    Constant {
        /// Name of the column.
        column: String,
        /// Its value in every row.
        value: f64,
        /// Whether it varied in training, which gives the range.
        trained: bool,
    },
    /// Few values are far from all others.
    Outliers {
        /// Name of the column.
        column: String,
        /// Row of the first, from 1.
        row: usize,
        /// The first.
        value: f64,
        /// How many there are.
        count: usize,
        /// The smallest and the largest of the others.
        others: (f64, f64),
        /// Whether the range leaves them out.
        left_out: bool,
    },
    /// The calibration values lie elsewhere than those that the model learned from.
    Elsewhere {
        /// Name of the column.
        column: String,
        /// The smallest and the largest of the calibration values.
        found: (f64, f64),
        /// The smallest and the largest in training.
        trained: (f64, f64),
    },
}

impl fmt::Display for CalibrationNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant {
                column,
                value,
                trained,
            } => {
                write!(f, "column `{column}` is {value} in every row; ")?;
                f.write_str(if *trained {
                    "its range is that of the training data"
                } else {
                    "its range is a guess, beyond which values are clipped: take rows in which it varies"
                })
            }
            Self::Outliers {
                column,
                row,
                value,
                count,
                others: (min, max),
                left_out,
            } => {
                write!(
                    f,
                    "row {row}, column `{column}`: {value} is far from the other values, {min} to {max}"
                )?;
                if *count > 1 {
                    write!(f, ", as are {} more", count - 1)?;
                }
                f.write_str(if *left_out {
                    "; the range of the codes leaves it out"
                } else {
                    "; it takes codes away from them"
                })
            }
            Self::Elsewhere {
                column,
                found,
                trained,
            } => write!(
                f,
                "column `{column}` is {} to {} here and was {} to {} in training: rows like those would be clipped, or the model extrapolates; take rows like those that will be scored",
                found.0, found.1, trained.0, trained.1
            ),
        }
    }
}

/// What a person should know before a model is quantized on `calibration`, the columns in the order of the model's features.
///
/// # Errors
/// As [`quantize_linear`](super::quantize_linear) of calibration data.
pub fn calibration_notes(
    model: &LinearModel,
    calibration: &Table,
    options: &QuantizeOptions,
) -> Result<Vec<CalibrationNote>, QuantizeError> {
    let table = calibration.align(model.feature_names.as_deref(), model.n_features)?;
    table.require_complete()?;
    let mut notes = Vec::new();
    for feature in (0..model.n_features).filter(|&feature| has_weight(model, feature)) {
        let values: Vec<f64> = table.column(feature).collect();
        let note = note(model, feature, &values, options);
        let note = note.map_err(|e| QuantizeError::Quant(e).of_feature(feature))?;
        notes.extend(note.map(|note| note.of_column(&table.columns()[feature])));
    }
    Ok(notes)
}

fn note(
    model: &LinearModel,
    feature: usize,
    values: &[f64],
    options: &QuantizeOptions,
) -> Result<Option<CalibrationNote>, tenebra_quant::QuantError> {
    let column = String::new();
    let all = calibrate::min_max(values.iter().copied())?;
    if all.0 >= all.1 {
        let stats = model.feature_stats.as_ref();
        return Ok(Some(CalibrationNote::Constant {
            column,
            value: all.0,
            trained: stats.is_some_and(|stats| !stats[feature].is_constant()),
        }));
    }
    let others = calibrate::without_outliers(values, &mut values.to_vec())?;
    let far = |x: &f64| *x < others.0 || *x > others.1;
    let first = values.iter().position(far);
    let range = FeatureStats::new(values, options)?;
    if let Some(at) = first {
        return Ok(Some(CalibrationNote::Outliers {
            column,
            row: at + 1,
            value: values[at],
            count: values.iter().filter(|x| far(x)).count(),
            others,
            left_out: !(range.min..=range.max).contains(&values[at]),
        }));
    }
    let trained = model.feature_stats.as_ref().map(|stats| stats[feature]);
    let trained = trained.map(|stats| (stats.min, stats.max));
    Ok(trained
        .filter(|trained| elsewhere(all, *trained))
        .map(|trained| CalibrationNote::Elsewhere {
            column,
            found: all,
            trained,
        }))
}

/// Whether a range covers less than a quarter of another, or goes beyond it by more than its width.
fn elsewhere(found: (f64, f64), trained: (f64, f64)) -> bool {
    let width = trained.1 - trained.0;
    let common = found.1.min(trained.1) - found.0.max(trained.0);
    let beyond = (found.1 - trained.1).max(trained.0 - found.0);
    width > 0.0 && (common < width / 4.0 || beyond > width)
}

impl CalibrationNote {
    fn of_column(mut self, name: &str) -> Self {
        let (Self::Constant { column, .. }
        | Self::Outliers { column, .. }
        | Self::Elsewhere { column, .. }) = &mut self;
        name.clone_into(column);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::LinearParts;

    #[test]
    fn ranges_far_from_those_of_training_are_told() {
        for (found, trained, expected) in [
            ((0.0, 1.0), (0.0, 1.0), false),
            ((0.1, 0.9), (0.0, 1.0), false),
            ((0.0, 2.0), (0.0, 1.0), false),
            // A fifth of the range, another place, and more than its width beyond it.
            ((0.4, 0.6), (0.0, 1.0), true),
            ((5.0, 6.0), (0.0, 1.0), true),
            ((0.0, 2.5), (0.0, 1.0), true),
            ((-1.5, 1.0), (0.0, 1.0), true),
            ((0.0, 1.0), (3.0, 3.0), false),
        ] {
            assert_eq!(elsewhere(found, trained), expected, "{found:?} {trained:?}");
        }
    }

    #[test]
    fn constants_and_outliers_with_a_weight_are_told() {
        let model = LinearModel::new(LinearParts {
            n_features: 3,
            coef: vec![vec![1.0, 2.0, 0.0]],
            ..LinearParts::regression("x")
        })
        .unwrap();
        let mut rows: Vec<f64> = (0..40).flat_map(|i| [f64::from(i % 7), 3.0, 3.0]).collect();
        rows[3 * 10] = 99_999.0;
        let table = Table::from_rows(3, rows).unwrap();
        let options = QuantizeOptions::default();
        let notes = calibration_notes(&model, &table, &options).unwrap();
        let told: Vec<String> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "row 11, column `f0`: 99999 is far from the other values, 0 to 6; the range of the codes leaves it out",
                "column `f1` is 3 in every row; its range is a guess, beyond which values are clipped: take rows in which it varies",
            ]
        );
    }
}
