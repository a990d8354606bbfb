//! The steps that written-out functions are. It is not the nodes that are compared but what they compute, at numbers near and
//! far, with what the step does.

use tenebra_quant::RowStep;

use super::{Hint, Operand, Traced, Whole};
use crate::import::onnx::element::Element;
use crate::pipeline::Step;

/// Where functions are compared.
const PROBES: [f64; 20] = [
    -40.0, -9.0, -3.0, -2.0, -1.0, -0.7, -0.3, -0.1, -0.01, 0.0, 0.01, 0.1, 0.3, 0.7, 1.0, 2.0,
    3.0, 9.0, 40.0, 200.0,
];

/// Values beyond are infinite in single precision.
const FAR: f64 = 1e30;

/// Most exponents of a function that are tried.
const MAX_EXPONENTS: usize = 4;

/// Differences of shares that single precision explains.
const TOLERANCE: f64 = 1e-5;

impl Whole<'_> {
    /// The step, of value 0, that the function is; `filled` stands where that is missing in the data. `spend` takes probes from
    /// the budget.
    pub(super) fn step(
        &self,
        element: Element,
        filled: Option<f64>,
        spend: impl Fn(usize) -> Option<()>,
    ) -> Option<Step> {
        spend(PROBES.len())?;
        let power = |lambda| RowStep::Power { from: 0, lambda };
        self.power()
            .map(power)
            .or_else(|| self.as_in_data(self.quantiles(spend)?, element, filled))
    }

    /// The step with quantiles as data has them. A value that is one of several equal quantiles has a share of its own: what a
    /// table of decimal numbers has must be equal to it, though the file has it in single precision.
    fn as_in_data(&self, mut step: Step, element: Element, filled: Option<f64>) -> Option<Step> {
        let (RowStep::Quantiles { quantiles, .. }
        | RowStep::Bins {
            cuts: quantiles, ..
        }) = &mut step
        else {
            return None;
        };
        let constant = quantiles.len() == 1;
        let repeat = |pair: &[f64]| pair[0] == pair[1];
        let repeated: Vec<f64> = quantiles
            .windows(2)
            .filter(|pair| repeat(pair))
            .map(|pair| pair[0])
            .collect();
        if self.of != (1.0, 0.0) {
            return (repeated.is_empty() && !constant).then_some(step);
        }
        if element != Element::Float64 {
            let compared = |q: f64| (constant || repeated.contains(&q)) && Some(q) != filled;
            let compared = quantiles.iter_mut().filter(|q| compared(**q));
            compared.for_each(|q| *q = decimal(*q));
        }
        Some(step)
    }

    /// The exponent of Yeo and Johnson's transformation that the function is.
    fn power(&self) -> Option<f64> {
        let mut exponents: Vec<f64> = self.parts.iter().filter_map(exponent).collect();
        exponents.sort_by(f64::total_cmp);
        exponents.dedup();
        exponents.truncate(MAX_EXPONENTS);
        let values: Vec<f64> = PROBES.iter().map(|&x| self.value(x)).collect();
        let same = |lambda: &f64| {
            let step = RowStep::<Vec<f64>>::Power {
                from: 0,
                lambda: *lambda,
            };
            PROBES.iter().zip(&values).all(|(&x, &found)| {
                let expected = step.evaluate(&[x]).unwrap_or(f64::NAN);
                expected.abs() > FAR || (found - expected).abs() <= 1e-3 * expected.abs().max(1.0)
            })
        };
        let known = exponents.into_iter().chain([0.0]);
        known.flat_map(|p| [p, 2.0 - p]).find(same)
    }

    /// The step to shares between quantiles that the function is. Exporters look for the place of a value among them by halving,
    /// in a table of the quantiles of all features, and choose with it from a table of shares, too.
    fn quantiles(&self, spend: impl Fn(usize) -> Option<()>) -> Option<Step> {
        let (first, last) = (self.values(-FAR), self.values(FAR));
        let near = |x: f64, share: f64| (x - share).abs() <= TOLERANCE;
        if !near(*first.last()?, 0.0) || !near(*last.last()?, 1.0) {
            return None;
        }
        let chosen = self.parts.iter();
        let chosen = chosen.filter_map(|(_, part)| self.chosen(part, [&first, &last]));
        let chosen: Vec<(&Operand, &[f64])> = chosen.collect();
        for (index, shares) in &chosen {
            let Some(count) = shares_of(shares) else {
                continue;
            };
            for (_, table) in chosen.iter().filter(|(other, _)| other == index) {
                let quantiles = &table[table.len() - count..];
                spend(4 * count)?;
                let step = shares_between(quantiles);
                if self.is(&step, quantiles) {
                    return Some(step);
                }
            }
        }
        None
    }

    /// What a part chooses from a table, of the first place to the last, and the index.
    fn chosen<'a>(&self, part: &'a Traced, ends: [&[f64]; 2]) -> Option<(&'a Operand, &'a [f64])> {
        let Hint::Table(table) = &part.hint else {
            return None;
        };
        let index = part.operands.first()?;
        let place = |x: f64, values: &[f64]| place(self.operand(index, x, values), table.len());
        let (first, last) = (place(-FAR, ends[0])?, place(FAR, ends[1])?);
        Some((index, table.get(first..=last)?))
    }

    /// Whether the function is the step with these quantiles: at them, beside them, between and beyond.
    fn is(&self, step: &Step, quantiles: &[f64]) -> bool {
        if quantiles.windows(2).any(|pair| pair[0] > pair[1]) {
            return false;
        }
        let same = |x: f64| {
            let expected = step.evaluate(&[x]).unwrap_or(f64::NAN);
            (self.value(x) - expected).abs() <= TOLERANCE
        };
        let between = quantiles
            .windows(2)
            .map(|pair| pair[0] + (pair[1] - pair[0]) / 2.0);
        let beside = quantiles.iter().flat_map(|&q| neighbours(q));
        let mut all = quantiles.iter().copied().chain(between).chain(beside);
        all.all(same) && [-FAR, FAR].into_iter().all(same) && self.value(f64::NAN).is_nan()
    }
}

/// The shares below a value. Of a feature that was constant, exporters take this value for the greatest.
fn shares_between(quantiles: &[f64]) -> Step {
    match quantiles {
        [first, .., last] if first == last => RowStep::Bins {
            from: 0,
            cuts: vec![*last],
        },
        _ => RowStep::Quantiles {
            from: 0,
            quantiles: quantiles.to_vec(),
            normal: false,
        },
    }
}

fn exponent((_, part): &(usize, &Traced)) -> Option<f64> {
    match part.hint {
        Hint::Exponent(exponent) => Some(exponent),
        _ => None,
    }
}

/// How many of the last numbers of a table are `i / (n - 1)`, if all before are 0, too.
fn shares_of(table: &[f64]) -> Option<usize> {
    let zeros = table.iter().take_while(|share| **share == 0.0).count();
    let count = table.len() - zeros.checked_sub(1)?;
    let steps = (count - 1) as f64;
    let shares = table[table.len() - count..].iter().enumerate();
    let mut shares = shares.map(|(i, share)| (share - i as f64 / steps).abs() <= TOLERANCE);
    (count > 1 && shares.all(|near| near)).then_some(count)
}

/// The place that an index says, which may count from the end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number in range"
)]
pub(crate) fn place(index: f64, size: usize) -> Option<usize> {
    let index = if index < 0.0 {
        index + size as f64
    } else {
        index
    };
    (index.fract() == 0.0 && (0.0..size as f64).contains(&index)).then_some(index as usize)
}

/// The numbers of single precision below and above.
#[expect(clippy::cast_possible_truncation, reason = "the rounding is the point")]
fn neighbours(x: f64) -> [f64; 2] {
    [(x as f32).next_down(), (x as f32).next_up()].map(f64::from)
}

/// The decimal number that single precision rounded: what a value in a table of data is, where it equals a quantile.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of single precision"
)]
fn decimal(x: f64) -> f64 {
    (x as f32).to_string().parse().unwrap_or(x)
}

/// A note on equal quantiles that single precision does not hold as they are in a table of data.
#[expect(clippy::cast_possible_truncation, reason = "the rounding is the point")]
pub(super) fn note(step: &Step) -> Option<String> {
    let RowStep::Quantiles { quantiles, .. } = step else {
        return None;
    };
    let repeat = |pair: &&[f64]| pair[0] == pair[1] && f64::from(pair[0] as f32) != pair[0];
    let q = quantiles.windows(2).find(repeat)?[0];
    Some(format!(
        "a feature often is {q}, which the file holds in single precision: the client compares with {q}, not with {}",
        f64::from(q as f32)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_steps_from_0_to_1_behind_any_padding() {
        assert_eq!(shares_of(&[0.0, 0.0, 0.0, 0.5, 1.0]), Some(3));
        assert_eq!(shares_of(&[0.0, 1.0]), Some(2));
        let none: [&[f64]; 5] = [&[], &[0.0], &[0.5, 1.0], &[0.0, 0.4, 1.0], &[0.0, 0.5, 0.9]];
        assert!(none.iter().all(|table| shares_of(table).is_none()));
    }

    #[test]
    fn singles_are_the_decimals_that_they_round() {
        let single = |x: f32| f64::from(x);
        assert_eq!(decimal(single(0.1)), 0.1);
        assert_eq!(decimal(single(-46.58566)), -46.58566);
        assert_eq!(decimal(3.0), 3.0);
    }

    #[test]
    fn places_count_from_either_end() {
        let places = [0.0, 2.0, -1.0, 3.0, -4.0, 0.5, f64::NAN].map(|index| place(index, 3));
        assert_eq!(places, [Some(0), Some(2), Some(2), None, None, None, None]);
    }
}
