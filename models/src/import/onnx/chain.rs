//! Functions of a single feature, step by step as onnxruntime computes them, and thresholds moved through them.
//!
//! Every step is monotone in floating point, because rounding is. So a comparison behind a chain is a comparison of the
//! feature itself, with a threshold that bisection over the numbers of its type finds exactly.

use super::element::Element;
use crate::forest::{Comparison, Missing, Split};

/// `steps` applied to a feature, the first one first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chain {
    pub(super) feature: usize,
    pub(super) steps: Vec<Step>,
}

/// A function of `x` and a constant `c`, rounded to a type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) constant: f64,
    pub(super) element: Element,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// `x`
    Round,
    /// `x + c`
    Add,
    /// `c - x`
    SubtractFrom,
    /// `x * c`
    Multiply,
    /// `x / c`
    Divide,
    /// The smaller of `x` and `c`
    Min,
    /// The larger of `x` and `c`
    Max,
    /// Whether `x > c`, 1 or 0
    Above,
    /// Whether `x < c`, 1 or 0
    Below,
    /// `x` without what is behind the point
    Truncate,
}

/// Longest chain that is kept.
const MAX_STEPS: usize = 32;

impl Chain {
    /// The chain with one more step; none if it became too long.
    pub(super) fn then(
        &self,
        operation: Operation,
        constant: f64,
        element: Element,
    ) -> Option<Self> {
        let step = Step {
            operation,
            constant,
            element,
        };
        if self.steps.last() == Some(&step) && operation == Operation::Round {
            return Some(self.clone());
        }
        let mut chain = self.clone();
        chain.steps.push(step);
        (chain.steps.len() <= MAX_STEPS).then_some(chain)
    }

    /// Whether the feature is rounded to single precision first of all.
    pub(super) fn starts_single(&self) -> bool {
        self.steps.first().is_some_and(|step| {
            step.operation == Operation::Round && step.element == Element::Float32
        })
    }
}

impl Step {
    pub(super) fn apply(self, x: f64) -> f64 {
        let c = self.constant;
        self.element.round(match self.operation {
            Operation::Round => x,
            Operation::Add => x + c,
            Operation::SubtractFrom => c - x,
            Operation::Multiply => x * c,
            Operation::Divide => x / c,
            Operation::Min => x.min(c),
            Operation::Max => x.max(c),
            Operation::Above => f64::from(u8::from(x > c)),
            Operation::Below => f64::from(u8::from(x < c)),
            Operation::Truncate => x.trunc(),
        })
    }

    /// Whether a missing value stays missing.
    fn keeps_missing(self) -> bool {
        !matches!(
            self.operation,
            Operation::Min
                | Operation::Max
                | Operation::Above
                | Operation::Below
                | Operation::Truncate
        )
    }
}

/// The split of a feature that decides as `split` does behind `steps`, for every finite number of the grid: single
/// precision or double. None if the steps make no number of some.
pub(super) fn moved(split: Split, steps: &[Step], single: bool) -> Option<Split> {
    if steps.is_empty() {
        return Some(split);
    }
    let value = |x: f64| value(steps, x);
    let (least, greatest) = if single {
        (f64::from(f32::MIN), f64::from(f32::MAX))
    } else {
        (f64::MIN, f64::MAX)
    };
    if value(least).is_nan() || value(greatest).is_nan() || value(0.0).is_nan() {
        return None;
    }
    let goes_left = |x: f64| split.goes_left(value(x));
    let missing = if steps.iter().all(|step| step.keeps_missing()) {
        split.missing
    } else {
        Missing::Refused
    };
    let same = |threshold, comparison| Split {
        threshold,
        comparison,
        missing,
        ..split
    };
    Some(match (goes_left(least), goes_left(greatest)) {
        (true, true) => same(f64::INFINITY, Comparison::LessOrEqual),
        (false, false) => same(f64::NEG_INFINITY, Comparison::Less),
        (true, false) => same(
            last(least, greatest, single, goes_left),
            Comparison::LessOrEqual,
        ),
        (false, true) => Split {
            left: split.right,
            right: split.left,
            missing: opposite(missing),
            ..same(
                last(least, greatest, single, |x| !goes_left(x)),
                Comparison::LessOrEqual,
            )
        },
    })
}

/// The steps in turn; no number as soon as one step gives none.
fn value(steps: &[Step], x: f64) -> f64 {
    let mut x = x;
    for step in steps {
        x = step.apply(x);
        if x.is_nan() {
            break;
        }
    }
    x
}

fn opposite(missing: Missing) -> Missing {
    match missing {
        Missing::Left => Missing::Right,
        Missing::Right => Missing::Left,
        Missing::AsZero | Missing::Refused => Missing::Refused,
    }
}

/// The last number of the grid for which `holds`, which is so at `least` and not at `greatest`.
fn last(least: f64, greatest: f64, single: bool, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (rank(least, single), rank(greatest, single));
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if holds(ranked(middle, single)) {
            low = middle;
        } else {
            high = middle;
        }
    }
    ranked(low, single)
}

/// The place of a finite number among all of the grid; both zeros have place 0.
fn rank(x: f64, single: bool) -> i128 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a number of single precision"
    )]
    let magnitude = if single {
        i128::from((x.abs() as f32).to_bits())
    } else {
        i128::from(x.abs().to_bits())
    };
    if x < 0.0 { -magnitude } else { magnitude }
}

fn ranked(rank: i128, single: bool) -> f64 {
    let magnitude = rank.unsigned_abs();
    let magnitude = if single {
        f64::from(f32::from_bits(u32::try_from(magnitude).unwrap_or(0)))
    } else {
        f64::from_bits(u64::try_from(magnitude).unwrap_or(0))
    };
    if rank < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(operation: Operation, constant: f32) -> Step {
        Step {
            operation,
            constant: f64::from(constant),
            element: Element::Float32,
        }
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let operations = [
            Operation::Add,
            Operation::SubtractFrom,
            Operation::Multiply,
            Operation::Divide,
            Operation::Min,
            Operation::Max,
            Operation::Above,
            Operation::Below,
            Operation::Truncate,
        ];
        let one = (
            0..operations.len(),
            prop_oneof![-3_f32..3.0, -1e20_f32..1e20],
        )
            .prop_map(move |(at, c)| step(operations[at], if c == 0.0 { 1.0 } else { c }));
        proptest::collection::vec(one, 1..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// The law: the moved split decides as the chain and the split do, at the threshold, one step beside it, and anywhere.
        #[test]
        fn a_moved_split_decides_as_the_chain_does(
            steps in steps(), threshold in -3_f32..3.0, strict: bool, xs in proptest::collection::vec(any::<f32>(), 20)
        ) {
            let split = Split {
                feature: 0,
                threshold: f64::from(threshold),
                comparison: if strict { Comparison::Less } else { Comparison::LessOrEqual },
                missing: Missing::Right,
                left: 1,
                right: 2,
            };
            let Some(found) = moved(split, &steps, true) else { return Ok(()) };
            #[expect(clippy::cast_possible_truncation, reason = "it is a single")]
            let cut = found.threshold as f32;
            let near = [cut, cut.next_up(), cut.next_down(), 0.0, -0.0, f32::MAX, f32::MIN];
            for x in xs.into_iter().chain(near).filter(|x| x.is_finite()) {
                let x = f64::from(x);
                let value = steps.iter().fold(x, |x, step| step.apply(x));
                let child = |split: &Split, x| if split.goes_left(x) { split.left } else { split.right };
                prop_assert_eq!(child(&found, x), child(&split, value), "{} behind {:?}", x, steps);
            }
        }
    }

    #[test]
    fn a_step_that_is_no_number_somewhere_is_refused() {
        let split = Split {
            feature: 0,
            threshold: 1.0,
            comparison: Comparison::Less,
            missing: Missing::Refused,
            left: 1,
            right: 2,
        };
        // f32::MAX * 4 is infinite, and 0 times that is no number.
        let steps = [
            step(Operation::Multiply, 4.0),
            step(Operation::Multiply, 0.0),
        ];
        assert_eq!(moved(split, &steps, true), None);
        // 1/2 x + 1 < 1 for x < 0: up to the greatest number below, and -2 x < 1 above -1/2.
        let half = [step(Operation::Multiply, 0.5), step(Operation::Add, 1.0)];
        let found = moved(split, &half, true).unwrap();
        assert!(found.threshold < 0.0 && found.threshold > -1e-6);
        let turned = moved(split, &[step(Operation::Multiply, -2.0)], true).unwrap();
        assert_eq!((turned.threshold, turned.left, turned.right), (-0.5, 2, 1));
    }
}
