//! Plots of the float model beside the encrypted one.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use tenebra_models::data::Table;

use super::chart::{Area, BLUE_DARK, Drawn, GREY, ORANGE, drawn, padded, text, ticks};
use crate::output::Failure;

/// Points of the plane with their class.
pub(crate) type Points = Vec<((f64, f64), usize)>;

const SIZE: (u32, u32) = (860, 430);

/// Cells over the plane of the first two columns.
pub(crate) struct Grid {
    x: core::ops::Range<f64>,
    y: core::ops::Range<f64>,
    /// Of the columns.
    names: [String; 2],
}

impl Grid {
    /// Cells in each direction.
    const CELLS: usize = 150;

    /// Over all rows of a table.
    pub(crate) fn over(table: &Table) -> Self {
        Self {
            x: padded(table.column(0), 0.08),
            y: padded(table.column(1), 0.08),
            names: [0, 1].map(|at| table.columns().get(at).cloned().unwrap_or_default()),
        }
    }

    fn corner(&self, column: usize, row: usize) -> (f64, f64) {
        let share = |at: usize, range: &core::ops::Range<f64>| {
            range.start + (range.end - range.start) * at as f64 / Self::CELLS as f64
        };
        (share(column, &self.x), share(row, &self.y))
    }

    /// The class in the middle of each cell, row by row.
    pub(crate) fn classes(
        &self,
        predict: impl Fn(&[f64]) -> Result<Option<usize>, Failure>,
    ) -> Result<Vec<usize>, Failure> {
        let mut classes = Vec::with_capacity(Self::CELLS * Self::CELLS);
        for row in 0..Self::CELLS {
            for column in 0..Self::CELLS {
                let (low, high) = (self.corner(column, row), self.corner(column + 1, row + 1));
                let middle = [0.5 * (low.0 + high.0), 0.5 * (low.1 + high.1)];
                classes.push(predict(&middle)?.unwrap_or(0));
            }
        }
        Ok(classes)
    }
}

fn color(class: usize) -> RGBColor {
    [
        BLUE_DARK,
        ORANGE,
        RGBColor(0, 158, 115),
        RGBColor(204, 121, 167),
    ][class % 4]
}

/// A colour on white, at a quarter of its strength.
fn pale(color: RGBColor) -> RGBColor {
    let mixed = |x: u8| 255 - (255 - x) / 4;
    RGBColor(mixed(color.0), mixed(color.1), mixed(color.2))
}

/// A title, and a half of the area for each side.
fn halves<'a>(
    area: &Area<'a>,
    title: &str,
) -> Result<Vec<Area<'a>>, plotters::drawing::DrawingAreaErrorKind<std::io::Error>> {
    let area = area.titled(title, text(20))?;
    Ok(area.split_evenly((1, 2)))
}

/// Decisions over the plane: cells in the colour of the class that is predicted there, held-out points in that of their own, so
/// that those on the other colour are the errors.
pub(crate) fn boundary(
    title: &str,
    grid: &Grid,
    sides: &[(&str, Vec<usize>, Points)],
) -> Result<String, Failure> {
    drawn(SIZE, |area| {
        for (half, (name, cells, points)) in halves(area, title)?.iter().zip(sides) {
            let mut chart = ChartBuilder::on(half)
                .caption(*name, text(15))
                .margin(8)
                .x_label_area_size(40)
                .y_label_area_size(46)
                .build_cartesian_2d(grid.x.clone(), grid.y.clone())?;
            chart
                .configure_mesh()
                .disable_mesh()
                .axis_style(GREY)
                .label_style(text(12))
                .x_desc(grid.names[0].as_str())
                .y_desc(grid.names[1].as_str())
                .x_label_formatter(&ticks(&grid.x))
                .y_label_formatter(&ticks(&grid.y))
                .draw()?;
            for (row, cells) in cells.chunks(Grid::CELLS).enumerate() {
                let mut first = 0;
                for run in cells.chunk_by(|a, b| a == b) {
                    let end = first + run.len();
                    let corners = [grid.corner(first, row), grid.corner(end, row + 1)];
                    // Colours that cover the edges of neighbours leave no seams.
                    let fill = pale(color(run[0])).filled();
                    chart.draw_series([Rectangle::new(corners, fill)])?;
                    first = end;
                }
            }
            for &(at, class) in points {
                chart.draw_series([Circle::new(at, 4, WHITE.filled())])?;
                chart.draw_series([Circle::new(at, 3, color(class).filled())])?;
            }
        }
        Ok(())
    })
}

/// Residuals (truth less prediction) over predictions.
pub(crate) fn residuals(title: &str, sides: &[(&str, Vec<(f64, f64)>)]) -> Result<String, Failure> {
    let all = || sides.iter().flat_map(|(_, points)| points.iter().copied());
    let x = padded(all().map(|(found, _)| found), 0.05);
    let y = padded(all().map(|(_, residual)| residual), 0.05);
    drawn(SIZE, |area| {
        for (half, (name, points)) in halves(area, title)?.iter().zip(sides) {
            let mut chart = ChartBuilder::on(half)
                .caption(*name, text(15))
                .margin(8)
                .x_label_area_size(42)
                .y_label_area_size(58)
                .build_cartesian_2d(x.clone(), y.clone())?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GREY.mix(0.2))
                .axis_style(GREY)
                .label_style(text(12))
                .x_desc("predicted")
                .y_desc("truth less prediction")
                .x_labels(5)
                .x_label_formatter(&ticks(&x))
                .y_label_formatter(&ticks(&y))
                .draw()?;
            let zero = [(x.start, 0.0), (x.end, 0.0)];
            chart.draw_series(LineSeries::new(zero, GREY.stroke_width(2)))?;
            chart.draw_series(
                points
                    .iter()
                    .map(|&at| Circle::new(at, 3, BLUE_DARK.mix(0.55).filled())),
            )?;
        }
        Ok(())
    })
}

/// The mean of the truth over the mean of what was predicted, in ten groups of rows with like predictions.
pub(crate) fn tenths(title: &str, sides: &[(&str, Vec<(f64, f64)>)]) -> Result<String, Failure> {
    let means = |rows: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let mut rows = rows.to_vec();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let groups = rows.chunks(rows.len().div_ceil(10).max(1));
        let mean = |group: &[(f64, f64)]| {
            let n = group.len() as f64;
            let sum = group.iter().fold((0.0, 0.0), |s, r| (s.0 + r.0, s.1 + r.1));
            (sum.0 / n, sum.1 / n)
        };
        groups.map(mean).collect()
    };
    let means: Vec<Vec<(f64, f64)>> = sides.iter().map(|(_, rows)| means(rows)).collect();
    let all = || means.iter().flatten().flat_map(|&(x, y)| [x, y]);
    let range = padded(all().chain([0.0]), 0.05);
    drawn(SIZE, |area| {
        for ((half, (name, _)), means) in halves(area, title)?.iter().zip(sides).zip(&means) {
            let mut chart = ChartBuilder::on(half)
                .caption(*name, text(15))
                .margin(8)
                .x_label_area_size(42)
                .y_label_area_size(58)
                .build_cartesian_2d(range.clone(), range.clone())?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GREY.mix(0.2))
                .axis_style(GREY)
                .label_style(text(12))
                .x_desc("mean prediction of a tenth of the rows")
                .y_desc("mean of their truth")
                .x_labels(6)
                .y_labels(6)
                .x_label_formatter(&ticks(&range))
                .y_label_formatter(&ticks(&range))
                .draw()?;
            let even = [(range.start, range.start), (range.end, range.end)];
            chart.draw_series(LineSeries::new(even, GREY.stroke_width(1)))?;
            let line = means.iter().copied();
            chart.draw_series(LineSeries::new(line, BLUE_DARK.stroke_width(2)))?;
            let dots = means.iter();
            chart.draw_series(dots.map(|&at| Circle::new(at, 5, BLUE_DARK.filled())))?;
        }
        Ok(())
    })
}

/// How often rows are of the second class, by the probability that was predicted, in ten intervals.
pub(crate) fn reliability(
    title: &str,
    sides: &[(&str, Vec<(f64, bool)>)],
) -> Result<String, Failure> {
    const BINS: usize = 10;
    drawn(SIZE, |area| {
        for (half, (name, rows)) in halves(area, title)?.iter().zip(sides) {
            let mut bins = [(0.0, 0.0, 0.0); BINS];
            for (probability, is) in rows {
                let bin = (0..BINS)
                    .rev()
                    .find(|bin| *probability >= *bin as f64 / BINS as f64);
                let bin = &mut bins[bin.unwrap_or(0)];
                bin.0 += probability;
                bin.1 += f64::from(u8::from(*is));
                bin.2 += 1.0;
            }
            let points: Vec<(f64, f64, f64)> = bins
                .into_iter()
                .filter(|(_, _, count)| *count > 0.0)
                .map(|(sum, hits, count)| (sum / count, hits / count, count))
                .collect();
            let mut chart = ChartBuilder::on(half)
                .caption(*name, text(15))
                .margin(8)
                .x_label_area_size(42)
                .y_label_area_size(52)
                .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GREY.mix(0.2))
                .axis_style(GREY)
                .label_style(text(12))
                .x_desc("predicted probability; larger dots stand for more rows")
                .y_desc("share of the rows")
                .x_labels(6)
                .y_labels(6)
                .draw()?;
            chart.draw_series(LineSeries::new(
                [(0.0, 0.0), (1.0, 1.0)],
                GREY.stroke_width(1),
            ))?;
            let line = points.iter().map(|&(x, y, _)| (x, y));
            chart.draw_series(LineSeries::new(line, BLUE_DARK.stroke_width(2)))?;
            let most = points
                .iter()
                .map(|(_, _, count)| *count)
                .fold(1.0, f64::max);
            let dots = points.iter().map(|&(x, y, count)| {
                // Areas are as the numbers of rows.
                #[expect(clippy::cast_possible_truncation, reason = "3 to 10")]
                let size = (3.0 + 7.0 * (count / most).sqrt()) as i32;
                Circle::new((x, y), size, BLUE_DARK.filled())
            });
            chart.draw_series(dots)?;
        }
        Ok(())
    })
}

/// Rows by true class (down) and predicted class (across).
pub(crate) fn confusion(
    title: &str,
    classes: &[String],
    sides: &[(&str, Vec<(usize, usize)>)],
) -> Result<String, Failure> {
    let n = classes.len();
    drawn(SIZE, |area| {
        for (half, (name, rows)) in halves(area, title)?.iter().zip(sides) {
            let mut counts = vec![0_u32; n * n];
            for (truth, found) in rows {
                if let Some(count) = counts.get_mut(truth * n + found) {
                    *count += 1;
                }
            }
            let most = counts.iter().copied().max().unwrap_or(1).max(1);
            let name_of = |at: f64| {
                let at = (0..n).find(|class| (at - *class as f64 - 0.5).abs() < 0.25);
                at.and_then(|at| classes.get(at))
                    .cloned()
                    .unwrap_or_default()
            };
            let mut chart = ChartBuilder::on(half)
                .caption(*name, text(15))
                .margin(10)
                .x_label_area_size(44)
                .y_label_area_size(86)
                .build_cartesian_2d(0.0..n as f64, 0.0..n as f64)?;
            chart
                .configure_mesh()
                .disable_mesh()
                .axis_style(TRANSPARENT)
                .label_style(text(13))
                .x_desc("predicted")
                .y_desc("truth")
                .x_labels(2 * n + 1)
                .y_labels(2 * n + 1)
                .x_label_formatter(&|x| name_of(*x))
                .y_label_formatter(&|y| name_of(n as f64 - *y))
                .draw()?;
            for (at, &count) in counts.iter().enumerate() {
                // The first class on top.
                let (truth, found) = ((n - 1 - at / n) as f64, (at % n) as f64);
                let share = f64::from(count) / f64::from(most);
                let cell = [(found, truth), (found + 1.0, truth + 1.0)];
                let fill = BLUE_DARK.mix(0.06 + 0.8 * share).filled();
                chart.draw_series([Rectangle::new(cell, fill)])?;
                let ink = if share > 0.5 { WHITE } else { BLACK };
                let style = |height| {
                    let centred = Pos::new(HPos::Center, VPos::Center);
                    text(height).color(&ink).pos(centred)
                };
                let of_class: u32 = counts[at / n * n..(at / n + 1) * n].iter().sum();
                let part = 100.0 * f64::from(count) / f64::from(of_class.max(1));
                let middle = EmptyElement::at((found + 0.5, truth + 0.5));
                chart.draw_series([middle
                    + Text::new(count.to_string(), (0, -8), style(22))
                    + Text::new(format!("{part:.0} %"), (0, 14), style(13))])?;
            }
        }
        Ok(())
    })
}

/// Points, the float model's line, and decrypted predictions.
pub(crate) fn line(
    title: &str,
    names: [&str; 2],
    points: &[(f64, f64)],
    fitted: &[(f64, f64)],
    decrypted: &[(f64, f64)],
) -> Result<String, Failure> {
    drawn((760, 440), |area| -> Drawn {
        let x = padded(points.iter().map(|(x, _)| *x), 0.05);
        let y = padded(points.iter().chain(fitted).map(|(_, y)| *y), 0.05);
        let mut chart = ChartBuilder::on(area)
            .caption(title, text(20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(54)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GREY.mix(0.2))
            .axis_style(GREY)
            .label_style(text(12))
            .x_desc(names[0])
            .y_desc(names[1])
            .x_label_formatter(&ticks(&x))
            .y_label_formatter(&ticks(&y))
            .draw()?;
        chart
            .draw_series(
                points
                    .iter()
                    .map(|&at| Circle::new(at, 3, GREY.mix(0.6).filled())),
            )?
            .label("held-out rows")
            .legend(|(x, y)| Circle::new((x + 9, y), 3, GREY.mix(0.6).filled()));
        chart
            .draw_series(LineSeries::new(
                fitted.iter().copied(),
                BLUE_DARK.stroke_width(2),
            ))?
            .label("float")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], BLUE_DARK.stroke_width(2)));
        chart
            .draw_series(
                decrypted
                    .iter()
                    .map(|&at| Circle::new(at, 3, ORANGE.stroke_width(1))),
            )?
            .label("encrypted")
            .legend(|(x, y)| Circle::new((x + 9, y), 3, ORANGE.stroke_width(1)));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .label_font(text(13))
            .draw()?;
        Ok(())
    })
}
