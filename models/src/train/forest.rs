//! Training of trees: CART, random forests and second-order gradient boosting, by exact greedy search.
//!
//! One search does it all, because one score does. With `S` the sum of a vector per row and `W` the sum of its weights, a
//! node's score is `|S|^2 / (W + lambda)`, and a split gains the scores of its children less its own:
//! - regression: `S = sum w y`, `lambda = 0`; the gain is the decrease of the squared error (Breiman et al. 1984, 8.4);
//! - classification: `y` one-hot; the gain is the decrease of the Gini impurity (4.3), weighted by `W`;
//! - boosting: `S = -sum g`, `W = sum h` of the loss's derivatives (Chen and Guestrin 2016, eq. 7).
//!
//! A leaf is `S / (W + lambda)`. Features are rounded to single precision, thresholds lie in the middle between two values,
//! and a missing value goes to the side that gains more. Everything is determined by the data, the parameters and the seed.
//!
//! Written here rather than taken from a crate: linfa-trees has no regression, smartcore hides the trees of its models, and
//! neither takes sample weights.

mod additive;
mod boosting;
mod cart;
mod columns;
mod estimators;
mod grow;
mod objective;
mod params;

pub(super) use estimators::ESTIMATORS;
