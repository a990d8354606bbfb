//! The oracles: the simulator, and the deployed road of each scheme.

use tenebra_circuit::Options;
use tenebra_circuit::dev::{Limits, Road};
use tenebra_sim::Simulator;
use tenebra_tfhe::TfhePlanner;

/// What all others are compared with.
pub(crate) fn simulator() -> Road<Simulator> {
    Road {
        name: "simulator",
        planner: Simulator,
        options: Options {
            rows: usize::MAX,
            ..Options::default()
        },
        limits: Limits::small(),
    }
}

/// The deployed road.
pub(crate) fn tfhe(name: &'static str, options: Options, limits: Limits) -> Road<TfhePlanner> {
    Road {
        name,
        planner: TfhePlanner,
        options,
        limits,
    }
}
