//! How evaluation time grows with the number of nodes and with the bits of a code: direct queries, one thread.
//!
//! `cargo run --release -p tenebra-benches --example growth` writes `benches/growth.csv` and the plot `benches/growth.svg`.
//! Every point is a forest of random trees, each of 63 splits at most 8 deep, over 16 features, with 8-bit leaves; the time is
//! the least of several evaluations from query bytes to response bytes (other work on the machine only adds to it), whose
//! result is compared with the simulator's.

use core::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::{BranchingCase, Shape, machine};
use tenebra_circuit::QueryMode;

const NODES: [usize; 7] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000];
const BITS: [u32; 5] = [2, 4, 8, 12, 16];
const REPEATS: usize = 7;

/// One measured forest.
struct Point {
    nodes: usize,
    bits: u32,
    cmux: usize,
    plan_ms: f64,
    predicted_ms: f64,
    evaluate_ms: f64,
}

#[expect(clippy::unwrap_used, reason = "a measurement that fails should stop")]
fn measure(nodes: usize, bits: u32) -> Point {
    let shape = Shape {
        trees: nodes.div_ceil(63),
        splits: nodes,
        depth: 8,
        features: 16,
        bits,
        outputs: 1,
    };
    let start = Instant::now();
    let case = BranchingCase::new("growth", shape, QueryMode::Direct);
    let plan_ms = start.elapsed().as_secs_f64() * 1e3;
    let (spec, key) = (case.spec(), case.key());
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let query = spec.encrypt_codes(&key, &case.codes, &mut rng).unwrap();
    let mut times = Vec::new();
    let mut response = Vec::new();
    for _ in 0..REPEATS {
        let start = Instant::now();
        response = case.program.evaluate(spec.id(), None, &query).unwrap();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let integers = spec.decrypt_rows(&key, &response).unwrap().concat();
    let simulated = tenebra_sim::run(&case.circuit, &case.codes).unwrap();
    assert_eq!(integers, simulated, "{nodes} nodes, {bits} bits");
    times.sort_by(f64::total_cmp);
    Point {
        nodes,
        bits,
        cmux: case.report.external_products,
        plan_ms,
        predicted_ms: case.report.predicted_evaluate_ms,
        evaluate_ms: times[0],
    }
}

fn csv(points: &[Point]) -> String {
    let mut text = String::from("nodes,bits,cmux,plan_ms,predicted_ms,evaluate_ms\n");
    for p in points {
        let (plan, predicted, time) = (p.plan_ms, p.predicted_ms, p.evaluate_ms);
        let _ = writeln!(
            text,
            "{},{},{},{plan:.0},{predicted:.3},{time:.3}",
            p.nodes, p.bits, p.cmux
        );
    }
    text
}

const SIZE: (f64, f64) = (720.0, 480.0);
const MARGIN: f64 = 60.0;

/// Where a point lies in the plot: both axes are logarithmic.
fn place(nodes: f64, time: f64, low: f64, high: f64) -> (f64, f64) {
    let across = (nodes / 100.0).log10() / 2.0;
    let up = (time / low).log10() / (high / low).log10();
    let (width, height) = (SIZE.0 - 2.0 * MARGIN - 60.0, SIZE.1 - 2.0 * MARGIN);
    (MARGIN + across * width, SIZE.1 - MARGIN - up * height)
}

fn svg(points: &[Point]) -> String {
    let decade = |x: f64, up: bool| {
        let log = x.log10();
        10_f64.powf(if up { log.ceil() } else { log.floor() })
    };
    let times = || points.iter().map(|p| p.evaluate_ms);
    let low = decade(times().fold(f64::INFINITY, f64::min), false);
    let high = decade(times().fold(0.0, f64::max), true);
    let at = |nodes: f64, time: f64| place(nodes, time, low, high);
    let (width, height) = SIZE;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"14\">Evaluation of a forest, direct queries, one thread: milliseconds by nodes</text>\n\
         <text x=\"{MARGIN}\" y=\"42\" fill=\"#666\">{}</text>\n",
        machine()
    );
    let mut line = |from: (f64, f64), to: (f64, f64), style: &str| {
        let ((x, y), (to_x, to_y)) = (from, to);
        let _ = writeln!(
            text,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\" {style}/>"
        );
    };
    for nodes in NODES {
        line(
            at(nodes as f64, low),
            at(nodes as f64, high),
            "stroke=\"#ddd\"",
        );
    }
    let mut time = low;
    let mut labels = Vec::new();
    while time <= high * 1.001 {
        line(at(100.0, time), at(10_000.0, time), "stroke=\"#ddd\"");
        labels.push(time);
        time *= 10.0;
    }
    // What linear growth from the first point of the middle line would look like.
    if let Some(first) = points.iter().find(|p| p.bits == 8) {
        let end = (10_000.0_f64, first.evaluate_ms * 100.0);
        let end = if end.1 > high {
            (100.0 * high / first.evaluate_ms, high)
        } else {
            end
        };
        line(
            at(100.0, first.evaluate_ms),
            at(end.0, end.1),
            "stroke=\"#999\" stroke-dasharray=\"5 4\"",
        );
    }
    for nodes in NODES {
        let (x, y) = at(nodes as f64, low);
        let _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{nodes}</text>",
            y + 18.0
        );
    }
    for time in labels {
        let (x, y) = at(100.0, time);
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{time}</text>",
            x - 6.0,
            y + 4.0
        );
    }
    curves(&mut text, points, &at);
    text.push_str("</svg>\n");
    text
}

/// One line of points for each width of codes.
fn curves(text: &mut String, points: &[Point], at: &dyn Fn(f64, f64) -> (f64, f64)) {
    let colours = ["#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e"];
    for (bits, colour) in BITS.iter().zip(colours) {
        let of_bits = || points.iter().filter(|p| p.bits == *bits);
        let places = of_bits().map(|p| at(p.nodes as f64, p.evaluate_ms));
        let path: Vec<String> = places
            .clone()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (x, y) in places.clone() {
            let _ = writeln!(
                text,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
            );
        }
        if let Some((x, y)) = places.clone().next_back() {
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{bits} bits</text>",
                x + 8.0,
                y + 4.0
            );
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is the result")]
#[expect(clippy::unwrap_used, reason = "a measurement that fails should stop")]
fn main() {
    println!("{}", machine());
    println!("nodes,bits,cmux,plan_ms,predicted_ms,evaluate_ms");
    let mut points = Vec::new();
    for bits in BITS {
        for nodes in NODES {
            points.push(measure(nodes, bits));
            let last = csv(&points[points.len() - 1..]);
            print!("{}", last.lines().nth(1).unwrap_or_default());
            println!();
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(folder.join("growth.csv"), csv(&points)).unwrap();
    fs::write(folder.join("growth.svg"), svg(&points)).unwrap();
}
