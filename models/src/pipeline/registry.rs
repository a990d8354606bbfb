//! The table of transformers.

use super::error::PipelineError;
use super::frame::{Column, Frame};
use super::params;
use super::transform::{
    discretize, encode, expand, impute, power, quantile, reduce, scale, select,
};
use crate::train::{Param, Params};

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
        params::StandardScaler::PARAMS,
        (false, true),
        scale::standard,
    ),
    info(
        "MinMaxScaler",
        "min-max-scaler",
        "from the least and greatest value to a range",
        params::MinMaxScaler::PARAMS,
        (false, true),
        scale::min_max,
    ),
    info(
        "MaxAbsScaler",
        "max-abs-scaler",
        "divide by the greatest absolute value",
        params::MaxAbsScaler::PARAMS,
        (false, true),
        scale::max_abs,
    ),
    info(
        "RobustScaler",
        "robust-scaler",
        "subtract the median, divide by the distance of two quantiles",
        params::RobustScaler::PARAMS,
        (false, true),
        scale::robust,
    ),
    info(
        "PowerTransformer",
        "power-transformer",
        "make columns more like a normal distribution, by Yeo and Johnson's family",
        params::PowerTransformer::PARAMS,
        (false, true),
        power::fit,
    ),
    info(
        "QuantileTransformer",
        "quantile-transformer",
        "the share of training values below a value; all rows are used, whatever their number",
        params::QuantileTransformer::PARAMS,
        (false, true),
        quantile::fit,
    ),
    info(
        "KBinsDiscretizer",
        "k-bins-discretizer",
        "the number of an interval",
        params::KBinsDiscretizer::PARAMS,
        (false, false),
        discretize::fit,
    ),
    info(
        "PolynomialFeatures",
        "polynomial-features",
        "products of two columns",
        params::PolynomialFeatures::PARAMS,
        (false, false),
        expand::polynomial,
    ),
    info(
        "SimpleImputer",
        "simple-imputer",
        "a number for missing values",
        params::SimpleImputer::PARAMS,
        (true, true),
        impute::fit,
    ),
    info(
        "OneHotEncoder",
        "one-hot-encoder",
        "a column for each category",
        params::OneHotEncoder::PARAMS,
        (true, true),
        encode::one_hot,
    ),
    info(
        "OrdinalEncoder",
        "ordinal-encoder",
        "the place of a category in the order of all",
        params::OrdinalEncoder::PARAMS,
        (true, true),
        encode::ordinal,
    ),
    info(
        "PCA",
        "pca",
        "principal components",
        params::Pca::PARAMS,
        (false, false),
        reduce::pca,
    ),
    info(
        "TruncatedSVD",
        "truncated-svd",
        "singular vectors of the columns as they are, exactly, as by algorithm arpack",
        params::TruncatedSvd::PARAMS,
        (false, false),
        reduce::truncated_svd,
    ),
    info(
        "SelectKBest",
        "select-k-best",
        "the columns with the highest scores",
        params::SelectKBest::PARAMS,
        (false, false),
        select::k_best,
    ),
    info(
        "VarianceThreshold",
        "variance-threshold",
        "the columns whose variance is above a threshold",
        params::VarianceThreshold::PARAMS,
        (false, true),
        select::variance,
    ),
];
