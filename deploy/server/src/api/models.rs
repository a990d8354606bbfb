//! Models: list, describe, deploy, delete.

use alloc::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tenebra_client::{ClientSpec, Kind};

use super::{FRAMES, parse_name};
use crate::app::App;
use crate::frames::{Expected, FrameReader, Length};
use crate::info::{ModelInfo, ModelList};
use crate::names::Name;
use crate::problem::Problem;
use crate::program::{HEAD_LEN, client_spec_end};
use crate::store::{Entry, StoreError};

/// Of a model that is not in memory, so much is read first; most client specs end within.
const FIRST_READ: u64 = 16 * 1024;
/// Models that are looked at together.
const TOGETHER: usize = 8;

/// All models, by name.
#[utoipa::path(get, path = "/v1/models", tag = "models",
    responses((status = 200, description = "All models", body = ModelList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<ModelList>, Problem> {
    let entries = app.store.models().await?;
    let mut models = Vec::with_capacity(entries.len());
    let looks = stream::iter(entries).map(|entry| {
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
    let Some(spec) = read_spec(app, entry).await? else {
        return Ok(None);
    };
    let Ok(spec) = ClientSpec::parse(&spec) else {
        tracing::error!(model = %entry.name, "a model of the store is damaged");
        return Ok(None);
    };
    let info = ModelInfo::new(&entry.name, &spec, entry.size);
    app.keep_info(entry, info.clone());
    Ok(Some(info))
}

/// The framed client spec, without reading the whole model.
async fn read_spec(app: &App, entry: &Entry) -> Result<Option<Bytes>, StoreError> {
    let Some(mut bytes) = app.store.model_head(&entry.name, FIRST_READ).await? else {
        return Ok(None);
    };
    let end = bytes.first_chunk::<HEAD_LEN>().and_then(client_spec_end);
    let Some(end) = end.filter(|end| *end <= entry.size) else {
        return Ok(Some(Bytes::new()));
    };
    if end > bytes.len() as u64 {
        let Some(more) = app.store.model_head(&entry.name, end).await? else {
            return Ok(None);
        };
        bytes = more;
    }
    let end = usize::try_from(end).unwrap_or(usize::MAX).min(bytes.len());
    Ok(Some(bytes.slice(HEAD_LEN.min(end)..end)))
}

/// The client spec of a model: codecs, parameters, post-processing. Check it before you trust it; `ClientSpec::parse` does.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "models",
    params(("model" = String, Path, description = "Name of the model")),
    responses(
        (status = 200, description = "A framed client spec, docs/wire-format.md", body = [u8], content_type = "application/octet-stream"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn spec(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let model = app.model(&parse_name("model", &name)?).await?;
    let spec = Bytes::copy_from_slice(model.program.client());
    let tag = HeaderValue::try_from(format!("\"{}\"", model.program.spec_id()));
    let tag = tag.map_err(|_| Problem::internal())?;
    Ok(([(header::CONTENT_TYPE, FRAMES), (header::ETAG, tag)], spec).into_response())
}

/// Deploys a model, or a new version of it. It is verified first; when this is answered, it is stored for good. Owners
/// only.
#[utoipa::path(put, path = "/v1/models/{model}", tag = "models",
    params(("model" = String, Path, description = "Name of the model: a-z, 0-9, -, _ and .")),
    request_body(content = [u8], content_type = "application/octet-stream", description = "A server program: server.tnb of `tenebra compile`"),
    responses(
        (status = 201, description = "Deployed", body = ModelInfo),
        (status = 400, description = "Malformed or damaged", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The model was refused", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The store is full", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let name: Name = parse_name("model", &name)?;
    let _upload = app.uploads.try_acquire().map_err(|_| Problem::busy())?;
    let received = app.metrics.received_bytes.clone();
    let expected = Expected {
        kind: Kind::ServerProgram,
        spec_id: None,
        length: Length::UpTo(app.limits.model_bytes),
    };
    let loaded = FrameReader::new(body, app.memory.clone(), received)
        .only(&expected)
        .await?;
    let size = loaded.bytes.len();
    let model = app.prepare(loaded.bytes.clone()).await?;

    let adding = app.adding.lock().await;
    app.check_room(size).await?;
    let tag = app.store.put_model(&name, loaded.bytes).await?;
    drop(adding);

    let entry = Entry {
        name,
        tag,
        size: size as u64,
    };
    let model = app.keep_model(&entry, model);
    let spec = ClientSpec::parse(model.program.client()).map_err(|_| Problem::internal())?;
    let info = ModelInfo::new(&entry.name, &spec, entry.size);
    app.keep_info(&entry, info.clone());
    tracing::info!(model = %entry.name, spec = %info.spec_id, size_bytes = entry.size, "deployed");
    Ok((StatusCode::CREATED, Json(info)).into_response())
}

/// Deletes a model and every evaluation key made for it. Owners only.
#[utoipa::path(delete, path = "/v1/models/{model}", tag = "models",
    params(("model" = String, Path, description = "Name of the model")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let name: Name = parse_name("model", &name)?;
    let deleted = app.store.delete_model(&name).await?;
    app.models.remove(&name);
    if !deleted {
        return Err(Problem::no_model(name.as_str()));
    }
    tracing::info!(model = %name, "deleted");
    Ok(StatusCode::NO_CONTENT)
}
