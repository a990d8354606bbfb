//! `server.tnb` as its owner sees it: the program that a server runs, with the circuit, the float model and the report.
//!
//! The bytes are those of [`tenebra_tfhe::server_program`], whose door every file passes, here and in the service. This program
//! fills a section that a server does not read, the [`Report`] as JSON. The float model has a file of its own beside it, so that
//! whoever sends `server.tnb` anywhere does not send the float model; files of earlier versions hold it.

use tenebra_circuit::{Circuit, Verified};
use tenebra_client::SpecId;
use tenebra_models::Model;
use tenebra_tfhe::server_program::{self, ProgramError, ServerFile};
use tenebra_tfhe::{EvaluateOptions, EvaluationKey};

use crate::error::Error;
use crate::report::Report;

/// A server program that passed its door.
#[derive(Debug)]
pub struct ServerProgram {
    program: server_program::ServerProgram,
    circuit: Verified,
    model: String,
    report: Report,
}

/// The framed bytes.
pub(crate) fn encode(client: &[u8], circuit: &Circuit, report: &Report) -> Result<Vec<u8>, Error> {
    let report = serde_json::to_string(report).map_err(|_| ProgramError::Malformed("report"))?;
    let file = ServerFile {
        client,
        circuit: &circuit.to_string(),
        model: "",
        report: &report,
    };
    Ok(file.encode()?)
}

impl ServerProgram {
    /// Reads a framed server program, verifies its circuit and prepares it for evaluation.
    ///
    /// # Errors
    /// [`Error::Program`] with the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let file = ServerFile::parse(bytes)?;
        let circuit = file.circuit()?;
        let report = serde_json::from_str(file.sections.report);
        Ok(Self {
            program: file.prepare(&circuit)?,
            circuit,
            model: file.sections.model.to_owned(),
            report: report.map_err(|_| ProgramError::Malformed("report"))?,
        })
    }

    /// The framed client spec it was compiled with.
    #[must_use]
    pub fn client(&self) -> &[u8] {
        self.program.client()
    }

    /// Name of the client spec on every message.
    #[must_use]
    pub fn spec_id(&self) -> SpecId {
        self.program.spec_id()
    }

    /// The circuit.
    #[must_use]
    pub fn circuit(&self) -> &Verified {
        &self.circuit
    }

    /// What it costs.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The float model it was compiled from, where an earlier version put it into the file.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn model(&self) -> Result<Option<Model>, Error> {
        if self.model.is_empty() {
            return Ok(None);
        }
        Ok(Some(Model::from_json(&self.model)?))
    }

    /// Whether queries need the evaluation key of the client that made them.
    #[must_use]
    pub fn needs_evaluation_key(&self) -> bool {
        self.program.needs_evaluation_key()
    }

    /// Prepares a framed evaluation key, once for all queries made with its secret key.
    ///
    /// # Errors
    /// [`Error::Evaluate`]: damaged bytes, a key of another model.
    pub fn prepare_key(&self, bytes: &[u8]) -> Result<EvaluationKey, Error> {
        Ok(self.program.prepare_key(bytes)?)
    }

    /// Evaluates a framed query into a framed response on `threads` threads: the server's whole work.
    ///
    /// # Errors
    /// [`Error::Evaluate`]: damaged bytes, a query of another model, no evaluation key where one is needed.
    pub fn evaluate(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
        threads: usize,
    ) -> Result<Vec<u8>, Error> {
        let options = EvaluateOptions {
            threads,
            stop: None,
        };
        Ok(self.program.evaluate_with(key, query, options)?)
    }
}
