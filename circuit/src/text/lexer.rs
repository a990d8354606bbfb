//! Text to tokens.

/// A piece of text with a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    /// As written.
    pub(super) text: &'a str,
    /// Where it starts, in bytes from the start of the whole text.
    pub(super) offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A keyword or a name.
    Word,
    /// Digits, perhaps with a sign.
    Integer,
    /// `%` and digits.
    Value,
    /// Any other single character.
    Symbol,
    /// The end of the text.
    End,
}

/// The next token of `text` from byte `start` on.
pub(super) fn token(text: &str, start: usize) -> Token<'_> {
    let rest = skip_blank(&text[start..]);
    let offset = text.len() - rest.len();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_digit = |c: char| c.is_ascii_digit();
    let run = |from: usize, of: fn(char) -> bool| {
        from + rest[from..].find(|c| !of(c)).unwrap_or(rest.len() - from)
    };
    let digits_follow = rest
        .get(1..)
        .is_some_and(|after| after.starts_with(is_digit));
    let (kind, len) = match rest.chars().next() {
        None => (TokenKind::End, 0),
        Some('%') if digits_follow => (TokenKind::Value, run(1, |c| c.is_ascii_digit())),
        Some('-') if digits_follow => (TokenKind::Integer, run(1, |c| c.is_ascii_digit())),
        Some(c) if is_digit(c) => (TokenKind::Integer, run(0, |c| c.is_ascii_digit())),
        Some(c) if is_word(c) => (
            TokenKind::Word,
            run(0, |c| c.is_ascii_alphanumeric() || c == '_'),
        ),
        Some(c) => (TokenKind::Symbol, c.len_utf8()),
    };
    Token {
        kind,
        text: &rest[..len],
        offset,
    }
}

/// Skips white space and comments.
fn skip_blank(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match text.strip_prefix('#') {
            Some(comment) => text = comment.find('\n').map_or("", |end| &comment[end..]),
            None => return text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn splits_text_into_tokens() {
        let text = "%12 = a_1# c %\n[-3, 4]- %é";
        let mut offset = 0;
        let mut tokens = Vec::new();
        loop {
            let token = token(text, offset);
            offset = token.offset + token.text.len();
            if token.kind == TokenKind::End {
                break;
            }
            if token.text == "-" || token.text == "%" {
                assert!(token.kind == TokenKind::Symbol, "{}", token.text);
            }
            tokens.push(token.text);
        }
        assert_eq!(
            tokens,
            ["%12", "=", "a_1", "[", "-3", ",", "4", "]", "-", "%", "é"]
        );
    }
}
