//! Models and evaluation keys, ready to be used.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;

use tenebra_client::SpecId;
use tenebra_tfhe::{EvaluateError, EvaluateOptions, EvaluationKey};

use crate::config::Limits;
use crate::names::{Holder, KeyId, Name, Version};
use crate::problem::Problem;
use tenebra_tfhe::server_program::{ServerFile, ServerProgram, prepared_key_bytes, query_lengths};

/// A query may take so many times what its evaluation is predicted to take, waiting included.
const PATIENCE_FACTOR: f64 = 100.0;
/// But as long as this in any case.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// A model ready to answer.
pub(crate) struct Model {
    pub(crate) program: ServerProgram,
    pub(crate) version: Version,
    /// Lengths of its queries.
    pub(crate) query_lengths: Vec<usize>,
    /// Length of its evaluation keys, if it needs them.
    pub(crate) key_length: Option<usize>,
    /// How long a query may take.
    pub(crate) patience: Duration,
    /// Memory that a prepared key takes.
    pub(crate) prepared_key_bytes: u64,
    /// Memory that it took before anything was evaluated.
    pub(crate) bytes: u64,
    /// Threads of an evaluation.
    threads: usize,
    running: Running,
}

impl Model {
    /// Verifies and prepares a server program; takes time that no async thread should spend.
    pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Problem> {
        let file = ServerFile::parse(bytes)?;
        file.check_cost()?;
        let program = file.prepare(&file.circuit()?)?;
        let spec = &program.spec();
        let predicted = Duration::try_from_secs_f64(program.predicted_ms() * PATIENCE_FACTOR / 1e3);
        Ok(Self {
            version: Version::of(bytes),
            query_lengths: query_lengths(spec),
            key_length: spec.evaluation_key_len(),
            patience: predicted
                .unwrap_or(limits.patience)
                .clamp(LEAST_PATIENCE.min(limits.patience), limits.patience),
            prepared_key_bytes: prepared_key_bytes(spec),
            bytes: bytes.len() as u64 + program.working_bytes(0),
            threads: limits.threads,
            running: Running::default(),
            program,
        })
    }

    /// Evaluates a query, unless `stop` is set before it is done. `grown` hears how many bytes the model takes from now on.
    pub(crate) fn evaluate(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
        stop: &AtomicBool,
        grown: impl FnOnce(u64),
    ) -> Result<Vec<u8>, EvaluateError> {
        let (_counted, most) = self.running.start();
        if let Some(evaluations) = most {
            let working = |evaluations| self.program.working_bytes(evaluations);
            grown(self.bytes + working(evaluations) - working(0));
        }
        let options = EvaluateOptions {
            threads: self.threads,
            stop: Some(stop),
        };
        self.program.evaluate_with(key, query, options)
    }
}

/// Evaluations that run now, and the most that ever ran at a time.
#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Running {
    /// Counts one more; how many run, if never so many did.
    fn start(&self) -> (Counted<'_>, Option<usize>) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        let most = self.most.fetch_max(now, Ordering::Relaxed);
        (Counted(self), (now > most).then_some(now))
    }
}

/// An evaluation that runs, until this is dropped: one that panics has ended as well.
struct Counted<'a>(&'a Running);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A prepared evaluation key.
pub(crate) struct Key {
    /// The spec it was made for.
    pub(crate) spec_id: SpecId,
    pub(crate) prepared: EvaluationKey,
}

impl Key {
    /// Verifies and prepares a framed evaluation key; takes time that no async thread should spend.
    pub(crate) fn parse(model: &Arc<Model>, bytes: &[u8]) -> Result<Self, Problem> {
        Ok(Self {
            spec_id: model.program.spec_id(),
            prepared: model.program.prepare_key(bytes)?,
        })
    }
}

/// Holder, model and name of a key.
pub(crate) type KeyPlace = (Holder, Name, KeyId);

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn evaluations_are_counted_until_they_end_or_panic() {
        let running = Running::default();
        let (one, most) = running.start();
        assert_eq!(most, Some(1));
        let panicked = catch_unwind(|| {
            let (_other, most) = running.start();
            assert_eq!(most, None, "on purpose: two run");
        });
        assert!(panicked.is_err());
        // Two ran at a time before, and three never did.
        let (other, most) = running.start();
        assert_eq!(most, None);
        let (third, most) = running.start();
        assert_eq!(most, Some(3));
        drop((one, other, third));
        assert_eq!(running.now.into_inner(), 0);
    }
}
