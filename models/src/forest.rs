//! Trees, random forests and boosted trees as real numbers: what training or an importer gives.
//!
//! `score[c] = bias[c] + sum over trees of leaf[c]`; [`InverseLink`](tenebra_quant::InverseLink) and [`Decision`](tenebra_quant::Decision) turn scores into probabilities and
//! classes. Means over trees are folded into the leaves. Every library's own rules decide at a split: strict or not
//! ([`Comparison`]), rounded to single precision or not ([`ForestParts::round_to_f32`]), and where a missing value goes
//! ([`Missing`]), so that a forest reaches the very leaves that the original model reaches.
//!
//! Start with [`import`](crate::import) or the trainers, or fill in [`ForestParts`] and pass the door [`ForestModel::new`].

mod check;
mod error;
mod model;
mod parts;
mod quantize;
mod ties;
mod tree;

pub use error::ForestError;
pub use model::ForestModel;
pub use parts::ForestParts;
pub use quantize::{
    BinsMode, Decoys, ForestOptions, ForestReport, MAX_LEAF_BITS, ScoreDeviation,
    quantize_additive, quantize_forest,
};
pub use tree::{Comparison, Missing, Node, Split, Tree};
