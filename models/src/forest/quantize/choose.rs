//! The choice of leaf bits.

use super::leaves::{LeafCodes, Reached};
use super::options::MAX_LEAF_BITS;
use crate::data::Table;
use crate::forest::ForestModel;
use crate::quantized::QuantizeError;

/// Least leaf bits without calibration data to choose them on, or with data that say nothing about other rows.
const DEFAULT_LEAF_BITS: u8 = 10;

/// Largest error of a score of any row that the choice of leaf bits allows, in parts of the span of all possible scores, for a
/// regression and for a classifier.
const MAX_ANY_ROW_ERROR: (f64, f64) = (1.0 / 256.0, 1.0 / 64.0);

/// Largest root mean squared error of a score that the choice of leaf bits allows, in standard deviations of the score, for a
/// regression and for a classifier. A classifier must besides decide the same on every row; on models of 10 to 100 trees
/// (breast cancer, digits) this leaves about three bits more than the fewest that change no decision on other rows either.
const MAX_RELATIVE_ERROR: (f64, f64) = (1e-3, 4e-3);

/// Calibration rows that the choice of leaf bits and the report look at; more would only take longer.
const MAX_ROWS: usize = 10_000;

/// Every so manieth row, so that there are at most [`MAX_ROWS`].
pub(super) fn sample(table: &Table) -> impl Iterator<Item = &[f64]> {
    table
        .rows()
        .step_by(table.n_rows().div_ceil(MAX_ROWS).max(1))
}

/// Quantizes the leaves to the bits that were asked for, or to as few as change nothing that matters.
pub(super) fn choose_leaves(
    model: &ForestModel,
    calibration: Option<&Table>,
    leaf_bits: Option<u8>,
) -> Result<LeafCodes, QuantizeError> {
    if !LeafCodes::new(model, 1).is_finite() {
        return Err(QuantizeError::ScoresOverflow);
    }
    let reached = calibration.map(|table| Reached::new(model, sample(table)));
    let codes = |bits| {
        let mut codes = LeafCodes::new(model, bits);
        codes.settle_ties(model, reached.as_ref());
        codes
    };
    if let Some(found) = leaf_bits {
        let valid = (1..=MAX_LEAF_BITS).contains(&found);
        return if valid {
            Ok(codes(found))
        } else {
            Err(QuantizeError::LeafBits { found })
        };
    }
    let informative = reached.as_ref().is_some_and(Reached::is_informative);
    let least = if informative { 1 } else { DEFAULT_LEAF_BITS };
    let of_task = |(regression, classifier): (f64, f64)| {
        if model.classes.is_empty() {
            regression
        } else {
            classifier
        }
    };
    let (allowed, for_any_row) = (of_task(MAX_RELATIVE_ERROR), of_task(MAX_ANY_ROW_ERROR));
    let fine = |codes: &LeafCodes| {
        let error = reached
            .as_ref()
            .map(|reached| reached.error(codes))
            .unwrap_or_default();
        codes.relative_worst_case() <= for_any_row
            && error.changed == 0
            && (error.relative <= allowed || !informative)
            && codes.keeps_single_tree(model)
    };
    let found = (least..MAX_LEAF_BITS).map(codes).find(fine);
    Ok(found.unwrap_or_else(|| codes(MAX_LEAF_BITS)))
}
