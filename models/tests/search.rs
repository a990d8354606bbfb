//! Search against scikit-learn's splits (`data/search/make.py`), against a plain double loop, and what it keeps of a search that is ended.
#![cfg(feature = "train")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeMap;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;
use std::sync::Mutex;

use serde::Deserialize;
use tenebra_models::data::{DataSet, Table, TargetColumn, Words};
use tenebra_models::scores::Metric;
use tenebra_models::search::{
    Halving, Job, Latency, Objective, Outcome, Search, SearchError, SearchWatch, Space, Split,
    Strategy, Unattended,
};
use tenebra_models::{Pipeline, QuantizeOptions, QuantizedModel, quantize};

#[derive(Deserialize)]
struct Recorded {
    splits: Vec<RecordedSplit>,
    grid: RecordedGrid,
}

#[derive(Deserialize)]
struct RecordedSplit {
    split: String,
    folds: usize,
    labels: Vec<String>,
    train: Vec<Vec<usize>>,
    test: Vec<Vec<usize>>,
}

#[derive(Deserialize)]
struct RecordedGrid {
    values: BTreeMap<String, Vec<String>>,
    candidates: Vec<BTreeMap<String, String>>,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("data/search/splits.json")).unwrap()
}

#[test]
fn splits_are_those_of_scikit_learn() {
    let recorded = recorded();
    assert_eq!(recorded.splits.len(), 46);
    for case in recorded.splits {
        let split = [
            Split::KFold,
            Split::StratifiedKFold,
            Split::GroupKFold,
            Split::TimeSeriesSplit,
        ]
        .into_iter()
        .find(|split| split.name() == case.split)
        .unwrap();
        let rows = case.labels.len();
        let folds = split.folds(case.folds, rows, Some(&case.labels)).unwrap();
        let name = format!("{} {rows} {}", case.split, case.folds);
        let test: Vec<Vec<usize>> = folds.iter().map(|fold| fold.test.clone()).collect();
        let train: Vec<Vec<usize>> = folds.into_iter().map(|fold| fold.train).collect();
        assert_eq!(test, case.test, "{name}");
        assert_eq!(train, case.train, "{name}");
    }
}

#[test]
fn grids_are_in_the_order_of_scikit_learn() {
    let grid = recorded().grid;
    let pairs: Vec<(String, String)> = grid
        .values
        .into_iter()
        .map(|(name, values)| (name, values.join(",")))
        .collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    let search = Search::new("ridge".parse().unwrap(), space(&pairs));
    assert_eq!(search.candidates().unwrap(), grid.candidates);
}

/// Numbers that look random: a linear congruential generator's upper bits, in `[0, 1)`.
fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    };
    (0..count).map(|_| next()).collect()
}

fn data(rows: usize, columns: usize, label: impl Fn(&[f64], usize) -> bool) -> DataSet {
    let values = noise(rows * columns, 7);
    let cells = values.chunks(columns).enumerate();
    let cells = cells
        .map(|(at, row)| if label(row, at) { "yes" } else { "no" }.to_owned())
        .collect();
    DataSet {
        table: Table::from_rows(columns, values).unwrap(),
        targets: vec![TargetColumn {
            name: "y".to_owned(),
            cells,
        }],
        weights: None,
    }
}

fn learnable(rows: usize) -> DataSet {
    data(rows, 4, |row, at| {
        row[0] + 0.5 * row[1] * row[2] + 0.3 * ((at * 37 % 11) as f64 / 11.0) > 0.8
    })
}

fn space(pairs: &[(&str, &str)]) -> Space {
    let mut space = Space::default();
    for (name, values) in pairs {
        space.insert(name, values.parse().unwrap()).unwrap();
    }
    space
}

fn no_words() -> BTreeMap<String, Words> {
    BTreeMap::new()
}

#[test]
fn a_search_is_a_plain_double_loop() {
    let data = learnable(120);
    let text = "standard-scaler | polynomial-features(include_bias=false) | gradient-boosting(n_estimators=4)";
    let pairs = [
        ("max_depth", "1,3"),
        ("n_bits", "3,8"),
        ("standardscaler__with_mean", "true,false"),
    ];
    let mut search = Search::new(text.parse().unwrap(), space(&pairs));
    search.objective = Objective::Simulated;
    search.folds = 4;
    let mut expected = Vec::new();
    for depth in ["1", "3"] {
        for bits in [3, 8] {
            for mean in ["true", "false"] {
                for fold in Split::StratifiedKFold
                    .folds(4, 120, Some(&data.targets[0].cells))
                    .unwrap()
                {
                    let mut pipeline: Pipeline = text.parse().unwrap();
                    pipeline.set("max_depth", depth).unwrap();
                    pipeline.set("standard-scaler__with_mean", mean).unwrap();
                    let train = data.select(&fold.train);
                    let model = pipeline.fit(&train, &no_words()).unwrap().model;
                    let mut options = QuantizeOptions::with_bits(bits).unwrap();
                    options.forest.bins =
                        tenebra_models::forest::BinsMode::Uniform(options.input_bits);
                    let quantized = quantize(&model, Some(&train.table), &options).unwrap();
                    let held_out = data.select(&fold.test);
                    let rows = held_out.table.rows();
                    let found: Vec<_> = rows.map(|row| quantized.simulate(row).unwrap()).collect();
                    let classes = model.classes();
                    let score =
                        Metric::Accuracy.evaluate(&found, &held_out.targets[0], classes, None);
                    expected.push(Some(score.unwrap()));
                }
            }
        }
    }
    for threads in [1, 3] {
        search.threads = threads;
        let results = search.run(&data, &no_words(), None, &Unattended).unwrap();
        assert!(results.complete);
        let found: Vec<Option<f64>> = results
            .candidates
            .iter()
            .flat_map(|candidate| candidate.scores.clone())
            .collect();
        assert_eq!(found, expected, "{threads} threads");
        let best = results.best().unwrap();
        let highest = results
            .candidates
            .iter()
            .filter_map(|c| c.mean_score)
            .fold(0.0, f64::max);
        assert_eq!((best.rank, best.mean_score), (1, Some(highest)));
    }
}

/// With 400 columns of noise and 60 rows, some columns agree with the labels by chance. Chosen on all rows, they seem to predict
/// the rows that are held out.
#[test]
fn steps_are_fitted_inside_the_folds() {
    let data = data(60, 400, |_, at| at.is_multiple_of(2));
    let honest = Search::new(
        "select-k-best(5) | logistic-regression".parse().unwrap(),
        Space::default(),
    );
    let honest = honest.run(&data, &no_words(), None, &Unattended).unwrap();
    let honest = honest.best().unwrap().mean_score.unwrap();
    // The leak: the columns are chosen on all rows, held-out ones included, before the folds are made.
    let all: Pipeline = "select-k-best(5) | logistic-regression".parse().unwrap();
    let tenebra_models::Model::Pipeline(model) = all.fit(&data, &no_words()).unwrap().model else {
        panic!("a pipeline")
    };
    let leaking = DataSet {
        table: model.transform(&data.table).unwrap(),
        ..data
    };
    let search = Search::new("logistic-regression".parse().unwrap(), Space::default());
    let leaking = search
        .run(&leaking, &no_words(), None, &Unattended)
        .unwrap();
    let leaking = leaking.best().unwrap().mean_score.unwrap();
    println!(
        "accuracy on noise: {honest} fitted inside the folds, {leaking} where the selection saw all rows"
    );
    assert!(honest < 0.6 && leaking > 0.7, "{honest} {leaking}");
}

#[derive(Default)]
struct Log {
    kept: Mutex<HashMap<Job, Outcome>>,
    trained: AtomicUsize,
    stop_after: Option<usize>,
}

impl SearchWatch for Log {
    fn known(&self, job: &Job) -> Option<Outcome> {
        self.kept.lock().unwrap().get(job).cloned()
    }

    fn done(&self, job: &Job, outcome: &Outcome, finished: usize, of: usize) -> ControlFlow<()> {
        assert!(finished <= of);
        if self
            .kept
            .lock()
            .unwrap()
            .insert(*job, outcome.clone())
            .is_none()
        {
            self.trained.fetch_add(1, Ordering::Relaxed);
        }
        match self.stop_after {
            Some(most) if finished >= most => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[test]
fn what_is_done_is_kept_and_not_done_again() {
    let data = learnable(90);
    for strategy in [
        Strategy::Grid,
        Strategy::Halving(Halving {
            factor: 2,
            min_rows: None,
            seed: 1,
        }),
    ] {
        let mut search = Search::new(
            "decision-tree".parse().unwrap(),
            space(&[("max_depth", "1,2,3,4,5")]),
        );
        search.strategy = strategy;
        search.folds = 3;
        let whole = search.run(&data, &no_words(), None, &Unattended).unwrap();
        let log = Log {
            stop_after: Some(7),
            ..Log::default()
        };
        let part = search.run(&data, &no_words(), None, &log).unwrap();
        assert!(!part.complete);
        // Two candidates have all their folds, the seventh training is of the third.
        assert_eq!(part.candidates.len(), 2);
        let log = Log {
            stop_after: None,
            trained: AtomicUsize::new(0),
            ..log
        };
        let resumed = search.run(&data, &no_words(), None, &log).unwrap();
        let scores = |results: &tenebra_models::search::SearchResults| {
            let all = results.candidates.iter();
            all.map(|c| (c.number, c.round, c.scores.clone(), c.rank))
                .collect::<Vec<_>>()
        };
        assert_eq!(scores(&resumed), scores(&whole));
        assert_eq!(log.trained.into_inner(), whole.candidates.len() * 3 - 7);
    }
}

#[test]
fn halving_gives_the_best_more_rows() {
    let data = learnable(240);
    let mut search = Search::new(
        "decision-tree".parse().unwrap(),
        space(&[("max_depth", "1,2,3"), ("min_samples_leaf", "1,5,20")]),
    );
    search.strategy = Strategy::Halving(Halving {
        factor: 3,
        min_rows: None,
        seed: 0,
    });
    let results = search.run(&data, &no_words(), None, &Unattended).unwrap();
    let rounds: Vec<(usize, usize)> = results
        .candidates
        .iter()
        .map(|c| (c.round, c.rows))
        .collect();
    // Nine, three, one; scikit-learn's `min_resources_` is 240 // 9 = 26.
    assert_eq!(
        rounds,
        [vec![(0, 26); 9], vec![(1, 78); 3], vec![(2, 234)]].concat()
    );
    assert_eq!(results.best().unwrap().round, 2);
}

/// A millisecond for each input of the circuit.
struct Inputs;

impl Latency for Inputs {
    fn predicted_ms(&self, model: &QuantizedModel) -> Result<f64, Box<dyn core::fmt::Display>> {
        Ok(model.inputs.len() as f64)
    }
}

#[test]
fn a_cost_weighs_scores_against_time() {
    let data = learnable(150);
    let mut search = Search::new(
        "select-k-best | logistic-regression".parse().unwrap(),
        space(&[("selectkbest__k", "1,2,4")]),
    );
    search.objective = Objective::Cost { per_ms: 0.0 };
    let free = search
        .run(&data, &no_words(), Some(&Inputs), &Unattended)
        .unwrap();
    search.objective = Objective::Cost { per_ms: 1.0 };
    let dear = search
        .run(&data, &no_words(), Some(&Inputs), &Unattended)
        .unwrap();
    assert_eq!(dear.best().unwrap().parameters["selectkbest__k"], "1");
    for candidate in &dear.candidates {
        let k: f64 = candidate.parameters["selectkbest__k"].parse().unwrap();
        assert_eq!(candidate.latency_ms, Some(k));
        assert_eq!(
            candidate.objective,
            candidate.mean_score.map(|score| score - k)
        );
    }
    let scores: Vec<Option<f64>> = free.candidates.iter().map(|c| c.mean_score).collect();
    assert_eq!(
        free.best().unwrap().mean_score,
        scores.iter().copied().flatten().reduce(f64::max)
    );
    assert!(!free.pareto.is_empty());
    assert_eq!(
        search.run(&data, &no_words(), None, &Unattended),
        Err(SearchError::NoLatency)
    );
}

#[test]
fn searches_that_cannot_be_say_why() {
    let data = learnable(20);
    let run = |text: &str, pairs: &[(&str, &str)], folds: usize| {
        let mut search = Search::new(text.parse().unwrap(), space(pairs));
        search.folds = folds;
        search
            .run(&data, &no_words(), None, &Unattended)
            .unwrap_err()
            .to_string()
    };
    for (text, pairs, folds, expected) in [
        (
            "ridge",
            vec![],
            1,
            "1 folds of 20 rows; there are at least 2 folds",
        ),
        ("decision-tree", vec![], 19, "19 folds of"),
        (
            "ridge",
            vec![("alpha", "-1")],
            3,
            "alpha=-1: `alpha` = `-1`: expected",
        ),
        (
            "ridge",
            vec![("alfa", "1")],
            3,
            "alfa=1: Ridge has no parameter `alfa`",
        ),
        (
            "ridge",
            vec![("alpha", "log(1,2)")],
            3,
            "`alpha` is a range",
        ),
        (
            "logistic-regression",
            vec![("n_bits", "8")],
            3,
            "`n_bits` changes no score of a float model",
        ),
        (
            "logistic-regression",
            vec![("n_bits", "99")],
            3,
            "`n_bits` = `99`: expected an integer in [2, 16]",
        ),
        (
            "ridge",
            vec![("alpha", "1,2")],
            3,
            "no candidate could be trained and scored; the first, alpha=1:",
        ),
    ] {
        let message = run(text, &pairs, folds);
        assert!(message.contains(expected), "{message}");
    }
}
