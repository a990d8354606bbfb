//! Hyper-parameters of the linear estimators: scikit-learn's names and defaults.

use crate::train::params::{ClassWeight, NOT_NEGATIVE, POSITIVE, choice, hyper_parameters, param};
use crate::train::{Kind, Param};

const COUNT: Kind = Kind::Int {
    min: 1,
    max: 1_000_000_000,
};

const FIT_INTERCEPT: Param = param(
    "fit_intercept",
    Kind::Bool,
    "true",
    "whether to learn a constant term",
);
const TOL: Param = param(
    "tol",
    POSITIVE,
    "0.0001",
    "stops when the gradient is at most tol^2, with the loss scaled to unit curvature",
);
const CLASS_WEIGHT: Param = param(
    "class_weight",
    Kind::Optional(&Kind::Choice(ClassWeight::WORDS)),
    "none",
    "balanced: classes weigh the same however many rows they have",
);

const TOL_GAP: Param = param(
    "tol",
    POSITIVE,
    "0.0001",
    "stops when the duality gap is at most this part of the target's square",
);
const TOL_SVM: Param = param(
    "tol",
    POSITIVE,
    "0.0001",
    "smooth losses: as for LogisticRegression; others: violations of optimality as part of those at the start",
);
const SHARE: Kind = Kind::Float { min: 0.0, max: 1.0 };
const INTERCEPT_SCALING: Param = param(
    "intercept_scaling",
    POSITIVE,
    "1.0",
    "value of the constant feature whose penalized weight gives the intercept",
);
const RANDOM_STATE: Param = param(
    "random_state",
    Kind::Int {
        min: 0,
        max: i64::MAX,
    },
    "0",
    "seed of the order of the rows",
);
const C: Param = param("C", POSITIVE, "1.0", "inverse strength of the penalty");
const ALPHA: Param = param("alpha", NOT_NEGATIVE, "1.0", "strength of the penalty");

const fn max_iter(default: &'static str) -> Param {
    param("max_iter", COUNT, default, "most steps of the optimizer")
}

choice! {
    /// Loss of a row on the wrong side of the margin.
    SvcLoss {
        SquaredHinge = "squared_hinge",
        Hinge = "hinge",
    }
}

choice! {
    /// Loss of an error beyond epsilon.
    SvrLoss {
        EpsilonInsensitive = "epsilon_insensitive",
        SquaredEpsilonInsensitive = "squared_epsilon_insensitive",
    }
}

choice! {
    /// Link of the mean.
    MeanLink {
        Auto = "auto",
        Identity = "identity",
        Log = "log",
    }
}

choice! {
    /// Loss of a row in stochastic gradient descent; a regression takes the last four.
    SgdLoss {
        Hinge = "hinge",
        Log = "log_loss",
        ModifiedHuber = "modified_huber",
        SquaredHinge = "squared_hinge",
        Perceptron = "perceptron",
        SquaredError = "squared_error",
        Huber = "huber",
        EpsilonInsensitive = "epsilon_insensitive",
        SquaredEpsilonInsensitive = "squared_epsilon_insensitive",
    }
}

choice! {
    /// Norm of the weights that is penalized.
    Penalty {
        L2 = "l2",
        L1 = "l1",
        ElasticNet = "elasticnet",
    }
}

choice! {
    /// How the size of the steps changes.
    Schedule {
        Optimal = "optimal",
        Constant = "constant",
        InverseScaling = "invscaling",
        Adaptive = "adaptive",
    }
}

hyper_parameters! {
    LinearRegression {
        fit_intercept: bool = FIT_INTERCEPT,
    }
}

hyper_parameters! {
    Ridge {
        alpha: f64 = ALPHA,
        fit_intercept: bool = FIT_INTERCEPT,
    }
}

hyper_parameters! {
    Lasso {
        alpha: f64 = ALPHA,
        fit_intercept: bool = FIT_INTERCEPT,
        max_iter: usize = max_iter("1000"),
        tol: f64 = TOL_GAP,
    }
}

hyper_parameters! {
    ElasticNet {
        alpha: f64 = ALPHA,
        l1_ratio: f64 = L1_RATIO,
        fit_intercept: bool = FIT_INTERCEPT,
        max_iter: usize = max_iter("1000"),
        tol: f64 = TOL_GAP,
    }
}

hyper_parameters! {
    LogisticRegression {
        c: f64 = C,
        fit_intercept: bool = FIT_INTERCEPT,
        max_iter: usize = max_iter("100"),
        tol: f64 = TOL,
        class_weight: Option<ClassWeight> = CLASS_WEIGHT,
    }
}

hyper_parameters! {
    LinearSvc {
        loss: SvcLoss = SVC_LOSS,
        c: f64 = C,
        fit_intercept: bool = FIT_INTERCEPT,
        intercept_scaling: f64 = INTERCEPT_SCALING,
        class_weight: Option<ClassWeight> = CLASS_WEIGHT,
        max_iter: usize = max_iter("1000"),
        tol: f64 = TOL_SVM,
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    LinearSvr {
        loss: SvrLoss = SVR_LOSS,
        epsilon: f64 = SVR_EPSILON,
        c: f64 = C,
        fit_intercept: bool = FIT_INTERCEPT,
        intercept_scaling: f64 = INTERCEPT_SCALING,
        max_iter: usize = max_iter("1000"),
        tol: f64 = TOL_SVM,
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    SgdClassifier {
        loss: SgdLoss = sgd_loss(SgdLoss::WORDS, "hinge"),
        penalty: Option<Penalty> = SGD_PENALTY,
        alpha: f64 = SGD_ALPHA,
        l1_ratio: f64 = SGD_L1_RATIO,
        fit_intercept: bool = FIT_INTERCEPT,
        max_iter: usize = max_iter("1000"),
        tol: Option<f64> = SGD_TOL,
        shuffle: bool = SGD_SHUFFLE,
        epsilon: f64 = SGD_EPSILON,
        random_state: u64 = RANDOM_STATE,
        learning_rate: Schedule = sgd_rate("optimal"),
        eta0: f64 = SGD_ETA0,
        power_t: f64 = sgd_power("0.5"),
        n_iter_no_change: usize = SGD_NO_CHANGE,
        class_weight: Option<ClassWeight> = CLASS_WEIGHT,
    }
}

hyper_parameters! {
    SgdRegressor {
        loss: SgdLoss = sgd_loss(SgdLoss::WORDS.split_at(5).1, "squared_error"),
        penalty: Option<Penalty> = SGD_PENALTY,
        alpha: f64 = SGD_ALPHA,
        l1_ratio: f64 = SGD_L1_RATIO,
        fit_intercept: bool = FIT_INTERCEPT,
        max_iter: usize = max_iter("1000"),
        tol: Option<f64> = SGD_TOL,
        shuffle: bool = SGD_SHUFFLE,
        epsilon: f64 = SGD_EPSILON,
        random_state: u64 = RANDOM_STATE,
        learning_rate: Schedule = sgd_rate("invscaling"),
        eta0: f64 = SGD_ETA0,
        power_t: f64 = sgd_power("0.25"),
        n_iter_no_change: usize = SGD_NO_CHANGE,
    }
}

hyper_parameters! {
    /// Of `PoissonRegressor` and `GammaRegressor`.
    LogLinkRegressor {
        alpha: f64 = ALPHA,
        fit_intercept: bool = FIT_INTERCEPT,
        max_iter: usize = max_iter("100"),
        tol: f64 = TOL,
    }
}

hyper_parameters! {
    TweedieRegressor {
        power: f64 = TWEEDIE_POWER,
        alpha: f64 = ALPHA,
        link: MeanLink = TWEEDIE_LINK,
        fit_intercept: bool = FIT_INTERCEPT,
        max_iter: usize = max_iter("100"),
        tol: f64 = TOL,
    }
}

const L1_RATIO: Param = param(
    "l1_ratio",
    SHARE,
    "0.5",
    "share of the L1 norm in the penalty",
);
const SVC_LOSS: Param = param(
    "loss",
    Kind::Choice(SvcLoss::WORDS),
    "squared_hinge",
    "loss of a row on the wrong side of the margin",
);
const SVR_LOSS: Param = param(
    "loss",
    Kind::Choice(SvrLoss::WORDS),
    "epsilon_insensitive",
    "loss of an error beyond epsilon",
);
const SVR_EPSILON: Param = param(
    "epsilon",
    NOT_NEGATIVE,
    "0.0",
    "errors up to this size are free",
);
const TWEEDIE_POWER: Param = param(
    "power",
    Kind::Float {
        min: f64::NEG_INFINITY,
        max: f64::INFINITY,
    },
    "0.0",
    "0 normal, 1 Poisson, 1 to 2 compound, 2 Gamma, 3 inverse Gaussian; none between 0 and 1",
);
const TWEEDIE_LINK: Param = param(
    "link",
    Kind::Choice(MeanLink::WORDS),
    "auto",
    "of the mean; auto is identity up to power 0 and log above",
);

const fn sgd_loss(losses: &'static [&'static str], default: &'static str) -> Param {
    param("loss", Kind::Choice(losses), default, "loss of a row")
}

const fn sgd_rate(default: &'static str) -> Param {
    param(
        "learning_rate",
        Kind::Choice(Schedule::WORDS),
        default,
        "how the size of the steps changes",
    )
}

const fn sgd_power(default: &'static str) -> Param {
    param(
        "power_t",
        Kind::Float {
            min: f64::NEG_INFINITY,
            max: f64::INFINITY,
        },
        default,
        "exponent of learning_rate = invscaling",
    )
}

const SGD_PENALTY: Param = param(
    "penalty",
    Kind::Optional(&Kind::Choice(Penalty::WORDS)),
    "l2",
    "norm of the weights that is penalized",
);
const SGD_ALPHA: Param = param("alpha", NOT_NEGATIVE, "0.0001", "strength of the penalty");
const SGD_L1_RATIO: Param = param(
    "l1_ratio",
    SHARE,
    "0.15",
    "share of the L1 norm in penalty = elasticnet",
);
const SGD_TOL: Param = param(
    "tol",
    Kind::Optional(&NOT_NEGATIVE),
    "0.001",
    "stops when the mean loss fell by less for n_iter_no_change rounds",
);
const SGD_SHUFFLE: Param = param(
    "shuffle",
    Kind::Bool,
    "true",
    "whether each round has its own order of the rows",
);
const SGD_EPSILON: Param = param(
    "epsilon",
    NOT_NEGATIVE,
    "0.1",
    "of the losses with a tolerance",
);
const SGD_ETA0: Param = param("eta0", POSITIVE, "0.01", "first learning rate");
const SGD_NO_CHANGE: Param = param(
    "n_iter_no_change",
    COUNT,
    "5",
    "rounds without progress before stopping",
);
