//! The linear cases of a comparison with Concrete ML, all test rows, encrypted: 0 mismatches, and scores within 0.01 of the
//! float model's. The table comes with
//! `TENEBRA_PEER=... cargo test --release --workspace --test linear_cases -- --nocapture`.
//!
//! The data is not part of this repository: `TENEBRA_PEER` names its folder, and without it there is nothing to do.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and the table is its output"
)]

use std::path::{Path, PathBuf};

use tenebra_app::evaluate::{clear, encrypted, score, simulate};
use tenebra_app::files::TableFile;
use tenebra_app::rows::{Columns, Extra, Rows, Selection, read_rows};
use tenebra_app::{Codes, CompileOptions, ServerProgram, compile};
use tenebra_client::ClientSpec;
use tenebra_models::data::{CsvSpec, read_csv_file};
use tenebra_models::import::read;
use tenebra_models::{Estimator, Model, Prediction, QuantizeOptions};

struct Case {
    name: &'static str,
    estimator: &'static str,
    data: &'static str,
    weight: Option<&'static str>,
    n_bits: u8,
    params: &'static [(&'static str, &'static str)],
}

const fn case(
    name: &'static str,
    estimator: &'static str,
    data: &'static str,
    params: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        name,
        estimator,
        data,
        weight: None,
        n_bits: 8,
        params,
    }
}

const fn claims(name: &'static str, n_bits: u8) -> Case {
    Case {
        weight: Some("w"),
        n_bits,
        ..case(
            name,
            "PoissonRegressor",
            "claims_freq",
            &[("alpha", "1e-3"), ("max_iter", "500")],
        )
    }
}

/// As in its `cases.py`; the other linear cases there have no data.
const CASES: [Case; 16] = [
    case("linreg_lin1d", "LinearRegression", "lin1d", &[]),
    case("linreg_diabetes", "LinearRegression", "diabetes", &[]),
    case("ridge_diabetes", "Ridge", "diabetes", &[("alpha", "0.1")]),
    case("lasso_diabetes", "Lasso", "diabetes", &[("alpha", "0.1")]),
    case(
        "elasticnet_diabetes",
        "ElasticNet",
        "diabetes",
        &[("alpha", "0.001")],
    ),
    case("sgdreg_diabetes", "SGDRegressor", "diabetes_std", &[]),
    case("linsvr_diabetes", "LinearSVR", "diabetes_std", &[]),
    case("logreg_log2d", "LogisticRegression", "log2d", &[]),
    case("logreg_log30d", "LogisticRegression", "log30d", &[]),
    case(
        "logreg_iris",
        "LogisticRegression",
        "iris",
        &[("max_iter", "500")],
    ),
    case(
        "logreg_wine",
        "LogisticRegression",
        "wine_std",
        &[("max_iter", "500")],
    ),
    case(
        "logreg_bc",
        "LogisticRegression",
        "bc_std",
        &[("max_iter", "500")],
    ),
    case(
        "logreg_digits",
        "LogisticRegression",
        "digits",
        &[("max_iter", "1000")],
    ),
    case("linsvc_bc", "LinearSVC", "bc_std", &[]),
    case(
        "sgdclf_bc",
        "SGDClassifier",
        "bc_std",
        &[("loss", "log_loss")],
    ),
    claims("poisson_claims", 11),
];
const MORE: [Case; 1] = [claims("poisson_claims_b8", 8)];

#[test]
fn encrypted_scores_are_those_of_the_float_models() {
    let folder = std::env::var_os("TENEBRA_PEER").map(PathBuf::from);
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        eprintln!("nothing compared: TENEBRA_PEER names no folder");
        return;
    };
    println!(
        "{:<28} {:>5} {:>8} {:>8} {:>8} {:>10} {:>9} {:>9} {:>9} {:>7} {:>7}",
        "case",
        "rows",
        "float",
        "simul.",
        "encr.",
        "mismatches",
        "encr. ms",
        "eval. ms",
        "decr. ms",
        "query",
        "resp."
    );
    for case in CASES.iter().chain(&MORE) {
        let trained = train(&folder, case);
        run(&folder, case, case.name, &trained);
        let onnx = folder.join("models").join(case.name).join("float.onnx");
        if let Ok(bytes) = std::fs::read(onnx) {
            let imported = read(&bytes, None).unwrap();
            run(&folder, case, &format!("{} (onnx)", case.name), &imported);
        }
    }
}

fn file(folder: &Path, case: &Case, part: &str) -> PathBuf {
    folder.join(format!("data/{}_{part}.csv", case.data))
}

fn train(folder: &Path, case: &Case) -> Model {
    let spec = CsvSpec {
        targets: vec!["y".to_owned()],
        weight: case.weight.map(str::to_owned),
        ..CsvSpec::default()
    };
    let data = read_csv_file(&file(folder, case, "train"), &spec).unwrap();
    let mut estimator = Estimator::new(case.estimator).unwrap();
    for (name, value) in case.params {
        estimator.set(name, value).unwrap();
    }
    estimator.fit(&data).unwrap().model
}

fn rows(folder: &Path, case: &Case, part: &str, columns: &Columns) -> Rows {
    let extra = Extra {
        targets: vec!["y".to_owned()],
        weight: case.weight.map(str::to_owned),
        ..Extra::default()
    };
    let file = TableFile::open(&file(folder, case, part)).unwrap();
    read_rows(file, columns, &extra, &Selection::ALL).unwrap()
}

fn run(folder: &Path, case: &Case, name: &str, model: &Model) {
    let columns = Columns::of_model(model);
    let calibration = rows(folder, case, "train", &columns).table;
    let options = CompileOptions {
        quantize: QuantizeOptions::with_bits(case.n_bits).unwrap(),
        ..CompileOptions::default()
    };
    let compiled = compile(model, Some(&calibration), &options, &mut |_, _| {}).unwrap();
    let spec = ClientSpec::parse(&compiled.client).unwrap();
    let server = ServerProgram::parse(&compiled.server).unwrap();
    let rows = rows(folder, case, "test", &columns);

    let codes = Codes::of(&spec, &rows).unwrap();
    let float = clear(model, &rows).unwrap();
    let simulated = simulate(&server, &codes).unwrap();
    let single = encrypted(&server, &codes, 1, 1, &mut |_, _| ()).unwrap();
    let batch = encrypted(&server, &codes, spec.max_rows(), 1, &mut |_, _| ()).unwrap();
    let score = |predictions: &[Prediction]| {
        let score = score(model.metric(), predictions, &rows, model.classes());
        score.unwrap().unwrap()
    };
    let scores = [&float, &simulated.predictions, &single.scored.predictions];
    let [float, quantized, decrypted] = scores.map(|predictions| score(predictions));
    let mismatches = simulated.mismatches(&single.scored) + simulated.mismatches(&batch.scored);
    let figures = &single.figures;
    println!(
        "{name:<28} {:>5} {float:>8.4} {quantized:>8.4} {decrypted:>8.4} {mismatches:>10} {:>9.4} {:>9.4} {:>9.4} {:>7} {:>7}",
        rows.table.n_rows(),
        figures.encrypt_ms.median,
        figures.evaluate_ms.median,
        figures.decrypt_ms.median,
        figures.query_bytes,
        figures.response_bytes
    );
    assert_eq!(mismatches, 0, "{name}");
    assert!(
        (float - decrypted).abs() <= 0.01,
        "{name}: {float} against {decrypted}"
    );
    if case.estimator == "PoissonRegressor" && case.n_bits == 11 {
        assert!((float - decrypted).abs() <= 0.01 * float.abs(), "{name}");
    }
}
