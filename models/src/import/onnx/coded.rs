//! Neurons whose values are rounded to those of codes, as the file's quantizers say.

use super::form::Form;
use super::neurons::{Neuron, Neurons};
use crate::network::{Activation, ActivationCodes};

/// Integers of a quantizer: the integer `round((x - low) / scale) + zero`, from `least` to `greatest`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    pub(super) scale: f64,
    pub(super) low: f64,
    pub(super) zero: f64,
    pub(super) least: f64,
    pub(super) greatest: f64,
}

/// How near to a whole number a quotient of two numbers of the file, which exporters round to single precision, must be.
const NEAR: f64 = 1e-5;

impl Neurons {
    /// The value of the nearest of the levels; none if there are more than 256 of them.
    pub(super) fn coded(&mut self, form: &Form, levels: &Levels) -> Option<Form> {
        let span = levels.greatest - levels.least;
        if !(1.0..=255.0).contains(&span) {
            return None;
        }
        if let Some((neuron, factor)) = self.shifted(form)
            && let Some(codes) = neuron.codes
            && is_kept(&codes, factor, form.intercept, levels)
        {
            return Some(form.clone());
        }
        let (activation, inner, factor, shift) = match self.shifted(form) {
            Some((neuron, factor)) if neuron.codes.is_none() => (
                neuron.activation,
                neuron.form.clone(),
                factor,
                form.intercept,
            ),
            _ => (Activation::Identity, form.clone(), 1.0, 0.0),
        };
        let zero_point = small(levels.zero - levels.least)?;
        let codes = with_span(
            (levels.low - shift) / factor,
            levels.scale / factor,
            zero_point,
            span,
        )?;
        let neuron = self.push(Neuron {
            activation,
            form: inner,
            codes: Some(codes),
        });
        Some(neuron.scaled(factor).shifted(shift))
    }

    /// A neuron's codes between bounds of its value, where these are values of codes; none if they are not.
    pub(super) fn narrowed(&mut self, form: &Form, low: f64, high: f64) -> Option<Form> {
        let (neuron, factor) = self.shifted(form)?;
        let (codes, neuron) = (neuron.codes?, neuron.clone());
        let shift = form.intercept;
        let zero = factor * codes.of_zero() + shift;
        let most = f64::from(codes.max_code());
        let whole = |bound: f64| {
            let code = ((bound - zero) / (factor * codes.step)).clamp(0.0, most);
            let whole = code.round();
            ((code - whole).abs() <= NEAR).then_some(whole)
        };
        let (first, last) = (whole(low)?, whole(high)?);
        if last - first < 1.0 {
            return None;
        }
        if (first, last) == (0.0, most) {
            return Some(form.clone());
        }
        let codes = with_span(
            codes.low,
            codes.step,
            codes.zero_point - small(first)?,
            last - first,
        )?;
        let narrowed = self.push(Neuron {
            codes: Some(codes),
            ..neuron
        });
        Some(narrowed.scaled(factor).shifted(shift))
    }
}

/// Whether all values of the codes are levels, which a second quantizer keeps.
fn is_kept(codes: &ActivationCodes, factor: f64, shift: f64, levels: &Levels) -> bool {
    let value = |code: i32| factor * (codes.of_zero() + f64::from(code) * codes.step) + shift;
    let level = |value: f64| (value - levels.low) / levels.scale + levels.zero;
    let (first, last) = (level(value(0)), level(value(codes.max_code())));
    let per_code = factor * codes.step / levels.scale;
    let whole = |x: f64| (x - x.round()).abs() <= NEAR;
    whole(first)
        && whole(per_code)
        && first >= levels.least - NEAR
        && last <= levels.greatest + NEAR
}

fn with_span(low: f64, step: f64, zero_point: i32, span: f64) -> Option<ActivationCodes> {
    let span = u8::try_from(small(span)?).ok()?;
    let bits = u8::BITS - span.leading_zeros();
    let bits = u8::try_from(bits).ok()?;
    let full = u32::from(span) + 1 == 1 << bits;
    Some(ActivationCodes {
        zero_point,
        largest: (!full).then_some(span),
        ..ActivationCodes::new(low, step, bits)
    })
}

fn small(x: f64) -> Option<i32> {
    let fits = x.abs() <= 65_536.0 && x.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, reason = "only taken where it fits")]
    let whole = x as i32;
    fits.then_some(whole)
}
