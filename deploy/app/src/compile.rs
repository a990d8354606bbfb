//! From a float model to the two files that run it encrypted.

use std::time::Instant;

use sha2::{Digest, Sha256};
use tenebra_circuit::{Options, Verified};
use tenebra_client::ClientSpec;
use tenebra_client::OwnedSpec;
use tenebra_models::data::Table;
use tenebra_models::forest::Decoys;
use tenebra_models::{Model, QuantizeError, QuantizeOptions, QuantizedModel, quantize_with_report};
use tenebra_tfhe::Program;
use tenebra_tfhe::measure::{Measure, MeasureError, Measured};

use crate::Progress;
use crate::error::Error;
use crate::evaluate::system_rng;
use crate::report::{NetworkBits, QuantizationReport, Report, TreesReport};
use crate::server_program::{self, ServerProgram};

/// Rows of a batch plan: as many as the ring holds.
const BATCH_ROWS: usize = u16::MAX as usize;
/// Most calibration rows on which the float and the quantized model are compared: enough for a percentage.
const COMPARED_ROWS: usize = 2000;

/// How finely to quantize and how to plan.
#[derive(Clone, Debug)]
pub struct CompileOptions {
    /// Bits and ranges.
    pub quantize: QuantizeOptions,
    /// Failure probability and query mode; `rows` is chosen by [`compile()`].
    pub plan: Options,
    /// Whether the noise of every plan is measured before it is taken.
    pub measure: bool,
}

impl Default for CompileOptions {
    /// Default bits, ranges and failure probability, measured.
    fn default() -> Self {
        Self {
            quantize: QuantizeOptions::default(),
            plan: Options::default(),
            measure: true,
        }
    }
}

/// Decoys among the split points of a model, with codes of so many more bits. Their seed cannot be guessed by a client without the
/// leaves, and is the same for the same model: of two sets of decoys, a client could find the split points as what both contain.
///
/// # Errors
/// [`Error::Model`].
pub fn decoys(model: &Model, bits: u8) -> Result<Decoys, Error> {
    let digest = Sha256::digest(model.to_json()?);
    let seed = u64::from_le_bytes(digest.first_chunk().copied().unwrap_or_default());
    Ok(Decoys { bits, seed })
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

/// Quantizes, builds and verifies the circuit, plans it, measures the noise of the plans with keys made for the purpose, and
/// encodes both files. `progress` is told how many queries of a measurement are done, of how many.
///
/// `calibration` are rows like those that will be scored; without them the ranges that the model learned in training are
/// taken.
///
/// # Errors
/// [`Error::Quantize`], [`Error::Circuit`], [`Error::Plan`] if no parameters fit, [`Error::Measure`] if none have the noise that
/// is predicted, [`Error::Spec`] for a model too large for a client spec.
pub fn compile(
    model: &Model,
    calibration: Option<&Table>,
    options: &CompileOptions,
    progress: Progress<'_>,
) -> Result<Compiled, Error> {
    let start = Instant::now();
    let quantized = quantize_with_report(model, calibration, &options.quantize);
    let (quantized, became) = quantized.map_err(|e| name_feature(e, model))?;
    let circuit = quantized.circuit();
    let plan = Options {
        rows: BATCH_ROWS,
        ..options.plan.clone()
    };
    let (program, measured) = if options.measure {
        let measured = measure(circuit, &plan, progress)?;
        (
            measured.program,
            Some((measured.measurements, measured.refused)),
        )
    } else {
        (Program::prepare(circuit, &plan)?, None)
    };
    let spec = OwnedSpec {
        p_fail_log2: plan.p_fail_log2,
        scheme: program.spec_scheme(),
        interface: quantized.interface(),
    };
    let client = spec.encode()?;
    let mut comparison = compare(model, &quantized, calibration)?;
    comparison.network = became.network.as_ref().map(NetworkBits::new);
    let mut report = Report::new(&quantized.estimator, circuit, &program, comparison);
    if let Some((measurements, refused)) = measured {
        report.add_measured(&program, &measurements, &refused);
    }
    report.trees = became.forest.map(|forest| {
        let calibrated = calibration.is_some();
        TreesReport::new(&forest, &options.quantize.forest, &quantized, calibrated)
    });
    report.compile_ms = start.elapsed().as_secs_f64() * 1e3;
    let server = server_program::encode(&client, circuit.circuit(), &report)?;
    // What was written can be read, or it is not written.
    ClientSpec::parse(&client)?;
    ServerProgram::parse(&server)?;
    Model::from_json(&model.to_json()?)?;
    Ok(Compiled {
        client,
        server,
        report,
    })
}

fn measure(circuit: &Verified, plan: &Options, progress: Progress<'_>) -> Result<Measured, Error> {
    let mut measure = Measure {
        queries: None,
        expected: &|codes| tenebra_sim::run(circuit, codes).ok(),
        rng: &mut system_rng()?,
        progress,
    };
    Program::prepare_measured(circuit, plan, &mut measure).map_err(|error| match error {
        MeasureError::Plan(error) => error.into(),
        error => error.into(),
    })
}

/// Features have names where the model knows them.
fn name_feature(error: QuantizeError, model: &Model) -> Error {
    let QuantizeError::Feature { feature, source } = error else {
        return error.into();
    };
    let name = model.feature_names().and_then(|names| names.get(feature));
    let column = name.map(|name| format!("`{name}`"));
    Error::Column {
        column: column.unwrap_or_else(|| (feature + 1).to_string()),
        source,
    }
}

/// Runs both models on calibration rows.
fn compare(
    model: &Model,
    quantized: &QuantizedModel,
    calibration: Option<&Table>,
) -> Result<QuantizationReport, Error> {
    let mut report = QuantizationReport {
        columns: quantized.n_features,
        inputs: quantized.inputs.len(),
        outputs: quantized.readout.outputs.len(),
        calibration_rows: None,
        class_agreement: None,
        clipped_rows: None,
        max_score_error: None,
        score_range: None,
        network: None,
    };
    let Some(table) = calibration else {
        return Ok(report);
    };
    let table = table.align(quantized.feature_names.as_deref(), quantized.n_features)?;
    let (mut agreeing, mut clipped, mut error) = (0.0, 0, 0.0f64);
    let (mut least, mut largest) = (f64::INFINITY, f64::NEG_INFINITY);
    let rows = spread(table.n_rows(), COMPARED_ROWS);
    let all: Vec<&[f64]> = table.rows().collect();
    for row in rows.iter().map(|&index| all[index]) {
        let float = model.predict(row)?;
        let codes = quantized.encode(row)?;
        let found = quantized.decode(&tenebra_sim::run(quantized.circuit(), &codes.codes)?)?;
        agreeing += f64::from(u8::from(float.class == found.class));
        if codes.clipped > 0 {
            clipped += 1;
            continue;
        }
        let distances = float
            .scores
            .iter()
            .zip(&found.scores)
            .map(|(x, y)| (x - y).abs());
        error = distances.fold(error, f64::max);
        least = float.scores.iter().copied().fold(least, f64::min);
        largest = float.scores.iter().copied().fold(largest, f64::max);
    }
    report.calibration_rows = Some(rows.len());
    report.clipped_rows = Some(clipped);
    report.max_score_error = (clipped < rows.len()).then_some(error);
    report.score_range = Some(largest - least).filter(|range| range.is_finite());
    report.class_agreement =
        (!quantized.readout.classes.is_empty()).then(|| agreeing / rows.len() as f64);
    Ok(report)
}

/// At most `most` of `rows` rows from all over the file, in order. Files are sorted, and may repeat: the rows are as even as
/// multiples of the golden ratio, which keep step with no period.
fn spread(rows: usize, most: usize) -> Vec<usize> {
    /// 2^64 over the golden ratio.
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    if rows <= most {
        return (0..rows).collect();
    }
    let place = |at: u64| {
        let share = u128::from(at.wrapping_mul(STEP)) * rows as u128;
        usize::try_from(share >> 64).unwrap_or(0)
    };
    let mut chosen: Vec<usize> = (0..most as u64).map(place).collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compared_rows_come_from_all_over_the_file() {
        assert_eq!(spread(3, 5), [0, 1, 2]);
        for rows in [2001, 4000, 100_000] {
            let chosen = spread(rows, 2000);
            assert!(chosen.len() > 1200, "{}", chosen.len());
            // Of every tenth of the file a tenth, and of every second row a half.
            let share = |wanted: &dyn Fn(usize) -> bool| {
                chosen.iter().filter(|row| wanted(**row)).count() as f64 / chosen.len() as f64
            };
            for tenth in 0..10 {
                let part = share(&|row| row * 10 / rows == tenth);
                assert!((0.09..0.11).contains(&part), "{part}");
            }
            assert!((0.45..0.55).contains(&share(&|row| row % 2 == 0)));
        }
    }
}
