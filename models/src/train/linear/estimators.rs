//! The registry of linear estimators: scikit-learn's names, defaults and one line each.

use super::{elastic_net, glm, least_squares, logistic, sgd, svm};
use crate::model::Task;
use crate::train::{EstimatorInfo, Kind, Param};

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

const TOL_GAP: Param = Param {
    name: "tol",
    kind: POSITIVE,
    default: "0.0001",
    doc: "stops when the duality gap is at most this part of the target's square",
};
const TOL_SVM: Param = Param {
    name: "tol",
    kind: POSITIVE,
    default: "0.0001",
    doc: "smooth losses: as for LogisticRegression; others: violations of optimality as part of those at the start",
};
const SHARE: Kind = Kind::Float { min: 0.0, max: 1.0 };
const INTERCEPT_SCALING: Param = Param {
    name: "intercept_scaling",
    kind: POSITIVE,
    default: "1.0",
    doc: "value of the constant feature whose penalized weight gives the intercept",
};
const RANDOM_STATE: Param = Param {
    name: "random_state",
    kind: Kind::Int {
        min: 0,
        max: i64::MAX,
    },
    default: "0",
    doc: "seed of the order of the rows",
};
const C: Param = Param {
    name: "C",
    kind: POSITIVE,
    default: "1.0",
    doc: "inverse strength of the penalty",
};
const ALPHA: Param = Param {
    name: "alpha",
    kind: NOT_NEGATIVE,
    default: "1.0",
    doc: "strength of the penalty",
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
        missing: false,
        fit: least_squares::fit_linear_regression,
    },
    EstimatorInfo {
        name: "Ridge",
        task: Task::Regression,
        doc: "least squares with an L2 penalty; several target columns give several outputs",
        params: &[ALPHA, FIT_INTERCEPT],
        missing: false,
        fit: least_squares::fit_ridge,
    },
    EstimatorInfo {
        name: "Lasso",
        task: Task::Regression,
        doc: "least squares with an L1 penalty, which leaves features out",
        params: &[ALPHA, FIT_INTERCEPT, max_iter("1000"), TOL_GAP],
        missing: false,
        fit: elastic_net::fit_lasso,
    },
    EstimatorInfo {
        name: "ElasticNet",
        task: Task::Regression,
        doc: "least squares with L1 and L2 penalties",
        params: &[
            ALPHA,
            Param {
                name: "l1_ratio",
                kind: SHARE,
                default: "0.5",
                doc: "share of the L1 norm in the penalty",
            },
            FIT_INTERCEPT,
            max_iter("1000"),
            TOL_GAP,
        ],
        missing: false,
        fit: elastic_net::fit_elastic_net,
    },
    EstimatorInfo {
        name: "LogisticRegression",
        task: Task::Classification,
        doc: "binary or multinomial logistic regression with an L2 penalty",
        params: &[C, FIT_INTERCEPT, max_iter("100"), TOL, CLASS_WEIGHT],
        missing: false,
        fit: logistic::fit,
    },
    EstimatorInfo {
        name: "LinearSVC",
        task: Task::Classification,
        doc: "linear support vector classification, one class against the others",
        params: &[
            Param {
                name: "loss",
                kind: Kind::Choice(&["squared_hinge", "hinge"]),
                default: "squared_hinge",
                doc: "loss of a row on the wrong side of the margin",
            },
            C,
            FIT_INTERCEPT,
            INTERCEPT_SCALING,
            CLASS_WEIGHT,
            max_iter("1000"),
            TOL_SVM,
            RANDOM_STATE,
        ],
        missing: false,
        fit: svm::fit_classifier,
    },
    EstimatorInfo {
        name: "LinearSVR",
        task: Task::Regression,
        doc: "linear support vector regression",
        params: &[
            Param {
                name: "loss",
                kind: Kind::Choice(&["epsilon_insensitive", "squared_epsilon_insensitive"]),
                default: "epsilon_insensitive",
                doc: "loss of an error beyond epsilon",
            },
            Param {
                name: "epsilon",
                kind: NOT_NEGATIVE,
                default: "0.0",
                doc: "errors up to this size are free",
            },
            C,
            FIT_INTERCEPT,
            INTERCEPT_SCALING,
            max_iter("1000"),
            TOL_SVM,
            RANDOM_STATE,
        ],
        missing: false,
        fit: svm::fit_regressor,
    },
    EstimatorInfo {
        name: "SGDClassifier",
        task: Task::Classification,
        doc: "linear classification by stochastic gradient descent, one class against the others",
        params: SGD_CLASSIFIER,
        missing: false,
        fit: sgd::fit_classifier,
    },
    EstimatorInfo {
        name: "SGDRegressor",
        task: Task::Regression,
        doc: "linear regression by stochastic gradient descent; scale the features first",
        params: SGD_REGRESSOR,
        missing: false,
        fit: sgd::fit_regressor,
    },
    EstimatorInfo {
        name: "PoissonRegressor",
        task: Task::Regression,
        doc: "counts and rates: Poisson deviance, log link, L2 penalty",
        params: &[ALPHA, FIT_INTERCEPT, max_iter("100"), TOL],
        missing: false,
        fit: glm::fit_poisson,
    },
    EstimatorInfo {
        name: "GammaRegressor",
        task: Task::Regression,
        doc: "positive amounts: Gamma deviance, log link, L2 penalty",
        params: &[ALPHA, FIT_INTERCEPT, max_iter("100"), TOL],
        missing: false,
        fit: glm::fit_gamma,
    },
    EstimatorInfo {
        name: "TweedieRegressor",
        task: Task::Regression,
        doc: "Tweedie deviance of any power, L2 penalty",
        params: &[
            Param {
                name: "power",
                kind: Kind::Float {
                    min: f64::NEG_INFINITY,
                    max: f64::INFINITY,
                },
                default: "0.0",
                doc: "0 normal, 1 Poisson, 1 to 2 compound, 2 Gamma, 3 inverse Gaussian; none between 0 and 1",
            },
            ALPHA,
            Param {
                name: "link",
                kind: Kind::Choice(&["auto", "identity", "log"]),
                default: "auto",
                doc: "of the mean; auto is identity up to power 0 and log above",
            },
            FIT_INTERCEPT,
            max_iter("100"),
            TOL,
        ],
        missing: false,
        fit: glm::fit_tweedie,
    },
];

const fn sgd_loss(losses: &'static [&'static str], default: &'static str) -> Param {
    Param {
        name: "loss",
        kind: Kind::Choice(losses),
        default,
        doc: "loss of a row",
    }
}

const fn sgd_rate(default: &'static str) -> Param {
    Param {
        name: "learning_rate",
        kind: Kind::Choice(&["optimal", "constant", "invscaling", "adaptive"]),
        default,
        doc: "how the size of the steps changes",
    }
}

const fn sgd_power(default: &'static str) -> Param {
    Param {
        name: "power_t",
        kind: Kind::Float {
            min: f64::NEG_INFINITY,
            max: f64::INFINITY,
        },
        default,
        doc: "exponent of learning_rate = invscaling",
    }
}

const SGD_PENALTY: Param = Param {
    name: "penalty",
    kind: Kind::Optional(&Kind::Choice(&["l2", "l1", "elasticnet"])),
    default: "l2",
    doc: "norm of the weights that is penalized",
};
const SGD_ALPHA: Param = Param {
    name: "alpha",
    kind: NOT_NEGATIVE,
    default: "0.0001",
    doc: "strength of the penalty",
};
const SGD_L1_RATIO: Param = Param {
    name: "l1_ratio",
    kind: SHARE,
    default: "0.15",
    doc: "share of the L1 norm in penalty = elasticnet",
};
const SGD_TOL: Param = Param {
    name: "tol",
    kind: Kind::Optional(&NOT_NEGATIVE),
    default: "0.001",
    doc: "stops when the mean loss fell by less for n_iter_no_change rounds",
};
const SGD_SHUFFLE: Param = Param {
    name: "shuffle",
    kind: Kind::Bool,
    default: "true",
    doc: "whether each round has its own order of the rows",
};
const SGD_EPSILON: Param = Param {
    name: "epsilon",
    kind: NOT_NEGATIVE,
    default: "0.1",
    doc: "of the losses with a tolerance",
};
const SGD_ETA0: Param = Param {
    name: "eta0",
    kind: POSITIVE,
    default: "0.01",
    doc: "first learning rate",
};
const SGD_NO_CHANGE: Param = Param {
    name: "n_iter_no_change",
    kind: COUNT,
    default: "5",
    doc: "rounds without progress before stopping",
};

const SGD_CLASSIFIER: &[Param] = &[
    sgd_loss(sgd::CLASSIFIER_LOSSES, "hinge"),
    SGD_PENALTY,
    SGD_ALPHA,
    SGD_L1_RATIO,
    FIT_INTERCEPT,
    max_iter("1000"),
    SGD_TOL,
    SGD_SHUFFLE,
    SGD_EPSILON,
    RANDOM_STATE,
    sgd_rate("optimal"),
    SGD_ETA0,
    sgd_power("0.5"),
    SGD_NO_CHANGE,
    CLASS_WEIGHT,
];
const SGD_REGRESSOR: &[Param] = &[
    sgd_loss(sgd::REGRESSOR_LOSSES, "squared_error"),
    SGD_PENALTY,
    SGD_ALPHA,
    SGD_L1_RATIO,
    FIT_INTERCEPT,
    max_iter("1000"),
    SGD_TOL,
    SGD_SHUFFLE,
    SGD_EPSILON,
    RANDOM_STATE,
    sgd_rate("invscaling"),
    SGD_ETA0,
    sgd_power("0.25"),
    SGD_NO_CHANGE,
];
