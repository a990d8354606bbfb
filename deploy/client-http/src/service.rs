//! The server's addresses as methods.

mod ask;

use core::time::Duration;

use serde::Deserialize;
use ureq::Agent;
use ureq::http::Method;

use self::ask::is_secret_key;
use crate::error::ServiceError;
use crate::info::{Evaluated, History, KeyInfo, ModelInfo};
use crate::tls::Certificates;

/// Responses of one request that connections hold without anybody reading them: requests are sent whole before a response is
/// read, and a server that cannot send stops reading.
const UNREAD_BYTES: usize = 64 * 1024;
/// How long a request may take, unless its sender says otherwise.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A server, and who asks it.
#[derive(Clone)]
pub struct Service {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    timeout: Duration,
    pinned: Option<String>,
}

#[derive(Deserialize)]
struct ModelList {
    models: Vec<ModelInfo>,
}

#[derive(Deserialize)]
struct KeyList {
    keys: Vec<KeyInfo>,
}

impl Service {
    /// A server by its address, as `https://host:8443`, and the token to show it. Its certificate must be one of the public
    /// web's.
    ///
    /// # Errors
    /// [`ServiceError::Address`].
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, ServiceError> {
        Self::with_certificates(url, token, Certificates::default())
    }

    /// As [`new`](Self::new), but the server's certificate must be one of these or signed by one of them, all PEM.
    ///
    /// # Errors
    /// [`ServiceError::Address`], [`ServiceError::Certificates`].
    pub fn trusting(
        url: &str,
        token: Option<&str>,
        certificates: &[u8],
    ) -> Result<Self, ServiceError> {
        let certificates = Certificates {
            trusted: Some(certificates),
            shown: None,
        };
        Self::with_certificates(url, token, certificates)
    }

    /// As [`new`](Self::new), with certificates: those that the server's is held to, and the one to show it.
    ///
    /// # Errors
    /// [`ServiceError::Address`], [`ServiceError::Certificates`], [`ServiceError::ClientKey`].
    pub fn with_certificates(
        url: &str,
        token: Option<&str>,
        certificates: Certificates<'_>,
    ) -> Result<Self, ServiceError> {
        let base = url.trim_end_matches('/').to_owned();
        let schemes = ["http://", "https://"];
        let host = schemes.iter().find_map(|scheme| base.strip_prefix(scheme));
        if host.is_none_or(str::is_empty) {
            return Err(ServiceError::Address {
                url: url.to_owned(),
            });
        }
        let config = Agent::config_builder()
            .tls_config(certificates.config()?)
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_secs(120)))
            .build();
        Ok(Self {
            agent: config.into(),
            base,
            authorization: token.map(|token| format!("Bearer {token}")),
            timeout: TIMEOUT,
            pinned: None,
        })
    }

    /// How long a request may take in all, each time it is tried: ten minutes, if nothing is said.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Takes client specs and predictions of one version of a model alone, by its SHA-256, and sends keys to no other: the server
    /// refuses otherwise, and what it says of its answers is compared. It does not prove what it computed.
    #[must_use]
    pub fn pinned(self, version: &str) -> Self {
        Self {
            pinned: Some(version.to_owned()),
            ..self
        }
    }

    /// All models, by name.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn models(&self) -> Result<Vec<ModelInfo>, ServiceError> {
        let list: ModelList = self.json(Method::GET, "/v1/models", &[])?;
        Ok(list.models)
    }

    /// The framed client spec of a model. It is hostile until `ClientSpec::parse` accepted it.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn client_spec(&self, model: &str) -> Result<Vec<u8>, ServiceError> {
        self.bytes_of_model(Method::GET, &model_path(model, "")?, &[])
    }

    /// Deploys a framed server program under a name, over one of that name. Owners only.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn push(&self, model: &str, program: &[u8]) -> Result<ModelInfo, ServiceError> {
        self.json(Method::PUT, &model_path(model, "")?, program)
    }

    /// As [`push`](Self::push), but only over this version of the model; `None`: only if there is no model of that name.
    ///
    /// # Errors
    /// [`ServiceError`]; [`ServiceError::Refused`] with status 412 if there is another.
    pub fn push_over(
        &self,
        model: &str,
        program: &[u8],
        version: Option<&str>,
    ) -> Result<ModelInfo, ServiceError> {
        let condition = match version {
            Some(version) => ("if-match", format!("\"{version}\"")),
            None => ("if-none-match", "*".to_owned()),
        };
        let path = model_path(model, "")?;
        let mut answer = self.ask(Method::PUT, &path, program, Some(condition))?;
        let bytes = self.read_all(&mut answer, &path)?;
        serde_json::from_slice(&bytes).map_err(|_| self.malformed(&path))
    }

    /// The deployments of a model that are kept.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn history(&self, model: &str) -> Result<History, ServiceError> {
        self.json(Method::GET, &model_path(model, "/versions")?, &[])
    }

    /// Makes an earlier version of a model the one that is served. Owners only.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn roll_back(&self, model: &str, version: &str) -> Result<ModelInfo, ServiceError> {
        let path = model_path(model, &format!("/versions/{}", name(version)?))?;
        self.json(Method::POST, &path, &[])
    }

    /// Deletes all evaluation keys of a client: of yourself, or of anybody as an admin.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn purge(&self, client: &str) -> Result<(), ServiceError> {
        let path = format!("/v1/clients/{}", name(client)?);
        self.bytes(Method::DELETE, &path, &[]).map(drop)
    }

    /// Deletes a model and every key for it. Owners only.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn delete_model(&self, model: &str) -> Result<(), ServiceError> {
        self.bytes(Method::DELETE, &model_path(model, "")?, &[])
            .map(drop)
    }

    /// Your evaluation keys for a model.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn keys(&self, model: &str) -> Result<Vec<KeyInfo>, ServiceError> {
        let list: KeyList = self.json(Method::GET, &model_path(model, "/keys")?, &[])?;
        Ok(list.keys)
    }

    /// Sends a framed evaluation key, once for all queries made with its secret key.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn put_key(&self, model: &str, key: &[u8]) -> Result<KeyInfo, ServiceError> {
        let path = model_path(model, "/keys")?;
        let bytes = self.bytes_of_model(Method::PUT, &path, key)?;
        serde_json::from_slice(&bytes).map_err(|_| self.malformed(&path))
    }

    /// Deletes one of your evaluation keys.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn delete_key(&self, model: &str, key: &str) -> Result<(), ServiceError> {
        let path = model_path(model, &format!("/keys/{}", name(key)?))?;
        self.bytes(Method::DELETE, &path, &[]).map(drop)
    }

    /// The framed response to a framed query. `key` is the id of an evaluation key, where the model needs one.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn predict(
        &self,
        model: &str,
        key: Option<&str>,
        query: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        Ok(self.predict_timed(model, key, query)?.response)
    }

    /// As [`predict`](Self::predict), with the server's time.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn predict_timed(
        &self,
        model: &str,
        key: Option<&str>,
        query: &[u8],
    ) -> Result<Evaluated, ServiceError> {
        let path = predict_path(model, key)?;
        let mut answer = self.ask_model(Method::POST, &path, query)?;
        let timing = answer.headers().get("server-timing");
        let evaluate = timing.and_then(|value| evaluate_time(value.to_str().ok()?));
        let response = self.read_all(&mut answer, &path)?;
        Ok(Evaluated { response, evaluate })
    }

    /// The framed responses to several framed queries, in their order, by few requests. `done` gets each as it arrives; the
    /// server evaluates on while it works.
    ///
    /// # Errors
    /// [`ServiceError`]; after an error some responses may have been given to `done`.
    pub fn predict_all(
        &self,
        model: &str,
        key: Option<&str>,
        queries: &[Vec<u8>],
        mut done: impl FnMut(Vec<u8>),
    ) -> Result<(), ServiceError> {
        let Some((first, mut rest)) = queries.split_first() else {
            return Ok(());
        };
        if queries.iter().any(|query| is_secret_key(query)) {
            return Err(ServiceError::SecretKey);
        }
        let response = self.predict(model, key, first)?;
        let together = (UNREAD_BYTES / response.len().max(1)).max(1);
        done(response);
        let path = predict_path(model, key)?;
        let mut number = 2;
        while !rest.is_empty() {
            let (request, after) = rest.split_at(together.min(rest.len()));
            let mut answer = self.ask_model(Method::POST, &path, &request.concat())?;
            let mut reader = answer.body_mut().as_reader();
            for _ in request {
                done(self.read_frame(&mut reader, number, &path)?);
                number += 1;
            }
            rest = after;
        }
        Ok(())
    }
}

/// Shows no token.
impl core::fmt::Debug for Service {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Service")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// The time of `evaluate` in a `Server-Timing` header, whose durations are milliseconds.
fn evaluate_time(header: &str) -> Option<Duration> {
    let metric = |metric: &str| metric.trim().strip_prefix("evaluate;dur=")?.parse().ok();
    let milliseconds: f64 = header.split(',').find_map(metric)?;
    Duration::try_from_secs_f64(milliseconds / 1e3).ok()
}

/// A name as it may stand in an address.
fn name(text: &str) -> Result<&str, ServiceError> {
    let good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let dots = text.bytes().all(|byte| byte == b'.');
    if dots || !text.bytes().all(good) {
        return Err(ServiceError::Name(text.to_owned()));
    }
    Ok(text)
}

fn model_path(model: &str, rest: &str) -> Result<String, ServiceError> {
    Ok(format!("/v1/models/{}{rest}", name(model)?))
}

fn predict_path(model: &str, key: Option<&str>) -> Result<String, ServiceError> {
    match key {
        Some(key) => model_path(model, &format!("/predict?key={}", name(key)?)),
        None => model_path(model, "/predict"),
    }
}

#[cfg(test)]
mod tests;
