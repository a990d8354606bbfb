//! A model scored in all three ways on the same rows: what the demo and the table of examples show.

use serde::Serialize;
use tenebra_client::ClientSpec;
use tenebra_models::data::Table;
use tenebra_models::{Model, Prediction};

use crate::codes::Codes;
use crate::compile::{CompileOptions, Compiled, compile};
use crate::error::Error;
use crate::evaluate::{self, Encrypted, Figures, Scored, peak_rss_bytes};
use crate::report::Report;
use crate::rows::Rows;
use crate::server_program::ServerProgram;

/// Scores, times and sizes of one case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// Name of the case.
    pub name: String,
    /// Name of the estimator.
    pub model: String,
    /// Rows scored.
    pub rows: usize,
    /// The score three times.
    pub metric: CaseMetric,
    /// Rows whose encrypted integers differ from the simulated ones; anything but 0 is a defect.
    pub mismatches: usize,
    /// Times and sizes.
    #[serde(flatten)]
    pub figures: Figures,
    /// Time of compilation.
    pub compile_ms: f64,
    /// Threads of one evaluation.
    pub threads: usize,
    /// Most memory that the process held so far.
    pub peak_rss_bytes: Option<u64>,
}

/// A score of the same rows in three ways; NaN where there was no target.
#[derive(Clone, Debug, Serialize)]
pub struct CaseMetric {
    /// `accuracy`, `r2` or `d2`.
    pub name: String,
    /// Of the float model.
    pub float: f64,
    /// Of the circuit on clear integers.
    pub simulated: f64,
    /// Of the circuit on ciphertexts.
    pub encrypted: f64,
}

/// A case with its predictions.
#[derive(Clone, Debug)]
pub struct Case {
    /// Scores, times and sizes.
    pub report: CaseReport,
    /// What compiling said.
    pub compiled: Report,
    /// The float model's predictions.
    pub float: Vec<Prediction>,
    /// The simulator's.
    pub simulated: Scored,
    /// Those from ciphertexts.
    pub encrypted: Scored,
}

/// Compiles a model and scores rows in all three ways. `encrypted` does it on ciphertexts, here or on a server.
///
/// # Errors
/// Whatever compiling and scoring say.
pub fn run_case(
    name: &str,
    model: &Model,
    calibration: Option<&Table>,
    rows: &Rows,
    options: &CompileOptions,
    encrypted: impl FnOnce(&Compiled, &ServerProgram) -> Result<Encrypted, Error>,
) -> Result<Case, Error> {
    let compiled = compile(model, calibration, options, &mut |_, _| {})?;
    let spec = ClientSpec::parse(&compiled.client)?;
    let server = ServerProgram::parse(&compiled.server)?;
    let float = evaluate::clear(model, rows)?;
    let simulated = evaluate::simulate(&server, &Codes::of(&spec, rows)?)?;
    let encrypted = encrypted(&compiled, &server)?;
    let score = |predictions: &[Prediction]| {
        let score = evaluate::score(model.metric(), predictions, rows, model.classes())?;
        Ok::<_, Error>(score.unwrap_or(f64::NAN))
    };
    let report = CaseReport {
        name: name.to_owned(),
        model: model.estimator().to_owned(),
        rows: rows.table.n_rows(),
        metric: CaseMetric {
            name: model.metric().to_string(),
            float: score(&float)?,
            simulated: score(&simulated.predictions)?,
            encrypted: score(&encrypted.scored.predictions)?,
        },
        mismatches: simulated.mismatches(&encrypted.scored),
        figures: encrypted.figures,
        compile_ms: compiled.report.compile_ms,
        threads: options.plan.threads,
        peak_rss_bytes: peak_rss_bytes(),
    };
    Ok(Case {
        report,
        compiled: compiled.report,
        float,
        simulated,
        encrypted: encrypted.scored,
    })
}
