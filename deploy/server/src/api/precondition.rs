//! `If-Match` and `If-None-Match` (RFC 9110, 13.1) with versions of models as entity tags.

use axum::http::{HeaderMap, HeaderName, header};

use crate::names::Version;
use crate::problem::Problem;

/// Refuses a request that is for another version of a model than there is; `None`: there is none.
pub(super) fn check(headers: &HeaderMap, current: Option<Version>) -> Result<(), Problem> {
    let found = current.map_or_else(|| "none".to_owned(), |version| version.to_string());
    if let Some(wanted) = tags(headers, &header::IF_MATCH)
        && !matches(&wanted, current)
    {
        return Err(Problem::other_version(&wanted, &found));
    }
    if let Some(unwanted) = tags(headers, &header::IF_NONE_MATCH)
        && matches(&unwanted, current)
    {
        return Err(Problem::other_version("another than that, or none", &found));
    }
    Ok(())
}

/// Whether there is a condition at all.
pub(super) fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH)
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let values: Vec<&str> = values.map(|value| value.to_str().unwrap_or("?")).collect();
    Some(values.join(","))
}

fn matches(tags: &str, current: Option<Version>) -> bool {
    let Some(current) = current.map(|version| version.to_string()) else {
        return false;
    };
    tags.split(',').map(str::trim).any(|tag| {
        // Without the quotes as well: there is nothing else that it could mean.
        tag == "*" || tag.trim_matches('"') == current
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn conditions_are_those_of_http() {
        let (one, other) = (Version::of(b"1"), Version::of(b"2"));
        let cases = [
            (header::IF_MATCH, format!("\"{one}\""), Some(one), true),
            (
                header::IF_MATCH,
                format!("\"{other}\", \"{one}\""),
                Some(one),
                true,
            ),
            (header::IF_MATCH, one.to_string(), Some(one), true),
            (header::IF_MATCH, format!("\"{other}\""), Some(one), false),
            (header::IF_MATCH, format!("W/\"{one}\""), Some(one), false),
            (header::IF_MATCH, "*".to_owned(), Some(one), true),
            (header::IF_MATCH, "*".to_owned(), None, false),
            (header::IF_NONE_MATCH, "*".to_owned(), None, true),
            (header::IF_NONE_MATCH, "*".to_owned(), Some(one), false),
        ];
        for (name, value, current, good) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(&name, HeaderValue::from_str(&value).unwrap());
            assert_eq!(check(&headers, current).is_ok(), good, "{name}: {value}");
        }
        assert!(check(&HeaderMap::new(), None).is_ok());
    }
}
