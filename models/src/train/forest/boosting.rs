//! Gradient boosting with second derivatives (Chen and Guestrin 2016): each round adds, for every output, the tree that
//! decreases a quadratic approximation of the loss most.

use alloc::collections::BTreeMap;

use tenebra_quant::Decision;

use super::columns::Columns;
use super::grow::{GrowParams, Targets, grow};
use super::objective::Objective;
use super::params::{GradientBoostingClassifier, GradientBoostingRegressor, Loss};
use crate::forest::{ForestModel, ForestParts, Tree};
use crate::model::{Model, ModelError};
use crate::random::Random;
use crate::train::{TargetValues, TrainError, TrainingData};

/// How rounds go.
pub(super) struct Settings {
    /// Of a regression.
    objective: Loss,
    n_estimators: usize,
    max_depth: Option<usize>,
    learning_rate: f64,
    reg_lambda: f64,
    gamma: f64,
    min_child_weight: f64,
    subsample: f64,
    colsample_bytree: f64,
    random_state: u64,
}

impl From<GradientBoostingClassifier> for Settings {
    fn from(params: GradientBoostingClassifier) -> Self {
        Self {
            objective: Loss::SquaredError,
            n_estimators: params.n_estimators,
            max_depth: params.max_depth,
            learning_rate: params.learning_rate,
            reg_lambda: params.reg_lambda,
            gamma: params.gamma,
            min_child_weight: params.min_child_weight,
            subsample: params.subsample,
            colsample_bytree: params.colsample_bytree,
            random_state: params.random_state,
        }
    }
}

impl From<GradientBoostingRegressor> for Settings {
    fn from(params: GradientBoostingRegressor) -> Self {
        Self {
            objective: params.objective,
            n_estimators: params.n_estimators,
            max_depth: params.max_depth,
            learning_rate: params.learning_rate,
            reg_lambda: params.reg_lambda,
            gamma: params.gamma,
            min_child_weight: params.min_child_weight,
            subsample: params.subsample,
            colsample_bytree: params.colsample_bytree,
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
    let goal = Goal::new(estimator, settings.objective, data)?;
    let columns = Columns::new(data.table)?;
    let bias = goal.bias(&data.weights);
    let mut rounds = Rounds {
        goal: &goal,
        columns: &columns,
        rows: data.table.rows().map(to_single).collect(),
        weights: &data.weights,
        margins: bias.repeat(data.table.n_rows()),
        random: Random::new(settings.random_state),
    };
    let mut trees = Vec::new();
    for _ in 0..settings.n_estimators {
        trees.extend(rounds.next(settings));
    }
    let parts = ForestParts {
        estimator: estimator.to_owned(),
        feature_names: Some(data.table.columns().to_vec()),
        n_features: data.table.n_columns(),
        round_to_f32: true,
        trees,
        bias,
        inverse_link: goal.objective.inverse_link(),
        decision: goal.decision,
        classes: goal.classes,
        categories: Default::default(),
        params,
    };
    let model = ForestModel::new(parts).map_err(ModelError::from)?;
    Ok(Model::Forest(model))
}

/// A row as the splits compare it.
fn to_single(row: &[f64]) -> Vec<f64> {
    #[expect(clippy::cast_possible_truncation, reason = "the rounding is the point")]
    row.iter().map(|&x| f64::from(x as f32)).collect()
}

/// What is boosted.
pub(super) struct Goal {
    pub(super) objective: Objective,
    pub(super) decision: Decision,
    pub(super) classes: Vec<String>,
    pub(super) outputs: usize,
    /// Row by row, one per output.
    pub(super) targets: Vec<f64>,
}

impl Goal {
    pub(super) fn new(
        estimator: &'static str,
        loss: Loss,
        data: &TrainingData<'_>,
    ) -> Result<Self, TrainError> {
        match &data.target {
            TargetValues::Classes(classes) => {
                let (labels, binary) = (classes.labels.len(), classes.labels.len() == 2);
                let outputs = if binary { 1 } else { labels };
                let own = if binary { 1..2 } else { 0..labels };
                let hot = |&code: &usize| {
                    own.clone()
                        .map(move |class| f64::from(u8::from(code == class)))
                };
                Ok(Self {
                    objective: if binary {
                        Objective::Logistic
                    } else {
                        Objective::Softmax
                    },
                    decision: if binary {
                        Decision::Threshold
                    } else {
                        Decision::ArgMax
                    },
                    classes: classes.labels.clone(),
                    outputs,
                    targets: classes.codes.iter().flat_map(hot).collect(),
                })
            }
            TargetValues::Numbers(columns) => {
                let objective = Objective::regression(loss);
                let bad = |column: &Vec<f64>| {
                    let row = column.iter().position(|&y| !objective.accepts(y))?;
                    Some((row + 1, column[row]))
                };
                if let Some((row, value)) = columns.iter().find_map(bad) {
                    return Err(TrainError::TargetRange {
                        estimator: format!("{estimator} with a log link"),
                        row,
                        value,
                        range: "positive numbers, or for count:poisson 0 as well",
                    });
                }
                let rows = 0..data.weights.len();
                let targets = rows.flat_map(|row| columns.iter().map(move |column| column[row]));
                Ok(Self {
                    objective,
                    decision: Decision::None,
                    classes: Vec::new(),
                    outputs: columns.len(),
                    targets: targets.collect(),
                })
            }
        }
    }

    /// The margins before any tree: those of the weighted mean targets.
    pub(super) fn bias(&self, weights: &[f64]) -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        let mut means = vec![0.0; self.outputs];
        for (row, weight) in self.targets.chunks_exact(self.outputs).zip(weights) {
            means
                .iter_mut()
                .zip(row)
                .for_each(|(mean, y)| *mean += y * weight / total);
        }
        self.objective.margins_of_means(&means)
    }
}

/// The state between rounds.
struct Rounds<'a> {
    goal: &'a Goal,
    columns: &'a Columns,
    /// The features as the splits compare them.
    rows: Vec<Vec<f64>>,
    weights: &'a [f64],
    /// Row by row, one per output.
    margins: Vec<f64>,
    random: Random,
}

impl Rounds<'_> {
    /// Grows a tree per output on the derivatives at the margins so far.
    fn next(&mut self, settings: &Settings) -> Vec<Tree> {
        let outputs = self.goal.outputs;
        let kept = self.sample(settings);
        let rows = self
            .margins
            .chunks_exact(outputs)
            .zip(self.goal.targets.chunks_exact(outputs));
        let derivatives: Vec<(f64, f64)> = rows
            .flat_map(|(margins, targets)| self.goal.objective.derivatives(margins, targets))
            .collect();
        let mut trees = Vec::with_capacity(outputs);
        for output in 0..outputs {
            let of_output = derivatives.iter().skip(output).step_by(outputs).zip(&kept);
            let (sums, weights): (Vec<f64>, Vec<f64>) = of_output
                .map(|((g, h), weight)| (-g * weight, h * weight))
                .unzip();
            let targets = Targets {
                width: 1,
                sums: &sums,
                weights: &weights,
            };
            let tree = Tree {
                first_output: output,
                nodes: self.grow(settings, &targets),
            };
            for (row, features) in self.rows.iter().enumerate() {
                if let crate::forest::Node::Leaf(leaf) = &tree.nodes[tree.leaf(features)] {
                    self.margins[row * outputs + output] += leaf[0];
                }
            }
            trees.push(tree);
        }
        trees
    }

    /// The weights of the rows that this round looks at, 0 for the others.
    fn sample(&mut self, settings: &Settings) -> Vec<f64> {
        let subsample = settings.subsample;
        let keep = |weight: &f64| {
            let kept = subsample >= 1.0 || self.random.unit() < subsample;
            if kept { *weight } else { 0.0 }
        };
        let kept: Vec<f64> = self.weights.iter().map(keep).collect();
        if kept.iter().any(|weight| *weight > 0.0) {
            kept
        } else {
            self.weights.to_vec()
        }
    }

    fn grow(&mut self, settings: &Settings, targets: &Targets<'_>) -> Vec<crate::forest::Node> {
        let mut features: Vec<usize> = (0..self.columns.n_features()).collect();
        let share = settings.colsample_bytree;
        if share < 1.0 {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a small count"
            )]
            let count = ((features.len() as f64 * share) as usize).max(1);
            self.random.choose(&mut features, count);
            features.truncate(count);
            features.sort_unstable();
        }
        let lambda = settings.reg_lambda;
        let grow_params = GrowParams {
            max_depth: settings.max_depth,
            min_samples_split: 2,
            min_samples_leaf: 1,
            min_weight: settings.min_child_weight,
            lambda,
            // XGBoost's kRtEps: a gain below is rounding.
            min_gain: settings.gamma.max(1e-6),
            max_features: features.len(),
            stop_when_pure: false,
        };
        let rate = settings.learning_rate;
        let leaf = |sums: &[f64], weight: f64| vec![rate * sums[0] / (weight + lambda)];
        grow(
            self.columns,
            targets,
            &features,
            &grow_params,
            &mut self.random,
            leaf,
        )
    }
}
