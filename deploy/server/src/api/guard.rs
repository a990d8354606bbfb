//! Who is let in.

use alloc::sync::Arc;
use core::net::IpAddr;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::problem::Problem;
use crate::tokens::{Identity, Role};

/// One of the requests that a client may make at a time, while this lives.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Lets in who has a token, and notes who it is; as many requests of one client at a time as are its share.
pub(super) async fn identify(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let identity = match app.identify(bearer(request.headers())).await {
        Ok(identity) => identity,
        Err(refusal) => return Problem::from(refusal).into_response(),
    };
    let share = app.shares.of(&identity.holder, &app.pool);
    let mut response = match share.request() {
        Ok(permit) => {
            let permit = Arc::new(permit);
            let extensions = request.extensions_mut();
            extensions.insert(Turn { _permit: permit });
            extensions.insert(share);
            extensions.insert(identity.clone());
            next.run(request).await
        }
        Err(problem) => {
            app.metrics.busy.inc();
            problem.into_response()
        }
    };
    response.extensions_mut().insert(identity);
    response
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub(super) async fn owners(
    Extension(identity): Extension<Identity>,
    request: Request,
    next: Next,
) -> Response {
    match identity.role {
        Role::Admin | Role::Owner => next.run(request).await,
        Role::Client | Role::Metrics => Problem::role("owners of models").into_response(),
    }
}

pub(super) async fn clients(
    Extension(identity): Extension<Identity>,
    request: Request,
    next: Next,
) -> Response {
    match identity.role {
        Role::Admin | Role::Owner | Role::Client => next.run(request).await,
        Role::Metrics => Problem::role("clients and owners of models").into_response(),
    }
}

pub(super) async fn metrics(
    Extension(identity): Extension<Identity>,
    request: Request,
    next: Next,
) -> Response {
    match identity.role {
        Role::Admin | Role::Owner | Role::Metrics => next.run(request).await,
        Role::Client => Problem::role("owners of models and metrics").into_response(),
    }
}

/// A server without tokens is for programs of this machine. A page of another site that a browser here shows is not one: it may
/// send requests (`Origin`), or have its name point here (DNS rebinding, `Host`).
pub(super) async fn this_machine(request: Request, next: Next) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let host = headers
        .get(header::HOST)
        .map(|value| value.to_str().unwrap_or("?"));
    let host = uri.authority().map(|authority| authority.as_str()).or(host);
    let origin = headers
        .get(header::ORIGIN)
        .map(|value| value.to_str().unwrap_or("?"));
    if host.is_none_or(is_private_name) && origin.is_none_or(is_local_origin) {
        next.run(request).await
    } else {
        Problem::foreign_host().into_response()
    }
}

/// An address of this machine, or a name without a dot, which no public DNS server answers for.
fn is_private_name(host: &str) -> bool {
    let name = without_port(host);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => !name.is_empty() && !name.contains(['.', ':', '?']) || is_localhost(name),
    }
}

fn is_local_origin(origin: &str) -> bool {
    let host = origin.split_once("://").map(|(_, host)| without_port(host));
    host.is_some_and(|host| {
        is_localhost(host)
            || host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

fn is_localhost(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    if let Some(v6) = host.strip_prefix('[') {
        return v6.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_origins_of_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "[::1]:80",
            "a.localhost",
            "test",
        ] {
            assert!(is_private_name(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "10.0.0.1",
            "localhost.evil.example",
            "",
            "[::2]",
            "evil.",
        ] {
            assert!(!is_private_name(host), "{host}");
        }
        for origin in [
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:80",
        ] {
            assert!(is_local_origin(origin), "{origin}");
        }
        for origin in [
            "null",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://test",
        ] {
            assert!(!is_local_origin(origin), "{origin}");
        }
    }
}
