//! The client spec: all that a data owner needs, and nothing that is secret.
//!
//! A spec is hostile until [`ClientSpec::parse`] accepted it: every field is in range, every codec is sound, the
//! parameters are at least 128 bits secure. It borrows from its bytes and allocates nothing.

pub(crate) mod error;
#[cfg(feature = "alloc")]
mod file;
#[cfg(feature = "alloc")]
mod owned;
mod preprocessing;
mod words;

use sha2::{Digest, Sha256};
use tenebra_quant::{Decision, InverseLink, Output};

use crate::cursor::Cursor;
use crate::frame::{Frame, FrameError, Kind, SpecId};
use crate::ports::{Input, PortSections, Ports, Section, codec, read_output};
use crate::random::{absorb, finish};
use crate::scheme::Scheme;
use crate::scheme::cipher::Cipher;
use crate::scheme::layout::MAX_PORT;
use crate::scheme::linear::hiding::Hiding;

pub use error::SpecError;
#[cfg(feature = "alloc")]
pub use file::SpecFile;
#[cfg(feature = "alloc")]
pub use owned::{MAX_NAME_BYTES, OwnedSpec};
pub use preprocessing::{List, Step};
pub use words::ColumnWords;

/// A client spec that passed its door.
#[derive(Clone, Debug)]
pub struct ClientSpec<'a> {
    payload: &'a [u8],
    facts: Facts,
}

/// What was read of a spec, and where the rest is found in its payload.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    id: SpecId,
    p_fail_log2: f64,
    scheme: Scheme,
    ports: PortSections,
    inverse_link: InverseLink,
    decision: Decision,
    classes: Section,
    names: Section,
    estimator: Section,
    words: Section,
}

impl<'a> ClientSpec<'a> {
    /// Reads a framed client spec and checks everything in it.
    ///
    /// # Errors
    ///
    /// [`SpecError`] with the first thing that is wrong; insecure parameters are refused whatever the server says.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SpecError> {
        let frame = Frame::parse(bytes, Kind::ClientSpec)?;
        let spec = Self::parse_payload(frame.payload)?;
        if frame.spec_id != spec.id() {
            return Err(SpecError::Frame(FrameError::Model {
                kind: Kind::ClientSpec,
                wanted: spec.id(),
                found: frame.spec_id,
            }));
        }
        Ok(spec)
    }

    /// As [`parse`](Self::parse), for a payload without its frame.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    #[doc(hidden)]
    pub fn parse_payload(payload: &'a [u8]) -> Result<Self, SpecError> {
        let mut cursor = Cursor::new(payload);
        let p_fail_log2 = cursor
            .f64()
            .filter(|p| p.is_finite() && *p < 0.0)
            .ok_or(SpecError::Malformed("failure probability"))?;
        let inputs = read_count(&mut cursor, "number of inputs", 1)?;
        let outputs = read_count(&mut cursor, "number of outputs", 1)?;
        let scheme = read_scheme(&mut cursor, (inputs, outputs))?;
        let columns = read_count(&mut cursor, "number of columns", 1)?;
        let steps = preprocessing::read(&mut cursor, columns)?;
        let values = columns.saturating_add(steps.count);
        let inputs = Section::read(&mut cursor, inputs, "inputs", |cursor, index| {
            codec::read_input(cursor, index, values).map(drop)
        })?;
        let width = scheme.output_bits();
        let outputs = Section::read(&mut cursor, outputs, "outputs", |cursor, index| {
            let output = read_output(cursor).ok_or(SpecError::Malformed("outputs"))?;
            check_output(output, index, width)
        })?;
        let ports = PortSections {
            columns,
            steps,
            inputs,
            outputs,
        };
        scheme.check_inputs(Ports {
            payload,
            sections: ports,
        })?;
        match cursor.u8() {
            Some(READOUT_VERSION) => {}
            Some(found) => return Err(SpecError::UnknownReadout(found)),
            None => return Err(SpecError::Malformed("readout")),
        }
        let inverse_link = cursor
            .u8()
            .and_then(link_from_code)
            .ok_or(SpecError::Malformed("inverse link"))?;
        let decision = cursor
            .u8()
            .and_then(decision_from_code)
            .ok_or(SpecError::Malformed("decision"))?;
        let classes = read_strings(&mut cursor, "class names")?;
        check_decision(decision, outputs.count, classes.count)?;
        let names = read_strings(&mut cursor, "column names")?;
        if names.count != 0 && names.count != columns {
            return Err(SpecError::Malformed("column names"));
        }
        let estimator = Section::read(&mut cursor, 1, "estimator", |cursor, _| {
            cursor
                .str()
                .map(drop)
                .ok_or(SpecError::Malformed("estimator"))
        })?;
        let words = words::read(&mut cursor, columns)?;
        if !cursor.rest().is_empty() {
            return Err(SpecError::Malformed("end"));
        }
        let facts = Facts {
            id: spec_id(payload),
            p_fail_log2,
            scheme,
            ports,
            inverse_link,
            decision,
            classes,
            names,
            estimator,
            words,
        };
        Ok(Self { payload, facts })
    }

    /// Its name on every message.
    #[must_use]
    pub fn id(&self) -> SpecId {
        self.facts.id
    }

    /// The bytes it was read from, without the frame.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// log2 of the probability that any output of one inference is wrong.
    #[must_use]
    pub fn p_fail_log2(&self) -> f64 {
        self.facts.p_fail_log2
    }

    /// How it is encrypted.
    #[doc(hidden)]
    #[must_use]
    pub fn scheme(&self) -> &Scheme {
        &self.facts.scheme
    }

    /// Inputs and outputs of the circuit.
    #[doc(hidden)]
    #[must_use]
    pub fn ports(&self) -> Ports<'a> {
        Ports {
            payload: self.payload,
            sections: self.facts.ports,
        }
    }

    /// How a linear model is hidden from its clients, if it is.
    #[must_use]
    pub fn hiding(&self) -> Option<&Hiding> {
        self.facts.scheme.linear()?.hiding()
    }

    /// Most rows of one query.
    #[must_use]
    pub fn max_rows(&self) -> usize {
        self.facts.scheme.max_rows()
    }

    /// Columns of the model's feature matrix.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.facts.ports.columns as usize
    }

    /// Codecs in the order of the circuit's inputs; columns that the model does not use have none, and a column may be a value
    /// behind them, see [`steps`](Self::steps).
    pub fn inputs(&self) -> impl Iterator<Item = Input<'a>> + Clone + use<'a> {
        self.ports().inputs()
    }

    /// Inputs of the circuit for one row.
    #[must_use]
    pub fn input_count(&self) -> usize {
        self.facts.ports.inputs.count as usize
    }

    /// Scales and ranges of the outputs.
    pub fn outputs(&self) -> impl Iterator<Item = Output> + use<'a> {
        self.ports().outputs()
    }

    /// Output `index`, in constant time.
    #[must_use]
    pub fn output(&self, index: usize) -> Option<Output> {
        self.ports().output(index)
    }

    /// Outputs of the circuit for one row.
    #[must_use]
    pub fn output_count(&self) -> usize {
        self.ports().output_count()
    }

    /// From scores to what `predict_proba` returns.
    #[must_use]
    pub fn inverse_link(&self) -> InverseLink {
        self.facts.inverse_link
    }

    /// From scores to a class.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.facts.decision
    }

    /// Names of the classes, empty for a regression.
    pub fn classes(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.facts.classes.strings(self.payload)
    }

    /// Names of the columns, empty if the model knows none.
    pub fn column_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.facts.names.strings(self.payload)
    }

    /// What kind of model it is, for people.
    #[must_use]
    pub fn estimator(&self) -> &'a str {
        let mut strings = self.facts.estimator.strings(self.payload);
        strings.next().unwrap_or_default()
    }
}

/// Version of what is said of the way from scores to predictions.
const READOUT_VERSION: u8 = 1;

/// The parameters of the scheme, which stand behind its number and their length: so what follows them can be read of any scheme.
fn read_scheme(cursor: &mut Cursor<'_>, ports: (u32, u32)) -> Result<Scheme, SpecError> {
    const MALFORMED: SpecError = SpecError::Malformed("scheme");
    let code = cursor.u8().ok_or(MALFORMED)?;
    let len = cursor.u32().ok_or(MALFORMED)?;
    let before = cursor.rest().len();
    let scheme = Scheme::read(cursor, code, ports)?;
    if before - cursor.rest().len() == len as usize {
        Ok(scheme)
    } else {
        Err(MALFORMED)
    }
}

fn spec_id(payload: &[u8]) -> SpecId {
    let mut id = [0; 16];
    let mut hash = Sha256::new();
    absorb(&mut hash, payload);
    id.copy_from_slice(&finish(&mut hash)[..16]);
    SpecId(id)
}

fn read_count(cursor: &mut Cursor<'_>, what: &'static str, min: u32) -> Result<u32, SpecError> {
    let value = cursor.u32().ok_or(SpecError::Malformed(what))?;
    if value < min || value > MAX_PORT {
        return Err(SpecError::Count {
            what,
            value,
            min,
            max: MAX_PORT,
        });
    }
    Ok(value)
}

fn read_strings(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Section, SpecError> {
    let count = read_count(cursor, what, 0)?;
    Section::read(cursor, count, what, |cursor, _| {
        cursor.str().map(drop).ok_or(SpecError::Malformed(what))
    })
}

/// The range is not empty, lies within ±2^62 and fits the bits of an output; the scale is finite.
fn check_output(output: Output, index: u32, bits: u8) -> Result<(), SpecError> {
    let limit = 1i64 << 62;
    let span = output.max.checked_sub(output.min);
    let fits = span.is_some_and(|span| span >= 0 && (bits >= 63 || span >> bits == 0));
    let sound = fits
        && output.min >= -limit
        && output.max <= limit
        && output.scale.is_finite()
        && output.offset.is_finite();
    if sound {
        Ok(())
    } else {
        Err(SpecError::Output(index))
    }
}

fn check_decision(decision: Decision, outputs: u32, classes: u32) -> Result<(), SpecError> {
    let (sound, needed) = match decision {
        Decision::Threshold => (outputs == 1 && classes == 2, "one output and two"),
        Decision::ArgMax => (outputs == classes && classes >= 2, "two or more"),
        _ => (classes == 0, "any number of outputs and no"),
    };
    if sound {
        Ok(())
    } else {
        Err(SpecError::Decision {
            needed,
            outputs,
            classes,
        })
    }
}

/// Inverse links by their code on the wire.
const LINKS: [InverseLink; 5] = [
    InverseLink::Identity,
    InverseLink::Exp,
    InverseLink::Sigmoid,
    InverseLink::SigmoidNormalized,
    InverseLink::Softmax,
];

/// Decisions by their code on the wire.
const DECISIONS: [Decision; 3] = [Decision::None, Decision::Threshold, Decision::ArgMax];

fn link_from_code(code: u8) -> Option<InverseLink> {
    LINKS.get(usize::from(code)).copied()
}

fn decision_from_code(code: u8) -> Option<Decision> {
    DECISIONS.get(usize::from(code)).copied()
}
