//! The column a model learns: class labels or numbers.

use alloc::collections::{BTreeMap, BTreeSet};
use std::collections::{HashMap, HashSet};

use super::cell::{boolean, integer, is_blank, is_missing, shorten};
use super::{DataError, Table};

/// Features, targets and weights, with as many rows each.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// The features.
    pub table: Table,
    /// The columns to predict, in the order in which they were named.
    pub targets: Vec<TargetColumn>,
    /// Sample weights; none weigh all rows the same.
    pub weights: Option<Vec<f64>>,
}

/// A target as it stands in the file; what it means depends on the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetColumn {
    /// Name of the column.
    pub name: String,
    /// The cells, one per row, without surrounding blanks.
    pub cells: Vec<String>,
}

/// Class labels and, for every row, the index of its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Distinct labels: ascending by value if all are integers, in byte order else.
    pub labels: Vec<String>,
    /// Per row, the index into `labels`.
    pub codes: Vec<usize>,
}

impl DataSet {
    /// These rows, in this order; those that are not there are left out.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let cells = |target: &TargetColumn| TargetColumn {
            name: target.name.clone(),
            cells: rows
                .iter()
                .filter_map(|&row| target.cells.get(row).cloned())
                .collect(),
        };
        let weights = self.weights.as_ref().map(|weights| {
            let weights = rows.iter().filter_map(|&row| weights.get(row).copied());
            weights.collect()
        });
        Self {
            table: self.table.select(rows),
            targets: self.targets.iter().map(cells).collect(),
            weights,
        }
    }
}

/// More classes than any use; a column of amounts given as a class target is caught by this.
const MAX_CLASSES: usize = 10_000;

/// What a label says, so that two spellings of it are one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Label<'a> {
    Boolean(bool),
    /// `1` and `1.0`.
    Integer(i64),
    /// Bits of a number with decimals.
    Number(u64),
    Word(&'a str),
}

impl<'a> Label<'a> {
    fn of(cell: &'a str) -> Self {
        if let Some(value) = integer(cell) {
            return Self::Integer(value);
        }
        match (boolean(cell), cell.parse::<f64>()) {
            (Some(value), _) => Self::Boolean(value),
            (None, Ok(value)) if value.is_finite() => Self::Number(value.to_bits()),
            _ => Self::Word(cell),
        }
    }

    /// A boolean among integers, or an integer among booleans.
    fn counterpart(self) -> Option<Self> {
        match self {
            Self::Boolean(value) => Some(Self::Integer(value.into())),
            Self::Integer(value @ (0 | 1)) => Some(Self::Boolean(value == 1)),
            _ => None,
        }
    }
}

impl TargetColumn {
    /// The target of a regression: a finite number in every row.
    ///
    /// # Errors
    /// [`DataError::TargetMissing`] or [`DataError::TargetNotANumber`], with the first such row.
    pub fn to_numbers(&self) -> Result<Vec<f64>, DataError> {
        let number = |(at, cell): (usize, &String)| match cell.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ if is_missing(cell) => Err(self.missing(at)),
            _ => match boolean(cell) {
                Some(value) => Ok(f64::from(u8::from(value))),
                None => Err(DataError::TargetNotANumber {
                    row: at + 1,
                    column: self.name.clone(),
                    cell: shorten(cell),
                }),
            },
        };
        self.cells.iter().enumerate().map(number).collect()
    }

    /// The target of a classification: integers (`1` and `1.0` are the same label), booleans or words.
    ///
    /// # Errors
    /// [`DataError::TargetMissing`]; [`DataError::ContinuousClasses`] if all cells are numbers and one is not an
    /// integer; [`DataError::TooManyClasses`].
    pub fn to_classes(&self) -> Result<Classes, DataError> {
        let labels = self.labels()?;
        // Every label once, in the first of its spellings.
        let mut spellings: BTreeMap<Label<'_>, &str> = BTreeMap::new();
        for (label, cell) in labels.iter().zip(&self.cells) {
            let spelling = spellings.entry(*label).or_insert(cell);
            *spelling = (*spelling).min(cell);
        }
        if spellings.len() > MAX_CLASSES {
            return Err(DataError::TooManyClasses {
                column: self.name.clone(),
                found: spellings.len(),
                limit: MAX_CLASSES,
            });
        }
        let mut known: Vec<(Label<'_>, String)> = spellings
            .into_iter()
            .map(|(label, spelling)| match label {
                Label::Integer(value) => (label, value.to_string()),
                Label::Word(word) => (label, word.to_owned()),
                _ => (label, spelling.to_owned()),
            })
            .collect();
        let words = |(label, _): &(Label<'_>, String)| matches!(label, Label::Word(_));
        if known.iter().any(words) {
            known.sort_by(|(_, a), (_, b)| a.cmp(b));
        }
        let codes: HashMap<Label<'_>, usize> = known
            .iter()
            .enumerate()
            .map(|(code, (label, _))| (*label, code))
            .collect();
        Ok(Classes {
            codes: labels.iter().map(|label| codes[label]).collect(),
            labels: known.into_iter().map(|(_, spelling)| spelling).collect(),
        })
    }

    /// Per row, the index of its label in a model's `classes`: the same text, or the same integer or boolean, where 1 is true.
    ///
    /// # Errors
    /// [`DataError::TargetMissing`]; [`DataError::UnknownLabels`] with all labels that are none of `classes`.
    pub fn codes_in(&self, classes: &[String]) -> Result<Vec<usize>, DataError> {
        let mut texts = HashMap::new();
        let mut values = HashMap::new();
        for (code, class) in classes.iter().enumerate() {
            texts.entry(class.as_str()).or_insert(code);
            values.entry(Label::of(class)).or_insert(code);
        }
        let find = |cell: &String| {
            let label = Label::of(cell);
            // Among words, `007` and `7` are two classes, and `7.0` is the second.
            let plain = match label {
                Label::Integer(value) => texts.get(value.to_string().as_str()),
                _ => None,
            };
            let same = texts.get(cell.as_str()).or(plain);
            let same = same.or_else(|| values.get(&label));
            same.or_else(|| values.get(&label.counterpart()?)).copied()
        };
        let (mut codes, mut unknown, mut rows) = (Vec::new(), BTreeSet::new(), 0);
        let words = classes.iter().any(|class| is_word(class));
        for (at, cell) in self.cells.iter().enumerate() {
            match find(cell) {
                Some(code) => codes.push(code),
                None if is_blank(cell) || (!words && is_missing(cell)) => {
                    return Err(self.missing(at));
                }
                None => {
                    rows += 1;
                    unknown.insert(shorten(cell));
                }
            }
        }
        if unknown.is_empty() {
            return Ok(codes);
        }
        Err(DataError::UnknownLabels {
            column: self.name.clone(),
            rows,
            labels: unknown.into_iter().collect(),
            classes: classes.to_vec(),
        })
    }

    /// What every cell says; no cell is missing.
    fn labels(&self) -> Result<Vec<Label<'_>>, DataError> {
        let words = self.cells.iter().any(|cell| is_word(cell));
        let nothing = |cell: &String| is_blank(cell) || (!words && is_missing(cell));
        if let Some(at) = self.cells.iter().position(nothing) {
            return Err(self.missing(at));
        }
        let mut labels: Vec<_> = self.cells.iter().map(|cell| Label::of(cell)).collect();
        if words {
            // Beside words, a number is one too; only `1` and `1.0` are the same still.
            for (label, cell) in labels.iter_mut().zip(&self.cells) {
                let plain = !matches!(label, Label::Integer(_)) || cell.parse::<i64>().is_ok();
                if plain {
                    *label = Label::Word(cell);
                }
            }
            let written: HashSet<&str> = self.cells.iter().map(String::as_str).collect();
            for label in &mut labels {
                if let Label::Integer(value) = *label
                    && let Some(same) = written.get(value.to_string().as_str())
                {
                    *label = Label::Word(same);
                }
            }
            return Ok(labels);
        }
        let number = |label: &Label<'_>| matches!(label, Label::Number(_));
        if let Some(at) = labels.iter().position(number) {
            return Err(DataError::ContinuousClasses {
                column: self.name.clone(),
                cell: shorten(&self.cells[at]),
            });
        }
        if labels
            .iter()
            .any(|label| matches!(label, Label::Integer(_)))
        {
            for label in &mut labels {
                if let Label::Boolean(value) = *label {
                    *label = Label::Integer(value.into());
                }
            }
        }
        Ok(labels)
    }

    fn missing(&self, at: usize) -> DataError {
        DataError::TargetMissing {
            row: at + 1,
            column: self.name.clone(),
        }
    }
}

/// Neither a number nor a boolean nor nothing.
fn is_word(cell: &str) -> bool {
    !is_missing(cell) && matches!(Label::of(cell), Label::Word(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn column(cells: &[&str]) -> TargetColumn {
        TargetColumn {
            name: "y".to_owned(),
            cells: cells.iter().map(|&c| c.to_owned()).collect(),
        }
    }

    #[test]
    fn integer_labels_sort_by_value() {
        let classes = column(&["10", "9", "10.0", "-1"]).to_classes().unwrap();
        assert_eq!(classes.labels, ["-1", "9", "10"]);
        assert_eq!(classes.codes, [2, 1, 2, 0]);
    }

    #[test]
    fn string_labels_sort_by_bytes() {
        let classes = column(&["yes", "no", "10", "9"]).to_classes().unwrap();
        // One word makes them all words: "10" comes before "9".
        assert_eq!(classes.labels, ["10", "9", "no", "yes"]);
        assert_eq!(classes.codes, [3, 2, 0, 1]);
    }

    #[test]
    fn amounts_are_not_classes() {
        let error = column(&["1", "2.5"]).to_classes().unwrap_err();
        assert_eq!(
            error,
            DataError::ContinuousClasses {
                column: "y".to_owned(),
                cell: "2.5".to_owned()
            }
        );
    }

    #[test]
    fn spellings_of_one_label_are_one_class() {
        for (cells, labels, codes) in [
            (
                vec!["True", "FALSE", "true"],
                vec!["FALSE", "True"],
                vec![1, 0, 1],
            ),
            (
                vec!["1", "False", "0", "TRUE"],
                vec!["0", "1"],
                vec![1, 0, 0, 1],
            ),
            (vec!["1.0", "1", "no"], vec!["1", "no"], vec![0, 0, 1]),
            (
                vec!["2.0", "no", "007"],
                vec!["007", "2", "no"],
                vec![1, 2, 0],
            ),
            // Words for nothing are words among words.
            (
                vec!["None", "mild", "None"],
                vec!["None", "mild"],
                vec![0, 1, 0],
            ),
        ] {
            let found = column(&cells).to_classes().unwrap();
            assert_eq!(
                (found.labels, found.codes),
                (labels.iter().map(|l| (*l).to_owned()).collect(), codes),
                "{cells:?}"
            );
        }
        for cells in [
            vec!["0", "NA", "1"],
            vec!["1.0", "null"],
            vec!["a", ""],
            vec!["True", "None"],
        ] {
            let error = column(&cells).to_classes().unwrap_err();
            assert!(
                matches!(error, DataError::TargetMissing { .. }),
                "{cells:?}: {error}"
            );
        }
    }

    #[test]
    fn labels_of_other_files_are_found_in_a_model() {
        for (classes, cells, codes) in [
            (["0", "1"], ["1.0", "0", "True"], [1, 0, 1]),
            (["False", "True"], ["1", "false", "TRUE"], [1, 0, 1]),
            (["0.0", "1.0"], ["1", "0", "false"], [1, 0, 0]),
            (["no", "yes"], ["yes", "no", "no"], [1, 0, 0]),
            (["True", "true"], ["true", "True", "1"], [1, 0, 0]),
            (["007", "7"], ["7.0", "007", "7"], [1, 0, 1]),
        ] {
            let found = column(&cells).codes_in(&classes.map(str::to_owned));
            assert_eq!(found, Ok(codes.to_vec()), "{cells:?}");
        }
        let classes = ["0".to_owned(), "1".to_owned()];
        let message = |cells: &[&str]| column(cells).codes_in(&classes).unwrap_err().to_string();
        assert_eq!(
            message(&["1", "yes", "no", "2", "no"]),
            "column `y`: 4 rows have labels that the model does not know: `2`, `no`, `yes`; its classes are `0`, `1`"
        );
        for missing in ["", "NA"] {
            let want = "row 2, column `y`: the target is missing";
            assert_eq!(message(&["1", missing]), want);
        }
    }

    #[test]
    fn numbers_must_be_there_and_finite() {
        assert_eq!(
            column(&["1e3", "-0.5"]).to_numbers().unwrap(),
            [1000.0, -0.5]
        );
        assert_eq!(
            column(&["1", ""]).to_numbers(),
            Err(DataError::TargetMissing {
                row: 2,
                column: "y".to_owned()
            })
        );
        assert!(matches!(
            column(&["inf"]).to_numbers(),
            Err(DataError::TargetNotANumber { row: 1, .. })
        ));
    }

    proptest! {
        /// What makes classes is found in them again.
        #[test]
        fn classes_are_found_again(cells in proptest::collection::vec(
            prop_oneof!["[0-2](\\.0)?", "[Tt]rue|FALSE|False", "[ab]?", "0?7(\\.0)?", "None|NA", "-0|1e0|\\+1"], 1..8,
        )) {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let column = column(&cells);
            if let Ok(classes) = column.to_classes() {
                prop_assert_eq!(column.codes_in(&classes.labels), Ok(classes.codes));
            }
        }
    }
}
