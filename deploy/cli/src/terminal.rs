//! Text of strangers on a terminal: what a terminal would take for a command is shown and not done.

use alloc::borrow::Cow;
use core::str::from_utf8;
use std::io::{self, Write};

/// Whether a terminal or its reader may take it for something else than text: control characters, and marks that turn the
/// direction of the text.
fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

fn escape_but(text: &str, kept: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            c if kept.contains(&c) || !is_command(c) => escaped.push(c),
            '\n' => escaped.push_str("\\n"),
            '\t' => escaped.push_str("\\t"),
            '\r' => escaped.push_str("\\r"),
            // As in JSON, where it means the same character; all of them have four digits.
            c => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    escaped
}

/// Text of several lines: line breaks and tabs stay, `ESC` becomes `\u001b`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    let kept = ['\n', '\t'];
    if text.chars().all(|c| kept.contains(&c) || !is_command(c)) {
        return text.into();
    }
    escape_but(text, &kept).into()
}

/// Text that must stay on its line.
pub(crate) fn escape_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_command) {
        return escape_but(text, &[]).into();
    }
    text.into()
}

/// A terminal, to which text is written as [`escape`] makes it; bytes that are not UTF-8 become `U+FFFD`.
#[derive(Debug)]
pub(crate) struct Terminal<W> {
    out: W,
    /// The start of a character whose other bytes are to come.
    pending: Vec<u8>,
}

impl<W: Write> Terminal<W> {
    /// Writes to `out`.
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            pending: Vec::new(),
        }
    }
}

impl<W: Write> Write for Terminal<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        let mut rest = self.pending.as_slice();
        loop {
            let (good, after) = match from_utf8(rest) {
                Ok(_) => (rest.len(), Some(0)),
                Err(e) => (e.valid_up_to(), e.error_len()),
            };
            let text = from_utf8(&rest[..good]).unwrap_or_default();
            self.out.write_all(escape(text).as_bytes())?;
            rest = &rest[good..];
            match after {
                None | Some(0) => break,
                Some(wrong) => {
                    self.out.write_all("\u{fffd}".as_bytes())?;
                    rest = &rest[wrong..];
                }
            }
        }
        self.pending = rest.to_vec();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_are_shown() {
        let title = "\u{1b}]0;owned\u{7} \u{9b}31m\u{7f}";
        assert_eq!(escape(title), "\\u001b]0;owned\\u0007 \\u009b31m\\u007f");
        assert_eq!(escape("a\tb\nc\r"), "a\tb\nc\\r");
        assert_eq!(escape_line("a\tb\nerror: c"), "a\\tb\\nerror: c");
        assert_eq!(escape("abc\u{202e}cba"), "abc\\u202ecba");
        assert!(matches!(escape("σ² ≤ ½ 🙂"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_json_text_keeps_its_meaning() {
        let value = serde_json::json!({"a\u{9b}": ["\u{7f}\u{202e}", "\u{1b}"]});
        let text = serde_json::to_string_pretty(&value).unwrap();
        assert!(escape(&text).chars().all(|c| c == '\n' || !is_command(c)));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&escape(&text)).unwrap(),
            value
        );
    }

    proptest! {
        /// In whatever pieces text comes, it is written as if it came at once.
        #[test]
        fn pieces_do_not_matter(bytes: Vec<u8>, text: String, size in 1usize..5) {
            let all = [bytes.as_slice(), text.as_bytes(), b"."].concat();
            let (mut pieces, mut whole) = (Terminal::new(Vec::new()), Terminal::new(Vec::new()));
            for piece in all.chunks(size) {
                pieces.write_all(piece).unwrap();
            }
            whole.write_all(&all).unwrap();
            prop_assert_eq!(&pieces.out, &whole.out);
            let written = String::from_utf8(whole.out).unwrap();
            prop_assert_eq!(written, escape(&String::from_utf8_lossy(&all)).into_owned());
        }
    }
}
