//! Compiled models.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tenebra_app::model_folder::{self, ClientFile};
use tenebra_app::rows::Columns;
use tenebra_app::{Codes, Error, Local};
use tenebra_client::ClientSpec;
use tenebra_models::calibration_notes;

use crate::FILES;
use crate::client::Client;
use crate::error::Failure;
use crate::model::Model;
use crate::settings;
use crate::table::{Matrix, Predictions};

/// Both sides of a compiled model, and the float model if it is there.
#[pyclass(frozen, module = "tenebra._tenebra")]
pub(crate) struct Compiled {
    local: Local,
    server: Vec<u8>,
    /// What calibration found worth saying.
    #[pyo3(get)]
    notes: Vec<String>,
}

/// Quantizes, plans and measures. `progress(done, of)` is called while the noise is measured.
#[pyfunction]
#[pyo3(signature = (model, calibrate, options, progress))]
pub(crate) fn compile(
    py: Python<'_>,
    model: &Model,
    calibrate: Option<Matrix<'_>>,
    options: Option<&Bound<'_, PyDict>>,
    progress: Option<Py<PyAny>>,
) -> Result<Compiled, Failure> {
    let mut model = model.model.clone();
    let settings = settings::read(options).map_err(Failure::python)?;
    let columns = Columns::of_model(&model);
    let table = match calibrate {
        Some(matrix) => {
            let named = matrix.is_named();
            let table = matrix.table(&columns)?;
            let table = table.align(columns.names.as_deref(), columns.count)?;
            if columns.names.is_none() && named {
                model = model.with_feature_names(table.columns().to_vec())?;
            }
            Some(table)
        }
        None => None,
    };
    let options = settings.options(&model)?;
    let mut raised: Option<PyErr> = None;
    let compiled = py.detach(|| {
        let mut tell = |done: usize, of: usize| {
            let Some(progress) = progress.as_ref().filter(|_| raised.is_none()) else {
                return;
            };
            raised = Python::attach(|py| progress.call1(py, (done, of)).err());
        };
        let mut notes = Vec::new();
        if let (tenebra_models::Model::Linear(linear), Some(table)) = (&model, &table) {
            let found = calibration_notes(linear, table, &options.quantize)?;
            notes.extend(found.iter().map(ToString::to_string));
        }
        let compiled = tenebra_app::compile(&model, table.as_ref(), &options, &mut tell)?;
        let local = Local::new(&compiled.client, &compiled.server, Some(model))?;
        Ok::<_, Error>(Compiled {
            local,
            server: compiled.server,
            notes,
        })
    });
    match raised {
        Some(error) => Err(Failure::python(error)),
        None => Ok(compiled?),
    }
}

#[pymethods]
impl Compiled {
    /// From the bytes of both files, and the JSON of the float model.
    #[new]
    fn new(
        py: Python<'_>,
        client: &[u8],
        server: &[u8],
        model: Option<&str>,
    ) -> Result<Self, Failure> {
        let made = py.detach(|| {
            let model = model.map(tenebra_models::Model::from_json).transpose()?;
            Local::new(client, server, model)
        });
        Ok(Self {
            local: made?,
            server: server.to_vec(),
            notes: Vec::new(),
        })
    }

    /// From a folder.
    #[staticmethod]
    fn load(py: Python<'_>, folder: PathBuf) -> Result<Self, Failure> {
        let read = py.detach(|| {
            let client = ClientFile::read(&folder)?;
            client.spec()?;
            let server = tenebra_app::files::read(&folder.join(tenebra_app::files::SERVER_FILE))?;
            let path = folder.join(tenebra_app::files::FLOAT_MODEL_FILE);
            let model = match model_folder::read_model(&path) {
                Ok(model) => Some(model),
                Err(Error::Io {
                    not_found: true, ..
                }) => None,
                Err(error) => return Err(error),
            };
            let local = Local::new(client.bytes(), &server, model);
            let local = local.map_err(|error| error.in_file(&folder))?;
            Ok((local, server.to_vec()))
        });
        let (local, server) = read?;
        Ok(Self {
            local,
            server,
            notes: Vec::new(),
        })
    }

    /// Writes `client.tnb`, `server.tnb`, and the float model where there is one.
    fn save(&self, py: Python<'_>, folder: PathBuf, replace: bool) -> Result<(), Failure> {
        let spec = self.local.spec_file().bytes();
        let model = self.local.model();
        Ok(py.detach(|| {
            model_folder::write_files(&FILES, &folder, spec, &self.server, model, replace)
        })?)
    }

    /// The report as JSON.
    fn report(&self) -> Result<String, Failure> {
        let report = serde_json::to_string(self.local.server().report());
        report
            .map_err(|e| Failure::python(pyo3::exceptions::PyRuntimeError::new_err(e.to_string())))
    }

    /// The framed server program.
    fn server_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.server)
    }

    /// The client's side.
    #[getter]
    fn client(&self) -> Client {
        Client {
            file: self.local.spec_file().clone(),
        }
    }

    /// The float model as JSON, where it is there.
    fn model_json(&self) -> Result<Option<String>, Failure> {
        let model = self.local.model();
        Ok(model.map(tenebra_models::Model::to_json).transpose()?)
    }

    /// What the float model says.
    fn clear(&self, py: Python<'_>, rows: Matrix<'_>) -> Result<Predictions, Failure> {
        let rows = rows.rows(&Columns::of_spec(&self.local.spec()))?;
        let predictions = py.detach(|| self.local.clear(&rows))?;
        Ok(Predictions::new(py, &predictions, None))
    }

    /// What the circuit says on clear integers.
    fn simulate(&self, py: Python<'_>, rows: Matrix<'_>) -> Result<Predictions, Failure> {
        let spec = self.local.spec();
        let rows = rows.rows(&Columns::of_spec(&spec))?;
        let (scored, clipped) = py.detach(|| {
            let codes = Codes::of(&spec, &rows)?;
            let scored = self.local.simulate(&codes)?;
            Ok::<_, Error>((scored, codes.clipping().describe()))
        })?;
        Ok(Predictions::new(py, &scored.predictions, clipped))
    }

    /// What it says on ciphertexts. Between queries, interrupts are looked for and `progress(done, of)` is called.
    fn execute(
        &self,
        py: Python<'_>,
        rows: Matrix<'_>,
        threads: usize,
        progress: Option<Py<PyAny>>,
    ) -> Result<Predictions, Failure> {
        let spec = self.local.spec();
        let rows = rows.rows(&Columns::of_spec(&spec))?;
        let codes = py.detach(|| Codes::of(&spec, &rows))?;
        let n_rows = codes.n_rows();
        let mut predictions = Vec::with_capacity(n_rows);
        for first in (0..n_rows).step_by(spec.max_rows().max(1)) {
            let last = n_rows.min(first + spec.max_rows().max(1));
            let scored = py.detach(|| self.local.encrypted(&codes, first..last, threads))?;
            predictions.extend(scored.predictions);
            py.check_signals().map_err(Failure::python)?;
            if let Some(progress) = &progress {
                progress
                    .call1(py, (last, n_rows))
                    .map_err(Failure::python)?;
            }
        }
        Ok(Predictions::new(
            py,
            &predictions,
            codes.clipping().describe(),
        ))
    }
}

/// The id of a spec, hexadecimal.
pub(crate) fn spec_id(spec: &ClientSpec<'_>) -> String {
    spec.id().to_string()
}
