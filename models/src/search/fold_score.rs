//! One candidate on one fold.

use alloc::collections::BTreeMap;
use std::time::Instant;

use super::error::SearchError;
use super::run::{Objective, Search};
use super::space::{Candidate, N_BITS, text};
use super::split::Fold;
use super::watch::{Latency, Outcome};
use crate::data::{DataSet, Words};
use crate::forest::BinsMode;
use crate::model::Model;
use crate::pipeline::Pipeline;
use crate::quantize::quantize;
use crate::quantized::{QuantizeError, QuantizeOptions, QuantizedModel};
use crate::scores::{Metric, Outcomes};
use crate::train::TrainError;
use tenebra_quant::Prediction;

/// A pipeline with its parameters, and the bits of its codes.
pub(super) struct Recipe {
    pub(super) pipeline: Pipeline,
    pub(super) n_bits: Option<u8>,
}

impl Recipe {
    /// `n_bits` is the pipeline's own parameter where it has one.
    pub(super) fn of(pipeline: &Pipeline, candidate: &Candidate) -> Result<Self, SearchError> {
        let refused = |source: TrainError| SearchError::Parameters {
            candidate: text(candidate),
            source: Box::new(source),
        };
        let mut recipe = Self {
            pipeline: pipeline.clone(),
            n_bits: None,
        };
        for (name, value) in candidate {
            match recipe.pipeline.set(name, value) {
                Err(TrainError::UnknownParameter { .. }) if name == N_BITS => {
                    let bits = value.parse().ok().filter(|bits| (2..=16).contains(bits));
                    let bits = bits.ok_or_else(|| {
                        refused(TrainError::ParameterValue {
                            name: N_BITS,
                            value: value.clone(),
                            expected: "an integer in [2, 16]".to_owned(),
                        })
                    });
                    recipe.n_bits = Some(bits?);
                }
                set => set.map_err(refused)?,
            }
        }
        Ok(recipe)
    }
}

/// What all candidates have in common.
pub(super) struct Scorer<'a> {
    pub(super) search: &'a Search,
    pub(super) data: &'a DataSet,
    pub(super) words: &'a BTreeMap<String, Words>,
    pub(super) latency: Option<&'a dyn Latency>,
}

impl Scorer<'_> {
    /// Trains on the rows of a fold and scores those that are held out.
    pub(super) fn score(&self, recipe: &Recipe, fold: &Fold, timed: bool) -> Outcome {
        let start = Instant::now();
        let train = self.data.select(&fold.train);
        let trained = recipe.pipeline.fit(&train, self.words);
        let mut outcome = Outcome {
            score: Ok(0.0),
            fit_ms: start.elapsed().as_secs_f64() * 1e3,
            latency_ms: None,
            metric: None,
        };
        let scored = trained
            .map_err(|error| error.to_string())
            .and_then(|trained| self.of_model(&trained.model, recipe, (&train, fold), timed));
        match scored {
            Ok((score, metric, latency_ms)) => {
                outcome.score = Ok(score);
                outcome.metric = Some(metric.name());
                outcome.latency_ms = latency_ms;
            }
            Err(message) => outcome.score = Err(message),
        }
        outcome
    }

    fn of_model(
        &self,
        model: &Model,
        recipe: &Recipe,
        (train, fold): (&DataSet, &Fold),
        timed: bool,
    ) -> Result<(f64, Metric, Option<f64>), String> {
        let held_out = self.data.select(&fold.test);
        let latency = self.latency.filter(|_| timed);
        let quantized = if self.search.objective == Objective::Float && latency.is_none() {
            None
        } else {
            let quantized = at_bits(model, train, recipe.n_bits);
            Some(quantized.map_err(|error| error.to_string())?)
        };
        let rows = held_out.table.rows();
        let predictions: Vec<Prediction> = match &quantized {
            Some(quantized) if self.search.objective != Objective::Float => rows
                .map(|row| quantized.simulate(row))
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())?,
            _ => rows
                .map(|row| model.predict(row))
                .collect::<Result<_, _>>()
                .map_err(|error| error.to_string())?,
        };
        let metric = self.search.metric.unwrap_or_else(|| model.metric());
        let link = Some(model.inverse_link());
        let mut outcomes = Outcomes::new(model.classes(), link, &[metric]);
        let weights = held_out.weights.as_deref();
        let score = outcomes
            .extend(&predictions, &held_out.targets, weights)
            .and_then(|()| outcomes.score(metric))
            .map_err(|error| error.to_string())?;
        let ms = match (latency, &quantized) {
            (Some(latency), Some(quantized)) => {
                let ms = latency.predicted_ms(quantized);
                Some(ms.map_err(|error| error.to_string())?)
            }
            _ => None,
        };
        Ok((score, metric, ms))
    }
}

/// The model on codes of so many bits, calibrated on these rows; without bits, as it is compiled by default.
pub(super) fn at_bits(
    model: &Model,
    calibration: &DataSet,
    n_bits: Option<u8>,
) -> Result<QuantizedModel, QuantizeError> {
    let mut options = QuantizeOptions::default();
    if let Some(bits) = n_bits {
        options = QuantizeOptions::with_bits(bits)?;
        options.forest.bins = BinsMode::Uniform(options.input_bits);
    }
    quantize(model, Some(&calibration.table), &options)
}
