//! What came of a search.

use serde::Serialize;

use super::space::Candidate;

/// What came of a candidate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CandidateResult {
    /// Its number, in the order in which candidates were made.
    pub number: usize,
    /// Its parameters.
    pub parameters: Candidate,
    /// The round of halving, from 0.
    pub round: usize,
    /// Rows that were split into folds.
    pub rows: usize,
    /// The score on each held-out fold; a fold that failed has none.
    pub scores: Vec<Option<f64>>,
    /// Why the first fold without a score has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Mean of the scores, if all folds have one.
    pub mean_score: Option<f64>,
    /// Population standard deviation of the scores.
    pub std_score: Option<f64>,
    /// What candidates are ranked by, the more the better: the mean score, negated for losses, less the weighted time.
    pub objective: Option<f64>,
    /// Place by the objective within its round, from 1; equal ones share it.
    pub rank: usize,
    /// Mean time of training, milliseconds.
    pub mean_fit_ms: f64,
    /// Predicted time of one encrypted row, milliseconds, of the model of the first fold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

/// What came of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchResults {
    /// Name of the score.
    pub metric: String,
    /// Candidates all of whose folds are done, in their order, round by round.
    pub candidates: Vec<CandidateResult>,
    /// Whether everything was done that was asked for.
    pub complete: bool,
    /// Index into `candidates` of the best of the last round that is there.
    pub best: usize,
    /// Indices of the candidates of that round of which no other has both a better score and a shorter time, by time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pareto: Vec<usize>,
}

impl SearchResults {
    /// The best candidate.
    #[must_use]
    pub fn best(&self) -> Option<&CandidateResult> {
        self.candidates.get(self.best)
    }

    /// Ranks candidates, of which the last round decides. `sign` is 1 for scores and -1 for losses.
    pub(super) fn new(
        metric: String,
        mut candidates: Vec<CandidateResult>,
        complete: bool,
        sign: f64,
    ) -> Self {
        let objectives: Vec<(usize, f64)> = candidates
            .iter()
            .map(|candidate| (candidate.round, worth(candidate)))
            .collect();
        for (candidate, (round, own)) in candidates.iter_mut().zip(&objectives) {
            let better = objectives
                .iter()
                .filter(|(other, x)| other == round && x > own);
            candidate.rank = better.count() + 1;
        }
        let last = candidates.iter().map(|candidate| candidate.round).max();
        let of_last = |at: &usize| Some(candidates[*at].round) == last;
        let first_best = |best: usize, at: usize| {
            if worth(&candidates[at]) > worth(&candidates[best]) {
                at
            } else {
                best
            }
        };
        let best = (0..candidates.len())
            .filter(of_last)
            .reduce(first_best)
            .unwrap_or(0);
        let mut timed: Vec<(usize, f64, f64)> = (0..candidates.len())
            .filter(of_last)
            .filter_map(|at| {
                let candidate = &candidates[at];
                Some((at, candidate.latency_ms?, sign * candidate.mean_score?))
            })
            .collect();
        timed.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.2.total_cmp(&a.2)));
        let mut highest = f64::NEG_INFINITY;
        let mut pareto = Vec::new();
        for (at, _, score) in timed {
            if score > highest {
                highest = score;
                pareto.push(at);
            }
        }
        Self {
            metric,
            candidates,
            complete,
            best,
            pareto,
        }
    }
}

/// What it is ranked by; a candidate that failed comes last.
pub(super) fn worth(candidate: &CandidateResult) -> f64 {
    candidate.objective.unwrap_or(f64::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(number: usize, round: usize, score: Option<f64>, ms: f64) -> CandidateResult {
        CandidateResult {
            number,
            parameters: Candidate::new(),
            round,
            rows: 10,
            scores: vec![score],
            failure: None,
            mean_score: score,
            std_score: score.map(|_| 0.0),
            objective: score,
            rank: 0,
            mean_fit_ms: 1.0,
            latency_ms: Some(ms),
        }
    }

    #[test]
    fn ranks_best_and_front() {
        let results = SearchResults::new(
            "accuracy".to_owned(),
            vec![
                result(0, 0, Some(0.99), 1.0),
                result(0, 1, Some(0.8), 5.0),
                result(1, 1, Some(0.9), 9.0),
                result(2, 1, Some(0.9), 20.0),
                result(3, 1, None, 1.0),
                result(4, 1, Some(0.7), 6.0),
            ],
            true,
            1.0,
        );
        let ranks: Vec<usize> = results.candidates.iter().map(|c| c.rank).collect();
        assert_eq!(ranks, [1, 3, 1, 1, 5, 4]);
        // The first of the best, of the last round; nothing is both faster and better than the front.
        assert_eq!((results.best, results.pareto), (2, vec![1, 2]));
    }
}
