//! Models: list, describe, deploy, delete.

use alloc::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tenebra_client::{ClientSpec, Kind};

use super::precondition;
use super::request::{FRAMES, Frames, Place, parse_name};
use crate::app::App;
use crate::frames::{Expected, FrameReader, Length};
use crate::info::{ModelInfo, ModelList};
use crate::model::Model;
use crate::names::{Name, Version};
use crate::problem::Problem;
use crate::shares::Share;
use crate::store::{Entry, StoreError};
use crate::tokens::{Identity, Role};
use tenebra_tfhe::server_program::{HEAD_LEN, client_spec_end};

/// Of a model that is not in memory, so much is kept to read its client spec.
const LONGEST_SPEC: usize = 16 << 20;
/// Models that are looked at together.
const TOGETHER: usize = 8;

/// The models that you may use, by name.
#[utoipa::path(get, path = "/v1/models", tag = "models", operation_id = "listModels",
    responses((status = 200, description = "Models", body = ModelList)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<ModelList>, Problem> {
    let entries = app.store.models().await?;
    let mut models = Vec::with_capacity(entries.len());
    let used = entries
        .into_iter()
        .filter(|entry| identity.may_use(&entry.name));
    let looks = stream::iter(used).map(|entry| {
        let app = Arc::clone(&app);
        async move { look(&app, &entry).await }
    });
    let mut looks = looks.buffered(TOGETHER);
    while let Some(info) = looks.next().await {
        models.extend(info?);
    }
    Ok(Json(ModelList { models }))
}

/// What a model's client spec says; `None` if it was deleted meanwhile or is damaged.
async fn look(app: &App, entry: &Entry) -> Result<Option<ModelInfo>, StoreError> {
    if let Some(info) = app.info(entry) {
        return Ok(Some(info));
    }
    let (head, version) = match app.store.model_head(&entry.name, LONGEST_SPEC).await {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(None),
        Err(error) => {
            // One model that cannot be read is not a store that cannot be.
            app.store.verify().await?;
            app.store.skip_model(&entry.name, &error.to_string());
            return Ok(None);
        }
    };
    let end = head.first_chunk::<HEAD_LEN>().and_then(client_spec_end);
    let end = end.and_then(|end| usize::try_from(end).ok());
    let spec = end.and_then(|end| head.get(HEAD_LEN..end));
    let spec = match spec.map(ClientSpec::parse) {
        Some(Ok(spec)) => spec,
        // Of another version, if an older program wrote it.
        Some(Err(error)) => {
            app.store.skip_model(&entry.name, &error.to_string());
            return Ok(None);
        }
        None => {
            app.store.skip_model(&entry.name, "it is damaged");
            return Ok(None);
        }
    };
    let info = ModelInfo::new(&entry.name, version, &spec, entry.size);
    app.keep_info(entry, info.clone());
    Ok(Some(info))
}

/// The client spec of a model: codecs, parameters, post-processing. Check it before you trust it; `ClientSpec::parse` does.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "models", operation_id = "getClientSpec",
    params(
        ("model" = String, Path, description = "Name of the model"),
        ("If-Match" = Option<String>, Header, description = "Refused with 412 if this is not the model's version"),
    ),
    responses((status = 200, description = "A framed client spec, docs/wire-format.md; the entity tag is the model's version", body = Frames, content_type = "application/octet-stream")))]
pub(crate) async fn spec(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Place(name): Place<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = parse_name("model", &name)?;
    let model = app.model_of(&identity, &name).await?;
    let model = wanted_version(&app, &name, model, &headers).await?;
    let spec = Bytes::copy_from_slice(model.program.client());
    let tag = HeaderValue::try_from(format!("\"{}\"", model.version));
    let tag = tag.map_err(|_| Problem::internal())?;
    let headers = [(header::CONTENT_TYPE, FRAMES), (header::ETAG, tag)];
    Ok((Extension(model.version), headers, spec).into_response())
}

/// The model, if it is of the version that is asked for; looks at the store before it refuses.
pub(super) async fn wanted_version(
    app: &App,
    name: &Name,
    model: Arc<Model>,
    headers: &HeaderMap,
) -> Result<Arc<Model>, Problem> {
    if precondition::check(headers, Some(model.version)).is_ok() {
        return Ok(model);
    }
    let model = app.model_now(name).await?;
    precondition::check(headers, Some(model.version))?;
    Ok(model)
}

/// Deploys a model, or a new version of it. It is verified first; when this is answered, it is stored for good. Owners
/// only; an owner's models are not replaced by other owners.
#[utoipa::path(put, path = "/v1/models/{model}", tag = "models", operation_id = "deployModel",
    params(
        ("model" = String, Path, description = "Name of the model: a-z, 0-9, -, _ and ."),
        ("If-Match" = Option<String>, Header, description = "The version to replace; refused with 412 if it is another"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: refused with 412 if there is a model of that name"),
    ),
    request_body(content = Frames, content_type = "application/octet-stream", description = "A server program: server.tnb of `tenebra compile`"),
    responses((status = 201, description = "Deployed", body = ModelInfo)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Extension(share): Extension<Arc<Share>>,
    Place(name): Place<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let name: Name = parse_name("model", &name)?;
    // Before the body is read, which may be large, and again before it is stored.
    check_owner(&app, &identity, &name).await?;
    check_current(&app, &name, &headers).await?;
    let _upload = share.upload()?;
    let _all = app
        .program_uploads
        .try_acquire()
        .map_err(|_| Problem::busy())?;
    let received = app.metrics.received_bytes.clone();
    let expected = Expected {
        kind: Kind::ServerProgram,
        spec_id: None,
        length: Length::UpTo(app.limits.model_bytes),
    };
    let loaded = FrameReader::new(body, share.programs.clone(), received)
        .only(&expected)
        .await?;
    let size = loaded.bytes.len();
    let model = app.prepare_upload(loaded.bytes.clone()).await?;

    let adding = app.adding.lock().await;
    check_owner(&app, &identity, &name).await?;
    check_current(&app, &name, &headers).await?;
    app.check_room(size).await?;
    let tag = app
        .store
        .put_model(&name, loaded.bytes, &identity.name)
        .await?;
    drop(adding);

    let entry = Entry {
        name,
        tag,
        size: size as u64,
    };
    let model = app.keep_model(&entry, model);
    let info = describe(&entry, &model);
    app.keep_info(&entry, info.clone());
    tracing::info!(owner = %identity.name, model = %entry.name, version = %model.version, spec = %info.spec_id, size_bytes = entry.size, "deployed");
    Ok((StatusCode::CREATED, Extension(model.version), Json(info)).into_response())
}

/// Deletes a model, its earlier versions, and every evaluation key made for it. Owners only, of their own models.
#[utoipa::path(delete, path = "/v1/models/{model}", tag = "models", operation_id = "deleteModel",
    params(
        ("model" = String, Path, description = "Name of the model"),
        ("If-Match" = Option<String>, Header, description = "The version to delete; refused with 412 if it is another"),
    ),
    responses((status = 204, description = "Deleted")))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
    Place(name): Place<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let name: Name = parse_name("model", &name)?;
    let _adding = app.adding.lock().await;
    check_owner(&app, &identity, &name).await?;
    check_current(&app, &name, &headers).await?;
    let deleted = app.store.delete_model(&name).await?;
    app.models.remove(&name);
    app.keys.remove_all(|(_, model, _)| *model == name);
    if !deleted {
        return Err(Problem::no_model(name.as_str()));
    }
    tracing::info!(owner = %identity.name, model = %name, "deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses an owner that may not use the name, or where another deployed the model of that name.
pub(super) async fn check_owner(
    app: &App,
    identity: &Identity,
    name: &Name,
) -> Result<(), Problem> {
    if !identity.may_use(name) {
        return Err(Problem::model_not_allowed());
    }
    if identity.role == Role::Admin {
        return Ok(());
    }
    match app.store.history(name).await?.first() {
        Some(latest) if latest.owner != identity.name => Err(Problem::other_owner()),
        _ => Ok(()),
    }
}

/// Refuses if another version is there than the request is for.
async fn check_current(app: &App, name: &Name, headers: &HeaderMap) -> Result<(), Problem> {
    if !precondition::is_conditional(headers) {
        return Ok(());
    }
    let head = app.store.model_head(name, 0).await?;
    precondition::check(headers, head.map(|(_, version)| version))
}

/// The model that the store holds now.
pub(super) async fn deployed(app: &App, name: &Name) -> Result<(Arc<Model>, ModelInfo), Problem> {
    let model = app.model_now(name).await?;
    let entry = app.store.model_entry(name).await?;
    let entry = entry.ok_or_else(|| Problem::no_model(name.as_str()))?;
    let info = describe(&entry, &model);
    Ok((model, info))
}

fn describe(entry: &Entry, model: &Model) -> ModelInfo {
    let version: Version = model.version;
    ModelInfo::new(&entry.name, version, &model.program.spec(), entry.size)
}
