//! `server.tnb`: what a server needs to evaluate a model, and its owner to look at it.
//!
//! A frame of kind [`Kind::ServerProgram`] that carries the id of the client spec. Its payload is four sections, each a
//! `u64` length (little-endian) and as many bytes, and nothing after them:
//!
//! 1. the framed client spec, as in `client.tnb`: layouts, failure probability, id;
//! 2. the circuit in its text form, UTF-8;
//! 3. the float model as JSON, UTF-8; empty where the owner does not hand it out;
//! 4. the report as JSON, UTF-8.
//!
//! The circuit is parsed and verified again when the file is opened, and the layouts are checked against it: a file that
//! was tampered with may compute something else, but it cannot overflow or fail to decrypt. The service reads the first
//! two sections; the others are the business of the program that wrote them.

use core::str::from_utf8;

use tenebra_circuit::{Circuit, Interval, Verified};
use tenebra_client::branching::ValidBranching;
use tenebra_client::frame::HEADER_LEN;
use tenebra_client::linear::ValidLinear;
use tenebra_client::scheme::cipher::Cipher;
use tenebra_client::{
    ClientSpec, Frame, FrameError, KeyTag, Kind, SpecError, SpecFile, SpecId, frame_len, to_frame,
};
use thiserror::Error;

use crate::branching::kernel::pair_polynomials;
use crate::branching::packed::Switches;
use crate::report::PlanLayout;
use crate::{EvaluateError, EvaluateOptions, EvaluationKey, PlanError, Program};

/// Bytes from which [`client_spec_end`] tells how far the client spec reaches: the frame's header, the section's length.
pub const HEAD_LEN: usize = HEADER_LEN + 8;

/// Why bytes are not a server program.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The frame around it was refused.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A section is missing, cut off or not text.
    #[error("the server program ends or is malformed at its {0}; compile the model again")]
    Malformed(&'static str),
    /// The client spec in it was refused.
    #[error("client spec: {0}")]
    Spec(#[from] SpecError),
    /// Frame and client spec name two models.
    #[error("the server program is framed for model {frame}, its client spec is model {spec}")]
    OtherModel {
        /// Spec id of the frame.
        frame: SpecId,
        /// Spec id of the client spec.
        spec: SpecId,
    },
    /// The circuit's text was refused.
    #[error("circuit: {0}")]
    CircuitText(#[from] tenebra_circuit::ParseError),
    /// The circuit was refused.
    #[error("circuit: {0}")]
    Circuit(#[from] tenebra_circuit::VerifyErrors),
    /// The spec does not run the circuit.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Verifying the circuit would take more memory than its size is good for.
    #[error(
        "the circuit would take about {needed} bytes of memory, a file of this size may take {allowed}; use fewer or larger trees"
    )]
    TooCostly {
        /// Bytes, estimated from the text.
        needed: u64,
        /// Bytes: [`PREPARING_BYTES`], and [`PREPARING_FACTOR`] times the file's.
        allowed: u64,
    },
}

/// Verifying and preparing a server program may take so much memory in any case.
pub const PREPARING_BYTES: u64 = 128 << 20;
/// And as many times its size.
pub const PREPARING_FACTOR: u64 = 4;

/// The sections of a server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerFile<'a> {
    /// The framed client spec.
    pub client: &'a [u8],
    /// The circuit's text form.
    pub circuit: &'a str,
    /// The float model as JSON, or empty.
    pub model: &'a str,
    /// The report as JSON.
    pub report: &'a str,
}

impl<'a> ServerFile<'a> {
    /// Takes a framed server program apart.
    ///
    /// # Errors
    /// [`ProgramError::Frame`], [`ProgramError::Malformed`], [`ProgramError::Spec`], [`ProgramError::OtherModel`].
    pub fn parse(bytes: &'a [u8]) -> Result<ParsedFile<'a>, ProgramError> {
        let frame = Frame::parse(bytes, Kind::ServerProgram)?;
        let mut rest = frame.payload;
        let sections = Self {
            client: section(&mut rest, "client spec")?,
            circuit: text(section(&mut rest, "circuit")?, "circuit")?,
            model: text(section(&mut rest, "model")?, "model")?,
            report: text(section(&mut rest, "report")?, "report")?,
        };
        if !rest.is_empty() {
            return Err(ProgramError::Malformed("end"));
        }
        let file = SpecFile::parse(sections.client)?;
        let spec_id = file.spec().id();
        if spec_id != frame.spec_id {
            return Err(ProgramError::OtherModel {
                frame: frame.spec_id,
                spec: spec_id,
            });
        }
        Ok(ParsedFile { sections, file })
    }

    /// The framed bytes, under the id of the client spec.
    ///
    /// # Errors
    /// [`ProgramError::Spec`].
    pub fn encode(&self) -> Result<Vec<u8>, ProgramError> {
        let spec_id = ClientSpec::parse(self.client)?.id();
        let mut payload = Vec::new();
        let texts = [self.circuit, self.model, self.report].map(str::as_bytes);
        for section in [self.client].into_iter().chain(texts) {
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
}

/// A server program whose client spec passed its door and whose circuit did not yet.
#[derive(Debug)]
pub struct ParsedFile<'a> {
    /// As they stand in the file.
    pub sections: ServerFile<'a>,
    /// The client spec.
    pub file: SpecFile,
}

impl ParsedFile<'_> {
    /// Refuses a circuit whose text is short for what it takes in memory, as trees of one leaf are, before anything is made of it.
    ///
    /// # Errors
    /// [`ProgramError::TooCostly`].
    pub fn check_cost(&self) -> Result<(), ProgramError> {
        let needed = self.sections.circuit.bytes().map(cost_of_byte).sum();
        let size = self.sections.circuit.len() as u64;
        let allowed = PREPARING_BYTES + PREPARING_FACTOR * size;
        if needed > allowed {
            return Err(ProgramError::TooCostly { needed, allowed });
        }
        Ok(())
    }

    /// The circuit, parsed, verified, and checked to take every code of the client spec and give no other outputs.
    ///
    /// # Errors
    /// [`ProgramError::CircuitText`], [`ProgramError::Circuit`], [`ProgramError::Malformed`].
    pub fn circuit(&self) -> Result<Verified, ProgramError> {
        let circuit = Verified::try_from(self.sections.circuit.parse::<Circuit>()?)?;
        check_ranges(&self.file.spec(), &circuit)?;
        Ok(circuit)
    }

    /// Prepares it for evaluation; `circuit` is its own, from [`circuit`](Self::circuit).
    ///
    /// # Errors
    /// [`ProgramError::Plan`].
    pub fn prepare(&self, circuit: &Verified) -> Result<ServerProgram, ProgramError> {
        let spec = self.file.spec();
        Ok(ServerProgram {
            spec_id: spec.id(),
            program: Program::for_spec(circuit, &spec)?,
            client: self.file.clone(),
        })
    }
}

/// A model ready to be evaluated.
#[derive(Debug)]
pub struct ServerProgram {
    client: SpecFile,
    spec_id: SpecId,
    program: Program,
}

impl ServerProgram {
    /// Reads a framed server program, verifies it and prepares it for evaluation.
    ///
    /// # Errors
    /// [`ProgramError`] with the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProgramError> {
        let file = ServerFile::parse(bytes)?;
        file.prepare(&file.circuit()?)
    }

    /// The framed client spec.
    #[must_use]
    pub fn client(&self) -> &[u8] {
        self.client.bytes()
    }

    /// The client spec.
    #[must_use]
    pub fn spec(&self) -> ClientSpec<'_> {
        self.client.spec()
    }

    /// Name of the client spec on every message.
    #[must_use]
    pub fn spec_id(&self) -> SpecId {
        self.spec_id
    }

    /// Whether queries need the evaluation key of the client that made them.
    #[must_use]
    pub fn needs_evaluation_key(&self) -> bool {
        self.program.evaluation_key_bytes().is_some()
    }

    /// Bytes of memory that it keeps besides its file, about: of a linear model, its transformed weights; of a forest, its clear polynomials and
    /// joint tables, and what each of the evaluations works in that ever ran at the same time, as fresh memory costs more than the arithmetic on it.
    #[must_use]
    pub fn working_bytes(&self, evaluations: usize) -> u64 {
        let mut plans = self.program.report();
        if let Some(PlanLayout::Branching(_)) = plans.first().map(|plan| &plan.layout) {
            plans.truncate(1);
        }
        let bytes = plans.iter().map(|plan| match &plan.layout {
            PlanLayout::Linear(layout) => linear_bytes(layout, self.program.output_ranges().len()),
            PlanLayout::Branching(layout) => {
                branching_bytes(layout, plan.external_products).saturating_mul(evaluations as u64)
            }
            PlanLayout::Network(_, bytes) => bytes.saturating_mul(evaluations as u64),
        });
        self.program.kept_bytes() + bytes.sum::<u64>()
    }

    /// Milliseconds that the evaluation of its largest query is predicted to take on one core.
    #[must_use]
    pub fn predicted_ms(&self) -> f64 {
        let plans = self.program.report();
        let times = plans.iter().map(|plan| plan.predicted_evaluate_ms);
        times.fold(0.0, f64::max)
    }

    /// Prepares a framed evaluation key of this model, once for all queries made with its secret key.
    ///
    /// # Errors
    /// [`EvaluateError`]: damaged bytes, a key of another model, a model without evaluation keys.
    pub fn prepare_key(&self, key: &[u8]) -> Result<EvaluationKey, EvaluateError> {
        self.program.prepare_key(self.spec_id, key)
    }

    /// Evaluates a framed query into a framed response; packed queries need the key of the client that made them.
    ///
    /// # Errors
    /// [`EvaluateError`]: damaged bytes, a query of another model, no key where one is needed.
    pub fn evaluate(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
    ) -> Result<Vec<u8>, EvaluateError> {
        self.program.evaluate(self.spec_id, key, query)
    }

    /// As [`evaluate`](Self::evaluate), on several threads, or to be given up.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate); [`EvaluateError::Stopped`], [`EvaluateError::Threads`].
    pub fn evaluate_with(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
        options: EvaluateOptions<'_>,
    ) -> Result<Vec<u8>, EvaluateError> {
        self.program
            .evaluate_with(self.spec_id, key, query, options)
    }
}

/// A polynomial of weights for each group of outputs and block of inputs, with three limbs of 64 bits a coefficient.
fn linear_bytes(layout: &ValidLinear, outputs: usize) -> u64 {
    let layout = layout.layout();
    let groups = outputs.div_ceil(layout.group.max(1) as usize) as u64;
    groups * u64::from(layout.blocks) * u64::from(layout.glwe.polynomial_size) * 24
}

/// The bits of a row as GGSW ciphertexts in the Fourier domain, a ciphertext for each function of one code, which takes as many products as the
/// code has bits: a few; of a packed query, the pairs of slots, which have a body for each row, and what rows have of their masks in common.
fn branching_bytes(layout: &ValidBranching, external_products: usize) -> u64 {
    let plain = layout.layout();
    let (columns, rows) = (
        u64::from(plain.glwe.glwe_dimension) + 1,
        u64::from(plain.max_rows),
    );
    let of_bits = u64::from(plain.input_bits) * u64::from(plain.level_count) * columns;
    let ciphertexts = of_bits + external_products as u64 / 4;
    let of_pair = plain.packing.map_or(0, |packing| match rows {
        1 => 2,
        _ => 1 + rows + pair_polynomials(packing.scheme_switch),
    });
    let pairs = if of_pair > 0 {
        Switches::of_query(layout).pairs() as u64
    } else {
        0
    };
    (ciphertexts * columns + pairs * of_pair) * u64::from(plain.glwe.polynomial_size) * 8
}

/// How many first bytes of a framed server program hold its client spec, from its first [`HEAD_LEN`] bytes.
#[must_use]
pub fn client_spec_end(head: &[u8; HEAD_LEN]) -> Option<u64> {
    let (_, length) = head.split_last_chunk()?;
    u64::from_le_bytes(*length).checked_add(HEAD_LEN as u64)
}

/// Lengths of every query that a client of this spec may send, framed, in increasing order.
#[must_use]
pub fn query_lengths(spec: &ClientSpec<'_>) -> Vec<usize> {
    let mut lengths = Vec::new();
    let scheme = spec.scheme();
    scheme.each_query_len(&mut |len| lengths.push(frame_len(len)));
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// Bytes of the framed response to a query of one row.
#[must_use]
pub fn response_length(spec: &ClientSpec<'_>) -> usize {
    frame_len(spec.scheme().response_len(1))
}

/// Bytes of memory that a prepared evaluation key takes.
#[must_use]
pub fn prepared_key_bytes(spec: &ClientSpec<'_>) -> u64 {
    spec.scheme().prepared_key_bytes()
}

/// Bytes of memory that a circuit takes for what this byte of its text begins or ends, from the text until it is planned; measured.
fn cost_of_byte(byte: u8) -> u64 {
    match byte {
        // A list, of which a tree is one and each of its leaves another.
        b'[' => 180,
        // An operation.
        b'=' => 250,
        // An output, a node or an entry with its place.
        b':' => 64,
        // An integer of a list.
        b',' => 24,
        _ => 0,
    }
}

/// The next section; `rest` is what follows it.
fn section<'a>(rest: &mut &'a [u8], what: &'static str) -> Result<&'a [u8], ProgramError> {
    let malformed = || ProgramError::Malformed(what);
    let (length, bytes) = rest.split_first_chunk().ok_or_else(malformed)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| malformed())?;
    let (section, after) = bytes.split_at_checked(length).ok_or_else(malformed)?;
    *rest = after;
    Ok(section)
}

fn text<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a str, ProgramError> {
    from_utf8(bytes).map_err(|_| ProgramError::Malformed(what))
}

/// Every code that the client may send is within the circuit's inputs, and its outputs within what the client decodes.
fn check_ranges(spec: &ClientSpec<'_>, circuit: &Verified) -> Result<(), ProgramError> {
    let (inputs, outputs) = (circuit.input_ranges(), circuit.output_ranges());
    let input_fits = |(range, input): (&Interval, tenebra_client::Input<'_>)| {
        let (min, max) = input.code_range();
        range.min <= min && max <= range.max
    };
    let output_fits = |(range, output): (&Interval, tenebra_client::Output)| {
        output.min == range.min && range.max <= output.max
    };
    if inputs.len() != spec.input_count() || !inputs.iter().zip(spec.inputs()).all(input_fits) {
        return Err(ProgramError::Malformed("input ranges"));
    }
    if outputs.len() != spec.output_count() || !outputs.iter().zip(spec.outputs()).all(output_fits)
    {
        return Err(ProgramError::Malformed("output ranges"));
    }
    Ok(())
}
