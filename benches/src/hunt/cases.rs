//! Draws that are measured again and again, because their noise was found to be close to the predicted one: `benches/noise_cases.csv`.

use core::fmt;
use core::str::FromStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};

use tenebra_circuit::{Optimize, Options, QueryMode};

use super::Kind;

/// Measured over predicted standard deviation from which on a draw is a case.
pub const RECORDED: f64 = 0.9;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// Of the circuit.
    pub kind: Kind,
    /// Of the circuit, and of the keys and codes that it is measured with.
    pub seed: u64,
    /// How its codes are sent.
    pub query: Queries,
}

/// How codes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// As GGSWs.
    Direct,
    /// In slots, a row a query.
    Packed,
    /// In slots, several rows a query.
    Rows,
}

impl Queries {
    const NAMES: [(Self, &'static str); 3] = [
        (Self::Direct, "direct"),
        (Self::Packed, "packed"),
        (Self::Rows, "rows"),
    ];

    /// To plan such queries.
    #[must_use]
    pub fn options(self) -> Options {
        let (query, optimize) = match self {
            Self::Direct => (QueryMode::Direct, Optimize::Balanced),
            Self::Packed => (QueryMode::Packed, Optimize::Balanced),
            Self::Rows => (QueryMode::Packed, Optimize::Throughput),
        };
        Options {
            query,
            optimize,
            // Of linear circuits, a plan for batches.
            rows: 64,
            ..Options::default()
        }
    }
}

/// `kind,seed,query`.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = Queries::NAMES.into_iter();
        let query = names.find(|(queries, _)| *queries == self.query);
        let query = query.map_or("", |(_, name)| name);
        write!(f, "{:?},{},{query}", self.kind, self.seed)
    }
}

/// A line that is no case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCase;

impl fmt::Display for NoCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is no `kind,seed,query`")
    }
}

/// The first three cells of a line; what follows is not read.
impl FromStr for Case {
    type Err = NoCase;

    fn from_str(line: &str) -> Result<Self, NoCase> {
        let mut cells = line.split(',');
        let mut cell = || cells.next().ok_or(NoCase);
        let (kind, seed, query) = (cell()?, cell()?, cell()?);
        let mut kinds = Kind::ALL.into_iter();
        Ok(Self {
            kind: kinds
                .find(|known| format!("{known:?}") == kind)
                .ok_or(NoCase)?,
            seed: seed.parse().map_err(|_| NoCase)?,
            query: Queries::NAMES
                .into_iter()
                .find_map(|(queries, name)| (name == query).then_some(queries))
                .ok_or(NoCase)?,
        })
    }
}

/// A file of cases: lines that begin with `#`, the names of the columns, and a line a case, with the ratio that it had.
#[derive(Clone, Debug)]
pub struct Record {
    path: String,
    cases: Vec<Case>,
}

impl Record {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// There is no such file, or a line of it is no case.
    pub fn open(path: &str) -> io::Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let cases = lines.skip(1).map(|line| {
            line.parse::<Case>().map_err(|error| {
                let what = format!("{path}: {line:?} {error}");
                io::Error::new(io::ErrorKind::InvalidData, what)
            })
        });
        Ok(Self {
            cases: cases.collect::<Result<_, _>>()?,
            path: path.into(),
        })
    }

    /// In the order of the file.
    #[must_use]
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// So many of them, all at most: from that of number `first` on, in turn, where numbers go round.
    pub fn turn(&self, count: usize, first: u64) -> impl Iterator<Item = Case> {
        let round = self.cases.len() as u64;
        let first = first.checked_rem(round).unwrap_or(0);
        let first = usize::try_from(first).unwrap_or(0);
        let cases = self.cases.iter().cycle().skip(first);
        cases.take(count.min(self.cases.len())).copied()
    }

    /// Writes a case at the end of the file, unless it is there.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn add(&mut self, case: Case, ratio: f64) -> io::Result<()> {
        if self.cases.contains(&case) {
            return Ok(());
        }
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        writeln!(file, "{case},{ratio:.4}")?;
        self.cases.push(case);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::hunt::circuit;

    const RECORDED_CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/noise_cases.csv");

    #[test]
    fn lines_are_read_as_they_are_written() {
        let case = Case {
            kind: Kind::NearTwins,
            seed: 1 << 60,
            query: Queries::Packed,
        };
        let line = case.to_string();
        assert_eq!(line, "NearTwins,1152921504606846976,packed");
        assert_eq!(line.parse::<Case>(), Ok(case));
        assert_eq!(format!("{line},0.9123").parse::<Case>(), Ok(case));
        for broken in [
            "",
            "NearTwins",
            "NearTwins,1",
            "Twins,1,direct",
            "Pool,-1,direct",
            "Pool,1,auto",
        ] {
            assert_eq!(broken.parse::<Case>(), Err(NoCase), "{broken}");
        }
    }

    /// Each is there once, and draws a circuit still.
    #[test]
    fn recorded_cases_are_drawn() {
        let record = Record::open(RECORDED_CASES).unwrap();
        let cases = record.cases();
        assert!(!cases.is_empty());
        for (index, case) in cases.iter().enumerate() {
            assert!(!cases[..index].contains(case), "{case} is there twice");
            let mut rng = ChaCha20Rng::seed_from_u64(case.seed);
            assert!(circuit(case.kind, &mut rng).is_some(), "{case}");
        }
    }

    #[test]
    fn cases_take_turns() {
        let cases: Vec<Case> = (0..5)
            .map(|seed| Case {
                kind: Kind::Pool,
                seed,
                query: Queries::Direct,
            })
            .collect();
        let path = String::new();
        let record = Record { path, cases };
        let seeds = |count: usize, first: u64| -> Vec<u64> {
            record.turn(count, first).map(|case| case.seed).collect()
        };
        assert_eq!(seeds(3, 0), [0, 1, 2]);
        assert_eq!(seeds(3, 13), [3, 4, 0]);
        assert_eq!(seeds(9, 1), [1, 2, 3, 4, 0]);
        let path = String::new();
        let none = Record {
            path,
            cases: vec![],
        };
        assert_eq!(none.turn(3, 7).count(), 0);
    }

    #[test]
    fn cases_are_added_once() {
        let path = std::env::temp_dir().join(format!("noise_cases_{}.csv", std::process::id()));
        let path = path.to_str().unwrap();
        fs::write(
            path,
            "# of a test\nkind,seed,query,ratio\nPool,1,direct,0.9500\n",
        )
        .unwrap();
        let mut record = Record::open(path).unwrap();
        let case: Case = "Many,2,packed".parse().unwrap();
        record.add(case, 0.91).unwrap();
        record.add(case, 0.92).unwrap();
        record.add("Pool,1,direct".parse().unwrap(), 0.93).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(
            text.ends_with("Pool,1,direct,0.9500\nMany,2,packed,0.9100\n"),
            "{text}"
        );
        assert_eq!(Record::open(path).unwrap().cases(), record.cases());
        fs::write(path, "kind,seed,query,ratio\nPool,1\n").unwrap();
        let error = Record::open(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        fs::remove_file(path).unwrap();
    }
}
