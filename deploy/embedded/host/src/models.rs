//! The models of the example, trained on the measurements of the demo.

use std::fs;
use std::path::Path;

use tenebra_circuit::{Options, QueryMode};
use tenebra_client::OwnedSpec;
use tenebra_models::data::{CsvSpec, Table, read_csv};
use tenebra_models::{Estimator, QuantizeOptions, quantize};
use tenebra_quant::Interface;
use tenebra_tfhe::Program;

use crate::result::Result;

const TRAIN: &str = include_str!("../../../cli/data/breast_cancer_train.csv");
const TEST: &str = include_str!("../../../cli/data/breast_cancer_test.csv");
const TARGET: &str = "diagnosis";
/// Real units of one count of every sensor; the columns of the data are standardized, most lie within ±5.
const LSB: f64 = 1.0 / 1024.0;
/// The count that stands for 0: of a 16-bit converter in the middle of its range.
const OFFSET: i32 = 1 << 15;

struct Recipe {
    name: &'static str,
    estimator: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    /// `None` where they are the model's own.
    bits: Option<u8>,
    query: QueryMode,
}

const RECIPES: [Recipe; 3] = [
    Recipe {
        name: "linear",
        estimator: "LogisticRegression",
        parameters: &[],
        bits: Some(8),
        query: QueryMode::Auto,
    },
    // The size of the xgb50d4_bc.
    Recipe {
        name: "packed",
        estimator: "GradientBoostingClassifier",
        parameters: &[("n_estimators", "50"), ("max_depth", "4")],
        bits: Some(6),
        query: QueryMode::Packed,
    },
    Recipe {
        name: "network",
        estimator: "MLPClassifier",
        parameters: &[
            ("hidden_layer_sizes", "16"),
            ("n_bits", "2"),
            ("max_weights", "12"),
            ("max_iter", "60"),
        ],
        bits: None,
        query: QueryMode::Packed,
    },
];

/// Writes, for each model, `NAME.tnb`, `NAME.sensors` and `NAME.circuit`.
pub(crate) fn write_all(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let data = read_csv(TRAIN.as_bytes(), &CsvSpec::with_target(TARGET))?;
    for recipe in &RECIPES {
        let mut estimator = Estimator::new(recipe.estimator)?;
        for (name, value) in recipe.parameters {
            estimator.set(name, value)?;
        }
        let model = estimator.fit(&data)?.model;
        let options = recipe.bits.map(QuantizeOptions::with_bits);
        let options = options.transpose()?.unwrap_or_default();
        let quantized = quantize(&model, Some(&data.table), &options)?;
        let circuit = quantized.circuit();
        let options = Options {
            query: recipe.query,
            ..Options::default()
        };
        let program = Program::prepare(circuit, &options)?;
        let spec = OwnedSpec {
            p_fail_log2: options.p_fail_log2,
            scheme: program.spec_scheme(),
            interface: Interface {
                // The device knows its sensors by their place.
                column_names: Vec::new(),
                ..quantized.interface()
            },
        };
        let path = |extension: &str| folder.join(recipe.name).with_extension(extension);
        write_if_changed(&path("tnb"), &spec.encode()?)?;
        let sensors = format!("{LSB} {OFFSET}\n").repeat(quantized.n_features);
        write_if_changed(&path("sensors"), sensors.as_bytes())?;
        write_if_changed(&path("circuit"), circuit.circuit().to_string().as_bytes())?;
    }
    Ok(())
}

/// Spares the firmware a build.
fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    Ok(fs::write(path, bytes)?)
}

/// Held-out measurements, as the sensors report them; then the ends of what a sensor can report.
pub(crate) fn readings(rows: usize) -> Result<Vec<Vec<i32>>> {
    let data = read_csv(TEST.as_bytes(), &CsvSpec::with_target(TARGET))?;
    let columns = data.table.n_columns();
    let mut readings = sensor_counts(&data.table, rows);
    readings.extend([i32::MIN, i32::MAX].map(|count| vec![count; columns]));
    Ok(readings)
}

fn sensor_counts(table: &Table, rows: usize) -> Vec<Vec<i32>> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "standardized values are small"
    )]
    let count = |real: &f64| (real / LSB).round() as i32 + OFFSET;
    table
        .rows()
        .take(rows)
        .map(|row| row.iter().map(count).collect())
        .collect()
}

/// What was measured when the sensor reports `count`.
pub(crate) fn real(count: i32) -> f64 {
    LSB * (f64::from(count) - f64::from(OFFSET))
}
