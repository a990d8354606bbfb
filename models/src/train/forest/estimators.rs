//! The table of tree estimators: names of scikit-learn, and one line each.

use super::params::{
    AdditiveClassifier, AdditiveRegressor, DecisionTreeClassifier, DecisionTreeRegressor,
    GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier,
    RandomForestRegressor,
};
use super::{additive, boosting, cart};
use crate::model::Task;
use crate::train::{EstimatorInfo, Trained};

/// An estimator, whose trainer gives a model for what hyper-parameters of a type amount to.
macro_rules! trees {
    ($name:ident, $task:ident, $doc:literal, $fit:path) => {
        EstimatorInfo {
            name: stringify!($name),
            task: Task::$task,
            doc: $doc,
            params: $name::PARAMS,
            missing: true,
            fit: |params, data| {
                let settings = $name::read(params).into();
                let model = $fit(stringify!($name), &settings, params.to_text(), data)?;
                let warning = None;
                Ok(Trained { model, warning })
            },
        }
    };
}

/// Tree estimators in the order in which they are listed.
pub(crate) static ESTIMATORS: &[EstimatorInfo] = &[
    trees!(
        DecisionTreeClassifier,
        Classification,
        "a tree of comparisons, by the Gini impurity",
        cart::fit
    ),
    trees!(
        DecisionTreeRegressor,
        Regression,
        "a tree of comparisons, by the squared error; several target columns give several outputs",
        cart::fit
    ),
    trees!(
        RandomForestClassifier,
        Classification,
        "the mean of trees on resampled rows and few features a split",
        cart::fit
    ),
    trees!(
        RandomForestRegressor,
        Regression,
        "the mean of trees on resampled rows; several target columns give several outputs",
        cart::fit
    ),
    trees!(
        GradientBoostingClassifier,
        Classification,
        "a sum of trees, each grown on the errors of those before; parameters are XGBoost's",
        boosting::fit
    ),
    trees!(
        GradientBoostingRegressor,
        Regression,
        "a sum of trees, each grown on the errors of those before; parameters are XGBoost's",
        boosting::fit
    ),
    trees!(
        AdditiveClassifier,
        Classification,
        "a sum of step functions of single features (GAM), by cyclic boosting",
        additive::fit
    ),
    trees!(
        AdditiveRegressor,
        Regression,
        "a sum of step functions of single features (GAM), by cyclic boosting",
        additive::fit
    ),
];
