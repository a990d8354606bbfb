//! Looks for plans whose measured noise is above, or close to, the predicted one.
//!
//! `cargo run --release -p tenebra-benches --example noise_hunt -- [PLANS] [SEED] [CSV] [CASES]` draws circuits that are hard on the formula,
//! plans each with direct and with packed queries, measures them with keys of their own, and writes a line a plan and, beside it, a
//! histogram as SVG. Draws with a ratio above 0.9 are appended to CASES, where it is given.
//!
//! `noise_hunt again CASES [COUNT] [FIRST]` measures recorded cases again, `COUNT` of them (all) from number `FIRST` (0) on, in turn.
//!
//! The exit status is 1 if a plan has a defect or could not be measured, if fewer plans were measured than asked for, and if one case was not.

use core::fmt::{self, Write as _};
use core::str::FromStr;
use std::process::ExitCode;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_benches::histogram::histogram;
use tenebra_benches::hunt::cases::{Case, Queries, RECORDED, Record};
use tenebra_benches::hunt::{Kind, circuit};
use tenebra_benches::machine;
use tenebra_tfhe::Program;
use tenebra_tfhe::measure::{Measure, Measurement};

/// Plans that take longer are left out of a search, which is for many, unless their kind is there to be large.
const LONGEST_MS: f64 = 150.0;

/// Queries of a plan of [`Kind::Many`].
const QUERIES_OF_MANY: usize = 12;

const HEADER: &str = "kind,seed,query,plan,p_fail_log2,evaluate_ms,queries,errors,predicted_std_log2,std_log2,least_log2,bound_log2,ratio,mean,mean_error,kurtosis,largest,half_step,mismatches,defect";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let found = match arguments.split_first() {
        Some((first, others)) if first == "again" => again(others),
        _ => search(&arguments),
    };
    match found {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => failed(&what),
    }
}

#[expect(clippy::print_stderr, reason = "a command line program's errors")]
fn failed(what: &str) -> ExitCode {
    eprintln!("failed: {what}");
    ExitCode::FAILURE
}

/// The number at a place of the arguments, if there is one.
fn number<T: FromStr>(arguments: &[String], at: usize, default: T) -> Result<T, String> {
    let Some(text) = arguments.get(at) else {
        return Ok(default);
    };
    text.parse().map_err(|_| format!("{text} is no number"))
}

/// Draws until so many plans are measured, each kind as often.
fn search(arguments: &[String]) -> Result<(), String> {
    let (plans, seed): (usize, u64) = (number(arguments, 0, 500)?, number(arguments, 1, 1)?);
    let path = arguments.get(2);
    let path = path.map_or("target/noise_hunt.csv", String::as_str);
    let record = arguments.get(3).map(|path| Record::open(path)).transpose();
    let mut record = record.map_err(|error| error.to_string())?;
    let mut hunt = Hunt::new();
    // More would be a search for what can be planned.
    for case in draws(seed).take(4 * plans + 40) {
        let ratio = hunt.draw(case, LONGEST_MS);
        if let Some(record) = record.as_mut().filter(|_| ratio > RECORDED) {
            record
                .add(case, ratio)
                .map_err(|error| format!("{case} is not recorded: {error}"))?;
        }
        write(path, &hunt.lines)?;
        hunt.tell(&format!("{} of {plans} plans", hunt.plans));
        if hunt.plans >= plans {
            break;
        }
    }
    let title = "Measured over predicted standard deviation of the noise";
    let series = ["linear", "direct", "packed", "rows"]
        .into_iter()
        .zip(hunt.ratios.clone());
    let series: Vec<(&str, Vec<f64>)> = series.collect();
    let plot = histogram(title, &hunt.machine, &series, 1.2, 24);
    write(&format!("{path}.svg"), &plot)?;
    hunt.verdict(hunt.plans >= plans)
}

fn write(path: &str, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{path}: {error}"))
}

/// A draw of each kind in turn, with direct and with packed queries.
fn draws(first: u64) -> impl Iterator<Item = Case> {
    (first..).flat_map(|seed| {
        let kind = Kind::ALL[usize::try_from(seed).unwrap_or(0) % Kind::ALL.len()];
        let queries: &[Queries] = match kind {
            Kind::Linear => &[Queries::Direct],
            _ => &[Queries::Direct, Queries::Packed, Queries::Rows],
        };
        let case = move |query: &Queries| Case {
            kind,
            seed,
            query: *query,
        };
        queries.iter().map(case)
    })
}

/// Measures recorded cases, however long they take.
fn again(arguments: &[String]) -> Result<(), String> {
    let path = arguments.first().ok_or("no file of cases was named")?;
    let record = Record::open(path).map_err(|error| error.to_string())?;
    let count = number(arguments, 1, usize::MAX)?;
    let count = count.min(record.cases().len());
    let mut hunt = Hunt::new();
    for case in record.turn(count, number(arguments, 2, 0)?) {
        hunt.draw(case, f64::INFINITY);
        hunt.tell(&format!("{} of {count} cases", hunt.drawn));
    }
    hunt.verdict(count > 0 && hunt.measured == count)
}

/// What came of draws.
#[derive(Default)]
struct Hunt {
    machine: String,
    /// A line a plan.
    lines: String,
    drawn: usize,
    /// Draws that make no circuit.
    empty: usize,
    /// By the planner.
    declined: usize,
    /// Draws that were planned, but take too long.
    slow: usize,
    /// Draws that were planned, and could not be measured.
    failed: usize,
    /// Draws whose plans were measured.
    measured: usize,
    plans: usize,
    defects: usize,
    /// Plans with a ratio above [`RECORDED`].
    high: usize,
    /// Of linear plans, direct and packed ones.
    ratios: [Vec<f64>; 4],
}

impl Hunt {
    fn new() -> Self {
        let machine = machine();
        Self {
            lines: format!("# {machine}\n{HEADER}\n"),
            machine,
            ..Self::default()
        }
    }

    /// Measures the plans of a draw, and returns their highest ratio; 0 where there are none.
    #[expect(clippy::print_stdout, reason = "what is found is the result")]
    fn draw(&mut self, case: Case, longest_ms: f64) -> f64 {
        self.drawn += 1;
        let measured = match measure(case, longest_ms) {
            Ok(measured) => measured,
            Err(unmeasured) => {
                match unmeasured {
                    Unmeasured::Empty => self.empty += 1,
                    Unmeasured::Declined => self.declined += 1,
                    Unmeasured::Slow => self.slow += 1,
                    Unmeasured::Failed(error) => {
                        self.failed += 1;
                        println!("FAILED {case}: {error}");
                    }
                }
                return 0.0;
            }
        };
        self.measured += 1;
        let mut highest = 0.0f64;
        for (plan, measured) in measured.iter().enumerate() {
            let ratio = measured.0.ratio();
            highest = highest.max(ratio);
            self.plans += 1;
            self.high += usize::from(ratio > RECORDED);
            let scheme = match (case.kind, case.query) {
                (Kind::Linear, _) => 0,
                (_, Queries::Packed) => 2,
                (_, Queries::Rows) => 3,
                _ => 1,
            };
            self.ratios[scheme].push(ratio);
            let line = line(case, plan, measured);
            if measured.0.defect().is_some() {
                self.defects += 1;
                println!("DEFECT {line}");
            }
            self.lines.push_str(&line);
            self.lines.push('\n');
        }
        highest
    }

    #[expect(clippy::print_stderr, reason = "progress")]
    fn tell(&self, done: &str) {
        eprintln!("{done}: {self}");
    }

    /// Prints the counts; an error unless there is nothing wrong and `enough` was measured.
    #[expect(clippy::print_stdout, reason = "the counts are the result")]
    fn verdict(&self, enough: bool) -> Result<(), String> {
        println!("{self}");
        if self.defects > 0 {
            Err("there are defects".into())
        } else if self.failed > 0 {
            Err("there are plans that could not be measured".into())
        } else if !enough {
            Err("fewer were measured than asked for".into())
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Hunt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let planned = self.slow + self.failed + self.measured;
        write!(
            f,
            "{} drawn, {} no circuits, {} declined by the planner, {planned} planned, {} of them skipped as too slow, {} failed, {} measured; \
             {} plans, {} with defects, {} with a ratio above {RECORDED}",
            self.drawn,
            self.empty,
            self.declined,
            self.slow,
            self.failed,
            self.measured,
            self.plans,
            self.defects,
            self.high
        )
    }
}

/// A plan's noise, its failure probability and predicted milliseconds.
type Measured = (Measurement, f64, f64);

/// Why nothing was measured of a draw.
enum Unmeasured {
    /// It makes no circuit.
    Empty,
    /// The planner finds no parameters.
    Declined,
    /// A plan takes too long.
    Slow,
    /// Why it could not be measured, which should not happen.
    Failed(String),
}

/// The plans of a circuit.
fn measure(case: Case, longest_ms: f64) -> Result<Vec<Measured>, Unmeasured> {
    let mut rng = ChaCha20Rng::seed_from_u64(case.seed);
    let circuit = circuit(case.kind, &mut rng).ok_or(Unmeasured::Empty)?;
    let options = case.query.options();
    let program = Program::prepare(&circuit, &options).map_err(|_| Unmeasured::Declined)?;
    let report = program.report();
    let is_slow = |ms: f64| ms > longest_ms && case.kind != Kind::Many;
    let mut predicted = report.iter().map(|plan| plan.predicted_evaluate_ms);
    if predicted.any(is_slow) {
        return Err(Unmeasured::Slow);
    }
    let measured = program.measure(&mut Measure {
        queries: (case.kind == Kind::Many).then_some(QUERIES_OF_MANY),
        expected: &|codes| tenebra_sim::run(&circuit, codes).ok(),
        rng: &mut rng,
        progress: &mut |_, _| {},
    });
    let measured = measured.map_err(|error| Unmeasured::Failed(error.to_string()))?;
    // Where there are fewer measurements than plans, the largest queries were measured.
    let plans = report.into_iter().rev().take(measured.len()).rev();
    let measured = measured.into_iter().zip(plans.collect::<Vec<_>>());
    let facts = measured
        .map(|(measurement, plan)| (measurement, plan.p_fail_log2, plan.predicted_evaluate_ms));
    Ok(facts.collect())
}

fn line(case: Case, plan: usize, measured: &Measured) -> String {
    let (of, p_fail_log2, evaluate_ms) = measured;
    let mut line = format!("{case},{plan},{p_fail_log2:.1},{evaluate_ms:.2}");
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
