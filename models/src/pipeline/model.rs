//! A trained pipeline.

use alloc::collections::BTreeMap;
use core::ops::Deref;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tenebra_quant::{Prediction, QuantError, RowStep};

use super::values::run;
use crate::data::{Table, Words};
use crate::model::{Model, ModelError};

/// A function of the values of a row.
pub type Step = RowStep<Vec<f64>>;

/// Most values of a row, columns and steps together: as many as a client spec holds.
pub(super) const MAX_VALUES: usize = 1 << 16;

/// The parts of a trained pipeline, unchecked; [`PipelineModel::new`] is the door.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineParts {
    /// Everything but the model.
    pub before: Before,
    /// What takes the results of the steps; no pipeline itself.
    pub model: Box<Model>,
}

/// What happens before the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Columns of a row.
    pub n_features: usize,
    /// Their names, where they are known.
    #[serde(default)]
    pub feature_names: Option<Vec<String>>,
    /// The columns whose cells are words.
    #[serde(default)]
    pub words: BTreeMap<usize, Words>,
    /// Functions of the values before them: value `n_features + i` is that of step `i`.
    pub steps: Vec<Step>,
    /// The values that are the model's features, in its order.
    pub features: Vec<usize>,
    /// The steps as they were written, for people.
    #[serde(default)]
    pub written: String,
}

/// A trained pipeline: steps that read what is there, and a model of as many features as it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineModel(PipelineParts);

impl Deref for PipelineModel {
    type Target = PipelineParts;

    fn deref(&self) -> &PipelineParts {
        &self.0
    }
}

impl PipelineModel {
    /// Checks the parts.
    ///
    /// # Errors
    /// [`ModelError::Shape`] or [`ModelError::Step`].
    pub fn new(parts: PipelineParts) -> Result<Self, ModelError> {
        let shape = |message: String| Err(ModelError::Shape { message });
        let (before, model) = (&parts.before, &parts.model);
        let n = before.n_features;
        let values = n.saturating_add(before.steps.len());
        if n == 0 || values > MAX_VALUES {
            return shape(format!(
                "{n} features and {} steps; at least one feature, and {MAX_VALUES} values in total",
                before.steps.len()
            ));
        }
        if matches!(**model, Model::Pipeline(_)) {
            return shape("a pipeline ends in a pipeline; join their steps".into());
        }
        if let Some(names) = &before.feature_names {
            let distinct: HashSet<&String> = names.iter().collect();
            if names.len() != n || distinct.len() != n {
                let (found, distinct) = (names.len(), distinct.len());
                return shape(format!(
                    "{found} feature names ({distinct} distinct) for {n} features"
                ));
            }
        }
        if before
            .words
            .iter()
            .any(|(at, words)| *at >= n || words.words.is_empty())
        {
            return shape(format!(
                "words of a column that is none of {n}, or no words"
            ));
        }
        if !before.words.is_empty() && before.feature_names.is_none() {
            return shape("columns of words have no names".into());
        }
        for (index, step) in before.steps.iter().enumerate() {
            step.check(n + index).map_err(|source| ModelError::Step {
                place: format!("step {}", index + 1),
                source,
            })?;
        }
        let (given, taken) = (before.features.len(), model.n_features());
        if given != taken || before.features.iter().any(|value| *value >= values) {
            return shape(format!(
                "{given} of {values} values go to a model of {taken} features"
            ));
        }
        Ok(Self(parts))
    }

    /// The features of the model for a row of the pipeline.
    ///
    /// # Errors
    /// [`ModelError::RowLength`]; [`ModelError::Step`] for a value that a step refuses.
    pub fn features_of(&self, row: &[f64]) -> Result<Vec<f64>, ModelError> {
        let before = &self.before;
        if row.len() != before.n_features {
            return Err(ModelError::RowLength {
                found: row.len(),
                expected: before.n_features,
            });
        }
        let values = run(&before.steps, row).map_err(|(step, source)| ModelError::Step {
            place: before.name(before.n_features + step),
            source,
        })?;
        Ok(before.features.iter().map(|&value| values[value]).collect())
    }

    /// The features of the model for all rows of a table.
    ///
    /// # Errors
    /// As [`features_of`](Self::features_of); [`ModelError::Data`] for columns that are not there, and for infinite results.
    pub fn transform(&self, table: &Table) -> Result<Table, ModelError> {
        let before = &self.before;
        let table = table.align(before.feature_names.as_deref(), before.n_features)?;
        let mut values = Vec::new();
        for row in table.rows() {
            values.extend(self.features_of(row)?);
        }
        Ok(match self.model.feature_names() {
            Some(names) => Table::new(names.to_vec(), values)?,
            None => Table::from_rows(before.features.len(), values)?,
        })
    }

    pub(crate) fn predict(&self, row: &[f64]) -> Result<Prediction, ModelError> {
        let features = self.features_of(row)?;
        self.model.predict(&features).map_err(|error| {
            let missing = |feature: &usize| features.get(*feature).is_some_and(|x| x.is_nan());
            match (0..features.len()).find(missing) {
                Some(feature) => {
                    let value = self.before.features[feature];
                    ModelError::Step {
                        place: self.before.name(value),
                        source: QuantError::NotFinite { value: f64::NAN },
                    }
                }
                None => error,
            }
        })
    }

    /// The same with names for its columns.
    pub(crate) fn with_feature_names(&self, names: Vec<String>) -> Result<Self, ModelError> {
        let mut parts = self.0.clone();
        parts.before.feature_names = Some(names);
        Self::new(parts)
    }
}

impl Before {
    /// The first column that a value depends on; 0 for a constant.
    pub(crate) fn column_of(&self, mut value: usize) -> usize {
        while let Some(step) = value.checked_sub(self.n_features) {
            let Some(step) = self.steps.get(step) else {
                break;
            };
            let [(first, count), _] = step.reads();
            if count == 0 {
                return 0;
            }
            value = first;
        }
        value
    }

    /// What people call a value: a column, or what was made of it.
    pub(crate) fn name(&self, value: usize) -> String {
        let column = self.column_of(value);
        let names = self.feature_names.as_ref();
        let name = names.and_then(|names| names.get(column));
        let name = name.map_or_else(
            || format!("column {}", column + 1),
            |n| format!("column `{n}`"),
        );
        if value < self.n_features {
            name
        } else {
            format!(
                "step {} of the pipeline, on {name}",
                value - self.n_features + 1
            )
        }
    }
}
