//! Float models.

use std::path::PathBuf;

use pyo3::prelude::*;
use tenebra_app::rows::Columns;
use tenebra_app::{Error, evaluate, files, model_folder};
use tenebra_models::import::{ImportOptions, read_with};
use tenebra_models::{ModelError, Task};

use crate::error::Failure;
use crate::table::{Matrix, Predictions};

/// A float model, checked.
#[pyclass(frozen, module = "tenebra._tenebra")]
pub(crate) struct Model {
    pub(crate) model: tenebra_models::Model,
}

#[pymethods]
impl Model {
    /// From the JSON form.
    #[new]
    fn new(json: &str) -> Result<Self, Failure> {
        let model = tenebra_models::Model::from_json(json)?;
        Ok(Self { model })
    }

    /// From a file of the JSON form.
    #[staticmethod]
    fn read(path: PathBuf) -> Result<Self, Failure> {
        let model = model_folder::read_model(&path)?;
        Ok(Self { model })
    }

    /// From the bytes of a model of XGBoost, LightGBM or ONNX, with what is worth saying of it.
    #[staticmethod]
    fn from_foreign(
        bytes: &[u8],
        iterations: Option<&str>,
    ) -> Result<(Self, Vec<String>), Failure> {
        files::refuse_frame(bytes, "a model of another library")?;
        let iterations = iterations.map(str::parse).transpose();
        let iterations = iterations.map_err(tenebra_models::import::ImportError::from)?;
        let options = ImportOptions {
            iterations: iterations.unwrap_or_default(),
            ..ImportOptions::default()
        };
        let imported = read_with(bytes, options)?;
        let model = imported.model;
        Ok((Self { model }, imported.notes))
    }

    /// The JSON form.
    fn to_json(&self) -> Result<String, Failure> {
        Ok(self.model.to_json()?)
    }

    /// The same model with names for its features.
    fn with_feature_names(&self, names: Vec<String>) -> Result<Self, Failure> {
        let model = self.model.clone().with_feature_names(names)?;
        Ok(Self { model })
    }

    /// Predicts rows.
    fn predict(&self, py: Python<'_>, rows: Matrix<'_>) -> Result<Predictions, Failure> {
        let rows = rows.rows(&Columns::of_model(&self.model))?;
        let predictions = py.detach(|| evaluate::clear(&self.model, &rows))?;
        Ok(Predictions::new(py, &predictions, None))
    }

    /// Name of the estimator.
    #[getter]
    fn estimator(&self) -> &str {
        self.model.estimator()
    }

    #[getter]
    fn n_features(&self) -> usize {
        self.model.n_features()
    }

    #[getter]
    fn feature_names(&self) -> Option<Vec<String>> {
        self.model.feature_names().map(<[String]>::to_vec)
    }

    #[getter]
    fn classes(&self) -> Vec<String> {
        self.model.classes().to_vec()
    }

    #[getter]
    fn is_classifier(&self) -> bool {
        self.model.task() == Task::Classification
    }

    /// `linear`, `forest`, `additive`, `network` or `pipeline`.
    #[getter]
    fn kind(&self) -> Result<&'static str, Failure> {
        Ok(match &self.model {
            tenebra_models::Model::Linear(_) => "linear",
            tenebra_models::Model::Forest(_) => "forest",
            tenebra_models::Model::Additive(_) => "additive",
            tenebra_models::Model::Network(_) => "network",
            tenebra_models::Model::Pipeline(_) => "pipeline",
            _ => {
                let message = "a kind of model that this package does not know".to_owned();
                return Err(Error::from(ModelError::Shape { message }).into());
            }
        })
    }
}
