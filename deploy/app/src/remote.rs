//! Scoring rows by a server: what `predict` and `demo` do.

use core::time::Duration;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use tenebra_client::{ClientKey, ClientSpec, Frame, KeyId, Kind};
use tenebra_service_client::Service;

use crate::Progress;
use crate::codes::Codes;
use crate::error::Error;
use crate::evaluate::{Encrypted, Figures, Scored, Times, system_rng};
use crate::rows::Rows;

/// Bytes of queries that are encrypted ahead of being sent.
const AHEAD_BYTES: usize = 16 << 20;

/// A model of a server, and the keys of a data owner for it.
#[derive(Debug)]
pub struct Remote<'a> {
    /// The server.
    pub service: &'a Service,
    /// Name of the model there.
    pub model: &'a str,
    /// The secret key.
    pub key: &'a ClientKey,
    /// Id of the evaluation key at the server, where the model needs one.
    pub key_id: Option<String>,
}

/// Where a server has an evaluation key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentKey {
    /// Its id.
    pub id: String,
    /// Whether it was sent now; the server had it otherwise.
    pub now: bool,
}

/// Sends a framed evaluation key, unless the server has it: its id is a hash of its bytes.
///
/// # Errors
/// [`Error::Frame`] for anything else, of which nothing is sent; [`Error::Service`].
pub fn send_key(service: &Service, model: &str, file: &[u8]) -> Result<SentKey, Error> {
    Frame::parse(file, Kind::EvaluationKey)?;
    let id = KeyId::of(file).to_string();
    if service.keys(model)?.iter().any(|key| key.key == id) {
        return Ok(SentKey { id, now: false });
    }
    let id = service.put_key(model, file)?.key;
    Ok(SentKey { id, now: true })
}

impl Remote<'_> {
    /// Encrypts rows, as many in a query as it holds, has them evaluated, and decrypts. `progress` hears how many rows are
    /// done, of how many.
    ///
    /// Whether a response decrypts says something about the key, so all rows are sent whether it does or not, and what the
    /// server does after that hides nothing: see [`retired`](crate::retired) for what is done with the key.
    ///
    /// # Errors
    /// [`Error::Client`] for a response that is not one, before [`Error::Service`].
    pub fn predict(&self, codes: &Codes<'_>, progress: Progress<'_>) -> Result<Scored, Error> {
        let mut rng = system_rng()?;
        let mut scored = Scored::default();
        let mut encrypted = 0;
        let mut failed: Option<Error> = None;
        let mut sent = Ok(());
        while encrypted < codes.n_rows() && sent.is_ok() {
            let queries = self.encrypt_some(codes, &mut encrypted, &mut rng)?;
            let key = self.key_id.as_deref();
            sent = self
                .service
                .predict_all(self.model, key, &queries, |response| {
                    if let Err(error) = self.decrypt_into(codes.spec(), &mut scored, &response)
                        && (failed.is_none() || error.is_undecryptable())
                    {
                        failed = Some(error);
                    }
                    progress(scored.integers.len(), codes.n_rows());
                });
        }
        failed.map_or(Ok(()), Err)?;
        sent?;
        Ok(scored)
    }

    /// Queries of the rows from `first` on, up to [`AHEAD_BYTES`]; moves `first` behind the last of them.
    fn encrypt_some(
        &self,
        codes: &Codes<'_>,
        first: &mut usize,
        rng: &mut ChaCha20Rng,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let (mut queries, mut bytes) = (Vec::new(), 0);
        while *first < codes.n_rows() && bytes < AHEAD_BYTES {
            let last = codes.n_rows().min(*first + codes.spec().max_rows());
            let query = codes.encrypt(self.key, *first..last, rng)?;
            bytes += query.len();
            queries.push(query);
            *first = last;
        }
        Ok(queries)
    }

    fn decrypt_into(
        &self,
        spec: &ClientSpec<'_>,
        scored: &mut Scored,
        response: &[u8],
    ) -> Result<(), Error> {
        for integers in spec.decrypt_rows(self.key, response)? {
            scored.predictions.push(spec.predict(&integers));
            scored.integers.push(integers);
        }
        Ok(())
    }
}

/// Scored rows, and what it took to send them.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Results, times and sizes; the time of evaluation is what the server says it was.
    pub encrypted: Encrypted,
    /// Time of sending the evaluation key until the server keeps it, milliseconds; `None` where there is none.
    pub send_key_ms: Option<f64>,
    /// From query bytes to response bytes as the data owner sees it, per row.
    pub round_trip_ms: Times,
}

/// Makes keys for a model of a server, and scores rows one by one. `progress` hears how many are done, of how many.
///
/// # Errors
/// As [`Codes::of`] and [`Remote::predict`]; [`Error::Spec`] for a spec that is refused.
pub fn measure(
    service: &Service,
    model: &str,
    rows: &Rows,
    progress: Progress<'_>,
) -> Result<Measured, Error> {
    let file = service.client_spec(model)?;
    let spec = ClientSpec::parse(&file)?;
    let mut rng = system_rng()?;
    let (keys, keygen_ms) = timed(|| {
        let key = ClientKey::generate(&spec, &mut rng);
        Ok((spec.evaluation_key_file(&key, &mut rng)?, key))
    })?;
    let (evaluation_key, key) = keys;
    let (sent, send_ms) = timed(|| {
        let sent = evaluation_key
            .as_deref()
            .map(|file| send_key(service, model, file));
        sent.transpose()
    })?;
    let mut remote = Remote {
        service,
        model,
        key: &key,
        key_id: None,
    };
    let send_key_ms = sent.as_ref().map(|_| send_ms);
    remote.key_id = sent.map(|sent| sent.id);
    let mut run = Run::default();
    let codes = Codes::of(&spec, rows)?;
    for row in 0..codes.n_rows() {
        run.score(&remote, &codes, row, &mut rng)?;
        progress(row + 1, codes.n_rows());
    }
    let figures = Figures {
        keygen_ms,
        evaluation_key_bytes: evaluation_key.map_or(0, |file| file.len()),
        prepare_key_ms: None,
        query_bytes: run.query_bytes,
        response_bytes: run.response_bytes,
        rows_per_query: 1,
        encrypt_ms: Times::of(run.encrypt),
        evaluate_ms: Times::of(run.evaluate),
        decrypt_ms: Times::of(run.decrypt),
    };
    Ok(Measured {
        encrypted: Encrypted {
            scored: run.scored,
            figures,
        },
        send_key_ms,
        round_trip_ms: Times::of(run.round_trip),
    })
}

/// Rows scored so far, one after the other, and their times in milliseconds.
#[derive(Default)]
struct Run {
    scored: Scored,
    query_bytes: usize,
    response_bytes: usize,
    encrypt: Vec<f64>,
    evaluate: Vec<f64>,
    round_trip: Vec<f64>,
    decrypt: Vec<f64>,
}

impl Run {
    fn score(
        &mut self,
        remote: &Remote<'_>,
        codes: &Codes<'_>,
        row: usize,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), Error> {
        let (query, encrypt) = timed(|| codes.encrypt(remote.key, row..row + 1, rng))?;
        let key = remote.key_id.as_deref();
        let (evaluated, round_trip) =
            timed(|| Ok(remote.service.predict_timed(remote.model, key, &query)?))?;
        let ((), decrypt) =
            timed(|| remote.decrypt_into(codes.spec(), &mut self.scored, &evaluated.response))?;
        self.query_bytes = query.len().max(self.query_bytes);
        self.response_bytes = evaluated.response.len().max(self.response_bytes);
        self.encrypt.push(codes.ms_per_row() + encrypt);
        self.round_trip.push(round_trip);
        self.decrypt.push(decrypt);
        self.evaluate.extend(evaluated.evaluate.map(milliseconds));
        Ok(())
    }
}

/// What `work` returns, and its milliseconds.
fn timed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<(T, f64), Error> {
    let start = Instant::now();
    let done = work()?;
    Ok((done, milliseconds(start.elapsed())))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
