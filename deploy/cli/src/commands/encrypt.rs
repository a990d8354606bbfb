//! `tenebra encrypt`.

use core::ops::Range;
use std::path::PathBuf;

use tenebra::evaluate::{encrypt_rows, system_rng};
use tenebra::files::{self, Access};
use tenebra::rows::{Columns, Extra, Selection, read_rows};

use crate::commands::{parse_client, read_client, read_key};
use crate::output::{self, Failure};

/// Quantize and encrypt rows of a CSV into one query
///
/// Needs client.tnb and the secret key. Rows are counted from 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra encrypt model/ --keys keys/ --data test.csv --row 0 -o query.tnb
  tenebra encrypt model/ --keys keys/ --data test.csv --rows 0..30 -o query.tnb")]
#[command(group(clap::ArgGroup::new("which").required(true).args(["row", "rows"])))]
pub(crate) struct Arguments {
    /// Folder with the model's client.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Folder of the keys, with secret.key
    #[arg(long)]
    keys: PathBuf,
    /// File of the rows
    #[arg(long, value_name = "CSV")]
    data: PathBuf,
    /// Column that is not a feature
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    /// The row to encrypt, from 0
    #[arg(long, value_name = "I")]
    row: Option<u32>,
    /// Several rows in one query: from A (counted from 0) up to, but not with, B
    #[arg(long, value_name = "A..B", value_parser = range)]
    rows: Option<Range<usize>>,
    /// Where to write the query
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

fn range(text: &str) -> Result<Range<usize>, String> {
    let (start, end) = text.split_once("..").ok_or("expected A..B, as in 0..30")?;
    let number = |text: &str| text.parse::<usize>().map_err(|e| format!("`{text}`: {e}"));
    let range = number(start)?..number(end)?;
    if range.is_empty() {
        Err("the range is empty".to_owned())
    } else {
        Ok(range)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = read_client(&arguments.folder)?;
    let spec = parse_client(&arguments.folder, &client)?;
    let key = read_key(&arguments.keys, &spec)?;
    let which = match (&arguments.rows, arguments.row) {
        (Some(range), _) => range.clone(),
        (None, row) => {
            let row = row.unwrap_or(0) as usize;
            row..row + 1
        }
    };
    let extra = Extra {
        targets: arguments.target.clone(),
        weight: None,
    };
    let columns = Columns::of_spec(&spec);
    let rows = read_rows(&arguments.data, &columns, &extra, &Selection::Range(which))?;
    let (_, clipped) = rows.codes(&spec).map_err(|e| e.in_file(&arguments.data))?;
    let count = rows.table.n_rows();
    let query = encrypt_rows(&spec, &key, &rows, 0..count, &mut system_rng()?)?;
    files::write(&arguments.output, &query, Access::Public)?;
    if clipped > 0 {
        output::note(&format!(
            "note: {clipped} values lie outside the range the model was calibrated for and were clipped"
        ));
    }
    output::note(&format!(
        "wrote {}: {count} {}, {}",
        arguments.output.display(),
        if count == 1 { "row" } else { "rows" },
        output::bytes(query.len() as u64)
    ));
    Ok(())
}
