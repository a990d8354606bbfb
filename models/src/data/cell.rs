//! What a cell says: a boolean, a label, or nothing.

/// `True` and `False`, as pandas and R write booleans, in any case.
pub(super) fn boolean(cell: &str) -> Option<bool> {
    let is = |word| cell.eq_ignore_ascii_case(word);
    match (is("true"), is("false")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// `7` and `7.0`, but not `7.5` nor anything beyond 2^53, where doubles skip integers.
pub(super) fn integer(cell: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(value) = cell.parse::<i64>() {
        return Some(value);
    }
    let value = cell.parse::<f64>().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^53")]
    let integer = value as i64;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(integer)
}

/// Nothing, whatever the column holds.
pub(super) fn is_blank(cell: &str) -> bool {
    cell.is_empty() || cell.eq_ignore_ascii_case("nan")
}

/// Nothing, where numbers are expected: also what pandas, R and SQL write for it.
pub(super) fn is_missing(cell: &str) -> bool {
    const WORDS: [&str; 8] = ["na", "n/a", "<na>", "#n/a", "#na", "-nan", "null", "none"];
    is_blank(cell) || WORDS.iter().any(|word| cell.eq_ignore_ascii_case(word))
}

/// Enough of a cell to recognise it in an error.
pub(super) fn shorten(cell: &str) -> String {
    const SHOWN: usize = 40;
    if cell.chars().count() <= SHOWN {
        return cell.to_owned();
    }
    cell.chars()
        .take(SHOWN)
        .chain(core::iter::once('…'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing() {
        for cell in ["", "nan", "NaN"] {
            assert!(is_blank(cell) && is_missing(cell), "{cell:?}");
        }
        for cell in ["NA", "n/a", "<NA>", "null", "None"] {
            assert!(!is_blank(cell) && is_missing(cell), "{cell:?}");
        }
        assert!(!is_missing("0") && !is_missing("nothing"));
    }
}
