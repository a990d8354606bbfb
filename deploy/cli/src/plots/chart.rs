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

/// A number with as many decimals as say something.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        x if x >= 100.0 => format!("{value:.0}"),
        x if x >= 1.0 => format!("{value:.1}"),
        x if x >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

/// Letters of this height.
pub(super) fn text(height: u32) -> TextStyle<'static> {
    ("sans-serif", height)
        .into_font()
        .color(&RGBColor(40, 40, 40))
}
