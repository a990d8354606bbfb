//! Float models and their JSON form.
//!
//! ```json
//! {"format": "tenebra-model", "version": 1, "kind": "linear", ...}
//! ```
//! The fields of each kind are those of [`LinearParts`] (`"linear"`), [`ForestParts`] (`"forest"`),
//! [`AdditiveParts`] (`"additive"`) and [`NetworkParts`] (`"network"`); a `"pipeline"` has a [`Before`] as
//! `before` and another model as `model`. Numbers are finite and
//! print so that they read back to the bit. A file is checked when it is read; nothing checks again behind that.

mod error;

pub use error::ModelError;

use serde::{Deserialize, Serialize};
use tenebra_quant::InverseLink;

use crate::additive::{AdditiveModel, AdditiveParts};
use crate::data::Words;
use crate::forest::{ForestModel, ForestParts};
use crate::linear::{LinearModel, LinearParts};
use crate::network::{NetworkModel, NetworkParts};
use crate::pipeline::{Before, PipelineModel, PipelineParts};
use crate::scores::Metric;
use tenebra_quant::Prediction;

/// What a model predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Numbers.
    Regression,
    /// One of a set of labels.
    Classification,
}

/// A trained or imported model on reals.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Model {
    /// Scores that are affine in the features.
    Linear(LinearModel),
    /// Trees whose leaves add up.
    Forest(ForestModel),
    /// Step functions of single features that add up.
    Additive(AdditiveModel),
    /// Layers of neurons.
    Network(NetworkModel),
    /// Steps that change the columns, and another of these.
    Pipeline(PipelineModel),
}

const FORMAT: &str = "tenebra-model";
const VERSION: u32 = 1;

/// What every model file starts with.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    kind: String,
}

#[derive(Serialize)]
struct File<'a, T> {
    #[serde(flatten)]
    header: Header,
    #[serde(flatten)]
    parts: &'a T,
}

/// A pipeline as it stands in a file: its model is that of a file, too.
#[derive(Serialize, Deserialize)]
struct PipelineFile {
    before: Before,
    model: serde_json::Value,
}

fn json(error: serde_json::Error) -> ModelError {
    ModelError::Json {
        message: error.to_string(),
    }
}

impl Model {
    /// Name of the estimator, as scikit-learn calls it where it has one.
    pub fn estimator(&self) -> &str {
        match self {
            Self::Linear(model) => &model.estimator,
            Self::Forest(model) => &model.estimator,
            Self::Additive(model) => &model.estimator,
            Self::Network(model) => &model.estimator,
            Self::Pipeline(model) => model.model.estimator(),
        }
    }

    /// The model behind the steps of a pipeline; else the model itself.
    #[must_use]
    pub fn behind_steps(&self) -> &Self {
        match self {
            Self::Pipeline(model) => &model.model,
            other => other,
        }
    }

    /// Number of features.
    pub fn n_features(&self) -> usize {
        match self {
            Self::Linear(model) => model.n_features,
            Self::Forest(model) => model.n_features,
            Self::Additive(model) => model.n_features,
            Self::Network(model) => model.n_features,
            Self::Pipeline(model) => model.before.n_features,
        }
    }

    /// Names of the features, where the model knows them.
    pub fn feature_names(&self) -> Option<&[String]> {
        match self {
            Self::Linear(model) => model.feature_names.as_deref(),
            Self::Forest(model) => model.feature_names.as_deref(),
            Self::Additive(model) => model.feature_names.as_deref(),
            Self::Network(model) => model.feature_names.as_deref(),
            Self::Pipeline(model) => model.before.feature_names.as_deref(),
        }
    }

    /// The columns of categories whose cells are words, by feature.
    pub fn words(&self) -> impl Iterator<Item = (usize, &Words)> {
        let forest = match self {
            Self::Forest(model) => Some(model),
            Self::Linear(_) | Self::Additive(_) | Self::Network(_) | Self::Pipeline(_) => None,
        };
        let before = match self {
            Self::Pipeline(model) => Some(&model.before.words),
            _ => None,
        };
        let before = before.into_iter().flatten();
        forest
            .into_iter()
            .flat_map(ForestModel::words)
            .chain(before.map(|(column, words)| (*column, words)))
    }

    /// Class labels in the order of the class indices; empty for a regression.
    pub fn classes(&self) -> &[String] {
        match self {
            Self::Linear(model) => &model.classes,
            Self::Forest(model) => &model.classes,
            Self::Additive(model) => &model.classes,
            Self::Network(model) => &model.classes,
            Self::Pipeline(model) => model.model.classes(),
        }
    }

    /// Names of the outputs of a regression, where it has several and knows them.
    pub fn target_names(&self) -> Option<&[String]> {
        match self {
            Self::Linear(model) => model.target_names.as_deref(),
            Self::Network(model) => model.target_names.as_deref(),
            Self::Forest(_) | Self::Additive(_) => None,
            Self::Pipeline(model) => model.model.target_names(),
        }
    }

    /// The same model with names for its features, by which columns are matched from then on.
    ///
    /// # Errors
    /// [`ModelError`] for another number of names than of features, and for a name that occurs twice.
    pub fn with_feature_names(self, names: Vec<String>) -> Result<Self, ModelError> {
        if let Self::Pipeline(model) = &self {
            return Ok(Self::Pipeline(model.with_feature_names(names)?));
        }
        let feature_names = Some(names);
        Ok(match self {
            Self::Linear(model) => Self::Linear(LinearModel::new(LinearParts {
                feature_names,
                ..model.parts().clone()
            })?),
            Self::Forest(model) => Self::Forest(ForestModel::new(ForestParts {
                feature_names,
                ..model.parts().clone()
            })?),
            Self::Additive(model) => Self::Additive(AdditiveModel::new(AdditiveParts {
                feature_names,
                ..model.parts().clone()
            })?),
            Self::Network(model) => Self::Network(NetworkModel::new(NetworkParts {
                feature_names,
                ..model.parts().clone()
            })?),
            Self::Pipeline(model) => Self::Pipeline(model),
        })
    }

    /// What it predicts.
    pub fn task(&self) -> Task {
        if self.classes().is_empty() {
            Task::Regression
        } else {
            Task::Classification
        }
    }

    /// From scores to predictions.
    pub fn inverse_link(&self) -> InverseLink {
        match self {
            Self::Linear(model) => model.inverse_link,
            Self::Forest(model) => model.inverse_link,
            Self::Additive(model) => model.inverse_link,
            Self::Network(model) => model.inverse_link,
            Self::Pipeline(model) => model.model.inverse_link(),
        }
    }

    /// The score that is usual for it: accuracy, R², or D² for the models with a log link.
    pub fn metric(&self) -> Metric {
        match self {
            Self::Linear(model) => model.metric(),
            Self::Forest(model) => model.metric(),
            Self::Additive(model) => model.metric(),
            Self::Network(model) => model.metric(),
            Self::Pipeline(model) => model.model.metric(),
        }
    }

    /// Predicts one row of [`Model::n_features`] reals.
    ///
    /// # Errors
    /// [`ModelError::RowLength`]; [`ModelError::MissingValue`] for a model without a rule for NaN.
    pub fn predict(&self, row: &[f64]) -> Result<Prediction, ModelError> {
        match self {
            Self::Linear(model) => model.predict(row),
            Self::Forest(model) => Ok(model.predict(row)?),
            Self::Additive(model) => Ok(model.predict(row)?),
            Self::Network(model) => model.predict(row),
            Self::Pipeline(model) => model.predict(row),
        }
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ModelError::Json`], which a checked model does not cause.
    pub fn to_json(&self) -> Result<String, ModelError> {
        let header = |kind: &str| Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind: kind.to_owned(),
        };
        let text = match self {
            Self::Linear(model) => serde_json::to_string(&File {
                header: header("linear"),
                parts: model.parts(),
            }),
            Self::Forest(model) => serde_json::to_string(&File {
                header: header("forest"),
                parts: model.parts(),
            }),
            Self::Additive(model) => serde_json::to_string(&File {
                header: header("additive"),
                parts: model.parts(),
            }),
            Self::Network(model) => serde_json::to_string(&File {
                header: header("network"),
                parts: model.parts(),
            }),
            Self::Pipeline(model) => serde_json::to_string(&File {
                header: header("pipeline"),
                parts: &PipelineFile {
                    before: model.before.clone(),
                    model: serde_json::from_str(&model.model.to_json()?).map_err(json)?,
                },
            }),
        };
        text.map(|text| text + "\n").map_err(json)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ModelError`]: not JSON, another format or version, or parts that do not make a model.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let header: Header = serde_json::from_str(text).map_err(json)?;
        if header.format != FORMAT {
            return Err(ModelError::Format {
                found: header.format,
                expected: FORMAT,
            });
        }
        if header.version != VERSION {
            return Err(ModelError::Version {
                found: header.version,
                expected: VERSION,
            });
        }
        match header.kind.as_str() {
            "linear" => {
                let parts: LinearParts = serde_json::from_str(text).map_err(json)?;
                Ok(Self::Linear(LinearModel::new(parts)?))
            }
            "forest" => {
                let parts: ForestParts = serde_json::from_str(text).map_err(json)?;
                Ok(Self::Forest(ForestModel::new(parts)?))
            }
            "additive" => {
                let parts: AdditiveParts = serde_json::from_str(text).map_err(json)?;
                Ok(Self::Additive(AdditiveModel::new(parts)?))
            }
            "network" => {
                let parts: NetworkParts = serde_json::from_str(text).map_err(json)?;
                Ok(Self::Network(NetworkModel::new(parts)?))
            }
            "pipeline" => {
                let file: PipelineFile = serde_json::from_str(text).map_err(json)?;
                // A pipeline in a pipeline would be refused anyway, but not before a deep one took the stack.
                if file.model.get("kind").and_then(serde_json::Value::as_str) == Some("pipeline") {
                    return Err(ModelError::Shape {
                        message: "a pipeline ends in a pipeline; join their steps".to_owned(),
                    });
                }
                let model = Box::new(Self::from_json(&file.model.to_string())?);
                let before = file.before;
                Ok(Self::Pipeline(PipelineModel::new(PipelineParts {
                    before,
                    model,
                })?))
            }
            _ => Err(ModelError::Kind {
                found: header.kind,
                known: "linear, forest, additive, network, pipeline",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = r#"{"format":"tenebra-model","version":1,"kind":"linear","estimator":"LinearRegression",
        "feature_names":["a","b"],"n_features":2,"coef":[[0.1,-2]],"intercept":[1],
        "inverse_link":"identity","decision":"none","classes":[],"params":{}}"#;

    #[test]
    fn json_reads_back() {
        let model = Model::from_json(LINE).unwrap();
        assert_eq!(Model::from_json(&model.to_json().unwrap()).unwrap(), model);
        // 0.1 * 10 - 2 * 3 + 1 = -4
        assert_eq!(model.predict(&[10.0, 3.0]).unwrap().values, [-4.0]);
        assert_eq!(model.task(), Task::Regression);
    }

    #[test]
    fn bad_files_are_named() {
        let cases = [
            (
                LINE.replace("0.1", "null"),
                "invalid type: null, expected f64 at line 2 column 62",
            ),
            (
                LINE.replace("0.1", "NaN"),
                "expected value at line 2 column 59",
            ),
            (
                LINE.replace("\"version\":1", "\"version\":7"),
                "version 7 of the model format; this program reads version 1",
            ),
            (
                LINE.replace("tenebra-model", "other"),
                "the format is `other`, not `tenebra-model`",
            ),
            (
                LINE.replace("\"linear\"", "\"spline\""),
                "models of kind `spline` are unknown; known: linear, forest, additive, network, pipeline",
            ),
            (
                LINE.replace("\"n_features\":2", "\"n_features\":3"),
                "output 0 has 2 coefficients",
            ),
            (LINE.replace("\"none\"", "\"arg_max\""), "0 classes"),
            ("[".to_owned(), "EOF while parsing"),
        ];
        for (text, message) in cases {
            let found = Model::from_json(&text).unwrap_err().to_string();
            assert!(found.contains(message), "{found}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            let _ = Model::from_json(&text);
        }

        #[test]
        fn coefficients_read_back_to_the_bit(coef in proptest::collection::vec(proptest::num::f64::NORMAL, 1..9)) {
            let n_features = coef.len();
            let model = LinearModel::new(LinearParts { n_features, coef: vec![coef], ..LinearParts::regression("x") }).unwrap();
            let model = Model::Linear(model);
            prop_assert_eq!(Model::from_json(&model.to_json().unwrap()).unwrap(), model);
        }
    }
}
