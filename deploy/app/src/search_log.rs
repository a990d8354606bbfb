//! The file that keeps what is done of a search: a line for each training, behind one that says of which search.
//!
//! ```json
//! {"format":"tenebra-search","version":1,"search":"8e1c…"}
//! {"round":0,"candidate":3,"fold":1,"score":{"Ok":0.78},"metric":"accuracy","fit_ms":12.5,"latency_ms":null}
//! ```
//! A line that was cut off at the end is left out.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tenebra_models::data::DataSet;
use tenebra_models::search::{Job, Outcome, Search};

use crate::error::Error;

const FORMAT: &str = "tenebra-search";
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 28;

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    search: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    job: Job,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What is known of a search, and the file that learns more.
#[derive(Debug)]
pub struct SearchLog {
    path: PathBuf,
    file: File,
    known: HashMap<Job, Outcome>,
}

impl SearchLog {
    /// Opens the file of this search, or makes it. `timed` says whether times are predicted.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::SearchLog`] for a file of another search, of other data, or of something else.
    pub fn open(path: &Path, search: &Search, data: &DataSet, timed: bool) -> Result<Self, Error> {
        let io = |e| Error::io(path, &e);
        let mut text = String::new();
        match File::open(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            opened => {
                let mut file = opened.map_err(io)?.take(MAX_BYTES + 1);
                file.read_to_string(&mut text).map_err(io)?;
            }
        }
        let search = fingerprint(search, data, timed);
        let (known, whole) = parse(&text, &search).map_err(|e| e.in_file(path))?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(io)?;
        // A line that was cut off would spoil the next one.
        file.set_len(whole as u64).map_err(io)?;
        if whole == 0 {
            let header = Header {
                format: FORMAT.to_owned(),
                version: VERSION,
                search,
            };
            file.write_all(line(&header).as_bytes()).map_err(io)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            known,
        })
    }

    /// What is known.
    #[must_use]
    pub fn known(&self, job: &Job) -> Option<&Outcome> {
        self.known.get(job)
    }

    /// How much is known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Keeps what came of a training, unless it is there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn keep(&mut self, job: Job, outcome: &Outcome) -> Result<(), Error> {
        if self.known.contains_key(&job) {
            return Ok(());
        }
        let outcome = outcome.clone();
        let text = line(&Line {
            job,
            outcome: outcome.clone(),
        });
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|e| Error::io(&self.path, &e))?;
        self.known.insert(job, outcome);
        Ok(())
    }
}

fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

/// What whole lines say, and how many bytes they are.
fn parse(text: &str, search: &str) -> Result<(HashMap<Job, Outcome>, usize), Error> {
    let refuse = |message: String| Err(Error::SearchLog { message });
    if text.len() as u64 > MAX_BYTES {
        return refuse(format!("longer than {MAX_BYTES} bytes, which no search is"));
    }
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    let mut lines = text[..whole].lines();
    let mut known = HashMap::new();
    let Some(first) = lines.next() else {
        return if text.is_empty() {
            Ok((known, 0))
        } else {
            refuse("this is no file of a search".to_owned())
        };
    };
    match serde_json::from_str::<Header>(first) {
        Ok(header) if header.format != FORMAT || header.version != VERSION => {
            return refuse(format!("this is no file of a search of version {VERSION}"));
        }
        Ok(header) if header.search != search => {
            return refuse(
                "this is the file of another search, or of one on other data".to_owned(),
            );
        }
        Ok(_) => {}
        Err(_) => return refuse("this is no file of a search".to_owned()),
    }
    for (at, text) in lines.enumerate() {
        match serde_json::from_str::<Line>(text) {
            Ok(line) => known.insert(line.job, line.outcome),
            Err(error) => return refuse(format!("line {}: {error}", at + 2)),
        };
    }
    Ok((known, whole))
}

/// The same for the same search on the same data.
fn fingerprint(search: &Search, data: &DataSet, timed: bool) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(&search.pipeline.to_string());
    for (name, values) in search.space.iter() {
        add(name);
        add(&values.to_string());
    }
    let (split, metric) = (search.split, search.metric);
    add(&format!(
        "{:?} {split:?} {} {metric:?} {:?} {timed}",
        search.strategy, search.folds, search.objective
    ));
    for group in search.groups.iter().flatten() {
        add(group);
    }
    for column in data.table.columns() {
        add(column);
    }
    for target in &data.targets {
        add(&target.name);
        target.cells.iter().for_each(|cell| add(cell));
    }
    for value in data
        .table
        .values()
        .iter()
        .chain(data.weights.iter().flatten())
    {
        hash.update(value.to_bits().to_le_bytes());
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenebra_models::data::{Table, TargetColumn};
    use tenebra_models::search::Space;

    fn data(first: f64) -> DataSet {
        let name = "y".to_owned();
        let cells = ["1", "2", "3"].map(str::to_owned).to_vec();
        DataSet {
            table: Table::from_rows(1, vec![first, 2.0, 3.0]).unwrap(),
            targets: vec![TargetColumn { name, cells }],
            weights: None,
        }
    }

    #[test]
    fn what_is_kept_is_known_again_and_other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("search.jsonl");
        let search = Search::new("ridge".parse().unwrap(), Space::default());
        let job = Job {
            round: 0,
            candidate: 2,
            fold: 1,
        };
        let outcome = Outcome {
            score: Ok(0.1 + 0.2),
            metric: Some("r2".to_owned()),
            fit_ms: 1.5,
            latency_ms: None,
        };
        let failed = Outcome {
            score: Err("no".to_owned()),
            ..outcome.clone()
        };
        let other = Job { fold: 2, ..job };
        {
            let mut log = SearchLog::open(&path, &search, &data(1.0), false).unwrap();
            log.keep(job, &outcome).unwrap();
            log.keep(other, &failed).unwrap();
        }
        // The process ended in the middle of a line.
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"round\":0,");
        std::fs::write(&path, &text).unwrap();
        {
            let mut log = SearchLog::open(&path, &search, &data(1.0), false).unwrap();
            assert_eq!(
                (log.known(&job), log.known(&other)),
                (Some(&outcome), Some(&failed))
            );
            log.keep(Job { fold: 3, ..job }, &outcome).unwrap();
        }
        let log = SearchLog::open(&path, &search, &data(1.0), false).unwrap();
        assert_eq!(log.len(), 3);
        for (search, data, timed) in [
            (&search, data(1.5), false),
            (&search, data(1.0), true),
            (
                &Search {
                    folds: 3,
                    ..search.clone()
                },
                data(1.0),
                false,
            ),
        ] {
            let error = SearchLog::open(&path, search, &data, timed)
                .unwrap_err()
                .to_string();
            assert!(error.contains("another search"), "{error}");
        }
        for text in [
            "no JSON",
            "{}\n",
            "{\"format\":\"x\",\"version\":1,\"search\":\"\"}\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(
                SearchLog::open(&path, &search, &data(1.0), false).is_err(),
                "{text}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
