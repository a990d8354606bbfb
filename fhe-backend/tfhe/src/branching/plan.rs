//! The planner of branching circuits: ring, gadget and radix with the least time a user waits whose noise fits.

use tenebra_client::ValidGlwe;
use tenebra_client::branching::{BranchingLayout, ValidBranching};

use super::diagram::{Diagram, build};
use super::digits::{DigitForm, cut, value_bits};
use super::form::BranchingForm;
use crate::error::PlanError;
use crate::noise::{modulus_switch_variance, p_fail_log2, rounding_variance, set_bits_bound, tuniform_variance};

/// Shape of a GGSW and its external product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Gadget {
    pub(crate) glwe_dimension: usize,
    pub(crate) polynomial_size: usize,
    pub(crate) base_log: u32,
    pub(crate) level_count: usize,
}

impl Gadget {
    pub(crate) fn of(layout: &ValidBranching) -> Self {
        Self {
            glwe_dimension: layout.glwe().glwe_dimension(),
            polynomial_size: layout.glwe().polynomial_size(),
            base_log: u32::from(layout.layout().base_log),
            level_count: usize::from(layout.layout().level_count),
        }
    }

    /// Words of a GLWE.
    pub(crate) fn glwe_len(&self) -> usize {
        (self.glwe_dimension + 1) * self.polynomial_size
    }
}

/// A schedule with parameters that keep it exact.
#[derive(Debug)]
pub(crate) struct BranchingPlan {
    pub(crate) layout: ValidBranching,
    pub(crate) p_fail_log2: f64,
    pub(crate) noise_variance: f64,
    pub(crate) digits: DigitForm,
    pub(crate) diagram: Diagram,
}

/// `(k, N)` that are tried.
const RINGS: [(u8, u16); 9] =
    [(3, 512), (4, 512), (5, 512), (6, 512), (2, 1024), (3, 1024), (4, 1024), (1, 2048), (2, 2048)];

/// `(b, ℓ)` that are tried.
const GADGETS: [(u8, u8); 10] =
    [(17, 1), (20, 1), (23, 1), (25, 1), (12, 2), (15, 2), (17, 2), (9, 3), (12, 3), (8, 5)];

/// Digits of up to so many bits are tried.
const MAX_RADIX_LOG: u32 = 24;

/// The cheapest plan that fits `p_fail`.
pub(crate) fn plan(form: &BranchingForm, p_fail: f64) -> Result<BranchingPlan, PlanError> {
    let widest = value_bits(form).min(MAX_RADIX_LOG);
    let mut best: Option<(f64, BranchingPlan)> = None;
    for radix_log in 1..=widest {
        for size in [512u16, 1024, 2048] {
            let digits = cut(form, radix_log);
            if digits.coefficients > usize::from(size) {
                continue;
            }
            let diagram = build(&digits, usize::from(size));
            if diagram.input_bits == 0 {
                return Err(PlanError::Empty { inputs: 0, outputs: form.outputs });
            }
            let found = RINGS
                .into_iter()
                .filter(|(_, n)| *n == size)
                .flat_map(|ring| GADGETS.into_iter().map(move |gadget| (ring, gadget)))
                .filter_map(|(ring, gadget)| fit(&digits, &diagram, ring, gadget, p_fail))
                .map(|found| (wait_us(&found.0, &diagram), found))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((cost, (layout, p_fail_log2, noise_variance))) = found
                && best.as_ref().is_none_or(|(least, _)| cost < *least)
            {
                best = Some((cost, BranchingPlan { layout, p_fail_log2, noise_variance, digits, diagram }));
            }
        }
    }
    best.map(|(_, plan)| plan).ok_or_else(|| infeasible(form, p_fail))
}

/// The plan of a given layout and radix, if it fits the circuit and its noise reaches `p_fail`.
pub(crate) fn check(
    form: &BranchingForm,
    layout: ValidBranching,
    radix_log: u32,
    p_fail: f64,
) -> Result<BranchingPlan, PlanError> {
    let mismatch = |what| PlanError::Layout { what };
    if radix_log == 0 || radix_log > MAX_RADIX_LOG {
        return Err(mismatch("its radix is not one"));
    }
    let digits = cut(form, radix_log);
    let plain = layout.layout();
    if digits.coefficients != plain.coefficients as usize {
        return Err(mismatch("numbers of digit sums differ"));
    }
    if u32::from(plain.plaintext_bits) < digits.plaintext_bits {
        return Err(mismatch("the digit sums need more bits"));
    }
    let diagram = build(&digits, layout.glwe().polynomial_size());
    if diagram.input_bits != plain.input_bits as usize {
        return Err(mismatch("numbers of input bits differ"));
    }
    let noise_variance = variance(&layout, &diagram);
    let p_fail_log2 = p_fail_log2(noise_variance, u32::from(plain.plaintext_bits), digits.coefficients);
    if p_fail_log2 > p_fail {
        return Err(mismatch("its noise does not reach the failure probability"));
    }
    Ok(BranchingPlan { layout, p_fail_log2, noise_variance, digits, diagram })
}

/// The layout with the smallest response that reaches `p_fail`, its probability and its variance.
fn fit(
    digits: &DigitForm,
    diagram: &Diagram,
    (k, n): (u8, u16),
    (base_log, level_count): (u8, u8),
    p_fail: f64,
) -> Option<(ValidBranching, f64, f64)> {
    let glwe = ValidGlwe::secure(k, n).ok()?;
    let dropped = glwe.params().noise_bound_log2.saturating_sub(3);
    let plaintext_bits = u8::try_from(digits.plaintext_bits).ok()?;
    // Clear values must be multiples of q/B^ℓ, or the products of clear polynomials would be rounded.
    if u32::from(plaintext_bits) > u32::from(base_log) * u32::from(level_count) {
        return None;
    }
    (plaintext_bits + 1..=64).find_map(|response_bits| {
        let layout = BranchingLayout {
            glwe: glwe.params(),
            base_log,
            level_count,
            body_bits: 64 - dropped,
            plaintext_bits,
            response_bits,
            input_bits: u32::try_from(diagram.input_bits).ok()?,
            coefficients: u32::try_from(digits.coefficients).ok()?,
        };
        let layout = layout.validate().ok()?;
        let variance = variance(&layout, diagram);
        let reached = p_fail_log2(variance, u32::from(plaintext_bits), digits.coefficients);
        (reached <= p_fail).then_some((layout, reached, variance))
    })
}

/// Variance of a digit sum: the external products on its paths, and the switch of the modulus.
fn variance(layout: &ValidBranching, diagram: &Diagram) -> f64 {
    diagram.noise_units as f64 * external_product_variance(layout)
        + modulus_switch_variance(layout.glwe(), u32::from(layout.layout().response_bits))
}

/// Variance that one external product with an encryption of 1 adds (design/scheme.md §2, after Chillotti et al. 2020,
/// theorem 4.2, and tfhe-rs' fit of the Fourier error), in units of `(1/q)²`. The rounding of the mask counts for every
/// set bit of the key.
pub(crate) fn external_product_variance(layout: &ValidBranching) -> f64 {
    let glwe = layout.glwe();
    let (k, n) = (glwe.glwe_dimension() as f64, glwe.polynomial_size() as f64);
    let level_count = f64::from(layout.layout().level_count);
    let base = f64::from(layout.layout().base_log).exp2();
    let dropped = 64 - u32::from(layout.layout().body_bits);
    let ggsw = tuniform_variance(glwe.noise_bound_log2()) + rounding_variance(dropped);
    let rows = level_count * (k + 1.0) * n * ggsw * (base * base / 12.0 + 1.0 / 6.0);
    let gadget_bits = u32::from(layout.layout().base_log) * u32::from(layout.layout().level_count);
    let rounding = (1.0 + set_bits_bound(glwe)) * rounding_variance(64 - gadget_bits);
    // The error of 53-bit transforms, in units of q²: 0.00705·2^22·B²/q²·…, times q².
    let fourier = 0.007_05
        * 22f64.exp2()
        * base
        * base
        * level_count.powf(1.018)
        * k.powf(1.220)
        * n.powf(2.220)
        * (k + 1.0).powf(1.018);
    rows + rounding + fourier
}

/// Microseconds that a user waits: transfer at 50 Mbit/s, encryption, evaluation.
fn wait_us(layout: &ValidBranching, diagram: &Diagram) -> f64 {
    let bytes = layout.query_len() + layout.response_len();
    let words = (layout.layout().input_bits as usize * layout.ggsw_rows() * layout.glwe().dimension()) as f64;
    // Client: masks, transforms of two limbs, noise.
    let encrypt = words * 12e-3;
    bytes as f64 * 0.16 + encrypt + evaluate_us(layout, diagram)
}

/// Predicted server time on one core.
pub(crate) fn evaluate_us(layout: &ValidBranching, diagram: &Diagram) -> f64 {
    let rows = layout.ggsw_rows() as f64;
    let columns = (layout.glwe().glwe_dimension() + 1) as f64;
    let size = layout.glwe().polynomial_size() as f64;
    let transform = size * size.log2() * 0.065e-3;
    let masks = rows * layout.glwe().dimension() as f64 * 3.5e-3;
    let expand = masks + rows * columns * transform + rows * size * 1e-3;
    let multiply = rows * columns * size * 0.12e-3;
    let cmux = (rows + columns) * transform + multiply + columns * size * 1.0e-3;
    let clear = columns * transform + multiply / columns + columns * size * 0.7e-3;
    f64::from(layout.layout().input_bits) * expand + diagram.cmuxes as f64 * cmux + diagram.clear_cmuxes as f64 * clear
}

/// Says how many bits the narrowest digit sums need and how many fit.
fn infeasible(form: &BranchingForm, p_fail: f64) -> PlanError {
    let digits = cut(form, 1);
    if digits.coefficients > 2048 {
        return PlanError::TooManyDigits { coefficients: digits.coefficients };
    }
    let diagram = build(&digits, 2048);
    let fits = |bits: &u32| {
        let narrower = DigitForm { plaintext_bits: *bits, ..cut(form, 1) };
        let ring = RINGS.into_iter().flat_map(|ring| GADGETS.into_iter().map(move |gadget| (ring, gadget)));
        ring.into_iter().any(|(ring, gadget)| fit(&narrower, &diagram, ring, gadget, p_fail).is_some())
    };
    PlanError::OutputTooWide {
        needed_bits: digits.plaintext_bits,
        fitting_bits: (1..digits.plaintext_bits).rev().find(fits).unwrap_or(0),
        p_fail_log2: p_fail,
    }
}
