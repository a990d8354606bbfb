//! From a float model to the two files that run it encrypted.

use std::time::Instant;

use tenebra_circuit::{Options, Verified};
use tenebra_client::spec::{Output, OwnedCodec, OwnedInput, OwnedSpec};
use tenebra_models::data::Table;
use tenebra_models::quantized::Codec;
use tenebra_models::{Model, QuantizeOptions, QuantizedModel, quantize_with_report};
use tenebra_tfhe::Program;

use crate::error::Error;
use crate::report::{QuantizationReport, Report, TreesReport};
use crate::server_program;

/// Rows of a batch plan: as many as the ring holds.
const BATCH_ROWS: usize = u16::MAX as usize;
/// Calibration rows on which the float and the quantized model are compared: enough for a percentage.
const COMPARED_ROWS: usize = 500;

/// How finely to quantize and how to plan.
#[derive(Clone, Debug, Default)]
pub struct CompileOptions {
    /// Bits and ranges.
    pub quantize: QuantizeOptions,
    /// Failure probability and query mode; `rows` is chosen by [`compile()`].
    pub plan: Options,
}

/// A compiled model.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// `client.tnb`: public, for data owners.
    pub client: Vec<u8>,
    /// `server.tnb`: the model owner's, for the server.
    pub server: Vec<u8>,
    /// What it costs.
    pub report: Report,
}

/// Quantizes, builds and verifies the circuit, plans it, and encodes both files.
///
/// `calibration` are rows like those that will be scored; without them the ranges that the model learned in training are
/// taken.
///
/// # Errors
/// [`Error::Quantize`], [`Error::Circuit`], [`Error::Plan`] if no parameters fit, [`Error::Spec`] for a model too large
/// for a client spec.
pub fn compile(
    model: &Model,
    calibration: Option<&Table>,
    options: &CompileOptions,
) -> Result<Compiled, Error> {
    let start = Instant::now();
    let (quantized, forest) = quantize_with_report(model, calibration, &options.quantize)?;
    let circuit = Verified::try_from(quantized.circuit.clone())?;
    let plan = Options {
        rows: BATCH_ROWS,
        ..options.plan.clone()
    };
    let program = Program::prepare(&circuit, &plan)?;
    let client = client_spec(&quantized, &circuit, &program, plan.p_fail_log2).encode()?;
    let comparison = compare(model, &quantized, &circuit, calibration)?;
    let mut report = Report::new(&quantized.estimator, &circuit, &program, comparison);
    report.trees = forest.map(|forest| {
        let calibrated = calibration.is_some();
        TreesReport::new(&forest, &options.quantize.forest, &quantized, calibrated)
    });
    report.compile_ms = start.elapsed().as_secs_f64() * 1e3;
    let server = server_program::encode(&client, circuit.circuit(), model, &report)?;
    Ok(Compiled {
        client,
        server,
        report,
    })
}

fn client_spec(
    model: &QuantizedModel,
    circuit: &Verified,
    program: &Program,
    p_fail_log2: f64,
) -> OwnedSpec {
    let scales = model.output_scale.iter().zip(&model.output_offset);
    let output = |(range, (&scale, &offset)): (&tenebra_circuit::Interval, (&f64, &f64))| Output {
        min: range.min,
        max: range.max,
        scale,
        offset,
    };
    OwnedSpec {
        p_fail_log2,
        scheme: program.spec_scheme(),
        columns: u32::try_from(model.n_features).unwrap_or(u32::MAX),
        inputs: model.inputs.iter().map(client_input).collect(),
        outputs: circuit
            .output_ranges()
            .iter()
            .zip(scales)
            .map(output)
            .collect(),
        inverse_link: model.inverse_link,
        decision: model.decision,
        classes: model.classes.clone(),
        column_names: model.feature_names.clone().unwrap_or_default(),
        estimator: model.estimator.clone(),
    }
}

fn client_input(input: &tenebra_models::quantized::InputCodec) -> OwnedInput {
    let codec = match &input.codec {
        Codec::Affine(affine) => OwnedCodec::Affine(*affine),
        Codec::Bins { cuts, round_to_f32 } => OwnedCodec::Bins {
            cuts: cuts.clone(),
            round_to_f32: *round_to_f32,
        },
    };
    OwnedInput {
        column: u32::try_from(input.feature).unwrap_or(u32::MAX),
        codec,
        missing: input.missing,
    }
}

/// Runs both models on calibration rows.
fn compare(
    model: &Model,
    quantized: &QuantizedModel,
    circuit: &Verified,
    calibration: Option<&Table>,
) -> Result<QuantizationReport, Error> {
    let mut report = QuantizationReport {
        columns: quantized.n_features,
        inputs: quantized.inputs.len(),
        outputs: quantized.output_scale.len(),
        calibration_rows: None,
        class_agreement: None,
        max_score_error: None,
    };
    let Some(table) = calibration else {
        return Ok(report);
    };
    let table = table.align(quantized.feature_names.as_deref(), quantized.n_features)?;
    let (mut agreeing, mut error, mut rows) = (0.0, 0.0f64, 0.0);
    for row in table.rows().take(COMPARED_ROWS) {
        let float = model.predict(row)?;
        let integers = tenebra_sim::run(circuit, &quantized.encode(row)?.codes)?;
        let found = quantized.decode(&integers)?;
        agreeing += f64::from(u8::from(float.class == found.class));
        let distances = float
            .scores
            .iter()
            .zip(&found.scores)
            .map(|(x, y)| (x - y).abs());
        error = distances.fold(error, f64::max);
        rows += 1.0;
    }
    report.calibration_rows = Some(table.n_rows().min(COMPARED_ROWS));
    report.max_score_error = Some(error);
    report.class_agreement = (!quantized.classes.is_empty()).then(|| agreeing / rows);
    Ok(report)
}
