//! The search itself.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;

use alloc::collections::BTreeMap;

use super::error::SearchError;
use super::fold_score::{Recipe, Scorer};
use super::halving::{Halving, Round};
use super::results::{CandidateResult, SearchResults, worth};
use super::space::{Candidate, Space, text};
use super::split::{Fold, Split};
use super::watch::{Job, Latency, Outcome, SearchWatch};
use crate::data::{DataSet, Words};
use crate::pipeline::Pipeline;
use crate::random::Random;
use crate::scores::Metric;

/// Which candidates are tried, and on how many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// All of the grid, on all rows: `GridSearchCV`.
    Grid,
    /// So many, drawn by a seed, on all rows: `RandomizedSearchCV`.
    Random {
        /// Candidates.
        n_iter: usize,
        /// Seed of the choice.
        seed: u64,
    },
    /// All of the grid on few rows, the best of them on more: `HalvingGridSearchCV`.
    Halving(Halving),
}

/// What candidates are ranked by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// The score of the float model.
    Float,
    /// The score of the integer circuit, calibrated on the rows that the model was trained on.
    Simulated,
    /// The score of the integer circuit, less so much for each millisecond of an encrypted row.
    Cost {
        /// Score for a millisecond.
        per_ms: f64,
    },
}

/// What is searched, and how it is scored.
#[derive(Clone, Debug)]
pub struct Search {
    /// What every candidate starts from.
    pub pipeline: Pipeline,
    /// What is tried.
    pub space: Space,
    /// Which candidates, on how many rows.
    pub strategy: Strategy,
    /// How rows are held out; by default by class where classes are learned, else consecutive ones.
    pub split: Option<Split>,
    /// Folds.
    pub folds: usize,
    /// A group for each row, for [`Split::GroupKFold`].
    pub groups: Option<Vec<String>>,
    /// The score; by default that which is usual for the model.
    pub metric: Option<Metric>,
    /// What candidates are ranked by.
    pub objective: Objective,
    /// Threads, at least one.
    pub threads: usize,
}

/// Candidates and folds of a round.
struct Work<'a> {
    round: usize,
    chosen: &'a [usize],
    folds: &'a [Fold],
    /// Trainings before this round, and of all rounds.
    before: usize,
    of: usize,
}

impl Search {
    /// A search of the grid with five folds, ranked by float scores, on one thread.
    #[must_use]
    pub fn new(pipeline: Pipeline, space: Space) -> Self {
        Self {
            pipeline,
            space,
            strategy: Strategy::Grid,
            split: None,
            folds: 5,
            groups: None,
            metric: None,
            objective: Objective::Float,
            threads: 1,
        }
    }

    /// The candidates, in the order of their numbers.
    ///
    /// # Errors
    /// [`SearchError`] for a space that gives none or too many.
    pub fn candidates(&self) -> Result<Vec<Candidate>, SearchError> {
        match self.strategy {
            Strategy::Grid | Strategy::Halving(_) => self.space.all(),
            Strategy::Random { n_iter, seed } => self.space.some(n_iter, seed),
        }
    }

    /// The pipeline with the parameters of a candidate.
    ///
    /// # Errors
    /// [`SearchError::Parameters`].
    pub fn pipeline_of(&self, candidate: &Candidate) -> Result<Pipeline, SearchError> {
        Ok(Recipe::of(&self.pipeline, candidate)?.pipeline)
    }

    /// The folds of all rows.
    ///
    /// # Errors
    /// [`SearchError::Folds`], [`SearchError::Labels`].
    pub fn folds(&self, data: &DataSet) -> Result<Vec<Fold>, SearchError> {
        let classes = self.classes(data);
        let default = if classes.is_some() {
            Split::StratifiedKFold
        } else {
            Split::KFold
        };
        let split = self.split.unwrap_or(default);
        let labels = if split == Split::GroupKFold {
            &self.groups
        } else {
            &classes
        };
        split.folds(self.folds, data.table.n_rows(), labels.as_deref())
    }

    /// The class of each row as a word, where the model learns classes.
    fn classes(&self, data: &DataSet) -> Option<Vec<String>> {
        let [only] = data.targets.as_slice() else {
            return None;
        };
        if !self.pipeline.is_classifier(&data.targets) {
            return None;
        }
        let classes = only.to_classes().ok()?;
        Some(classes.codes.iter().map(usize::to_string).collect())
    }

    /// Scores the candidates. `words` are those of the columns whose numbers stand for words, by name; `latency` predicts what an
    /// encrypted row takes, where that is asked for.
    ///
    /// # Errors
    /// [`SearchError`]: settings that make no search, parameters that are refused, and a search of which every candidate fails. A
    /// candidate that fails alone is in the results, and ranks last.
    pub fn run(
        &self,
        data: &DataSet,
        words: &BTreeMap<String, Words>,
        latency: Option<&dyn Latency>,
        watch: &dyn SearchWatch,
    ) -> Result<SearchResults, SearchError> {
        if matches!(self.objective, Objective::Cost { .. }) && latency.is_none() {
            return Err(SearchError::NoLatency);
        }
        let candidates = self.candidates()?;
        let recipes = self.recipes(&candidates)?;
        let scorer = Scorer {
            search: self,
            data,
            words,
            latency,
        };
        let folds = self.folds(data)?;
        let rounds = self.rounds(candidates.len(), data)?;
        let of = rounds
            .iter()
            .map(|round| round.candidates * folds.len())
            .sum();
        let (mut results, mut before) = (Vec::new(), 0);
        let mut chosen: Vec<usize> = (0..candidates.len()).collect();
        let (mut complete, mut metric) = (true, self.metric.map(Metric::name));
        for (at, round) in rounds.iter().enumerate() {
            chosen = best_of(chosen, &results, at, round.candidates);
            let folds = self.fewer(&folds, round.rows, data.table.n_rows());
            let work = Work {
                round: at,
                chosen: &chosen,
                folds: &folds,
                before,
                of,
            };
            let outcomes = scorer.outcomes(self.threads, &work, &recipes, watch);
            for (number, outcomes) in chosen.iter().zip(outcomes.chunks(folds.len())) {
                // A candidate without all its folds says nothing yet.
                let done: Option<Vec<Outcome>> = outcomes.iter().cloned().collect();
                complete &= done.is_some();
                let Some(done) = done else { continue };
                metric = metric.or_else(|| done.iter().find_map(|outcome| outcome.metric.clone()));
                let place = (at, round.rows);
                results.push(self.result(*number, &candidates[*number], place, &done));
            }
            before += chosen.len() * folds.len();
            if !complete {
                break;
            }
        }
        if complete {
            some_worked(&results)?;
        }
        Ok(SearchResults::new(
            metric.unwrap_or_default(),
            results,
            complete,
            self.sign(),
        ))
    }

    fn recipes(&self, candidates: &[Candidate]) -> Result<Vec<Recipe>, SearchError> {
        let recipe = |candidate| Recipe::of(&self.pipeline, candidate);
        let recipes: Vec<Recipe> = candidates.iter().map(recipe).collect::<Result<_, _>>()?;
        if self.objective == Objective::Float
            && recipes.iter().any(|recipe| recipe.n_bits.is_some())
        {
            return Err(SearchError::BitsOfFloat);
        }
        Ok(recipes)
    }

    fn rounds(&self, candidates: usize, data: &DataSet) -> Result<Vec<Round>, SearchError> {
        let rows = data.table.n_rows();
        let Strategy::Halving(halving) = self.strategy else {
            return Ok(vec![Round { candidates, rows }]);
        };
        let classes = self.classes(data).map(|mut classes| {
            classes.sort_unstable();
            classes.dedup();
            classes.len()
        });
        halving.rounds(candidates, rows, self.folds, classes.unwrap_or(1))
    }

    /// The folds with a random choice of their rows, in proportion.
    fn fewer(&self, folds: &[Fold], rows: usize, of: usize) -> Vec<Fold> {
        let Strategy::Halving(Halving { seed, .. }) = self.strategy else {
            return folds.to_vec();
        };
        if rows >= of {
            return folds.to_vec();
        }
        let mut random = Random::new(seed);
        let mut some = |all: &[usize]| {
            let count = (all.len() * rows / of).max(1);
            let mut all = all.to_vec();
            random.choose(&mut all, count);
            all.truncate(count);
            all.sort_unstable();
            all
        };
        let fold = |fold: &Fold| Fold {
            train: some(&fold.train),
            test: some(&fold.test),
        };
        folds.iter().map(fold).collect()
    }

    /// 1 for scores, as the usual ones of all models are, and -1 for losses.
    fn sign(&self) -> f64 {
        if self.metric.is_some_and(Metric::is_loss) {
            -1.0
        } else {
            1.0
        }
    }

    fn result(
        &self,
        number: usize,
        candidate: &Candidate,
        (round, rows): (usize, usize),
        outcomes: &[Outcome],
    ) -> CandidateResult {
        let folds = outcomes.len() as f64;
        let scores: Result<Vec<f64>, String> = outcomes.iter().map(|o| o.score.clone()).collect();
        let mean = scores
            .as_ref()
            .ok()
            .map(|scores| scores.iter().sum::<f64>() / folds);
        let std = scores.as_ref().ok().zip(mean).map(|(scores, mean)| {
            let squares = scores.iter().map(|score| (score - mean) * (score - mean));
            (squares.sum::<f64>() / folds).sqrt()
        });
        let latency_ms = outcomes.iter().find_map(|outcome| outcome.latency_ms);
        let price = match self.objective {
            Objective::Float | Objective::Simulated => Some(0.0),
            Objective::Cost { per_ms } => latency_ms.map(|ms| per_ms * ms),
        };
        CandidateResult {
            number,
            parameters: candidate.clone(),
            round,
            rows,
            scores: outcomes
                .iter()
                .map(|outcome| outcome.score.clone().ok())
                .collect(),
            failure: scores.err(),
            mean_score: mean,
            std_score: std,
            objective: mean
                .zip(price)
                .map(|(mean, price)| self.sign() * mean - price),
            rank: 0,
            mean_fit_ms: outcomes.iter().map(|outcome| outcome.fit_ms).sum::<f64>() / folds,
            latency_ms,
        }
    }
}

/// Refuses a search of which every candidate failed.
fn some_worked(results: &[CandidateResult]) -> Result<(), SearchError> {
    match results.first() {
        Some(first) if results.iter().all(|result| result.mean_score.is_none()) => {
            Err(SearchError::AllFailed {
                candidate: text(&first.parameters),
                message: first.failure.clone().unwrap_or_default(),
            })
        }
        _ => Ok(()),
    }
}

/// The best of the round before, in the order of their numbers.
fn best_of(
    chosen: Vec<usize>,
    results: &[CandidateResult],
    round: usize,
    count: usize,
) -> Vec<usize> {
    let Some(before) = round.checked_sub(1) else {
        return chosen;
    };
    let mut ranked: Vec<&CandidateResult> = results
        .iter()
        .filter(|result| result.round == before)
        .collect();
    ranked.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    let mut best: Vec<usize> = ranked
        .iter()
        .take(count)
        .map(|result| result.number)
        .collect();
    best.sort_unstable();
    best
}

impl Scorer<'_> {
    /// One for each candidate and fold; `None` for those that were not begun when the search was ended.
    fn outcomes(
        &self,
        threads: usize,
        work: &Work<'_>,
        recipes: &[Recipe],
        watch: &dyn SearchWatch,
    ) -> Vec<Option<Outcome>> {
        let jobs = work.chosen.len() * work.folds.len();
        let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(work.before));
        let ended = AtomicBool::new(false);
        let outcomes = Mutex::new(vec![None; jobs]);
        let run = || {
            while !ended.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= jobs {
                    return;
                }
                let (candidate, fold) = (work.chosen[at / work.folds.len()], at % work.folds.len());
                let job = Job {
                    round: work.round,
                    candidate,
                    fold,
                };
                let known = watch.known(&job);
                let outcome = known.unwrap_or_else(|| {
                    self.score(&recipes[candidate], &work.folds[fold], fold == 0)
                });
                let done = finished.fetch_add(1, Ordering::Relaxed) + 1;
                if watch.done(&job, &outcome, done, work.of).is_break() {
                    ended.store(true, Ordering::Relaxed);
                }
                outcomes
                    .lock()
                    .expect("no thread panics while it holds the list")[at] = Some(outcome);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.max(1).min(jobs) {
                scope.spawn(run);
            }
            run();
        });
        outcomes
            .into_inner()
            .expect("no thread panics while it holds the list")
    }
}
