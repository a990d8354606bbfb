//! Successive halving: few rows for all candidates, more for the best of them (scikit-learn's `HalvingGridSearchCV` with rows as the resource).

use super::error::SearchError;

/// How halving goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halving {
    /// One of so many candidates is kept, and gets so many times the rows; at least 2.
    pub factor: usize,
    /// Rows of the first round; by default as many as let the last one have nearly all.
    pub min_rows: Option<usize>,
    /// Of the choice of rows.
    pub seed: u64,
}

/// Candidates and rows of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) candidates: usize,
    pub(super) rows: usize,
}

impl Halving {
    /// The rounds for so many candidates, rows, folds and classes (1 for a regression).
    pub(super) fn rounds(
        &self,
        candidates: usize,
        rows: usize,
        folds: usize,
        classes: usize,
    ) -> Result<Vec<Round>, SearchError> {
        let setting = |name, found, expected| {
            Err(SearchError::Setting {
                name,
                found,
                expected,
            })
        };
        let factor = self.factor;
        if factor < 2 {
            return setting("factor", factor, "at least 2");
        }
        // The times that the candidates can be divided, and one round more.
        let needed = 1 + log_floor(candidates, factor);
        let smallest = folds.saturating_mul(2).saturating_mul(classes.max(1));
        let last = u32::try_from(needed - 1).unwrap_or(u32::MAX);
        let min = match self.min_rows {
            Some(min) if min < smallest.min(folds) || min > rows => {
                return setting(
                    "min_rows",
                    min,
                    "at least as many as folds, and no more than there are",
                );
            }
            Some(min) => min,
            None => smallest.max(rows / factor.saturating_pow(last)),
        };
        if min > rows {
            return setting(
                "rows",
                rows,
                "halving needs twice as many rows as folds times classes",
            );
        }
        let possible = 1 + log_floor(rows / min, factor);
        let round = |round: u32| Round {
            candidates: (0..round).fold(candidates, |left, _| left.div_ceil(factor)),
            rows: min.saturating_mul(factor.saturating_pow(round)).min(rows),
        };
        let count = u32::try_from(needed.min(possible)).unwrap_or(u32::MAX);
        Ok((0..count).map(round).collect())
    }
}

/// The greatest power of `base` that is at most `n`, as its exponent; 0 for 0.
fn log_floor(n: usize, base: usize) -> usize {
    n.checked_ilog(base).map_or(0, |log| log as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n_candidates_` and `n_resources_` of scikit-learn 1.9's `HalvingGridSearchCV(cv=5)`, and with `min_resources=20`.
    #[test]
    fn rounds_are_those_of_scikit_learn() {
        for (candidates, rows, factor, min_rows, expected) in [
            (
                30,
                768,
                3,
                None,
                vec![(30, 28), (10, 84), (4, 252), (2, 756)],
            ),
            (
                30,
                768,
                2,
                None,
                vec![(30, 48), (15, 96), (8, 192), (4, 384), (2, 768)],
            ),
            (5, 100, 3, None, vec![(5, 33), (2, 99)]),
            (30, 100, 3, Some(20), vec![(30, 20), (10, 60)]),
            (1, 100, 3, None, vec![(1, 100)]),
        ] {
            let halving = Halving {
                factor,
                min_rows,
                seed: 0,
            };
            let rounds = halving.rounds(candidates, rows, 5, 2).unwrap();
            let found: Vec<(usize, usize)> =
                rounds.iter().map(|r| (r.candidates, r.rows)).collect();
            assert_eq!(found, expected, "{candidates} {rows} {factor}");
        }
        let halving = Halving {
            factor: 1,
            min_rows: None,
            seed: 0,
        };
        assert!(halving.rounds(3, 100, 5, 2).is_err());
        let halving = Halving {
            factor: 3,
            min_rows: None,
            seed: 0,
        };
        assert!(halving.rounds(3, 19, 5, 2).is_err());
    }
}
