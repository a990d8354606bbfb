//! Refusals as RFC 9457 problem documents: what is wrong, and what to do.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tenebra_client::FrameError;
use tenebra_tfhe::EvaluateError;
use utoipa::ToSchema;

use crate::frames::BodyError;
use crate::store::StoreError;
use crate::tokens::Refusal;
use crate::trial::TrialError;
use tenebra_tfhe::server_program::ProgramError;

/// Media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// A URN that names the kind of problem; programs decide by it.
    #[serde(rename = "type")]
    #[schema(example = "urn:tenebra:problem:model-not-found")]
    kind: String,
    /// The kind in words.
    title: &'static str,
    /// Status of the response.
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: String,
    /// Seconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl ToString) -> Self {
        Self {
            kind: format!("urn:tenebra:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: detail.to_string(),
            retry_after: None,
        }
    }

    /// Try again soon.
    fn later(kind: &str, title: &'static str, detail: impl ToString) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail)
        }
    }

    /// The kind, without what all kinds start with.
    pub(crate) fn kind(&self) -> &str {
        self.kind.trim_start_matches("urn:tenebra:problem:")
    }

    /// What is wrong, and what to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The document's bytes.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::json!(self).to_string().into_bytes()
    }

    pub(crate) fn no_token() -> Self {
        let detail = "send a token of this server as `Authorization: Bearer TOKEN`; its operator makes them with `tenebra token add`";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "token-needed",
            "no valid token",
            detail,
        )
    }

    pub(crate) fn store_unavailable() -> Self {
        let detail = "the server's store is gone, failed or does not answer; try again, or tell its operator";
        Self::later("store-unavailable", "the store does not answer", detail)
    }

    pub(crate) fn role(needed: &str) -> Self {
        let detail = format!("this is for {needed}; the token is of another role");
        Self::new(StatusCode::FORBIDDEN, "owner-only", "not allowed", detail)
    }

    pub(crate) fn other_owner() -> Self {
        let detail =
            "another owner deployed this model; choose another name, or ask them or an admin";
        Self::new(StatusCode::FORBIDDEN, "other-owner", "not allowed", detail)
    }

    pub(crate) fn model_not_allowed() -> Self {
        let detail = "the token is for other models; GET /v1/models lists those you may use";
        Self::new(
            StatusCode::FORBIDDEN,
            "model-not-allowed",
            "not allowed",
            detail,
        )
    }

    pub(crate) fn foreign_host() -> Self {
        let detail = "a server without tokens answers only to names of this machine, as localhost or 127.0.0.1, and to no page of another site; serve with tokens instead";
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign-host",
            "not for this host or origin",
            detail,
        )
    }

    pub(crate) fn token_expired() -> Self {
        let detail = "the token has expired; ask the server's operator for a new one";
        Self::new(
            StatusCode::UNAUTHORIZED,
            "token-expired",
            "no valid token",
            detail,
        )
    }

    /// Of a status that the routes below us answer with.
    pub(crate) fn of_status(status: StatusCode, detail: &str) -> Self {
        let detail = match detail {
            "" => "GET /v1/openapi.json describes what is answered",
            said => said,
        };
        Self::new(status, "bad-request", "the request was refused", detail)
    }

    pub(crate) fn malformed_address(detail: impl ToString) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-address",
            "malformed address or query",
            detail,
        )
    }

    pub(crate) fn other_version(wanted: &str, found: &str) -> Self {
        let detail = format!("the model's version is {found}, not {wanted}");
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "version-mismatch",
            "another version of the model",
            detail,
        )
    }

    pub(crate) fn no_version() -> Self {
        let detail =
            "this version of the model is not kept; GET the model's /versions for those that are";
        Self::new(
            StatusCode::NOT_FOUND,
            "version-not-found",
            "no such version",
            detail,
        )
    }

    pub(crate) fn model_replaced() -> Self {
        let detail =
            "the model was replaced while this batch was evaluated; ask again for the rest";
        Self::new(
            StatusCode::CONFLICT,
            "model-replaced",
            "the model was replaced",
            detail,
        )
    }

    pub(crate) fn damaged_model(name: &str, why: &str) -> Self {
        let detail = format!(
            "the store's file of model `{name}` cannot be used; its owner may deploy it again: {why}"
        );
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "model-damaged",
            "the model is damaged",
            detail,
        )
    }

    pub(crate) fn share_taken() -> Self {
        let detail = "your share of the server is taken; finish what you have begun, and try again after the seconds of Retry-After";
        Self::later("busy", "you are busy", detail)
    }

    pub(crate) fn late(limit: core::time::Duration) -> Self {
        let detail = format!(
            "the evaluation was not done within {} s and was given up; try again",
            limit.as_secs()
        );
        Self::later("too-late", "not done in time", detail)
    }

    pub(crate) fn no_route() -> Self {
        let detail = "GET /v1/openapi.json describes what there is";
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-address",
            "no such address",
            detail,
        )
    }

    pub(crate) fn wrong_method() -> Self {
        let detail = "GET /v1/openapi.json describes what there is";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong-method",
            "no such method here",
            detail,
        )
    }

    pub(crate) fn bad_name(what: &str, reason: impl ToString) -> Self {
        let detail = format!("the {what} in the address: {}", reason.to_string());
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-name",
            "malformed name",
            detail,
        )
    }

    pub(crate) fn no_model(name: &str) -> Self {
        let detail = format!("there is no model `{name}`; GET /v1/models lists them");
        Self::new(
            StatusCode::NOT_FOUND,
            "model-not-found",
            "no such model",
            detail,
        )
    }

    pub(crate) fn no_key() -> Self {
        let detail = "you have no such evaluation key for this model; PUT it to the model's /keys";
        Self::new(
            StatusCode::NOT_FOUND,
            "key-not-found",
            "no such key",
            detail,
        )
    }

    pub(crate) fn key_needed() -> Self {
        let detail = "this model computes with an evaluation key: PUT yours to the model's /keys, and send its id as ?key=ID";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "key-needed",
            "evaluation key needed",
            detail,
        )
    }

    pub(crate) fn key_not_needed() -> Self {
        let detail = "this model computes without evaluation keys; send none";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "key-not-needed",
            "no evaluation key needed",
            detail,
        )
    }

    pub(crate) fn key_of_other_spec() -> Self {
        let detail = "the key was made for an earlier version of this model; fetch the client spec and make keys for it";
        Self::new(
            StatusCode::CONFLICT,
            "key-outdated",
            "key of another version",
            detail,
        )
    }

    pub(crate) fn too_many_keys(limit: usize) -> Self {
        let detail = format!("a client may keep {limit} evaluation keys here; delete some");
        Self::new(
            StatusCode::CONFLICT,
            "too-many-keys",
            "too many keys",
            detail,
        )
    }

    /// `limit`: of the service, or of the disk.
    pub(crate) fn store_full(limit: Option<u64>) -> Self {
        let limit = limit.map_or_else(
            || "the store's disk is full".to_owned(),
            |limit| format!("the store may hold {limit} bytes"),
        );
        let detail = format!("{limit}; delete models or keys, or ask its operator for room");
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "store-full",
            "the store is full",
            detail,
        )
    }

    fn store_read_only() -> Self {
        let detail = "the server's store takes no writes; predictions go on. Tell its operator";
        Self::later("store-read-only", "the store takes no writes", detail)
    }

    fn model_refused(detail: impl ToString) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "model-refused",
            "the model was refused",
            detail,
        )
    }

    pub(crate) fn busy() -> Self {
        let detail = "every evaluation slot is taken; try again after the seconds of Retry-After";
        Self::later("busy", "the server is busy", detail)
    }

    pub(crate) fn stopping() -> Self {
        Self::later(
            "stopping",
            "the server is stopping",
            "another replica, or this one after its restart, will answer",
        )
    }

    pub(crate) fn internal() -> Self {
        let detail = "this is a defect of the server; its log says more under the request id";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "internal error",
            detail,
        )
    }
}

/// The kind of problem that a response tells, for the log.
#[derive(Clone, Debug)]
pub(crate) struct Kind(pub(crate) String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        response.extensions_mut().insert(Kind(self.kind.clone()));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            full if full.is_full() => {
                tracing::error!(%error, "the store's disk is full");
                Self::store_full(None)
            }
            refused if refused.is_read_only() => {
                tracing::error!(%error, "the store takes no writes");
                Self::store_read_only()
            }
            // Said when it went.
            StoreError::Gone(_) => Self::store_unavailable(),
            _ => {
                tracing::error!(%error, "the store failed");
                Self::store_unavailable()
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => Self::no_token(),
            Refusal::Expired => Self::token_expired(),
            Refusal::Stale => Self::store_unavailable(),
        }
    }
}

impl From<FrameError> for Problem {
    fn from(error: FrameError) -> Self {
        let (status, kind, title) = match error {
            FrameError::Model { .. } => (
                StatusCode::CONFLICT,
                "other-model",
                "made for another model",
            ),
            FrameError::Key { .. } => (
                StatusCode::CONFLICT,
                "other-key",
                "made with another secret key",
            ),
            FrameError::Version { .. } => (
                StatusCode::BAD_REQUEST,
                "other-version",
                "another version of the format",
            ),
            _ => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "malformed or damaged body",
            ),
        };
        Self::new(status, kind, title, error)
    }
}

impl From<EvaluateError> for Problem {
    fn from(error: EvaluateError) -> Self {
        match error {
            EvaluateError::Frame(error) => error.into(),
            EvaluateError::Stopped => Self::internal(),
            error => Self::new(
                StatusCode::BAD_REQUEST,
                "malformed",
                "malformed or damaged body",
                error,
            ),
        }
    }
}

impl From<ProgramError> for Problem {
    fn from(error: ProgramError) -> Self {
        match error {
            ProgramError::Frame(error) => error.into(),
            error => Self::model_refused(error),
        }
    }
}

impl From<TrialError> for Problem {
    fn from(error: TrialError) -> Self {
        Self::model_refused(error)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let (status, kind, title) = match &error {
            BodyError::Frame(error) => return error.clone().into(),
            BodyError::Length { .. } | BodyError::Empty => {
                (StatusCode::BAD_REQUEST, "wrong-length", "wrong length")
            }
            BodyError::TooLarge { .. } | BodyError::TooMany { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "too large")
            }
            BodyError::Slow { .. } => (StatusCode::REQUEST_TIMEOUT, "too-slow", "too slow"),
            BodyError::Broken => (
                StatusCode::BAD_REQUEST,
                "malformed",
                "malformed or damaged body",
            ),
            BodyError::NoMemory => return Self::busy(),
        };
        Self::new(status, kind, title, error)
    }
}
