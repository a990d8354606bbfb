//! Scoring rows that come in pieces, in one of three ways, and counting what is to be said of them.

use serde::Serialize;
use tenebra_client::ClientSpec;
use tenebra_models::scores::{Metric, Outcomes};
use tenebra_models::{Model, Prediction};

use crate::clipping::Clipping;
use crate::codes::Codes;
use crate::error::Error;
use crate::evaluate::{EncryptedScorer, Figures, Scored, clear, simulate};
use crate::rows::Rows;
use crate::server_program::ServerProgram;

/// How rows are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// By the float model.
    Clear,
    /// By the circuit on integers.
    Simulate,
    /// By the circuit on ciphertexts, which is compared with the same on integers.
    Encrypted,
}

/// About how many cells are to be held at once.
const PIECE_CELLS: usize = 1 << 18;

/// An evaluation on its way. What it holds does not grow with the rows, but for 16 bytes a row that scores are computed from.
pub struct Evaluation<'a> {
    mode: Mode,
    spec: &'a ClientSpec<'a>,
    server: &'a ServerProgram,
    model: Option<&'a Model>,
    metrics: &'a [Metric],
    classes: Vec<String>,
    rows_per_query: usize,
    scorer: Option<EncryptedScorer<'a>>,
    outcomes: Outcomes,
    /// The float model beside the quantized one, where that is simulated.
    beside: Option<Beside>,
    rows: usize,
    clipping: Clipping,
    mismatches: usize,
}

/// What the float model says of the same rows.
struct Beside {
    outcomes: Outcomes,
    agreeing: usize,
    max_score_error: f64,
}

/// What came of all rows.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Name of the estimator.
    pub model: String,
    /// Rows scored.
    pub rows: usize,
    /// The usual score, where there was a target.
    pub metric: Option<Score>,
    /// Scores that were asked for.
    pub metrics: Vec<Score>,
    /// The float model beside the simulated one, where it was given.
    pub float: Option<Comparison>,
    /// Values that were clipped; nothing for the float model.
    pub clipping: Clipping,
    /// Rows whose encrypted integers differ from the simulated ones; anything but 0 is a defect.
    pub mismatches: Option<usize>,
    /// Times and sizes of the encrypted way.
    pub figures: Option<Figures>,
}

/// A score of all rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// scikit-learn's.
    pub name: String,
    /// Of what was evaluated.
    pub value: f64,
    /// Of the float model, where that stands beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float: Option<f64>,
}

/// The float model beside the quantized one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Share of the rows of which both predict the same class; of classifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_agreement: Option<f64>,
    /// The largest distance between a score of the one and of the other.
    pub max_score_error: f64,
}

impl<'a> Evaluation<'a> {
    /// Nothing is scored yet; for [`Mode::Encrypted`], makes all keys. `batch`: queries of as many rows as they hold, else of
    /// one; each is evaluated on `threads` threads. `metrics` are computed beside the usual score. `model` is the float model, which [`Mode::Clear`] needs.
    ///
    /// # Errors
    /// [`Error::OtherModel`]; as [`EncryptedScorer::new`].
    pub fn new(
        mode: Mode,
        spec: &'a ClientSpec<'a>,
        server: &'a ServerProgram,
        model: Option<&'a Model>,
        metrics: &'a [Metric],
        batch: bool,
        threads: usize,
    ) -> Result<Self, Error> {
        if server.spec_id() != spec.id() {
            let (server, client) = (server.spec_id(), spec.id());
            return Err(Error::OtherModel { server, client });
        }
        let rows_per_query = if batch { spec.max_rows().max(1) } else { 1 };
        let scorer = (mode == Mode::Encrypted)
            .then(|| EncryptedScorer::new(spec, server, rows_per_query, threads))
            .transpose()?;
        let classes: Vec<String> = spec.classes().map(str::to_owned).collect();
        let outcomes = || {
            Outcomes::new(&classes, Some(spec.inverse_link()), metrics)
                .with_target_names(model.and_then(Model::target_names))
        };
        let beside = (mode == Mode::Simulate && model.is_some()).then(|| Beside {
            outcomes: outcomes(),
            agreeing: 0,
            max_score_error: 0.0,
        });
        Ok(Self {
            outcomes: outcomes(),
            beside,
            mode,
            spec,
            server,
            model,
            metrics,
            classes,
            rows_per_query,
            scorer,
            rows: 0,
            clipping: Clipping::default(),
            mismatches: 0,
        })
    }

    /// Rows to read at once: whole queries.
    #[must_use]
    pub fn piece_rows(&self) -> usize {
        let rows = PIECE_CELLS / self.spec.columns().max(1);
        rows.next_multiple_of(self.rows_per_query)
            .max(self.rows_per_query)
    }

    /// Scores rows. Of the float model, [`Scored::integers`] is empty.
    ///
    /// # Errors
    /// As [`clear`] and [`Codes::of`]; [`Error::Score`] for targets that are none of the model's; [`Error::FloatModelNeeded`].
    pub fn add(&mut self, rows: &Rows) -> Result<Scored, Error> {
        let scored = self.scored(rows)?;
        extend(&mut self.outcomes, &scored.predictions, rows)?;
        if let (Some(beside), Some(model)) = (&mut self.beside, self.model) {
            beside.add(&clear(model, rows)?, &scored.predictions, rows)?;
        }
        self.rows += scored.predictions.len();
        Ok(scored)
    }

    fn scored(&mut self, rows: &Rows) -> Result<Scored, Error> {
        if self.mode == Mode::Clear {
            return Ok(Scored {
                integers: Vec::new(),
                predictions: clear(self.model.ok_or(Error::FloatModelNeeded)?, rows)?,
            });
        }
        let codes = Codes::of(self.spec, rows)?;
        self.clipping.extend(codes.clipping());
        let simulated = simulate(self.server, &codes)?;
        let Some(scorer) = &mut self.scorer else {
            return Ok(simulated);
        };
        let scored = scorer.score(&codes, &mut |_, _| ())?;
        self.mismatches += simulated.mismatches(&scored);
        Ok(scored)
    }

    /// What came of the rows so far.
    ///
    /// # Errors
    /// [`Error::Score`] for a score that is not defined on them.
    pub fn summary(&self) -> Result<Summary, Error> {
        let score = |name: String, metric: Metric| {
            let beside = self.beside.as_ref();
            Ok::<_, Error>(Score {
                name,
                value: self.outcomes.score(metric)?,
                float: beside.map(|b| b.outcomes.score(metric)).transpose()?,
            })
        };
        let without = if self.classes.is_empty() {
            Metric::R2
        } else {
            Metric::Accuracy
        };
        let usual = self.model.map_or(without, Model::metric);
        let metric = (self.outcomes.rows() > 0).then(|| score(usual.to_string(), usual));
        let metrics = self.metrics.iter();
        let metrics = metrics.map(|metric| score(metric.name(), *metric));
        Ok(Summary {
            model: self.server.report().model.clone(),
            rows: self.rows,
            metric: metric.transpose()?,
            metrics: metrics.collect::<Result<_, _>>()?,
            float: self.beside.as_ref().map(|beside| Comparison {
                class_agreement: (!self.classes.is_empty())
                    .then(|| beside.agreeing as f64 / self.rows as f64),
                max_score_error: beside.max_score_error,
            }),
            clipping: self.clipping.clone(),
            mismatches: self.scorer.as_ref().map(|_| self.mismatches),
            figures: self.scorer.as_ref().map(EncryptedScorer::figures),
        })
    }
}

impl Beside {
    /// Of each row, what the float model says, and what the other does.
    fn add(
        &mut self,
        float: &[Prediction],
        predictions: &[Prediction],
        rows: &Rows,
    ) -> Result<(), Error> {
        for (float, found) in float.iter().zip(predictions) {
            self.agreeing += usize::from(float.class == found.class);
            let pairs = float.scores.iter().zip(&found.scores);
            let distances = pairs.map(|(x, y)| (x - y).abs());
            self.max_score_error = distances.fold(self.max_score_error, f64::max);
        }
        extend(&mut self.outcomes, float, rows)
    }
}

fn extend(outcomes: &mut Outcomes, predictions: &[Prediction], rows: &Rows) -> Result<(), Error> {
    if rows.targets.is_empty() {
        return Ok(());
    }
    let weights = rows.weights.as_deref();
    Ok(outcomes.extend(predictions, &rows.targets, weights)?)
}
