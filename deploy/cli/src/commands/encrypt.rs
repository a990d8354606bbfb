//! `tenebra encrypt`.

use std::path::PathBuf;

use tenebra_app::clipping::Clipping;
use tenebra_app::codes::Codes;
use tenebra_app::evaluate::system_rng;
use tenebra_app::files::TableFile;
use tenebra_app::key_folder::read_key;
use tenebra_app::model_folder::ClientFile;
use tenebra_app::rows::{Columns, RowReader, Selection};

use crate::arguments::{InputPath, written_to};
use crate::commands::csv_options::CsvOptions;
use crate::files::{Content, OutFile};
use crate::output::{self, Failure};

/// Quantize and encrypt rows of a CSV
///
/// Needs client.tnb and the secret key. `--row` and `--rows` count from 0, as lists in JSON do; messages count rows from 1. Where
/// they are more than one query holds, the file gets several, one after the other; `run` and `decrypt` take them all.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tenebra encrypt model/ --keys keys/ --data test.csv --row 0 -o query.tnb
  tenebra encrypt model/ --keys keys/ --data test.csv --rows 0..30 -o query.tnb
  tenebra encrypt model/ --keys keys/ --data test.csv --rows .. -o queries.tnb")]
#[command(group(clap::ArgGroup::new("which").required(true).args(["row", "rows"])))]
pub(crate) struct Arguments {
    /// Folder with the model's client.tnb
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Folder of the keys, with secret.key
    #[arg(long)]
    keys: PathBuf,
    /// File of the rows; `-` is stdin
    #[arg(long, value_name = "CSV", value_parser = InputPath)]
    data: PathBuf,
    /// Column that is not a feature
    #[arg(long, value_name = "COLUMN")]
    target: Vec<String>,
    #[command(flatten)]
    csv: CsvOptions,
    /// The row to encrypt; 0 is the first below the names
    #[arg(long, value_name = "I")]
    row: Option<u32>,
    /// Several rows: from A (counted from 0) up to, but not with, B; without A or B, from the first or to the last
    #[arg(long, value_name = "A..B", value_parser = range)]
    rows: Option<Selection>,
    /// Where to write the query; `-` is stdout
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

fn range(text: &str) -> Result<Selection, String> {
    let (start, end) = text.split_once("..").ok_or("expected A..B, as in 0..30")?;
    let number = |text: &str| text.parse::<usize>().map_err(|e| format!("`{text}`: {e}"));
    let start = if start.is_empty() { 0 } else { number(start)? };
    if end.is_empty() {
        return Ok(Selection::From(start));
    }
    let range = start..number(end)?;
    if range.is_empty() {
        Err("the range is empty".to_owned())
    } else {
        Ok(Selection::Range(range))
    }
}

/// Queries whose rows are read at once.
const QUERIES: usize = 16;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let data = TableFile::open(&arguments.data)?;
    let client = ClientFile::read(&arguments.folder)?;
    let spec = client.spec()?;
    let key = read_key(&arguments.keys, &spec)?;
    let row = arguments.row.unwrap_or(0) as usize;
    let one = Selection::Range(row..row + 1);
    let which = arguments.rows.as_ref().unwrap_or(&one);
    let extra = arguments.csv.extra(&arguments.target, None);
    let columns = Columns::of_spec(&spec);
    let mut reader = RowReader::new(data, &columns, &extra, which)?;
    let mut file = OutFile::create(&arguments.output, Content::Binary)?;
    let mut rng = system_rng()?;
    let bar = output::file_bar(reader.progress().0, "encrypting");
    let (mut count, mut queries) = (0, 0);
    let mut clipping = Clipping::default();
    while let Some(rows) = reader.next(QUERIES * spec.max_rows())? {
        let in_file = |e: tenebra_app::Error| e.in_file(&arguments.data);
        let codes = Codes::of(&spec, &rows).map_err(in_file)?;
        clipping.extend(codes.clipping());
        let n_rows = codes.n_rows();
        for first in (0..n_rows).step_by(spec.max_rows()) {
            let last = n_rows.min(first + spec.max_rows());
            file.append(&codes.encrypt(&key, first..last, &mut rng)?)?;
            queries += 1;
        }
        count += n_rows;
        bar.set_position(reader.progress().1);
    }
    bar.finish_and_clear();
    let length = file.finish()?;
    if let Some(text) = clipping.describe() {
        output::note(&format!("note: {text}"));
    }
    let rows = if count == 1 { "row" } else { "rows" };
    let in_queries = match queries {
        1 => String::new(),
        n => format!(" in {n} queries"),
    };
    output::note(&format!(
        "wrote {}: {count} {rows}{in_queries}, {}",
        written_to(&arguments.output),
        output::bytes(length)
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(range("2..5"), Ok(Selection::Range(2..5)));
        assert_eq!(range("..5"), Ok(Selection::Range(0..5)));
        assert_eq!(range("2.."), Ok(Selection::From(2)));
        assert_eq!(range(".."), Ok(Selection::From(0)));
        for bad in ["5", "5..5", "6..5", "a..b", "1...2"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }
}
