//! Waiting for a training that goes by epochs: a bar with loss and score, checkpoints, and Ctrl-C that keeps the best so far.

use core::cell::{Cell, RefCell};
use core::ops::ControlFlow;
use core::time::Duration;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::ProgressBar;
use tenebra_app::Error;
use tenebra_app::costs::PlannedCosts;
use tenebra_models::{CostModel, Epoch, Watch};

use crate::files::{Content, interrupts, write};
use crate::output::{self, Failure};

/// The largest checkpoint that is read, in bytes.
const MAX_CHECKPOINT: u64 = 1 << 30;
/// Between two checkpoints.
const INTERVAL: Duration = Duration::from_secs(5);

/// What is shown and kept of a training.
#[derive(Debug)]
pub(super) struct Training {
    bar: ProgressBar,
    checkpoint: Option<PathBuf>,
    resumed: Option<String>,
    saved: Cell<Instant>,
    /// The last epoch.
    epoch: RefCell<Option<Epoch>>,
    /// Whether somebody asked it to end.
    asked: Cell<bool>,
    failure: RefCell<Option<Failure>>,
}

impl Training {
    /// A training to be shown on `bar`, which goes on from the checkpoint if the file is there.
    pub(super) fn new(bar: ProgressBar, checkpoint: Option<&Path>) -> Result<Self, Failure> {
        let resumed = checkpoint.map(read).transpose()?.flatten();
        Ok(Self {
            bar,
            checkpoint: checkpoint.map(Path::to_owned),
            resumed,
            saved: Cell::new(Instant::now()),
            epoch: RefCell::new(None),
            asked: Cell::new(false),
            failure: RefCell::new(None),
        })
    }

    /// What a person is told in the end: that training was ended early, and by whom; a checkpoint that was not written fails.
    pub(super) fn outcome(self) -> Result<Option<String>, Failure> {
        if let Some(failure) = self.failure.into_inner() {
            return Err(failure);
        }
        let epoch = self.epoch.into_inner();
        Ok(epoch.filter(|_| self.asked.get()).map(|epoch| {
            let (done, of) = (epoch.epoch, epoch.epochs);
            format!("ended by Ctrl-C after {done} of {of} epochs: the model is the best until then")
        }))
    }

    fn save(&self, path: &Path, make: &dyn Fn() -> String) {
        let written = write(path, make().as_bytes(), Content::Text);
        self.saved.set(Instant::now());
        if let Err(failure) = written {
            self.failure.replace(Some(failure));
        }
    }
}

/// The checkpoint, if there is one.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    let failed = |e: &std::io::Error| Failure::from(Error::io(path, e));
    let file = match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|e| failed(&e))?,
    };
    let mut text = String::new();
    let length = file
        .take(MAX_CHECKPOINT + 1)
        .read_to_string(&mut text)
        .map_err(|e| failed(&e))?;
    if length as u64 > MAX_CHECKPOINT {
        let path = path.display();
        return Err(Failure::new(format!(
            "{path}: longer than {MAX_CHECKPOINT} bytes, which no checkpoint is"
        )));
    }
    Ok(Some(text))
}

impl Watch for Training {
    fn epoch(&self, epoch: &Epoch) -> ControlFlow<()> {
        self.bar.set_message(format!(
            "epoch {} of {}, loss {:.4}, {} {}",
            epoch.epoch,
            epoch.epochs,
            epoch.loss,
            epoch.score_name,
            output::score(epoch.score)
        ));
        self.epoch.replace(Some(epoch.clone()));
        // From now on there is something to keep.
        let asked = interrupts::ask_first();
        self.asked.set(asked);
        if asked || self.failure.borrow().is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn resume(&self) -> Option<String> {
        self.resumed.clone()
    }

    fn cost_model(&self) -> &dyn CostModel {
        &PlannedCosts
    }

    fn checkpoint(&self, make: &dyn Fn() -> String) {
        let Some(path) = &self.checkpoint else { return };
        let ends = self.asked.get();
        if ends || self.saved.get().elapsed() >= INTERVAL {
            self.save(path, make);
        }
    }
}
