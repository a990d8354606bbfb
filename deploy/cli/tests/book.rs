//! The book (`docs/book`): its commands print what it says, and its tables of parameters are those of the trainers.
//!
//! `TENEBRA_BLESS=1 cargo test --release --workspace --test book parameters` writes the tables.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tenebra_models::pipeline::transformers;
use tenebra_models::{Param, estimators};

#[test]
fn book() {
    let cases = trycmd::TestCases::new();
    cases.case("../../docs/book/src/*.md");
    cases.case("../../docs/book/src/models/*.md");
    cases.case("../../docs/book/src/steps/*.md");
}

/// Before the table of parameters of an estimator or a transformer, by its name.
const MARK: &str = "<!-- parameters ";

fn table(params: &[Param]) -> String {
    if params.is_empty() {
        return "None.\n".to_owned();
    }
    let row = |param: &Param| {
        format!(
            "| `{}` | `{}` | {} | {} |\n",
            param.name,
            param.default,
            param.kind.to_string().replace('|', "\\|"),
            param.doc.replace('|', "\\|")
        )
    };
    let rows: String = params.iter().map(row).collect();
    format!("| parameter | default | values | |\n|---|---|---|---|\n{rows}")
}

/// The page with the tables of all that it names; the names are taken out of `tables`.
fn filled(page: &str, tables: &mut BTreeMap<&'static str, String>) -> String {
    let mut parts = page.split(MARK);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(" -->\n").unwrap();
        let found = tables.keys().find(|known| **known == name).copied();
        let known = found.unwrap_or_else(|| panic!("{name} is no model or step, or has two pages"));
        let table = tables.remove(known).unwrap();
        let more = rest.find("\n## ").map_or("", |at| &rest[at..]);
        text.push_str(&format!("{MARK}{name} -->\n\n{table}{more}"));
    }
    text
}

fn pages() -> Vec<PathBuf> {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/book/src");
    let folders = ["models", "steps"].map(|folder| fs::read_dir(book.join(folder)).unwrap());
    let files = folders
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    pages
}

#[test]
fn parameters_are_those_of_the_trainers() {
    let models = estimators().map(|info| (info.name, table(info.params)));
    let steps = transformers().map(|info| (info.name, table(info.params)));
    let mut tables: BTreeMap<&str, String> = models.chain(steps).collect();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        let expected = filled(&page, &mut tables);
        if std::env::var_os("TENEBRA_BLESS").is_some() {
            fs::write(&path, &expected).unwrap();
        } else {
            assert_eq!(page, expected, "{}", path.display());
        }
    }
    let left: Vec<&&str> = tables.keys().collect();
    assert!(left.is_empty(), "no page has {left:?}");
}
