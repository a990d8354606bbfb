//! Which server a command asks, and the token that it shows.

use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use tenebra_app::{Error, files};
use tenebra_service_client::{Certificates, Service, ServiceError};
use zeroize::Zeroizing;

use crate::arguments::{InputPath, check_stdin};
use crate::output::{self, Failure};

/// A server, and who asks it.
#[derive(Debug, clap::Args)]
pub(crate) struct Connection {
    /// Address of the server, as https://host:8443 or http://127.0.0.1:8080
    #[arg(long, value_name = "URL", env = "TENEBRA_SERVER")]
    pub(crate) server: String,
    /// Token for the server; in the environment, other users of this machine do not see it
    #[arg(long, env = "TENEBRA_TOKEN", hide_env_values = true)]
    token: Option<Token>,
    /// Certificates to trust instead of the public web's, PEM, for a server with one of its own
    #[arg(long, value_name = "FILE", env = "TENEBRA_CA", value_parser = InputPath)]
    ca: Option<PathBuf>,
    /// Certificate to show a server that asks for one (mutual TLS), with its chain, PEM
    #[arg(long, value_name = "FILE", env = "TENEBRA_CLIENT_CERT", value_parser = InputPath, requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// Private key of that certificate, PEM
    #[arg(long, value_name = "FILE", env = "TENEBRA_CLIENT_KEY", value_parser = InputPath, requires = "client_cert")]
    client_key: Option<PathBuf>,
}

/// A secret text.
#[derive(Clone)]
struct Token(String);

impl FromStr for Token {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Connection {
    /// The server; nothing is sent yet.
    pub(crate) fn service(&self) -> Result<Service, Failure> {
        let token = self.token.as_ref().map(|token| token.0.as_str());
        if token.is_some() && is_readable_on_the_way(&self.server) {
            output::note(
                "note: without TLS (https://) everybody on the way to the server can read the token",
            );
        }
        check_stdin(self.files())?;
        let connect = |trusted, shown| {
            Service::with_certificates(&self.server, token, Certificates { trusted, shown })
        };
        let read = |path: &PathBuf, wanted: &'static str| {
            files::read_as(path, |pem| {
                files::refuse_frame(pem, wanted)?;
                Ok(Zeroizing::new(pem.to_vec()))
            })
        };
        let certificate = "a certificate in PEM form";
        let trusted = self.ca.as_ref().map(|path| {
            let pem = read(path, certificate)?;
            // Alone, so that the error is about this file.
            let refused = |e| Error::from(e).in_file(path);
            Service::trusting(&self.server, token, &pem).map_err(refused)?;
            Ok::<_, Error>(pem)
        });
        let trusted = trusted.transpose()?;
        let trusted = trusted.as_ref().map(|pem| pem.as_slice());
        let Some((chain_path, key_path)) = self.client_cert.as_ref().zip(self.client_key.as_ref())
        else {
            return Ok(connect(trusted, None)?);
        };
        let chain = read(chain_path, certificate)?;
        let key = read(key_path, "a private key in PEM form")?;
        let service = connect(trusted, Some((chain.as_slice(), key.as_slice())));
        Ok(service.map_err(|error| match error {
            ServiceError::Certificates => Error::from(error).in_file(chain_path),
            ServiceError::ClientKey => Error::from(error).in_file(key_path),
            other => other.into(),
        })?)
    }

    /// The files that it reads.
    pub(crate) fn files(&self) -> [Option<&PathBuf>; 3] {
        [&self.ca, &self.client_cert, &self.client_key].map(Option::as_ref)
    }
}

/// HTTP without TLS to another machine.
fn is_readable_on_the_way(url: &str) -> bool {
    let Some(host) = url.strip_prefix("http://") else {
        return false;
    };
    let host = host.split('/').next().unwrap_or_default();
    let loopback = ["127.", "localhost", "[::1]"];
    !loopback.iter().any(|prefix| host.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_need_tls_off_this_machine() {
        for private in [
            "https://example.org",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:80/",
        ] {
            assert!(!is_readable_on_the_way(private), "{private}");
        }
        assert!(is_readable_on_the_way("http://example.org/127.0.0.1"));
    }
}
