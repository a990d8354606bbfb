//! Decision trees and random forests: CART on weighted rows, with every leaf a mean.

use alloc::collections::BTreeMap;

use tenebra_quant::{Decision, InverseLink};

use super::columns::Columns;
use super::grow::{GrowParams, Targets, grow};
use super::params::{
    DecisionTreeClassifier, DecisionTreeRegressor, MaxFeatures, RandomForestClassifier,
    RandomForestRegressor,
};
use crate::data::Classes;
use crate::forest::{ForestModel, ForestParts, Tree};
use crate::model::{Model, ModelError};
use crate::random::Random;
use crate::scores::power_of_two;
use crate::train::params::ClassWeight;
use crate::train::{TargetValues, TrainError, TrainingData};

/// How trees are grown, and how many.
pub(super) struct Settings {
    /// Of a forest; a single tree without.
    forest: Option<Resampling>,
    max_depth: Option<usize>,
    min_samples_split: usize,
    min_samples_leaf: usize,
    max_features: Option<MaxFeatures>,
    class_weight: Option<ClassWeight>,
    random_state: u64,
}

/// The trees of a forest.
struct Resampling {
    n_estimators: usize,
    bootstrap: bool,
}

impl From<DecisionTreeClassifier> for Settings {
    fn from(params: DecisionTreeClassifier) -> Self {
        Self {
            forest: None,
            max_depth: params.max_depth,
            min_samples_split: params.min_samples_split,
            min_samples_leaf: params.min_samples_leaf,
            max_features: params.max_features,
            class_weight: params.class_weight,
            random_state: params.random_state,
        }
    }
}

impl From<DecisionTreeRegressor> for Settings {
    fn from(params: DecisionTreeRegressor) -> Self {
        Self {
            forest: None,
            max_depth: params.max_depth,
            min_samples_split: params.min_samples_split,
            min_samples_leaf: params.min_samples_leaf,
            max_features: params.max_features,
            class_weight: None,
            random_state: params.random_state,
        }
    }
}

impl From<RandomForestClassifier> for Settings {
    fn from(params: RandomForestClassifier) -> Self {
        Self {
            forest: Some(Resampling {
                n_estimators: params.n_estimators,
                bootstrap: params.bootstrap,
            }),
            max_depth: params.max_depth,
            min_samples_split: params.min_samples_split,
            min_samples_leaf: params.min_samples_leaf,
            max_features: params.max_features,
            class_weight: params.class_weight,
            random_state: params.random_state,
        }
    }
}

impl From<RandomForestRegressor> for Settings {
    fn from(params: RandomForestRegressor) -> Self {
        Self {
            forest: Some(Resampling {
                n_estimators: params.n_estimators,
                bootstrap: params.bootstrap,
            }),
            max_depth: params.max_depth,
            min_samples_split: params.min_samples_split,
            min_samples_leaf: params.min_samples_leaf,
            max_features: params.max_features,
            class_weight: None,
            random_state: params.random_state,
        }
    }
}

pub(super) fn fit(
    estimator: &'static str,
    settings: &Settings,
    params: BTreeMap<String, String>,
    data: &TrainingData<'_>,
) -> Result<Model, TrainError> {
    let goal = Goal::new(settings, data).in_units();
    let columns = Columns::new(data.table)?;
    let trees = match &settings.forest {
        None => {
            let mut random = Random::new(settings.random_state);
            vec![goal.tree(&columns, &goal.weights, settings, 1.0, &mut random)]
        }
        Some(forest) => grown(&goal, &columns, settings, forest),
    };
    goal.model(estimator, params, data, trees)
}

/// The trees of a forest, whose leaves are shares of the mean.
fn grown(goal: &Goal, columns: &Columns, settings: &Settings, forest: &Resampling) -> Vec<Tree> {
    #[expect(clippy::cast_precision_loss, reason = "tree counts are far below 2^53")]
    let share = 1.0 / forest.n_estimators as f64;
    let tree = |index: usize| {
        // A generator of its own for each tree: the first trees of a larger forest are those of a smaller one.
        let mut random = Random::new(settings.random_state).branch(index as u64);
        let mut weights = goal.weights.clone();
        if forest.bootstrap {
            resample(&mut weights, &mut random);
        }
        goal.tree(columns, &weights, settings, share, &mut random)
    };
    (0..forest.n_estimators).map(tree).collect()
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
    /// Row by row: one-hot classes, or the targets, in units of `unit`.
    values: Vec<f64>,
    unit: f64,
    weights: Vec<f64>,
}

impl Goal {
    fn new(settings: &Settings, data: &TrainingData<'_>) -> Self {
        match &data.target {
            TargetValues::Classes(classes) => {
                Self::classes(settings.class_weight, classes, &data.weights)
            }
            TargetValues::Numbers(targets) => {
                let rows = 0..data.weights.len();
                let values = rows.flat_map(|row| targets.iter().map(move |column| column[row]));
                Self {
                    width: targets.len(),
                    values: values.collect(),
                    unit: 1.0,
                    weights: data.weights.clone(),
                }
            }
        }
    }

    /// The same with the largest target and weight between 1 and 2, so that no sum or square of them overflows or vanishes. Powers of
    /// two change no split and no leaf.
    fn in_units(mut self) -> Self {
        self.unit = power_of_two(&self.values);
        self.values.iter_mut().for_each(|value| *value /= self.unit);
        let unit = power_of_two(&self.weights);
        self.weights.iter_mut().for_each(|weight| *weight /= unit);
        self
    }

    fn classes(class_weight: Option<ClassWeight>, classes: &Classes, weights: &[f64]) -> Self {
        let width = classes.labels.len();
        let mut values = vec![0.0; width * classes.codes.len()];
        let mut of_class = vec![0.0; width];
        for (row, &code) in classes.codes.iter().enumerate() {
            values[row * width + code] = 1.0;
            of_class[code] += weights[row];
        }
        let mut weights = weights.to_vec();
        if class_weight.is_some() {
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
            unit: 1.0,
            weights,
        }
    }

    fn tree(
        &self,
        columns: &Columns,
        weights: &[f64],
        settings: &Settings,
        share: f64,
        random: &mut Random,
    ) -> Tree {
        let n_features = columns.n_features();
        let grow_params = GrowParams {
            max_depth: settings.max_depth,
            min_samples_split: settings.min_samples_split,
            min_samples_leaf: settings.min_samples_leaf,
            min_weight: 0.0,
            lambda: 0.0,
            // Like scikit-learn: a node that is not pure is split even where that gains nothing yet.
            min_gain: f64::NEG_INFINITY,
            max_features: match settings.max_features {
                Some(MaxFeatures::Sqrt) => n_features.isqrt().max(1),
                Some(MaxFeatures::Log2) => (n_features.ilog2() as usize).max(1),
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
        let mean = |sums: &[f64], weight: f64| {
            let means = sums.iter().map(|sum| share * sum / weight * self.unit);
            means.collect()
        };
        let nodes = grow(columns, &targets, &features, &grow_params, random, mean);
        Tree {
            first_output: 0,
            nodes,
        }
    }

    fn model(
        &self,
        estimator: &'static str,
        params: BTreeMap<String, String>,
        data: &TrainingData<'_>,
        trees: Vec<Tree>,
    ) -> Result<Model, TrainError> {
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
            params,
        };
        let model = ForestModel::new(parts).map_err(ModelError::from)?;
        Ok(Model::Forest(model))
    }
}
