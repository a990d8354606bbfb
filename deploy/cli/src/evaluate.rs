//! Scoring rows in three ways: the float model, the simulator on codes, and ciphertexts; and measuring.

use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde::Serialize;
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_models::forest::ForestError;
use tenebra_models::scores::Metric;
use tenebra_models::{DataError, Model, ModelError, Prediction};

use crate::error::Error;
use crate::rows::Rows;
use crate::server_program::ServerProgram;

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

/// With the number of the row, and the name of the column where a value is missing.
fn bad_row(rows: &Rows, index: usize, error: ModelError) -> Error {
    let row = rows.first + index + 1;
    let (ModelError::MissingValue { feature }
    | ModelError::Forest(ForestError::MissingValue { feature })) = error
    else {
        return Error::Row {
            row,
            source: Box::new(error.into()),
        };
    };
    let column = rows
        .table
        .columns()
        .get(feature)
        .cloned()
        .unwrap_or_default();
    DataError::Missing { row, column }.into()
}

/// The predictions of the circuit on clear integers.
///
/// # Errors
/// As [`Rows::codes`].
pub fn simulate(
    spec: &ClientSpec<'_>,
    server: &ServerProgram,
    rows: &Rows,
) -> Result<Scored, Error> {
    let mut scored = Scored {
        integers: Vec::new(),
        predictions: Vec::new(),
    };
    for index in 0..rows.table.n_rows() {
        let (codes, _) = rows.codes_of(spec, index)?;
        let integers = tenebra_sim::run(server.circuit(), &codes)?;
        scored.predictions.push(predict(spec, &integers));
        scored.integers.push(integers);
    }
    Ok(scored)
}

/// What the integers of a row say.
#[must_use]
pub fn predict(spec: &ClientSpec<'_>, integers: &[i64]) -> Prediction {
    let mut scores = vec![0.0; integers.len()];
    spec.scores(integers, &mut scores);
    Prediction::from_scores(scores, spec.inverse_link(), spec.decision())
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

/// Wall-clock times in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
}

impl Times {
    /// Of unordered milliseconds; zeros if there are none.
    #[must_use]
    pub fn of(mut times: Vec<f64>) -> Self {
        times.sort_unstable_by(f64::total_cmp);
        let (Some(&min), Some(&max)) = (times.first(), times.last()) else {
            return Self::default();
        };
        let middle = times.len() / 2;
        let median = f64::midpoint(times[(times.len() - 1) / 2], times[middle]);
        Self { median, min, max }
    }
}

/// Encrypts, evaluates and decrypts rows, everything through its bytes on the wire, `rows_per_query` at a time. `progress`
/// hears the number of rows done after each query.
///
/// # Errors
/// As [`Rows::codes`]; whatever client and server say of bytes that are not theirs, which does not happen here.
pub fn encrypted(
    spec: &ClientSpec<'_>,
    server: &ServerProgram,
    rows: &Rows,
    rows_per_query: usize,
    mut progress: impl FnMut(usize),
) -> Result<Encrypted, Error> {
    let mut rng = system_rng()?;
    let start = Instant::now();
    let key = ClientKey::generate(spec, &mut rng);
    let evaluation_key = spec.evaluation_key_file(&key, &mut rng)?;
    let keygen_ms = milliseconds(start);
    let key = ClientKey::read_secret_file(spec, &key.to_secret_file(spec))?;
    let evaluation_key_bytes = evaluation_key.as_ref().map_or(0, Vec::len);
    let start = Instant::now();
    let prepared = evaluation_key
        .map(|bytes| server.prepare_key(&bytes))
        .transpose()?;
    let prepare_key_ms = prepared.as_ref().map(|_| milliseconds(start));

    let mut scored = Scored {
        integers: Vec::new(),
        predictions: Vec::new(),
    };
    let (mut encrypt, mut evaluate, mut decrypt) = (Vec::new(), Vec::new(), Vec::new());
    let (mut query_bytes, mut response_bytes) = (0, 0);
    let n_rows = rows.table.n_rows();
    for first in (0..n_rows).step_by(rows_per_query.max(1)) {
        let last = n_rows.min(first.saturating_add(rows_per_query.max(1)));
        let start = Instant::now();
        let query = encrypt_rows(spec, &key, rows, first..last, &mut rng)?;
        encrypt.push(per_row(start, last - first));

        let start = Instant::now();
        let response = server.evaluate(prepared.as_ref(), &query)?;
        evaluate.push(per_row(start, last - first));

        let start = Instant::now();
        let integers = spec.decrypt_rows(&key, &response)?;
        let predictions: Vec<_> = integers.iter().map(|row| predict(spec, row)).collect();
        decrypt.push(per_row(start, last - first));

        query_bytes = query.len().max(query_bytes);
        response_bytes = response.len().max(response_bytes);
        scored.integers.extend(integers);
        scored.predictions.extend(predictions);
        progress(last);
    }
    let figures = Figures {
        keygen_ms,
        evaluation_key_bytes,
        prepare_key_ms,
        query_bytes,
        response_bytes,
        rows_per_query: rows_per_query.clamp(1, n_rows.max(1)),
        encrypt_ms: Times::of(encrypt),
        evaluate_ms: Times::of(evaluate),
        decrypt_ms: Times::of(decrypt),
    };
    Ok(Encrypted { scored, figures })
}

/// Quantizes and encrypts some of the rows into one framed query.
///
/// # Errors
/// As [`Rows::codes`]; [`Error::Client`] for more rows than a query holds.
pub fn encrypt_rows(
    spec: &ClientSpec<'_>,
    key: &ClientKey,
    rows: &Rows,
    which: core::ops::Range<usize>,
    rng: &mut ChaCha20Rng,
) -> Result<Vec<u8>, Error> {
    let mut codes = Vec::with_capacity(which.len() * spec.input_count());
    for index in which {
        codes.extend(rows.codes_of(spec, index)?.0);
    }
    Ok(spec.encrypt_codes(key, &codes, rng)?)
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
    let weights = rows.weights.as_deref();
    let evaluate = |predictions: &[Prediction], target| {
        metric
            .evaluate(predictions, target, classes, weights)
            .map_err(Error::from)
    };
    match rows.targets.as_slice() {
        [] => Ok(None),
        [target] => evaluate(predictions, target).map(Some),
        targets => {
            let output = |at: usize, p: &Prediction| Prediction {
                values: p.values.get(at).copied().into_iter().collect(),
                ..p.clone()
            };
            let mut sum = 0.0;
            for (at, target) in targets.iter().enumerate() {
                let one: Vec<_> = predictions.iter().map(|p| output(at, p)).collect();
                sum += evaluate(&one, target)?;
            }
            Ok(Some(sum / targets.len() as f64))
        }
    }
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
    fn medians_of_odd_and_even_counts() {
        let times = |median, min, max| Times { median, min, max };
        assert_eq!(Times::of(vec![3.0, 1.0, 2.0]), times(2.0, 1.0, 3.0));
        // (2 + 4) / 2 = 3.
        assert_eq!(Times::of(vec![4.0, 1.0, 9.0, 2.0]), times(3.0, 1.0, 9.0));
        assert_eq!(Times::of(vec![]), Times::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_running_process_holds_memory() {
        assert!(peak_rss_bytes().unwrap() > 1 << 20);
    }
}
