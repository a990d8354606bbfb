//! Affine sums of codes.

use alloc::collections::BTreeMap;

use super::{Code, TOO_LARGE, gcd};
use crate::error::PlanError;

/// `constant + Σ weight·code`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Affine {
    constant: i64,
    /// Not zero.
    terms: BTreeMap<Code, i64>,
}

impl Affine {
    pub(super) fn constant(constant: i64) -> Self {
        Self {
            constant,
            terms: BTreeMap::new(),
        }
    }

    /// `constant + weight·code`.
    pub(super) fn code(code: Code, constant: i64, weight: i64) -> Self {
        Self {
            constant,
            terms: BTreeMap::from([(code, weight)]),
        }
    }

    /// `constant + Σ weight·affine`.
    pub(super) fn combination<'a>(
        constant: i64,
        parts: impl IntoIterator<Item = (&'a Self, i64)>,
    ) -> Result<Self, PlanError> {
        let mut sum = Self::constant(constant);
        let add = |to: &mut i64, value: i64, weight: i64| {
            let product = value.checked_mul(weight).ok_or(TOO_LARGE)?;
            *to = to.checked_add(product).ok_or(TOO_LARGE)?;
            Ok::<_, PlanError>(())
        };
        for (part, weight) in parts.into_iter().filter(|(_, weight)| *weight != 0) {
            add(&mut sum.constant, part.constant, weight)?;
            for (code, of_code) in &part.terms {
                add(sum.terms.entry(*code).or_default(), *of_code, weight)?;
            }
        }
        sum.terms.retain(|_, weight| *weight != 0);
        Ok(sum)
    }

    pub(super) fn is_constant(&self) -> bool {
        self.terms.is_empty()
    }

    pub(super) fn constant_term(&self) -> i64 {
        self.constant
    }

    /// Codes with their weights, in order.
    pub(super) fn terms(&self) -> impl Iterator<Item = (Code, i64)> + '_ {
        self.terms.iter().map(|(code, weight)| (*code, *weight))
    }

    /// The neuron that it is a function of, and its weight, if it is of nothing else.
    pub(super) fn only_neuron(&self) -> Option<(usize, i64)> {
        let mut terms = self.terms();
        match (terms.next(), terms.next()) {
            (Some((Code::Neuron(neuron), weight)), None) => Some((neuron, weight)),
            _ => None,
        }
    }

    /// The greatest common divisor of the weights, with the sign of the first.
    pub(super) fn common_factor(&self) -> i64 {
        let divisor = self
            .terms
            .values()
            .fold(0, |divisor, weight| gcd(divisor, weight.unsigned_abs()));
        let sign = self.terms.values().next().map_or(1, |first| first.signum());
        // 2^63 is a weight of −2^63 alone, which is its own quotient's sign.
        i64::try_from(divisor).map_or(i64::MIN, |divisor| sign * divisor)
    }
}
