//! Looks for plans whose measured noise is above, or close to, the predicted one.
//!
//! `cargo run --release -p tenebra-benches --example noise_hunt -- [PLANS] [SEED] [CSV]` draws circuits that are hard on the formula,
//! plans each with direct and with packed queries, measures them with keys of their own, and writes a line a plan and, beside it, a histogram as SVG. The exit
//! status is 1 if a plan has a defect.

use core::fmt::Write as _;
use std::process::ExitCode;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::histogram::histogram;
use tenebra_benches::hunt::{Kind, circuit};
use tenebra_benches::machine;
use tenebra_circuit::{Options, QueryMode, Verified};
use tenebra_tfhe::Program;
use tenebra_tfhe::measure::{Measure, Measurement};

/// Plans that take longer are left out: the search is for many.
const LONGEST_MS: f64 = 150.0;

const HEADER: &str = "kind,seed,query,plan,p_fail_log2,evaluate_ms,queries,errors,predicted_std_log2,std_log2,least_log2,bound_log2,ratio,mean,mean_error,kurtosis,largest,half_step,mismatches,defect";

#[expect(clippy::print_stdout, reason = "the counts are the result")]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        let argument = arguments.next();
        argument
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (plans, first) = (number(500), number(1));
    let path = arguments
        .next()
        .unwrap_or_else(|| "target/noise_hunt.csv".into());
    let mut lines = String::from(HEADER);
    lines.push('\n');
    let (mut done, mut defects, mut high) = (0, 0, 0);
    let mut ratios = [
        ("linear", Vec::new()),
        ("direct", Vec::new()),
        ("packed", Vec::new()),
    ];
    let mut seed = first;
    while done < plans {
        let kind = Kind::ALL[usize::try_from(seed).unwrap_or(0) % Kind::ALL.len()];
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        for (query, name) in [(QueryMode::Direct, "direct"), (QueryMode::Packed, "packed")] {
            let Some(circuit) = circuit(kind, &mut ChaCha20Rng::seed_from_u64(seed)) else {
                continue;
            };
            for (plan, (measurement, p_fail_log2, evaluate_ms)) in
                measure(&circuit, query, &mut rng).into_iter().enumerate()
            {
                let defect = measurement.defect();
                done += 1;
                defects += u32::from(defect.is_some());
                high += u32::from(measurement.ratio() > 0.9);
                let scheme = match (kind, query) {
                    (Kind::Linear, _) => 0,
                    (_, QueryMode::Direct) => 1,
                    _ => 2,
                };
                ratios[scheme].1.push(measurement.ratio());
                let line = line(
                    kind,
                    seed,
                    name,
                    plan,
                    p_fail_log2,
                    evaluate_ms,
                    &measurement,
                );
                if defect.is_some() {
                    println!("DEFECT {line}");
                }
                lines.push_str(&line);
                lines.push('\n');
            }
            if kind == Kind::Linear {
                break;
            }
        }
        seed += 1;
        if std::fs::write(&path, &lines).is_err() {
            println!("{path} cannot be written");
            return ExitCode::FAILURE;
        }
    }
    let plot = histogram(
        "Measured over predicted standard deviation of the noise",
        &machine(),
        &ratios,
        1.2,
        24,
    );
    let _ = std::fs::write(format!("{path}.svg"), plot);
    println!(
        "{done} plans, {defects} with defects, {high} with a ratio above 0.9; seeds {first} to {}",
        seed - 1
    );
    ExitCode::from(u8::from(defects > 0))
}

/// The plans of a circuit; none where it cannot be planned or takes too long.
fn measure(
    circuit: &Verified,
    query: QueryMode,
    rng: &mut ChaCha20Rng,
) -> Vec<(Measurement, f64, f64)> {
    let options = Options {
        query,
        rows: 64,
        ..Options::default()
    };
    let Ok(program) = Program::prepare(circuit, &options) else {
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
        expected: &|codes| tenebra_sim::run(circuit, codes).ok(),
        rng,
        progress: &mut |_, _| {},
    });
    let measured = measured.unwrap_or_default().into_iter().zip(report);
    measured
        .map(|(measurement, plan)| (measurement, plan.p_fail_log2, plan.predicted_evaluate_ms))
        .collect()
}

fn line(
    kind: Kind,
    seed: u64,
    query: &str,
    plan: usize,
    p_fail_log2: f64,
    evaluate_ms: f64,
    of: &Measurement,
) -> String {
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
