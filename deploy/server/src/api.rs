//! The routes, and what stands before them: who asks, and what is counted.

mod drain;
mod health;
mod keys;
mod models;
mod openapi;
mod predict;

use alloc::sync::Arc;
use core::any::Any;
use core::fmt::Display;
use core::str::FromStr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::names::Name;
use crate::problem::Problem;
use crate::tokens::{Identity, Refusal, Role};

pub use openapi::document as openapi_document;

/// Media type of frames, one or several in a row.
pub(crate) const FRAMES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl App {
    /// The service as an `axum` router.
    pub fn router(self: &Arc<Self>) -> Router {
        let owners = Router::new()
            .route(
                "/v1/models/{model}",
                put(models::put).delete(models::delete),
            )
            .route("/metrics", get(health::metrics))
            .route_layer(from_fn(owner_only));
        let everybody = Router::new()
            .route("/v1/models", get(models::list))
            .route("/v1/models/{model}", get(models::spec))
            .route("/v1/models/{model}/keys", get(keys::list).put(keys::put))
            .route("/v1/models/{model}/keys/{key}", delete(keys::delete))
            .route("/v1/models/{model}/predict", post(predict::predict))
            .route("/v1/openapi.json", get(openapi::serve));
        let known = owners
            .merge(everybody)
            .fallback(async || Problem::no_route())
            .method_not_allowed_fallback(async || Problem::wrong_method())
            .layer(from_fn_with_state(Arc::clone(self), identify));
        Router::new()
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .merge(known)
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn(drain::refused))
            .layer(from_fn_with_state(Arc::clone(self), observe))
            .with_state(Arc::clone(self))
    }
}

/// Lets in who has a token, and notes who it is.
async fn identify(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let identity = match &app.tokens {
        None => Ok(everybody()),
        Some(tokens) => match bearer(&request) {
            Some(token) => tokens.identify(&app.store, token).await,
            None => Err(Refusal::Unknown),
        },
    };
    match identity {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Err(Refusal::Unknown) => Problem::no_token().into_response(),
        Err(Refusal::Stale) => Problem::tokens_unreadable().into_response(),
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Who asks a server that asks for no tokens.
fn everybody() -> Identity {
    Identity {
        name: Name::everybody(),
        role: Role::Owner,
    }
}

async fn owner_only(
    Extension(identity): Extension<Identity>,
    request: Request,
    next: Next,
) -> Response {
    match identity.role {
        Role::Owner => next.run(request).await,
        Role::Client => Problem::owner_only().into_response(),
    }
}

/// Counts and logs a request. No names of clients' data are in the log: not the query string, no headers, no body.
async fn observe(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let start = Instant::now();
    let id = COUNT.fetch_add(1, Ordering::Relaxed);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let mut response = next.run(request).await;
    let (status, time) = (response.status(), start.elapsed());
    app.metrics
        .answered(route, known_method(&method), status.as_u16(), time);
    let seconds = time.as_secs_f64();
    let status_code = status.as_u16();
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(request = id, %method, route, status = status_code, seconds, "answered");
    } else if method == "PUT" || method == "DELETE" {
        tracing::info!(request = id, %method, route, status = status_code, seconds, "answered");
    } else {
        tracing::debug!(request = id, %method, route, status = status_code, seconds, "answered");
    }
    response
        .headers_mut()
        .insert(REQUEST_ID, HeaderValue::from(id));
    response
}

/// Label of a method: what a client makes up is one label, or it would fill the memory.
fn known_method(method: &axum::http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "PUT" | "POST" | "DELETE" | "HEAD") => known,
        _ => "other",
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(
        panic = text.unwrap_or("without words"),
        "a handler panicked"
    );
    Problem::internal().into_response()
}

/// A name out of an address.
pub(crate) fn parse_name<T: FromStr<Err: Display>>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|e| Problem::bad_name(what, e))
}
