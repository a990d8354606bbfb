//! Parameters of transformers, with scikit-learn's names and defaults.

use crate::train::params::{NOT_NEGATIVE, choice, hyper_parameters, param};
use crate::train::{Kind, Param};

const fn flag(name: &'static str, default: &'static str, doc: &'static str) -> Param {
    param(name, Kind::Bool, default, doc)
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
const COMPONENTS: Kind = Kind::Above { min: 0.0 };

hyper_parameters! {
    StandardScaler {
        with_mean: bool = flag("with_mean", "true", "subtract the mean"),
        with_std: bool = flag("with_std", "true", "divide by the standard deviation"),
    }
}

hyper_parameters! {
    MinMaxScaler {
        feature_range_min: f64 = param("feature_range_min", ANY, "0", "lower end of `feature_range`"),
        feature_range_max: f64 = param("feature_range_max", ANY, "1", "upper end of `feature_range`"),
        clip: bool = flag("clip", "false", "clip values outside of the range"),
    }
}

hyper_parameters! {
    MaxAbsScaler {
        clip: bool = flag("clip", "false", "clip to [-1, 1]"),
    }
}

hyper_parameters! {
    RobustScaler {
        with_centering: bool = flag("with_centering", "true", "subtract the median"),
        with_scaling: bool = flag("with_scaling", "true", "divide by the distance"),
        quantile_range_min: f64 = param("quantile_range_min", SHARE, "25", "lower one of `quantile_range`, percent"),
        quantile_range_max: f64 = param("quantile_range_max", SHARE, "75", "upper one of `quantile_range`, percent"),
        unit_variance: bool = flag("unit_variance", "false", "variance 1 for normal values"),
    }
}

hyper_parameters! {
    PowerTransformer {
        standardize: bool = flag("standardize", "true", "mean 0 and variance 1 behind it"),
    }
}

choice! {
    /// How a quantile transformer's results are distributed.
    Distribution {
        Uniform = "uniform",
        Normal = "normal",
    }
}

hyper_parameters! {
    QuantileTransformer {
        n_quantiles: usize = param("n_quantiles", COUNT, "1000", "quantiles to keep, at most as many as rows"),
        output_distribution: Distribution = param(
            "output_distribution",
            Kind::Choice(Distribution::WORDS),
            "uniform",
            "distribution of the result",
        ),
    }
}

choice! {
    /// What stands for an interval.
    BinsAs {
        OneHot = "onehot",
        OneHotDense = "onehot-dense",
        Ordinal = "ordinal",
    }
}

choice! {
    /// How intervals are found.
    BinsBy {
        Uniform = "uniform",
        Quantile = "quantile",
        KMeans = "kmeans",
    }
}

choice! {
    /// How quantiles between two values are found.
    QuantileMethod {
        AveragedInvertedCdf = "averaged_inverted_cdf",
        Linear = "linear",
    }
}

hyper_parameters! {
    KBinsDiscretizer {
        n_bins: usize = param("n_bins", Kind::Int { min: 2, max: 65_536 }, "5", "intervals of a column"),
        encode: BinsAs = param(
            "encode",
            Kind::Choice(BinsAs::WORDS),
            "onehot",
            "a column an interval, or the number",
        ),
        strategy: BinsBy = param(
            "strategy",
            Kind::Choice(BinsBy::WORDS),
            "quantile",
            "intervals of equal width, of equally many rows, or around centres of clusters",
        ),
        quantile_method: QuantileMethod = param(
            "quantile_method",
            Kind::Choice(QuantileMethod::WORDS),
            "averaged_inverted_cdf",
            "how quantiles between two values are found",
        ),
    }
}

hyper_parameters! {
    PolynomialFeatures {
        degree: usize = param("degree", Kind::Int { min: 1, max: 2 }, "2", "most factors of a product"),
        interaction_only: bool = flag("interaction_only", "false", "no squares"),
        include_bias: bool = flag("include_bias", "true", "a column of ones"),
    }
}

choice! {
    /// Which number takes the place of missing ones.
    FillWith {
        Mean = "mean",
        Median = "median",
        MostFrequent = "most_frequent",
        Constant = "constant",
    }
}

hyper_parameters! {
    SimpleImputer {
        strategy: FillWith = param("strategy", Kind::Choice(FillWith::WORDS), "mean", "which number of the column"),
        fill_value: f64 = param("fill_value", ANY, "0", "the number of strategy constant"),
        add_indicator: bool = flag("add_indicator", "false", "columns that say what was missing"),
    }
}

choice! {
    /// Which columns of categories have no column for the first one.
    Drop {
        First = "first",
        IfBinary = "if_binary",
    }
}

choice! {
    /// What a one-hot encoder does with other categories.
    OneHotUnknown {
        Error = "error",
        Ignore = "ignore",
    }
}

hyper_parameters! {
    OneHotEncoder {
        drop: Option<Drop> = param(
            "drop",
            Kind::Optional(&Kind::Choice(Drop::WORDS)),
            "none",
            "leave out the first category, of all columns or of those with two",
        ),
        handle_unknown: OneHotUnknown = param(
            "handle_unknown",
            Kind::Choice(OneHotUnknown::WORDS),
            "error",
            "refuse rows with other categories, or zeros for them",
        ),
    }
}

choice! {
    /// What an ordinal encoder does with other categories.
    OrdinalUnknown {
        Error = "error",
        UseEncodedValue = "use_encoded_value",
    }
}

hyper_parameters! {
    OrdinalEncoder {
        handle_unknown: OrdinalUnknown = param(
            "handle_unknown",
            Kind::Choice(OrdinalUnknown::WORDS),
            "error",
            "refuse rows with other categories, or `unknown_value` for them",
        ),
        unknown_value: Option<f64> = param("unknown_value", Kind::Optional(&ANY), "none", "for other categories"),
        encoded_missing_value: Option<f64> = param(
            "encoded_missing_value",
            Kind::Optional(&ANY),
            "none",
            "for missing values; none keeps them missing",
        ),
    }
}

hyper_parameters! {
    Pca {
        n_components: Option<f64> = param(
            "n_components",
            Kind::Optional(&COMPONENTS),
            "none",
            "how many, or below 1 the share of the variance that they explain",
        ),
        whiten: bool = flag("whiten", "false", "variance 1 for each"),
    }
}

hyper_parameters! {
    TruncatedSvd {
        n_components: usize = param("n_components", COUNT, "2", "how many"),
    }
}

choice! {
    /// What columns are scored by.
    ScoreFunction {
        FClassif = "f_classif",
        FRegression = "f_regression",
        Chi2 = "chi2",
    }
}

hyper_parameters! {
    SelectKBest {
        k: Option<usize> = param("k", Kind::Optional(&COUNT), "10", "how many; none for all"),
        score_func: ScoreFunction = param(
            "score_func",
            Kind::Choice(ScoreFunction::WORDS),
            "f_classif",
            "analysis of variance, of correlation, or of counts",
        ),
    }
}

hyper_parameters! {
    VarianceThreshold {
        threshold: f64 = param("threshold", NOT_NEGATIVE, "0", "the variance"),
    }
}
