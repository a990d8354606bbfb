//! Decision trees and random forests: CART on weighted rows, with every leaf a mean.

use tenebra_quant::{Decision, InverseLink};

use super::columns::Columns;
use super::grow::{GrowParams, Targets, grow};
use crate::data::Classes;
use crate::forest::{ForestModel, ForestParts, Tree};
use crate::model::Model;
use crate::random::Random;
use crate::train::TrainError;
use crate::train::{Params, TargetValues, Trained, TrainingData};

pub(super) fn fit_decision_tree(
    estimator: &'static str,
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    let goal = Goal::new(params, data);
    let columns = Columns::new(data.table)?;
    let mut random = Random::new(params.seed("random_state"));
    let trees = vec![goal.tree(&columns, &goal.weights, params, 1.0, &mut random)];
    goal.model(estimator, params, data, trees)
}

pub(super) fn fit_random_forest(
    estimator: &'static str,
    params: &Params,
    data: &TrainingData<'_>,
) -> Result<Trained, TrainError> {
    let goal = Goal::new(params, data);
    let columns = Columns::new(data.table)?;
    let n_estimators = params.count("n_estimators");
    #[expect(clippy::cast_precision_loss, reason = "tree counts are far below 2^53")]
    let share = 1.0 / n_estimators as f64;
    let seed = params.seed("random_state");
    let tree = |index: usize| {
        // A generator of its own for each tree: the first trees of a larger forest are those of a smaller one.
        let mut random = Random::new(seed).branch(index as u64);
        let mut weights = goal.weights.clone();
        if params.flag("bootstrap") {
            resample(&mut weights, &mut random);
        }
        goal.tree(&columns, &weights, params, share, &mut random)
    };
    let trees = (0..n_estimators).map(tree).collect();
    goal.model(estimator, params, data, trees)
}

/// Multiplies each weight by the times its row comes up in as many draws as there are rows.
fn resample(weights: &mut [f64], random: &mut Random) {
    let mut times = vec![0_u32; weights.len()];
    for _ in 0..weights.len() {
        times[random.below(weights.len())] += 1;
    }
    // Rows of weight 0 may be all that came up.
    let some = weights
        .iter()
        .zip(&times)
        .any(|(weight, times)| *weight > 0.0 && *times > 0);
    if some {
        weights
            .iter_mut()
            .zip(times)
            .for_each(|(weight, times)| *weight *= f64::from(times));
    }
}

/// What the leaves are means of.
struct Goal {
    /// Entries of a leaf: classes, or target columns.
    width: usize,
    /// Row by row: one-hot classes, or the targets.
    values: Vec<f64>,
    weights: Vec<f64>,
}

impl Goal {
    fn new(params: &Params, data: &TrainingData<'_>) -> Self {
        match &data.target {
            TargetValues::Classes(classes) => Self::classes(params, classes, &data.weights),
            TargetValues::Numbers(targets) => {
                let rows = 0..data.weights.len();
                let values = rows.flat_map(|row| targets.iter().map(move |column| column[row]));
                Self {
                    width: targets.len(),
                    values: values.collect(),
                    weights: data.weights.clone(),
                }
            }
        }
    }

    fn classes(params: &Params, classes: &Classes, weights: &[f64]) -> Self {
        let width = classes.labels.len();
        let mut values = vec![0.0; width * classes.codes.len()];
        let mut of_class = vec![0.0; width];
        for (row, &code) in classes.codes.iter().enumerate() {
            values[row * width + code] = 1.0;
            of_class[code] += weights[row];
        }
        let mut weights = weights.to_vec();
        if params.choice("class_weight") == Some("balanced") {
            let total: f64 = of_class.iter().sum();
            #[expect(
                clippy::cast_precision_loss,
                reason = "class counts are far below 2^53"
            )]
            let share = total / width as f64;
            for (weight, &code) in weights.iter_mut().zip(&classes.codes) {
                *weight *= if of_class[code] > 0.0 {
                    share / of_class[code]
                } else {
                    1.0
                };
            }
        }
        Self {
            width,
            values,
            weights,
        }
    }

    fn tree(
        &self,
        columns: &Columns,
        weights: &[f64],
        params: &Params,
        share: f64,
        random: &mut Random,
    ) -> Tree {
        let n_features = columns.n_features();
        let grow_params = GrowParams {
            max_depth: params.optional_count("max_depth"),
            min_samples_split: params.count("min_samples_split"),
            min_samples_leaf: params.count("min_samples_leaf"),
            min_weight: 0.0,
            lambda: 0.0,
            // Like scikit-learn: a node that is not pure is split even where that gains nothing yet.
            min_gain: f64::NEG_INFINITY,
            max_features: match params.choice("max_features") {
                Some("sqrt") => n_features.isqrt().max(1),
                Some(_) => (n_features.ilog2() as usize).max(1),
                None => n_features,
            },
            stop_when_pure: true,
        };
        let rows = self.values.chunks_exact(self.width).zip(weights);
        let sums: Vec<f64> = rows
            .flat_map(|(row, weight)| row.iter().map(move |y| y * weight))
            .collect();
        let targets = Targets {
            width: self.width,
            sums: &sums,
            weights,
        };
        let features: Vec<usize> = (0..n_features).collect();
        let mean =
            |sums: &[f64], weight: f64| sums.iter().map(|sum| share * sum / weight).collect();
        let nodes = grow(columns, &targets, &features, &grow_params, random, mean);
        Tree {
            first_output: 0,
            nodes,
        }
    }

    fn model(
        &self,
        estimator: &'static str,
        params: &Params,
        data: &TrainingData<'_>,
        trees: Vec<Tree>,
    ) -> Result<Trained, TrainError> {
        let (decision, classes) = match &data.target {
            TargetValues::Classes(classes) => (Decision::ArgMax, classes.labels.clone()),
            TargetValues::Numbers(_) => (Decision::None, Vec::new()),
        };
        let parts = ForestParts {
            estimator: estimator.to_owned(),
            feature_names: Some(data.table.columns().to_vec()),
            n_features: data.table.n_columns(),
            round_to_f32: true,
            trees,
            bias: vec![0.0; self.width],
            inverse_link: InverseLink::Identity,
            decision,
            classes,
            categories: Default::default(),
            params: params.to_text(),
        };
        let model = Model::Forest(ForestModel::new(parts).map_err(crate::model::ModelError::from)?);
        Ok(Trained {
            model,
            warning: None,
        })
    }
}
