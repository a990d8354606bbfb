//! Evaluation keys: every client's own, for one version of one model.

use alloc::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use tenebra_client::Kind;

use super::models::wanted_version;
use super::request::{Frames, Place, parse_name};
use crate::app::App;
use crate::frames::{Expected, FrameReader, Length};
use crate::info::{KeyInfo, KeyList};
use crate::names::{KeyId, Name};
use crate::problem::Problem;
use crate::shares::Share;
use crate::store::KeyEntry;
use crate::tokens::Identity;

fn info(key: &KeyEntry) -> KeyInfo {
    KeyInfo {
        key: key.id.to_string(),
        spec_id: key.spec_id.to_string(),
        size_bytes: key.size,
    }
}

/// Your evaluation keys for a model, those of earlier versions of it included.
#[utoipa::path(get, path = "/v1/models/{model}/keys", tag = "keys", operation_id = "listKeys",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, description = "Your keys", body = KeyList)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Place(model): Place<String>,
) -> Result<Json<KeyList>, Problem> {
    let model: Name = parse_name("model", &model)?;
    if !identity.may_use(&model) {
        return Err(Problem::model_not_allowed());
    }
    let keys = app.store.keys(&identity.holder, &model).await?;
    if keys.is_empty() && app.store.model_entry(&model).await?.is_none() {
        return Err(Problem::no_model(model.as_str()));
    }
    Ok(Json(KeyList {
        keys: keys.iter().map(info).collect(),
    }))
}

/// Keeps an evaluation key. It is bound to you, to the model and to this version of it; when this is answered, it is stored
/// for good. The same key again is the same id.
#[utoipa::path(put, path = "/v1/models/{model}/keys", tag = "keys", operation_id = "sendKey",
    params(("model" = String, Path, description = "Name of the model")),
    request_body(content = Frames, content_type = "application/octet-stream", description = "A framed evaluation key: evaluation.key of `tenebra keygen`"),
    responses(
        (status = 201, description = "Kept", body = KeyInfo),
    ))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Extension(share): Extension<Arc<Share>>,
    Place(name): Place<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let name: Name = parse_name("model", &name)?;
    let model = app.model_of(&identity, &name).await?;
    let model = wanted_version(&app, &name, model, &headers).await?;
    let length = model.key_length.ok_or_else(Problem::key_not_needed)?;
    let _upload = share.upload()?;
    let _all = app.key_uploads.try_acquire().map_err(|_| Problem::busy())?;
    let spec_id = model.program.spec_id();
    let expected = Expected {
        kind: Kind::EvaluationKey,
        spec_id: Some(spec_id),
        length: Length::OneOf(&[length]),
    };
    let received = app.metrics.received_bytes.clone();
    let loaded = FrameReader::new(body, share.bodies.clone(), received)
        .only(&expected)
        .await?;
    let id = KeyId::of(&loaded.bytes);
    let prepared = app
        .prepare_key(Arc::clone(&model), loaded.bytes.clone())
        .await?;

    let adding = app.adding.lock().await;
    if app
        .store
        .key_entry(&identity.holder, &name, id)
        .await?
        .is_none()
    {
        let limit = app.limits.keys_per_client;
        if app.store.count_keys(&identity.holder).await? >= limit {
            return Err(Problem::too_many_keys(limit));
        }
        app.check_room(length).await?;
        app.store
            .put_key(&identity.holder, &name, spec_id, loaded.bytes)
            .await?;
    }
    drop(adding);

    // Who sends a key uses it next.
    app.keep_key(
        (identity.holder.clone(), name.clone(), id),
        prepared,
        &model,
    );
    tracing::info!(client = %identity.name, model = %name, key = %id, "key kept");
    let entry = KeyEntry {
        id,
        spec_id,
        size: length as u64,
    };
    let version = Extension(model.version);
    Ok((StatusCode::CREATED, version, Json(info(&entry))).into_response())
}

/// Deletes one of your evaluation keys.
#[utoipa::path(delete, path = "/v1/models/{model}/keys/{key}", tag = "keys", operation_id = "deleteKey",
    params(
        ("model" = String, Path, description = "Name of the model"),
        ("key" = String, Path, description = "Id of the key"),
    ),
    responses(
        (status = 204, description = "Deleted"),
    ))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Place((model, key)): Place<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (model, id): (Name, KeyId) = (parse_name("model", &model)?, parse_name("key", &key)?);
    let deleted = app.store.delete_key(&identity.holder, &model, id).await?;
    app.keys
        .remove(&(identity.holder.clone(), model.clone(), id));
    if !deleted {
        return Err(Problem::no_key());
    }
    tracing::info!(client = %identity.name, %model, key = %id, "key deleted");
    Ok(StatusCode::NO_CONTENT)
}
