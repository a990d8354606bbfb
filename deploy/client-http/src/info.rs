//! What a server tells of models and keys.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A model, as its server describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// Its name.
    pub model: String,
    /// Name of its client spec on every message.
    pub spec_id: String,
    /// SHA-256 of its server program, hexadecimal: other weights are another version, of the same client spec or not. Servers of an
    /// earlier version say nothing.
    #[serde(default)]
    pub version: String,
    /// What kind of model it is, for people.
    pub estimator: String,
    /// Columns of a row.
    pub columns: u64,
    /// Scores of a row.
    pub outputs: u64,
    /// Most rows of one query.
    pub max_rows: u64,
    /// Bytes of a query of one row.
    pub query_bytes: u64,
    /// Bytes of the response to it.
    pub response_bytes: u64,
    /// Bytes of an evaluation key; 0 where none is needed.
    pub evaluation_key_bytes: u64,
    /// log2 of the probability that any output of one query is wrong.
    pub p_fail_log2: f64,
    /// Bytes of the server program.
    pub size_bytes: u64,
}

/// An evaluation key that the server keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its name, for [`crate::Service::predict`].
    pub key: String,
    /// The spec it was made for.
    pub spec_id: String,
    /// Bytes of it.
    pub size_bytes: u64,
}

/// A deployment of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentInfo {
    /// SHA-256 of the server program, hexadecimal.
    pub version: String,
    /// When, RFC 3339 in UTC.
    pub deployed: String,
    /// Name of the token that deployed it.
    pub owner: String,
    /// Bytes of the server program.
    pub size_bytes: u64,
}

/// The deployments of a model that its server keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The version that is served.
    pub current: String,
    /// The latest first.
    pub deployments: Vec<DeploymentInfo>,
}

/// A response, and how long the server computed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// The framed response.
    pub response: Vec<u8>,
    /// Time of the evaluation alone, if the server says.
    pub evaluate: Option<Duration>,
}
