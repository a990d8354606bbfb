//! The table of transformers.

use super::error::PipelineError;
use super::frame::{Column, Frame};
use super::transform::{
    discretize, encode, expand, impute, power, quantile, reduce, scale, select,
};
use crate::train::{Kind, Param, Params};

/// A transformer, under scikit-learn's name.
#[derive(Debug)]
pub struct TransformerInfo {
    /// scikit-learn's class name.
    pub name: &'static str,
    /// A shorter name.
    pub short: Option<&'static str>,
    /// One line.
    pub doc: &'static str,
    /// Parameters with scikit-learn's names and defaults.
    pub params: &'static [Param],
    /// Whether it takes columns of words.
    pub words: bool,
    /// Whether it takes missing values.
    pub missing: bool,
    /// Learns from columns, and adds its steps.
    pub(super) fit: Fit,
}

pub(super) type Fit = fn(&Params, &mut Frame<'_>, &[Column]) -> Result<Vec<Column>, PipelineError>;

impl PartialEq for TransformerInfo {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl TransformerInfo {
    /// What it is called on the command line.
    #[must_use]
    pub fn command(&self) -> &'static str {
        self.short.unwrap_or(self.name)
    }

    pub(super) fn command_name(&self) -> String {
        self.command().to_owned()
    }
}

/// Every transformer.
pub fn transformers() -> impl Iterator<Item = &'static TransformerInfo> {
    TRANSFORMERS.iter()
}

const fn param(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Param {
    Param {
        name,
        kind,
        default,
        doc,
    }
}

const ANY: Kind = Kind::Float {
    min: f64::MIN,
    max: f64::MAX,
};
const SHARE: Kind = Kind::Float {
    min: 0.0,
    max: 100.0,
};
const COUNT: Kind = Kind::Int {
    min: 1,
    max: 65_536,
};
const NOT_NEGATIVE: Kind = Kind::Float {
    min: 0.0,
    max: f64::MAX,
};
const COMPONENTS: Kind = Kind::Above { min: 0.0 };

const fn info(
    name: &'static str,
    short: &'static str,
    doc: &'static str,
    params: &'static [Param],
    (words, missing): (bool, bool),
    fit: Fit,
) -> TransformerInfo {
    TransformerInfo {
        name,
        short: Some(short),
        doc,
        params,
        words,
        missing,
        fit,
    }
}

static TRANSFORMERS: &[TransformerInfo] = &[
    info(
        "StandardScaler",
        "standard-scaler",
        "mean 0 and variance 1",
        &[
            param("with_mean", Kind::Bool, "true", "subtract the mean"),
            param(
                "with_std",
                Kind::Bool,
                "true",
                "divide by the standard deviation",
            ),
        ],
        (false, true),
        scale::standard,
    ),
    info(
        "MinMaxScaler",
        "min-max-scaler",
        "from the least and greatest value to a range",
        &[
            param(
                "feature_range_min",
                ANY,
                "0",
                "lower end of `feature_range`",
            ),
            param(
                "feature_range_max",
                ANY,
                "1",
                "upper end of `feature_range`",
            ),
            param(
                "clip",
                Kind::Bool,
                "false",
                "clip values outside of the range",
            ),
        ],
        (false, true),
        scale::min_max,
    ),
    info(
        "MaxAbsScaler",
        "max-abs-scaler",
        "divide by the greatest absolute value",
        &[param("clip", Kind::Bool, "false", "clip to [-1, 1]")],
        (false, true),
        scale::max_abs,
    ),
    info(
        "RobustScaler",
        "robust-scaler",
        "subtract the median, divide by the distance of two quantiles",
        &[
            param("with_centering", Kind::Bool, "true", "subtract the median"),
            param("with_scaling", Kind::Bool, "true", "divide by the distance"),
            param(
                "quantile_range_min",
                SHARE,
                "25",
                "lower one of `quantile_range`, percent",
            ),
            param(
                "quantile_range_max",
                SHARE,
                "75",
                "upper one of `quantile_range`, percent",
            ),
            param(
                "unit_variance",
                Kind::Bool,
                "false",
                "variance 1 for normal values",
            ),
        ],
        (false, true),
        scale::robust,
    ),
    info(
        "PowerTransformer",
        "power-transformer",
        "make columns more like a normal distribution, by Yeo and Johnson's family",
        &[param(
            "standardize",
            Kind::Bool,
            "true",
            "mean 0 and variance 1 behind it",
        )],
        (false, true),
        power::fit,
    ),
    info(
        "QuantileTransformer",
        "quantile-transformer",
        "the share of training values below a value; all rows are used, whatever their number",
        &[
            param(
                "n_quantiles",
                COUNT,
                "1000",
                "quantiles to keep, at most as many as rows",
            ),
            param(
                "output_distribution",
                Kind::Choice(&["uniform", "normal"]),
                "uniform",
                "distribution of the result",
            ),
        ],
        (false, true),
        quantile::fit,
    ),
    info(
        "KBinsDiscretizer",
        "k-bins-discretizer",
        "the number of an interval",
        &[
            param(
                "n_bins",
                Kind::Int {
                    min: 2,
                    max: 65_536,
                },
                "5",
                "intervals of a column",
            ),
            param(
                "encode",
                Kind::Choice(&["onehot", "onehot-dense", "ordinal"]),
                "onehot",
                "a column an interval, or the number",
            ),
            param(
                "strategy",
                Kind::Choice(&["uniform", "quantile", "kmeans"]),
                "quantile",
                "intervals of equal width, of equally many rows, or around centres of clusters",
            ),
            param(
                "quantile_method",
                Kind::Choice(&["averaged_inverted_cdf", "linear"]),
                "averaged_inverted_cdf",
                "how quantiles between two values are found",
            ),
        ],
        (false, false),
        discretize::fit,
    ),
    info(
        "PolynomialFeatures",
        "polynomial-features",
        "products of two columns",
        &[
            param(
                "degree",
                Kind::Int { min: 1, max: 2 },
                "2",
                "most factors of a product",
            ),
            param("interaction_only", Kind::Bool, "false", "no squares"),
            param("include_bias", Kind::Bool, "true", "a column of ones"),
        ],
        (false, false),
        expand::polynomial,
    ),
    info(
        "SimpleImputer",
        "simple-imputer",
        "a number for missing values",
        &[
            param(
                "strategy",
                Kind::Choice(&["mean", "median", "most_frequent", "constant"]),
                "mean",
                "which number of the column",
            ),
            param("fill_value", ANY, "0", "the number of strategy constant"),
            param(
                "add_indicator",
                Kind::Bool,
                "false",
                "columns that say what was missing",
            ),
        ],
        (true, true),
        impute::fit,
    ),
    info(
        "OneHotEncoder",
        "one-hot-encoder",
        "a column for each category",
        &[
            param(
                "drop",
                Kind::Optional(&Kind::Choice(&["first", "if_binary"])),
                "none",
                "leave out the first category, of all columns or of those with two",
            ),
            param(
                "handle_unknown",
                Kind::Choice(&["error", "ignore"]),
                "error",
                "refuse rows with other categories, or zeros for them",
            ),
        ],
        (true, true),
        encode::one_hot,
    ),
    info(
        "OrdinalEncoder",
        "ordinal-encoder",
        "the place of a category in the order of all",
        &[
            param(
                "handle_unknown",
                Kind::Choice(&["error", "use_encoded_value"]),
                "error",
                "refuse rows with other categories, or `unknown_value` for them",
            ),
            param(
                "unknown_value",
                Kind::Optional(&ANY),
                "none",
                "for other categories",
            ),
            param(
                "encoded_missing_value",
                Kind::Optional(&ANY),
                "none",
                "for missing values; none keeps them missing",
            ),
        ],
        (true, true),
        encode::ordinal,
    ),
    info(
        "PCA",
        "pca",
        "principal components",
        &[
            param(
                "n_components",
                Kind::Optional(&COMPONENTS),
                "none",
                "how many, or below 1 the share of the variance that they explain",
            ),
            param("whiten", Kind::Bool, "false", "variance 1 for each"),
        ],
        (false, false),
        reduce::pca,
    ),
    info(
        "TruncatedSVD",
        "truncated-svd",
        "singular vectors of the columns as they are, exactly, as by algorithm arpack",
        &[param("n_components", COUNT, "2", "how many")],
        (false, false),
        reduce::truncated_svd,
    ),
    info(
        "SelectKBest",
        "select-k-best",
        "the columns with the highest scores",
        &[
            param("k", Kind::Optional(&COUNT), "10", "how many; none for all"),
            param(
                "score_func",
                Kind::Choice(&["f_classif", "f_regression", "chi2"]),
                "f_classif",
                "analysis of variance, of correlation, or of counts",
            ),
        ],
        (false, false),
        select::k_best,
    ),
    info(
        "VarianceThreshold",
        "variance-threshold",
        "the columns whose variance is above a threshold",
        &[param("threshold", NOT_NEGATIVE, "0", "the variance")],
        (false, true),
        select::variance,
    ),
];
