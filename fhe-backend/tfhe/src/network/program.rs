//! A network with its plan, as part of a program.

use core::sync::atomic::AtomicBool;

use tenebra_circuit::{Options, Verified};
use tenebra_client::ClientSpec;
use tenebra_client::branching::Digits;
use tenebra_client::network::{NetworkScheme, OwnedNetwork};

use super::evaluate::{NetworkEvaluator, respond};
use super::form::network_form;
use super::plan::{NetworkPlan, check, plan};
use crate::branching::evaluate::Glwe;
use crate::branching::goal::Goal;
use crate::branching::unpack::UnpackingKey;
use crate::error::{EvaluateError, PlanError};

/// The plan of a network.
pub struct NetworkProgram {
    pub(crate) plan: NetworkPlan,
    evaluator: NetworkEvaluator,
}

impl core::fmt::Debug for NetworkProgram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NetworkProgram")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl NetworkProgram {
    /// Plans and prepares a circuit.
    pub(crate) fn prepare(
        circuit: &Verified,
        options: &Options,
        goal: Goal,
    ) -> Result<Self, PlanError> {
        Ok(Self::of(plan(&network_form(circuit)?, options, goal)?))
    }

    /// Prepares a circuit as a client spec says.
    pub(crate) fn for_spec(
        circuit: &Verified,
        scheme: &NetworkScheme,
        spec: &ClientSpec<'_>,
    ) -> Result<Self, PlanError> {
        let form = network_form(circuit)?;
        let plan = check(&form, *scheme.layout(), scheme.radix(), spec.p_fail_log2())?;
        let program = Self::of(plan);
        // The client must put the digits together as they were cut.
        let ours = program.spec_scheme().digits.into_iter();
        if ours.eq(scheme.digits(spec.ports())) {
            Ok(program)
        } else {
            Err(PlanError::Layout {
                what: "its digits are others",
            })
        }
    }

    fn of(plan: NetworkPlan) -> Self {
        Self {
            evaluator: NetworkEvaluator::new(&plan),
            plan,
        }
    }

    /// What the client spec must say.
    pub(crate) fn spec_scheme(&self) -> OwnedNetwork {
        let digits = self.plan.digits.outputs.iter();
        OwnedNetwork {
            layout: *self.plan.layout.layout(),
            radix: self.plan.digits.radix,
            digits: digits.map(Digits::from).collect(),
        }
    }

    /// The result of the payload of a query, before its modulus is switched, unless `stop` is set before it is there.
    pub(crate) fn result(
        &self,
        key: Option<&UnpackingKey>,
        payload: &[u8],
        threads: usize,
        stop: &AtomicBool,
    ) -> Result<Glwe, EvaluateError> {
        self.evaluator
            .result(&self.plan, key, payload, threads, stop)
    }

    /// The payload of the response to a query with this result, which is overwritten.
    pub(crate) fn respond(&self, query: &[u8], result: &mut [u64]) -> Vec<u8> {
        respond(&self.plan.layout, query, result)
    }
}
