//! The server's side.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tenebra_app::ServerProgram;
use tenebra_app::files;
use tenebra_tfhe::EvaluationKey;

use crate::error::Failure;

/// A server program that passed its door.
#[pyclass(frozen, module = "tenebra._tenebra")]
pub(crate) struct Server {
    program: ServerProgram,
}

/// An evaluation key, prepared for all queries made with its secret key.
#[pyclass(frozen, module = "tenebra._tenebra")]
pub(crate) struct PreparedKey {
    key: EvaluationKey,
}

#[pymethods]
impl Server {
    /// From the bytes of `server.tnb`.
    #[new]
    fn new(py: Python<'_>, bytes: &[u8]) -> Result<Self, Failure> {
        let program = py.detach(|| ServerProgram::parse(bytes))?;
        Ok(Self { program })
    }

    /// From a file.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> Result<Self, Failure> {
        let program = py.detach(|| files::read_as(&path, ServerProgram::parse))?;
        Ok(Self { program })
    }

    /// Prepares an evaluation key.
    fn prepare_key(&self, py: Python<'_>, bytes: &[u8]) -> Result<PreparedKey, Failure> {
        let key = py.detach(|| self.program.prepare_key(bytes))?;
        Ok(PreparedKey { key })
    }

    /// Evaluates a framed query into a framed response.
    fn run<'py>(
        &self,
        py: Python<'py>,
        query: &[u8],
        key: Option<&PreparedKey>,
        threads: usize,
    ) -> Result<Bound<'py, PyBytes>, Failure> {
        let key = key.map(|key| &key.key);
        let response = py.detach(|| self.program.evaluate(key, query, threads))?;
        Ok(PyBytes::new(py, &response))
    }

    /// Name of the model on every message.
    #[getter]
    fn spec_id(&self) -> String {
        self.program.spec_id().to_string()
    }

    /// Whether queries need an evaluation key.
    #[getter]
    fn needs_evaluation_key(&self) -> bool {
        self.program.needs_evaluation_key()
    }

    /// The report as JSON.
    fn report(&self) -> PyResult<String> {
        let report = serde_json::to_string(self.program.report());
        report.map_err(|e| pyo3::exceptions::PyRuntimeError::new_err(e.to_string()))
    }
}
