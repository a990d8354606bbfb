//! Requests, tried again while the server is busy, and their answers, which are bounded.

use core::time::Duration;
use std::io::Read;
use std::thread::sleep;

use serde::de::DeserializeOwned;
use tenebra_client::frame::{HEADER_LEN, Header, MAGIC};
use tenebra_client::{Frame, FrameError, Kind, MAX_MESSAGE_LEN, frame_len};
use ureq::Body;
use ureq::http::{Method, Request, Response};

use super::Service;
use crate::error::{Problem, ServiceError};

/// How often a busy server is asked again.
const RETRIES: u32 = 5;
/// The longest wait between two questions.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// No answer of the server is larger than this, nor one response of a batch: a client spec cannot ask for more.
const MAX_ANSWER: u64 = frame_len(0) as u64 + MAX_MESSAGE_LEN;
/// The version of the model that an answer is about.
const MODEL_VERSION: &str = "tenebra-model-version";

impl Service {
    /// The next frame of a batch's responses, or the problem document in its place.
    pub(super) fn read_frame(
        &self,
        reader: &mut impl Read,
        number: usize,
        path: &str,
    ) -> Result<Vec<u8>, ServiceError> {
        let broken = |e: std::io::Error| self.transport(path, &e);
        let mut frame = Vec::new();
        reader
            .by_ref()
            .take(HEADER_LEN as u64)
            .read_to_end(&mut frame)
            .map_err(broken)?;
        if frame.first() == Some(&b'{') {
            reader
                .take(MAX_ANSWER)
                .read_to_end(&mut frame)
                .map_err(broken)?;
            let problem = serde_json::from_slice(&frame).map_err(|_| self.malformed(path))?;
            return Err(ServiceError::Refused(problem));
        }
        let response = |source| ServiceError::Response { number, source };
        let Some(header) = frame.first_chunk::<HEADER_LEN>() else {
            return Err(response(FrameError::Short(frame.len())));
        };
        let header = Header::read(header, Kind::Response).map_err(response)?;
        let rest = header.frame_len() - HEADER_LEN as u64;
        reader
            .take(rest.min(MAX_ANSWER))
            .read_to_end(&mut frame)
            .map_err(broken)?;
        Frame::parse(&frame, Kind::Response).map_err(response)?;
        Ok(frame)
    }

    pub(super) fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<T, ServiceError> {
        let bytes = self.bytes(method, path, body)?;
        serde_json::from_slice(&bytes).map_err(|_| self.malformed(path))
    }

    pub(super) fn bytes(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let mut answer = self.ask(method, path, body, None)?;
        self.read_all(&mut answer, path)
    }

    pub(super) fn bytes_of_model(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let mut answer = self.ask_model(method, path, body)?;
        self.read_all(&mut answer, path)
    }

    /// Asks about a model, of the version that is pinned if one is.
    pub(super) fn ask_model(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
    ) -> Result<Response<Body>, ServiceError> {
        let Some(wanted) = &self.pinned else {
            return self.ask(method, path, body, None);
        };
        let condition = ("if-match", format!("\"{wanted}\""));
        let answer = self.ask(method, path, body, Some(condition))?;
        let found = answer.headers().get(MODEL_VERSION);
        let found = found.and_then(|version| version.to_str().ok());
        if found != Some(wanted) {
            return Err(ServiceError::OtherVersion {
                wanted: wanted.clone(),
                found: found.unwrap_or("unknown").to_owned(),
            });
        }
        Ok(answer)
    }

    pub(super) fn read_all(
        &self,
        answer: &mut Response<Body>,
        path: &str,
    ) -> Result<Vec<u8>, ServiceError> {
        let body = answer.body_mut().with_config().limit(MAX_ANSWER);
        body.read_to_vec().map_err(|e| self.transport(path, &e))
    }

    /// Asks, and asks again while the server is busy.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        body: &[u8],
        condition: Option<(&str, String)>,
    ) -> Result<Response<Body>, ServiceError> {
        if is_secret_key(body) {
            return Err(ServiceError::SecretKey);
        }
        let mut tried = 0;
        loop {
            let mut answer = self.ask_once(&method, path, body, condition.as_ref())?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let seconds = answer
                .headers()
                .get("retry-after")
                .and_then(|v| v.to_str().ok()?.parse().ok());
            if let Some(seconds) = seconds.filter(|_| status == 503 && tried < RETRIES) {
                tried += 1;
                sleep(Duration::from_secs(seconds).min(LONGEST_WAIT));
                continue;
            }
            let document = answer.body_mut().with_config().limit(1 << 16).read_to_vec();
            let problem = document
                .ok()
                .and_then(|bytes| serde_json::from_slice::<Problem>(&bytes).ok());
            return Err(match problem {
                Some(problem) => ServiceError::Refused(problem),
                None => ServiceError::Status {
                    url: format!("{}{path}", self.base),
                    status: status.as_u16(),
                },
            });
        }
    }

    fn ask_once(
        &self,
        method: &Method,
        path: &str,
        body: &[u8],
        condition: Option<&(&str, String)>,
    ) -> Result<Response<Body>, ServiceError> {
        let url = format!("{}{path}", self.base);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        if let Some((name, value)) = condition {
            request = request.header(*name, value);
        }
        let failed = |e: ureq::Error| self.transport(path, &e);
        let address = |_| ServiceError::Address { url: url.clone() };
        let timeout = Some(self.timeout);
        if matches!(*method, Method::PUT | Method::POST) {
            let request = request.header("content-type", "application/octet-stream");
            let request = request.body(body).map_err(address)?;
            let request = self.agent.configure_request(request);
            self.agent
                .run(request.timeout_global(timeout).build())
                .map_err(failed)
        } else {
            let request = request.body(()).map_err(address)?;
            let request = self.agent.configure_request(request);
            self.agent
                .run(request.timeout_global(timeout).build())
                .map_err(failed)
        }
    }

    fn transport(&self, path: &str, error: &dyn core::fmt::Display) -> ServiceError {
        ServiceError::Transport {
            url: format!("{}{path}", self.base),
            message: error.to_string(),
        }
    }

    pub(super) fn malformed(&self, path: &str) -> ServiceError {
        ServiceError::Malformed {
            url: format!("{}{path}", self.base),
        }
    }
}

/// Whether bytes are a secret key, of whatever version and however damaged behind its header.
pub(super) fn is_secret_key(bytes: &[u8]) -> bool {
    let kind = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.get(2..4));
    kind == Some(&Kind::SecretKey.code().to_le_bytes())
}
