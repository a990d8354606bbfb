//! Elements that compare a value with constants, as pieces, and pieces as steps.

use super::cell::{Cell, Expr};
use super::chain::{Chain, Operation, moved};
use super::form::Form;
use super::pieces::Pieces;
use super::steps::Steps;
use crate::forest::{Comparison, Missing, Split};
use tenebra_quant::RowStep;

impl Pieces {
    /// The pieces as a form, by steps.
    pub(super) fn form(&self, steps: &mut Steps) -> Option<Form> {
        if self.cuts.is_empty() {
            return Some(Form::constant(self.numbers[0]));
        }
        let bins = RowStep::Bins {
            from: steps.value_of(self.variable)?,
            cuts: self.cuts.clone(),
        };
        let bins = steps.push(bins);
        if let [low, high] = self.numbers[..] {
            return Some(steps.form(bins).scaled(high - low).shifted(low));
        }
        Some(steps.chosen(bins, 0, &self.numbers))
    }
}

/// The pieces that an element is, if it compares one value with a constant.
pub(super) fn pieces(cell: &Cell) -> Option<Pieces> {
    if let Expr::Pieces(pieces) = &cell.expr {
        return Some(Pieces::clone(pieces));
    }
    let chain = cell.chain.as_ref()?;
    let compares = |operation| matches!(operation, Operation::Above | Operation::Below);
    let at = chain.steps.iter().position(|s| compares(s.operation))?;
    let (before, after) = chain.steps.split_at(at + 1);
    let numbers = [0.0, 1.0].map(|x| after.iter().fold(x, |x, step| step.apply(x)));
    let before = Chain {
        feature: chain.feature,
        steps: before.to_vec(),
    };
    let (cut, turned) = cut(&before, 0.5, Comparison::LessOrEqual)?;
    let numbers = if turned {
        [numbers[1], numbers[0]]
    } else {
        numbers
    };
    Some(match cut {
        Some(cut) => Pieces {
            variable: chain.feature,
            cuts: vec![cut],
            numbers: numbers.to_vec(),
        },
        None => Pieces {
            variable: chain.feature,
            cuts: Vec::new(),
            numbers: vec![numbers[0]],
        },
    })
}

/// The least real that a chain brings to the other side of a threshold than the reals below, and whether those below are
/// on its right side. No cut where all reals are on one side.
pub(super) fn cut(
    chain: &Chain,
    threshold: f64,
    comparison: Comparison,
) -> Option<(Option<f64>, bool)> {
    let split = Split {
        feature: 0,
        threshold,
        comparison,
        missing: Missing::Refused,
        left: 1,
        right: 2,
    };
    let found = moved(split, &chain.steps, false)?;
    let least = match found.comparison {
        Comparison::Less => found.threshold,
        Comparison::LessOrEqual => found.threshold.next_up(),
    };
    let turned = found.left == 2;
    Some(if found.threshold.is_finite() {
        (Some(least), turned)
    } else {
        // Everything is left of infinity, nothing of its negative.
        (None, turned != (found.threshold < 0.0))
    })
}
