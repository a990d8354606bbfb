//! What can go wrong between a client and a server.

use serde::Deserialize;
use tenebra_client::FrameError;
use thiserror::Error;

/// A refusal of the server: a problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// A URN that names the kind of problem; programs decide by it.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The kind in words.
    #[serde(default)]
    pub title: String,
    /// Status of the response.
    #[serde(default)]
    pub status: u16,
    /// What is wrong with the request, and what to do.
    #[serde(default)]
    pub detail: String,
    /// Seconds after which to try again.
    #[serde(default)]
    pub retry_after: Option<u64>,
}

/// Why the server's answer is not there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The address is not one.
    #[error(
        "`{url}` is not the address of a server; give one as https://host or http://127.0.0.1:8080"
    )]
    Address {
        /// As given.
        url: String,
    },
    /// There is no certificate in what is to be trusted.
    #[error(
        "there is no certificate in PEM form, `-----BEGIN CERTIFICATE-----`, or one is damaged"
    )]
    Certificates,
    /// What is to be shown to the server is no private key, or one of another certificate.
    #[error("the client's private key is not one in PEM form, or does not fit its certificate")]
    ClientKey,
    /// A name that cannot stand in an address.
    #[error("`{0}` is not the name of a model or key: they consist of a-z, 0-9, `-`, `_` and `.`")]
    Name(String),
    /// No connection, or it broke.
    #[error("{url}: {message}")]
    Transport {
        /// What was asked.
        url: String,
        /// What the system says.
        message: String,
    },
    /// The server refused.
    #[error("the server refuses ({}, {}): {}", .0.status, .0.title, .0.detail)]
    Refused(Problem),
    /// The server refused, or something before it did, without saying why.
    #[error("{url}: status {status} without a reason; is this a tenebra server?")]
    Status {
        /// What was asked.
        url: String,
        /// Status of the response.
        status: u16,
    },
    /// The answer is not what was asked for.
    #[error("{url}: the answer is malformed; is this a tenebra server?")]
    Malformed {
        /// What was asked.
        url: String,
    },
    /// What was to be sent is a secret key.
    #[error("this is a secret key, which never leaves its owner; nothing was sent")]
    SecretKey,
    /// The answer is about another version of the model than the one asked for.
    #[error(
        "the answer is about version {found} of the model, not {wanted}; ask its owner whether it was replaced"
    )]
    OtherVersion {
        /// The version that was pinned.
        wanted: String,
        /// What the server says.
        found: String,
    },
    /// A response is damaged.
    #[error("response {number}: {source}")]
    Response {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        source: FrameError,
    },
}
