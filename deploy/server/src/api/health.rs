//! Is it alive, is it ready, what does it count.

use alloc::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::app::App;
use crate::problem::Problem;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(),
    responses((status = 200, description = "The process answers", content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "alive\n"
}

/// Whether it takes requests: its store answers and it is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(),
    responses(
        (status = 200, description = "It takes requests", content_type = "text/plain"),
        (status = 503, description = "Stopping, or the store does not answer", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    app.ready().await?;
    Ok("ready\n")
}

/// Counters for Prometheus. Owners only.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "Text format of Prometheus", content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let page = app
        .metrics
        .page(app.models.bytes(), app.keys.bytes(), app.pool.taken());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page)
}
