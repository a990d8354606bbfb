//! The planner of linear circuits: the smallest messages whose noise fits the failure probability.

use tenebra_circuit::{Hide, Interval};
use tenebra_client::ValidGlwe;
use tenebra_client::linear::{LinearLayout, ValidLinear};

use super::flood::{self, Hidden};
use super::product::{direct_us, transform_us};
use crate::branching::goal::Goal;
use crate::error::PlanError;
use crate::noise::{
    input_variance, modulus_switch_variance, set_bits_bound, tail_log2, tuniform_variance,
};

/// What the planner needs to know of `y = W·x + b`.
#[derive(Clone, Debug)]
pub(crate) struct LinearShape {
    pub(crate) features: u32,
    pub(crate) outputs: u32,
    /// `‖w_c‖₂²` of each output.
    pub(crate) squared_norms: Vec<f64>,
    /// Bits of the widest output range.
    pub(crate) plaintext_bits: u32,
    /// How the model is to be hidden from its clients, if it is.
    pub(crate) hide: Option<Hide>,
}

/// A layout with the failure probability it reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearPlan {
    pub(crate) layout: ValidLinear,
    pub(crate) p_fail_log2: f64,
    /// Of all but the noise that hides the model.
    pub(crate) noise_variance: f64,
    pub(crate) hidden: Option<Hidden>,
}

impl LinearPlan {
    /// How far the noise may go that is not bounded: half a step, less what hides the model.
    pub(crate) fn room(&self) -> f64 {
        let half_step = f64::from(63 - self.layout.layout().plaintext_bits).exp2();
        half_step - self.hidden.map_or(0.0, Hidden::bound)
    }
}

/// Ring sizes and mask polynomials that are tried: all dimensions that a key may have, in steps of 256.
fn rings() -> impl Iterator<Item = ValidGlwe> {
    [256u16, 512, 1024, 2048, 4096]
        .into_iter()
        .flat_map(|size| {
            let most = u8::try_from(4096 / size).unwrap_or(u8::MAX);
            (1..=most).filter_map(move |k| ValidGlwe::secure(k, size).ok())
        })
}

/// Bits that hold every value of every range, one at least.
pub(crate) fn plaintext_bits(ranges: &[Interval]) -> u32 {
    let span = ranges
        .iter()
        .map(|range| range.max.abs_diff(range.min))
        .max();
    (u64::BITS - span.unwrap_or(0).leading_zeros()).max(1)
}

/// Plans queries of one row.
pub(crate) fn plan_single(shape: &LinearShape, goal: Goal) -> Result<LinearPlan, PlanError> {
    search_single(shape, goal).ok_or_else(|| infeasible(shape, goal))
}

fn search_single(shape: &LinearShape, goal: Goal) -> Option<LinearPlan> {
    let layouts =
        rings().flat_map(|glwe| group_sizes(shape.outputs).map(move |group| (glwe, group)));
    let plans = layouts.filter_map(|(glwe, group)| {
        let room = u32::from(glwe.params().polynomial_size) / (2 * group - 1);
        let blocks = shape.features.div_ceil(room.min(shape.features).max(1));
        (room > 0)
            .then(|| fit(shape, glwe, group, blocks, 1, goal))
            .flatten()
    });
    plans.min_by(|a, b| cost(a).total_cmp(&cost(b)))
}

/// Plans queries of up to `cap` rows; `None` if a query cannot hold two.
pub(crate) fn plan_batch(shape: &LinearShape, goal: Goal, cap: usize) -> Option<LinearPlan> {
    let layouts =
        rings().flat_map(|glwe| group_sizes(shape.outputs).map(move |group| (glwe, group)));
    let plans = layouts.filter_map(|(glwe, group)| {
        // (R·g + g − 1)·F <= N.
        let room = u32::from(glwe.params().polynomial_size) / shape.features;
        let rows =
            ((room + 1).checked_sub(group)? / group).min(u32::try_from(cap).unwrap_or(u32::MAX));
        // The noise that hides a model grows with the rows: fewer may fit where many do not.
        let halvings = if shape.hide.is_some() { 16 } else { 1 };
        (0..halvings)
            .map(|log| rows >> log)
            .take_while(|rows| *rows >= 2)
            .find_map(|rows| fit(shape, glwe, group, 1, rows, goal))
    });
    plans.min_by(|a, b| cost_per_row(a).total_cmp(&cost_per_row(b)))
}

/// Group sizes that are tried: all up to 16, then powers of two, and one group for all.
fn group_sizes(outputs: u32) -> impl Iterator<Item = u32> {
    let powers = (5..16).map(|log| 1 << log);
    (1..=16)
        .chain(powers)
        .filter(move |g| *g < outputs)
        .chain([outputs])
}

/// The layout with the fewest bits in bodies and responses that reaches `p_fail`, if the ring's noise allows it.
fn fit(
    shape: &LinearShape,
    glwe: ValidGlwe,
    group: u32,
    blocks: u32,
    rows: u32,
    goal: Goal,
) -> Option<LinearPlan> {
    let plaintext_bits = u8::try_from(shape.plaintext_bits).ok()?;
    // Body bits far below the noise are not worth sending: dropping b − 3 of them adds under 1 % of variance.
    let dropped = glwe.params().noise_bound_log2.saturating_sub(3);
    (plaintext_bits + 1..=64).find_map(|response_bits| {
        let layout = LinearLayout {
            glwe: glwe.params(),
            plaintext_bits,
            body_bits: 64 - dropped,
            response_bits,
            features: shape.features,
            outputs: shape.outputs,
            group,
            blocks,
            max_rows: u16::try_from(rows).ok()?,
        };
        let layout = layout.validate().ok()?;
        let hidden = match shape.hide {
            Some(hide) => Some(hidden(shape, &layout, hide)?),
            None => None,
        };
        let plan = with_noise(shape, layout, hidden, goal.variance_factor);
        (plan.p_fail_log2 <= goal.p_fail_log2).then_some(plan)
    })
}

/// The noise that hides a model, if half of half a step is enough for it.
fn hidden(shape: &LinearShape, layout: &ValidLinear, hide: Hide) -> Option<Hidden> {
    let room = 62u8.checked_sub(layout.layout().plaintext_bits)?;
    let needed = flood::noise_bits(shape, layout, hide).ceil().max(1.0);
    (1..=room)
        .find(|bits| f64::from(*bits) >= needed)
        .map(|noise_bits| Hidden { hide, noise_bits })
}

/// Noise, times `factor`, and failure probability of a layout. A coefficient of the product collects the noise of every body that any
/// weight of its group meets, so the norms of a group add up; switching the modulus adds its own, and so do the zeros that hide a
/// model: `e·u` and `e'·s` with binary `u` and `s`.
fn with_noise(
    shape: &LinearShape,
    layout: ValidLinear,
    hidden: Option<Hidden>,
    factor: f64,
) -> LinearPlan {
    let plain = layout.layout();
    let glwe = layout.glwe();
    let groups = shape.squared_norms.chunks(plain.group as usize);
    let norm = groups.map(|group| group.iter().sum()).fold(0.0, f64::max);
    let switch = modulus_switch_variance(glwe, u32::from(plain.response_bits));
    let fresh = tuniform_variance(glwe.noise_bound_log2());
    let zeros = hidden.map_or(0.0, |_| 2.0 * set_bits_bound(glwe) * fresh);
    let outputs = usize::from(plain.max_rows) * plain.outputs as usize;
    let mut plan = LinearPlan {
        layout,
        p_fail_log2: 0.0,
        noise_variance: factor * (norm * input_variance(&layout) + switch + zeros),
        hidden,
    };
    plan.p_fail_log2 = tail_log2(plan.noise_variance, plan.room(), outputs);
    plan
}

/// The plan of a given layout, if it fits the circuit and its noise reaches `p_fail`.
pub(crate) fn check_layout(
    shape: &LinearShape,
    layout: ValidLinear,
    noise_bits: Option<u8>,
    p_fail: f64,
) -> Result<LinearPlan, PlanError> {
    let plain = layout.layout();
    if (plain.features, plain.outputs) != (shape.features, shape.outputs) {
        let what = "numbers of inputs or outputs differ";
        return Err(PlanError::Layout { what });
    }
    if u32::from(plain.plaintext_bits) < shape.plaintext_bits {
        let what = "the outputs need more bits";
        return Err(PlanError::Layout { what });
    }
    let hidden = shape.hide.zip(noise_bits);
    let hidden = hidden.map(|(hide, noise_bits)| Hidden { hide, noise_bits });
    let hides = |hidden: Hidden| {
        flood::noise_bits(shape, &layout, hidden.hide) <= f64::from(hidden.noise_bits)
    };
    if !hidden.is_none_or(hides) {
        let what = "its noise does not hide the model";
        return Err(PlanError::Layout { what });
    }
    let plan = with_noise(shape, layout, hidden, 1.0);
    if plan.p_fail_log2 > p_fail {
        let what = "its noise does not reach the failure probability";
        return Err(PlanError::Layout { what });
    }
    Ok(plan)
}

/// Microseconds that a user waits: transfer at 50 Mbit/s, and the work of client and server.
fn cost(plan: &LinearPlan) -> f64 {
    let layout = &plan.layout;
    let rows = usize::from(layout.layout().max_rows);
    let bytes = layout.query_len(rows) + layout.response_len(rows);
    bytes as f64 * 0.16 + encrypt_us(layout, rows) + evaluate_us(plan, rows)
}

/// The same for each row of a full batch.
fn cost_per_row(plan: &LinearPlan) -> f64 {
    cost(plan) / f64::from(plan.layout.layout().max_rows)
}

/// Predicted client time: one masked add for each key bit and body coefficient.
fn encrypt_us(layout: &ValidLinear, rows: usize) -> f64 {
    let products = layout.glwe().dimension() * layout.zone(rows) * layout.layout().blocks as usize;
    products as f64 * 0.25e-3
}

/// Predicted server time: expansion of the masks, their products with the weights, the sums over the bodies, and packing
/// with checksums.
pub(crate) fn evaluate_us(plan: &LinearPlan, rows: usize) -> f64 {
    let layout = &plan.layout;
    let plain = layout.layout();
    let (blocks, size) = (plain.blocks as usize, layout.glwe().polynomial_size());
    let weights = plain.outputs as usize * plain.features as usize;
    let transforms = transform_us(size) * (blocks + layout.groups()) as f64;
    let products = layout.glwe().glwe_dimension() as f64 * direct_us(size, weights).min(transforms);
    let masks = (layout.glwe().dimension() * blocks) as f64 * 5e-3;
    let sums = (rows * weights) as f64 * f64::from(plain.group) * 0.5e-3;
    let packing = (layout.query_len(rows) + layout.response_len(rows)) as f64 * 1e-3;
    let zeros = plan.hidden.map_or(0.0, |_| zeros_us(layout));
    products + masks + sums + packing + zeros
}

/// Predicted time of hiding a response: small polynomials, their products with the public key, and noise.
fn zeros_us(layout: &ValidLinear) -> f64 {
    let (size, k) = (
        layout.glwe().polynomial_size(),
        layout.glwe().glwe_dimension() as f64,
    );
    let transforms = transform_us(size) * (k / 2.0 + k + 1.0);
    let pointwise = k * (k + 1.0) * size as f64 * 2e-3;
    let noise = k * size as f64 * 2e-3;
    layout.groups() as f64 * (transforms + pointwise + noise)
}

/// Says how many bits are needed and how many fit.
fn infeasible(shape: &LinearShape, goal: Goal) -> PlanError {
    let fits = |plaintext_bits, hide| {
        let other = LinearShape {
            plaintext_bits,
            hide,
            ..shape.clone()
        };
        search_single(&other, goal).is_some()
    };
    let needed_bits = shape.plaintext_bits;
    let fitting = |hide| (1..needed_bits).rev().find(|bits| fits(*bits, hide));
    let hide = shape.hide.filter(|_| fits(needed_bits, None));
    let fitting_bits = fitting(hide).unwrap_or(0);
    let Some(hide) = hide else {
        return PlanError::OutputTooWide {
            needed_bits,
            fitting_bits,
            p_fail_log2: goal.p_fail_log2,
        };
    };
    let fewer = |responses_log2: &u8| {
        let responses_log2 = *responses_log2;
        fits(
            needed_bits,
            Some(Hide {
                responses_log2,
                ..hide
            }),
        )
    };
    PlanError::HiddenTooWide {
        needed_bits,
        fitting_bits,
        responses_log2: hide.responses_log2,
        advantage_bits: hide.advantage_bits,
        fitting_responses_log2: (0..hide.responses_log2).rev().find(fewer),
    }
}

#[cfg(test)]
mod tests;
