//! Scoring rows in three ways: the float model, the simulator on codes, and ciphertexts; and measuring.

use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::Serialize;
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_models::forest::ForestError;
use tenebra_models::scores::Metric;
use tenebra_models::{DataError, Model, ModelError, Prediction};
use tenebra_tfhe::EvaluationKey;
use zeroize::Zeroizing;

use crate::Progress;
use crate::codes::Codes;
use crate::error::Error;
use crate::rows::Rows;
use crate::server_program::ServerProgram;
use crate::times::Samples;
pub use crate::times::Times;

/// A generator for keys and encryption, seeded by the operating system.
///
/// # Errors
/// [`Error::Randomness`].
pub fn system_rng() -> Result<ChaCha20Rng, Error> {
    ChaCha20Rng::try_from_rng(&mut getrandom::SysRng).map_err(|e| Error::Randomness {
        message: e.to_string(),
    })
}

/// Integers of each row and what they say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// The circuit's outputs, one inner `Vec` a row.
    pub integers: Vec<Vec<i64>>,
    /// One a row.
    pub predictions: Vec<Prediction>,
}

impl Scored {
    /// Rows whose integers differ.
    #[must_use]
    pub fn mismatches(&self, other: &Self) -> usize {
        let pairs = self.integers.iter().zip(&other.integers);
        let missing = self.integers.len().abs_diff(other.integers.len());
        pairs.filter(|(one, other)| one != other).count() + missing
    }
}

/// The float model's predictions.
///
/// # Errors
/// [`DataError::Missing`] or [`Error::Row`] with the first row that the model refuses.
pub fn clear(model: &Model, rows: &Rows) -> Result<Vec<Prediction>, Error> {
    let predict = |(index, row)| {
        model
            .predict(row)
            .map_err(|error| bad_row(rows, index, error))
    };
    rows.table.rows().enumerate().map(predict).collect()
}

/// With the number of the row, and the name of the column where a value is missing or infinite.
fn bad_row(rows: &Rows, index: usize, error: ModelError) -> Error {
    let row = rows.first + index + 1;
    let name = |feature: usize| rows.table.columns().get(feature).cloned();
    match error {
        ModelError::MissingValue { feature }
        | ModelError::Forest(ForestError::MissingValue { feature }) => DataError::Missing {
            row,
            column: name(feature).unwrap_or_default(),
        }
        .into(),
        ModelError::Forest(ForestError::InfiniteValue { feature, value, .. }) => {
            let column = name(feature).unwrap_or_default();
            Error::TooLarge { row, column, value }
        }
        other => Error::Row {
            row,
            source: Box::new(other.into()),
        },
    }
}

/// The predictions of the circuit on clear integers.
///
/// # Errors
/// [`Error::Simulate`] for codes of another model.
pub fn simulate(server: &ServerProgram, codes: &Codes<'_>) -> Result<Scored, Error> {
    let mut scored = Scored::default();
    for row in codes.rows() {
        let integers = tenebra_sim::run(server.circuit(), row)?;
        scored.predictions.push(codes.spec().predict(&integers));
        scored.integers.push(integers);
    }
    Ok(scored)
}

/// Scored rows with the times and sizes of the encrypted way.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// Results.
    pub scored: Scored,
    /// Times and sizes.
    pub figures: Figures,
}

/// Times and sizes of encrypted scoring.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Time of making all keys, milliseconds.
    pub keygen_ms: f64,
    /// Bytes of the framed evaluation key; 0 where there is none.
    pub evaluation_key_bytes: usize,
    /// Time that the server takes once for each evaluation key, milliseconds; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepare_key_ms: Option<f64>,
    /// Bytes of the largest framed query.
    pub query_bytes: usize,
    /// Bytes of the largest framed response.
    pub response_bytes: usize,
    /// Rows of a full query.
    pub rows_per_query: usize,
    /// From reals to query bytes, per row.
    pub encrypt_ms: Times,
    /// From query bytes to response bytes, per row.
    pub evaluate_ms: Times,
    /// From response bytes to scores, per row.
    pub decrypt_ms: Times,
}

/// Encrypts, evaluates and decrypts rows, everything through its bytes on the wire, `rows_per_query` at a time, each query on `threads` threads. `progress`
/// hears after each query how many rows are done, of how many.
///
/// # Errors
/// As [`EncryptedScorer::new`] and [`EncryptedScorer::score`].
pub fn encrypted(
    server: &ServerProgram,
    codes: &Codes<'_>,
    rows_per_query: usize,
    threads: usize,
    progress: Progress<'_>,
) -> Result<Encrypted, Error> {
    let mut scorer = EncryptedScorer::new(codes.spec(), server, rows_per_query, threads)?;
    let scored = scorer.score(codes, progress)?;
    let figures = scorer.figures();
    Ok(Encrypted { scored, figures })
}

/// Scores rows encrypted under keys of its own, in as many pieces as they come in.
pub struct EncryptedScorer<'a> {
    spec: &'a ClientSpec<'a>,
    server: &'a ServerProgram,
    key: ClientKey,
    evaluation_key: Option<EvaluationKey>,
    rng: ChaCha20Rng,
    rows_per_query: usize,
    threads: usize,
    figures: Figures,
    encrypt: Samples,
    evaluate: Samples,
    decrypt: Samples,
}

impl<'a> EncryptedScorer<'a> {
    /// Makes all keys.
    ///
    /// # Errors
    /// [`Error::Randomness`]; whatever client and server say of keys that are not theirs, which does not happen here.
    pub fn new(
        spec: &'a ClientSpec<'a>,
        server: &'a ServerProgram,
        rows_per_query: usize,
        threads: usize,
    ) -> Result<Self, Error> {
        let mut rng = system_rng()?;
        let start = Instant::now();
        let key = ClientKey::generate(spec, &mut rng);
        let evaluation_key = spec.evaluation_key_file(&key, &mut rng)?;
        let keygen_ms = milliseconds(start);
        let secret = Zeroizing::new(key.to_secret_file(spec));
        let key = ClientKey::read_secret_file(spec, &secret)?;
        let evaluation_key_bytes = evaluation_key.as_ref().map_or(0, Vec::len);
        let start = Instant::now();
        let evaluation_key = evaluation_key
            .map(|bytes| server.prepare_key(&bytes))
            .transpose()?;
        let prepare_key_ms = evaluation_key.as_ref().map(|_| milliseconds(start));
        let figures = Figures {
            keygen_ms,
            evaluation_key_bytes,
            prepare_key_ms,
            query_bytes: 0,
            response_bytes: 0,
            rows_per_query: 1,
            encrypt_ms: Times::default(),
            evaluate_ms: Times::default(),
            decrypt_ms: Times::default(),
        };
        Ok(Self {
            spec,
            server,
            key,
            evaluation_key,
            rng,
            rows_per_query: rows_per_query.max(1),
            threads,
            figures,
            encrypt: Samples::default(),
            evaluate: Samples::default(),
            decrypt: Samples::default(),
        })
    }

    /// Scores rows; the last query of every piece may be smaller than the others. `progress` hears after each query how many
    /// rows of this piece are done, of how many.
    ///
    /// # Errors
    /// Whatever client and server say of codes and bytes that are not theirs, which does not happen here.
    pub fn score(&mut self, codes: &Codes<'_>, progress: Progress<'_>) -> Result<Scored, Error> {
        let n_rows = codes.n_rows();
        let mut scored = Scored {
            integers: Vec::with_capacity(n_rows),
            predictions: Vec::with_capacity(n_rows),
        };
        let figures = &mut self.figures;
        for first in (0..n_rows).step_by(self.rows_per_query) {
            let last = n_rows.min(first.saturating_add(self.rows_per_query));
            let start = Instant::now();
            let query = codes.encrypt(&self.key, first..last, &mut self.rng)?;
            let encrypt_ms = per_row(start, last - first);
            self.encrypt.push(codes.ms_per_row() + encrypt_ms);

            let start = Instant::now();
            let key = self.evaluation_key.as_ref();
            let response = self.server.evaluate(key, &query, self.threads)?;
            self.evaluate.push(per_row(start, last - first));

            let start = Instant::now();
            let integers = self.spec.decrypt_rows(&self.key, &response)?;
            let predictions = integers.iter().map(|row| self.spec.predict(row));
            scored.predictions.extend(predictions);
            self.decrypt.push(per_row(start, last - first));

            scored.integers.extend(integers);
            figures.query_bytes = figures.query_bytes.max(query.len());
            figures.response_bytes = figures.response_bytes.max(response.len());
            figures.rows_per_query = figures.rows_per_query.max(last - first);
            progress(last, n_rows);
        }
        Ok(scored)
    }

    /// Times and sizes so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        Figures {
            encrypt_ms: self.encrypt.times(),
            evaluate_ms: self.evaluate.times(),
            decrypt_ms: self.decrypt.times(),
            ..self.figures.clone()
        }
    }
}

/// The score of predictions against targets: with several targets, the mean over them.
///
/// # Errors
/// [`Error::Score`].
pub fn score(
    metric: Metric,
    predictions: &[Prediction],
    rows: &Rows,
    classes: &[String],
) -> Result<Option<f64>, Error> {
    if rows.targets.is_empty() {
        return Ok(None);
    }
    let weights = rows.weights.as_deref();
    let score = metric.evaluate_all(predictions, &rows.targets, classes, weights)?;
    Ok(Some(score))
}

/// The most memory that this process ever held, where the system says so (Linux).
#[must_use]
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn per_row(start: Instant, rows: usize) -> f64 {
    milliseconds(start) / rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_holds_memory() {
        assert!(peak_rss_bytes().unwrap() > 1 << 20);
    }
}
