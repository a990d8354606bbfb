//! Words of categories behind the estimator of a client spec.

use tenebra_client::spec::{ClientSpec, OwnedSpec, SpecError};
use tenebra_quant::Words;

use super::cases::single;

fn words(column: usize, words: &[&str]) -> Words {
    Words {
        column,
        others_are_missing: column == 1,
        words: words.iter().map(|&word| word.to_owned()).collect(),
    }
}

fn spec(columns: &[Words]) -> OwnedSpec {
    let mut spec = single().spec;
    spec.interface.words = columns.to_vec();
    spec
}

#[test]
fn words_read_back_by_column_and_change_nothing_where_there_are_none() {
    let columns = [words(0, &["red", "grün"]), words(1, &["True"])];
    let bytes = spec(&columns).encode().unwrap();
    let parsed = ClientSpec::parse(&bytes).unwrap();
    let read: Vec<Words> = parsed
        .words()
        .map(|column| Words {
            column: column.column,
            others_are_missing: column.others_are_missing,
            words: column.words().map(str::to_owned).collect(),
        })
        .collect();
    assert_eq!(read, columns);
    let without = spec(&[]).encode().unwrap();
    assert_ne!(parsed.id(), ClientSpec::parse(&without).unwrap().id());
    assert_eq!(ClientSpec::parse(&without).unwrap().words().count(), 0);
}

#[test]
fn words_of_no_column_or_none_of_a_column_are_refused() {
    let long = "x".repeat(256);
    for columns in [
        vec![words(2, &["a"])],
        vec![words(0, &[])],
        vec![words(1, &["a"]), words(0, &["a"])],
        vec![words(0, &["a"]), words(0, &["a"])],
        vec![words(0, &[&long])],
    ] {
        assert!(spec(&columns).encode().is_err(), "{columns:?}");
    }
    // 255 bytes is the longest string, and a longer word is named as what it is.
    assert!(spec(&[words(0, &[&long[1..]])]).encode().is_ok());
    let refused = spec(&[words(0, &[&long])]).encode();
    assert!(matches!(
        refused,
        Err(SpecError::Count {
            value: 256,
            max: 255,
            ..
        })
    ));
    let bytes = spec(&[words(1, &["a", "b"])]).encode().unwrap();
    let payload = ClientSpec::parse(&bytes).unwrap().payload().to_vec();
    let without = ClientSpec::parse(&spec(&[]).encode().unwrap())
        .unwrap()
        .payload()
        .len();
    for end in without + 1..payload.len() {
        let cut = ClientSpec::parse_payload(&payload[..end]);
        assert!(matches!(cut, Err(SpecError::Malformed(_))), "{end}");
    }
}
