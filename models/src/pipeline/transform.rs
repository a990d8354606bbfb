//! What each transformer learns, and the steps that it becomes.

pub(super) mod discretize;
pub(super) mod encode;
pub(super) mod expand;
pub(super) mod impute;
mod k_means;
mod order;
pub(super) mod power;
pub(super) mod quantile;
pub(super) mod reduce;
pub(super) mod scale;
pub(super) mod select;
