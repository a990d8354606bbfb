//! Search for parameters by cross-validation: every candidate is trained on the folds that are not held out, its steps included, and scored on
//! the one that is.
//!
//! [`Search`] is scikit-learn's `GridSearchCV`, `RandomizedSearchCV` and `HalvingGridSearchCV`: splits without shuffling, the order of
//! candidates and the schedule of halving are the same. Besides, `n_bits` is a parameter like any other, and scores may be those of the
//! simulated circuit, or weigh in what an encrypted row takes.

mod error;
mod fold_score;
mod halving;
mod results;
mod run;
mod space;
mod split;
mod watch;

pub use error::SearchError;
pub use halving::Halving;
pub use results::{CandidateResult, SearchResults};
pub use run::{Objective, Search, Strategy};
pub use space::{Candidate, N_BITS, Space, Values};
pub use split::{Fold, Split};
pub use watch::{Job, Latency, Outcome, SearchWatch, Unattended};
