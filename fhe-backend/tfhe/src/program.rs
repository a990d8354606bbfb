//! A verified circuit with its plan: what runs, with which parameters, at what cost.

mod key;

use core::sync::atomic::{AtomicBool, Ordering};

use tenebra_circuit::{Hide, Interval, LinearForm, Options, Verified, linear_form};
use tenebra_client::branching::{BranchingScheme, Digits, OwnedBranching, ValidBranching};
use tenebra_client::hiding::{Hiding, MAX_ADVANTAGE_BITS, MAX_PLANS, MAX_RESPONSES_LOG2};
use tenebra_client::linear::{OwnedLinear, ValidLinear};
use tenebra_client::scheme;
use tenebra_client::scheme::layout::{MAX_PORT, plan_of};
use tenebra_client::{ClientSpec, Frame, Kind, OwnedScheme, SpecId, to_frame};
use tenebra_quant::{Interface, QuantError};

use crate::branching;
use crate::branching::evaluate::Glwe;
use crate::branching::evaluate::{BranchingEvaluator, respond};
use crate::branching::form::groups::alternatives;
use crate::branching::form::{COMPUTED_LOOKUP, branching_form};
use crate::branching::goal::Goal;
use crate::branching::plan::{BranchingPlan, check_any};
use crate::error::{EvaluateError, PlanError};
use crate::linear::evaluate::LinearEvaluator;
use crate::linear::plan::{
    LinearPlan, LinearShape, check_layout, plaintext_bits, plan_batch, plan_single,
};
use crate::network::program::NetworkProgram;
use crate::parallel::in_parallel;
pub use key::EvaluationKey;

/// A circuit ready to be evaluated on ciphertexts.
#[derive(Debug)]
pub struct Program {
    input_ranges: Vec<Interval>,
    output_ranges: Vec<Interval>,
    pub(crate) scheme: Scheme,
}

/// How a circuit runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Scheme {
    /// Products with clear weights; plans of single rows and of batches.
    Linear(Vec<LinearProgram>),
    /// CMUX decision diagrams on encrypted bits.
    Branching(Box<BranchingProgram>),
    /// Neurons on encrypted bits.
    Network(Box<NetworkProgram>),
}

/// One plan of a linear circuit.
#[derive(Debug)]
pub struct LinearProgram {
    pub(crate) plan: LinearPlan,
    evaluator: LinearEvaluator,
}

/// The plan of a branching circuit.
#[derive(Debug)]
pub struct BranchingProgram {
    pub(crate) plan: BranchingPlan,
    evaluator: BranchingEvaluator,
}

/// How a query is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct EvaluateOptions<'a> {
    /// Threads, of which the caller is one; linear circuits, which take microseconds, need no other.
    pub threads: usize,
    /// Where it is set, evaluations are given up between two of their steps; linear ones look at it once.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for EvaluateOptions<'_> {
    /// One thread, to the end.
    fn default() -> Self {
        Self {
            threads: 1,
            stop: None,
        }
    }
}

/// Bits of codes are counted from the least code of the spec by clients, of the circuit by servers.
fn check_least_codes(circuit: &Verified, spec: &ClientSpec<'_>) -> Result<(), PlanError> {
    let ranges = circuit.input_ranges();
    let mut inputs = ranges.iter().zip(spec.inputs());
    if !inputs.all(|(range, input)| input.code_range().0 == range.min) {
        return Err(PlanError::Layout {
            what: "the least codes of its inputs are others",
        });
    }
    Ok(())
}

impl Program {
    /// Plans and prepares a circuit. Linear circuits get a second plan if `options.rows > 1`, for batches of up to so many
    /// rows, where a ciphertext holds two or more.
    ///
    /// # Errors
    ///
    /// [`PlanError`]: operations this backend does not run, outputs too wide for any parameters.
    pub fn prepare(circuit: &Verified, options: &Options) -> Result<Self, PlanError> {
        Self::prepare_noisier(circuit, options, 1.0)
    }

    /// The same, where the variance of products is `factor` times the predicted one.
    pub(crate) fn prepare_noisier(
        circuit: &Verified,
        options: &Options,
        factor: f64,
    ) -> Result<Self, PlanError> {
        let p_fail = options.p_fail_log2;
        if !(-1000.0..=-20.0).contains(&p_fail) {
            return Err(PlanError::FailureProbability(p_fail));
        }
        let goal = Goal {
            p_fail_log2: p_fail,
            variance_factor: factor,
        };
        options.hide.map_or(Ok(()), check_hide)?;
        let scheme = match linear_form(circuit) {
            Some(form) => {
                let shape = linear_shape(circuit, &form, options.hide)?;
                let mut plans = vec![plan_single(&shape, goal)?];
                if options.rows > 1 {
                    plans.extend(plan_batch(&shape, goal, options.rows));
                }
                linear_scheme(&form, plans)?
            }
            None if options.hide.is_some() => return Err(PlanError::NotHideable),
            None => match branching_form(circuit) {
                Ok(form) => {
                    let forms = alternatives(form);
                    branching_scheme(branching::plan::plan(&forms, options, goal)?)
                }
                Err(COMPUTED_LOOKUP) => {
                    let program = NetworkProgram::prepare(circuit, options, goal)?;
                    Scheme::Network(Box::new(program))
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Self::with_scheme(circuit, scheme))
    }

    /// Prepares a circuit as a client spec says, on the server. The spec is checked against the circuit: its noise must
    /// reach the failure probability that it claims.
    ///
    /// # Errors
    ///
    /// [`PlanError::Layout`] if the spec was made for another circuit.
    pub fn for_spec(circuit: &Verified, spec: &ClientSpec<'_>) -> Result<Self, PlanError> {
        let p_fail = spec.p_fail_log2();
        let scheme = match (linear_form(circuit), spec.scheme()) {
            (Some(form), scheme::Scheme::Linear(linear)) => {
                let hiding = linear.hiding();
                let hide = hiding.map(|hiding| Hide {
                    responses_log2: hiding.responses_log2,
                    advantage_bits: hiding.advantage_bits,
                });
                let shape = linear_shape(circuit, &form, hide)?;
                let plans = linear.plans().enumerate().map(|(plan, layout)| {
                    let noise_bits = hiding.and_then(|hiding| hiding.noise_bits.get(plan));
                    check_layout(&shape, *layout, noise_bits.copied(), p_fail)
                });
                linear_scheme(&form, plans.collect::<Result<_, _>>()?)?
            }
            (None, scheme::Scheme::Branching(branching)) => {
                check_least_codes(circuit, spec)?;
                let forms = alternatives(branching_form(circuit)?);
                let (layout, radix) = (*branching.layout(), branching.radix());
                let same = |plan: &BranchingPlan| has_digits(plan, branching, spec);
                branching_scheme(check_any(&forms, layout, radix, same, p_fail)?)
            }
            (None, scheme::Scheme::Network(network)) => {
                check_least_codes(circuit, spec)?;
                let program = NetworkProgram::for_spec(circuit, network, spec)?;
                Scheme::Network(Box::new(program))
            }
            (Some(_), scheme::Scheme::Branching(_) | scheme::Scheme::Network(_))
            | (None, scheme::Scheme::Linear(_)) => {
                return Err(PlanError::Layout {
                    what: "its scheme does not run this circuit",
                });
            }
        };
        Ok(Self::with_scheme(circuit, scheme))
    }

    fn with_scheme(circuit: &Verified, scheme: Scheme) -> Self {
        Self {
            input_ranges: circuit.input_ranges(),
            output_ranges: circuit.output_ranges(),
            scheme,
        }
    }

    /// Bytes of memory of what is prepared of a forest and read by all evaluations.
    pub(crate) fn kept_bytes(&self) -> u64 {
        match &self.scheme {
            Scheme::Branching(program) => program.kept_bytes(),
            Scheme::Linear(_) | Scheme::Network(_) => 0,
        }
    }

    /// Range of each input code.
    #[must_use]
    pub fn input_ranges(&self) -> &[Interval] {
        &self.input_ranges
    }

    /// Range of each output integer.
    #[must_use]
    pub fn output_ranges(&self) -> &[Interval] {
        &self.output_ranges
    }

    /// What a client must know of the bare circuit, without a model: its features are codes, its scores integers.
    ///
    /// # Errors
    ///
    /// [`QuantError::CodeRange`] for ranges of inputs that are no codes.
    pub fn interface_of_codes(&self) -> Result<Interface, QuantError> {
        let ends = |ranges: &[Interval]| -> Vec<(i64, i64)> {
            ranges.iter().map(|range| (range.min, range.max)).collect()
        };
        Interface::of_codes(&ends(&self.input_ranges), &ends(&self.output_ranges))
    }

    /// What the client spec must say of its scheme.
    #[must_use]
    pub fn spec_scheme(&self) -> OwnedScheme {
        match &self.scheme {
            Scheme::Linear(programs) => {
                let plans = self.layouts().map(|layout| *layout.layout()).collect();
                let hiding = hiding(programs);
                OwnedScheme::Linear(OwnedLinear { plans, hiding })
            }
            Scheme::Branching(program) => OwnedScheme::Branching(spec_branching(&program.plan)),
            Scheme::Network(program) => OwnedScheme::Network(program.spec_scheme()),
        }
    }

    /// Layouts of the plans of a linear circuit, single rows first; none for others.
    pub fn layouts(&self) -> impl Iterator<Item = &ValidLinear> + Clone {
        let programs = match &self.scheme {
            Scheme::Linear(programs) => programs.as_slice(),
            Scheme::Branching(_) | Scheme::Network(_) => &[],
        };
        programs.iter().map(|program| &program.plan.layout)
    }

    /// Layout of a branching circuit.
    #[must_use]
    pub fn branching_layout(&self) -> Option<&ValidBranching> {
        match &self.scheme {
            Scheme::Linear(_) | Scheme::Network(_) => None,
            Scheme::Branching(program) => Some(&program.plan.layout),
        }
    }

    /// Evaluates the payload of a query into the payload of a response.
    fn evaluate_payload(
        &self,
        key: Option<&EvaluationKey>,
        payload: &[u8],
        options: EvaluateOptions<'_>,
    ) -> Result<Vec<u8>, EvaluateError> {
        let never = AtomicBool::new(false);
        let stop = options.stop.unwrap_or(&never);
        if stop.load(Ordering::Relaxed) {
            return Err(EvaluateError::Stopped);
        }
        match &self.scheme {
            Scheme::Linear(programs) => {
                let plan = plan_of(payload).ok_or(EvaluateError::Query)?;
                let program = programs
                    .get(usize::from(plan))
                    .ok_or(EvaluateError::Query)?;
                program.evaluate(plan, key, true, payload)
            }
            Scheme::Branching(program) => {
                let mut results = program.results(key, payload, options.threads, stop)?;
                Ok(program.respond(payload, &mut results))
            }
            Scheme::Network(program) => {
                let key = key.and_then(EvaluationKey::unpacking);
                let mut result = program.result(key, payload, options.threads, stop)?;
                Ok(program.respond(payload, &mut result))
            }
        }
    }

    /// Evaluates a framed query of the spec `spec_id` into a framed response: the server's whole work. Packed queries, and
    /// those to a hidden model, need the evaluation key of the client that made them.
    ///
    /// # Errors
    ///
    /// [`EvaluateError`]: damaged bytes, a query of another model or key, no evaluation key where one is needed.
    pub fn evaluate(
        &self,
        spec_id: SpecId,
        key: Option<&EvaluationKey>,
        query: &[u8],
    ) -> Result<Vec<u8>, EvaluateError> {
        self.evaluate_with(spec_id, key, query, EvaluateOptions::default())
    }

    /// As [`evaluate`](Self::evaluate), on several threads, or to be given up.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate); [`EvaluateError::Stopped`], [`EvaluateError::Threads`].
    pub fn evaluate_with(
        &self,
        spec_id: SpecId,
        key: Option<&EvaluationKey>,
        query: &[u8],
        options: EvaluateOptions<'_>,
    ) -> Result<Vec<u8>, EvaluateError> {
        let frame = Frame::parse_for(query, Kind::Query, spec_id)?;
        if let Some(key) = key {
            frame.check_key_tag(key.tag())?;
        }
        let payload = self.evaluate_payload(key, frame.payload, options)?;
        Ok(to_frame(Kind::Response, spec_id, frame.key_tag, &payload))
    }

    /// Evaluates framed queries of one client, in their order. Where there are as many of them as threads, each is evaluated on one:
    /// none waits for another then.
    pub fn evaluate_many(
        &self,
        spec_id: SpecId,
        key: Option<&EvaluationKey>,
        queries: &[impl AsRef<[u8]> + Sync],
        options: EvaluateOptions<'_>,
    ) -> Vec<Result<Vec<u8>, EvaluateError>> {
        let threads = options.threads.max(1);
        let (each, at_once) = if queries.len() < threads {
            (options, 1)
        } else {
            let threads = 1;
            (EvaluateOptions { threads, ..options }, options.threads)
        };
        let run = |query: &[u8]| self.evaluate_with(spec_id, key, query, each);
        in_parallel(queries, at_once, |query| run(query.as_ref()))
    }
}

impl LinearProgram {
    /// Evaluates the payload of a query. Without the noise that hides the model, the other can be measured.
    pub(crate) fn evaluate(
        &self,
        plan: u8,
        key: Option<&EvaluationKey>,
        noise: bool,
        payload: &[u8],
    ) -> Result<Vec<u8>, EvaluateError> {
        let Some(hidden) = self.plan.hidden else {
            return self.evaluator.evaluate(plan, payload, None);
        };
        let public = key.and_then(|key| key.public()?.of_plan(plan));
        let public = public.ok_or(EvaluateError::NoEvaluationKey)?;
        let hiding = (public, noise.then_some(hidden.noise_bits));
        self.evaluator.evaluate(plan, payload, Some(hiding))
    }
}

impl BranchingProgram {
    fn kept_bytes(&self) -> u64 {
        let joints = self.plan.digits.joints.iter();
        let joints: usize = joints.map(|joint| joint.table.bytes()).sum();
        (joints + self.plan.diagram.clear_bytes() + self.evaluator.clear_bytes()) as u64
    }

    /// The results of the rows of the payload of a query, before the modulus is switched, unless `stop` is set before they are there.
    pub(crate) fn results(
        &self,
        key: Option<&EvaluationKey>,
        payload: &[u8],
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Vec<Glwe>, EvaluateError> {
        let unpacking = key.and_then(EvaluationKey::unpacking);
        self.evaluator
            .results(&self.plan, unpacking, payload, threads, stop)
    }

    /// The payload of the response to a query with these results, which are overwritten.
    pub(crate) fn respond(&self, query: &[u8], results: &mut [Glwe]) -> Vec<u8> {
        respond(&self.plan.layout, query, results)
    }
}

fn check_hide(hide: Hide) -> Result<(), PlanError> {
    let Hide {
        responses_log2,
        advantage_bits,
    } = hide;
    let sound =
        responses_log2 <= MAX_RESPONSES_LOG2 && (1..=MAX_ADVANTAGE_BITS).contains(&advantage_bits);
    if sound {
        Ok(())
    } else {
        Err(PlanError::HideRange {
            responses_log2,
            advantage_bits,
        })
    }
}

/// What the client spec says of hiding, if all plans do it.
fn hiding(programs: &[LinearProgram]) -> Option<Hiding> {
    let Hide {
        responses_log2,
        advantage_bits,
    } = programs.first()?.plan.hidden?.hide;
    let mut noise_bits = [0; MAX_PLANS];
    for (slot, program) in noise_bits.iter_mut().zip(programs) {
        *slot = program.plan.hidden?.noise_bits;
    }
    Some(Hiding {
        responses_log2,
        advantage_bits,
        noise_bits,
    })
}

fn linear_scheme(form: &LinearForm, plans: Vec<LinearPlan>) -> Result<Scheme, PlanError> {
    let programs = plans.into_iter().map(|plan| {
        let evaluator = LinearEvaluator::new(form, plan.layout, plan.hidden.is_some())?;
        Ok(LinearProgram { plan, evaluator })
    });
    Ok(Scheme::Linear(programs.collect::<Result<_, _>>()?))
}

fn branching_scheme(plan: BranchingPlan) -> Scheme {
    let evaluator = BranchingEvaluator::new(&plan);
    Scheme::Branching(Box::new(BranchingProgram { plan, evaluator }))
}

/// What the planner needs of a linear form.
fn linear_shape(
    circuit: &Verified,
    form: &LinearForm,
    hide: Option<Hide>,
) -> Result<LinearShape, PlanError> {
    let (outputs, inputs) = (form.weights.rows(), form.weights.cols());
    if inputs == 0 || outputs == 0 {
        return Err(PlanError::Empty { inputs, outputs });
    }
    let too_many = PlanError::TooManyPorts {
        inputs,
        outputs,
        max: MAX_PORT,
    };
    let port = |count: usize| u32::try_from(count).ok().filter(|count| *count <= MAX_PORT);
    let (features, outputs) = port(inputs).zip(port(outputs)).ok_or(too_many)?;
    let squared_norm = |row: usize| {
        form.weights
            .row(row)
            .map(|(_, weight)| (weight as f64).powi(2))
            .sum()
    };
    Ok(LinearShape {
        features,
        outputs,
        squared_norms: (0..outputs as usize).map(squared_norm).collect(),
        plaintext_bits: plaintext_bits(&circuit.output_ranges()),
        hide,
    })
}

fn spec_branching(plan: &BranchingPlan) -> OwnedBranching {
    let digits = plan.digits.outputs.iter().map(Digits::from);
    OwnedBranching {
        layout: *plan.layout.layout(),
        radix: plan.digits.radix,
        digits: digits.collect(),
    }
}

/// Whether the client puts the digits together as they were cut.
fn has_digits(plan: &BranchingPlan, branching: &BranchingScheme, spec: &ClientSpec<'_>) -> bool {
    let theirs = branching.digits(spec.ports());
    spec_branching(plan).digits.into_iter().eq(theirs)
}
