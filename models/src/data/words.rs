//! Columns of categories whose cells are words.

use serde::{Deserialize, Serialize};

use super::cell::is_missing;

/// The words of a column of categories, in the order of their codes 0, 1, ….
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// One per code; none for a column that holds numbers.
    pub words: Vec<String>,
    /// Whether a word that is not among them counts as a missing value; else it is an error.
    pub others_are_missing: bool,
}

impl Words {
    /// The code of a cell, NaN for a missing value, `None` for a word that is none of them. A code may also stand as a number.
    #[must_use]
    pub fn code(&self, cell: &str) -> Option<f64> {
        let place = |code: usize| u32::try_from(code).ok().map(f64::from);
        if let Some(code) = self.words.iter().position(|word| word.trim() == cell) {
            return place(code);
        }
        if is_missing(cell) {
            return Some(f64::NAN);
        }
        let number = cell.parse::<f64>().ok();
        let is_code = |number: &f64| {
            let codes = place(self.words.len()).unwrap_or(0.0);
            number.fract() == 0.0 && (0.0..codes).contains(number)
        };
        let other = self.others_are_missing.then_some(f64::NAN);
        number.filter(is_code).or(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_codes_and_others_are_refused_or_missing() {
        let mut words = Words {
            words: ["red", "a b", "7", "NA"].map(str::to_owned).to_vec(),
            others_are_missing: false,
        };
        for (cell, code) in [
            ("red", Some(0.0)),
            ("a b", Some(1.0)),
            // Words come first, then what is missing, then codes.
            ("7", Some(2.0)),
            ("NA", Some(3.0)),
            ("1", Some(1.0)),
            ("3.0", Some(3.0)),
            ("4", None),
            ("-1", None),
            ("0.5", None),
            ("Red", None),
        ] {
            assert_eq!(words.code(cell), code, "{cell}");
        }
        assert!(words.code("").is_some_and(f64::is_nan));
        words.others_are_missing = true;
        assert!(words.code("Red").is_some_and(f64::is_nan));
    }
}
