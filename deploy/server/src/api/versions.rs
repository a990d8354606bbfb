//! Versions of a model: what was deployed, and back to it.

use alloc::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};

use super::models::{check_owner, deployed};
use super::precondition;
use super::request::{Place, parse_name};
use crate::app::App;
use crate::info::{DeploymentInfo, History, ModelInfo};
use crate::names::{Name, Version};
use crate::problem::Problem;
use crate::tokens::Identity;

/// The last ten deployments of a model, the latest first, and the version that is served.
#[utoipa::path(get, path = "/v1/models/{model}/versions", tag = "models", operation_id = "listVersions",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, description = "Deployments", body = History)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Place(model): Place<String>,
) -> Result<(Extension<Version>, Json<History>), Problem> {
    let name: Name = parse_name("model", &model)?;
    let model = app.model_of(&identity, &name).await?;
    let history = app.store.history(&name).await?;
    let history = History {
        current: model.version.to_string(),
        deployments: history.iter().map(DeploymentInfo::from).collect(),
    };
    Ok((Extension(model.version), Json(history)))
}

/// Makes an earlier version of a model the one that is served. Owners only, of their own models.
#[utoipa::path(post, path = "/v1/models/{model}/versions/{version}", tag = "models", operation_id = "rollBackModel",
    params(
        ("model" = String, Path, description = "Name of the model"),
        ("version" = String, Path, description = "Version to go back to"),
        ("If-Match" = Option<String>, Header, description = "The version that is served now; refused with 412 if it is another"),
    ),
    responses((status = 200, description = "Served", body = ModelInfo)))]
pub(crate) async fn roll_back(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Place((model, version)): Place<(String, String)>,
    headers: HeaderMap,
) -> Result<(Extension<Version>, Json<ModelInfo>), Problem> {
    let name: Name = parse_name("model", &model)?;
    let version: Version = parse_name("version", &version)?;
    let adding = app.adding.lock().await;
    let current = app.model_now(&name).await?;
    precondition::check(&headers, Some(current.version))?;
    check_owner(&app, &identity, &name).await?;
    if !app.store.roll_back(&name, version, &identity.name).await? {
        return Err(Problem::no_version());
    }
    drop(adding);
    let (model, info) = deployed(&app, &name).await?;
    tracing::info!(owner = %identity.name, model = %name, version = %model.version, "rolled back");
    Ok((Extension(model.version), Json(info)))
}
