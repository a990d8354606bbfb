//! The table of examples as a page.

use alloc::collections::BTreeMap;

use super::Run;
use crate::output::{bytes, milliseconds, score};

/// A table, and each example with its plots.
pub(super) fn page(runs: &[Run], pictures: &BTreeMap<&str, Vec<String>>) -> String {
    let mut text = String::from(
        "# Examples\n\nScores of the rows that were held out, all of them encrypted. *simulated*: the integer circuit in the clear; \
         *differ*: rows whose decrypted integers are not the simulated ones.\n\n\
         | example | metric | float | simulated | encrypted | rows | differ | evaluation | query | evaluation key |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for run in runs {
        let report = &run.case.report;
        let (metric, figures) = (&report.metric, &report.figures);
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            run.example.title,
            metric.name,
            score(metric.float),
            score(metric.simulated),
            score(metric.encrypted),
            report.rows,
            report.mismatches,
            milliseconds(figures.evaluate_ms.median),
            bytes(figures.query_bytes as u64),
            bytes(figures.evaluation_key_bytes as u64),
        ));
    }
    for run in runs {
        let example = run.example;
        text.push_str(&format!(
            "\n## {}\n\n{}. `{}`, {} bits of security.\n",
            example.title,
            capital(example.about),
            example.pipeline,
            run.case.compiled.security_bits
        ));
        if let Some(note) = &run.note {
            text.push_str(&format!("\n{note}.\n"));
        }
        for name in pictures.get(example.name).into_iter().flatten() {
            text.push_str(&format!("\n![{}]({name})\n", example.title));
        }
    }
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
