//! Words of categories behind the estimator of a client spec.

use tenebra_client::spec::{ClientSpec, OwnedWords, SpecError};

use super::cases::single;

fn words(column: u32, words: &[&str]) -> OwnedWords {
    OwnedWords {
        column,
        others_are_missing: column == 1,
        words: words.iter().map(|&word| word.to_owned()).collect(),
    }
}

#[test]
fn words_read_back_by_column_and_change_nothing_where_there_are_none() {
    let spec = single().spec;
    assert_eq!(spec.encode().unwrap(), spec.encode_with_words(&[]).unwrap());
    let columns = [words(0, &["red", "grün"]), words(1, &["True"])];
    let bytes = spec.encode_with_words(&columns).unwrap();
    let parsed = ClientSpec::parse(&bytes).unwrap();
    let read: Vec<OwnedWords> = parsed
        .words()
        .map(|column| OwnedWords {
            column: u32::try_from(column.column).unwrap(),
            others_are_missing: column.others_are_missing,
            words: column.words().map(str::to_owned).collect(),
        })
        .collect();
    assert_eq!(read, columns);
    let without = spec.encode().unwrap();
    assert_ne!(parsed.id(), ClientSpec::parse(&without).unwrap().id());
    assert_eq!(ClientSpec::parse(&without).unwrap().words().count(), 0);
}

#[test]
fn words_of_no_column_or_none_of_a_column_are_refused() {
    let spec = single().spec;
    let long = "x".repeat(256);
    for columns in [
        vec![words(2, &["a"])],
        vec![words(0, &[])],
        vec![words(1, &["a"]), words(0, &["a"])],
        vec![words(0, &["a"]), words(0, &["a"])],
        vec![words(0, &[&long])],
    ] {
        assert!(spec.encode_with_words(&columns).is_err(), "{columns:?}");
    }
    let bytes = spec.encode_with_words(&[words(1, &["a", "b"])]).unwrap();
    let payload = ClientSpec::parse(&bytes).unwrap().payload().to_vec();
    let without = ClientSpec::parse(&spec.encode().unwrap())
        .unwrap()
        .payload()
        .len();
    for end in without + 1..payload.len() {
        let cut = ClientSpec::parse_payload(&payload[..end]);
        assert!(matches!(cut, Err(SpecError::Malformed(_))), "{end}");
    }
}
