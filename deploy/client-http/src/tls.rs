//! Certificates: those that a server's is held to, and the one that a client shows.

use alloc::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::error::ServiceError;

/// Certificates in PEM form, for servers that have one of their own, or that ask clients for one.
#[derive(Clone, Copy, Default)]
pub struct Certificates<'a> {
    /// The server's certificate must be one of these or signed by one of them; `None`: by one of the public web's.
    pub trusted: Option<&'a [u8]>,
    /// What the client shows (mutual TLS), if anything: the chain of its certificate, and the **secret** private key.
    pub shown: Option<(&'a [u8], &'a [u8])>,
}

impl Certificates<'_> {
    pub(crate) fn config(&self) -> Result<TlsConfig, ServiceError> {
        let mut config = TlsConfig::builder();
        if let Some(trusted) = self.trusted {
            config = config.root_certs(RootCerts::Specific(Arc::new(certificates(trusted)?)));
        }
        if let Some((chain, key)) = self.shown {
            // An agent with a key that does not fit its certificate would panic when it connects.
            check_pair(chain, key)?;
            let key = PrivateKey::from_pem(key).map_err(|_| ServiceError::ClientKey)?;
            config =
                config.client_cert(Some(ClientCert::new_with_certs(&certificates(chain)?, key)));
        }
        Ok(config.build())
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>, ServiceError> {
    let items = parse_pem(pem).collect::<Result<Vec<_>, _>>();
    let certificates = items
        .map_err(|_| ServiceError::Certificates)?
        .into_iter()
        .filter_map(|item| {
            let PemItem::Certificate(certificate) = item else {
                return None;
            };
            Some(certificate)
        });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(ServiceError::Certificates);
    }
    Ok(certificates)
}

fn check_pair(chain: &[u8], key: &[u8]) -> Result<(), ServiceError> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| ServiceError::Certificates)?;
    if chain.is_empty() {
        return Err(ServiceError::Certificates);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| ServiceError::ClientKey)?;
    let pair = CertifiedKey::from_der(chain, key, &default_provider());
    pair.map(drop).map_err(|_| ServiceError::ClientKey)
}

/// Shows no private key.
impl core::fmt::Debug for Certificates<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Certificates(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Service;

    #[test]
    fn keys_and_certificates_must_fit() {
        let make = || rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
        let (one, other) = (make(), make());
        let [chain, own, foreign] = [
            one.cert.pem(),
            one.signing_key.serialize_pem(),
            other.signing_key.serialize_pem(),
        ];
        let service = |chain: &str, key: &str| {
            let shown = Some((chain.as_bytes(), key.as_bytes()));
            Service::with_certificates(
                "https://127.0.0.1:1",
                None,
                Certificates {
                    trusted: None,
                    shown,
                },
            )
            .err()
        };
        assert!(service(&chain, &own).is_none());
        for bad in [&foreign, &chain, "", &own[..own.len() / 2]] {
            assert!(
                matches!(service(&chain, bad), Some(ServiceError::ClientKey)),
                "{bad}"
            );
        }
        for bad in [&own, "", &chain[..chain.len() / 2]] {
            assert!(
                matches!(service(bad, &own), Some(ServiceError::Certificates)),
                "{bad}"
            );
        }
        assert_eq!(
            format!(
                "{:?}",
                Certificates {
                    trusted: None,
                    shown: Some((b"", own.as_bytes()))
                }
            ),
            "Certificates(..)"
        );
    }
}
