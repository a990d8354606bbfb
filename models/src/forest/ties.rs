//! Classes that tie: the first of them wins, whatever the order in which leaves are added.
//!
//! Trees with pure leaves, or with leaves of as many rows of each class, often tie exactly. Sums of the same numbers in another order
//! differ in their last bits, and rounded leaves (see [`quantize_forest`](super::quantize_forest)) by more; neither decides.

use tenebra_quant::Decision;

use super::{ForestParts, Node};

/// Scores closer than this part of the largest that leaves and bias allow are equal.
const EQUAL: f64 = 1.0 / (1_u64 << 40) as f64;

/// XGBoost makes probabilities in single precision, and takes the second class above 1/2: margins of up to 1.5 · 2^-24 are 1/2 there.
const XGBOOST_HALF: f64 = 1.5 / (1_u64 << 24) as f64;

/// How close scores must be to be equal.
pub(super) fn equal(parts: &ForestParts) -> f64 {
    let of_library = if parts.estimator == "XGBoost binary:logistic" {
        XGBOOST_HALF
    } else {
        0.0
    };
    let largest = |values: &[f64]| {
        values
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()))
    };
    let of_tree = |nodes: &[Node]| {
        let leaves = nodes.iter().filter_map(|node| match node {
            Node::Leaf(values) => Some(largest(values)),
            Node::Split(_) => None,
        });
        leaves.fold(0.0, f64::max)
    };
    let trees = parts.trees.iter().map(|tree| of_tree(&tree.nodes));
    of_library.max(EQUAL * (largest(&parts.bias) + trees.sum::<f64>()))
}

/// The class that scores decide on where those closer than `equal` are equal; `None` of a regression.
pub(super) fn decide(decision: Decision, scores: &[f64], equal: f64) -> Option<usize> {
    match decision {
        Decision::Threshold => scores.first().map(|score| usize::from(*score > equal)),
        Decision::None | Decision::ArgMax => tied(decision, scores, equal)
            .next()
            .or_else(|| decision.decide(scores)),
    }
}

/// The classes that share the largest score, ascending: one, where there is no tie. Of one score both classes, or none.
pub(super) fn tied(decision: Decision, scores: &[f64], equal: f64) -> impl Iterator<Item = usize> {
    let (from, count) = match decision {
        Decision::None => (f64::INFINITY, 0),
        Decision::Threshold => (f64::INFINITY, usize::from(scores[0].abs() <= equal) * 2),
        Decision::ArgMax => {
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (most - equal, scores.len())
        }
    };
    (0..count).filter(move |&class| decision == Decision::Threshold || scores[class] >= from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_go_to_the_first_class() {
        for (decision, scores, class) in [
            (Decision::ArgMax, &[0.1 + 0.2, 0.3, 0.1][..], Some(0)),
            (Decision::ArgMax, &[0.3, 0.1 + 0.2, 0.1], Some(0)),
            (Decision::ArgMax, &[0.0, 0.3, 0.1 + 0.2], Some(1)),
            (Decision::ArgMax, &[0.3, 0.3001, 0.1], Some(1)),
            (Decision::Threshold, &[1e-16], Some(0)),
            (Decision::Threshold, &[-1e-16], Some(0)),
            (Decision::Threshold, &[1e-9], Some(1)),
            (Decision::None, &[1.0], None),
        ] {
            assert_eq!(decide(decision, scores, EQUAL), class, "{scores:?}");
        }
        let tied = |scores: &[f64]| tied(Decision::ArgMax, scores, EQUAL).collect::<Vec<_>>();
        assert_eq!(tied(&[0.3, 0.1, 0.1 + 0.2]), [0, 2]);
        assert_eq!(tied(&[0.3, 0.1, 0.2]), [0]);
    }
}
