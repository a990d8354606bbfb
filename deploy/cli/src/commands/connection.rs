//! Which server a command asks, and the token that it shows.

use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use tenebra_app::files;
use tenebra_service_client::Service;

use crate::arguments::InputPath;
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
    pub(crate) ca: Option<PathBuf>,
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
        let Some(path) = &self.ca else {
            return Ok(Service::new(&self.server, token)?);
        };
        let trusting = |pem: &[u8]| {
            files::refuse_frame(pem, "a certificate in PEM form")?;
            Ok(Service::trusting(&self.server, token, pem)?)
        };
        Ok(files::read_as(path, trusting)?)
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
