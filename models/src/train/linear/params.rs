//! Hyper-parameters of the linear estimators: scikit-learn's names and defaults.

use crate::train::params::{ClassWeight, choice, hyper_parameters};
use crate::train::{Kind, Param};

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
    kind: Kind::Optional(&Kind::Choice(ClassWeight::WORDS)),
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

const L1_RATIO: Param = Param {
    name: "l1_ratio",
    kind: SHARE,
    default: "0.5",
    doc: "share of the L1 norm in the penalty",
};
const SVC_LOSS: Param = Param {
    name: "loss",
    kind: Kind::Choice(SvcLoss::WORDS),
    default: "squared_hinge",
    doc: "loss of a row on the wrong side of the margin",
};
const SVR_LOSS: Param = Param {
    name: "loss",
    kind: Kind::Choice(SvrLoss::WORDS),
    default: "epsilon_insensitive",
    doc: "loss of an error beyond epsilon",
};
const SVR_EPSILON: Param = Param {
    name: "epsilon",
    kind: NOT_NEGATIVE,
    default: "0.0",
    doc: "errors up to this size are free",
};
const TWEEDIE_POWER: Param = Param {
    name: "power",
    kind: Kind::Float {
        min: f64::NEG_INFINITY,
        max: f64::INFINITY,
    },
    default: "0.0",
    doc: "0 normal, 1 Poisson, 1 to 2 compound, 2 Gamma, 3 inverse Gaussian; none between 0 and 1",
};
const TWEEDIE_LINK: Param = Param {
    name: "link",
    kind: Kind::Choice(MeanLink::WORDS),
    default: "auto",
    doc: "of the mean; auto is identity up to power 0 and log above",
};

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
        kind: Kind::Choice(Schedule::WORDS),
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
    kind: Kind::Optional(&Kind::Choice(Penalty::WORDS)),
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
