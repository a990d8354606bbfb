//! What a model reads of a row, and the steps before it.

use alloc::collections::{BTreeMap, BTreeSet};
use std::collections::HashMap;

use super::call::Run;
use super::element::Element;
use super::error::OnnxError;
use super::form::Form;
use super::neurons::neuron_of;
use super::steps::{Kept, is_step};
use crate::data::Words;
use crate::model::Model;
use crate::pipeline::{Before, PipelineModel, PipelineParts};

/// The features of a model: columns of the graph's inputs, or values of steps.
#[derive(Debug)]
pub(super) struct Features {
    /// By variable, its place among the features.
    place: HashMap<usize, usize>,
    pub(super) count: usize,
    /// What happens before, unless the features are the columns themselves.
    before: Option<Before>,
    names: Option<Vec<String>>,
}

impl Features {
    /// The features of a model that computes with these variables: the values among them if there are steps, and all columns
    /// that hold no strings if not.
    pub(super) fn of(run: &Run<'_>, variables: &BTreeSet<usize>) -> Self {
        let steps = run.steps.borrow();
        let values: BTreeSet<usize> = variables
            .iter()
            .filter_map(|&variable| steps.value_of(variable))
            .collect();
        let used: Vec<usize> = values.iter().copied().collect();
        let columns = columns(run);
        let kept = Kept::of(&steps, &used, |at| columns[at].0 != Element::String);
        let names = names(run, &kept, &columns);
        if !variables.iter().any(|&variable| is_step(variable)) {
            let place = |(new, &old): (usize, &usize)| (old, new);
            return Self {
                place: kept.columns.iter().enumerate().map(place).collect(),
                count: kept.columns.len(),
                before: None,
                names,
            };
        }
        let words: BTreeMap<usize, Words> = steps
            .words
            .iter()
            .filter_map(|(&column, words)| Some((kept.place(column)?, words.clone())))
            .collect();
        let names = names.or_else(|| {
            let name = |&column: &usize| columns[column].1.clone();
            (!words.is_empty()).then(|| kept.columns.iter().map(name).collect())
        });
        let features: Vec<usize> = used.iter().filter_map(|&v| kept.place(v)).collect();
        let place = |(at, &value): (usize, &usize)| (steps.variable(value), at);
        Self {
            place: used.iter().enumerate().map(place).collect(),
            count: features.len(),
            before: Some(Before {
                n_features: kept.columns.len(),
                feature_names: names,
                words,
                features,
                written: String::new(),
                steps: kept.steps,
            }),
            names: None,
        }
    }

    /// The place of a variable among the features.
    pub(super) fn place(&self, variable: usize) -> Option<usize> {
        self.place.get(&variable).copied()
    }

    /// The form with features for the values that it is made of.
    pub(super) fn renamed(&self, form: &Form) -> Form {
        let terms = form.terms.iter().filter_map(|(&variable, &w)| {
            let feature = self.place(variable);
            Some((feature.or(neuron_of(variable).map(|_| variable))?, w))
        });
        Form {
            terms: terms.collect(),
            intercept: form.intercept,
        }
    }

    /// Names of the features, where each input of the graph is one of them.
    pub(super) fn names(&self) -> Option<Vec<String>> {
        self.names.clone()
    }

    /// The model behind its steps.
    pub(super) fn pipeline(self, model: Model) -> Result<Model, OnnxError> {
        let Some(before) = self.before else {
            return Ok(model);
        };
        let model = Box::new(model);
        Ok(Model::Pipeline(PipelineModel::new(PipelineParts {
            before,
            model,
        })?))
    }
}

/// Of each column of the inputs, its type and a name.
fn columns(run: &Run<'_>) -> Vec<(Element, String)> {
    let mut columns = Vec::new();
    for (input, &width) in run.graph.inputs.iter().zip(&run.widths) {
        for at in 0..width {
            let name = if width == 1 {
                input.name.clone()
            } else {
                format!("{}_{at}", input.name)
            };
            columns.push((input.element, name));
        }
    }
    columns
}

/// Names of the inputs, where each that is kept is one column of its own.
fn names(run: &Run<'_>, kept: &Kept, columns: &[(Element, String)]) -> Option<Vec<String>> {
    let mut first = 0;
    for &width in &run.widths {
        if width > 1 && (first..first + width).any(|at| kept.place(at).is_some()) {
            return None;
        }
        first += width;
    }
    let name = |&column: &usize| columns[column].1.clone();
    (run.widths.len() > 1).then(|| kept.columns.iter().map(name).collect())
}
