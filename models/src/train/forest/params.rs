//! Hyper-parameters of the tree estimators: names and defaults of scikit-learn, and of XGBoost for boosting.

use crate::train::params::{ClassWeight, NOT_NEGATIVE, POSITIVE, choice, hyper_parameters, param};
use crate::train::{Kind, Param};

const MAX_BINS: Param = param(
    "max_bins",
    Kind::Int {
        min: 2,
        max: 65_536,
    },
    "16",
    "most steps of a feature and one; an encrypted input takes the bits that tell them apart",
);

const COUNT: Kind = Kind::Int {
    min: 1,
    max: 1_000_000,
};
const DEPTH: Kind = Kind::Int {
    min: 1,
    max: 1_000_000,
};

const fn max_depth(default: &'static str) -> Param {
    param(
        "max_depth",
        Kind::Optional(&DEPTH),
        default,
        "most splits on a path; what an encrypted tree costs grows with the splits",
    )
}

const fn max_features(default: &'static str) -> Param {
    let kind = Kind::Optional(&Kind::Choice(MaxFeatures::WORDS));
    param(
        "max_features",
        kind,
        default,
        "features looked at for each split; none: all",
    )
}

const fn n_estimators(default: &'static str) -> Param {
    param(
        "n_estimators",
        COUNT,
        default,
        "number of trees; in boosting, of rounds",
    )
}

const MIN_SAMPLES_SPLIT: Param = param(
    "min_samples_split",
    Kind::Int {
        min: 2,
        max: i64::MAX,
    },
    "2",
    "fewest rows of a node that is split",
);
const MIN_SAMPLES_LEAF: Param = param(
    "min_samples_leaf",
    Kind::Int {
        min: 1,
        max: i64::MAX,
    },
    "1",
    "fewest rows of a leaf",
);
const BOOTSTRAP: Param = param(
    "bootstrap",
    Kind::Bool,
    "true",
    "whether each tree sees rows drawn with replacement",
);
const CLASS_WEIGHT: Param = param(
    "class_weight",
    Kind::Optional(&Kind::Choice(ClassWeight::WORDS)),
    "none",
    "balanced: classes weigh the same however many rows they have",
);
const RANDOM_STATE: Param = param(
    "random_state",
    Kind::Int {
        min: 0,
        max: i64::MAX,
    },
    "0",
    "seed of every random choice",
);

const LEARNING_RATE: Param = param("learning_rate", POSITIVE, "0.3", "factor of every leaf");
const REG_LAMBDA: Param = param("reg_lambda", NOT_NEGATIVE, "1", "L2 penalty on leaves");
const GAMMA: Param = param("gamma", NOT_NEGATIVE, "0", "least gain of a split");
const MIN_CHILD_WEIGHT: Param = param(
    "min_child_weight",
    NOT_NEGATIVE,
    "1",
    "least sum of second derivatives of a leaf",
);
const SUBSAMPLE: Param = param(
    "subsample",
    Kind::Float {
        min: 1e-6,
        max: 1.0,
    },
    "1",
    "share of the rows that a round looks at",
);
const COLSAMPLE_BYTREE: Param = param(
    "colsample_bytree",
    Kind::Float {
        min: 1e-6,
        max: 1.0,
    },
    "1",
    "share of the features that a tree looks at",
);
const OBJECTIVE: Param = param(
    "objective",
    Kind::Choice(Loss::WORDS),
    "reg:squarederror",
    "the loss; the last two predict positive means",
);

const SMALL_DEPTH: Param = param(
    "max_depth",
    DEPTH,
    "1",
    "most splits on a path of the tree that a feature gets in a round",
);
const SMALL_RATE: Param = param("learning_rate", POSITIVE, "0.05", "factor of every step");

choice! {
    /// Features looked at for each split, of all.
    MaxFeatures {
        Sqrt = "sqrt",
        Log2 = "log2",
    }
}

choice! {
    /// The loss of a boosted regression.
    Loss {
        SquaredError = "reg:squarederror",
        Poisson = "count:poisson",
        Gamma = "reg:gamma",
    }
}

hyper_parameters! {
    DecisionTreeClassifier {
        max_depth: Option<usize> = max_depth("none"),
        min_samples_split: usize = MIN_SAMPLES_SPLIT,
        min_samples_leaf: usize = MIN_SAMPLES_LEAF,
        max_features: Option<MaxFeatures> = max_features("none"),
        class_weight: Option<ClassWeight> = CLASS_WEIGHT,
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    DecisionTreeRegressor {
        max_depth: Option<usize> = max_depth("none"),
        min_samples_split: usize = MIN_SAMPLES_SPLIT,
        min_samples_leaf: usize = MIN_SAMPLES_LEAF,
        max_features: Option<MaxFeatures> = max_features("none"),
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    RandomForestClassifier {
        n_estimators: usize = n_estimators("100"),
        max_depth: Option<usize> = max_depth("none"),
        min_samples_split: usize = MIN_SAMPLES_SPLIT,
        min_samples_leaf: usize = MIN_SAMPLES_LEAF,
        max_features: Option<MaxFeatures> = max_features("sqrt"),
        bootstrap: bool = BOOTSTRAP,
        class_weight: Option<ClassWeight> = CLASS_WEIGHT,
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    RandomForestRegressor {
        n_estimators: usize = n_estimators("100"),
        max_depth: Option<usize> = max_depth("none"),
        min_samples_split: usize = MIN_SAMPLES_SPLIT,
        min_samples_leaf: usize = MIN_SAMPLES_LEAF,
        max_features: Option<MaxFeatures> = max_features("none"),
        bootstrap: bool = BOOTSTRAP,
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    GradientBoostingClassifier {
        n_estimators: usize = n_estimators("100"),
        max_depth: Option<usize> = max_depth("6"),
        learning_rate: f64 = LEARNING_RATE,
        reg_lambda: f64 = REG_LAMBDA,
        gamma: f64 = GAMMA,
        min_child_weight: f64 = MIN_CHILD_WEIGHT,
        subsample: f64 = SUBSAMPLE,
        colsample_bytree: f64 = COLSAMPLE_BYTREE,
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    GradientBoostingRegressor {
        objective: Loss = OBJECTIVE,
        n_estimators: usize = n_estimators("100"),
        max_depth: Option<usize> = max_depth("6"),
        learning_rate: f64 = LEARNING_RATE,
        reg_lambda: f64 = REG_LAMBDA,
        gamma: f64 = GAMMA,
        min_child_weight: f64 = MIN_CHILD_WEIGHT,
        subsample: f64 = SUBSAMPLE,
        colsample_bytree: f64 = COLSAMPLE_BYTREE,
        random_state: u64 = RANDOM_STATE,
    }
}

hyper_parameters! {
    AdditiveClassifier {
        n_estimators: usize = n_estimators("50"),
        max_depth: usize = SMALL_DEPTH,
        learning_rate: f64 = SMALL_RATE,
        max_bins: usize = MAX_BINS,
        reg_lambda: f64 = REG_LAMBDA,
        gamma: f64 = GAMMA,
        min_child_weight: f64 = MIN_CHILD_WEIGHT,
    }
}

hyper_parameters! {
    AdditiveRegressor {
        objective: Loss = OBJECTIVE,
        n_estimators: usize = n_estimators("50"),
        max_depth: usize = SMALL_DEPTH,
        learning_rate: f64 = SMALL_RATE,
        max_bins: usize = MAX_BINS,
        reg_lambda: f64 = REG_LAMBDA,
        gamma: f64 = GAMMA,
        min_child_weight: f64 = MIN_CHILD_WEIGHT,
    }
}
