//! Plots, as SVG.

mod chart;
mod sides;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tenebra_app::tune::{Codes, Tuning};
use tenebra_models::search::SearchResults;

use crate::output::Failure;
use chart::{BLUE_DARK, GREY, ORANGE, drawn, padded, text};
pub(crate) use sides::{Grid, Points, boundary, confusion, line, reliability, residuals, tenths};

/// Scores of a search against the time of an encrypted row, with the front of those that nothing beats in both.
pub(crate) fn front(results: &SearchResults) -> Result<String, Failure> {
    let point = |at: usize| {
        let candidate = results.candidates.get(at)?;
        Some((candidate.latency_ms?, candidate.mean_score?))
    };
    let last = results
        .candidates
        .iter()
        .map(|candidate| candidate.round)
        .max();
    let numbers = 0..results.candidates.len();
    let of_last = numbers.filter(|at| Some(results.candidates[*at].round) == last);
    let all: Vec<(f64, f64)> = of_last.filter_map(point).collect();
    let front: Vec<(f64, f64)> = results.pareto.iter().filter_map(|&at| point(at)).collect();
    let named = results.pareto.iter().filter(|at| point(**at).is_some());
    let names: Vec<String> = named
        .map(|&at| {
            let parameters = results.candidates[at].parameters.iter();
            let set: Vec<String> = parameters.map(|(n, v)| format!("{n}={v}")).collect();
            set.join(" ")
        })
        .collect();
    if all.is_empty() {
        return Err(Failure::new(
            "no candidate has both a score and a time: nothing to plot",
        ));
    }
    // Names stand left of their points.
    let times = padded(all.iter().map(|(ms, _)| ms.max(1e-6).ln()), 0.08);
    let room = 0.25 * (times.end - times.start);
    let times = times.start - room..times.end;
    let scores = padded(all.iter().map(|(_, score)| *score), 0.08);
    drawn((760, 480), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("Score against encrypted time", text(20))
            .margin(14)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (times.start.exp()..times.end.exp()).log_scale(),
                scores.clone(),
            )?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY.mix(0.25))
            .axis_style(GREY)
            .label_style(text(13))
            .x_desc("predicted time of an encrypted row, ms")
            .y_desc(results.metric.as_str())
            .x_label_formatter(&chart::power)
            .y_label_formatter(&chart::ticks(&scores))
            .draw()?;
        let dots = all
            .iter()
            .map(|&at| Circle::new(at, 4, GREY.mix(0.7).filled()));
        chart.draw_series(dots)?;
        // Whoever has less time than the next point takes has this one's score.
        let steps = front
            .windows(2)
            .flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
        chart.draw_series(LineSeries::new(
            steps.chain(front.last().copied()),
            ORANGE.stroke_width(2),
        ))?;
        chart.draw_series(front.iter().map(|&at| Circle::new(at, 5, ORANGE.filled())))?;
        let style = text(12).pos(Pos::new(HPos::Right, VPos::Bottom));
        let named = front.iter().zip(&names);
        chart.draw_series(named.map(|(&at, name)| {
            EmptyElement::at(at) + Text::new(name.clone(), (-7, -5), style.clone())
        }))?;
        Ok(())
    })
}

/// Scores and times by bits, the float model's score as a line.
pub(crate) fn bits(tuning: &Tuning) -> Result<String, Failure> {
    let of_bits = tuning.tuned.iter().filter_map(|tuned| match tuned.codes {
        Codes::Bits(bits) => Some((bits, tuned)),
        Codes::Thresholds => None,
    });
    let of_bits: Vec<_> = of_bits.collect();
    let scores: Vec<(f64, f64)> = of_bits
        .iter()
        .filter_map(|(bits, tuned)| Some((f64::from(*bits), tuned.score?)))
        .collect();
    let times: Vec<(f64, f64)> = of_bits
        .iter()
        .filter_map(|(bits, tuned)| Some((f64::from(*bits), tuned.predicted?.evaluate_ms)))
        .collect();
    if scores.is_empty() {
        return Err(Failure::new("no bit width has a score: nothing to plot"));
    }
    let widths = padded(scores.iter().map(|(bits, _)| *bits), 0.04);
    let range = padded(
        scores.iter().map(|(_, s)| *s).chain([tuning.float_score]),
        0.08,
    );
    let slowest = times.iter().map(|(_, ms)| *ms).fold(0.0, f64::max);
    let (unit, per_ms) = if slowest < 0.5 {
        ("µs", 1e3)
    } else {
        ("ms", 1.0)
    };
    let times = times.into_iter().map(|(bits, ms)| (bits, ms * per_ms));
    let times: Vec<(f64, f64)> = times.collect();
    let height = 0.0..(slowest * per_ms).max(1e-3) * 1.15;
    drawn((760, 480), |area| {
        let mut chart = ChartBuilder::on(area)
            .caption("Score and encrypted time by bits", text(20))
            .margin(14)
            .x_label_area_size(46)
            .y_label_area_size(64)
            .right_y_label_area_size(64)
            .build_cartesian_2d(widths.clone(), range.clone())?
            .set_secondary_coord(widths.clone(), height.clone());
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY.mix(0.25))
            .axis_style(GREY)
            .label_style(text(13))
            .x_desc("bits of a code")
            .y_desc(tuning.metric.as_str())
            .x_label_formatter(&|bits| format!("{bits:.0}"))
            .y_label_formatter(&chart::ticks(&range))
            .draw()?;
        chart
            .configure_secondary_axes()
            .label_style(text(13))
            .y_desc(format!("predicted time of a row, {unit}"))
            .y_label_formatter(&chart::ticks(&height))
            .draw()?;
        chart
            .draw_secondary_series(LineSeries::new(
                times.iter().copied(),
                ORANGE.stroke_width(2),
            ))?
            .label("time")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], ORANGE.stroke_width(2)));
        let float = [
            (widths.start, tuning.float_score),
            (widths.end, tuning.float_score),
        ];
        chart
            .draw_series(LineSeries::new(float, GREY.stroke_width(2)))?
            .label("float")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], GREY.stroke_width(2)));
        chart
            .draw_series(LineSeries::new(
                scores.iter().copied(),
                BLUE_DARK.stroke_width(2),
            ))?
            .label("simulated")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLUE_DARK.stroke_width(2)));
        chart.draw_series(
            scores
                .iter()
                .map(|&at| Circle::new(at, 4, BLUE_DARK.filled())),
        )?;
        let smallest = tuning.smallest.and_then(|at| tuning.tuned.get(at));
        if let Some((Codes::Bits(bits), Some(score))) = smallest.map(|t| (t.codes, t.score)) {
            let at = (f64::from(bits), score);
            chart.draw_series([Circle::new(at, 9, ORANGE.stroke_width(2))])?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .background_style(WHITE.mix(0.85))
            .label_font(text(13))
            .draw()?;
        Ok(())
    })
}
