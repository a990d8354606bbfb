//! Answers to the same question from those who should agree: the simulator, each scheme by the bytes that travel, and code that
//! others wrote.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::Limits;
use crate::{Client, ErrorKind, Evaluator, Options, Planned, Planner, RoleError, Verified};

/// Who evaluates circuits in some way.
pub trait Oracle {
    /// Says which way.
    fn name(&self) -> &str;

    /// Circuits that are worth a try.
    fn limits(&self) -> Limits;

    /// The outputs of each row; what is random is drawn from `seed`.
    ///
    /// # Errors
    /// [`Refusal::Declined`] where it may: a circuit that it does not run. [`Refusal::Failed`] where it may not.
    fn run(
        &self,
        circuit: &Verified,
        rows: &[Vec<i64>],
        seed: [u8; 32],
    ) -> Result<Vec<Vec<i64>>, Refusal>;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The circuit is beyond what it runs.
    Declined(String),
    /// It should have answered.
    Failed(String),
}

/// The road that is deployed: planner, client and evaluator, with bytes between them.
#[derive(Clone, Debug)]
pub struct Road<P> {
    /// Says which scheme.
    pub name: &'static str,
    /// Plans.
    pub planner: P,
    /// How.
    pub options: Options,
    /// What is worth a try.
    pub limits: Limits,
}

impl<P: Planner> Oracle for Road<P> {
    fn name(&self) -> &str {
        self.name
    }

    fn limits(&self) -> Limits {
        self.limits.clone()
    }

    fn run(
        &self,
        circuit: &Verified,
        rows: &[Vec<i64>],
        seed: [u8; 32],
    ) -> Result<Vec<Vec<i64>>, Refusal> {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let planned = self.planner.plan(circuit, &self.options);
        let Planned { spec, evaluator } = planned.map_err(|error| refusal("plan", &error))?;
        let client = P::Client::open(&spec, &mut rng).map_err(|e| failed("open", &e))?;
        let key = client.evaluation_key(&mut rng);
        let key = key.map_err(|e| failed("evaluation_key", &e))?;
        let key = key.map(|key| evaluator.open_key(&key)).transpose();
        let key = key.map_err(|e| failed("open_key", &e))?;
        let width = circuit.output_ranges().len().max(1);
        let mut outputs = Vec::new();
        for rows in rows.chunks(client.max_rows()) {
            let codes: Vec<i64> = rows.iter().flatten().copied().collect();
            let query = client.encrypt(&codes, &mut rng);
            let query = query.map_err(|e| failed("encrypt", &e))?;
            let response = evaluator.evaluate(key.as_ref(), &query);
            let response = response.map_err(|e| failed("evaluate", &e))?;
            let integers = client.decrypt(&response);
            let integers = integers.map_err(|e| failed("decrypt", &e))?;
            outputs.extend(integers.chunks(width).map(<[i64]>::to_vec));
        }
        Ok(outputs)
    }
}

fn refusal(step: &str, error: &impl RoleError) -> Refusal {
    match error.kind() {
        ErrorKind::Unsupported | ErrorKind::DoesNotFit => Refusal::Declined(error.to_string()),
        _ => failed(step, error),
    }
}

fn failed(step: &str, error: &impl RoleError) -> Refusal {
    Refusal::Failed(format!("{step}: {error}"))
}

/// How often two oracles were asked, and what they said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Circuits, those among them that do not pass the verifier.
    pub tried: u64,
    /// Circuits that passed the verifier, and were asked about.
    pub valid: u64,
    /// Of these, circuits that one of them declined.
    pub declined: u64,
    /// Rows on which their answers are equal.
    pub compared: u64,
}

impl Tally {
    /// Nothing was tried.
    pub const NONE: Self = Self {
        tried: 0,
        valid: 0,
        declined: 0,
        compared: 0,
    };

    /// Counts a circuit that does not pass the verifier, or choices that make none; nobody was asked.
    pub fn invalid(&mut self) {
        self.tried += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tried, valid) = (self.tried, self.valid);
        let (declined, compared) = (self.declined, self.compared);
        write!(
            f,
            "{tried} circuits tried, {valid} valid, {declined} declined, {compared} rows compared"
        )
    }
}

/// A question that was not answered alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{oracle}: {what}\nrows {rows:?} of\n{circuit}")]
pub struct Disagreement {
    /// Who answered otherwise than the first.
    pub oracle: String,
    /// What it said.
    pub what: String,
    /// The codes.
    pub rows: Vec<Vec<i64>>,
    /// The circuit as text.
    pub circuit: String,
}

/// Asks both; counts in `tally`.
///
/// # Errors
/// Other outputs than those of `truth`, or none where it may not decline.
pub fn compare(
    truth: &dyn Oracle,
    oracle: &dyn Oracle,
    circuit: &Verified,
    rows: &[Vec<i64>],
    seed: [u8; 32],
    tally: &mut Tally,
) -> Result<(), Disagreement> {
    tally.tried += 1;
    tally.valid += 1;
    let disagreement = |name: &str, what: String| Disagreement {
        oracle: name.into(),
        what,
        rows: rows.to_vec(),
        circuit: circuit.circuit().to_string(),
    };
    let mut answers = Vec::new();
    for oracle in [truth, oracle] {
        match oracle.run(circuit, rows, seed) {
            Ok(answer) => answers.push(answer),
            Err(Refusal::Declined(_)) => {
                tally.declined += 1;
                return Ok(());
            }
            Err(Refusal::Failed(why)) => return Err(disagreement(oracle.name(), why)),
        }
    }
    if answers[0] != answers[1] {
        let what = format!("{:?} instead of {:?}", answers[1], answers[0]);
        return Err(disagreement(oracle.name(), what));
    }
    tally.compared += rows.len() as u64;
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{CircuitBuilder, Interval, verify};

    /// Says its number, or declines if it has none.
    struct Says(Option<i64>);

    impl Oracle for Says {
        fn name(&self) -> &str {
            "says"
        }

        fn limits(&self) -> Limits {
            Limits::small()
        }

        fn run(
            &self,
            _: &Verified,
            rows: &[Vec<i64>],
            _: [u8; 32],
        ) -> Result<Vec<Vec<i64>>, Refusal> {
            let answer = self
                .0
                .ok_or_else(|| Refusal::Declined("no number".into()))?;
            Ok(rows.iter().map(|_| vec![answer]).collect())
        }
    }

    #[test]
    fn what_is_tried_is_counted() {
        let mut builder = CircuitBuilder::new();
        let x = builder.input("x", vec![Interval::new(0, 1)]);
        builder.output("y", x);
        let circuit = verify(&builder.finish()).unwrap();
        let mut tally = Tally::NONE;
        let mut ask = |oracle: &Says, rows: usize| {
            let rows = vec![vec![0]; rows];
            compare(&Says(Some(1)), oracle, &circuit, &rows, [0; 32], &mut tally)
        };
        assert_eq!(ask(&Says(Some(1)), 3), Ok(()));
        assert_eq!(ask(&Says(None), 5), Ok(()));
        assert!(ask(&Says(Some(2)), 7).is_err());
        tally.invalid();
        let counted = Tally {
            tried: 4,
            valid: 3,
            declined: 1,
            compared: 3,
        };
        assert_eq!(tally, counted);
        assert_eq!(
            tally.to_string(),
            "4 circuits tried, 3 valid, 1 declined, 3 rows compared"
        );
    }
}
