//! The results of a search for people.

use tenebra_models::search::{CandidateResult, SearchResults};

use crate::output::{self, milliseconds, score};

/// Most candidates that are shown.
const SHOWN: usize = 20;

/// The best candidates of the last round, and how many others there are.
pub(super) fn table(results: &SearchResults) -> String {
    let last = results
        .candidates
        .iter()
        .map(|candidate| candidate.round)
        .max();
    let of_last = |(_, candidate): &(usize, &CandidateResult)| Some(candidate.round) == last;
    let mut ranked: Vec<(usize, &CandidateResult)> = results
        .candidates
        .iter()
        .enumerate()
        .filter(of_last)
        .collect();
    ranked.sort_by_key(|(at, candidate)| (candidate.rank, *at));
    let timed = ranked
        .iter()
        .any(|(_, candidate)| candidate.latency_ms.is_some());
    let mut heading = vec!["rank".to_owned(), results.metric.clone(), "±".to_owned()];
    if timed {
        heading.push("encrypted".to_owned());
    }
    heading.extend(["training", "parameters"].map(str::to_owned));
    let mut rows = vec![heading];
    for (at, candidate) in ranked.iter().take(SHOWN) {
        let number = |value: Option<f64>| value.map_or("failed".to_owned(), score);
        let mut row = vec![
            candidate.rank.to_string(),
            number(candidate.mean_score),
            candidate.std_score.map_or_else(String::new, score),
        ];
        if timed {
            let front = if results.pareto.contains(at) {
                " *"
            } else {
                ""
            };
            let ms = candidate.latency_ms.map_or_else(String::new, milliseconds);
            row.push(ms + front);
        }
        row.push(milliseconds(candidate.mean_fit_ms));
        row.push(parameters(candidate));
        rows.push(row);
    }
    let mut text = output::table(&rows);
    if ranked.len() > SHOWN {
        let more = ranked.len() - SHOWN;
        text.push_str(&format!("and {more} more; `--json` prints them all\n"));
    }
    if timed {
        text.push_str("* no other candidate is both faster and better\n");
    }
    text
}

fn parameters(candidate: &CandidateResult) -> String {
    let pairs = candidate.parameters.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if pairs.is_empty() {
        "as given".to_owned()
    } else {
        pairs.join(" ")
    }
}
