//! An S3-compatible server in this process: `s3s-fs` over a folder, on loopback.

use alloc::sync::Arc;
use core::net::SocketAddr;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

const KEY_ID: &str = "tenebra";
const SECRET: &str = "not much of a secret";

/// A server with one bucket; it ends when this is dropped.
pub(crate) struct S3 {
    address: SocketAddr,
    _runtime: Runtime,
    _folder: TempDir,
}

impl S3 {
    pub(crate) fn start(bucket: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(bucket)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(accept(listener, service.build()));
        Self {
            address,
            _runtime: runtime,
            _folder: folder,
        }
    }

    /// What `tenebra-server` finds it by.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", KEY_ID.into()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.into()),
        ]
    }
}

async fn accept(listener: TcpListener, service: S3Service) {
    // `s3s-fs` puts an object in its place before it notes its tag; S3 does both at once. One request at a time looks the
    // same from outside.
    let turn = Arc::new(Mutex::new(()));
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, service.clone(), Arc::clone(&turn)));
    }
}

async fn converse(stream: TcpStream, service: S3Service, turn: Arc<Mutex<()>>) {
    let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (service, turn) = (service.clone(), Arc::clone(&turn));
        async move {
            let _turn = turn.lock().await;
            service.call(request.map(s3s::Body::from)).await
        }
    });
    // A server process that is killed breaks its connections off.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}
