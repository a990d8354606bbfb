//! Which columns of a file hold words.

use alloc::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::header::Role;
use super::reader::CsvReader;
use super::spec::CsvSpec;
use crate::data::cell::is_missing;
use crate::data::{DataError, Words};

/// Most distinct words of a column.
const MAX_WORDS: usize = 10_000;

/// The features of a file that hold words: those with a cell that is no number, with all their words in order.
///
/// # Errors
/// [`DataError`] as the reader's; [`DataError::TooManyWords`] for a column that can be no category.
pub fn read_words(file: impl Read, spec: &CsvSpec) -> Result<BTreeMap<String, Words>, DataError> {
    let mut reader = CsvReader::new(file, spec)?;
    let mut found: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let mut numbers: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    while reader.advance()? {
        for (at, (cell, role)) in reader.cells().enumerate() {
            if role != Role::Feature || is_missing(cell) || spec.words.contains_key(reader.name(at))
            {
                continue;
            }
            let words = if reader.is_number(cell) && !found.contains_key(&at) {
                let seen = numbers.entry(at).or_default();
                if seen.len() <= MAX_WORDS {
                    seen.insert(cell.to_owned());
                }
                continue;
            } else {
                // Numbers that came before are words as well.
                let before = numbers.remove(&at);
                found
                    .entry(at)
                    .or_insert_with(|| before.unwrap_or_default())
            };
            words.insert(cell.to_owned());
            if words.len() > MAX_WORDS {
                return Err(DataError::TooManyWords {
                    column: reader.name(at).to_owned(),
                    limit: MAX_WORDS,
                });
            }
        }
    }
    let words = |(at, words): (usize, BTreeSet<String>)| {
        let words = Words {
            words: words.into_iter().collect(),
            others_are_missing: false,
        };
        (reader.name(at).to_owned(), words)
    };
    Ok(found.into_iter().map(words).collect())
}
