//! What `GET /v1/models` tells of a model.

use serde::{Deserialize, Serialize};
use tenebra_client::ClientSpec;
use utoipa::ToSchema;

use crate::names::Name;
use crate::program::{query_lengths, response_length};

/// A model, as its client spec describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// Its name in addresses.
    #[schema(example = "logreg_bc")]
    pub model: String,
    /// Name of its client spec on every message; another version of the model has another.
    #[schema(example = "a43990f9eab5d68c13df2891eb530080")]
    pub spec_id: String,
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
    pub(crate) fn new(name: &Name, spec: &ClientSpec<'_>, size_bytes: u64) -> Self {
        Self {
            model: name.to_string(),
            spec_id: spec.id().to_string(),
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
