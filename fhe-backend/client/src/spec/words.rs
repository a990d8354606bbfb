//! Columns of categories whose cells are words.

use super::error::SpecError;
use super::{ClientSpec, read_count};
use crate::cursor::Cursor;
use crate::ports::Section;

const MALFORMED: SpecError = SpecError::Malformed("words of categories");

/// The words of a column of categories: the model takes the place of a word among them, from 0, for the number of its cell.
#[derive(Clone, Debug)]
pub struct ColumnWords<'a> {
    /// Column of the feature matrix, from 0.
    pub column: usize,
    /// Whether another word counts as a missing value; else a row with one is to be refused.
    pub others_are_missing: bool,
    count: u32,
    bytes: &'a [u8],
}

impl<'a> ColumnWords<'a> {
    /// The words, in the order of their codes.
    pub fn words(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let (count, mut cursor) = (self.count, Cursor::new(self.bytes));
        (0..count).map_while(move |_| cursor.str())
    }
}

impl<'a> ClientSpec<'a> {
    /// The columns whose cells are words, ascending.
    pub fn words(&self) -> impl Iterator<Item = ColumnWords<'a>> + use<'a> {
        let (count, columns) = (self.facts.words.count, self.facts.ports.columns);
        let mut cursor = Cursor::new(self.facts.words.bytes(self.payload));
        // The section was read once by `parse`, so none of its records fails now.
        (0..count).map_while(move |_| read_column(&mut cursor, columns).ok())
    }
}

/// What follows the estimator: nothing, or the words of at least one column.
pub(super) fn read(cursor: &mut Cursor<'_>, columns: u32) -> Result<Section, SpecError> {
    if cursor.rest().is_empty() {
        return Section::read(cursor, 0, "words of categories", |_, _| Ok(()));
    }
    let count = read_count(cursor, "number of columns of words", 1)?;
    let mut least = 0;
    Section::read(cursor, count, "words of categories", |cursor, _| {
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
    let count = read_count(cursor, "words of categories", 1)?;
    let start = cursor.rest();
    for _ in 0..count {
        cursor.str().ok_or(MALFORMED)?;
    }
    let used = start.len() - cursor.rest().len();
    Ok(ColumnWords {
        column,
        others_are_missing,
        count,
        bytes: start.get(..used).ok_or(MALFORMED)?,
    })
}
