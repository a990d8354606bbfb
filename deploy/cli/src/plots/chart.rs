//! What plots have in common.

use core::ops::Range;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;

use crate::output::Failure;

/// Distinct for people who see colours differently (Okabe and Ito).
pub(super) const ORANGE: RGBColor = RGBColor(213, 94, 0);
pub(super) const BLUE_DARK: RGBColor = RGBColor(0, 114, 178);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// An SVG of what `draw` draws.
pub(super) fn drawn(
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, Failure> {
    let mut svg = String::new();
    let done = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE)
            .and_then(|()| draw(&area))
            .and_then(|()| area.present())
    };
    done.map_err(|error| Failure::new(format!("the plot: {error}")))?;
    Ok(svg)
}

/// A range that holds all values, and a share of its width beyond either end.
pub(super) fn padded(values: impl Iterator<Item = f64>, share: f64) -> Range<f64> {
    let finite = values.filter(|value| value.is_finite());
    let ends = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| {
        (min.min(value), max.max(value))
    });
    let (min, max) = if ends.0 <= ends.1 { ends } else { (0.0, 1.0) };
    let width = max - min;
    let beyond = if width > 0.0 {
        width * share
    } else {
        (min.abs() * 0.05).max(0.01)
    };
    min - beyond..max + beyond
}

/// How the numbers of an axis are written: with the decimals that its steps need, which are 1, 2 or 5 of some power of ten.
pub(super) fn ticks(range: &Range<f64>) -> impl Fn(&f64) -> String + use<> {
    /// Most labels of an axis, as plotters has it.
    const LABELS: f64 = 10.0;
    let least = (range.end - range.start) / LABELS;
    let power = 10_f64.powf(least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    let step = step
        .into_iter()
        .find(|step| step.is_normal() && *step >= least);
    let decimals = step.map_or(0.0, |step| -(step * 1.001).log10().floor());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 9"
    )]
    let decimals = decimals.clamp(0.0, 9.0) as usize;
    move |value| {
        let text = format!("{value:.decimals$}");
        // No zero is negative.
        if text.chars().all(|c| "-0.".contains(c)) {
            "0".to_owned()
        } else {
            text
        }
    }
}

/// A number of a logarithmic axis, whose labels are powers of ten and what is between them.
pub(super) fn power(value: &f64) -> String {
    format!("{value:.6}")
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// Letters of this height.
pub(super) fn text(height: u32) -> TextStyle<'static> {
    ("sans-serif", height)
        .into_font()
        .color(&RGBColor(40, 40, 40))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_the_decimals_of_their_steps() {
        for (range, value, text) in [
            (0.0..1.6, 0.5, "0.5"),
            (0.0..1.6, 1.0, "1.0"),
            (-4.0..5.0, -0.0, "0"),
            (-4.0..5.0, 3.0, "3"),
            (0.0..6000.0, 1000.0, "1000"),
            (0.74..0.92, 0.78, "0.78"),
            (0.0..0.018, 0.004, "0.004"),
            (1.0..1.0, 1.0, "1"),
        ] {
            assert_eq!(ticks(&range)(&value), text, "{range:?}");
        }
        assert_eq!((power(&0.1), power(&10.0)), ("0.1".into(), "10".into()));
    }
}
