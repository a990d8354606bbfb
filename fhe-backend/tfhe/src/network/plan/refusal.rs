//! What would fit where no parameters do.

use tenebra_client::branching::{MAX_DIGITS, Radix};

use super::Search;
use crate::branching::digits::cut;
use crate::error::{NarrowerSums, PlanError};
use crate::noise::p_fail_log2;

/// Chernoff's bound of a mixture asks for up to a sixth more than its variance alone, and the response is rounded.
const MIXTURE: f64 = 1.4;

impl Search<'_> {
    /// Says how many bits fit, where the least noise has this variance, and how digits of these come about.
    pub(super) fn too_noisy(&self, variance: f64) -> PlanError {
        let needed_bits = self.shape.digits.plaintext_bits;
        let goal = self.goal.p_fail_log2;
        let fits = |bits: u32, coefficients: usize| {
            p_fail_log2(variance * MIXTURE, bits, coefficients) <= goal
        };
        let coefficients = self.shape.digits.coefficients;
        let fitting = (1..needed_bits)
            .rev()
            .find(|bits| fits(*bits, coefficients));
        PlanError::NetworkTooWide {
            needed_bits,
            fitting_bits: fitting.unwrap_or(0),
            hidden_layers: self.made() + 1,
            narrower: self.narrower(fits),
            p_fail_log2: goal,
        }
    }

    /// Shorter digits, more of an output: sums of fewer values have slots for them.
    fn narrower(&self, fits: impl Fn(u32, usize) -> bool) -> Option<NarrowerSums> {
        let found = (1..self.shape.digits.radix.log).rev().find_map(|log| {
            let digits = cut(&self.form.outputs, Radix { log, parts_log: 0 });
            let most = digits.outputs.iter().map(|output| output.count).max()?;
            let usable = most <= MAX_DIGITS && fits(digits.plaintext_bits, digits.coefficients);
            usable.then_some(digits)
        })?;
        let values = usize::from(self.size) / found.coefficients;
        let widest = self.form.readouts.iter().map(|readout| readout.sum.span);
        Some(NarrowerSums {
            digit_bits: found.plaintext_bits,
            values: values as u64,
            widest: widest.max().unwrap_or(0) + 1,
        })
    }
}
