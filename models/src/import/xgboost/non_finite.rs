//! NaN and infinities, which XGBoost writes into its JSON and JSON does not have.
//!
//! Both readers make strings of them, and [`Single`] reads numbers and such strings.

use alloc::borrow::Cow;
use core::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// What XGBoost writes, longest first where one begins another.
const TOKENS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// JSON text in which the bare words `NaN`, `Infinity` and `-Infinity` stand in quotes.
pub(super) fn quoted(text: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let (mut copied, mut at, mut in_string) = (0, 0, false);
    while at < text.len() {
        let token = match text[at] {
            b'"' => {
                in_string = !in_string;
                None
            }
            // The next byte is part of an escape.
            b'\\' if in_string => {
                at += 1;
                None
            }
            b'-' | b'I' | b'N' if !in_string => {
                TOKENS.iter().find(|token| text[at..].starts_with(token))
            }
            _ => None,
        };
        if let Some(token) = token {
            out.extend_from_slice(&text[copied..at]);
            out.push(b'"');
            out.extend_from_slice(token);
            out.push(b'"');
            copied = at + token.len();
            at = copied;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(&text[copied..]);
    Cow::Owned(out)
}

/// The word for a number that JSON does not have.
pub(super) fn word(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A single-precision number, finite or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Single(pub(super) f32);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SingleVisitor)
    }
}

struct SingleVisitor;

impl Visitor<'_> for SingleVisitor {
    type Value = Single;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the numbers of the file are of single precision"
    )]
    fn visit_f64<E: Error>(self, number: f64) -> Result<Single, E> {
        Ok(Single(number as f32))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the numbers of the file are of single precision"
    )]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Single, E> {
        Ok(Single(number as f32))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "the numbers of the file are of single precision"
    )]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Single, E> {
        Ok(Single(number as f32))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Single, E> {
        match text {
            "NaN" => Ok(Single(f32::NAN)),
            "Infinity" => Ok(Single(f32::INFINITY)),
            "-Infinity" => Ok(Single(f32::NEG_INFINITY)),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_outside_strings_are_quoted() {
        let cases = [
            (
                r#"{"a":[NaN,-Infinity, Infinity],"b":1}"#,
                r#"{"a":["NaN","-Infinity", "Infinity"],"b":1}"#,
            ),
            (r#"["NaN","\"NaN",NaN]"#, r#"["NaN","\"NaN","NaN"]"#),
            (
                r#"[-1,"-Infinity\\",Infinity"#,
                r#"[-1,"-Infinity\\","Infinity""#,
            ),
            (r#"[1.5]"#, r#"[1.5]"#),
            ("\"\\", "\"\\"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                core::str::from_utf8(&quoted(text.as_bytes())).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn singles_are_numbers_or_such_words() {
        let read = |text: &str| serde_json::from_str::<Vec<Single>>(text);
        let found = read(r#"[1.5, 2, "Infinity", "-Infinity", "NaN"]"#).unwrap();
        assert_eq!(
            found[..4].iter().map(|x| x.0).collect::<Vec<_>>(),
            [1.5, 2.0, f32::INFINITY, f32::NEG_INFINITY]
        );
        assert!(found[4].0.is_nan());
        assert!(read(r#"["1.5"]"#).is_err() && read("[null]").is_err());
    }
}
