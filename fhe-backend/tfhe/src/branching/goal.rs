//! What a plan must reach, and the response with which it does.

use tenebra_client::ValidGlwe;
use tenebra_client::branching::{BranchingLayout, ValidBranching};

use crate::noise::{MixedNoise, centred_switch_variance, p_fail_log2};

/// What a plan must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub(crate) p_fail_log2: f64,
    /// What the predicted variance is multiplied with: 1, or more if it was measured to be too small.
    pub(crate) variance_factor: f64,
}

/// A layout, the failure probability it reaches and the variance of a digit sum.
pub(crate) type Found = (ValidBranching, f64, f64);

/// Body bits far below the noise are not worth sending: dropping b − 3 of them adds under 1 % of variance.
pub(crate) fn sent_body_bits(glwe: ValidGlwe) -> u8 {
    64 - glwe.params().noise_bound_log2.saturating_sub(3)
}

/// The layout with the fewest response bits that reach `p_fail`, where external products leave the noise `products` in each row.
pub(crate) fn response_width(
    layout: &ValidBranching,
    products: MixedNoise,
    coefficients: usize,
    goal: Goal,
) -> Option<Found> {
    let p = layout.layout().plaintext_bits;
    let p_fail = goal.p_fail_log2;
    let coefficients = coefficients * layout.max_rows();
    let products = products.times(goal.variance_factor);
    // The variance alone refuses most at once.
    let normal = p_fail_log2(products.variance(), u32::from(p), coefficients);
    if normal > p_fail || products.p_fail_log2(u32::from(p), coefficients) > p_fail {
        return None;
    }
    let found = (p + 1..=64).find_map(|response_bits| {
        let switch = centred_switch_variance(layout.glwe(), u32::from(response_bits));
        let noise = products.plus_normal(switch);
        let reached = noise.p_fail_log2(u32::from(p), coefficients);
        (reached <= p_fail).then_some((response_bits, reached, noise.variance()))
    });
    let (response_bits, reached, variance) = found?;
    let narrow = BranchingLayout {
        response_bits,
        ..*layout.layout()
    };
    Some((narrow.validate().ok()?, reached, variance))
}
