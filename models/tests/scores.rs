//! Scores by name against scikit-learn's, recorded in `tests/data/scores.json`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeMap;
use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use tenebra_models::Prediction;
use tenebra_models::data::TargetColumn;
use tenebra_models::scores::{Metric, Outcomes};
use tenebra_quant::{Decision, InverseLink};

#[derive(Deserialize)]
struct Recorded {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    /// 0 for a regression.
    classes: usize,
    link: String,
    truth: Vec<f64>,
    decisions: Vec<Vec<f64>>,
    weights: Option<Vec<f64>>,
    scores: BTreeMap<String, f64>,
}

impl Case {
    /// Predictions and truths, gathered in two pieces.
    fn outcomes(&self, metrics: &[Metric]) -> Outcomes {
        let link = match self.link.as_str() {
            "sigmoid" => InverseLink::Sigmoid,
            "softmax" => InverseLink::Softmax,
            _ => InverseLink::Identity,
        };
        let decision = match self.classes {
            0 => Decision::None,
            2 => Decision::Threshold,
            _ => Decision::ArgMax,
        };
        let classes: Vec<String> = (0..self.classes).map(|class| class.to_string()).collect();
        let predictions: Vec<Prediction> = self
            .decisions
            .iter()
            .map(|scores| Prediction::from_scores(scores.clone(), link, decision))
            .collect();
        let mut outcomes = Outcomes::new(&classes, Some(link), metrics);
        for piece in [
            0..self.truth.len() / 3,
            self.truth.len() / 3..self.truth.len(),
        ] {
            let target = TargetColumn {
                name: "y".to_owned(),
                cells: self.truth[piece.clone()]
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            };
            let weights = self.weights.as_ref().map(|weights| &weights[piece.clone()]);
            outcomes
                .extend(&predictions[piece], &[target], weights)
                .unwrap();
        }
        outcomes
    }
}

#[test]
fn scores_are_scikit_learns() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scores.json");
    let recorded: Recorded = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut seen = HashSet::new();
    for (name, case) in &recorded.cases {
        let metrics: Vec<Metric> = case
            .scores
            .keys()
            .map(|name| name.parse().unwrap())
            .collect();
        let outcomes = case.outcomes(&metrics);
        for (metric, (label, expected)) in metrics.iter().zip(&case.scores) {
            let found = outcomes.score(*metric).unwrap();
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs().max(1.0),
                "{name}, {label}: {found} is not {expected}"
            );
            seen.insert(metric.name());
        }
    }
    for name in Metric::names().filter(|name| !name.ends_with("POWER")) {
        assert!(seen.contains(&name), "{name} is not recorded");
    }
}
