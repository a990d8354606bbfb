//! The registry of linear estimators: scikit-learn's names, defaults and one line each.

use super::{FeatureStats, LinearModel, LinearParts, least_squares, logistic};
use crate::estimator::{EstimatorInfo, Kind, Param, Params, Task, Trained, TrainingData};
use crate::model::Model;
use crate::quantized::QuantizeOptions;

const POSITIVE: Kind = Kind::Above { min: 0.0 };
const NOT_NEGATIVE: Kind = Kind::Float {
    min: 0.0,
    max: f64::INFINITY,
};
const COUNT: Kind = Kind::Int {
    min: 1,
    max: 1_000_000_000,
};

const FIT_INTERCEPT: Param = Param {
    name: "fit_intercept",
    kind: Kind::Bool,
    default: "true",
    doc: "whether to learn a constant term",
};
const TOL: Param = Param {
    name: "tol",
    kind: POSITIVE,
    default: "0.0001",
    doc: "stops when the gradient is at most tol^2, with the loss scaled to unit curvature",
};
const CLASS_WEIGHT: Param = Param {
    name: "class_weight",
    kind: Kind::Optional(&Kind::Choice(&["balanced"])),
    default: "none",
    doc: "balanced: classes weigh the same however many rows they have",
};

const fn max_iter(default: &'static str) -> Param {
    Param {
        name: "max_iter",
        kind: COUNT,
        default,
        doc: "most steps of the optimizer",
    }
}

/// Linear estimators in the order in which they are listed.
pub(crate) static ESTIMATORS: &[EstimatorInfo] = &[
    EstimatorInfo {
        name: "LinearRegression",
        task: Task::Regression,
        doc: "least squares; several target columns give several outputs",
        params: &[FIT_INTERCEPT],
        fit: least_squares::fit_linear_regression,
    },
    EstimatorInfo {
        name: "Ridge",
        task: Task::Regression,
        doc: "least squares with an L2 penalty",
        params: &[
            Param {
                name: "alpha",
                kind: NOT_NEGATIVE,
                default: "1.0",
                doc: "strength of the penalty",
            },
            FIT_INTERCEPT,
        ],
        fit: least_squares::fit_ridge,
    },
    EstimatorInfo {
        name: "LogisticRegression",
        task: Task::Classification,
        doc: "binary or multinomial logistic regression with an L2 penalty",
        params: &[
            Param {
                name: "C",
                kind: POSITIVE,
                default: "1.0",
                doc: "inverse strength of the penalty",
            },
            FIT_INTERCEPT,
            max_iter("100"),
            TOL,
            CLASS_WEIGHT,
        ],
        fit: logistic::fit,
    },
];

pub(super) fn trained(model: LinearModel, warning: Option<String>) -> Trained {
    Trained {
        model: Model::Linear(model),
        warning,
    }
}

impl TrainingData<'_> {
    /// Fills in what every linear model takes from its data: names, classes and hyper-parameters.
    pub(super) fn describe(&self, params: &Params, parts: LinearParts) -> LinearParts {
        LinearParts {
            feature_names: Some(self.table.columns().to_vec()),
            n_features: self.table.n_columns(),
            feature_stats: self.stats(),
            classes: self
                .classes()
                .map(|classes| classes.labels.clone())
                .unwrap_or_default(),
            params: params.to_text(),
            ..parts
        }
    }

    /// What the codecs of the features can be chosen from, without keeping the data.
    fn stats(&self) -> Option<Vec<FeatureStats>> {
        let options = QuantizeOptions::default();
        let feature =
            |j| FeatureStats::new(&self.table.column(j).collect::<Vec<_>>(), &options).ok();
        (0..self.table.n_columns()).map(feature).collect()
    }
}
