//! Evaluation keys: every client's own, for one version of one model.

use alloc::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use tenebra_client::Kind;

use super::parse_name;
use crate::app::App;
use crate::frames::{Expected, FrameReader, Length};
use crate::info::{KeyInfo, KeyList};
use crate::names::{KeyId, Name};
use crate::problem::Problem;
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
#[utoipa::path(get, path = "/v1/models/{model}/keys", tag = "keys",
    params(("model" = String, Path, description = "Name of the model")),
    responses((status = 200, description = "Your keys", body = KeyList)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(model): Path<String>,
) -> Result<Json<KeyList>, Problem> {
    let model: Name = parse_name("model", &model)?;
    let keys = app.store.keys(&identity.name, &model).await?;
    if keys.is_empty() && app.store.model_entry(&model).await?.is_none() {
        return Err(Problem::no_model(model.as_str()));
    }
    Ok(Json(KeyList {
        keys: keys.iter().map(info).collect(),
    }))
}

/// Keeps an evaluation key. It is bound to you, to the model and to this version of it; when this is answered, it is stored
/// for good. The same key again is the same id.
#[utoipa::path(put, path = "/v1/models/{model}/keys", tag = "keys",
    params(("model" = String, Path, description = "Name of the model")),
    request_body(content = [u8], content_type = "application/octet-stream", description = "A framed evaluation key: evaluation.key of `tenebra keygen`"),
    responses(
        (status = 201, description = "Kept", body = KeyInfo),
        (status = 400, description = "Malformed, damaged, or of a wrong length", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Made for another model or version, or too many keys", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The model needs no key", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The store is full", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let name: Name = parse_name("model", &name)?;
    let model = app.model(&name).await?;
    let length = model.key_length.ok_or_else(Problem::key_not_needed)?;
    let _upload = app.uploads.try_acquire().map_err(|_| Problem::busy())?;
    let spec_id = model.program.spec_id();
    let expected = Expected {
        kind: Kind::EvaluationKey,
        spec_id: Some(spec_id),
        length: Length::OneOf(&[length]),
    };
    let received = app.metrics.received_bytes.clone();
    let loaded = FrameReader::new(body, app.memory.clone(), received)
        .only(&expected)
        .await?;
    let id = KeyId::of(&loaded.bytes);
    let prepared = app
        .prepare_key(Arc::clone(&model), loaded.bytes.clone())
        .await?;

    let adding = app.adding.lock().await;
    if app
        .store
        .key_entry(&identity.name, &name, id)
        .await?
        .is_none()
    {
        let limit = app.limits.keys_per_client;
        if app.store.count_keys(&identity.name).await? >= limit {
            return Err(Problem::too_many_keys(limit));
        }
        app.check_room(length).await?;
        app.store
            .put_key(&identity.name, &name, spec_id, loaded.bytes)
            .await?;
    }
    drop(adding);

    // Who sends a key uses it next.
    app.keep_key((identity.name.clone(), name.clone(), id), prepared, &model);
    tracing::info!(client = %identity.name, model = %name, key = %id, "key kept");
    let entry = KeyEntry {
        id,
        spec_id,
        size: length as u64,
    };
    Ok((StatusCode::CREATED, Json(info(&entry))).into_response())
}

/// Deletes one of your evaluation keys.
#[utoipa::path(delete, path = "/v1/models/{model}/keys/{key}", tag = "keys",
    params(
        ("model" = String, Path, description = "Name of the model"),
        ("key" = String, Path, description = "Id of the key"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "You have no such key", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Path((model, key)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (model, id): (Name, KeyId) = (parse_name("model", &model)?, parse_name("key", &key)?);
    let deleted = app.store.delete_key(&identity.name, &model, id).await?;
    app.keys.remove(&(identity.name.clone(), model.clone(), id));
    if !deleted {
        return Err(Problem::no_key());
    }
    tracing::info!(client = %identity.name, %model, key = %id, "key deleted");
    Ok(StatusCode::NO_CONTENT)
}
