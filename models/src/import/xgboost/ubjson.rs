//! Universal Binary JSON (draft 12), as far as XGBoost's `save_model` writes it, into JSON values.
//!
//! Lengths and counts are checked against the bytes that are left before anything is allocated, and an element takes
//! at least one byte, so memory stays proportional to the input.

use serde_json::{Map, Value};

use super::non_finite::word;

/// Nesting that no model needs; deeper input is refused, because reading it recurses.
const MAX_DEPTH: usize = 64;

/// Why bytes are not UBJSON; offsets count bytes from the start of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UbjsonError {
    /// The bytes end within a value.
    #[error("the file ends at byte {offset}, within a value; it may be cut off")]
    UnexpectedEnd {
        /// Length of the file.
        offset: usize,
    },
    /// A type marker that the format does not have, or not here.
    #[error("byte {offset}: unknown type marker 0x{marker:02x}")]
    Marker {
        /// Where.
        offset: usize,
        /// The byte.
        marker: u8,
    },
    /// A negative length, or one that exceeds the bytes left.
    #[error("byte {offset}: length {length} exceeds the rest of the file")]
    Length {
        /// Where.
        offset: usize,
        /// The length that is written there.
        length: i64,
    },
    /// A string that is not UTF-8.
    #[error("byte {offset}: the string is not valid UTF-8")]
    Utf8 {
        /// Where the string begins.
        offset: usize,
    },
    /// Too many values within values.
    #[error("byte {offset}: values are nested deeper than {MAX_DEPTH}")]
    TooDeep {
        /// Where.
        offset: usize,
    },
    /// Bytes after the value.
    #[error("byte {offset}: the value has ended and more bytes follow")]
    TrailingBytes {
        /// Where.
        offset: usize,
    },
}

/// Reads one value that takes all of `bytes`. NaN and infinities, which JSON lacks, become their words.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, UbjsonError> {
    let mut reader = Reader { bytes, at: 0 };
    let marker = reader.byte()?;
    let value = reader.value(marker, 0)?;
    if reader.at < bytes.len() {
        return Err(UbjsonError::TrailingBytes { offset: reader.at });
    }
    Ok(value)
}

fn number(number: f64) -> Value {
    if number.is_finite() {
        Value::from(number)
    } else {
        Value::from(word(number))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], UbjsonError> {
        let end = self
            .at
            .checked_add(length)
            .filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(UbjsonError::UnexpectedEnd {
            offset: self.bytes.len(),
        })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], UbjsonError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, UbjsonError> {
        Ok(self.array::<1>()?[0])
    }

    fn marker_error<T>(&self, marker: u8) -> Result<T, UbjsonError> {
        Err(UbjsonError::Marker {
            offset: self.at.saturating_sub(1),
            marker,
        })
    }

    /// An integer of the type that `marker` names.
    fn integer(&mut self, marker: u8) -> Result<i64, UbjsonError> {
        Ok(match marker {
            b'U' => i64::from(self.byte()?),
            b'i' => i64::from(i8::from_be_bytes(self.array()?)),
            b'I' => i64::from(i16::from_be_bytes(self.array()?)),
            b'l' => i64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?),
            _ => return self.marker_error(marker),
        })
    }

    /// A length of elements that take at least one byte each.
    fn length(&mut self) -> Result<usize, UbjsonError> {
        let offset = self.at;
        let marker = self.byte()?;
        let length = self.integer(marker)?;
        let left = self.bytes.len() - self.at;
        usize::try_from(length)
            .ok()
            .filter(|&length| length <= left)
            .ok_or(UbjsonError::Length { offset, length })
    }

    fn string(&mut self) -> Result<String, UbjsonError> {
        let length = self.length()?;
        let offset = self.at;
        let bytes = self.take(length)?;
        let text = core::str::from_utf8(bytes).map_err(|_| UbjsonError::Utf8 { offset })?;
        Ok(text.to_owned())
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Value, UbjsonError> {
        if depth > MAX_DEPTH {
            return Err(UbjsonError::TooDeep { offset: self.at });
        }
        Ok(match marker {
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'd' => number(f32::from_be_bytes(self.array()?).into()),
            b'D' => number(f64::from_be_bytes(self.array()?)),
            b'S' => Value::String(self.string()?),
            b'[' => Value::Array(self.elements(depth)?),
            b'{' => Value::Object(self.fields(depth)?),
            integer => Value::from(self.integer(integer)?),
        })
    }

    fn elements(&mut self, depth: usize) -> Result<Vec<Value>, UbjsonError> {
        let mut marker = self.byte()?;
        let mut element = None;
        if marker == b'$' {
            let fixed = self.byte()?;
            // Null and booleans take no bytes in a typed array: a few bytes could ask for any amount of memory.
            if matches!(fixed, b'Z' | b'T' | b'F' | b'N') {
                return self.marker_error(fixed);
            }
            element = Some(fixed);
            marker = self.byte()?;
            if marker != b'#' {
                return self.marker_error(marker);
            }
        }
        let mut values = Vec::new();
        if marker == b'#' {
            let count = self.length()?;
            for _ in 0..count {
                let marker = element.map_or_else(|| self.byte(), Ok)?;
                values.push(self.value(marker, depth + 1)?);
            }
        } else {
            while marker != b']' {
                values.push(self.value(marker, depth + 1)?);
                marker = self.byte()?;
            }
        }
        Ok(values)
    }

    fn fields(&mut self, depth: usize) -> Result<Map<String, Value>, UbjsonError> {
        let mut fields = Map::new();
        while self.bytes.get(self.at) != Some(&b'}') {
            let key = self.string()?;
            let marker = self.byte()?;
            let value = self.value(marker, depth + 1)?;
            fields.insert(key, value);
        }
        self.at += 1;
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_every_form_that_xgboost_writes() {
        let mut bytes = b"{L".to_vec();
        bytes.extend(1_i64.to_be_bytes());
        bytes.extend(b"a[$d#L");
        bytes.extend(2_i64.to_be_bytes());
        bytes.extend(0.5_f32.to_be_bytes());
        bytes.extend((-2.0_f32).to_be_bytes());
        // A counted array of mixed types, an open one, a string.
        bytes.extend(b"i\x01b[#i\x03U\xffi\xffI\x01\x00i\x01c[TFZ]i\x01dSi\x02hi}");
        let expected =
            json!({"a": [0.5, -2.0], "b": [255, -1, 256], "c": [true, false, null], "d": "hi"});
        assert_eq!(parse(&bytes), Ok(expected));
    }

    #[test]
    fn what_is_not_finite_becomes_a_word() {
        let mut bytes = b"[$d#i\x03".to_vec();
        for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            bytes.extend(number.to_be_bytes());
        }
        assert_eq!(parse(&bytes), Ok(json!(["NaN", "Infinity", "-Infinity"])));
    }

    #[test]
    fn lengths_beyond_the_file_allocate_nothing() {
        let bytes = b"[$d#l\x7f\xff\xff\xff";
        assert_eq!(
            parse(bytes),
            Err(UbjsonError::Length {
                offset: 4,
                length: 0x7fff_ffff
            })
        );
        assert_eq!(
            parse(b"Si\xff"),
            Err(UbjsonError::Length {
                offset: 1,
                length: -1
            })
        );
        // Nulls in a typed array would take no bytes at all.
        assert_eq!(
            parse(b"[$Z#U\x02"),
            Err(UbjsonError::Marker {
                offset: 2,
                marker: b'Z'
            })
        );
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert_eq!(
            parse(&[b'['; 100_000]),
            Err(UbjsonError::TooDeep {
                offset: MAX_DEPTH + 2
            })
        );
    }

    #[test]
    fn cut_off_and_trailing_bytes_are_errors() {
        assert_eq!(
            parse(b"{i\x01a"),
            Err(UbjsonError::UnexpectedEnd { offset: 4 })
        );
        assert_eq!(parse(b"TT"), Err(UbjsonError::TrailingBytes { offset: 1 }));
        assert_eq!(
            parse(b"x"),
            Err(UbjsonError::Marker {
                offset: 0,
                marker: b'x'
            })
        );
    }

    proptest! {
        /// Whatever the bytes, an answer and not a panic.
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"[]{}$#iUIlLdDSTFZ\x00\x01\x02".to_vec())], 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
