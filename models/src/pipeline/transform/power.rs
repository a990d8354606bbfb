//! Yeo and Johnson's power transformation, its exponent by maximum likelihood.

use tenebra_quant::RowStep;

use super::scale::standard_of;
use crate::pipeline::error::PipelineError;
use crate::pipeline::frame::{Column, Frame};
use crate::pipeline::params::PowerTransformer;
use crate::train::Params;

pub(crate) fn fit(
    params: &Params,
    frame: &mut Frame<'_>,
    columns: &[Column],
) -> Result<Vec<Column>, PipelineError> {
    const STEP: &str = "PowerTransformer";
    let params = PowerTransformer::read(params);
    let mut result = Vec::new();
    for column in columns {
        let from = column.value;
        let present = frame.present(column);
        let lambda = exponent(&present);
        if !variance(&powers(&present, lambda)).is_finite() {
            let (name, largest) = (&column.name, largest(&present));
            return Err(PipelineError::Parameter {
                step: STEP,
                message: format!(
                    "the powers of column `{name}`, whose values reach {largest:e}, are too large to standardize; divide the column by a constant, or put `standard-scaler` before it"
                ),
            });
        }
        let power = RowStep::Power { from, lambda };
        let mut powered = frame.column(STEP, column.name.clone(), power)?;
        if params.standardize {
            let values: Vec<(f64, f64)> = frame.values(&powered).map(|x| (x, 1.0)).collect();
            powered = frame.affine(STEP, &powered, standard_of(&values))?;
        }
        result.push(powered);
    }
    Ok(result)
}

fn powers(values: &[f64], lambda: f64) -> Vec<f64> {
    let step: RowStep<Vec<f64>> = RowStep::Power { from: 0, lambda };
    let power = |x: &f64| step.evaluate(&[*x]).unwrap_or(f64::NAN);
    values.iter().map(power).collect()
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, x| most.max(x.abs()))
}

/// The exponent with the greatest likelihood, within the bounds of SciPy's `yeojohnson_normmax`: its search, which cannot see steps below
/// 1e-8 in a likelihood that is flat there, and then the zero of the derivative.
fn exponent(values: &[f64]) -> f64 {
    let constant = |values: &[f64]| values.iter().all(|x| Some(x) == values.first());
    if constant(values) {
        // There is no shape to be had of one value.
        return 1.0;
    }
    let n = values.len() as f64;
    let signed_logs: f64 = values.iter().map(|x| x.signum() * x.abs().ln_1p()).sum();
    let loss = |lambda: f64| {
        let variance = variance(&powers(values, lambda));
        if variance > 0.0 && variance.is_finite() {
            n / 2.0 * variance.ln() - (lambda - 1.0) * signed_logs
        } else {
            f64::INFINITY
        }
    };
    let room = (20.0 * largest(values)).ln_1p();
    let tiny = (f64::MIN_POSITIVE.ln() - f64::EPSILON.ln()) / 2.0 / room;
    let huge = (f64::MAX.ln() + f64::EPSILON.ln()) / 2.0 / room;
    let (low, high) = if values.iter().all(|x| *x < 0.0) {
        (2.0 - huge, 2.0 - tiny)
    } else if values.iter().any(|x| *x < 0.0) {
        (tiny.max(2.0 - huge), huge.min(2.0 - tiny))
    } else {
        (tiny, huge)
    };
    let near = minimum(loss, low, high);
    zero(
        |lambda| slope(values, lambda) - signed_logs,
        near,
        (low, high),
    )
    .unwrap_or(near)
}

/// `n Σ (y - ȳ) y' / Σ (y - ȳ)²`, `y` being the powers of the values and `y'` their derivative by the exponent.
fn slope(values: &[f64], lambda: f64) -> f64 {
    let powers = powers(values, lambda);
    let n = values.len() as f64;
    let mean = powers.iter().sum::<f64>() / n;
    let (mut products, mut squares) = (0.0, 0.0);
    for (x, power) in values.iter().zip(powers) {
        let log = x.abs().ln_1p();
        let exponent = if *x >= 0.0 { lambda } else { 2.0 - lambda };
        products += (power - mean) * log * log * growth(exponent * log);
        squares += (power - mean) * (power - mean);
    }
    n * products / squares
}

/// `(e^u (u - 1) + 1) / u²`, which is ½ at 0.
fn growth(u: f64) -> f64 {
    if u.abs() > 1.0 {
        return (u.exp() * (u - 1.0) + 1.0) / (u * u);
    }
    // Σ u^k / (k! (k + 2))
    const TERMS: u32 = 20;
    let (mut sum, mut power) = (0.0, 1.0);
    for k in 0..TERMS {
        sum += power / f64::from(k + 2);
        power *= u / f64::from(k + 1);
    }
    sum
}

/// The zero of an increasing function nearest to a place, by bisection to the last bit; `None` if there is none within the bounds.
fn zero(f: impl Fn(f64) -> f64, near: f64, (min, max): (f64, f64)) -> Option<f64> {
    let mut reach = 1e-7 * near.abs().max(1.0);
    let (mut low, mut high) = loop {
        let (low, high) = ((near - reach).max(min), (near + reach).min(max));
        if f(low) <= 0.0 && f(high) >= 0.0 {
            break (low, high);
        }
        if low == min && high == max || !reach.is_finite() {
            return None;
        }
        reach *= 8.0;
    };
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return Some(middle);
        }
        if f(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The minimum of a function within bounds: golden sections and parabolas (Brent 1973; Forsythe, Malcolm and Moler's `fmin`), as in
/// SciPy's `fminbound`.
fn minimum(f: impl Fn(f64) -> f64, mut a: f64, mut b: f64) -> f64 {
    const TOLERANCE: f64 = 1.48e-8;
    const ROUNDS: usize = 500;
    let root = f64::EPSILON.sqrt();
    let golden = 0.5 * (3.0 - 5.0_f64.sqrt());
    let mut best = a + golden * (b - a);
    let (mut second, mut third) = (best, best);
    let (mut step, mut before) = (0.0_f64, 0.0_f64);
    let mut f_best = f(best);
    let (mut f_second, mut f_third) = (f_best, f_best);
    let mut middle = 0.5 * (a + b);
    let mut least = root * best.abs() + TOLERANCE / 3.0;
    let sign = |x: f64| if x < 0.0 { -1.0 } else { 1.0 };
    for _ in 0..ROUNDS {
        if (best - middle).abs() <= 2.0 * least - 0.5 * (b - a) {
            break;
        }
        let mut section = true;
        if before.abs() > least {
            let mut r = (best - second) * (f_best - f_third);
            let mut q = (best - third) * (f_best - f_second);
            let mut p = (best - third) * q - (best - second) * r;
            q = 2.0 * (q - r);
            if q > 0.0 {
                p = -p;
            }
            q = q.abs();
            r = before;
            before = step;
            if p.abs() < (0.5 * q * r).abs() && p > q * (a - best) && p < q * (b - best) {
                section = false;
                step = p / q;
                let x = best + step;
                if x - a < 2.0 * least || b - x < 2.0 * least {
                    step = least * sign(middle - best);
                }
            }
        }
        if section {
            before = if best >= middle { a - best } else { b - best };
            step = golden * before;
        }
        let x = best + sign(step) * step.abs().max(least);
        let f_x = f(x);
        if f_x <= f_best {
            if x >= best {
                a = best
            } else {
                b = best
            }
            (third, f_third) = (second, f_second);
            (second, f_second) = (best, f_best);
            (best, f_best) = (x, f_x);
        } else {
            if x < best {
                a = x
            } else {
                b = x
            }
            if f_x <= f_second || second == best {
                (third, f_third) = (second, f_second);
                (second, f_second) = (x, f_x);
            } else if f_x <= f_third || third == best || third == second {
                (third, f_third) = (x, f_x);
            }
        }
        middle = 0.5 * (a + b);
        least = root * best.abs() + TOLERANCE / 3.0;
    }
    best
}
