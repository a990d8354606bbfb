//! Sets of categories, and what the columns of a data frame held for them.

use alloc::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::LightgbmError;
use super::text::Block;
use crate::data::Words;
use crate::import::categories::Levels;

/// The sets of a tree: bits of 32-bit words, set after set.
pub(super) struct Sets {
    /// Where each set begins among the words, and where the last one ends.
    boundaries: Vec<usize>,
    words: Vec<u32>,
    taken: Vec<bool>,
}

impl Sets {
    pub(super) fn new(block: &Block<'_>) -> Result<Self, LightgbmError> {
        let boundaries: Vec<usize> = block.numbers("cat_boundaries")?;
        let words = block.numbers("cat_threshold")?;
        let ascending = boundaries.windows(2).all(|pair| pair[0] <= pair[1]);
        Ok(Self {
            taken: vec![false; boundaries.len()],
            boundaries: if ascending { boundaries } else { Vec::new() },
            words,
        })
    }

    /// The codes of the set that the threshold of a split names. A set belongs to one split, so that a file does not describe
    /// more than it holds.
    pub(super) fn take(&mut self, threshold: f64) -> Option<impl Iterator<Item = u32>> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index that is not there is none"
        )]
        let index = threshold as usize;
        let ends = self.boundaries.get(index..)?.get(..2)?;
        let words = self.words.get(ends[0]..ends[1])?;
        if core::mem::replace(self.taken.get_mut(index)?, true) {
            return None;
        }
        let bits = |(at, word): (u32, &u32)| {
            let word = *word;
            (0..u32::BITS)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| at * u32::BITS + bit)
        };
        Some((0..).zip(words).flat_map(bits))
    }
}

/// The features, as far as they are categorical.
pub(super) struct Columns {
    /// One per feature, where a column holds something else than codes.
    pub(super) levels: Vec<Levels>,
    categorical: BTreeSet<u32>,
}

impl Columns {
    /// `feature_infos` has `[min:max]` for a number, the codes of categories between colons, and `none` for a feature that
    /// was not used; `pandas_categorical` the categories of those columns that were categorical in the data frame.
    pub(super) fn new(header: &Block<'_>, pandas: Option<&str>) -> Result<Self, LightgbmError> {
        let infos = header.text("feature_infos").unwrap_or_default();
        let infos: Vec<&str> = infos.split_ascii_whitespace().collect();
        let places = |is: fn(&str) -> bool| -> Vec<u32> {
            let places = (0..).zip(&infos).filter(|(_, info)| is(info));
            places.map(|(place, _)| place).collect()
        };
        let is_categorical = |info: &str| info != "none" && !info.starts_with('[');
        let categorical = places(is_categorical);
        let named = names(pandas)?;
        let mut levels = vec![Levels::Codes; infos.len()];
        // An unused feature may be a categorical column with one category.
        let with_unused = places(|info| !info.starts_with('['));
        let columns = [&categorical, &with_unused]
            .into_iter()
            .find(|c| c.len() == named.len());
        match columns {
            Some(columns) => {
                for (column, named) in columns.iter().zip(named) {
                    levels[*column as usize] = named;
                }
            }
            // Which is which matters only where a column holds something else than codes.
            None if named.iter().all(|levels| *levels == Levels::Codes) => {}
            None => {
                return Err(LightgbmError::CategoricalColumns {
                    named: named.len(),
                    categorical: categorical.len(),
                });
            }
        }
        Ok(Self {
            levels,
            categorical: categorical.into_iter().collect(),
        })
    }

    /// The categorical features, and those whose columns hold words.
    pub(super) fn words(&self) -> BTreeMap<u32, Words> {
        let columns = (0..).zip(&self.levels);
        // LightGBM makes a missing value of a category that training did not have.
        let words = |(feature, levels): (u32, &Levels)| {
            let is_categorical = self.categorical.contains(&feature);
            let is_category = is_categorical || matches!(levels, Levels::Words(_));
            is_category.then(|| (feature, levels.words(true)))
        };
        columns.filter_map(words).collect()
    }
}

/// The categories of each column, in the order of their codes.
fn names(pandas: Option<&str>) -> Result<Vec<Levels>, LightgbmError> {
    let parsed = pandas.map_or(Ok(None), serde_json::from_str::<Option<Vec<Vec<Value>>>>);
    let columns = parsed.map_err(|error| LightgbmError::CategoryNames {
        message: error.to_string(),
    })?;
    let columns = columns.unwrap_or_default();
    columns.iter().map(|column| levels(column)).collect()
}

fn levels(column: &[Value]) -> Result<Levels, LightgbmError> {
    let numbers: Option<Vec<f64>> = column.iter().map(Value::as_f64).collect();
    if let Some(numbers) = numbers {
        return Ok(Levels::of_numbers(numbers));
    }
    let word = |value: &Value| match value {
        Value::String(word) => Ok(word.clone()),
        // As pandas writes them.
        Value::Bool(true) => Ok("True".to_owned()),
        Value::Bool(false) => Ok("False".to_owned()),
        other => Err(LightgbmError::CategoryNames {
            message: format!("`{other}` is neither a word nor a number like the others"),
        }),
    };
    Ok(Levels::Words(
        column.iter().map(word).collect::<Result<_, _>>()?,
    ))
}
