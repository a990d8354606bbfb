//! `server.tnb`: what a server needs to evaluate a model, and its owner to look at it.
//!
//! A frame of kind [`Kind::ServerProgram`] that carries the id of the client spec. Its payload is four sections, each a
//! `u64` length (little-endian) and as many bytes, and nothing after them:
//!
//! 1. the framed client spec, as in `client.tnb`: layouts, failure probability, id;
//! 2. the circuit in its text form, UTF-8;
//! 3. the float model as JSON, UTF-8; empty where the owner does not hand it out;
//! 4. the [`Report`] as JSON, UTF-8.
//!
//! The circuit is parsed and verified again when the file is opened, and the layouts are checked against it: a file that
//! was tampered with may compute something else, but it cannot overflow or fail to decrypt.

use core::str::{Utf8Error, from_utf8};

use tenebra_circuit::{Circuit, Interval, Verified};
use tenebra_client::{ClientSpec, Frame, KeyTag, Kind, SpecId, to_frame};
use tenebra_models::Model;
use tenebra_tfhe::{EvaluationKey, Program};

use crate::error::Error;
use crate::report::Report;

/// A server program that passed its door.
#[derive(Debug)]
pub struct ServerProgram {
    client: Vec<u8>,
    spec_id: SpecId,
    circuit: Verified,
    program: Program,
    model: String,
    report: Report,
}

/// The framed bytes.
pub(crate) fn encode(
    spec_id: SpecId,
    client: &[u8],
    circuit: &Circuit,
    model: &Model,
    report: &Report,
) -> Result<Vec<u8>, Error> {
    let report = serde_json::to_string(report).map_err(|_| Error::ServerProgram("report"))?;
    let (circuit, model) = (circuit.to_string(), model.to_json()?);
    let mut payload = Vec::new();
    for section in [
        client,
        circuit.as_bytes(),
        model.as_bytes(),
        report.as_bytes(),
    ] {
        payload.extend((section.len() as u64).to_le_bytes());
        payload.extend(section);
    }
    Ok(to_frame(
        Kind::ServerProgram,
        spec_id,
        KeyTag::NONE,
        &payload,
    ))
}

impl ServerProgram {
    /// Reads a framed server program, verifies its circuit and prepares it for evaluation on `threads` threads.
    ///
    /// # Errors
    /// [`Error::Frame`], [`Error::ServerProgram`], [`Error::Spec`], [`Error::CircuitText`], [`Error::Circuit`],
    /// [`Error::Plan`]: the first thing that is wrong.
    pub fn parse(bytes: &[u8], threads: usize) -> Result<Self, Error> {
        let frame = Frame::parse(bytes, Kind::ServerProgram)?;
        let mut rest = frame.payload;
        let client = section(&mut rest, "client spec")?;
        let circuit = text(section(&mut rest, "circuit")?, "circuit")?;
        let model = text(section(&mut rest, "model")?, "model")?;
        let report = section(&mut rest, "report")?;
        if !rest.is_empty() {
            return Err(Error::ServerProgram("end"));
        }
        let spec = ClientSpec::parse(client)?;
        if spec.id() != frame.spec_id {
            return Err(Error::OtherModel {
                server: frame.spec_id,
                client: spec.id(),
            });
        }
        let circuit = Verified::try_from(circuit.parse::<Circuit>()?)?;
        check_ranges(&spec, &circuit)?;
        let program = Program::for_spec(&circuit, &spec, threads)?;
        let report = serde_json::from_slice(report).map_err(|_| Error::ServerProgram("report"))?;
        Ok(Self {
            client: client.to_vec(),
            spec_id: spec.id(),
            circuit,
            program,
            model: model.to_owned(),
            report,
        })
    }

    /// The framed client spec it was compiled with.
    #[must_use]
    pub fn client(&self) -> &[u8] {
        &self.client
    }

    /// Name of the client spec on every message.
    #[must_use]
    pub fn spec_id(&self) -> SpecId {
        self.spec_id
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

    /// The float model it was compiled from.
    ///
    /// # Errors
    /// [`Error::Model`].
    pub fn model(&self) -> Result<Model, Error> {
        Ok(Model::from_json(&self.model)?)
    }

    /// Whether queries need the evaluation key of the client that made them.
    #[must_use]
    pub fn needs_evaluation_key(&self) -> bool {
        self.program.evaluation_key_bytes().is_some()
    }

    /// Prepares a framed evaluation key, once for all queries made with its secret key.
    ///
    /// # Errors
    /// [`Error::Evaluate`]: damaged bytes, a key of another model.
    pub fn prepare_key(&self, bytes: &[u8]) -> Result<EvaluationKey, Error> {
        Ok(self.program.prepare_key(self.spec_id, bytes)?)
    }

    /// Evaluates a framed query into a framed response: the server's whole work.
    ///
    /// # Errors
    /// [`Error::Evaluate`]: damaged bytes, a query of another model, no evaluation key where one is needed.
    pub fn evaluate(&self, key: Option<&EvaluationKey>, query: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.program.evaluate(self.spec_id, key, query)?)
    }
}

/// The next section; `rest` is what follows it.
fn section<'a>(rest: &mut &'a [u8], what: &'static str) -> Result<&'a [u8], Error> {
    let malformed = || Error::ServerProgram(what);
    let (length, bytes) = rest.split_first_chunk().ok_or_else(malformed)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| malformed())?;
    let (section, after) = bytes.split_at_checked(length).ok_or_else(malformed)?;
    *rest = after;
    Ok(section)
}

fn text<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, Error> {
    from_utf8(bytes).map_err(|_: Utf8Error| Error::ServerProgram(what))
}

/// Every code that the client may send is within the circuit's inputs, and its outputs within what the client decodes.
fn check_ranges(spec: &ClientSpec<'_>, circuit: &Verified) -> Result<(), Error> {
    let (inputs, outputs) = (circuit.input_ranges(), circuit.output_ranges());
    let input_fits = |(range, input): (&Interval, tenebra_client::spec::Input<'_>)| {
        let (min, max) = input.code_range();
        range.min <= min && max <= range.max
    };
    let output_fits = |(range, output): (&Interval, tenebra_client::spec::Output)| {
        output.min == range.min && range.max <= output.max
    };
    if inputs.len() != spec.input_count() || !inputs.iter().zip(spec.inputs()).all(input_fits) {
        return Err(Error::ServerProgram("input ranges"));
    }
    if outputs.len() != spec.output_count() || !outputs.iter().zip(spec.outputs()).all(output_fits)
    {
        return Err(Error::ServerProgram("output ranges"));
    }
    Ok(())
}
