//! What a compiled model costs and discloses, known before any key exists.

mod layers;
mod measured;
mod trees;

use layers::network_layers;

pub use layers::{NetworkBits, NetworkLayer};
pub use measured::{MeasuredNoise, RefusedPlan};
pub use trees::{LeafBitsFrom, MeasuredError, TreesReport};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tenebra_circuit::{Interval, Verified};
use tenebra_tfhe::measure::{Defect, Measurement};
use tenebra_tfhe::{Parameter, PlanReport, Program, SECURITY_BITS};

/// The report that `compile` prints and `inspect` prints again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the estimator.
    pub model: String,
    /// `linear`, `branching` or `network`.
    pub scheme: String,
    /// `direct`: queries are evaluated as they are; `packed`: an evaluation key unpacks them.
    pub query_mode: String,
    /// Bits of security of the parameters.
    pub security_bits: u32,
    /// log2 of the probability that any output of one query is wrong, as reached.
    pub p_fail_log2: f64,
    /// The noise of the output against the room there is for it.
    #[serde(default)]
    pub noise_budget: Option<NoiseBudget>,
    /// What the noise of each plan was measured to be, single rows first; empty if it was not.
    #[serde(default)]
    pub measured_noise: Vec<MeasuredNoise>,
    /// Plans that were not taken, for their noise was not as predicted: a defect of tenebra.
    #[serde(default)]
    pub refused_plans: Vec<RefusedPlan>,
    /// How the model is hidden from its clients, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<HiddenReport>,
    /// Parameters of the plan for single rows, by name.
    pub parameters: Map<String, Value>,
    /// Bits of the codes of one row.
    pub input_bits: u32,
    /// Bits of the widest output.
    pub output_bits: u32,
    /// External products of one evaluation.
    pub external_products: u64,
    /// Key switches of one evaluation.
    pub key_switches: u64,
    /// Programmable bootstraps of one evaluation.
    pub pbs: u64,
    /// Bytes of the evaluation key; 0 where there is none.
    pub evaluation_key_bytes: u64,
    /// Bytes of a query of one row.
    pub query_bytes: u64,
    /// Bytes of the response to it.
    pub response_bytes: u64,
    /// Bytes sent for the first answer: evaluation key, query and response.
    #[serde(default)]
    pub first_answer_bytes: u64,
    /// Bytes sent for a hundred answers.
    #[serde(default)]
    pub hundred_answers_bytes: u64,
    /// Predicted time of evaluating one row on one core.
    pub predicted_evaluate_ms: f64,
    /// The layers of a network; none of other models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<NetworkLayer>,
    /// The plan for several rows in one query, if the ring holds two.
    pub batch: Option<BatchReport>,
    /// What became of the float model.
    pub quantization: QuantizationReport,
    /// What became of trees or of the terms of an additive model.
    #[serde(default)]
    pub trees: Option<TreesReport>,
    /// Time from the float model to the two files' bytes.
    pub compile_ms: f64,
}

/// Two models of the same client spec that answer alike are told apart from all these responses together with an advantage
/// of at most `2^advantage_log2`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HiddenReport {
    /// Responses to all clients who might put them together.
    pub responses: u64,
    /// log2 of the advantage.
    pub advantage_log2: i32,
    /// log2 of the bound of the noise that hides, in a response to one row, as a fraction of the torus.
    pub noise_bound_log2: i32,
}

impl HiddenReport {
    fn new(plan: &PlanReport) -> Option<Self> {
        let hidden = plan.hidden?;
        Some(Self {
            responses: 1 << hidden.hide.responses_log2,
            advantage_log2: -i32::from(hidden.hide.advantage_bits),
            noise_bound_log2: i32::from(hidden.noise_bits) - 64,
        })
    }
}

/// Decryption is right while the noise stays below half a step of the output, less the bound of what hides a model; fractions of
/// the torus.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseBudget {
    /// log2 of the predicted standard deviation of the output's noise.
    pub std_log2: f64,
    /// log2 of half the distance of two output values, less the bound of the noise that hides a model.
    pub half_step_log2: f64,
    /// The half step in standard deviations.
    pub half_step_sigmas: f64,
}

impl NoiseBudget {
    fn new(plan: &PlanReport) -> Self {
        Self {
            std_log2: plan.noise_std_log2,
            half_step_log2: plan.room_log2,
            half_step_sigmas: (plan.room_log2 - plan.noise_std_log2).exp2(),
        }
    }
}

/// A plan for several rows in one query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchReport {
    /// Most rows of one query.
    pub rows: usize,
    /// Bytes of a full query.
    pub query_bytes: u64,
    /// Bytes of the response to it.
    pub response_bytes: u64,
    /// Predicted time of evaluating a full query on one core.
    pub predicted_evaluate_ms: f64,
    /// log2 of the probability that any output of a full query is wrong.
    pub p_fail_log2: f64,
    /// Parameters, by name.
    pub parameters: Map<String, Value>,
}

/// From reals to codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantizationReport {
    /// Columns of the float model.
    pub columns: usize,
    /// Inputs that are encrypted; columns that do not matter are not sent.
    pub inputs: usize,
    /// Scores of a row.
    pub outputs: usize,
    /// Calibration rows that were compared with the float model; `None` if there were none.
    pub calibration_rows: Option<usize>,
    /// Of these rows, the share whose class the quantized model agrees on.
    pub class_agreement: Option<f64>,
    /// Of these rows, those with values beyond the calibrated ranges, which are clipped.
    #[serde(default)]
    pub clipped_rows: Option<usize>,
    /// Over the other rows, the largest distance of a quantized score from the float model's.
    pub max_score_error: Option<f64>,
    /// Over the same rows, from the least to the largest score of the float model.
    #[serde(default)]
    pub score_range: Option<f64>,
    /// What became of a float network; `None` for one that has codes of its own, and for other models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkBits>,
}

impl Report {
    /// The report of a program.
    pub(crate) fn new(
        model: &str,
        circuit: &Verified,
        program: &Program,
        quantization: QuantizationReport,
    ) -> Self {
        let plans = program.report();
        let single = plans.first();
        let evaluation_key_bytes = program.evaluation_key_bytes().unwrap_or(0) as u64;
        let number = |f: fn(&PlanReport) -> usize| single.map_or(0, |plan| f(plan) as u64);
        let answer = number(|plan| plan.query_bytes + plan.response_bytes);
        // Of packed queries of several rows, as many at a time as they take.
        let largest = plans.last().filter(|plan| plan.query_mode() == "packed");
        let hundred = largest.map_or(100 * answer, |plan| {
            let (full, left) = (100 / plan.rows, 100 % plan.rows);
            let of_full = (plan.query_bytes + plan.response_bytes) as u64;
            full as u64 * of_full + left as u64 * answer
        });
        Self {
            model: model.to_owned(),
            scheme: single.map_or("", PlanReport::scheme).to_owned(),
            query_mode: single.map_or("", PlanReport::query_mode).to_owned(),
            security_bits: SECURITY_BITS,
            p_fail_log2: single.map_or(0.0, |plan| plan.p_fail_log2),
            noise_budget: single.map(NoiseBudget::new),
            hidden: single.and_then(HiddenReport::new),
            measured_noise: Vec::new(),
            refused_plans: Vec::new(),
            parameters: single.map(parameters).unwrap_or_default(),
            input_bits: single.map_or(0, |plan| plan.input_bits),
            output_bits: widest(&circuit.output_ranges()),
            external_products: number(|plan| plan.external_products),
            key_switches: number(|plan| plan.key_switches),
            pbs: 0,
            evaluation_key_bytes,
            query_bytes: number(|plan| plan.query_bytes),
            response_bytes: number(|plan| plan.response_bytes),
            first_answer_bytes: evaluation_key_bytes + answer,
            hundred_answers_bytes: evaluation_key_bytes + hundred,
            predicted_evaluate_ms: single.map_or(0.0, |plan| plan.predicted_evaluate_ms),
            layers: single.map(network_layers).unwrap_or_default(),
            batch: plans.get(1).map(batch),
            quantization,
            trees: None,
            compile_ms: 0.0,
        }
    }

    pub(crate) fn add_measured(
        &mut self,
        program: &Program,
        measurements: &[Measurement],
        refused: &[(Defect, Measurement)],
    ) {
        // Where there are fewer measurements than plans, the largest queries were measured.
        let plans = program.report();
        let measured = &plans[plans.len().saturating_sub(measurements.len())..];
        self.measured_noise = measured
            .iter()
            .zip(measurements)
            .map(|(plan, of)| MeasuredNoise::new(plan.rows, of))
            .collect();
        let rows = measured.first().map_or(1, |plan| plan.rows);
        let refused = refused.iter();
        self.refused_plans = refused
            .map(|(defect, of)| RefusedPlan::new(*defect, rows, of))
            .collect();
    }
}

fn batch(plan: &PlanReport) -> BatchReport {
    BatchReport {
        rows: plan.rows,
        query_bytes: plan.query_bytes as u64,
        response_bytes: plan.response_bytes as u64,
        predicted_evaluate_ms: plan.predicted_evaluate_ms,
        p_fail_log2: plan.p_fail_log2,
        parameters: parameters(plan),
    }
}

fn parameters(plan: &PlanReport) -> Map<String, Value> {
    let value = |parameter| match parameter {
        Parameter::Number(number) => json!(number),
        Parameter::Log2(log2) => json!(log2),
        Parameter::Gadgets(gadgets) => json!(gadgets),
    };
    let parameters = plan.parameters().into_iter();
    parameters
        .map(|(name, parameter)| (name.to_owned(), value(parameter)))
        .collect()
}

/// Bits that number every value of the widest range.
fn widest(ranges: &[Interval]) -> u32 {
    let span = ranges
        .iter()
        .map(|range| range.max.abs_diff(range.min))
        .max();
    u64::BITS - span.unwrap_or(0).leading_zeros()
}
