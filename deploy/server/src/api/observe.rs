//! What is counted and logged of a request. No data of clients are in it: not the query string, no headers but the request's
//! id, no body.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::audit::Event;
use crate::listen::Peer;
use crate::names::{Name, Version};
use crate::problem::{Kind, PROBLEM_JSON, Problem};
use crate::tokens::Identity;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The version of the model that an answer is about.
const MODEL_VERSION: HeaderName = HeaderName::from_static("tenebra-model-version");
/// What others say in a refusal that is not ours, at most.
const FOREIGN_DETAIL: usize = 1024;

/// Name of a request: what its client says, or ours.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) Arc<str>);

impl RequestId {
    /// Up to 128 letters, digits and `-_.:` are taken over.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers
            .get(&REQUEST_ID)
            .and_then(|value| value.to_str().ok());
        let good = |id: &&str| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
            (1..=128).contains(&id.len()) && id.bytes().all(letter)
        };
        match given.filter(good) {
            Some(id) => Self(id.into()),
            None => Self(fresh_id().into()),
        }
    }
}

/// Distinct in this process, and most likely of all.
fn fresh_id() -> String {
    static PROCESS: AtomicU64 = AtomicU64::new(0);
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut process = PROCESS.load(Ordering::Relaxed);
    if process == 0 {
        process = getrandom::u64().unwrap_or(1) | 1;
        // Of two that come first, one name is as good as the other.
        PROCESS.store(process, Ordering::Relaxed);
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{process:016x}-{count:x}")
}

pub(super) async fn observe(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let start = Instant::now();
    let id = RequestId::of(request.headers());
    request.extensions_mut().insert(id.clone());
    let asked = Asked {
        id,
        method: known_method(request.method()),
        route: request.extensions().get::<MatchedPath>().cloned(),
        path: request.uri().path().to_owned(),
        peer: request.extensions().get::<Peer>().cloned(),
    };
    let mut response = as_problem(next.run(request).await).await;
    asked.note(&app, &response, start.elapsed());
    let version = response.extensions().get::<Version>().copied();
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(&*asked.id.0) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(version) = version.and_then(|it| HeaderValue::try_from(it.to_string()).ok()) {
        headers.insert(MODEL_VERSION, version);
    }
    response
}

/// A request, as it is noted.
struct Asked {
    id: RequestId,
    method: &'static str,
    route: Option<MatchedPath>,
    path: String,
    peer: Option<Peer>,
}

impl Asked {
    fn note(&self, app: &App, response: &Response, took: Duration) {
        let status = response.status().as_u16();
        let route = self.route.as_ref().map_or("none", MatchedPath::as_str);
        app.metrics.answered(route, self.method, status, took);
        let identity = response.extensions().get::<Identity>();
        let version = response.extensions().get::<Version>();
        let problem = response.extensions().get::<Kind>();
        let model = self.part(2, "/v1/models/", route);
        let event = Event {
            request: &self.id.0,
            action: action(self.method, route),
            address: self.peer.as_ref().map(|peer| peer.address().to_string()),
            client: identity.map(|identity| identity.name.as_str()),
            role: identity.map(|identity| identity.role.to_string()),
            model: model.as_ref().map(Name::as_str),
            version: version.map(Version::to_string),
            object: self.object(route),
            status,
            problem: problem.map(|kind| kind.0.trim_start_matches("urn:tenebra:problem:")),
            queries: None,
            ms: 0.0,
            time: String::new(),
        };
        log(&event, route, self.method, took);
        if route.starts_with("/v1") || status == 401 {
            app.audit.write(&event.at(took));
        }
    }

    /// A part of the path that is a name, of routes that have one there.
    fn part(&self, index: usize, routes: &str, route: &str) -> Option<Name> {
        if !route.starts_with(routes) {
            return None;
        }
        self.path.split('/').skip(1).nth(index)?.parse().ok()
    }

    /// The key that is deleted, the version that comes back, or the client that is purged.
    fn object(&self, route: &str) -> Option<&str> {
        let last = match route {
            "/v1/models/{model}/keys/{key}"
            | "/v1/models/{model}/versions/{version}"
            | "/v1/clients/{client}" => self.path.rsplit('/').next()?,
            _ => return None,
        };
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (last.len() <= 64 && last.bytes().all(letter)).then_some(last)
    }
}

fn log(event: &Event<'_>, route: &str, method: &str, took: Duration) {
    let seconds = took.as_secs_f64();
    let Event {
        request,
        status,
        client,
        model,
        version,
        problem,
        ..
    } = event;
    let version = version.as_deref();
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                request, method, route, status, seconds, client, model, version, problem,
                "answered"
            )
        };
    }
    if *status == StatusCode::INTERNAL_SERVER_ERROR.as_u16() {
        line!(error);
    } else if matches!(method, "PUT" | "DELETE") || event.action == "roll-back" {
        line!(info);
    } else {
        line!(debug);
    }
}

/// What a request does, in the words of the audit log.
fn action(method: &str, route: &str) -> &'static str {
    match (method, route) {
        ("GET" | "HEAD", "/v1/models") => "list-models",
        ("GET" | "HEAD", "/v1/models/{model}") => "fetch-spec",
        ("PUT", "/v1/models/{model}") => "deploy",
        ("DELETE", "/v1/models/{model}") => "delete-model",
        ("GET" | "HEAD", "/v1/models/{model}/versions") => "list-versions",
        ("POST", "/v1/models/{model}/versions/{version}") => "roll-back",
        ("GET" | "HEAD", "/v1/models/{model}/keys") => "list-keys",
        ("PUT", "/v1/models/{model}/keys") => "send-key",
        ("DELETE", "/v1/models/{model}/keys/{key}") => "delete-key",
        ("POST", "/v1/models/{model}/predict") => "predict",
        ("DELETE", "/v1/clients/{client}") => "purge",
        _ => "other",
    }
}

/// Label of a method: what a client makes up is one label, or it would fill the memory.
fn known_method(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        _ => "other",
    }
}

/// Every refusal is a problem document, those of the library below us as well.
async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || kind.is_some_and(|kind| kind == PROBLEM_JSON) {
        return response;
    }
    let said = to_bytes(response.into_body(), FOREIGN_DETAIL).await;
    let said = said.unwrap_or_default();
    Problem::of_status(status, &String::from_utf8_lossy(&said)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_taken_over_if_they_are_harmless() {
        let id = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
            RequestId::of(&headers).0.to_string()
        };
        assert_eq!(id("4bf92f35-77b3.4da6:1_0"), "4bf92f35-77b3.4da6:1_0");
        let long = "a".repeat(129);
        for odd in ["", "a b", "\"", "{}", &long] {
            assert_ne!(id(odd), odd);
        }
        assert_ne!(id(""), id(""));
    }
}
