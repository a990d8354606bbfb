//! The description of the service for programs and for other languages.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{health, keys, models, predict};
use crate::info::{KeyInfo, KeyList, ModelInfo, ModelList};
use crate::problem::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tenebra",
        description = "Machine learning on encrypted data: fetch a model's client spec, make keys, send encrypted rows, decrypt the responses. Bodies are frames as docs/wire-format.md specifies them; refusals are problem documents (RFC 9457)."
    ),
    paths(
        models::list, models::spec, models::put, models::delete,
        keys::list, keys::put, keys::delete,
        predict::predict,
        health::healthz, health::readyz, health::metrics,
        serve,
    ),
    components(schemas(ModelInfo, ModelList, KeyInfo, KeyList, Problem)),
    modifiers(&Tokens),
    security(("token" = []))
)]
struct Document;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The OpenAPI description as JSON; `docs/openapi.json` is a copy.
#[must_use]
pub fn document() -> String {
    serde_json::to_string_pretty(&Document::openapi()).unwrap_or_default()
}

/// This description.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "operation",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub(crate) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}
