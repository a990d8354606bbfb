//! Noise as numbers: variances in units of `(1/q)²`, `q = 2^64`, and the probability that a decoding fails (`docs/scheme.md`).

use tenebra_client::ValidGlwe;
use tenebra_client::linear::ValidLinear;

/// Variance of TUniform(b), `(2^(2b+1) + 1) / 6`.
#[must_use]
pub fn tuniform_variance(bound_log2: u32) -> f64 {
    (exp2(2 * bound_log2 + 1) + 1.0) / 6.0
}

/// Variance of rounding away the low `dropped` bits: uniform over `2^dropped` integers, ends included.
#[must_use]
pub fn rounding_variance(dropped: u32) -> f64 {
    if dropped == 0 {
        0.0
    } else {
        (exp2(2 * dropped) + 2.0) / 12.0
    }
}

/// Variance of a body of a linear query as the server reads it: fresh noise, and what is rounded away.
#[must_use]
pub fn input_variance(layout: &ValidLinear) -> f64 {
    let dropped = 64 - u32::from(layout.layout().body_bits);
    tuniform_variance(layout.glwe().noise_bound_log2()) + rounding_variance(dropped)
}

/// Variance that switching a GLWE's mask and one body coefficient to `width` bits adds to the phase.
///
/// The rounding of each mask coefficient counts where the key bit is set.
#[must_use]
pub fn modulus_switch_variance(glwe: ValidGlwe, width: u32) -> f64 {
    (set_bits_bound(glwe) + 1.0) * rounding_variance(64 - width)
}

/// The same where the mean ½ of the key bits is made up for in the body: what meets the rounding of a mask coefficient is ½ or −½.
#[must_use]
pub fn centred_switch_variance(glwe: ValidGlwe, width: u32) -> f64 {
    (glwe.dimension() as f64 / 4.0 + 1.0) * rounding_variance(64 - width)
}

/// Set bits of a key, at most: a uniform key of `n` bits has more than `n/2 + 6.66·√n` with probability below 2^-128
/// (Hoeffding 1963, theorem 1).
#[must_use]
pub fn set_bits_bound(glwe: ValidGlwe) -> f64 {
    let n = glwe.dimension() as f64;
    (n / 2.0 + 6.66 * n.sqrt()).min(n)
}

/// Variance of the error that 53-bit transforms leave in a coefficient of a sum of products of digits, whose squared norms
/// add up to `energy`, with polynomials over 64 bits: `2^23 · energy`. Measured for rings of 512 to 4096 coefficients and
/// digits of 2 to 23 bits (`branching/kernel/cpu.rs`): up to 0.63 of it; 2^22 is a quarter of the squared last place of a 53-bit
/// number near `q`.
#[must_use]
pub fn transform_variance(energy: f64) -> f64 {
    23f64.exp2() * energy
}

/// log2 of `erfc(x)`, also where `erfc` underflows. For `x > 5` by the asymptotic series
/// `erfc(x) ≈ e^(−x²) / (x√π) · (1 − 1/(2x²))`, whose relative error there is below `3/(4x⁴) < 0.13 %`.
#[must_use]
pub fn log2_erfc(x: f64) -> f64 {
    if x <= 5.0 {
        return libm::erfc(x).log2();
    }
    let series = (-0.5 / (x * x)).ln_1p();
    (-x * x - (x * core::f64::consts::PI.sqrt()).ln() + series) / core::f64::consts::LN_2
}

/// log2 of the probability that any of `outputs` values of `plaintext_bits` bits decodes wrongly under noise of this
/// variance, at most: `outputs · 2·e^(−h²/2σ²)` with the half step `h = 2^(63−p)` (Chernoff's bound, and the union bound).
///
/// It holds for sums of independent terms that are *strictly sub-Gaussian*, `E[e^(λX)] ≤ e^(λ²σ²/2)`, as TUniform noise, uniform
/// rounding and normal variables are (Arbel, Marchal and Nguyen 2020), not for normal ones alone as `erfc` would; it is 4 bits
/// above that at 2^-128.
#[must_use]
pub fn p_fail_log2(variance: f64, plaintext_bits: u32, outputs: usize) -> f64 {
    tail_log2(variance, exp2(63 - plaintext_bits), outputs)
}

/// The same for the probability that any of the errors has a magnitude of `threshold` or more.
#[must_use]
pub fn tail_log2(variance: f64, threshold: f64, outputs: usize) -> f64 {
    if threshold <= 0.0 || !variance.is_finite() {
        return 0.0;
    }
    if variance <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let exponent = -threshold * threshold / (2.0 * variance);
    1.0 + exponent / core::f64::consts::LN_2 + (outputs as f64).log2()
}

/// Noise of which parts have a variance that is random itself.
///
/// The errors of the server's GGSW ciphertexts stay the same in all products with them. Given these errors and the digits, the noise
/// is sub-Gaussian, but its variance is a sum of squares of random numbers; where these are few, the tail of such a mixture is
/// heavier than that of a normal distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixedNoise {
    /// Variance of the part that is sub-Gaussian.
    pub normal: f64,
    /// Parts whose variance is random.
    pub mixed: [Mixture; 4],
}

/// A part of the noise whose variance is a sum of squares of normal variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixture {
    /// Mean variance.
    pub variance: f64,
    /// Independent squares, each with an equal share of it, at least.
    pub squares: f64,
}

impl Mixture {
    /// No noise.
    pub(crate) const NONE: Self = Self {
        variance: 0.0,
        squares: 1.0,
    };
}

impl MixedNoise {
    /// No noise.
    pub(crate) const NONE: Self = Self {
        normal: 0.0,
        mixed: [Mixture::NONE; 4],
    };

    /// The whole variance.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.normal + self.mixed.iter().map(|part| part.variance).sum::<f64>()
    }

    /// The same with all variances times `factor`.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self {
            normal: self.normal * factor,
            mixed: self.mixed.map(|part| Mixture {
                variance: part.variance * factor,
                ..part
            }),
        }
    }

    /// The same with more normal noise.
    #[must_use]
    pub fn plus_normal(self, variance: f64) -> Self {
        Self {
            normal: self.normal + variance,
            ..self
        }
    }

    /// The noise of a sum of two that are independent given what their variances are made of. Parts of a kind are put together as
    /// if each square had the largest share that one of them has.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut mixed = self.mixed;
        for (one, two) in mixed.iter_mut().zip(other.mixed) {
            let variance = one.variance + two.variance;
            let largest = (one.variance / one.squares).max(two.variance / two.squares);
            let squares = if largest > 0.0 {
                variance / largest
            } else {
                1.0
            };
            *one = Mixture { variance, squares };
        }
        Self {
            normal: self.normal + other.normal,
            mixed,
        }
    }

    /// What the variance exceeds with a probability of `2^probability_log2` at most: each part by its own bound, Chernoff's of a sum
    /// of `D` squares, `P(χ²_D ≥ D·(1 + x)) ≤ e^(−D/2·(x − ln(1 + x)))`.
    #[must_use]
    pub fn variance_at_most(&self, probability_log2: f64) -> f64 {
        if !self.variance().is_finite() {
            return f64::INFINITY;
        }
        let parts = self.mixed.iter().filter(|part| part.variance > 0.0);
        let exponent = (2.0 - probability_log2) * core::f64::consts::LN_2;
        let of_parts = parts.map(|part| {
            let excess = |x: f64| part.squares / 2.0 * (x - x.ln_1p());
            let (mut low, mut high) = (0.0, 1.0);
            while excess(high) < exponent {
                high *= 2.0;
            }
            for _ in 0..40 {
                let middle = f64::midpoint(low, high);
                if excess(middle) < exponent {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            part.variance * (1.0 + high)
        });
        self.normal + of_parts.sum::<f64>()
    }

    /// As [`p_fail_log2`], where parts are mixed.
    #[must_use]
    pub fn p_fail_log2(&self, plaintext_bits: u32, outputs: usize) -> f64 {
        self.tail_log2(exp2(63 - plaintext_bits)) + (outputs as f64).log2()
    }

    /// log2 of the probability that the magnitude is `threshold` or more, at most. By Chernoff's bound: `E[e^(λX)] = e^(λ²V/2) ·
    /// Π (1 − λ²W/D)^(−D/2)` for a variance `V` and mixed ones of `D` squares with the mean `W`, so `P(|X| ≥ h) ≤ 2·E[e^(λX)]·e^(−λh)`
    /// for every λ.
    #[must_use]
    pub fn tail_log2(&self, threshold: f64) -> f64 {
        let parts = || self.mixed.iter().filter(|part| part.variance > 0.0);
        if threshold <= 0.0 || !self.variance().is_finite() {
            return 0.0;
        }
        if self.variance() <= 0.0 {
            return f64::NEG_INFINITY;
        }
        // Convex between 0 and the pole, least where its slope is 0; were all of it normal, that would be h/V.
        let pole = parts().map(|part| (part.squares / part.variance).sqrt());
        let (mut low, mut high) = (0.0, pole.fold(threshold / self.variance(), f64::min));
        for _ in 0..50 {
            let lambda = f64::midpoint(low, high);
            let slope = |part: &Mixture| {
                part.variance / (1.0 - lambda * lambda * part.variance / part.squares)
            };
            if lambda * (self.normal + parts().map(slope).sum::<f64>()) < threshold {
                low = lambda;
            } else {
                high = lambda;
            }
        }
        let square = low * low;
        let of_parts = parts()
            .map(|part| -part.squares / 2.0 * (-square * part.variance / part.squares).ln_1p());
        let exponent = square / 2.0 * self.normal - low * threshold + of_parts.sum::<f64>();
        1.0 + exponent.min(0.0) / core::f64::consts::LN_2
    }
}

impl From<f64> for MixedNoise {
    /// Sub-Gaussian noise of this variance.
    fn from(variance: f64) -> Self {
        Self {
            normal: variance,
            ..Self::NONE
        }
    }
}

/// `2^exponent`.
fn exp2(exponent: u32) -> f64 {
    f64::from(exponent).exp2()
}

#[cfg(test)]
mod published;
#[cfg(test)]
pub(crate) mod tests;
