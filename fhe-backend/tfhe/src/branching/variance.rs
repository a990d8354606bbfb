//! Variances of external products, and of what a diagram makes of them, in units of `(1/q)²` (`docs/scheme.md`).

use tenebra_client::ValidGlwe;
use tenebra_client::branching::ValidBranching;

use super::diagram::DiagramNoise;
use super::packed::{UnpackedNoise, unpacked_noise};
use crate::noise::{
    MixedNoise, Mixture, centred_switch_variance, rounding_variance, set_bits_bound,
    transform_variance, tuniform_variance,
};

/// Variance that one external product with an encryption of 1 adds (Chillotti et al. 2020, theorem 4.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProductVariance {
    /// Of what is independent from coefficient to coefficient.
    white: f64,
    /// The part of that which digits leave out: it hangs on the operand, not on the bit.
    rounding: f64,
    /// The part of that which meets the square of the key.
    square: f64,
    /// The part of that by which transforms err.
    transform: f64,
    /// Of what is little more than one frequency, and so alike in neighbouring coefficients; and the squares, for each bit, that its
    /// variance is made of.
    smooth: Mixture,
    /// Of what hangs on the errors that body and mask rows of a packed query have in common, few errors of key switches, and the squares for each
    /// bit.
    errors: Mixture,
    /// Of a coefficient of a row, where digits are clear; and what the constant coefficient has besides.
    row: [f64; 2],
    /// Digits of an operand.
    digits: f64,
    /// Polynomials of digits.
    rows: f64,
}

/// The squared norm of `n` uniform digits varies as a sum of `2.5·n` squares of normal variables: `E[d⁴] = 1.8·E[d²]²`.
const SQUARES_OF_DIGIT: f64 = 2.5;

impl ProductVariance {
    /// The rows of a direct query have fresh noise of their own. Transforms err in the masks, too, where the key meets them: half
    /// of that is smooth, and little more than one frequency of each row. What rounding leaves out of masks meets ½ and −½.
    /// With `exact`, transforms do not err.
    pub(crate) fn direct(layout: &ValidBranching, exact: bool) -> Self {
        let glwe = layout.glwe();
        let fresh = fresh_variance(layout);
        let polynomials = (glwe.glwe_dimension() + 1) as f64;
        let energy = polynomials * digit_energy(layout);
        let transform = transform_error(energy, exact);
        let (key, half) = (set_bits_bound(glwe), glwe.dimension() as f64 / 4.0);
        let rounding = (1.0 + half) * gadget_rounding(layout);
        Self {
            white: energy * fresh + rounding + (1.0 + key - half) * transform,
            rounding,
            square: 0.0,
            transform: (1.0 + key - half) * transform,
            smooth: Mixture {
                variance: half * transform,
                squares: 2.0 * layout.ggsw_rows() as f64,
            },
            errors: NONE,
            row: [fresh + (1.0 + key) * transform_error(1.0, exact), 0.0],
            digits: (layout.ggsw_rows() * glwe.polynomial_size()) as f64,
            rows: layout.ggsw_rows() as f64,
        }
    }

    /// The mask row of an unpacked GGSW under the key `t` of signs has the error `−t·e + e'` for the error `e + k` of its body row, `k` that
    /// of the last key switch and `e'` that of the scheme switch, so that a level contributes `(d_b − t·d_a)·e + d_b·k + d_a·e'`.
    /// Given the digits, `e` is few errors of key switches: no direction of all rows together has more than `direction` (`docs/scheme.md`, §5).
    pub(crate) fn packed(layout: &ValidBranching, noise: &UnpackedNoise, exact: bool) -> Self {
        let energy = digit_energy(layout);
        let key = layout.glwe().dimension() as f64;
        let transforms = transform_error(2.0 * energy, exact) * noise.growth;
        let rounding = (1.0 + key) * gadget_rounding(layout);
        let levels = f64::from(layout.layout().level_count);
        let own = noise.constant + noise.last + noise.switch;
        Self {
            white: energy * own + rounding + (1.0 + key) * transforms,
            rounding,
            square: energy * noise.square,
            transform: (1.0 + key) * transforms,
            smooth: NONE,
            errors: Mixture {
                variance: energy * (key * noise.constant + (1.0 + key) * noise.white),
                squares: levels * (noise.constant + noise.white) / noise.direction,
            },
            row: [
                noise.white + noise.last + (1.0 + key) * transform_error(1.0, exact) * noise.growth,
                key * noise.constant,
            ],
            digits: (layout.ggsw_rows() * layout.glwe().polynomial_size()) as f64,
            rows: layout.ggsw_rows() as f64,
        }
    }

    /// The part of the variance of a diagram's result that meets `t²`.
    pub(crate) fn of_square(&self, noise: &DiagramNoise) -> f64 {
        noise.units.alike as f64 * self.square
    }

    /// Errors of transforms in a tree of selections by so many bits, besides one for each bit. The difference of two values after `i` bits is transformed
    /// back with those of `2i` products, the root with those of all: `bits²`. Sums are rounded with every row that is added: by a hundredth of an error of
    /// a product more for each row of each product (measured: 0.0075, `kernel/cpu/tests.rs`).
    fn more_transforms(&self, bits: usize) -> f64 {
        let bits = bits as f64;
        bits * bits * (1.0 + self.rows * bits / 100.0) - bits
    }

    /// Of the result of a diagram whose products with clear polynomials have these energies.
    pub(crate) fn of_result(&self, noise: &DiagramNoise, clear: [f64; 2]) -> MixedNoise {
        let (units, busiest) = (noise.units, noise.busiest);
        let mixture = |part: Mixture, units: usize, busiest: usize| Mixture {
            variance: units as f64 * part.variance,
            squares: (units as f64 / busiest as f64 * part.squares).max(1.0),
        };
        // `T` slots of one rotation, or twins elsewhere, sum up to `S·(d·e)`: the frequencies of `S` have squares of up to `T²`, `N·T` together.
        let slots = noise.slots.min(units.alike) as f64;
        let most = noise.most_slots.max(1) as f64;
        let of_slots = Mixture {
            variance: slots * self.white,
            squares: (slots * self.digits / (most * most)).max(1.0),
        };
        // What digits of one operand leave out is the same in products with other bits.
        let of_any_bit = units.rounding.max(units.alike) - units.alike;
        let transforms = noise.selections.iter();
        let transforms: f64 = transforms.map(|bits| self.more_transforms(*bits)).sum();
        let of_others = Mixture {
            variance: (units.alike as f64 - slots) * self.white
                + of_any_bit as f64 * self.rounding
                + transforms * self.transform,
            squares: SQUARES_OF_DIGIT * self.digits,
        };
        // All of it is of transforms.
        let mut smooth = mixture(self.smooth, units.smooth, busiest.smooth);
        smooth.variance += transforms * self.smooth.variance;
        let errors = mixture(self.errors, units.alike, busiest.directions);
        MixedNoise {
            normal: clear[0] * self.row[0] + clear[1] * self.row[1],
            mixed: [of_slots, of_others, smooth, errors],
        }
    }
}

/// What transforms add to a sum of products of digits, whose squared norms add up to `energy`: without a bound where products are not
/// as exact as they should be.
fn transform_error(energy: f64, exact: bool) -> f64 {
    match (exact, is_exact(energy)) {
        (false, _) => transform_variance(energy),
        (true, true) => 0.0,
        (true, false) => f64::INFINITY,
    }
}

/// Whether products of digits with rows of two limbs are exact. The high halves of rows have up to 31 bits and a sign, so the
/// transform's error is `2^-32` of that of words; it is rounded away while a half is 14 of its standard deviations.
pub(crate) fn is_exact(energy: f64) -> bool {
    transform_variance(energy).sqrt() * (-32f64).exp2() <= 1.0 / 28.0
}

const NONE: Mixture = Mixture {
    variance: 0.0,
    squares: 1.0,
};

/// Noise of the external products of a diagram.
pub(crate) fn result_noise(layout: &ValidBranching, noise: &DiagramNoise) -> MixedNoise {
    product_variance(layout).of_result(noise, clear_energy(layout, noise))
}

/// Of the part of it that meets `t²`.
pub(crate) fn square_noise(layout: &ValidBranching, noise: &DiagramNoise) -> f64 {
    product_variance(layout).of_square(noise)
}

fn product_variance(layout: &ValidBranching) -> ProductVariance {
    match &layout.layout().packing {
        None => ProductVariance::direct(layout, false),
        Some(packing) => ProductVariance::packed(layout, &unpacked_noise(layout, packing), false),
    }
}

/// Of the products with clear polynomials.
pub(crate) fn clear_energy(layout: &ValidBranching, noise: &DiagramNoise) -> [f64; 2] {
    let plain = layout.layout();
    noise.clear.energy(
        u32::from(plain.base_log),
        u32::from(plain.level_count),
        u32::from(plain.plaintext_bits),
    )
}

/// Variance of the switch of the modulus of a response.
pub(crate) fn switch_noise(layout: &ValidBranching) -> f64 {
    centred_switch_variance(layout.glwe(), u32::from(layout.layout().response_bits))
}

/// Of what is encrypted and sent without its low bits.
pub(crate) fn fresh_variance(layout: &ValidBranching) -> f64 {
    tuniform_variance(layout.glwe().noise_bound_log2())
        + rounding_variance(64 - u32::from(layout.layout().body_bits))
}

/// Of what the digits leave out of a coefficient.
fn gadget_rounding(layout: &ValidBranching) -> f64 {
    let bits = u32::from(layout.layout().base_log) * u32::from(layout.layout().level_count);
    rounding_variance(64 - bits)
}

/// The squared norm of the digits of a polynomial.
fn digit_energy(layout: &ValidBranching) -> f64 {
    let plain = layout.layout();
    polynomial_energy(plain.level_count, plain.base_log, layout.glwe())
}

/// `ℓN·(B²/12 + 1/6)`: the squared norm of the digits of a polynomial.
pub(crate) fn polynomial_energy(level_count: u8, base_log: u8, glwe: ValidGlwe) -> f64 {
    let base = f64::from(base_log).exp2();
    f64::from(level_count) * glwe.polynomial_size() as f64 * (base * base / 12.0 + 1.0 / 6.0)
}

#[cfg(test)]
mod tests;
