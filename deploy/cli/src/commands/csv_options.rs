//! Options of every command that reads a table.

use tenebra_app::rows::Extra;
use tenebra_models::data::{CsvSpec, Decimal, Dialect, Features, Separator, Table};

/// How a table is written, and which of its columns are features.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct CsvOptions {
    /// What separates cells: `,`, `;`, `|`, tab or another character; found out by default, where the rows tell
    #[arg(long, value_name = "CHARACTER")]
    separator: Option<Separator>,
    /// Decimal mark: `.` or `,`; found out by default, where the numbers tell
    #[arg(long, value_name = "MARK")]
    decimal: Option<Decimal>,
    /// Column to leave out, whatever it holds; may be repeated, or a list as in a,b
    #[arg(long, value_name = "COLUMN")]
    drop: Vec<String>,
    /// Column that is a feature, all others are none; may be repeated, or a list as in a,b
    #[arg(long, value_name = "COLUMN")]
    features: Vec<String>,
}

impl CsvOptions {
    /// How to read a table for training.
    pub(crate) fn spec(&self, targets: &[String], weight: Option<&String>) -> CsvSpec {
        CsvSpec {
            targets: targets.to_vec(),
            weight: weight.cloned(),
            drop: self.drop.clone(),
            features: match self.features.as_slice() {
                [] => Features::Rest,
                names => Features::Only(names.to_vec()),
            },
            dialect: Dialect {
                separator: self.separator,
                decimal: self.decimal,
            },
            ..CsvSpec::default()
        }
    }

    /// How to read rows for a model.
    pub(crate) fn extra(&self, targets: &[String], weight: Option<&String>) -> Extra {
        let spec = self.spec(targets, weight);
        Extra {
            targets: spec.targets,
            weight: spec.weight,
            drop: spec.drop,
            features: spec.features,
            dialect: spec.dialect,
        }
    }
}

/// What to tell of features that look as if they were none.
pub(crate) fn doubtful_features(table: &Table) -> Vec<String> {
    let numbers: Vec<usize> = table.row_numbers().collect();
    let doubtful = |(at, name): (usize, &String)| {
        let called = if name.is_empty() {
            format!("feature {} has no name", at + 1)
        } else if numbers.contains(&at) {
            format!("feature `{name}`")
        } else {
            return None;
        };
        let counts = match (name.is_empty(), numbers.contains(&at)) {
            (true, true) => " and only numbers the rows, as an index written by pandas does",
            (false, _) => " only numbers the rows, as an index written by pandas does",
            (true, false) => "",
        };
        Some(format!("{called}{counts}; `--drop '{name}'` leaves it out"))
    };
    let columns = table.columns().iter().enumerate();
    columns.filter_map(doubtful).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_and_nameless_columns_are_told() {
        let names = ["", "id", "x"].map(str::to_owned).to_vec();
        let rows = [[0.0, 1.0, 5.0], [1.0, 2.0, 6.0], [2.0, 3.0, 6.5]].concat();
        let told = doubtful_features(&Table::new(names, rows).unwrap());
        assert_eq!(
            told,
            [
                "feature 1 has no name and only numbers the rows, as an index written by pandas does; `--drop ''` leaves it out",
                "feature `id` only numbers the rows, as an index written by pandas does; `--drop 'id'` leaves it out"
            ]
        );
    }
}
