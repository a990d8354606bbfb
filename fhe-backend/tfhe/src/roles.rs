//! Planner and evaluator in the roles of `tenebra-circuit`, with the deployed client between them.

use tenebra_circuit::{ErrorKind, Options, Planned, Planner, RoleError, Verified};
use tenebra_client::OwnedSpec;
use tenebra_client::{ClientSpec, SpecError, SpecId};
use tenebra_quant::QuantError;
use thiserror::Error;

use crate::error::{EvaluateError, PlanError};
use crate::program::{EvaluateOptions, EvaluationKey, Program};

/// Plans circuits for tfhe-rs ciphertexts, as they are deployed: the client gets a spec, the server checks its circuit against it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TfhePlanner;

/// A program of one client spec.
#[derive(Debug)]
pub struct TfheEvaluator {
    /// What runs.
    pub program: Program,
    /// The spec that queries, responses and keys name.
    pub spec_id: SpecId,
    /// Threads of an evaluation.
    pub threads: usize,
}

/// Why a bare circuit was not planned.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RoadError {
    /// No parameters.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The ranges of its inputs are no codes.
    #[error("an input of the circuit is no code: {0}")]
    Codes(#[from] QuantError),
    /// It is too large for a client spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

impl Program {
    /// The client spec of the bare circuit, whose features are codes and whose scores are integers.
    ///
    /// # Errors
    ///
    /// [`RoadError::Codes`], [`RoadError::Spec`].
    pub fn spec_of_codes(&self, p_fail_log2: f64) -> Result<Vec<u8>, RoadError> {
        let spec = OwnedSpec {
            p_fail_log2,
            scheme: self.spec_scheme(),
            interface: self.interface_of_codes()?,
        };
        Ok(spec.encode()?)
    }
}

impl RoleError for RoadError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Plan(
                PlanError::Unsupported { .. } | PlanError::Empty { .. } | PlanError::NotHideable,
            )
            | Self::Codes(_) => ErrorKind::Unsupported,
            Self::Plan(PlanError::FailureProbability(_) | PlanError::HideRange { .. }) => {
                ErrorKind::Options
            }
            Self::Plan(
                PlanError::OutputTooWide { .. }
                | PlanError::HiddenTooWide { .. }
                | PlanError::WeightsTooLarge { .. }
                | PlanError::TooManyDigits { .. }
                | PlanError::TooManyPorts { .. }
                | PlanError::NotPackable { .. }
                | PlanError::SumTooWide { .. }
                | PlanError::NetworkTooWide { .. }
                | PlanError::TooDeep { .. },
            ) => ErrorKind::DoesNotFit,
            Self::Plan(PlanError::Layout { .. }) | Self::Spec(_) => ErrorKind::Other,
        }
    }
}

impl RoleError for EvaluateError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Frame(_) | Self::NoEvaluationKey | Self::EvaluationKey | Self::Query => {
                ErrorKind::Mismatch
            }
            Self::Stopped | Self::Randomness | Self::Threads(_) => ErrorKind::Other,
        }
    }
}

impl Planner for TfhePlanner {
    type Client = tenebra_client::Client;
    type Evaluator = TfheEvaluator;
    type Error = RoadError;

    fn plan(
        &self,
        circuit: &Verified,
        options: &Options,
    ) -> Result<Planned<TfheEvaluator>, RoadError> {
        let spec = Program::prepare(circuit, options)?.spec_of_codes(options.p_fail_log2)?;
        let parsed = ClientSpec::parse(&spec)?;
        let evaluator = TfheEvaluator {
            program: Program::for_spec(circuit, &parsed)?,
            spec_id: parsed.id(),
            threads: options.threads,
        };
        Ok(Planned { spec, evaluator })
    }
}

impl tenebra_circuit::Evaluator for TfheEvaluator {
    type Key = EvaluationKey;
    type Error = EvaluateError;

    fn open_key(&self, bytes: &[u8]) -> Result<EvaluationKey, EvaluateError> {
        self.program.prepare_key(self.spec_id, bytes)
    }

    fn evaluate(
        &self,
        key: Option<&EvaluationKey>,
        query: &[u8],
    ) -> Result<Vec<u8>, EvaluateError> {
        let options = EvaluateOptions {
            threads: self.threads,
            stop: None,
        };
        self.program
            .evaluate_with(self.spec_id, key, query, options)
    }
}
