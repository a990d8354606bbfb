//! A verified circuit with its plan: what runs, with which parameters, at what cost.

use tenebra_circuit::{Interval, LinearForm, Options, Verified, linear_form};
use tenebra_client::linear::{MAX_PORT, ValidLinear, plan_of};
use tenebra_client::{Frame, Kind, SpecId, frame_len, to_frame};

use crate::error::{EvaluateError, PlanError};
use crate::linear::evaluate::LinearEvaluator;
use crate::linear::plan::{LinearPlan, LinearShape, check_layout, evaluate_us, plaintext_bits, plan_batch, plan_single};

/// Security of the parameters in bits: the TUniform bound of tfhe-rs, fitted to the lattice estimator at 132 bits.
pub const SECURITY_BITS: u32 = 132;

/// A circuit ready to be evaluated on ciphertexts.
#[derive(Debug)]
pub struct Program {
    input_ranges: Vec<Interval>,
    output_ranges: Vec<Interval>,
    plans: Vec<LinearPlan>,
    evaluators: Vec<LinearEvaluator>,
}

/// The facts of one plan, known before any key exists.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanReport {
    /// Parameters and layout.
    pub layout: ValidLinear,
    /// log2 of the probability that any output of one query is wrong.
    pub p_fail_log2: f64,
    /// log2 of the predicted standard deviation of the output noise, as a fraction of the torus.
    pub noise_std_log2: f64,
    /// Most rows of one query.
    pub rows: usize,
    /// Bytes of a framed query of so many rows.
    pub query_bytes: usize,
    /// Bytes of a framed response.
    pub response_bytes: usize,
    /// Predicted time of evaluation on one core, milliseconds.
    pub predicted_evaluate_ms: f64,
}

impl Program {
    /// Plans and prepares a circuit. With `options.rows > 1` there is a second plan, for batches of up to so many rows,
    /// if the ring holds two or more.
    ///
    /// # Errors
    ///
    /// [`PlanError`]: operations this backend does not run, outputs too wide for any parameters.
    pub fn prepare(circuit: &Verified, options: &Options) -> Result<Self, PlanError> {
        let p_fail = options.p_fail_log2;
        if !(-1000.0..=-20.0).contains(&p_fail) {
            return Err(PlanError::FailureProbability(p_fail));
        }
        let (form, shape) = linear_shape(circuit)?;
        let mut plans = vec![plan_single(&shape, p_fail)?];
        if options.rows > 1 {
            plans.extend(plan_batch(&shape, p_fail, options.rows));
        }
        Self::with_plans(circuit, &form, plans)
    }

    /// Prepares a circuit with the layouts of a client spec, on the server. The layouts are checked against the circuit:
    /// their noise must fit `p_fail_log2`.
    ///
    /// # Errors
    ///
    /// [`PlanError::Layout`] if they were made for another circuit.
    pub fn with_layouts<'a>(
        circuit: &Verified,
        layouts: impl IntoIterator<Item = &'a ValidLinear>,
        p_fail: f64,
    ) -> Result<Self, PlanError> {
        let (form, shape) = linear_shape(circuit)?;
        let plans = layouts.into_iter().map(|layout| check_layout(&shape, *layout, p_fail));
        let plans = plans.collect::<Result<Vec<_>, _>>()?;
        Self::with_plans(circuit, &form, plans)
    }

    fn with_plans(circuit: &Verified, form: &LinearForm, plans: Vec<LinearPlan>) -> Result<Self, PlanError> {
        let evaluators = plans.iter().map(|plan| LinearEvaluator::new(form, plan.layout));
        let evaluators = evaluators.collect::<Result<_, _>>()?;
        Ok(Self {
            input_ranges: circuit.input_ranges(),
            output_ranges: circuit.output_ranges(),
            plans,
            evaluators,
        })
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

    /// Layouts of the plans, for the client spec: single rows first.
    pub fn layouts(&self) -> impl Iterator<Item = &ValidLinear> {
        self.plans.iter().map(|plan| &plan.layout)
    }

    /// The facts of each plan.
    #[must_use]
    pub fn report(&self) -> Vec<PlanReport> {
        self.plans.iter().map(plan_report).collect()
    }

    /// Evaluates the payload of a query into the payload of a response.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::Query`] if the payload is not a query of this program.
    pub fn evaluate_payload(&self, payload: &[u8]) -> Result<Vec<u8>, EvaluateError> {
        let plan = plan_of(payload).ok_or(EvaluateError::Query)?;
        let evaluator = self.evaluators.get(usize::from(plan)).ok_or(EvaluateError::Query)?;
        evaluator.evaluate(plan, payload)
    }

    /// Evaluates a framed query of the spec `spec_id` into a framed response: the server's whole work.
    ///
    /// # Errors
    ///
    /// [`EvaluateError`]: damaged bytes, a query of another model.
    pub fn evaluate(&self, spec_id: SpecId, query: &[u8]) -> Result<Vec<u8>, EvaluateError> {
        let frame = Frame::parse_for(query, Kind::Query, spec_id)?;
        let payload = self.evaluate_payload(frame.payload)?;
        Ok(to_frame(Kind::Response, spec_id, &payload))
    }
}

/// The linear form of a circuit and what the planner needs of it.
fn linear_shape(circuit: &Verified) -> Result<(LinearForm, LinearShape), PlanError> {
    let form = linear_form(circuit).ok_or(PlanError::Unsupported { op: "a lookup or a forest" })?;
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
    let squared_norm = |row: usize| form.weights.row(row).map(|(_, weight)| (weight as f64).powi(2)).sum();
    let shape = LinearShape {
        features,
        outputs,
        squared_norms: (0..outputs as usize).map(squared_norm).collect(),
        plaintext_bits: plaintext_bits(&circuit.output_ranges()),
    };
    Ok((form, shape))
}

fn plan_report(plan: &LinearPlan) -> PlanReport {
    let rows = usize::from(plan.layout.layout().max_rows);
    PlanReport {
        layout: plan.layout,
        p_fail_log2: plan.p_fail_log2,
        noise_std_log2: plan.noise_variance.log2() / 2.0 - 64.0,
        rows,
        query_bytes: frame_len(plan.layout.query_len(rows)),
        response_bytes: frame_len(plan.layout.response_len(rows)),
        predicted_evaluate_ms: evaluate_us(&plan.layout, rows) / 1000.0,
    }
}
