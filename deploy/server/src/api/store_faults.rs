//! What each request is answered while the store hangs, is full, takes no writes, went or was replaced: the table of
//! `docs/deployment.md`.

use alloc::sync::Arc;
use core::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use tenebra_circuit::QueryMode;
use tokio::time::{self, Instant};
use tower::ServiceExt;

use crate::app::App;
use crate::config::Limits;
use crate::store::faulty::{Fault, Faulty};
use crate::tokens::{Role, Token};

#[path = "../../tests/service/models.rs"]
#[expect(dead_code, reason = "the tests of the whole service need more of it")]
mod models;

use models::{DataOwner, forest, linear};

const SECOND: Duration = Duration::from_secs(1);

/// A service over a store that fails, and what its users have.
struct Case {
    faulty: Faulty,
    app: Arc<App>,
    owner: Token,
    /// A model without a key, and a query.
    line: models::Compiled,
    query: Vec<u8>,
    /// A model with one.
    packed: models::Compiled,
    packed_query: Vec<u8>,
    predict_packed: String,
}

impl Case {
    async fn new() -> Self {
        let faulty = Faulty::new();
        let (store, owner) = (faulty.open(), Token::generate().unwrap());
        let record = owner.record(Role::Owner);
        store
            .put_token(&"ada".parse().unwrap(), &record)
            .await
            .unwrap();
        let app = App::new(store, Limits::default(), false).await.unwrap();
        let (line, packed) = (linear(5), forest(4, QueryMode::Packed));
        let query = DataOwner::new(&line.client, 1).query(1).0;
        let mut data = DataOwner::new(&packed.client, 2);
        let (key, packed_query) = (data.evaluation_key().unwrap(), data.query(1).0);
        let mut case = Self {
            faulty,
            app,
            owner,
            line,
            query,
            packed,
            packed_query,
            predict_packed: String::new(),
        };
        for name in ["line", "spare"] {
            assert_eq!(
                case.ask("PUT", &format!("/v1/models/{name}"), &case.line.server)
                    .await
                    .0,
                201
            );
        }
        assert_eq!(
            case.ask("PUT", "/v1/models/packed", &case.packed.server)
                .await
                .0,
            201
        );
        let (status, _, kept) = case.request("PUT", "/v1/models/packed/keys", &key).await;
        assert_eq!(status, 201);
        let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        case.predict_packed = format!(
            "/v1/models/packed/predict?key={}",
            kept["key"].as_str().unwrap()
        );
        assert_eq!(case.predictions().await, [200; 2]);
        case
    }

    /// The status of the answer, and how long it took; no longer in fact, for the clock is turned on while nothing else happens.
    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Duration) {
        let (status, took, _) = self.request(method, path, body).await;
        (status, took)
    }

    async fn request(&self, method: &str, path: &str, body: &[u8]) -> (u16, Duration, Vec<u8>) {
        let token = format!("Bearer {}", self.owner.secret());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", token);
        let request = request.header("content-length", body.len());
        let request = request.body(Body::from(body.to_vec())).unwrap();
        let start = Instant::now();
        let response = turning_on(self.app.router().oneshot(request))
            .await
            .unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, start.elapsed(), body.to_vec())
    }

    async fn predictions(&self) -> [u16; 2] {
        let line = self
            .ask("POST", "/v1/models/line/predict", &self.query)
            .await;
        let packed = self
            .ask("POST", &self.predict_packed, &self.packed_query)
            .await;
        [line, packed].map(|(status, took)| {
            assert!(took <= 4 * SECOND, "{took:?}");
            status
        })
    }

    /// Names of the models that a server finds which is started now.
    async fn models_after_a_restart(&self) -> Vec<String> {
        let entries = self.faulty.open().models().await.unwrap();
        entries
            .into_iter()
            .map(|entry| entry.name.to_string())
            .collect()
    }

    /// As a server does every second.
    async fn seconds_pass(&self, seconds: u32) {
        for _ in 0..seconds {
            advance(SECOND).await;
            turning_on(self.app.tick()).await;
        }
    }
}

async fn advance(by: Duration) {
    time::pause();
    time::advance(by).await;
    time::resume();
}

/// Waits for something, and while nothing happens in fact, lets a second pass.
async fn turning_on<T>(work: impl Future<Output = T>) -> T {
    let mut work = core::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = time::sleep(Duration::from_millis(200)) => advance(SECOND).await,
        }
    }
}

/// What is answered while something is wrong.
struct Expected {
    fault: Fault,
    ready: u16,
    upload: u16,
    /// How long an upload may take.
    upload_seconds: u32,
    deletion: u16,
    list: u16,
    /// Predictions with everything in memory, a minute later.
    later: u16,
}

const TABLE: [Expected; 7] = [
    Expected {
        fault: Fault::Gone,
        ready: 503,
        upload: 503,
        upload_seconds: 1,
        deletion: 503,
        list: 503,
        later: 503,
    },
    Expected {
        fault: Fault::Empty,
        ready: 503,
        upload: 503,
        upload_seconds: 1,
        deletion: 503,
        list: 503,
        later: 503,
    },
    Expected {
        fault: Fault::Another,
        ready: 503,
        upload: 503,
        upload_seconds: 1,
        deletion: 503,
        list: 503,
        later: 503,
    },
    Expected {
        fault: Fault::Hung,
        ready: 503,
        upload: 503,
        upload_seconds: 4,
        deletion: 503,
        list: 503,
        later: 503,
    },
    Expected {
        fault: Fault::HungChanges,
        ready: 200,
        upload: 503,
        upload_seconds: 45,
        deletion: 503,
        list: 200,
        later: 200,
    },
    Expected {
        fault: Fault::Full,
        ready: 200,
        upload: 507,
        upload_seconds: 1,
        deletion: 204,
        list: 200,
        later: 200,
    },
    Expected {
        fault: Fault::ReadOnly,
        ready: 200,
        upload: 503,
        upload_seconds: 1,
        deletion: 503,
        list: 200,
        later: 200,
    },
];

#[tokio::test]
async fn each_request_is_answered_as_the_table_says() {
    for expected in &TABLE {
        let fault = expected.fault;
        let case = Case::new().await;
        // What is in memory must be compared with the store again.
        case.seconds_pass(2).await;
        case.faulty.set(fault).await;
        // Whoever comes first finds out.
        assert_eq!(case.predictions().await, [200; 2], "{fault:?}");
        let (upload, took) = case.ask("PUT", "/v1/models/new", &case.line.server).await;
        assert_eq!(upload, expected.upload, "{fault:?}");
        assert!(
            took <= SECOND * expected.upload_seconds,
            "{fault:?}: {took:?}"
        );
        case.seconds_pass(2).await;
        assert_eq!(
            case.ask("GET", "/readyz", b"").await.0,
            expected.ready,
            "{fault:?}"
        );
        assert_eq!(
            case.ask("GET", "/v1/models", b"").await.0,
            expected.list,
            "{fault:?}"
        );
        assert_eq!(
            case.ask("DELETE", "/v1/models/spare", b"").await.0,
            expected.deletion,
            "{fault:?}"
        );
        let unknown = case.ask("GET", "/v1/models/unknown", b"").await.0;
        assert_eq!(
            unknown,
            if expected.ready == 200 { 404 } else { 503 },
            "{fault:?}"
        );
        assert_eq!(case.ask("GET", "/healthz", b"").await.0, 200, "{fault:?}");
        assert_eq!(case.predictions().await, [200; 2], "{fault:?}");
        case.seconds_pass(61).await;
        assert_eq!(case.predictions().await, [expected.later; 2], "{fault:?}");
        assert!(case.faulty.strays().await.is_empty(), "{fault:?}");

        case.faulty.set(Fault::Nothing).await;
        case.seconds_pass(2).await;
        assert_eq!(case.ask("GET", "/readyz", b"").await.0, 200, "{fault:?}");
        assert_eq!(case.predictions().await, [200; 2], "{fault:?}");
        assert_eq!(
            case.ask("PUT", "/v1/models/last", &case.line.server)
                .await
                .0,
            201,
            "{fault:?}"
        );
        let found = case.models_after_a_restart().await;
        for name in ["line", "packed", "last"] {
            assert!(
                found.iter().any(|model| model == name),
                "{fault:?}: {name} is lost, there are {found:?}"
            );
        }
        if expected.deletion == 204 {
            assert!(!found.iter().any(|model| model == "spare"), "{fault:?}");
        }
    }
}

/// What hung and was answered 503 does not come to pass after what was acknowledged since.
#[tokio::test]
async fn what_hung_does_not_overtake() {
    let case = Case::new().await;
    let (old, new) = (linear(6), linear(7));
    case.faulty.set(Fault::HungChanges).await;
    assert_eq!(case.ask("PUT", "/v1/models/line", &old.server).await.0, 503);
    let (status, took) = case.ask("PUT", "/v1/models/line", &new.server).await;
    assert!(status == 503 && took <= SECOND, "{status} after {took:?}");
    case.faulty.set(Fault::Nothing).await;
    let mut status = 503;
    while status == 503 {
        (status, _) = case.ask("PUT", "/v1/models/line", &new.server).await;
    }
    assert_eq!(status, 201);
    time::sleep(Duration::from_millis(300)).await;
    let (_, found) = case
        .faulty
        .open()
        .model(&"line".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found, new.server);
}
