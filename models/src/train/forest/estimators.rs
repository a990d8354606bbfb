//! The registry of tree estimators: names and defaults of scikit-learn, and of XGBoost for boosting.

use super::{additive, boosting, cart};
use crate::model::Task;
use crate::train::{EstimatorInfo, Kind, Param};

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
const NOT_NEGATIVE: Kind = Kind::Float {
    min: 0.0,
    max: f64::INFINITY,
};
const POSITIVE: Kind = Kind::Above { min: 0.0 };
const DEPTH: Kind = Kind::Int {
    min: 1,
    max: 1_000_000,
};

const fn param(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Param {
    Param {
        name,
        kind,
        default,
        doc,
    }
}

const fn max_depth(default: &'static str) -> Param {
    param(
        "max_depth",
        Kind::Optional(&DEPTH),
        default,
        "most splits on a path; what an encrypted tree costs grows with the splits",
    )
}

const fn max_features(default: &'static str) -> Param {
    let kind = Kind::Optional(&Kind::Choice(&["sqrt", "log2"]));
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
    Kind::Optional(&Kind::Choice(&["balanced"])),
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
    Kind::Choice(&["reg:squarederror", "count:poisson", "reg:gamma"]),
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
static ADDITIVE: &[Param] = &[
    n_estimators("50"),
    SMALL_DEPTH,
    SMALL_RATE,
    MAX_BINS,
    REG_LAMBDA,
    GAMMA,
    MIN_CHILD_WEIGHT,
];
static ADDITIVE_REGRESSION: &[Param] = &[
    OBJECTIVE,
    n_estimators("50"),
    SMALL_DEPTH,
    SMALL_RATE,
    MAX_BINS,
    REG_LAMBDA,
    GAMMA,
    MIN_CHILD_WEIGHT,
];

/// Tree estimators in the order in which they are listed.
pub(crate) static ESTIMATORS: &[EstimatorInfo] = &[
    EstimatorInfo {
        name: "DecisionTreeClassifier",
        task: Task::Classification,
        doc: "a tree of comparisons, by the Gini impurity",
        params: &[
            max_depth("none"),
            MIN_SAMPLES_SPLIT,
            MIN_SAMPLES_LEAF,
            max_features("none"),
            CLASS_WEIGHT,
            RANDOM_STATE,
        ],
        missing: true,
        fit: |params, data| cart::fit_decision_tree("DecisionTreeClassifier", params, data),
    },
    EstimatorInfo {
        name: "DecisionTreeRegressor",
        task: Task::Regression,
        doc: "a tree of comparisons, by the squared error; several target columns give several outputs",
        params: &[
            max_depth("none"),
            MIN_SAMPLES_SPLIT,
            MIN_SAMPLES_LEAF,
            max_features("none"),
            RANDOM_STATE,
        ],
        missing: true,
        fit: |params, data| cart::fit_decision_tree("DecisionTreeRegressor", params, data),
    },
    EstimatorInfo {
        name: "RandomForestClassifier",
        task: Task::Classification,
        doc: "the mean of trees on resampled rows and few features a split",
        params: &[
            n_estimators("100"),
            max_depth("none"),
            MIN_SAMPLES_SPLIT,
            MIN_SAMPLES_LEAF,
            max_features("sqrt"),
            BOOTSTRAP,
            CLASS_WEIGHT,
            RANDOM_STATE,
        ],
        missing: true,
        fit: |params, data| cart::fit_random_forest("RandomForestClassifier", params, data),
    },
    EstimatorInfo {
        name: "RandomForestRegressor",
        task: Task::Regression,
        doc: "the mean of trees on resampled rows; several target columns give several outputs",
        params: &[
            n_estimators("100"),
            max_depth("none"),
            MIN_SAMPLES_SPLIT,
            MIN_SAMPLES_LEAF,
            max_features("none"),
            BOOTSTRAP,
            RANDOM_STATE,
        ],
        missing: true,
        fit: |params, data| cart::fit_random_forest("RandomForestRegressor", params, data),
    },
    EstimatorInfo {
        name: "GradientBoostingClassifier",
        task: Task::Classification,
        doc: "a sum of trees, each grown on the errors of those before; parameters are XGBoost's",
        params: &[
            n_estimators("100"),
            max_depth("6"),
            LEARNING_RATE,
            REG_LAMBDA,
            GAMMA,
            MIN_CHILD_WEIGHT,
            SUBSAMPLE,
            COLSAMPLE_BYTREE,
            RANDOM_STATE,
        ],
        missing: true,
        fit: |params, data| boosting::fit("GradientBoostingClassifier", params, data),
    },
    EstimatorInfo {
        name: "GradientBoostingRegressor",
        task: Task::Regression,
        doc: "a sum of trees, each grown on the errors of those before; parameters are XGBoost's",
        params: &[
            OBJECTIVE,
            n_estimators("100"),
            max_depth("6"),
            LEARNING_RATE,
            REG_LAMBDA,
            GAMMA,
            MIN_CHILD_WEIGHT,
            SUBSAMPLE,
            COLSAMPLE_BYTREE,
            RANDOM_STATE,
        ],
        missing: true,
        fit: |params, data| boosting::fit("GradientBoostingRegressor", params, data),
    },
    EstimatorInfo {
        name: "AdditiveClassifier",
        task: Task::Classification,
        doc: "a sum of step functions of single features (GAM), by cyclic boosting",
        params: ADDITIVE,
        missing: true,
        fit: |params, data| additive::fit("AdditiveClassifier", params, data),
    },
    EstimatorInfo {
        name: "AdditiveRegressor",
        task: Task::Regression,
        doc: "a sum of step functions of single features (GAM), by cyclic boosting",
        params: ADDITIVE_REGRESSION,
        missing: true,
        fit: |params, data| additive::fit("AdditiveRegressor", params, data),
    },
];
