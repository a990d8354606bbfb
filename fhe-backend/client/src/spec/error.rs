//! Why bytes are not a client spec.

use tenebra_quant::QuantError;
use thiserror::Error;

use crate::frame::FrameError;
use crate::scheme::layout::LayoutError;

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
    /// A way from scores to predictions that this version does not know.
    #[error("readout version {0} is not known to this client; update it")]
    UnknownReadout(u8),
    /// Steps of preprocessing that this version does not know, or was built without.
    #[error(
        "preprocessing version {0} is not known to this client; update it, or build it with the feature `preprocessing`"
    )]
    UnknownPreprocessing(u8),
    /// A step of preprocessing is unsound.
    #[error("step {step}: {source}")]
    Step {
        /// Which step.
        step: u32,
        /// What is wrong with it.
        source: QuantError,
    },
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
