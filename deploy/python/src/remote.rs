//! The service.

use core::time::Duration;

use pyo3::prelude::*;
use tenebra_app::rows::Columns;
use tenebra_app::{Codes, Error, remote};
use tenebra_service_client::{Certificates, Service};

use crate::FILES;
use crate::client::{Client, Keys};
use crate::error::Failure;
use crate::table::{Matrix, Predictions};

/// A server, and who asks it.
#[pyclass(frozen, module = "tenebra._tenebra")]
pub(crate) struct Remote {
    service: Service,
}

#[pymethods]
impl Remote {
    /// `trusted`, and the pair `shown` of chain and key, are PEM.
    #[new]
    fn new(
        url: &str,
        token: Option<&str>,
        trusted: Option<&[u8]>,
        shown: Option<(Vec<u8>, Vec<u8>)>,
        timeout: Option<f64>,
    ) -> Result<Self, Failure> {
        let shown = shown.as_ref();
        let certificates = Certificates {
            trusted,
            shown: shown.map(|(chain, key)| (chain.as_slice(), key.as_slice())),
        };
        let mut service = Service::with_certificates(url, token, certificates)?;
        if let Some(seconds) = timeout {
            let timeout = Duration::try_from_secs_f64(seconds);
            let timeout = timeout.map_err(|e| {
                Failure::python(pyo3::exceptions::PyValueError::new_err(format!(
                    "`timeout` is {seconds}; it is a number of seconds: {e}"
                )))
            })?;
            service = service.with_timeout(timeout);
        }
        Ok(Self { service })
    }

    /// All models, as JSON.
    fn models(&self, py: Python<'_>) -> Result<String, Failure> {
        let models = py.detach(|| self.service.models())?;
        serde_json::to_string(&models)
            .map_err(|e| Failure::python(pyo3::exceptions::PyRuntimeError::new_err(e.to_string())))
    }

    /// The client's side of a model.
    fn client(&self, py: Python<'_>, model: &str) -> Result<Client, Failure> {
        let file = py.detach(|| {
            let bytes = self.service.client_spec(model)?;
            Ok::<_, Error>(tenebra_client::SpecFile::parse(bytes)?)
        })?;
        Ok(Client { file })
    }

    /// Encrypts rows, has them evaluated, and decrypts. The evaluation key is sent unless the server has it.
    fn predict(
        &self,
        py: Python<'_>,
        model: &str,
        client: &Client,
        keys: &Keys,
        rows: Matrix<'_>,
    ) -> Result<Predictions, Failure> {
        let spec = client.file.spec();
        let rows = rows.rows(&Columns::of_spec(&spec))?;
        let (scored, clipped) = py.detach(|| {
            keys.keys.check()?;
            let codes = Codes::of(&spec, &rows)?;
            let key = keys.keys.evaluation_key();
            let sent = key.map(|key| remote::send_key(&self.service, model, key));
            let remote = remote::Remote {
                service: &self.service,
                model,
                key: keys.keys.key(),
                key_id: sent.transpose()?.map(|sent| sent.id),
            };
            let scored = remote.predict(&codes, &mut |_, _| ());
            let scored = keys.keys.guard(&FILES, scored)?;
            Ok::<_, Error>((scored, codes.clipping().describe()))
        })?;
        Ok(Predictions::new(py, &scored.predictions, clipped))
    }

    /// The same server, held to one version of a model.
    fn pinned(&self, version: &str) -> Self {
        Self {
            service: self.service.clone().pinned(version),
        }
    }
}
