//! Certificates: read from files, and again when they change.

use alloc::sync::Arc;
use core::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::app::StartError;

/// A certificate and its key.
#[derive(Clone)]
pub struct Tls(Arc<Files>);

struct Files {
    certificates: PathBuf,
    key: PathBuf,
    /// Clients show a certificate that one of these signed.
    clients: Option<PathBuf>,
    current: RwLock<Current>,
}

struct Current {
    /// Of all files.
    sha256: [u8; 32],
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads a chain of certificates and a private key, both PEM. With `clients`, certificates in PEM, a client has to show a
    /// certificate that one of them signed (mutual TLS).
    ///
    /// # Errors
    /// [`StartError::Io`] with what is wrong with the files.
    pub fn read(
        certificates: &Path,
        key: &Path,
        clients: Option<&Path>,
    ) -> Result<Self, StartError> {
        let (certificates, key, clients) = (
            certificates.to_owned(),
            key.to_owned(),
            clients.map(Path::to_owned),
        );
        let current = read(&certificates, &key, clients.as_deref())?;
        Ok(Self(Arc::new(Files {
            certificates,
            key,
            clients,
            current: RwLock::new(current),
        })))
    }

    /// Reads the files again, and shows the new certificate from the next connection on. If they are not good, it says so and goes on
    /// with the old one.
    pub fn reload(&self) {
        let files = &self.0;
        match read(&files.certificates, &files.key, files.clients.as_deref()) {
            Ok(new) => {
                let mut current = files
                    .current
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                if current.sha256 != new.sha256 {
                    *current = new;
                    tracing::info!(certificate = %files.certificates.display(), "the certificate was renewed");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the certificate could not be renewed; the old one goes on");
            }
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self
            .0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        current.acceptor.clone()
    }
}

fn read(certificates: &Path, key: &Path, clients: Option<&Path>) -> Result<Current, StartError> {
    let failed = |path: &Path, e: &dyn Display| StartError::Io {
        action: format!("{} was refused", path.display()),
        source: std::io::Error::other(e.to_string()),
    };
    let mut hash = Sha256::new();
    let mut load = |path: &Path| {
        let bytes = std::fs::read(path).map_err(|e| failed(path, &e))?;
        hash.update(Sha256::digest(&bytes));
        Ok::<_, StartError>(bytes)
    };
    let (chain_pem, key_pem) = (load(certificates)?, load(key)?);
    let clients_pem = clients.map(&mut load).transpose()?;
    let chain = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| failed(certificates, &e))?;
    let private = PrivateKeyDer::from_pem_slice(&key_pem).map_err(|e| failed(key, &e))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(key, &e))?;
    let builder = match (clients, clients_pem) {
        (Some(path), Some(pem)) => {
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_slice_iter(&pem) {
                let root = root.map_err(|e| failed(path, &e))?;
                roots.add(root).map_err(|e| failed(path, &e))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(|e| failed(path, &e))?)
        }
        _ => builder.with_no_client_auth(),
    };
    let config = builder
        .with_single_cert(chain, private)
        .map_err(|e| failed(key, &e))?;
    Ok(Current {
        sha256: hash.finalize().into(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    })
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    }

    /// A renewed certificate is shown; half a one, which is not good, is not.
    #[test]
    fn certificates_are_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(folder.path());
        let (chain, key) = (path("chain.pem"), path("key.pem"));
        let tls = Tls::read(&chain, &key, Some(&chain)).unwrap();
        let shown = || tls.0.current.read().unwrap().sha256;
        let first = shown();
        tls.reload();
        assert_eq!(shown(), first);
        let good = std::fs::read(&chain).unwrap();
        std::fs::write(&chain, &good[..good.len() / 2]).unwrap();
        tls.reload();
        assert_eq!(shown(), first);
        write(folder.path());
        tls.reload();
        assert_ne!(shown(), first);
        assert!(Tls::read(&path("no.pem"), &key, None).is_err());
    }
}
