//! What a mistyped name may have meant.

/// Of `known`, what is most like `name`, if anything is.
pub(crate) fn similar<S: AsRef<str>>(
    name: &str,
    known: impl IntoIterator<Item = S>,
) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = plain(name);
    let likeness = |other: &S| strsim::jaro_winkler(&wanted, &plain(other.as_ref()));
    let best = known
        .into_iter()
        .map(|other| (likeness(&other), other))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.map(|(_, other)| other.as_ref().to_owned())
}

/// Above it, names are alike.
const ALIKE: f64 = 0.8;

/// As a hint.
pub(crate) fn did_you_mean<S: AsRef<str>>(
    name: &str,
    known: impl IntoIterator<Item = S>,
) -> Option<String> {
    similar(name, known).map(|other| format!("did you mean `{other}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_names_are_found() {
        let known = [
            "LinearRegression",
            "LogisticRegression",
            "Ridge",
            "SGDClassifier",
        ];
        for (name, expected) in [
            ("LinearRegresion", Some("LinearRegression")),
            ("logistic-regresion", Some("LogisticRegression")),
            ("Rigde", Some("Ridge")),
            ("sgd_clasifier", Some("SGDClassifier")),
            ("xyz", None),
            ("", None),
        ] {
            assert_eq!(similar(name, known).as_deref(), expected, "{name}");
        }
    }
}
