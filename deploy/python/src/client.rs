//! The data owner's side.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tenebra_app::files;
use tenebra_app::rows::Columns;
use tenebra_app::{Codes, Error};
use tenebra_client::SpecFile;
use tenebra_quant::{Decision, InverseLink};

use crate::FILES;
use crate::compiled::spec_id;
use crate::error::Failure;
use crate::table::{Matrix, Predictions};

/// A client spec that passed its door: public.
#[pyclass(frozen, module = "tenebra._tenebra")]
pub(crate) struct Client {
    pub(crate) file: SpecFile,
}

/// Keys of a data owner for one model. Secret: it prints redacted, and is not pickled.
#[pyclass(frozen, module = "tenebra._tenebra")]
pub(crate) struct Keys {
    pub(crate) keys: tenebra_app::Keys,
}

#[pymethods]
impl Client {
    /// From the bytes of `client.tnb`.
    #[new]
    fn new(bytes: &[u8]) -> Result<Self, Failure> {
        let file = SpecFile::parse(bytes)?;
        Ok(Self { file })
    }

    /// From a file.
    #[staticmethod]
    fn open(path: PathBuf) -> Result<Self, Failure> {
        let file = files::read_as(&path, |bytes| Ok(SpecFile::parse(bytes)?))?;
        Ok(Self { file })
    }

    /// The framed bytes.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.file.bytes())
    }

    /// Makes keys.
    fn keygen(&self, py: Python<'_>) -> Result<Keys, Failure> {
        let keys = py.detach(|| tenebra_app::Keys::generate(&self.file.spec()))?;
        Ok(Keys { keys })
    }

    /// Reads the keys of a folder.
    fn load_keys(&self, py: Python<'_>, folder: PathBuf) -> Result<Keys, Failure> {
        let keys = py.detach(|| tenebra_app::Keys::read(&folder, &self.file.spec()))?;
        Ok(Keys { keys })
    }

    /// Keeps keys in a folder.
    fn save_keys(
        &self,
        py: Python<'_>,
        keys: &Keys,
        folder: PathBuf,
        replace: bool,
    ) -> Result<(), Failure> {
        Ok(py.detach(|| keys.keys.write(&FILES, &folder, &self.file, replace))?)
    }

    /// The **secret** key as the bytes of `secret.key`.
    fn secret_key<'py>(
        &self,
        py: Python<'py>,
        keys: &Keys,
    ) -> Result<Bound<'py, PyBytes>, Failure> {
        let secret = keys.keys.secret_file(&self.file.spec())?;
        Ok(PyBytes::new(py, &secret))
    }

    /// Encrypts rows into one framed query; returns it and what was clipped, in words.
    fn encrypt<'py>(
        &self,
        py: Python<'py>,
        keys: &Keys,
        rows: Matrix<'_>,
    ) -> Result<(Bound<'py, PyBytes>, Option<String>), Failure> {
        let spec = self.file.spec();
        let rows = rows.rows(&Columns::of_spec(&spec))?;
        let (query, clipped) = py.detach(|| {
            let codes = Codes::of(&spec, &rows)?;
            let query = keys.keys.encrypt(&codes, 0..codes.n_rows())?;
            Ok::<_, Error>((query, codes.clipping().describe()))
        })?;
        Ok((PyBytes::new(py, &query), clipped))
    }

    /// Decrypts a framed response.
    fn decrypt(
        &self,
        py: Python<'_>,
        keys: &Keys,
        response: &[u8],
    ) -> Result<Predictions, Failure> {
        let spec = self.file.spec();
        let scored = py.detach(|| keys.keys.decrypt(&FILES, &spec, response))?;
        Ok(Predictions::new(py, &scored.predictions, None))
    }

    /// Name of the model on every message.
    #[getter]
    fn spec_id(&self) -> String {
        spec_id(&self.file.spec())
    }

    /// Columns of a row.
    #[getter]
    fn n_features(&self) -> usize {
        self.file.spec().columns()
    }

    /// Their names, where the model knows them.
    #[getter]
    fn feature_names(&self) -> Option<Vec<String>> {
        Columns::of_spec(&self.file.spec()).names
    }

    /// Of columns whose cells are words: place of the column, the words, and whether others are missing values.
    #[getter]
    fn words(&self) -> Vec<(usize, Vec<String>, bool)> {
        let spec = self.file.spec();
        let words = spec.words();
        let owned = words.map(|column| {
            let words = column.words().map(str::to_owned).collect();
            (column.column, words, column.others_are_missing)
        });
        owned.collect()
    }

    /// Class labels; none of a regression.
    #[getter]
    fn classes(&self) -> Vec<String> {
        self.file.spec().classes().map(str::to_owned).collect()
    }

    /// Name of the estimator.
    #[getter]
    fn estimator(&self) -> String {
        self.file.spec().estimator().to_owned()
    }

    /// From scores to predictions.
    #[getter]
    fn link(&self) -> &'static str {
        match self.file.spec().inverse_link() {
            InverseLink::Identity => "identity",
            InverseLink::Exp => "exp",
            InverseLink::Sigmoid => "sigmoid",
            InverseLink::SigmoidNormalized => "sigmoid_normalized",
            InverseLink::Softmax => "softmax",
        }
    }

    /// From scores to a class.
    #[getter]
    fn decision(&self) -> &'static str {
        match self.file.spec().decision() {
            Decision::None => "none",
            Decision::Threshold => "threshold",
            Decision::ArgMax => "arg_max",
        }
    }

    /// Most rows of a query.
    #[getter]
    fn max_rows(&self) -> usize {
        self.file.spec().max_rows()
    }

    /// Whether a server needs the evaluation key.
    #[getter]
    fn needs_evaluation_key(&self) -> bool {
        self.file.spec().evaluation_key_len().is_some()
    }
}

#[pymethods]
impl Keys {
    /// The framed evaluation key, where the model needs one.
    #[getter]
    fn evaluation_key<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let bytes = self.keys.evaluation_key();
        bytes.map(|bytes| PyBytes::new(py, bytes))
    }

    fn __repr__(&self) -> String {
        format!("<Keys of model {}, secret>", self.keys.key().spec_id())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(pyo3::exceptions::PyTypeError::new_err(
            "secret keys are not pickled; `client.save_keys(keys, folder)` keeps them in a folder of yours",
        ))
    }
}
