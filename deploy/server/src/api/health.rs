//! Is it alive, is it ready, what does it count.

use alloc::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::app::App;
use crate::problem::Problem;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "isAlive", security(()),
    responses((status = 200, description = "The process answers", body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "alive\n"
}

/// Whether it takes requests: its store is there and answers, and it is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "isReady", security(()),
    responses((status = 200, description = "It takes requests", body = String, content_type = "text/plain")))]
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    app.ready().await?;
    Ok("ready\n")
}

/// Counters for Prometheus. Tokens of owners, admins and the role for metrics.
#[utoipa::path(get, path = "/metrics", tag = "operation", operation_id = "getMetrics",
    responses((status = 200, description = "Text format of Prometheus", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let page = app.metrics.page(&app);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page)
}
