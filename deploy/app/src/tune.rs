//! Scores and costs of a model at each bit width.

use serde::Serialize;
use tenebra_circuit::Options;
use tenebra_models::forest::BinsMode;
use tenebra_models::{Model, Prediction, QuantizeError, QuantizeOptions, QuantizedModel, quantize};

use crate::error::Error;
use crate::evaluate::{clear, score};
use crate::predicted::Predicted;
use crate::rows::Rows;

/// Codes of a model: of so many bits, or the split points of trees, which are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Codes {
    /// Of features and weights; of trees, even steps of their features' ranges.
    Bits(u8),
    /// The trees' own thresholds.
    Thresholds,
}

impl core::fmt::Display for Codes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bits(bits) => write!(f, "{bits} bits"),
            Self::Thresholds => f.write_str("thresholds"),
        }
    }
}

/// A model on some codes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuned {
    /// The codes.
    pub codes: Codes,
    /// The score of the circuit on clear integers; the share of rows with the float model's class, or R² against its predictions,
    /// where there is no target.
    pub score: Option<f64>,
    /// What one row costs.
    pub predicted: Option<Predicted>,
    /// Why there is no score or no prediction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A model at each bit width.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tuning {
    /// Name of the score.
    pub metric: String,
    /// The float model's score.
    pub float_score: f64,
    /// Largest loss of score that counts as none.
    pub may_lose: f64,
    /// By ascending bits, thresholds last.
    pub tuned: Vec<Tuned>,
    /// Index of the fewest bits that lose nothing, if any do.
    pub smallest: Option<usize>,
}

/// Quantizes, scores and plans a model on all widths of `bits`, and on thresholds where it has any. Rows calibrate the ranges and are
/// scored. `progress` hears how many widths are done, of how many.
///
/// # Errors
/// [`Error`]: rows that the model refuses, targets that cannot be scored, and [`QuantizeError`] of a model whose bits are its own.
pub fn tune(
    model: &Model,
    rows: &Rows,
    bits: core::ops::RangeInclusive<u8>,
    (plan, may_lose): (&Options, f64),
    progress: crate::Progress<'_>,
) -> Result<Tuning, Error> {
    if matches!(model.behind_steps(), Model::Network(_)) {
        return Err(QuantizeError::OwnBits.into());
    }
    let float = clear(model, rows)?;
    let scorer = Scorer {
        model,
        rows,
        float: &float,
    };
    let mut codes: Vec<Codes> = bits.map(Codes::Bits).collect();
    if !matches!(model.behind_steps(), Model::Linear(_)) {
        codes.push(Codes::Thresholds);
    }
    let float_score = scorer.score(&float)?;
    let (mut tuned, of) = (Vec::new(), codes.len());
    for codes in codes {
        tuned.push(scorer.at(codes, plan)?);
        progress(tuned.len(), of);
    }
    let loses_nothing = |tuned: &Tuned| {
        let scored = tuned.score.filter(|_| tuned.predicted.is_some());
        scored.is_some_and(|score| float_score - score <= may_lose)
    };
    Ok(Tuning {
        metric: scorer.metric_name(),
        float_score,
        may_lose,
        smallest: tuned.iter().position(loses_nothing),
        tuned,
    })
}

struct Scorer<'a> {
    model: &'a Model,
    rows: &'a Rows,
    float: &'a [Prediction],
}

impl Scorer<'_> {
    fn at(&self, codes: Codes, plan: &Options) -> Result<Tuned, Error> {
        let mut tuned = Tuned {
            codes,
            score: None,
            predicted: None,
            refused: None,
        };
        let quantized = match self.quantized(codes) {
            Ok(quantized) => quantized,
            Err(error) => {
                tuned.refused = Some(error.to_string());
                return Ok(tuned);
            }
        };
        let simulate = |row| quantized.simulate(row);
        let found: Vec<Prediction> = self
            .rows
            .table
            .rows()
            .map(simulate)
            .collect::<Result<_, _>>()?;
        tuned.score = Some(self.score(&found)?);
        match Predicted::of(&quantized, plan) {
            Ok(predicted) => tuned.predicted = Some(predicted),
            Err(error) => tuned.refused = Some(error.to_string()),
        }
        Ok(tuned)
    }

    fn quantized(&self, codes: Codes) -> Result<QuantizedModel, QuantizeError> {
        let options = match codes {
            Codes::Thresholds => QuantizeOptions::default(),
            Codes::Bits(bits) => {
                let mut options = QuantizeOptions::with_bits(bits)?;
                options.forest.bins = BinsMode::Uniform(options.input_bits);
                options
            }
        };
        quantize(self.model, Some(&self.rows.table), &options)
    }

    fn score(&self, predictions: &[Prediction]) -> Result<f64, Error> {
        let metric = self.model.metric();
        let classes = self.model.classes();
        if let Some(score) = score(metric, predictions, self.rows, classes)? {
            return Ok(score);
        }
        if !classes.is_empty() {
            let pairs = predictions.iter().zip(self.float);
            let same = pairs.filter(|(one, other)| one.class == other.class);
            return Ok(same.count() as f64 / predictions.len().max(1) as f64);
        }
        let values = |all: &[Prediction]| -> Vec<f64> {
            all.iter().flat_map(|p| p.values.iter().copied()).collect()
        };
        let (truth, found) = (values(self.float), values(predictions));
        let r2 = tenebra_models::scores::r2(&truth, &found, None);
        Ok(r2.map_err(tenebra_models::scores::ScoreError::from)?)
    }

    fn metric_name(&self) -> String {
        if !self.rows.targets.is_empty() {
            return self.model.metric().name();
        }
        if self.model.classes().is_empty() {
            "r2 against the float model".to_owned()
        } else {
            "agreement with the float model".to_owned()
        }
    }
}
