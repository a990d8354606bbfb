//! What was tried, valid, declined and compared, counted while a target runs.

use std::collections::BTreeMap;
use std::sync::Mutex;

use tenebra_circuit::dev::Tally;

/// Fewer inputs are not worth a line.
const LEAST: u64 = 64;

/// Counts an input that `name` was asked about, and prints its tally now and then: at every number of inputs with three significant bits
/// (64, 80, 96, 112, 128, 160, …), so that the last line of a run stands for four fifths of it or more, and millions of inputs print tens
/// of lines.
///
/// # Panics
/// Where another thread did while it counted, which ends the process.
pub fn count<T>(name: &str, of: impl FnOnce(&mut Tally) -> T) -> T {
    static TALLIES: Mutex<BTreeMap<String, Tally>> = Mutex::new(BTreeMap::new());
    let mut tallies = TALLIES.lock().expect("a finding ends the process");
    let tally = tallies.entry(name.into()).or_insert(Tally::NONE);
    let counted = of(tally);
    let tried = tally.tried;
    if tried >= LEAST && u64::BITS - tried.leading_zeros() - tried.trailing_zeros() <= 3 {
        eprintln!("{name}: {tally}");
    }
    counted
}
