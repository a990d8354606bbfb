//! Who may do what: tokens, kept as SHA-256, compared in constant time.
//!
//! A token is 32 random bytes, so that a fast hash hides it as well as a slow one would; the store holds
//! `tokens/{name}.json` with the hash, the role and the limits, and the token itself is shown once, when it is made.

mod known;

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::names::{Holder, Name, to_hex};

pub(crate) use known::{REFRESH, Refusal, Tokens};

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Does everything: what owners do, with the models of all of them, and purges what is kept of anybody.
    Admin,
    /// Deploys and deletes models of its own, reads metrics, and does what a client does.
    Owner,
    /// Lists models, keeps evaluation keys of its own, asks for predictions.
    Client,
    /// Reads metrics and nothing else.
    Metrics,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::Client => "client",
            Self::Metrics => "metrics",
        })
    }
}

/// Who a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the token.
    pub name: Name,
    /// What it may do.
    pub role: Role,
    /// Evaluation keys belong to it.
    pub holder: Holder,
    /// Models it may use; `None`: all.
    pub models: Option<Arc<[Name]>>,
    /// By which of its tokens it was known.
    sha256: [u8; 32],
}

impl Identity {
    /// Who asks a server that asks for no tokens.
    pub(crate) fn everybody() -> Self {
        let name = Name::everybody();
        Self {
            holder: Holder::new(&name, None),
            name,
            role: Role::Admin,
            models: None,
            sha256: [0; 32],
        }
    }

    /// Whether it may use a model, there or not.
    #[must_use]
    pub fn may_use(&self, model: &Name) -> bool {
        self.models
            .as_ref()
            .is_none_or(|models| models.contains(model))
    }
}

/// A token in the clear.
pub struct Token(String);

impl Token {
    /// A fresh one, from the randomness of the operating system.
    ///
    /// # Errors
    /// If the system gives none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("tnb_{}", to_hex(&bytes))))
    }

    /// The **secret** text that a client sends as `Authorization: Bearer …`.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// What the store keeps of it, where it is the first of its holder. It never expires and may use all models.
    #[must_use]
    pub fn record(&self, role: Role) -> TokenRecord {
        let sha256 = to_hex(&hash(&self.0));
        TokenRecord {
            role,
            // Of which holder of the name: random, and told to nobody.
            generation: Some(sha256[..16].to_owned()),
            sha256,
            expires: None,
            models: None,
            previous: Vec::new(),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What the store keeps of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// What it allows.
    pub role: Role,
    /// SHA-256 of the token, hexadecimal.
    pub sha256: String,
    /// When it ends, in seconds since 1970; never, if there is no such time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Models it may use; all, if none are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<Name>>,
    /// Which of all holders of its name; none of tokens made by an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<String>,
    /// Tokens that it replaces and that work for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<PreviousToken>,
}

/// A token that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousToken {
    /// SHA-256 of the token, hexadecimal.
    pub sha256: String,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
}

impl TokenRecord {
    /// Puts a token in the place of the one it was, which works for `overlap` longer.
    pub fn rotate(&mut self, token: &Token, overlap: Duration) {
        let now = seconds_since_1970();
        let until = now.saturating_add(overlap.as_secs());
        let sha256 = core::mem::replace(&mut self.sha256, to_hex(&hash(&token.0)));
        self.previous.retain(|previous| previous.expires > now);
        self.previous.push(PreviousToken {
            sha256,
            expires: self.expires.map_or(until, |expires| expires.min(until)),
        });
    }

    /// Lets it end after a time from now.
    pub fn expire_after(&mut self, time: Duration) {
        self.expires = Some(seconds_since_1970().saturating_add(time.as_secs()));
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

pub(crate) fn seconds_since_1970() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
