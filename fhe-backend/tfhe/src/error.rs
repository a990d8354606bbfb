//! Why a circuit could not be planned or a query not be evaluated.

use thiserror::Error;

/// Why a circuit cannot run encrypted.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// An operation that this backend does not run.
    #[error("this backend cannot run {op}")]
    Unsupported {
        /// The operation.
        op: &'static str,
    },
    /// The circuit has no input or no output.
    #[error("the circuit has {inputs} inputs and {outputs} outputs; there is nothing to encrypt")]
    Empty {
        /// Input elements.
        inputs: usize,
        /// Output elements.
        outputs: usize,
    },
    /// More inputs or outputs than a message can hold.
    #[error(
        "the circuit has {inputs} inputs and {outputs} outputs; at most {max} of each fit; drop features"
    )]
    TooManyPorts {
        /// Input elements.
        inputs: usize,
        /// Output elements.
        outputs: usize,
        /// The limit.
        max: u32,
    },
    /// No parameters keep the noise below half a step of the output.
    #[error(
        "the widest output needs {needed_bits} bits, {fitting_bits} fit at a failure probability of 2^{p_fail_log2}; \
         use fewer bits for inputs or weights, drop features, or allow a larger failure probability"
    )]
    OutputTooWide {
        /// Bits of the widest output range.
        needed_bits: u32,
        /// Bits that fit with these weights.
        fitting_bits: u32,
        /// The failure probability asked for.
        p_fail_log2: f64,
    },
    /// The weights leave no room for exact products.
    #[error(
        "the weights of one output add up to {norm} in absolute value, at most 2^60 is exact; use fewer weight bits"
    )]
    WeightsTooLarge {
        /// Sum of absolute weights.
        norm: u64,
    },
    /// The digits of all outputs do not fit one polynomial.
    #[error(
        "the outputs need {coefficients} one-bit digits, one response holds 2048; use fewer classes or leaf bits"
    )]
    TooManyDigits {
        /// Digits at radix 2.
        coefficients: usize,
    },
    /// Packed queries were asked for, but no gadget of theirs reaches the failure probability.
    #[error(
        "{input_bits} input bits do not fit a packed query at this failure probability; ask for direct or auto queries"
    )]
    NotPackable {
        /// Bits of all codes.
        input_bits: usize,
    },
    /// The sum of a neuron has more values than fit beside each other.
    #[error(
        "layer {layer}, neuron {neuron}: a sum of {weights} weighted codes of up to {largest_code} takes {values} values, {fitting} fit; \
         prune weights, or use fewer bits for weights or activations"
    )]
    SumTooWide {
        /// The layer, counted from 1.
        layer: usize,
        /// The neuron, counted from 0.
        neuron: usize,
        /// Its weights that are not zero.
        weights: usize,
        /// The largest code that it reads.
        largest_code: u64,
        /// Values of the sum.
        values: u64,
        /// Values that fit.
        fitting: u64,
    },
    /// No parameters keep the noise of a network below half a step of its outputs.
    #[error(
        "the digits of the outputs need {needed_bits} bits, {fitting_bits} fit behind {hidden_layers} hidden layers at a failure probability of \
         2^{p_fail_log2}; let the range of each output take {} bits fewer (output weights){}, prune weights or neurons, use fewer bits for activations or fewer hidden layers, or allow a larger \
         failure probability",
        needed_bits - fitting_bits, or_narrower(*narrower)
    )]
    NetworkTooWide {
        /// Bits of the largest digit sum.
        needed_bits: u32,
        /// Bits that fit with the least noise.
        fitting_bits: u32,
        /// Layers of neurons before the outputs.
        hidden_layers: usize,
        /// Sums of the last hidden layer whose slots leave room for more digits of fewer bits, if there are such digits.
        narrower: Option<NarrowerSums>,
        /// The failure probability asked for.
        p_fail_log2: f64,
    },
    /// A network with more layers than its noise leaves room for.
    #[error(
        "a network of {hidden_layers} hidden layers cannot run without bootstrapping, {max} can: to refresh the {refreshed_bits} bits of the codes of \
         layer {} would take about {bootstrap_ms} ms and {key_megabytes} MB of keys; leave layers out, or make neighbours of them one",
        list(layers)
    )]
    TooDeep {
        /// Layers of neurons before the outputs.
        hidden_layers: usize,
        /// The limit.
        max: usize,
        /// The layers whose codes would have to be refreshed, from 1.
        layers: Vec<usize>,
        /// Their bits.
        refreshed_bits: usize,
        /// What that would take on one core, about.
        bootstrap_ms: u64,
        /// Bytes of the keys that it needs, in millions.
        key_megabytes: u64,
    },
    /// The failure probability asked for is not one.
    #[error("a failure probability of 2^{0} was asked for; it must lie between 2^-1000 and 2^-20")]
    FailureProbability(f64),
    /// A circuit that cannot be hidden.
    #[error(
        "only linear models can be hidden from their clients: elsewhere the noise of every product depends on the trees, and no bound of it fits; \
         compile without hiding the model"
    )]
    NotHideable,
    /// Hiding was asked for with numbers out of range.
    #[error(
        "a model was to be hidden for 2^{responses_log2} responses at an advantage of 2^-{advantage_bits}; at most 2^40 responses and an advantage of 2^-1 to 2^-64 can be planned"
    )]
    HideRange {
        /// As given.
        responses_log2: u8,
        /// As given.
        advantage_bits: u8,
    },
    /// The noise that hides a model leaves no room for the outputs.
    #[error(
        "the widest output needs {needed_bits} bits, {fitting_bits} fit where 2^{responses_log2} responses hide the model up to an advantage of 2^-{advantage_bits}; {}, \
         use fewer bits for inputs or weights, or drop features",
        instead(*fitting_responses_log2)
    )]
    HiddenTooWide {
        /// Bits of the widest output range.
        needed_bits: u32,
        /// Bits that fit with these weights.
        fitting_bits: u32,
        /// log2 of the responses asked for.
        responses_log2: u8,
        /// −log2 of the advantage asked for.
        advantage_bits: u8,
        /// log2 of the responses that the model could be hidden for.
        fitting_responses_log2: Option<u8>,
    },
    /// A layout was made for another circuit.
    #[error("the client spec does not fit the circuit: {what}; compile the model again")]
    Layout {
        /// What disagrees.
        what: &'static str,
    },
}

/// Sums of the last hidden layer that leave slots for shorter digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NarrowerSums {
    /// Bits of the largest sum of the shorter digits, which fit.
    pub digit_bits: u32,
    /// Most values that a sum of the last hidden layer may take then.
    pub values: u64,
    /// Values that the widest takes.
    pub widest: u64,
}

fn or_narrower(narrower: Option<NarrowerSums>) -> String {
    let advice = |sums: NarrowerSums| {
        let NarrowerSums {
            digit_bits,
            values,
            widest,
        } = sums;
        format!(
            ", or no sum of the last hidden layer more than {values} values (the widest has {widest}), for then digits of {digit_bits} bits fit"
        )
    };
    narrower.map(advice).unwrap_or_default()
}

/// `2 and 5`.
fn list(layers: &[usize]) -> String {
    let layers: Vec<String> = layers.iter().map(usize::to_string).collect();
    layers.join(" and ")
}

fn instead(fitting_responses_log2: Option<u8>) -> String {
    match fitting_responses_log2 {
        Some(log2) => format!("hide it for at most {} responses", 1u64 << log2),
        None => "allow a larger advantage".to_owned(),
    }
}

/// Why a query was not evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The frame is damaged or of another model.
    #[error(transparent)]
    Frame(#[from] tenebra_client::FrameError),
    /// A query of a model that needs a key of the client: one that unpacks it, or the public key that hides the model.
    #[error(
        "this model's queries need the client's evaluation key; pass the evaluation key that was made with the secret key"
    )]
    NoEvaluationKey,
    /// The evaluation key does not have the length that the parameters ask for.
    #[error(
        "the evaluation key does not have the form of this model's keys; it is damaged or was made by another version"
    )]
    EvaluationKey,
    /// The payload does not have the length that its plan and rows ask for.
    #[error(
        "the query does not have the form of this model's queries; it was made by another version or is damaged"
    )]
    Query,
    /// The system has no random bytes to hide the model with.
    #[error(
        "the system's generator of random numbers failed; the model cannot be hidden without it"
    )]
    Randomness,
    /// The caller set the flag that stops an evaluation.
    #[error("the evaluation was stopped before it was done")]
    Stopped,
    /// No threads could be started.
    #[error("{0} threads could not be started; ask for fewer")]
    Threads(usize),
}
