//! What requests name and carry.

use core::fmt::Display;
use core::str::FromStr;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::problem::Problem;

/// Media type of frames, one or several in a row.
pub(crate) const FRAMES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Bytes of frames, as docs/wire-format.md specifies them.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "describes bytes that no type here stands for")]
pub(super) struct Frames(Vec<u8>);

/// A name out of an address.
pub(crate) fn parse_name<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|e| Problem::bad_name(what, e))
}

/// What the address names; refuses with a problem document.
pub(crate) struct Place<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Place<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(place)| Self(place))
            .map_err(|e: PathRejection| Problem::malformed_address(e.body_text()))
    }
}
