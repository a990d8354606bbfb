//! Columns of categories whose cells are words.

use super::{ClientSpec, Section, SpecError, read_count, read_section, read_strings};
use crate::cursor::Cursor;

const MALFORMED: SpecError = SpecError::Malformed("words of categories");

/// The words of a column of categories: the model takes the place of a word among them, from 0, for the number of its cell.
#[derive(Clone, Debug)]
pub struct ColumnWords<'a> {
    /// Column of the feature matrix, from 0.
    pub column: usize,
    /// Whether another word counts as a missing value; else a row with one is to be refused.
    pub others_are_missing: bool,
    words: Section<'a>,
}

impl<'a> ColumnWords<'a> {
    /// The words, in the order of their codes.
    pub fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.words.strings()
    }
}

impl<'a> ClientSpec<'a> {
    /// The columns whose cells are words, ascending.
    pub fn words(&self) -> impl Iterator<Item = ColumnWords<'a>> + use<'a> {
        let (count, columns) = (self.words.count, self.columns);
        let mut cursor = Cursor::new(self.words.bytes);
        // The section was read once by `parse`, so none of its records fails now.
        (0..count).map_while(move |_| read_column(&mut cursor, columns).ok())
    }
}

/// What follows the estimator: nothing, or the words of at least one column.
pub(super) fn read<'a>(cursor: &mut Cursor<'a>, columns: u32) -> Result<Section<'a>, SpecError> {
    if cursor.rest().is_empty() {
        let (count, bytes) = (0, cursor.rest());
        return Ok(Section { count, bytes });
    }
    let count = read_count(cursor, "number of columns of words", 1)?;
    let mut least = 0;
    read_section(cursor, count, "words of categories", |cursor, _| {
        let column = read_column(cursor, columns)?.column;
        if column < least {
            return Err(MALFORMED);
        }
        least = column + 1;
        Ok(())
    })
}

fn read_column<'a>(cursor: &mut Cursor<'a>, columns: u32) -> Result<ColumnWords<'a>, SpecError> {
    let column = cursor.u32().filter(|column| *column < columns);
    let column = column.ok_or(MALFORMED)? as usize;
    let others_are_missing = match cursor.u8() {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(MALFORMED),
    };
    let words = read_strings(cursor, "words of categories")?;
    if words.count == 0 {
        return Err(MALFORMED);
    }
    Ok(ColumnWords {
        column,
        others_are_missing,
        words,
    })
}
