//! Why the parts do not make an additive model.

use tenebra_quant::QuantError;

use crate::forest::ForestError;

/// Why the parts do not make an additive model. Terms count from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdditiveError {
    /// The model depends on nothing.
    #[error("the model has no terms; it needs at least one")]
    NoTerms,
    /// Two terms of one feature.
    #[error("term {term}: feature {feature} has a term already")]
    SecondTerm {
        /// Which term.
        term: usize,
        /// The feature's index.
        feature: usize,
    },
    /// Cut points that are not finite, not increasing, or too many.
    #[error("term {term}: {source}")]
    Cuts {
        /// Which term.
        term: usize,
        /// What is wrong with them.
        source: QuantError,
    },
    /// A term has not one interval more than cut points.
    #[error("term {term} has values for {found} intervals, its cut points make {expected}")]
    Intervals {
        /// Which term.
        term: usize,
        /// Intervals with values.
        found: usize,
        /// Intervals between the cut points.
        expected: usize,
    },
    /// An interval, or missing values, with a value too few or too many.
    #[error(
        "term {term} has {found} values in one of its intervals, the model has {expected} outputs"
    )]
    Values {
        /// Which term.
        term: usize,
        /// Values there.
        found: usize,
        /// Outputs of the model.
        expected: usize,
    },
    /// Written as a forest, the terms are refused: tree `i` is term `i`.
    #[error("{0}")]
    Forest(#[from] ForestError),
}
