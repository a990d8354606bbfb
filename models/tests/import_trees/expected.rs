//! What a library recorded, and how it is compared with an imported forest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tenebra_models::forest::ForestModel;

/// Another folder of cases than the recorded ones: what `tests/data/forest/adversarial.py` writes.
const OTHER_CASES: &str = "TENEBRA_FOREST_CASES";

pub(crate) fn folder(library: &str) -> PathBuf {
    let recorded = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forest");
    let root = std::env::var_os(OTHER_CASES).map_or_else(recorded, PathBuf::from);
    root.join(library)
}

/// Fails if there are fewer recorded cases than when the test was written, lest it test nothing.
pub(crate) fn assert_enough(found: usize, at_least: usize) {
    let other = std::env::var_os(OTHER_CASES).is_some();
    assert!(
        found >= if other { 1 } else { at_least },
        "only {found} cases found"
    );
}

/// The model files of a folder, each with the path of its expectations.
pub(crate) fn cases(library: &str, extensions: &[&str]) -> Vec<(PathBuf, PathBuf)> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder(library)).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().unwrap().to_str().unwrap();
        let expected = path.with_extension("expected.json");
        if extensions.contains(&extension) && expected.exists() {
            cases.push((path, expected));
        }
    }
    cases.sort();
    cases
}

/// What the library said: one entry per row, each a list of numbers (NaN for null).
pub(crate) struct Expected(Value);

impl Expected {
    pub(crate) fn read(path: &Path) -> Self {
        Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    pub(crate) fn lists(&self, field: &str) -> Option<Vec<Vec<f64>>> {
        let number = |v: &Value| v.as_f64().unwrap_or(f64::NAN);
        let list = |v: &Value| match v {
            Value::Array(values) => values.iter().map(number).collect(),
            scalar => vec![number(scalar)],
        };
        Some(self.0.get(field)?.as_array()?.iter().map(list).collect())
    }
}

/// Scores agree to `tolerance` relative to the larger of 1 and the score.
pub(crate) fn assert_close(
    case: &Path,
    what: &str,
    row: usize,
    got: &[f64],
    want: &[f64],
    tolerance: f64,
) {
    assert_eq!(
        got.len(),
        want.len(),
        "{}: {what} of row {row}",
        case.display()
    );
    for (got, want) in got.iter().zip(want) {
        let error = (got - want).abs() / want.abs().max(1.0);
        assert!(
            error <= tolerance,
            "{}: {what} of row {row}: {got} instead of {want}",
            case.display()
        );
    }
}

/// Every row reaches the library's own leaf in every tree. Libraries number leaves in their own ways, so the numbers must
/// correspond one to one.
pub(crate) fn assert_same_leaves(
    case: &Path,
    model: &ForestModel,
    rows: &[Vec<f64>],
    leaves: &[Vec<f64>],
) {
    let mut ours: HashMap<(usize, usize), f64> = HashMap::new();
    let mut theirs: HashMap<(usize, u64), usize> = HashMap::new();
    let mut seen = 0;
    for (row, (features, want)) in rows.iter().zip(leaves).enumerate() {
        let got = model.apply(features).unwrap();
        assert_eq!(got.len(), want.len(), "{}: number of trees", case.display());
        for (tree, (&got, &want)) in got.iter().zip(want).enumerate() {
            assert_eq!(
                *ours.entry((tree, got)).or_insert(want),
                want,
                "{}: row {row}, tree {tree}",
                case.display()
            );
            let first = *theirs.entry((tree, want.to_bits())).or_insert(got);
            assert_eq!(first, got, "{}: row {row}, tree {tree}", case.display());
            seen += 1;
        }
    }
    assert!(seen > 0, "{}: no leaves recorded", case.display());
}
