//! Looks for plans whose measured noise is above, or close to, the predicted one.
//!
//! `cargo run --release -p tenebra-benches --example noise_hunt -- [PLANS] [SEED] [CSV]` draws circuits that are hard on the formula,
//! plans each with direct and with packed queries, measures them with keys of their own, and writes a line a plan and, beside it, a histogram as SVG. The exit
//! status is 1 if a plan has a defect.
//!
//! `noise_hunt again CSV [PLANS]` measures the plans with the highest ratios of an earlier search again: they are its test cases.

use core::fmt::Write as _;
use std::process::ExitCode;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::histogram::histogram;
use tenebra_benches::hunt::{Kind, circuit};
use tenebra_benches::machine;
use tenebra_circuit::{Options, QueryMode};
use tenebra_tfhe::Program;
use tenebra_tfhe::measure::{Measure, Measurement};

/// Plans that take longer are left out: the search is for many.
const LONGEST_MS: f64 = 150.0;

const HEADER: &str = "kind,seed,query,plan,p_fail_log2,evaluate_ms,queries,errors,predicted_std_log2,std_log2,least_log2,bound_log2,ratio,mean,mean_error,kurtosis,largest,half_step,mismatches,defect";

/// What is drawn: of which kind, from which seed, with which queries.
type Draw = (Kind, u64, &'static str);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: usize| {
        let argument = arguments.get(at);
        argument
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    if arguments.first().is_some_and(|first| first == "again") {
        let Some(draws) = arguments.get(1).and_then(|path| highest(path)) else {
            return failed("no earlier search is there");
        };
        return search(draws.into_iter(), number(2, 40), None);
    }
    let path = arguments
        .get(2)
        .map_or("target/noise_hunt.csv", String::as_str);
    let seeds = number(1, 1) as u64..;
    let draws = seeds.flat_map(|seed| {
        let kind = Kind::ALL[usize::try_from(seed).unwrap_or(0) % Kind::ALL.len()];
        let queries: &[&str] = match kind {
            Kind::Linear => &["direct"],
            _ => &["direct", "packed"],
        };
        queries.iter().map(move |query| (kind, seed, *query))
    });
    search(draws, number(0, 500), Some(path))
}

#[expect(clippy::print_stdout, reason = "the counts are the result")]
fn failed(what: &str) -> ExitCode {
    println!("{what}");
    ExitCode::FAILURE
}

/// The draws of an earlier search, that with the highest ratio first.
fn highest(path: &str) -> Option<Vec<Draw>> {
    let text = std::fs::read_to_string(path).ok()?;
    let mut draws: Vec<(f64, Draw)> = Vec::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| format!("{kind:?}") == *cells[0])?;
        let query = if *cells.get(2)? == "packed" {
            "packed"
        } else {
            "direct"
        };
        let draw = (kind, cells.get(1)?.parse().ok()?, query);
        let ratio: f64 = cells.get(12)?.parse().ok()?;
        if ratio.is_finite() && draws.iter().all(|(_, other)| *other != draw) {
            draws.push((ratio, draw));
        }
    }
    draws.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    Some(draws.into_iter().map(|(_, draw)| draw).collect())
}

/// Measures so many plans, and writes what was found after each draw.
#[expect(clippy::print_stdout, reason = "the counts are the result")]
fn search(draws: impl Iterator<Item = Draw>, plans: usize, path: Option<&str>) -> ExitCode {
    let mut lines = String::from(HEADER);
    lines.push('\n');
    let (mut done, mut defects, mut high) = (0, 0, 0);
    let mut ratios = ["linear", "direct", "packed"].map(|name| (name, Vec::new()));
    for (kind, seed, query) in draws {
        for (plan, measured) in measure(kind, seed, query).into_iter().enumerate() {
            let ratio = measured.0.ratio();
            let defect = measured.0.defect().is_some();
            done += 1;
            defects += u32::from(defect);
            high += u32::from(ratio > 0.9);
            let scheme = match (kind, query) {
                (Kind::Linear, _) => 0,
                (_, "direct") => 1,
                _ => 2,
            };
            ratios[scheme].1.push(ratio);
            let line = line((kind, seed, query), plan, &measured);
            if defect {
                println!("DEFECT {line}");
            }
            lines.push_str(&line);
            lines.push('\n');
        }
        if path.is_some_and(|path| std::fs::write(path, &lines).is_err()) {
            return failed("the file cannot be written");
        }
        if done >= plans {
            break;
        }
    }
    if let Some(path) = path {
        let title = "Measured over predicted standard deviation of the noise";
        let plot = histogram(title, &machine(), &ratios, 1.2, 24);
        let _ = std::fs::write(format!("{path}.svg"), plot);
    }
    println!("{done} plans, {defects} with defects, {high} with a ratio above 0.9");
    ExitCode::from(u8::from(defects > 0))
}

/// A plan's noise, its failure probability and predicted milliseconds.
type Measured = (Measurement, f64, f64);

/// The plans of a circuit; none where it cannot be planned or takes too long.
fn measure(kind: Kind, seed: u64, query: &str) -> Vec<Measured> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let Some(circuit) = circuit(kind, &mut rng) else {
        return Vec::new();
    };
    let query = match query {
        "packed" => QueryMode::Packed,
        _ => QueryMode::Direct,
    };
    let options = Options {
        query,
        rows: 64,
        ..Options::default()
    };
    let Ok(program) = Program::prepare(&circuit, &options) else {
        return Vec::new();
    };
    let report = program.report();
    if report
        .iter()
        .any(|plan| plan.predicted_evaluate_ms > LONGEST_MS)
    {
        return Vec::new();
    }
    let measured = program.measure(&mut Measure {
        queries: None,
        expected: &|codes| tenebra_sim::run(&circuit, codes).ok(),
        rng: &mut rng,
        progress: &mut |_, _| {},
    });
    let measured = measured.unwrap_or_default().into_iter().zip(report);
    measured
        .map(|(measurement, plan)| (measurement, plan.p_fail_log2, plan.predicted_evaluate_ms))
        .collect()
}

fn line((kind, seed, query): Draw, plan: usize, measured: &Measured) -> String {
    let (of, p_fail_log2, evaluate_ms) = measured;
    let mut line = format!("{kind:?},{seed},{query},{plan},{p_fail_log2:.1},{evaluate_ms:.2}");
    let _ = write!(line, ",{},{}", of.queries, of.errors);
    for value in [
        of.predicted_std_log2,
        of.std_log2,
        of.std_least_log2,
        of.std_bound_log2,
        of.ratio(),
        of.mean,
        of.mean_error,
        of.kurtosis,
        of.largest,
        of.half_step,
    ] {
        let _ = write!(line, ",{value:.4}");
    }
    let defect = of
        .defect()
        .map_or(String::new(), |defect| defect.to_string());
    let _ = write!(line, ",{},{defect}", of.mismatches);
    line
}
