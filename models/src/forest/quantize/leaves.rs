//! Leaves as integers: `leaf = base + scale * integer` with integers in `[0, 2^bits - 1]`.
//!
//! `base` is the tree's smallest leaf value and goes into the output's offset. Outputs that are compared with each other
//! share the scale, and in a tree that has several of them the base, so that equal scores stay equal.

use alloc::collections::BTreeSet;

use tenebra_quant::Decision;

use super::ties::single_leaves;
use crate::forest::{ForestModel, Node, Tree, ties};

/// Least part of the span of all possible scores that the scores of rows spread over if they are to say how fine leaves
/// must be.
const LEAST_SPREAD: f64 = 1.0 / 16.0;

/// Largest distance of a tree's middle leaf from 0, in parts of the span of its leaves, where it counts as 0.
const BALANCED: f64 = 1e-9;

/// Least standard deviation that errors are related to, in parts of that span.
const LEAST_DEVIATION: f64 = 1.0 / 1024.0;

/// The integers of a forest's leaves.
pub(super) struct LeafCodes {
    pub(super) bits: u8,
    /// Per output, score units per integer.
    pub(super) scale: Vec<f64>,
    /// Per output, the bias and the sum of the trees' bases: the score of the integer 0.
    pub(super) offset: Vec<f64>,
    /// Per tree and node, the integers of a leaf; none for a split.
    pub(super) integers: Vec<Vec<Vec<i64>>>,
    /// Per output, the largest error of any sum of leaves, one per tree, in the unit of the scores.
    pub(super) worst_case: Vec<f64>,
    /// Per output, how far apart two sums of leaves are at most.
    pub(super) span: Vec<f64>,
}

impl LeafCodes {
    pub(super) fn new(model: &ForestModel, bits: u8) -> Self {
        let ranges = all_leaf_ranges(model);
        let span = spans(model, &ranges);
        let (mut offset, mut spread) = (model.bias.clone(), vec![0.0_f64; model.n_outputs()]);
        for (tree, ranges) in model.trees.iter().zip(&ranges) {
            for (output, (low, high)) in (tree.first_output..).zip(ranges) {
                offset[output] += low;
                spread[output] = spread[output].max(high - low);
            }
        }
        if model.decision == Decision::ArgMax {
            let widest = spread.iter().copied().fold(0.0, f64::max);
            spread.fill(widest);
        }
        // An even number of steps has a middle: a leaf of 0 and opposite leaves stay what they are.
        let balanced = model.decision == Decision::Threshold
            && ranges
                .iter()
                .flatten()
                .all(|(low, high)| (low + high).abs() <= BALANCED * (high - low));
        #[expect(clippy::cast_precision_loss, reason = "at most 2^32")]
        let steps = ((1_u64 << bits) - 1 - u64::from(balanced && bits > 1)) as f64;
        let scale = spread
            .iter()
            .map(|spread| if *spread > 0.0 { spread / steps } else { 1.0 });
        let scale = scale.collect::<Vec<_>>();
        let (integers, worst_case) = (Vec::new(), vec![0.0; model.n_outputs()]);
        let mut codes = Self {
            bits,
            scale,
            offset,
            integers,
            worst_case,
            span,
        };
        for (tree, ranges) in model.trees.iter().zip(&ranges) {
            codes.add_tree(tree, ranges);
        }
        codes
    }

    fn add_tree(&mut self, tree: &Tree, ranges: &[(f64, f64)]) {
        let scale = &self.scale[tree.first_output..];
        let mut worst = vec![0.0_f64; ranges.len()];
        let mut code = |at: usize, value: f64| {
            let (base, _) = ranges[at];
            let steps = ((value - base) / scale[at]).round_ties_even();
            worst[at] = worst[at].max((base + scale[at] * steps - value).abs());
            #[expect(
                clippy::cast_possible_truncation,
                reason = "in [0, 2^32) by the choice of base and scale"
            )]
            let code = steps as i64;
            code
        };
        let codes = |node: &Node| match node {
            Node::Leaf(values) => values
                .iter()
                .enumerate()
                .map(|(at, &v)| code(at, v))
                .collect(),
            Node::Split(_) => Vec::new(),
        };
        self.integers.push(tree.nodes.iter().map(codes).collect());
        for (sum, worst) in self.worst_case[tree.first_output..].iter_mut().zip(worst) {
            *sum += worst;
        }
    }

    /// For any row, the largest error of a score in parts of the span of scores, of the output where it is largest.
    pub(super) fn relative_worst_case(&self) -> f64 {
        let relative = |(worst, span): (&f64, &f64)| if *span > 0.0 { worst / span } else { 0.0 };
        self.worst_case
            .iter()
            .zip(&self.span)
            .map(relative)
            .fold(0.0, f64::max)
    }

    /// Whether scores of all sums of leaves are finite.
    pub(super) fn is_finite(&self) -> bool {
        let ends = self
            .offset
            .iter()
            .zip(&self.span)
            .flat_map(|(low, span)| [*low, low + span]);
        ends.chain(self.scale.iter().copied()).all(f64::is_finite)
    }

    /// Whether a forest of one tree decides for the same class in every leaf. (In a larger one, only rows tell which leaves meet.)
    pub(super) fn keeps_single_tree(&self, model: &ForestModel) -> bool {
        single_leaves(model).into_iter().all(|(at, scores)| {
            model.decide(&scores) == model.decision.decide(&self.scores(model, &[at]))
        })
    }

    /// The scores of a row that reaches these leaves, as they come out after decryption.
    pub(super) fn scores(&self, model: &ForestModel, reached: &[usize]) -> Vec<f64> {
        let mut sums = vec![0_i64; model.n_outputs()];
        for ((tree, integers), &leaf) in model.trees.iter().zip(&self.integers).zip(reached) {
            for (sum, integer) in sums[tree.first_output..].iter_mut().zip(&integers[leaf]) {
                *sum += integer;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "sums are far below 2^53")]
        let score = |((sum, scale), offset): ((i64, &f64), &f64)| scale * sum as f64 + offset;
        sums.into_iter()
            .zip(&self.scale)
            .zip(&self.offset)
            .map(score)
            .collect()
    }
}

fn all_leaf_ranges(model: &ForestModel) -> Vec<Vec<(f64, f64)>> {
    let ranges = |tree| leaf_ranges(tree, model.decision);
    model.trees.iter().map(ranges).collect()
}

/// Per output, how far apart two sums of leaves are at most.
fn spans(model: &ForestModel, ranges: &[Vec<(f64, f64)>]) -> Vec<f64> {
    let mut spans = vec![0.0; model.n_outputs()];
    for (tree, ranges) in model.trees.iter().zip(ranges) {
        for (span, (low, high)) in spans[tree.first_output..].iter_mut().zip(ranges) {
            *span += high - low;
        }
    }
    spans
}

/// The smallest and the largest leaf value of each output of a tree; of all its outputs, if they are compared.
fn leaf_ranges(tree: &Tree, decision: Decision) -> Vec<(f64, f64)> {
    let union = |a: (f64, f64), b: (f64, f64)| (a.0.min(b.0), a.1.max(b.1));
    let point = |leaf: &[f64]| leaf.iter().map(|&value| (value, value)).collect::<Vec<_>>();
    let ranges = tree.leaves().map(point).reduce(|mut ranges, leaf| {
        ranges
            .iter_mut()
            .zip(leaf)
            .for_each(|(range, value)| *range = union(*range, value));
        ranges
    });
    let mut ranges = ranges.unwrap_or_default();
    if let (Decision::ArgMax, Some(all)) = (decision, ranges.iter().copied().reduce(union)) {
        ranges.fill(all);
    }
    ranges
}

/// The leaves that rows reach, and the float model's scores of them.
pub(super) struct Reached<'a> {
    model: &'a ForestModel,
    /// Row after row, the leaf of each tree.
    leaves: Vec<usize>,
    /// Row after row, the scores.
    scores: Vec<f64>,
}

/// How scores differ from the float model's on the same rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreDeviation {
    /// Number of rows.
    pub rows: usize,
    /// Rows that get another class.
    pub changed: usize,
    /// Largest error of a score.
    pub max: f64,
    /// Root of the mean squared error of the scores.
    pub rms: f64,
    /// Root mean squared error over standard deviation of the scores, of the output where it is largest. Where rows hardly
    /// differ in their scores, a 1,024th of the span of all possible ones takes the place of the deviation.
    pub relative: f64,
}

impl<'a> Reached<'a> {
    /// Rows that the model refuses are left out.
    pub(super) fn new<'r>(model: &'a ForestModel, rows: impl Iterator<Item = &'r [f64]>) -> Self {
        let (mut leaves, mut scores) = (Vec::new(), Vec::new());
        for row in rows {
            if let (Ok(reached), Ok(of_row)) = (model.apply(row), model.decision_function(row)) {
                leaves.extend(reached);
                scores.extend(of_row);
            }
        }
        Self {
            model,
            leaves,
            scores,
        }
    }

    /// Leaves and scores, row by row.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[usize], &[f64])> {
        let leaves = self.leaves.chunks_exact(self.model.trees.len());
        leaves.zip(self.scores.chunks_exact(self.model.n_outputs()))
    }

    /// Whether the rows say how fine leaves must be: their scores spread over some part of what scores can be, and all classes
    /// occur.
    pub(super) fn is_informative(&self) -> bool {
        let outputs = self.model.n_outputs();
        let spans = spans(self.model, &all_leaf_ranges(self.model));
        let spreads = spans.iter().enumerate().all(|(output, span)| {
            let scores = self.scores.iter().skip(output).step_by(outputs);
            let (low, high) = scores.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(*x), high.max(*x))
            });
            high - low >= span * LEAST_SPREAD
        });
        let decided = self
            .scores
            .chunks_exact(outputs)
            .map(|scores| self.model.decide(scores));
        let classes: BTreeSet<usize> = decided.flatten().collect();
        spreads && classes.len() == self.model.classes.len()
    }

    /// What quantized leaves change.
    pub(super) fn error(&self, codes: &LeafCodes) -> ScoreDeviation {
        let mut error = ErrorSum::new(self.model);
        for (reached, want) in self.rows() {
            error.add(&codes.scores(self.model, reached), want);
        }
        error.finish()
    }
}

/// Collects a [`ScoreDeviation`].
pub(super) struct ErrorSum {
    decision: Decision,
    equal: f64,
    error: ScoreDeviation,
    outputs: Vec<Moments>,
    /// Per output, the span of all scores: moments are in this unit, lest squares of large scores overflow, or of small ones vanish.
    spans: Vec<f64>,
}

/// Sums over the scores of one output.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    first: Option<f64>,
    /// Of the differences from the first score, lest a large mean cancel the variance.
    sum: f64,
    squares: f64,
    squared_error: f64,
}

impl ErrorSum {
    pub(super) fn new(model: &ForestModel) -> Self {
        let spans = spans(model, &all_leaf_ranges(model));
        Self {
            decision: model.decision,
            equal: model.equal(),
            error: ScoreDeviation::default(),
            outputs: vec![Moments::default(); model.n_outputs()],
            spans,
        }
    }

    pub(super) fn add(&mut self, got: &[f64], want: &[f64]) {
        self.error.rows += 1;
        let changed = self.decision.decide(got) != ties::decide(self.decision, want, self.equal);
        self.error.changed += usize::from(changed);
        let outputs = self.outputs.iter_mut().zip(&self.spans);
        for (((moments, span), got), want) in outputs.zip(got).zip(want) {
            self.error.max = self.error.max.max((got - want).abs());
            // Where all sums of leaves are one, so are those of their codes.
            if *span == 0.0 {
                continue;
            }
            let shifted = (want - *moments.first.get_or_insert(*want)) / span;
            moments.sum += shifted;
            moments.squares += shifted * shifted;
            moments.squared_error += ((got - want) / span).powi(2);
        }
    }

    pub(super) fn finish(mut self) -> ScoreDeviation {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let (rows, outputs) = (self.error.rows.max(1) as f64, self.outputs.len() as f64);
        let widest = self.spans.iter().copied().fold(0.0, f64::max);
        let mut total = 0.0;
        let varying = self.outputs.iter().zip(&self.spans);
        for (moments, span) in varying.filter(|(_, span)| **span > 0.0) {
            total += moments.squared_error * (span / widest).powi(2);
            let variance = (moments.squares - moments.sum * moments.sum / rows) / rows;
            let deviation = variance.max(0.0).sqrt().max(LEAST_DEVIATION);
            let relative = (moments.squared_error / rows).sqrt() / deviation;
            self.error.relative = self.error.relative.max(relative);
        }
        self.error.rms = widest * (total / rows / outputs).sqrt();
        self.error
    }
}
