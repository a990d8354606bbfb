//! Training on data that is small, degenerate or extreme: a model of finite numbers or an error, never a panic or an
//! endless search.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use tenebra_models::data::{DataSet, Table, TargetColumn};
use tenebra_models::{Estimator, Model, QuantizeOptions, Task, estimators, quantize};

/// Values that break naive arithmetic, among ordinary ones.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -3.0..3.0_f64,
        2 => Just(0.0),
        1 => Just(1.0),
        1 => prop_oneof![Just(1e300), Just(-1e300), Just(1e-300), Just(1e15), Just(f64::MAX), Just(f64::MIN_POSITIVE)],
    ]
}

fn data(task: Task) -> impl Strategy<Value = DataSet> {
    (1_usize..4, 1_usize..20).prop_flat_map(move |(columns, rows)| {
        let cells = proptest::collection::vec(value(), rows * columns);
        let target = proptest::collection::vec((value(), 0_u8..3), rows);
        let weights = proptest::option::of(proptest::collection::vec(
            prop_oneof![Just(0.0), 0.1..3.0_f64],
            rows,
        ));
        (cells, target, weights).prop_map(move |(cells, target, weights)| DataSet {
            table: Table::from_rows(columns, cells).unwrap(),
            targets: vec![TargetColumn {
                name: "y".to_owned(),
                cells: target
                    .iter()
                    .map(|(y, class)| {
                        if task == Task::Regression {
                            y.to_string()
                        } else {
                            class.to_string()
                        }
                    })
                    .collect(),
            }],
            weights,
        })
    })
}

fn quick(name: &str) -> Estimator {
    let mut estimator = Estimator::new(name).unwrap();
    if estimator
        .info()
        .params
        .iter()
        .any(|param| param.name == "max_iter")
    {
        estimator.set("max_iter", "50").unwrap();
    }
    estimator
}

fn linear() -> Vec<(&'static str, Task)> {
    estimators()
        .map(|info| (info.name, info.task))
        .filter(|(name, _)| {
            let others = ["Tree", "Forest", "Boosting", "Additive", "MLP"];
            !others.iter().any(|other| name.contains(other))
        })
        .collect()
}

fn check(name: &str, data: &DataSet) -> Result<(), TestCaseError> {
    let Ok(trained) = quick(name).fit(data) else {
        return Ok(());
    };
    let Model::Linear(model) = &trained.model else {
        return Ok(());
    };
    prop_assert!(
        model
            .coef
            .iter()
            .flatten()
            .chain(&model.intercept)
            .all(|w| w.is_finite()),
        "{name}"
    );
    prop_assert_eq!(
        &Model::from_json(&trained.model.to_json().unwrap()).unwrap(),
        &trained.model
    );
    if let Ok(quantized) = quantize(
        &trained.model,
        Some(&data.table),
        &QuantizeOptions::default(),
    ) {
        for row in data.table.rows() {
            quantized
                .encode(row)
                .map_err(|e| TestCaseError::fail(format!("{name}: {e}")))?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn regressors_survive_any_table(data in data(Task::Regression)) {
        for (name, _) in linear().into_iter().filter(|(_, task)| *task == Task::Regression) {
            check(name, &data)?;
        }
    }

    #[test]
    fn classifiers_survive_any_table(data in data(Task::Classification)) {
        for (name, _) in linear().into_iter().filter(|(_, task)| *task == Task::Classification) {
            check(name, &data)?;
        }
    }
}

/// 5 rows of as many features as a table may have: a matrix of features by features would take 34 GB.
#[test]
fn wide_tables_take_the_memory_of_their_rows() {
    const COLUMNS: usize = 65_535;
    let cell = |at: usize| f64::from(u16::try_from(at * 7919 % 1009).unwrap()) / 1009.0;
    let data = DataSet {
        table: Table::from_rows(COLUMNS, (0..5 * COLUMNS).map(cell).collect()).unwrap(),
        targets: vec![TargetColumn {
            name: "y".to_owned(),
            cells: ["1", "2", "2", "1", "2"].map(str::to_owned).to_vec(),
        }],
        weights: None,
    };
    for (name, _) in linear() {
        let Model::Linear(model) = quick(name).fit(&data).unwrap().model else {
            panic!("{name} is not linear");
        };
        assert_eq!(model.coef[0].len(), COLUMNS, "{name}");
    }
}

#[test]
fn targets_out_of_range_are_named() {
    let data = |y: &[&str]| DataSet {
        table: Table::from_rows(1, (0..y.len()).map(|x| x as f64).collect()).unwrap(),
        targets: vec![TargetColumn {
            name: "y".to_owned(),
            cells: y.iter().map(|&y| y.to_owned()).collect(),
        }],
        weights: None,
    };
    let message = |name: &str, y: &[&str]| {
        Estimator::new(name)
            .unwrap()
            .fit(&data(y))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message("PoissonRegressor", &["1", "-2", "3"]),
        "row 2: the target -2 is out of range; PoissonRegressor of power 1 needs targets of at least 0"
    );
    assert!(message("GammaRegressor", &["1", "0"]).contains("row 2: the target 0 is out of range"));
    assert!(message("LogisticRegression", &["a", "a"]).contains("all rows are of class `a`"));
    assert!(
        message("LogisticRegression", &["0.5", "1"]).contains("class labels are integers or words")
    );
    assert!(
        message("Ridge", &["a", "1"]).contains("row 1, column `y`: `a` is not a finite number")
    );
}

#[test]
fn a_warning_says_when_the_optimizer_was_cut_off() {
    let x: Vec<f64> = (0..40).map(|i| f64::from(i * i % 37)).collect();
    let cells = (0..20).map(|i| ((i * 7 + 3) % 5 > 2).to_string()).collect();
    let data = DataSet {
        table: Table::from_rows(2, x).unwrap(),
        targets: vec![TargetColumn {
            name: "y".to_owned(),
            cells,
        }],
        weights: None,
    };
    let mut estimator = Estimator::new("LogisticRegression").unwrap();
    assert_eq!(estimator.fit(&data).unwrap().warning, None);
    estimator.set("max_iter", "1").unwrap();
    let warning = estimator.fit(&data).unwrap().warning.unwrap();
    assert!(
        warning.starts_with("LogisticRegression stopped after 1 steps"),
        "{warning}"
    );
}

#[test]
fn a_warning_says_when_gradient_descent_diverged() {
    // One feature in thousands: the first steps overshoot by as much.
    let x: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 101) * 1e3).collect();
    let data = |scale: f64| DataSet {
        table: Table::from_rows(1, x.iter().map(|x| x * scale).collect()).unwrap(),
        targets: vec![TargetColumn {
            name: "y".to_owned(),
            cells: x.iter().map(|x| (x / 1e4 - 3.0).to_string()).collect(),
        }],
        weights: None,
    };
    let warning = |scale| {
        let estimator = Estimator::new("SGDRegressor").unwrap();
        estimator.fit(&data(scale)).unwrap().warning
    };
    let diverged = warning(1.0).unwrap();
    assert!(
        diverged.starts_with("SGDRegressor diverged: its mean loss is")
            && diverged.contains("scale the features"),
        "{diverged}"
    );
    assert_eq!(warning(1e-5), None);
}
