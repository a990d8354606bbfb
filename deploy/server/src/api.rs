//! The routes, and what stands before them: who asks, and what is counted.

mod clients;
mod drain;
mod guard;
mod health;
mod keys;
mod models;
mod observe;
mod openapi;
mod precondition;
mod predict;
mod request;
#[cfg(test)]
mod store_faults;
mod versions;

use alloc::sync::Arc;
use core::any::Any;

use axum::Router;
use axum::body::Body;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::problem::Problem;

pub(crate) use guard::Turn;
pub(crate) use observe::RequestId;
pub use openapi::document as openapi_document;

impl App {
    /// The service as an `axum` router.
    pub fn router(self: &Arc<Self>) -> Router {
        let owners = Router::new()
            .route(
                "/v1/models/{model}",
                put(models::put).delete(models::delete),
            )
            .route(
                "/v1/models/{model}/versions/{version}",
                post(versions::roll_back),
            )
            .route_layer(from_fn(guard::owners));
        let clients = Router::new()
            .route("/v1/models", get(models::list))
            .route("/v1/models/{model}", get(models::spec))
            .route("/v1/models/{model}/versions", get(versions::list))
            .route("/v1/models/{model}/keys", get(keys::list).put(keys::put))
            .route("/v1/models/{model}/keys/{key}", delete(keys::delete))
            .route("/v1/models/{model}/predict", post(predict::predict))
            .route("/v1/clients/{client}", delete(clients::purge))
            .route("/v1/openapi.json", get(openapi::serve))
            .route_layer(from_fn(guard::clients));
        let metrics = Router::new()
            .route("/metrics", get(health::metrics))
            .route_layer(from_fn(guard::metrics));
        let known = owners
            .merge(clients)
            .merge(metrics)
            .fallback(async || Problem::no_route())
            .method_not_allowed_fallback(async || Problem::wrong_method())
            .layer(from_fn_with_state(Arc::clone(self), guard::identify));
        let all = Router::new()
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .method_not_allowed_fallback(async || Problem::wrong_method())
            .merge(known);
        self.finish(all)
    }

    /// Health and metrics alone, for a listener of their own. `trusted`: whoever reaches it may read metrics.
    pub(crate) fn admin_router(self: &Arc<Self>, trusted: bool) -> Router {
        let mut metrics = Router::new().route("/metrics", get(health::metrics));
        if !trusted {
            metrics = metrics
                .route_layer(from_fn(guard::metrics))
                .layer(from_fn_with_state(Arc::clone(self), guard::identify));
        }
        let all = Router::new()
            .route("/healthz", get(health::healthz))
            .route("/readyz", get(health::readyz))
            .merge(metrics)
            .fallback(async || Problem::no_route())
            .method_not_allowed_fallback(async || Problem::wrong_method());
        self.finish(all)
    }

    fn finish(self: &Arc<Self>, router: Router<Arc<Self>>) -> Router {
        let mut router = router.layer(CatchPanicLayer::custom(panicked));
        if self.tokens.is_none() {
            router = router.layer(from_fn(guard::this_machine));
        }
        router
            .layer(from_fn(drain::refused))
            .layer(from_fn_with_state(Arc::clone(self), observe::observe))
            .with_state(Arc::clone(self))
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
