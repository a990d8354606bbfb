//! Files that strangers brought, in `tests/data/forest/cases`: read as the library reads them, quantized so that no row is lost,
//! or refused with the way out.

use std::path::PathBuf;

use super::expected::assert_close;
use tenebra_models::data::{CsvSpec, DataSet, read_csv_file};
use tenebra_models::import::{ImportOptions, Imported, Iterations, read_with};
use tenebra_models::{Model, QuantizeOptions, quantize_with_report};

/// The libraries add in single precision.
const TOLERANCE: f64 = 4e-6;

fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data/forest/cases").join(name)
}

fn import(name: &str, iterations: Iterations) -> Result<Imported, String> {
    let options = ImportOptions {
        iterations,
        ..ImportOptions::default()
    };
    read_with(&std::fs::read(path(name)).unwrap(), options).map_err(|error| error.to_string())
}

fn model(name: &str) -> Model {
    let imported = import(name, Iterations::Library);
    imported
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .model
}

fn table(name: &str, targets: &[&str]) -> DataSet {
    let spec = CsvSpec {
        targets: targets.iter().map(|&target| target.to_owned()).collect(),
        ..CsvSpec::default()
    };
    read_csv_file(&path(name), &spec).unwrap()
}

#[test]
fn files_are_read_as_their_libraries_read_them() {
    for (case, file) in [
        ("categorical_lightgbm", "m.txt"),
        ("categorical_xgboost", "m.json"),
        ("xgb_best_iteration_continued", "m.json"),
        ("xgb_best_iteration_native", "m.json"),
        ("xgb_infinite_threshold_json", "m.json"),
        ("xgb_infinite_threshold_ubj", "m.ubj"),
    ] {
        let name = format!("{case}/{file}");
        let model = model(&name);
        let rows = table(&format!("{case}/rows.csv"), &["y"]);
        let want = rows.targets[0].to_numbers().unwrap();
        for (row, (features, want)) in rows.table.rows().zip(want).enumerate() {
            let got = model.predict(features).unwrap().values;
            assert_close(&path(&name), "prediction", row, &got, &[want], TOLERANCE);
        }
    }
    for (case, file) in [
        ("xgb21_multi_output_tree_json", "m.json"),
        ("xgb21_multi_output_tree_ubj", "m.ubj"),
    ] {
        let name = format!("{case}/{file}");
        let model = model(&name);
        let rows = table(&format!("{case}/rows.csv"), &[]);
        // The predictions stand below one another, without a header.
        let text = std::fs::read_to_string(path(&format!("{case}/expected.csv"))).unwrap();
        let want = text.lines().map(|line| -> Vec<f64> {
            line.split(',').map(|cell| cell.parse().unwrap()).collect()
        });
        for (row, (features, want)) in rows.table.rows().zip(want).enumerate() {
            let got = model.predict(features).unwrap().values;
            assert_close(&path(&name), "prediction", row, &got, &want, TOLERANCE);
        }
    }
}

#[test]
fn a_base_score_of_0_is_clamped_as_xgboost_clamps_it() {
    let got = model("xgb_base_score_0/m.json")
        .predict(&[0.0; 100][..model("xgb_base_score_0/m.json").n_features()]);
    let value = got.unwrap().values[0];
    assert!((value - 1e-6).abs() < 1e-9, "{value}");
}

#[test]
fn lightgbm_before_2_2_is_read() {
    let Model::Forest(forest) = model("lightgbm_2_1_no_end_of_trees/m.txt") else {
        panic!("a forest")
    };
    assert_eq!((forest.trees.len(), forest.n_features), (6, 5));
    let cut = std::fs::read_to_string(path("lightgbm_2_1_no_end_of_trees/m.txt")).unwrap();
    let cut = &cut[..cut.find("Tree=5").unwrap()];
    let error = read_with(cut.as_bytes(), ImportOptions::default()).unwrap_err();
    assert!(error.to_string().contains("cut off"), "{error}");
}

#[test]
fn boosters_of_several_labels_and_linear_ones_are_read_and_others_refused_with_the_way_out() {
    let labels = import("other_clear_refusals/multilabel.json", Iterations::Library).unwrap();
    assert!(
        labels.notes[0].starts_with("2 labels a row"),
        "{:?}",
        labels.notes
    );
    assert!(labels.model.classes().is_empty());
    assert!(matches!(
        model("other_clear_refusals/gblinear.json"),
        Model::Linear(_)
    ));
    for (file, message) in [
        (
            "other_clear_refusals/linear_tree.txt",
            "train with `linear_tree=false`",
        ),
        (
            "other_clear_refusals/reg_sqrt.txt",
            "train with `reg_sqrt=false`",
        ),
        (
            "other_clear_refusals/xentlambda.txt",
            "train with `cross_entropy`",
        ),
        ("xgb_config_json_message/config.json", "save_model"),
    ] {
        let error = import(file, Iterations::Library).unwrap_err();
        assert!(error.contains(message), "{file}: {error}");
    }
}

/// The classes, or the numbers to within a part of their spread, of every row, although the model was calibrated on rows that
/// say nothing of them.
#[test]
fn calibration_that_says_nothing_loses_no_row() {
    for (case, file) in [
        ("leafbits_all_positives_lost", "xgb.json"),
        ("leafbits_from_uninformative_calibration", "xgb.json"),
        ("leafbits_zero_inflated_regression", "gbr.onnx"),
        ("unreadable_server_tnb", "xgb.json"),
    ] {
        let model = model(&format!("{case}/{file}"));
        let train = table(&format!("{case}/train.csv"), &["y"]);
        let test = table(&format!("{case}/test.csv"), &["y"]);
        let options = QuantizeOptions::default();
        let (quantized, report) =
            quantize_with_report(&model, Some(&train.table), &options).unwrap();
        let report = report.forest.unwrap();
        assert!(report.measured.unwrap().relative.is_finite(), "{case}");
        assert!(report.relative_leaf_error_bound < 1.0 / 256.0, "{case}");
        let want = test.targets[0].to_numbers().unwrap();
        let spread = want.iter().fold(0.0_f64, |spread, y| spread.max(y.abs()));
        for (row, want) in test.table.rows().zip(want) {
            let codes = quantized.encode(row).unwrap().codes;
            let got = quantized
                .decode(&tenebra_sim::run(quantized.circuit(), &codes).unwrap())
                .unwrap();
            match got.class {
                Some(class) => assert_eq!(model.classes()[class], want.to_string(), "{case}"),
                None => assert!(
                    (got.values[0] - want).abs() <= 0.01 * spread,
                    "{case}: {row:?}"
                ),
            }
        }
    }
}
