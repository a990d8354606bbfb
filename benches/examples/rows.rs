//! Rows of one client: `rows MODEL/server.tnb [MODEL/server.tnb …]`, in the order of what they are compared with, the first.
//!
//! One thread of one server that stays up evaluates random rows by all of them, a query of each in turn, so that all meet the same moments of the
//! machine; every result is compared with the simulator's.

use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::Verified;
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_tfhe::EvaluationKey;
use tenebra_tfhe::server_program::{ServerFile, ServerProgram};

type Failure = Box<dyn core::error::Error>;

/// Rows that are evaluated at a time, by how many queries that takes.
const COUNTS: [usize; 3] = [1, 16, 256];
const ROUNDS: usize = 5;

/// A model, and a client of it whose key is there.
struct Case {
    path: String,
    program: ServerProgram,
    circuit: Verified,
    client: Vec<u8>,
    key: ClientKey,
    evaluation_key: Option<EvaluationKey>,
    rng: ChaCha20Rng,
}

impl Case {
    fn new(path: String) -> Result<Self, Failure> {
        let bytes = std::fs::read(&path)?;
        let program = ServerProgram::parse(&bytes)?;
        let client = program.client().to_vec();
        let circuit = ServerFile::parse(&bytes)?.circuit()?;
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let spec = ClientSpec::parse(&client)?;
        let key = ClientKey::generate(&spec, &mut rng);
        let file = spec.evaluation_key_file(&key, &mut rng)?;
        let evaluation_key = file.map(|file| program.prepare_key(&file)).transpose()?;
        Ok(Self {
            path,
            program,
            circuit,
            key,
            evaluation_key,
            rng,
            client,
        })
    }

    fn max_rows(&self) -> usize {
        self.program.spec().max_rows()
    }

    /// Milliseconds that random rows take in one query.
    fn evaluate(&mut self, rows: usize) -> Result<f64, Failure> {
        let spec = ClientSpec::parse(&self.client)?;
        let ranges = self.circuit.input_ranges();
        let (mut codes, mut expected) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let row: Vec<i64> = ranges
                .iter()
                .map(|range| {
                    let offset = self.rng.next_u64() % (range.max.abs_diff(range.min) + 1);
                    range.min.wrapping_add_unsigned(offset)
                })
                .collect();
            expected.push(tenebra_sim::run(&self.circuit, &row)?);
            codes.extend(row);
        }
        let query = spec.encrypt_codes(&self.key, &codes, &mut self.rng)?;
        let start = Instant::now();
        let response = self
            .program
            .evaluate(self.evaluation_key.as_ref(), &query)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let outputs = spec.decrypt_rows(&self.key, &response)?;
        if outputs != expected {
            return Err(format!("{}: decrypted and simulated differ", self.path).into());
        }
        Ok(ms)
    }
}

/// Milliseconds of so many rows by each case, a query of each in turn.
fn in_turn(cases: &mut [Case], count: usize) -> Result<Vec<f64>, Failure> {
    let mut left = vec![count; cases.len()];
    let mut sums = vec![0.0; cases.len()];
    let at_once = cases.iter().map(Case::max_rows).max().unwrap_or(1);
    while left.iter().any(|left| *left > 0) {
        for (case, (left, sum)) in cases.iter_mut().zip(left.iter_mut().zip(&mut sums)) {
            // As many rows as the largest query of all has.
            let mut now = at_once.min(*left);
            *left -= now;
            while now > 0 {
                let rows = now.min(case.max_rows());
                *sum += case.evaluate(rows)?;
                now -= rows;
            }
        }
    }
    Ok(sums)
}

#[expect(clippy::print_stdout, reason = "the table")]
fn main() -> Result<(), Failure> {
    let paths = std::env::args().skip(1);
    let mut cases = paths.map(Case::new).collect::<Result<Vec<_>, _>>()?;
    if cases.is_empty() {
        return Err("rows MODEL/server.tnb [MODEL/server.tnb …]".into());
    }
    println!("{}", tenebra_benches::machine());
    println!(
        "\n| rows | model | rows a query | ms a row, least of {ROUNDS} | rows a second | times the first, median |"
    );
    println!("|---|---|---|---|---|---|");
    in_turn(&mut cases, 8)?;
    for count in COUNTS {
        let rounds = (0..ROUNDS).map(|_| in_turn(&mut cases, count));
        let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
        for (index, case) in cases.iter().enumerate() {
            let least = rounds
                .iter()
                .map(|round| round[index])
                .fold(f64::INFINITY, f64::min);
            let mut ratios: Vec<f64> = rounds.iter().map(|round| round[0] / round[index]).collect();
            ratios.sort_by(f64::total_cmp);
            println!(
                "| {count} | {} | {} | {:.3} | {:.1} | {:.2} |",
                case.path,
                case.max_rows(),
                least / count as f64,
                count as f64 / least * 1e3,
                ratios[ratios.len() / 2],
            );
        }
    }
    Ok(())
}
