//! The steps of a pipeline before it is trained.

use core::fmt;

use super::error::PipelineError;
use super::registry::{TransformerInfo, transformers};
use crate::train::{Params, TrainError};

/// A transformer with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformer {
    pub(super) info: &'static TransformerInfo,
    pub(super) params: Params,
    /// What was set, in order.
    set: Vec<(String, String)>,
}

/// Which columns a branch takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Those whose cells are words.
    Words,
    /// Those whose cells are numbers.
    Numbers,
    /// These, by name.
    Names(Vec<String>),
    /// Those that no branch before it takes.
    Rest,
}

/// Some columns, and what is done to them; nothing drops them.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Which columns.
    pub columns: Selector,
    /// The steps; empty to pass the columns on as they are.
    pub stages: Vec<Stage>,
}

/// A step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Of all columns.
    All(Transformer),
    /// scikit-learn's `ColumnTransformer`: the results of the branches side by side. Columns that no branch takes are dropped.
    Columns(Vec<Branch>),
}

impl Transformer {
    /// The transformer of this name with default parameters; case, `-` and `_` do not matter.
    ///
    /// # Errors
    /// [`PipelineError::UnknownTransformer`] lists the names there are.
    pub fn new(name: &str) -> Result<Self, PipelineError> {
        let wanted = plain(name);
        let found = transformers().find(|info| {
            plain(info.name) == wanted || info.short.is_some_and(|short| plain(short) == wanted)
        });
        let info = found.ok_or_else(|| unknown(name))?;
        Ok(Self {
            info,
            params: Params::defaults(info.params),
            set: Vec::new(),
        })
    }

    /// What is known about it.
    #[must_use]
    pub fn info(&self) -> &'static TransformerInfo {
        self.info
    }

    /// Sets a parameter from text.
    ///
    /// # Errors
    /// [`TrainError::UnknownParameter`] lists the known ones, [`TrainError::ParameterValue`] says the range.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TrainError> {
        self.params
            .set(self.info.name, self.info.params, name, value)?;
        self.set.retain(|(other, _)| other != name);
        self.set.push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}

fn unknown(name: &str) -> PipelineError {
    PipelineError::UnknownTransformer {
        name: name.to_owned(),
        known: transformers().map(TransformerInfo::command).collect(),
    }
}

pub(super) fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_'));
    letters.flat_map(char::to_lowercase).collect()
}

impl fmt::Display for Transformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.info.command_name())?;
        if self.set.is_empty() {
            return Ok(());
        }
        let set: Vec<String> = self.set.iter().map(|(n, v)| format!("{n}={v}")).collect();
        write!(f, "({})", set.join(", "))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words => f.write_str("words"),
            Self::Numbers => f.write_str("numbers"),
            Self::Rest => f.write_str("rest"),
            Self::Names(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                f.write_str(&quoted.join(", "))
            }
        }
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.columns)?;
        if self.stages.is_empty() {
            return f.write_str("passthrough");
        }
        write_stages(f, &self.stages)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(transformer) => transformer.fmt(f),
            Self::Columns(branches) => {
                f.write_str("column-transformer(")?;
                for (at, branch) in branches.iter().enumerate() {
                    write!(f, "{}{branch}", if at > 0 { "; " } else { "" })?;
                }
                f.write_str(")")
            }
        }
    }
}

pub(super) fn write_stages(f: &mut fmt::Formatter<'_>, stages: &[Stage]) -> fmt::Result {
    for (at, stage) in stages.iter().enumerate() {
        write!(f, "{}{stage}", if at > 0 { " | " } else { "" })?;
    }
    Ok(())
}
