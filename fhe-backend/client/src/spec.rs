//! The client spec: all that a data owner needs, and nothing that is secret.
//!
//! A spec is hostile until [`ClientSpec::parse`] accepted it: every field is in range, every codec is sound, the
//! parameters are at least 128 bits secure. It borrows from its bytes and allocates nothing.

mod codec;
#[cfg(feature = "alloc")]
mod owned;
mod scheme;
mod words;

use sha2::{Digest, Sha256};

use crate::random::{absorb, finish};
use tenebra_quant::{Decision, InverseLink, QuantError};
use thiserror::Error;

pub use codec::{Cuts, Input, MAX_CUTS};
#[cfg(feature = "alloc")]
pub use owned::{MAX_NAME_BYTES, OwnedBranching, OwnedScheme, OwnedSpec};
use scheme::Scheme;
pub use scheme::{Digits, MAX_DIGITS, Radix};
pub use tenebra_quant::{Codec, Output};
pub use words::ColumnWords;

use crate::branching::ValidBranching;
use crate::cursor::Cursor;
use crate::frame::{Frame, FrameError, Kind, SpecId};
use crate::hiding::Hiding;
use crate::linear::{LayoutError, MAX_PORT, ValidLinear};
use crate::params::ValidGlwe;

/// Most plans of one spec: one for single rows, one for batches.
pub const MAX_PLANS: usize = 2;

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
    columns: u32,
    inputs: Section,
    outputs: Section,
    inverse_link: InverseLink,
    decision: Decision,
    classes: Section,
    names: Section,
    estimator: Section,
    words: Section,
}

/// `count` records that were read once and are read again on demand.
#[derive(Clone, Debug)]
struct Section {
    count: u32,
    /// Bytes from its first to the end of the payload.
    from_end: usize,
    len: usize,
}

impl Section {
    fn bytes<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        let rest = payload.len().checked_sub(self.from_end);
        let rest = rest.and_then(|start| payload.get(start..));
        rest.and_then(|rest| rest.get(..self.len)).unwrap_or(&[])
    }

    fn strings<'a>(&self, payload: &'a [u8]) -> impl Iterator<Item = &'a str> + use<'a> {
        let (count, mut cursor) = (self.count, Cursor::new(self.bytes(payload)));
        (0..count).map_while(move |_| cursor.str())
    }
}

/// Why bytes are not a client spec.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The frame around it is not one.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// It ends inside a field, or a string is not UTF-8.
    #[error("the client spec ends or is malformed at its {0}")]
    Malformed(&'static str),
    /// A scheme that this version does not know.
    #[error("scheme {0} is not known to this client; update it")]
    UnknownScheme(u8),
    /// A number is out of range.
    #[error("{what} is {value}; it must lie in {min}..={max}")]
    Count {
        /// Which number.
        what: &'static str,
        /// As read.
        value: u32,
        /// Least allowed.
        min: u32,
        /// Most allowed.
        max: u32,
    },
    /// A layout is malformed or insecure.
    #[error("plan {plan}: {source}")]
    Layout {
        /// Which plan.
        plan: usize,
        /// What is wrong with it.
        source: LayoutError,
    },
    /// A branching layout is malformed or insecure.
    #[error("parameters: {0}")]
    Branching(LayoutError),
    /// The digits do not fit the outputs, or the bits the inputs.
    #[error("the {0} of the spec do not agree with its parameters")]
    Disagree(&'static str),
    /// The codec of an input is unsound.
    #[error("codec of input {input}: {source}")]
    Codec {
        /// Which input.
        input: u32,
        /// What is wrong with it.
        source: QuantError,
    },
    /// An output has an empty or too wide range, or a scale that is not finite.
    #[error(
        "output {0} has an empty range, one wider than its plaintext bits, or a scale that is not finite"
    )]
    Output(u32),
    /// A name is too long for a spec.
    #[error(
        "the name of {what} {number} has {len} bytes, a client spec takes 255; choose a shorter one"
    )]
    Name {
        /// `column`, `class` or `estimator`.
        what: &'static str,
        /// Which of them, counted from 1.
        number: usize,
        /// Bytes of the name.
        len: usize,
    },
    /// Post-processing and number of scores or classes do not fit together.
    #[error(
        "the decision needs {needed} outputs and as many class names, the spec has {outputs} and {classes}"
    )]
    Decision {
        /// What the decision asks for, in words.
        needed: &'static str,
        /// Outputs there are.
        outputs: u32,
        /// Class names there are.
        classes: u32,
    },
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
        let code = cursor.u8().ok_or(SpecError::Malformed("scheme"))?;
        let p_fail_log2 = cursor
            .f64()
            .filter(|p| p.is_finite() && *p < 0.0)
            .ok_or(SpecError::Malformed("failure probability"))?;
        let features_outputs = (
            read_count(&mut cursor, "number of inputs", 1)?,
            read_count(&mut cursor, "number of outputs", 1)?,
        );
        let scheme = Scheme::read(&mut cursor, code, features_outputs)?;
        let columns = read_count(&mut cursor, "number of columns", 1)?;
        let inputs = read_section(
            &mut cursor,
            features_outputs.0,
            "inputs",
            |cursor, index| codec::read_input(cursor, index, columns).map(drop),
        )?;
        let width = scheme.output_bits();
        let outputs = read_section(
            &mut cursor,
            features_outputs.1,
            "outputs",
            |cursor, index| {
                check_output(
                    read_output(cursor).ok_or(SpecError::Malformed("outputs"))?,
                    index,
                    width,
                )
            },
        )?;
        let inverse_link = cursor
            .u8()
            .and_then(link_from_code)
            .ok_or(SpecError::Malformed("inverse link"))?;
        let decision = cursor
            .u8()
            .and_then(decision_from_code)
            .ok_or(SpecError::Malformed("decision"))?;
        let classes = read_strings(&mut cursor, "class names")?;
        check_decision(decision, features_outputs.1, classes.count)?;
        let names = read_strings(&mut cursor, "column names")?;
        if names.count != 0 && names.count != columns {
            return Err(SpecError::Malformed("column names"));
        }
        let estimator = read_section(&mut cursor, 1, "estimator", |cursor, _| {
            cursor
                .str()
                .map(drop)
                .ok_or(SpecError::Malformed("estimator"))
        })?;
        let words = words::read(&mut cursor, columns)?;
        if !cursor.rest().is_empty() {
            return Err(SpecError::Malformed("end"));
        }
        scheme.check_inputs(&inputs, payload, columns)?;
        let facts = Facts {
            id: spec_id(payload),
            p_fail_log2,
            scheme,
            columns,
            inputs,
            outputs,
            inverse_link,
            decision,
            classes,
            names,
            estimator,
            words,
        };
        Ok(Self { payload, facts })
    }

    /// The spec whose payload was read before.
    #[cfg(feature = "alloc")]
    pub(crate) fn of(payload: &'a [u8], facts: &Facts) -> Self {
        let facts = facts.clone();
        Self { payload, facts }
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn into_facts(self) -> Facts {
        self.facts
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

    /// The layouts of a linear circuit, of single rows first and of batches if there is one; none for others.
    #[doc(hidden)]
    pub fn plans(&self) -> impl Iterator<Item = &ValidLinear> {
        self.facts.scheme.plans().iter().flatten()
    }

    /// Plan `index` of a linear circuit.
    #[doc(hidden)]
    #[must_use]
    pub fn plan(&self, index: u8) -> Option<&ValidLinear> {
        self.facts.scheme.plans().get(usize::from(index))?.as_ref()
    }

    /// The plan of a linear circuit for a query of `rows` rows: the first that holds so many.
    #[doc(hidden)]
    #[must_use]
    pub fn plan_for(&self, rows: usize) -> Option<(u8, &ValidLinear)> {
        (0..)
            .zip(self.plans())
            .find(|(_, plan)| rows <= usize::from(plan.layout().max_rows))
    }

    /// Layout of a branching circuit, and how its values are cut into digits.
    #[doc(hidden)]
    #[must_use]
    pub fn branching(&self) -> Option<(&ValidBranching, Radix)> {
        self.facts.scheme.branching()
    }

    /// The digits of each output of a branching circuit.
    #[doc(hidden)]
    pub fn digits(&self) -> impl Iterator<Item = Digits> + use<'a> {
        self.facts
            .scheme
            .digits(self.facts.outputs.count, self.payload)
    }

    /// How a linear model is hidden from its clients, if it is.
    #[must_use]
    pub fn hiding(&self) -> Option<&Hiding> {
        self.facts.scheme.hiding()
    }

    /// Parameters of the secret keys, in the order of the key file.
    pub fn key_params(&self) -> impl Iterator<Item = ValidGlwe> {
        let branching = self.branching().map(|(layout, _)| layout.glwe());
        self.plans().map(ValidLinear::glwe).chain(branching)
    }

    /// Most rows of one query.
    #[must_use]
    pub fn max_rows(&self) -> usize {
        self.plans()
            .map(|plan| usize::from(plan.layout().max_rows))
            .max()
            .unwrap_or(1)
    }

    /// Columns of the model's feature matrix.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.facts.columns as usize
    }

    /// Codecs in the order of the circuit's inputs; columns that the model does not use have none.
    pub fn inputs(&self) -> impl Iterator<Item = Input<'a>> + Clone + use<'a> {
        let (count, columns) = (self.facts.inputs.count, self.facts.columns);
        let mut cursor = Cursor::new(self.facts.inputs.bytes(self.payload));
        // The section was read once by `parse`, so none of its records fails now.
        (0..count).map_while(move |index| codec::read_input(&mut cursor, index, columns).ok())
    }

    /// Inputs of the circuit for one row.
    #[must_use]
    pub fn input_count(&self) -> usize {
        self.facts.inputs.count as usize
    }

    /// Scales and ranges of the outputs.
    pub fn outputs(&self) -> impl Iterator<Item = Output> + use<'a> {
        let mut cursor = Cursor::new(self.facts.outputs.bytes(self.payload));
        let count = self.facts.outputs.count;
        (0..count).map_while(move |_| read_output(&mut cursor))
    }

    /// Output `index`, in constant time.
    #[must_use]
    pub fn output(&self, index: usize) -> Option<Output> {
        let records = self.facts.outputs.bytes(self.payload);
        read_output(&mut Cursor::new(
            records.get(index.checked_mul(OUTPUT_LEN)?..)?,
        ))
    }

    /// Outputs of the circuit for one row.
    #[must_use]
    pub fn output_count(&self) -> usize {
        self.facts.outputs.count as usize
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

/// Bytes of an output record.
const OUTPUT_LEN: usize = 32;

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

fn read_section<'a>(
    cursor: &mut Cursor<'a>,
    count: u32,
    what: &'static str,
    mut record: impl FnMut(&mut Cursor<'a>, u32) -> Result<(), SpecError>,
) -> Result<Section, SpecError> {
    let from_end = cursor.rest().len();
    for index in 0..count {
        record(cursor, index)?;
    }
    let len = from_end
        .checked_sub(cursor.rest().len())
        .ok_or(SpecError::Malformed(what))?;
    Ok(Section {
        count,
        from_end,
        len,
    })
}

fn read_strings(cursor: &mut Cursor<'_>, what: &'static str) -> Result<Section, SpecError> {
    let count = read_count(cursor, what, 0)?;
    read_section(cursor, count, what, |cursor, _| {
        cursor.str().map(drop).ok_or(SpecError::Malformed(what))
    })
}

fn read_output(cursor: &mut Cursor<'_>) -> Option<Output> {
    Some(Output {
        min: cursor.i64()?,
        max: cursor.i64()?,
        scale: cursor.f64()?,
        offset: cursor.f64()?,
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
