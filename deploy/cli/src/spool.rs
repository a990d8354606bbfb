//! Output that may be longer than memory: text, and JSON objects with long lists.

use std::io::{self, BufWriter, Read, Seek, Write};

use serde::Serialize;
use tempfile::SpooledTempFile;

use crate::output::{self, Failure};

/// Bytes that stay in memory; the rest waits on the disk.
const IN_MEMORY: usize = 1 << 20;

/// Text that is gathered piece by piece and printed later.
pub(crate) struct Spool(SpooledTempFile);

impl Spool {
    pub(crate) fn new() -> Self {
        Self(SpooledTempFile::new(IN_MEMORY))
    }

    pub(crate) fn push(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.0.write_all(text.as_bytes());
        written.map_err(|e| spool_failure(&e))
    }

    fn into_text(mut self) -> Result<impl Read, Failure> {
        self.0.rewind().map_err(|e| spool_failure(&e))?;
        Ok(self.0)
    }
}

fn spool_failure(error: &io::Error) -> Failure {
    Failure::new(format!("the folder of temporary files: {error}"))
        .with_hint("`TMPDIR` names another folder")
}

/// A list of a JSON object, gathered entry by entry.
pub(crate) struct JsonList {
    name: &'static str,
    entries: Spool,
    empty: bool,
}

impl JsonList {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            entries: Spool::new(),
            empty: true,
        }
    }

    pub(crate) fn push(&mut self, entry: &impl Serialize) -> Result<(), Failure> {
        let entry = serde_json::to_string_pretty(entry).map_err(|e| Failure::new(e.to_string()))?;
        let comma = if self.empty { "" } else { "," };
        self.empty = false;
        // Where the entries of a list of an object stand.
        let entry = entry.replace('\n', "\n    ");
        self.entries.push(&format!("{comma}\n    {entry}"))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }
}

/// Prints text and what was gathered.
pub(crate) fn print(text: &str, more: Spool) -> Result<(), Failure> {
    let parts: Vec<Box<dyn Read>> = vec![Box::new(text.as_bytes()), Box::new(more.into_text()?)];
    to_stdout(parts)
}

/// Prints one object: the members of `head`, the lists, the members of `tail`. `head` has some.
pub(crate) fn print_json(
    head: &impl Serialize,
    lists: Vec<JsonList>,
    tail: &impl Serialize,
) -> Result<(), Failure> {
    to_stdout(object(head, lists, tail)?)
}

fn to_stdout(parts: Vec<Box<dyn Read + '_>>) -> Result<(), Failure> {
    output::written(copy(parts, &mut BufWriter::new(output::stdout())))
}

fn copy(mut parts: Vec<Box<dyn Read + '_>>, out: &mut impl Write) -> io::Result<()> {
    for part in &mut parts {
        io::copy(part, out)?;
    }
    out.flush()
}

/// The text of an object, in pieces.
fn object(
    head: &impl Serialize,
    lists: Vec<JsonList>,
    tail: &impl Serialize,
) -> Result<Vec<Box<dyn Read>>, Failure> {
    let text = |text: String| -> Box<dyn Read> { Box::new(io::Cursor::new(text)) };
    let mut parts = vec![text(format!("{{{}", members(head)?))];
    for list in lists {
        let end = if list.empty { "]" } else { "\n  ]" };
        parts.push(text(format!(",\n  \"{}\": [", list.name)));
        parts.push(Box::new(list.entries.into_text()?));
        parts.push(text(end.to_owned()));
    }
    let tail = members(tail)?;
    if !tail.is_empty() {
        parts.push(text(format!(",{tail}")));
    }
    parts.push(text("\n}\n".to_owned()));
    Ok(parts)
}

/// The members of an object, without its braces: empty, or with a line break before each.
fn members(object: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(object).map_err(|e| Failure::new(e.to_string()))?;
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    Ok(inner.unwrap_or_default().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn lists_print_as_serde_prints_them() {
        let head = json!({"model": "m", "rows": 2});
        let tail = json!({"figures": {"a": 1}});
        for entries in [vec![], vec![json!(1)], vec![json!([1, 2]), json!("x\ny")]] {
            for tail in [&tail, &json!({})] {
                let mut list = JsonList::new("list");
                for entry in &entries {
                    list.push(entry).unwrap();
                }
                let mut out = Vec::new();
                copy(object(&head, vec![list], tail).unwrap(), &mut out).unwrap();
                let mut whole = head.as_object().unwrap().clone();
                whole.insert("list".to_owned(), Value::from(entries.clone()));
                whole.extend(tail.as_object().unwrap().clone());
                let text = String::from_utf8(out).unwrap();
                assert_eq!(
                    serde_json::from_str::<Value>(&text).unwrap(),
                    Value::from(whole.clone())
                );
                let mut lines: Vec<&str> = text
                    .lines()
                    .map(|line| line.trim_end_matches(','))
                    .collect();
                let pretty = serde_json::to_string_pretty(&whole).unwrap();
                let mut others: Vec<&str> = pretty
                    .lines()
                    .map(|line| line.trim_end_matches(','))
                    .collect();
                // Members may stand in another order; their lines are the same.
                lines.sort_unstable();
                others.sort_unstable();
                assert_eq!(lines, others);
            }
        }
    }

    #[test]
    fn a_list_may_be_longer_than_its_memory() {
        let mut list = JsonList::new("list");
        let count = IN_MEMORY / 4;
        for at in 0..count {
            list.push(&at).unwrap();
        }
        let mut out = Vec::new();
        copy(
            object(&json!({"a": 1}), vec![list], &json!({})).unwrap(),
            &mut out,
        )
        .unwrap();
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["list"].as_array().unwrap().len(), count);
        assert_eq!(value["list"][count - 1], count - 1);
    }
}
