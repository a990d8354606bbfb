//! `tenebra compile --tabulate`.

use alloc::collections::BTreeMap;
use std::path::Path;

use tenebra_app::files::{self, TableFile};
use tenebra_app::rows::{Columns, Selection, read_rows};
use tenebra_models::Model;
use tenebra_models::data::Table;
use tenebra_models::import::tabulate::{Graph, Moved};

use super::Arguments;
use crate::output::{self, Failure};

/// Bits of all codes together, where `--n-bits` does not say how many a feature has.
const JOINT_BITS: usize = 15;
/// Bits of a feature.
const MAX_BITS: usize = 8;

/// The table of the graph, on the levels of the calibration data.
pub(super) fn model(arguments: &Arguments) -> Result<Model, Failure> {
    let Some(path) = &arguments.calibrate else {
        return Err(Failure::usage("`--tabulate` needs `--calibrate`"));
    };
    if path.as_os_str() == "-" {
        let message = "`--tabulate` reads the calibration data twice, which stdin cannot be";
        return Err(Failure::usage(message));
    }
    let bytes = files::read(&arguments.model)?;
    let in_graph = |error| Failure::new(format!("{}: {error}", arguments.model.display()));
    let graph = Graph::read(&bytes).map_err(in_graph)?;
    let table = rows(arguments, path, graph.columns())?;
    let bits = match arguments.n_bits {
        None => (JOINT_BITS / graph.columns().max(1)).clamp(1, MAX_BITS),
        Some(bits) => bits.into(),
    };
    let bits = u8::try_from(bits)
        .ok()
        .filter(|bits| (1..=16).contains(bits));
    let bits = bits.ok_or_else(|| Failure::usage("`--n-bits` must be 1 to 16"))?;
    let busy = output::busy("evaluating the graph");
    let tabulated = graph.tabulate(&table, bits, &mut |done, of| {
        busy.set_message(format!("evaluating the graph, {done} of {of} points"));
    });
    busy.finish_and_clear();
    let tabulated = tabulated.map_err(in_graph)?;
    for note in tabulated.notes {
        output::note(&format!("note: {note}"));
    }
    match changed(&tabulated.moved) {
        Some((percent, text)) if percent > arguments.max_moved => output::warning(&format!(
            "{text}, more than `--max-moved {}`: what follows compares with the table, not with the graph; `--n-bits` has more levels",
            arguments.max_moved
        )),
        Some((_, text)) => output::note(&format!("note: {text}")),
        None => {}
    }
    Ok(Model::Forest(tabulated.model))
}

/// What rounding features changes, and by how many percent.
fn changed(moved: &Moved) -> Option<(f64, String)> {
    let rows = moved.rows;
    if let Some(others) = moved.classes {
        let text = format!(
            "rounding the features to their levels changes the class of {others} of {rows} calibration rows"
        );
        return Some((100.0 * others as f64 / rows.max(1) as f64, text));
    }
    let share = 100.0 * moved.scores?;
    let text = format!(
        "rounding the features to their levels moves predictions by {share:.1} % of their standard deviation in {rows} calibration rows"
    );
    Some((share, text))
}

/// The rows of the calibration data, in the order of its columns.
fn rows(arguments: &Arguments, path: &Path, count: usize) -> Result<Table, Failure> {
    let columns = Columns {
        names: None,
        count,
        words: BTreeMap::new(),
    };
    let extra = arguments.csv.extra(&arguments.target, None);
    let rows = read_rows(TableFile::open(path)?, &columns, &extra, &Selection::ALL)?;
    Ok(rows.table)
}
