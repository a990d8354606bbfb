//! Additive models by cyclic boosting: round after round, each feature in turn gets a small tree of its own on the
//! derivatives at the scores so far (Lou, Caruana and Gehrke 2012). Trees split between quantile bins, so that a feature
//! takes few codes however many rounds there are.

use alloc::collections::BTreeMap;

use super::boosting::Goal;
use super::columns::Columns;
use super::grow::{GrowParams, Targets, grow, middle};
use super::params::{AdditiveClassifier, AdditiveRegressor, Loss};
use crate::additive::{AdditiveModel, AdditiveParts, Term};
use crate::forest::{Node, Tree};
use crate::model::{Model, ModelError};
use crate::random::Random;
use crate::train::{TrainError, TrainingData};

/// How rounds go.
pub(super) struct Settings {
    /// Of a regression.
    objective: Loss,
    n_estimators: usize,
    max_depth: usize,
    learning_rate: f64,
    max_bins: usize,
    reg_lambda: f64,
    gamma: f64,
    min_child_weight: f64,
}

impl From<AdditiveClassifier> for Settings {
    fn from(params: AdditiveClassifier) -> Self {
        Self {
            objective: Loss::SquaredError,
            n_estimators: params.n_estimators,
            max_depth: params.max_depth,
            learning_rate: params.learning_rate,
            max_bins: params.max_bins,
            reg_lambda: params.reg_lambda,
            gamma: params.gamma,
            min_child_weight: params.min_child_weight,
        }
    }
}

impl From<AdditiveRegressor> for Settings {
    fn from(params: AdditiveRegressor) -> Self {
        Self {
            objective: params.objective,
            n_estimators: params.n_estimators,
            max_depth: params.max_depth,
            learning_rate: params.learning_rate,
            max_bins: params.max_bins,
            reg_lambda: params.reg_lambda,
            gamma: params.gamma,
            min_child_weight: params.min_child_weight,
        }
    }
}

pub(super) fn fit(
    estimator: &'static str,
    settings: &Settings,
    params: BTreeMap<String, String>,
    data: &TrainingData<'_>,
) -> Result<Model, TrainError> {
    let goal = Goal::new(estimator, settings.objective, data)?;
    let binned = Binned::new(&Columns::new(data.table)?, settings.max_bins);
    let mut bias = goal.bias(&data.weights);
    let mut boosting = Boosting {
        goal: &goal,
        weights: &data.weights,
        binned: &binned,
        margins: bias.repeat(data.table.n_rows()),
        values: binned
            .cuts
            .iter()
            .map(|cuts| vec![vec![0.0; goal.outputs]; cuts.len() + 2])
            .collect(),
    };
    for _ in 0..settings.n_estimators {
        for feature in 0..binned.columns.n_features() {
            boosting.step(feature, settings);
        }
    }
    let terms = boosting.terms(&mut bias);
    let parts = AdditiveParts {
        estimator: estimator.to_owned(),
        feature_names: Some(data.table.columns().to_vec()),
        n_features: data.table.n_columns(),
        round_to_f32: true,
        terms,
        bias,
        inverse_link: goal.objective.inverse_link(),
        decision: goal.decision,
        classes: goal.classes.clone(),
        params,
    };
    let model = AdditiveModel::new(parts).map_err(ModelError::from)?;
    Ok(Model::Additive(model))
}

/// Features as bin numbers.
struct Binned {
    /// Per feature, between bins: ascending single-precision numbers.
    cuts: Vec<Vec<f64>>,
    /// Per feature, the bin of each row; NaN where the value is missing.
    columns: Columns,
}

impl Binned {
    /// At most `max_bins` bins of about as many rows each.
    fn new(columns: &Columns, max_bins: usize) -> Self {
        let features = columns.values.iter().zip(&columns.sorted);
        let cuts: Vec<Vec<f64>> = features
            .map(|(values, sorted)| {
                let present = sorted.iter().map(|&row| values[row as usize]);
                quantile_cuts(
                    &present.filter(|x| !x.is_nan()).collect::<Vec<_>>(),
                    max_bins,
                )
            })
            .collect();
        let bin = |cuts: &[f64], x: f32| {
            let bin = cuts.partition_point(|cut| *cut <= f64::from(x));
            #[expect(clippy::cast_precision_loss, reason = "there are at most 2^16 bins")]
            let bin = bin as f32;
            if x.is_nan() { x } else { bin }
        };
        let values = columns.values.iter().zip(&cuts);
        let values = values.map(|(values, cuts)| values.iter().map(|&x| bin(cuts, x)).collect());
        Self {
            columns: Columns::from_values(values.collect()),
            cuts,
        }
    }

    /// The bin of a row, the last of the term's values where it is missing.
    fn place(&self, feature: usize, row: usize) -> usize {
        let bin = self.columns.values[feature][row];
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bins are small whole numbers"
        )]
        let place = bin as usize;
        if bin.is_nan() {
            self.cuts[feature].len() + 1
        } else {
            place
        }
    }
}

/// Cut points between different neighbours of ascending `values`, at most `max_bins - 1`, at even ranks as far as ties allow.
fn quantile_cuts(values: &[f32], max_bins: usize) -> Vec<f64> {
    let distinct: Vec<usize> = (1..values.len())
        .filter(|&at| values[at - 1] < values[at])
        .collect();
    let cut = |at: usize| middle(values[at - 1], values[at]);
    if distinct.len() < max_bins {
        return distinct.into_iter().map(cut).collect();
    }
    let mut places: Vec<usize> = (1..max_bins)
        .filter_map(|bin| {
            let rank = bin * values.len() / max_bins;
            // The next place where the value changes.
            distinct
                .get(distinct.partition_point(|&at| at < rank))
                .copied()
        })
        .collect();
    places.dedup();
    places.into_iter().map(cut).collect()
}

struct Boosting<'a> {
    goal: &'a Goal,
    weights: &'a [f64],
    binned: &'a Binned,
    /// Row by row, one per output.
    margins: Vec<f64>,
    /// Per feature and bin, and at last for a missing value, what is added to each output.
    values: Vec<Vec<Vec<f64>>>,
}

impl Boosting<'_> {
    /// Fits a tree of one feature per output to the derivatives at the margins so far.
    fn step(&mut self, feature: usize, settings: &Settings) {
        let outputs = self.goal.outputs;
        let rows = self
            .margins
            .chunks_exact(outputs)
            .zip(self.goal.targets.chunks_exact(outputs));
        let derivatives: Vec<(f64, f64)> = rows
            .flat_map(|(margins, targets)| self.goal.objective.derivatives(margins, targets))
            .collect();
        let bins = self.values[feature].len() - 1;
        let mut added = vec![vec![0.0; outputs]; bins + 1];
        for output in 0..outputs {
            let of_output = derivatives
                .iter()
                .skip(output)
                .step_by(outputs)
                .zip(self.weights);
            let (sums, weights): (Vec<f64>, Vec<f64>) = of_output
                .map(|((g, h), weight)| (-g * weight, h * weight))
                .unzip();
            let tree = self.grow(
                feature,
                settings,
                &Targets {
                    width: 1,
                    sums: &sums,
                    weights: &weights,
                },
            );
            let mut row = vec![0.0; self.binned.columns.n_features()];
            for (bin, added) in added.iter_mut().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "there are at most 2^16 bins")]
                let code = if bin < bins { bin as f64 } else { f64::NAN };
                row[feature] = code;
                if let Node::Leaf(leaf) = &tree.nodes[tree.leaf(&row)] {
                    added[output] = leaf[0];
                }
            }
        }
        for (row, margins) in self.margins.chunks_exact_mut(outputs).enumerate() {
            let added = &added[self.binned.place(feature, row)];
            margins
                .iter_mut()
                .zip(added)
                .for_each(|(margin, value)| *margin += value);
        }
        for (value, added) in self.values[feature].iter_mut().zip(added) {
            value
                .iter_mut()
                .zip(added)
                .for_each(|(value, added)| *value += added);
        }
    }

    fn grow(&self, feature: usize, settings: &Settings, targets: &Targets<'_>) -> Tree {
        let lambda = settings.reg_lambda;
        let grow_params = GrowParams {
            max_depth: Some(settings.max_depth),
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_weight: settings.min_child_weight,
            lambda,
            min_gain: settings.gamma.max(1e-6),
            max_features: 1,
            stop_when_pure: false,
        };
        let rate = settings.learning_rate;
        let leaf = |sums: &[f64], weight: f64| vec![rate * sums[0] / (weight + lambda)];
        let mut random = Random::new(0);
        let nodes = grow(
            &self.binned.columns,
            targets,
            &[feature],
            &grow_params,
            &mut random,
            leaf,
        );
        Tree {
            first_output: 0,
            nodes,
        }
    }

    /// The step functions, each with mean 0 over the training rows; the means go into the bias.
    fn terms(self, bias: &mut [f64]) -> Vec<Term> {
        let total: f64 = self.weights.iter().sum();
        let mut terms = Vec::new();
        for (feature, mut values) in self.values.into_iter().enumerate() {
            let mut means = vec![0.0; bias.len()];
            for (row, weight) in self.weights.iter().enumerate() {
                let value = &values[self.binned.place(feature, row)];
                means
                    .iter_mut()
                    .zip(value)
                    .for_each(|(mean, value)| *mean += value * weight / total);
            }
            bias.iter_mut()
                .zip(&means)
                .for_each(|(bias, mean)| *bias += mean);
            values.iter_mut().for_each(|value| {
                value
                    .iter_mut()
                    .zip(&means)
                    .for_each(|(value, mean)| *value -= mean)
            });
            let missing = values
                .pop()
                .filter(|_| self.binned.columns.has_missing[feature]);
            // Steps between equal values are none.
            let mut cuts = Vec::new();
            let mut kept = vec![values[0].clone()];
            for (cut, value) in self.binned.cuts[feature].iter().zip(&values[1..]) {
                if kept.last() != Some(value) {
                    cuts.push(*cut);
                    kept.push(value.clone());
                }
            }
            terms.push(Term {
                feature,
                cuts,
                values: kept,
                missing,
            });
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_lie_at_even_ranks_between_different_values() {
        assert_eq!(quantile_cuts(&[1.0, 1.0, 2.0, 5.0], 32), [1.5, 3.5]);
        // Ranks 2 and 5 of 8; ties push the first to 5 as well.
        let values = [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0];
        assert_eq!(quantile_cuts(&values, 3), [0.5]);
        let values: Vec<f32> = (0_u8..100).map(f32::from).collect();
        assert_eq!(quantile_cuts(&values, 4), [24.5, 49.5, 74.5]);
        assert_eq!(quantile_cuts(&[7.0; 5], 4), [0.0; 0]);
        assert_eq!(quantile_cuts(&[], 4), [0.0; 0]);
    }
}
