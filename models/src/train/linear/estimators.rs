//! The table of linear estimators: scikit-learn's names, and one line each.

use super::params::{
    ElasticNet, Lasso, LinearRegression, LinearSvc, LinearSvr, LogLinkRegressor,
    LogisticRegression, Ridge, SgdClassifier, SgdRegressor, TweedieRegressor,
};
use super::{elastic_net, glm, least_squares, logistic, sgd, svm};
use crate::model::Task;
use crate::train::EstimatorInfo;

/// An estimator of a name, whose trainer gives a head for hyper-parameters of a type.
macro_rules! linear {
    ($name:literal, $task:ident, $doc:literal, $params:ty, $fit:path) => {
        EstimatorInfo {
            name: $name,
            task: Task::$task,
            doc: $doc,
            params: <$params>::PARAMS,
            missing: false,
            fit: |params, data| {
                let head = $fit($name, &<$params>::read(params), data)?;
                head.into_trained($name, params, data)
            },
        }
    };
}

/// Linear estimators in the order in which they are listed.
pub(crate) static ESTIMATORS: &[EstimatorInfo] = &[
    linear!(
        "LinearRegression",
        Regression,
        "least squares; several target columns give several outputs",
        LinearRegression,
        least_squares::linear_regression
    ),
    linear!(
        "Ridge",
        Regression,
        "least squares with an L2 penalty; several target columns give several outputs",
        Ridge,
        least_squares::ridge
    ),
    linear!(
        "Lasso",
        Regression,
        "least squares with an L1 penalty, which leaves features out",
        Lasso,
        elastic_net::lasso
    ),
    linear!(
        "ElasticNet",
        Regression,
        "least squares with L1 and L2 penalties",
        ElasticNet,
        elastic_net::elastic_net
    ),
    linear!(
        "LogisticRegression",
        Classification,
        "binary or multinomial logistic regression with an L2 penalty",
        LogisticRegression,
        logistic::fit
    ),
    linear!(
        "LinearSVC",
        Classification,
        "linear support vector classification, one class against the others",
        LinearSvc,
        svm::classifier
    ),
    linear!(
        "LinearSVR",
        Regression,
        "linear support vector regression",
        LinearSvr,
        svm::regressor
    ),
    linear!(
        "SGDClassifier",
        Classification,
        "linear classification by stochastic gradient descent, one class against the others",
        SgdClassifier,
        sgd::classifier
    ),
    linear!(
        "SGDRegressor",
        Regression,
        "linear regression by stochastic gradient descent; scale the features first",
        SgdRegressor,
        sgd::regressor
    ),
    linear!(
        "PoissonRegressor",
        Regression,
        "counts and rates: Poisson deviance, log link, L2 penalty",
        LogLinkRegressor,
        glm::poisson
    ),
    linear!(
        "GammaRegressor",
        Regression,
        "positive amounts: Gamma deviance, log link, L2 penalty",
        LogLinkRegressor,
        glm::gamma
    ),
    linear!(
        "TweedieRegressor",
        Regression,
        "Tweedie deviance of any power, L2 penalty",
        TweedieRegressor,
        glm::tweedie
    ),
];
