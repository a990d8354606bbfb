//! Histograms as SVG.

use core::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const MARGIN: f64 = 50.0;
const COLOURS: [&str; 3] = ["#1b9e77", "#7570b3", "#d95f02"];

/// How often values of each series fall into each of `bins` equal parts of `0..high`, side by side; larger ones count in the last.
#[must_use]
pub fn histogram(
    title: &str,
    note: &str,
    series: &[(&str, Vec<f64>)],
    high: f64,
    bins: usize,
) -> String {
    let counts: Vec<Vec<usize>> = series
        .iter()
        .map(|(_, values)| {
            let mut counts = vec![0; bins];
            for value in values {
                let bin = (0..bins).rfind(|bin| *value >= high * *bin as f64 / bins as f64);
                counts[bin.unwrap_or(0)] += 1;
            }
            counts
        })
        .collect();
    let most = counts.iter().flatten().copied().max().unwrap_or(1).max(1) as f64;
    let bin_width = (WIDTH - 2.0 * MARGIN) / bins as f64;
    let bar_width = bin_width * 0.9 / series.len() as f64;
    let base = HEIGHT - MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"20\" font-size=\"14\">{title}</text>\n\
         <text x=\"{MARGIN}\" y=\"36\" fill=\"#666\">{note}</text>\n"
    );
    for (index, ((name, values), counts)) in series.iter().zip(&counts).enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        for (bin, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let height = (base - 60.0) * *count as f64 / most;
            let x = MARGIN + bin as f64 * bin_width + index as f64 * bar_width;
            let _ = writeln!(
                text,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{bar_width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"><title>{count}</title></rect>",
                base - height
            );
        }
        let y = 56.0 + 16.0 * index as f64;
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{name}: {} plans</text>",
            MARGIN + 8.0,
            values.len()
        );
    }
    for tick in 0..=bins {
        let (x, value) = (
            MARGIN + tick as f64 * bin_width,
            high * tick as f64 / bins as f64,
        );
        if tick % 2 == 0 {
            let _ = writeln!(
                text,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.1}</text>",
                base + 18.0
            );
        }
    }
    text.push_str("</svg>\n");
    text
}
