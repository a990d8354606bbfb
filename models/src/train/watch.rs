//! Watching a training that takes its time.

use core::fmt;
use core::ops::ControlFlow;

use crate::network::{CostModel, DirectCosts};

/// Where training is.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Epochs done.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Mean loss of the rows trained on.
    pub loss: f64,
    /// [`score_name`](Self::score_name) on the rows held out or, without these, on those trained on.
    pub score: f64,
    /// `accuracy` or `R²`.
    pub score_name: &'static str,
}

/// Whoever waits for a training.
pub trait Watch: fmt::Debug {
    /// Is told of each epoch; `Break` ends training with the best model so far.
    fn epoch(&self, _epoch: &Epoch) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// The checkpoint to go on from, if there is one.
    fn resume(&self) -> Option<String> {
        None
    }

    /// May keep a checkpoint of the epoch that it was told of last; `make` takes as long as writing the model.
    fn checkpoint(&self, _make: &dyn Fn() -> String) {}

    /// What networks cost, for those that are trained to a budget of milliseconds.
    fn cost_model(&self) -> &dyn CostModel {
        &DirectCosts
    }
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Watch for Unwatched {}
