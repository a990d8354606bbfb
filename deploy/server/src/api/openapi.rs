//! The description of the service for programs and for other languages.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::request::Frames;
use super::{clients, health, keys, models, predict, versions};
use crate::info::{DeploymentInfo, History, KeyInfo, KeyList, ModelInfo, ModelList, Purged};
use crate::problem::{PROBLEM_JSON, Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tenebra",
        description = "Machine learning on encrypted data: fetch a model's client spec, make keys, send encrypted rows, decrypt the responses. Bodies are frames as docs/wire-format.md specifies them; refusals are problem documents (RFC 9457). Every answer names the request in X-Request-Id, and the version of the model it is about in Tenebra-Model-Version."
    ),
    paths(
        models::list, models::spec, models::put, models::delete,
        versions::list, versions::roll_back,
        keys::list, keys::put, keys::delete,
        predict::predict,
        clients::purge,
        health::healthz, health::readyz, health::metrics,
        serve,
    ),
    components(schemas(
        ModelInfo, ModelList, History, DeploymentInfo, KeyInfo, KeyList, Purged, Problem, Frames
    )),
    modifiers(&Tokens, &Refusals),
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

/// Statuses of refusals, and what they mean wherever they occur.
const REFUSALS: [(&str, &str); 14] = [
    ("400", "Malformed address, query or body"),
    ("401", "No valid token"),
    (
        "403",
        "Not for this token's role, owner or models; of a server without tokens, not for this host or origin",
    ),
    ("404", "No such model, version, key or address"),
    ("405", "No such method here"),
    ("408", "The body came too slowly"),
    (
        "409",
        "Made for another model or version, replaced meanwhile, or too many keys",
    ),
    ("412", "The model's version is not the one asked for"),
    ("413", "Too large"),
    (
        "422",
        "The model was refused; or it needs a key, or needs none",
    ),
    ("431", "The head of the request is too large"),
    (
        "500",
        "A defect of the server; its log says more under the request's id",
    ),
    (
        "503",
        "Busy, stopping, or the store is gone or does not answer; Retry-After says when to come again",
    ),
    ("507", "The store is full"),
];

/// Every operation may be refused; which refusals are its own depends on what it does.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut openapi.paths.paths {
            let is_public = path == "/healthz" || path == "/readyz";
            let operations = [
                (&mut item.get, "get"),
                (&mut item.put, "put"),
                (&mut item.post, "post"),
                (&mut item.delete, "delete"),
            ];
            for (operation, method) in operations {
                if let Some(operation) = operation {
                    add_refusals(operation, path, method, is_public);
                }
            }
        }
    }
}

fn add_refusals(operation: &mut Operation, path: &str, method: &str, is_public: bool) {
    let has_body = operation.request_body.is_some();
    let names = path.contains('{');
    let writes = method != "get";
    let conditional = operation
        .parameters
        .as_ref()
        .is_some_and(|all| all.iter().any(is_condition));
    for (status, description) in REFUSALS {
        let applies = match status {
            "400" => true,
            "401" => !is_public,
            "404" => names,
            "408" | "413" | "422" => has_body,
            "409" => has_body || path.ends_with("/predict"),
            "412" => conditional,
            "507" => writes && !path.ends_with("/predict"),
            _ => true,
        };
        if applies {
            let problem = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
            let response = ResponseBuilder::new()
                .description(description)
                .content(PROBLEM_JSON, problem);
            let responses = &mut operation.responses.responses;
            responses.insert(status.to_owned(), response.build().into());
        }
    }
}

fn is_condition(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name.starts_with("If-"))
}

/// The OpenAPI description as JSON; `docs/openapi.json` is a copy.
#[must_use]
pub fn document() -> String {
    serde_json::to_string_pretty(&Document::openapi()).unwrap_or_default()
}

/// This description.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "operation", operation_id = "getOpenApi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object, content_type = "application/json")))]
pub(crate) async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document())
}
