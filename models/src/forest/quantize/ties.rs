//! Ties once leaves are rounded: rounding may lift a class above an earlier one that it ties with.

use tenebra_quant::Decision;

use super::leaves::{LeafCodes, Reached};
use crate::forest::{ForestModel, Node, ties};

/// What offsets lie apart from whole numbers of scale is rounding, in parts of the scale.
const ROUNDING: f64 = 1e-6;

impl LeafCodes {
    /// Moves each class below the one before it by as little as keeps the first of equal ones the largest, on the rows that were
    /// looked at and in the leaves of a single tree. Nothing moves where nothing ties.
    pub(super) fn settle_ties(&mut self, model: &ForestModel, reached: Option<&Reached<'_>>) {
        if self.span.iter().all(|span| *span == 0.0) {
            return self.settle_constants(model);
        }
        let rows = reached.into_iter().flat_map(Reached::rows);
        let of_rows = rows.map(|(leaves, scores)| self.lift(model, leaves, scores));
        let of_leaves = single_leaves(model)
            .into_iter()
            .map(|(leaf, scores)| self.lift(model, &[leaf], &scores));
        let lift = of_rows.chain(of_leaves).fold(0.0, f64::max);
        let scale = self.scale.first().copied().unwrap_or(1.0);
        let step = if lift > ROUNDING * scale {
            // Less than a step, which would move scores of rows that do not tie.
            lift + scale / 4.0
        } else if self.ties_but_for_rounding(model.decision) {
            ROUNDING * scale
        } else {
            return;
        };
        #[expect(clippy::cast_precision_loss, reason = "classes are few")]
        let moved = |class: usize| match model.decision {
            Decision::Threshold => step,
            Decision::None | Decision::ArgMax => class as f64 * step,
        };
        for (class, (offset, worst)) in self.offset.iter_mut().zip(&mut self.worst_case).enumerate()
        {
            *offset -= moved(class);
            *worst += moved(class);
        }
    }

    /// Where no tree splits, offsets are the scores of every row: those that tie become one, others stay what they are.
    fn settle_constants(&mut self, model: &ForestModel) {
        let tied: Vec<usize> = ties::tied(model.decision, &self.offset, model.equal()).collect();
        let Some(&first) = tied.first() else { return };
        let most = match model.decision {
            Decision::Threshold => 0.0,
            Decision::None | Decision::ArgMax => self.offset[first],
        };
        let outputs = self.offset.iter_mut().zip(&mut self.worst_case).enumerate();
        for (_, (offset, worst)) in outputs.filter(|(class, _)| tied.contains(class)) {
            *worst += (*offset - most).max(0.0);
            *offset = offset.min(most);
        }
    }

    /// By how much a class must move below the one before it so that a row that ties goes to the first; 0 if it does not tie.
    fn lift(&self, model: &ForestModel, leaves: &[usize], want: &[f64]) -> f64 {
        let mut classes = ties::tied(model.decision, want, model.equal());
        let (Some(first), Some(second)) = (classes.next(), classes.next()) else {
            return 0.0;
        };
        let got = self.scores(model, leaves);
        if model.decision == Decision::Threshold {
            return got[0];
        }
        #[expect(clippy::cast_precision_loss, reason = "classes are few")]
        let lift = |class: usize| (got[class] - got[first]) / (class - first) as f64;
        classes.map(lift).fold(lift(second), f64::max)
    }

    /// Whether sums of integers can tie, but for the rounding of offsets.
    fn ties_but_for_rounding(&self, decision: Decision) -> bool {
        let near = |offset: f64, scale: f64| {
            let steps = offset / scale;
            (steps - steps.round()).abs() < ROUNDING
        };
        match decision {
            Decision::None => false,
            Decision::Threshold => near(self.offset[0], self.scale[0]),
            Decision::ArgMax => self.offset.iter().zip(&self.scale).any(|(offset, scale)| {
                let apart = offset - self.offset[0];
                apart != 0.0 && near(apart, *scale)
            }),
        }
    }
}

/// Leaf and scores of each leaf of a forest of one tree.
pub(super) fn single_leaves(model: &ForestModel) -> Vec<(usize, Vec<f64>)> {
    let [tree] = model.trees.as_slice() else {
        return Vec::new();
    };
    let leaves = tree.nodes.iter().enumerate().filter_map(|(at, node)| {
        let Node::Leaf(leaf) = node else { return None };
        let mut scores = model.bias.clone();
        scores[tree.first_output..]
            .iter_mut()
            .zip(leaf)
            .for_each(|(score, value)| *score += value);
        Some((at, scores))
    });
    leaves.collect()
}

#[cfg(test)]
mod tests {
    use tenebra_quant::{Decision, InverseLink};

    use super::super::quantize_forest;
    use crate::data::Table;
    use crate::forest::{
        BinsMode, Comparison, ForestModel, ForestOptions, ForestParts, Missing, Node, Split, Tree,
    };

    /// `left` where feature `feature` is below 0.5, else `right`.
    fn stump(feature: u32, first_output: usize, left: &[f64], right: &[f64]) -> Tree {
        let split = Split {
            feature,
            threshold: 0.5,
            comparison: Comparison::Less,
            missing: Missing::Refused,
            left: 1,
            right: 2,
        };
        let nodes = vec![
            Node::Split(split),
            Node::Leaf(left.to_vec()),
            Node::Leaf(right.to_vec()),
        ];
        Tree {
            first_output,
            nodes,
        }
    }

    fn model(decision: Decision, trees: Vec<Tree>, outputs: usize) -> ForestModel {
        biased(decision, vec![0.0; outputs], trees)
    }

    fn biased(decision: Decision, bias: Vec<f64>, trees: Vec<Tree>) -> ForestModel {
        let outputs = bias.len();
        let classes = ["a", "b", "c"].map(str::to_owned)[..outputs.max(2)].to_vec();
        ForestModel::new(ForestParts {
            estimator: "RandomForestClassifier".to_owned(),
            feature_names: None,
            n_features: trees.len().max(1),
            round_to_f32: false,
            bias,
            trees,
            inverse_link: InverseLink::Identity,
            decision,
            classes,
            categories: Default::default(),
            params: Default::default(),
        })
        .unwrap()
    }

    /// Every combination of sides.
    fn rows(n_features: usize) -> Vec<Vec<f64>> {
        let row =
            |bits: usize| (0..n_features).map(move |at| f64::from(u8::from(bits >> at & 1 == 1)));
        (0..1 << n_features)
            .map(|bits| row(bits).collect())
            .collect()
    }

    #[test]
    fn constant_scores_keep_their_class_however_small() {
        let none = || Tree {
            first_output: 0,
            nodes: vec![Node::Leaf(vec![0.0])],
        };
        let cases = [0.0, 1e-7, -1e-7, 5e-7, 1e-3].map(|bias| (Decision::Threshold, vec![bias]));
        let third = vec![0.3, 0.1 + 0.2, 0.1];
        for (decision, bias) in cases.into_iter().chain([(Decision::ArgMax, third)]) {
            let model = biased(decision, bias.clone(), vec![none(), none()]);
            let (quantized, _) = quantize_forest(&model, None, &ForestOptions::default()).unwrap();
            let row = vec![0.5; model.n_features];
            let (want, got) = (
                model.predict(&row).unwrap(),
                quantized.simulate(&row).unwrap(),
            );
            assert_eq!(got.class, want.class, "{bias:?}");
            assert!((got.scores[0] - want.scores[0]).abs() < 1e-12, "{bias:?}");
        }
    }

    #[test]
    fn classes_that_tie_go_to_the_first_whatever_the_leaf_bits() {
        let third = 1.0 / 3.0;
        let cases = [
            // The difference of two classes: four pure trees of which two say each; a leaf of as many rows of both.
            model(
                Decision::Threshold,
                (0..4).map(|f| stump(f, 0, &[-0.25], &[0.25])).collect(),
                1,
            ),
            model(Decision::Threshold, vec![stump(0, 0, &[0.0], &[0.7])], 1),
            model(
                Decision::Threshold,
                vec![stump(0, 0, &[0.0], &[0.5]), stump(1, 0, &[-0.5], &[0.0])],
                1,
            ),
            // Trees of one class each: 0.1 + 0.2 is above 0.3, but for rounding.
            model(
                Decision::ArgMax,
                vec![
                    stump(0, 0, &[0.3], &[0.0]),
                    stump(1, 1, &[0.1], &[0.9]),
                    stump(2, 1, &[0.2], &[-0.4]),
                ],
                2,
            ),
            model(
                Decision::ArgMax,
                vec![
                    stump(0, 0, &[0.0, third, 2.0 * third], &[0.5, 0.5, 0.0]),
                    stump(1, 0, &[2.0 * third, third, 0.0], &[0.0, third, 2.0 * third]),
                ],
                3,
            ),
        ];
        for (case, model) in cases.iter().enumerate() {
            let rows = rows(model.n_features);
            let names: Vec<String> = (0..model.n_features).map(|at| format!("f{at}")).collect();
            let table = Table::new(names, rows.concat()).unwrap();
            for calibration in [None, Some(&table)] {
                for leaf_bits in (4..=16).map(Some).chain([None]) {
                    let options = ForestOptions {
                        bins: BinsMode::Thresholds,
                        leaf_bits,
                        ..ForestOptions::default()
                    };
                    let (quantized, _) = quantize_forest(model, calibration, &options).unwrap();
                    for row in &rows {
                        let want = model.predict(row).unwrap();
                        let got = quantized.simulate(row).unwrap();
                        // What ties only across trees is known of the rows that were looked at.
                        if calibration.is_some() || case < 2 {
                            assert_eq!(
                                got.class, want.class,
                                "case {case}, {leaf_bits:?}, {row:?}: {got:?}, {want:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
