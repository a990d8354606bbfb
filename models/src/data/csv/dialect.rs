//! How a file separates cells and writes decimals.

use alloc::borrow::Cow;
use core::fmt;
use core::str::FromStr;

use crate::data::cell::shorten;

/// The character between cells: one of ASCII that numbers, names and quotes are not made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separator(u8);

/// The character before decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decimal {
    /// `1.5`
    #[default]
    Point,
    /// `1,5`
    Comma,
}

impl Decimal {
    /// A cell, with a decimal comma made a point if it is a number.
    pub(super) fn with_point(self, cell: &str) -> Cow<'_, str> {
        if self == Self::Comma && !cell.contains('.') {
            let pointed = cell.replacen(',', ".", 1);
            if pointed.parse::<f64>().is_ok() {
                return pointed.into();
            }
        }
        cell.into()
    }
}

/// What is known of a file's notation beforehand; the rest is found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// The character between cells.
    pub separator: Option<Separator>,
    /// The character before decimals.
    pub decimal: Option<Decimal>,
}

impl Separator {
    /// Between cells where nothing says otherwise.
    pub const COMMA: Self = Self(b',');
    /// Where decimals have commas.
    pub(super) const SEMICOLON: Self = Self(b';');
    /// Those that are looked for.
    pub(super) const USUAL: [Self; 4] = [Self::COMMA, Self::SEMICOLON, Self(b'\t'), Self(b'|')];

    pub(super) fn byte(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Separator {
    /// As [`Separator::from_str`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\t' => f.write_str("tab"),
            b' ' => f.write_str("space"),
            byte => write!(f, "{}", char::from(byte)),
        }
    }
}

/// A text that names no separator or decimal mark.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`: expected {expected}")]
pub struct UnknownMark {
    text: String,
    expected: &'static str,
}

impl FromStr for Separator {
    type Err = UnknownMark;

    /// The character itself, or `comma`, `semicolon`, `tab` (`\t`), `pipe`, `space`.
    fn from_str(text: &str) -> Result<Self, UnknownMark> {
        let byte = match (text.to_ascii_lowercase().as_str(), text.as_bytes()) {
            ("comma", _) => b',',
            ("semicolon", _) => b';',
            ("tab" | "\\t", _) => b'\t',
            ("pipe", _) => b'|',
            ("space", _) => b' ',
            (_, &[byte]) if is_separator(byte) => byte,
            _ => {
                return Err(UnknownMark {
                    text: shorten(text),
                    expected: "one character, such as , or ; or |, or tab or space",
                });
            }
        };
        Ok(Self(byte))
    }
}

fn is_separator(byte: u8) -> bool {
    let mark = byte.is_ascii_punctuation() && !b"\"'+-._".contains(&byte);
    mark || byte == b' ' || byte == b'\t'
}

impl FromStr for Decimal {
    type Err = UnknownMark;

    /// `.` or `point`, `,` or `comma`.
    fn from_str(text: &str) -> Result<Self, UnknownMark> {
        match text.to_ascii_lowercase().as_str() {
            "." | "point" => Ok(Self::Point),
            "," | "comma" => Ok(Self::Comma),
            _ => Err(UnknownMark {
                text: shorten(text),
                expected: ". or ,",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_names() {
        for (text, byte) in [("tab", b'\t'), ("\\t", b'\t'), (";", b';'), ("Comma", b',')] {
            assert_eq!(text.parse::<Separator>().unwrap().byte(), byte);
        }
        for text in ["", ",,", "a", "1", "\"", ".", "é"] {
            assert!(text.parse::<Separator>().is_err(), "{text}");
        }
        assert_eq!(",".parse(), Ok(Decimal::Comma));
        assert!(";".parse::<Decimal>().is_err());
    }
}
