//! The text form: a header and one block per tree, of lines `key=value`.

use alloc::collections::BTreeMap;
use core::str::FromStr;

use super::error::LightgbmError;

/// Lines `key=value`; a line without `=` is a key with an empty value.
pub(super) struct Block<'a> {
    /// Number of the line that opened the block, from 1.
    line: usize,
    values: BTreeMap<&'a str, &'a str>,
}

/// The header and the trees, in the order of the file.
pub(super) struct Text<'a> {
    pub(super) header: Block<'a>,
    pub(super) trees: Vec<Block<'a>>,
    /// What the columns of a data frame held for its categories, as JSON; of the last line.
    pub(super) pandas_categorical: Option<&'a str>,
}

/// The versions of the form that are read; LightGBM writes `v4` since 3.3, `v3` from 3.0, `v2` from 2.1.
const VERSIONS: [&str; 3] = ["v2", "v3", "v4"];
/// The line behind the trees, and what stands there in files of versions before 2.2, which lack it.
const ENDS: [&str; 2] = ["end of trees", "feature importances:"];
const PANDAS_CATEGORICAL: &str = "pandas_categorical:";

impl<'a> Text<'a> {
    /// Splits a model at its `Tree=` lines; what follows `end of trees` says how it was trained and is left alone.
    pub(super) fn parse(text: &'a str) -> Result<Self, LightgbmError> {
        let mut lines = (1..).zip(text.lines().map(str::trim_end));
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let pandas_categorical = last.and_then(|line| line.strip_prefix(PANDAS_CATEGORICAL));
        if lines.next().is_none_or(|(_, first)| first != "tree") {
            return Err(LightgbmError::NotLightgbm);
        }
        let mut header = Block {
            line: 1,
            values: BTreeMap::new(),
        };
        let mut trees: Vec<Block<'a>> = Vec::new();
        let mut complete = false;
        for (line, content) in lines {
            if ENDS.contains(&content) {
                complete = true;
                break;
            }
            let (key, value) = content.split_once('=').unwrap_or((content, ""));
            if key == "Tree" {
                trees.push(Block {
                    line,
                    values: BTreeMap::new(),
                });
            } else if !content.is_empty() {
                let block = trees.last_mut().unwrap_or(&mut header);
                block.values.insert(key, value);
            }
        }
        let version = header.text("version").unwrap_or_default();
        if !VERSIONS.contains(&version) {
            let found = version.to_owned();
            return Err(LightgbmError::Version { found });
        }
        if complete {
            Ok(Self {
                header,
                trees,
                pandas_categorical,
            })
        } else {
            Err(LightgbmError::CutOff)
        }
    }
}

impl<'a> Block<'a> {
    pub(super) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub(super) fn text(&self, key: &'static str) -> Result<&'a str, LightgbmError> {
        let line = self.line;
        self.values
            .get(key)
            .copied()
            .ok_or(LightgbmError::MissingKey { key, line })
    }

    pub(super) fn number<T: FromStr>(&self, key: &'static str) -> Result<T, LightgbmError> {
        parse(key, self.line, self.text(key)?)
    }

    /// The numbers of a list separated by blanks; empty where the key is absent.
    pub(super) fn numbers<T: FromStr>(&self, key: &'static str) -> Result<Vec<T>, LightgbmError> {
        let text = self.values.get(key).copied().unwrap_or_default();
        text.split_ascii_whitespace()
            .map(|part| parse(key, self.line, part))
            .collect()
    }
}

fn parse<T: FromStr>(key: &'static str, line: usize, text: &str) -> Result<T, LightgbmError> {
    text.trim().parse().map_err(|_| LightgbmError::Number {
        key,
        line,
        text: text.to_owned(),
    })
}
