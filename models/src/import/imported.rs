//! What importers give.

use crate::model::Model;

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The model.
    pub model: Model,
    /// What is worth knowing about what was taken and what was not: a sentence each, without a full stop.
    pub notes: Vec<String>,
}

impl Imported {
    /// A model about which nothing needs to be said.
    pub(crate) fn new(model: Model) -> Self {
        let notes = Vec::new();
        Self { model, notes }
    }
}
