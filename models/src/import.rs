//! Models trained by other libraries.
//!
//! [`read`] takes the bytes of a file, in a format that is given or found by [`detect`]; [`read_with`] also takes which
//! iterations of a boosted model to take, and says what it took.

mod categories;
mod foreign;
mod imported;
mod iterations;
pub mod lightgbm;
pub mod onnx;
pub mod tabulate;
pub mod xgboost;

use core::fmt;
use core::str::FromStr;

pub use foreign::Foreign;
pub use imported::Imported;
pub use iterations::{Iterations, IterationsError};

use crate::model::{Model, ModelError};
use foreign::find;

/// A file format of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// XGBoost, JSON or Universal Binary JSON.
    Xgboost,
    /// LightGBM's text form.
    Lightgbm,
    /// ONNX.
    Onnx,
}

/// Every format, in the order in which they are listed.
pub const FORMATS: &[Format] = &[Format::Xgboost, Format::Lightgbm, Format::Onnx];

impl Format {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Xgboost => "xgboost",
            Self::Lightgbm => "lightgbm",
            Self::Onnx => "onnx",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = ImportError;

    fn from_str(name: &str) -> Result<Self, ImportError> {
        let known = FORMATS.iter().find(|format| format.name() == name);
        known.copied().ok_or_else(|| ImportError::UnknownFormat {
            name: name.to_owned(),
        })
    }
}

/// Why a file was not imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A format that is not known.
    #[error("no format `{name}`; known: {}", names())]
    UnknownFormat {
        /// The name asked for.
        name: String,
    },
    /// A file that looks like none of the formats.
    #[error(
        "the format of the file was not recognized; it should be one of {}",
        names()
    )]
    NotRecognized,
    /// A file of a kind that people take for a model.
    #[error("{0}")]
    Foreign(Foreign),
    /// Iterations of a format that has none.
    #[error(transparent)]
    Iterations(#[from] IterationsError),
    /// A model of this program.
    #[error("this is a model of tenebra already; use it as it is")]
    Tenebra,
    /// XGBoost.
    #[error(transparent)]
    Xgboost(#[from] xgboost::XgboostError),
    /// LightGBM.
    #[error(transparent)]
    Lightgbm(#[from] lightgbm::LightgbmError),
    /// ONNX.
    #[error(transparent)]
    Onnx(#[from] onnx::OnnxError),
    /// The model was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
}

fn names() -> String {
    FORMATS
        .iter()
        .map(|format| format.name())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The format of a file, by how it starts.
#[must_use]
pub fn detect(bytes: &[u8]) -> Option<Format> {
    /// Field 1 of `ModelProto`, the version of the format, which every writer puts first.
    const IR_VERSION: u8 = 0x08;
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"tree\n") || text.starts_with(b"tree\r\n") {
        Some(Format::Lightgbm)
    } else if text.starts_with(b"{") && find(text, b"learner") {
        Some(Format::Xgboost)
    } else if bytes.first() == Some(&IR_VERSION) {
        Some(Format::Onnx)
    } else {
        None
    }
}

/// Reads a model of another library; the format is detected unless it is given.
///
/// # Errors
/// [`ImportError`]. Arbitrary bytes are an error at worst.
pub fn read(bytes: &[u8], format: Option<Format>) -> Result<Model, ImportError> {
    let options = ImportOptions {
        format,
        ..ImportOptions::default()
    };
    read_with(bytes, options).map(|imported| imported.model)
}

/// How to read a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Detected if it is not given.
    pub format: Option<Format>,
    /// Of a boosted model.
    pub iterations: Iterations,
}

/// As [`read`], with options, and what is worth saying.
///
/// # Errors
/// As [`read`]; [`IterationsError`] for iterations that the file does not have.
pub fn read_with(bytes: &[u8], options: ImportOptions) -> Result<Imported, ImportError> {
    let ImportOptions { format, iterations } = options;
    if let Some(foreign) = Foreign::detect(bytes) {
        return Err(ImportError::Foreign(foreign));
    }
    let Some(format) = format.or_else(|| detect(bytes)) else {
        let own = bytes.starts_with(b"{") && find(bytes, b"\"tenebra-model\"");
        return Err(if own {
            ImportError::Tenebra
        } else {
            ImportError::NotRecognized
        });
    };
    Ok(match format {
        Format::Xgboost => xgboost::read(bytes, iterations)?,
        Format::Lightgbm => lightgbm::read(&String::from_utf8_lossy(bytes), iterations)?,
        Format::Onnx if iterations != Iterations::Library => {
            return Err(IterationsError::NotTrees.into());
        }
        Format::Onnx => {
            let (model, notes) = onnx::read_noting(bytes)?;
            Imported { model, notes }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognized() {
        for (bytes, format) in [
            (&b"tree\nversion=v4\n"[..], Some(Format::Lightgbm)),
            (b" {\"learner\": {}}", Some(Format::Xgboost)),
            (b"{L\0\0\0\0\0\0\0\x07learner{", Some(Format::Xgboost)),
            (b"\x08\x0a\x12\x08skl2onnx", Some(Format::Onnx)),
            (b"{\"format\":\"tenebra-model\"}", None),
            (b"a,b\n1,2\n", None),
            (b"", None),
        ] {
            assert_eq!(detect(bytes), format, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_not_recognized_says_what_is() {
        let message = |bytes: &[u8]| read(bytes, None).unwrap_err().to_string();
        assert!(message(b"a,b\n").contains("xgboost, lightgbm, onnx"));
        assert!(message(b"{\"format\":\"tenebra-model\"}").contains("already"));
        assert!(
            "onxx"
                .parse::<Format>()
                .unwrap_err()
                .to_string()
                .contains("known: xgboost, lightgbm, onnx")
        );
        assert_eq!("onnx".parse::<Format>().unwrap(), Format::Onnx);
    }
}
