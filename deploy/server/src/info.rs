//! What `GET /v1/models` tells of a model.

use serde::{Deserialize, Serialize};
use tenebra_client::ClientSpec;
use utoipa::ToSchema;

use crate::names::{Name, Version};
use crate::store::Deployment;
use tenebra_tfhe::server_program::{query_lengths, response_length};

/// A model, as its client spec describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// Its name in addresses.
    #[schema(example = "logreg_bc")]
    pub model: String,
    /// Name of its client spec on every message; another version of the model has another.
    #[schema(example = "a43990f9eab5d68c13df2891eb530080")]
    pub spec_id: String,
    /// SHA-256 of its server program: other weights are another version, of the same client spec or not.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub version: String,
    /// What kind of model it is, for people.
    #[schema(example = "LogisticRegression")]
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

impl ModelInfo {
    pub(crate) fn new(
        name: &Name,
        version: Version,
        spec: &ClientSpec<'_>,
        size_bytes: u64,
    ) -> Self {
        Self {
            model: name.to_string(),
            spec_id: spec.id().to_string(),
            version: version.to_string(),
            estimator: spec.estimator().to_owned(),
            columns: spec.columns() as u64,
            outputs: spec.output_count() as u64,
            max_rows: spec.max_rows() as u64,
            query_bytes: query_lengths(spec).first().copied().unwrap_or(0) as u64,
            response_bytes: response_length(spec) as u64,
            evaluation_key_bytes: spec.evaluation_key_len().unwrap_or(0) as u64,
            p_fail_log2: spec.p_fail_log2(),
            size_bytes,
        }
    }
}

/// The models of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// By name.
    pub models: Vec<ModelInfo>,
}

/// An evaluation key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyInfo {
    /// Its name: the first 16 bytes of the SHA-256 of the framed key, hexadecimal.
    #[schema(example = "e3b0c44298fc1c149afbf4c8996fb924")]
    pub key: String,
    /// The spec it was made for.
    pub spec_id: String,
    /// Bytes of the framed key.
    pub size_bytes: u64,
}

/// A client's evaluation keys for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyList {
    /// In no order.
    pub keys: Vec<KeyInfo>,
}

/// A deployment of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentInfo {
    /// SHA-256 of the server program.
    pub version: String,
    /// When it was deployed, RFC 3339 in UTC.
    #[schema(example = "2026-11-27T08:15:00.000Z")]
    pub deployed: String,
    /// Name of the token that deployed it.
    pub owner: String,
    /// Bytes of the server program.
    pub size_bytes: u64,
}

impl From<&Deployment> for DeploymentInfo {
    fn from(deployment: &Deployment) -> Self {
        let at = std::time::UNIX_EPOCH + core::time::Duration::from_millis(deployment.at_ms);
        Self {
            version: deployment.version.to_string(),
            deployed: humantime::format_rfc3339_millis(at).to_string(),
            owner: deployment.owner.to_string(),
            size_bytes: deployment.size,
        }
    }
}

/// The deployments of a model that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The version that is served.
    pub current: String,
    /// The latest first. Deployments made by an earlier version of the service are not in it.
    pub deployments: Vec<DeploymentInfo>,
}

/// What was purged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Purged {
    /// Whose.
    pub client: String,
    /// Evaluation keys that were deleted.
    pub keys: u64,
}
