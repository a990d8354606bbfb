//! Waiting for a search: a bar, a file of what is done, and Ctrl-C that keeps it.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use std::path::Path;
use std::sync::Mutex;

use indicatif::ProgressBar;
use tenebra_app::search_log::SearchLog;
use tenebra_models::search::{Job, Outcome, SearchWatch};

use crate::files::interrupts;
use crate::output::{self, Failure};

/// What is shown and kept of a search.
pub(super) struct Watched {
    bar: ProgressBar,
    kept: Mutex<Kept>,
    asked: AtomicBool,
}

struct Kept {
    log: Option<SearchLog>,
    failure: Option<Failure>,
    done: (usize, usize),
}

impl Watched {
    /// A search that is kept in `log`.
    pub(super) fn new(log: Option<SearchLog>) -> Self {
        if let Some(log) = log.as_ref().filter(|log| !log.is_empty()) {
            output::note(&format!("{} trainings are done already", log.len()));
        }
        Self {
            bar: output::steps(0, "searching"),
            kept: Mutex::new(Kept {
                log,
                failure: None,
                done: (0, 0),
            }),
            asked: AtomicBool::new(false),
        }
    }

    /// What a person is told in the end: that the search was ended early; a file that was not written fails.
    pub(super) fn outcome(self, keep: Option<&Path>) -> Result<Option<String>, Failure> {
        self.bar.finish_and_clear();
        let kept = self
            .kept
            .into_inner()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(failure) = kept.failure {
            return Err(failure);
        }
        let (done, of) = kept.done;
        Ok(self.asked.into_inner().then(|| {
            let next = match keep {
                Some(path) => format!("the same command goes on from {}", path.display()),
                None => "`--keep FILE` would let it go on".to_owned(),
            };
            format!("ended by Ctrl-C after {done} of {of} trainings; {next}")
        }))
    }
}

impl SearchWatch for Watched {
    fn known(&self, job: &Job) -> Option<Outcome> {
        self.kept.lock().ok()?.log.as_ref()?.known(job).cloned()
    }

    fn done(&self, job: &Job, outcome: &Outcome, finished: usize, of: usize) -> ControlFlow<()> {
        let Ok(mut kept) = self.kept.lock() else {
            return ControlFlow::Break(());
        };
        kept.done = (kept.done.0.max(finished), of);
        if let Some(log) = &mut kept.log
            && let Err(error) = log.keep(*job, outcome)
        {
            kept.failure = Some(error.into());
        }
        self.bar.set_length(of as u64);
        self.bar.set_position(kept.done.0 as u64);
        // From now on there is something to keep.
        let asked = interrupts::ask_first();
        self.asked.store(asked, Ordering::Relaxed);
        if asked || kept.failure.is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
