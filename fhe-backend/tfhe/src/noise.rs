//! Noise as numbers: variances in units of `(1/q)²`, `q = 2^64`, and the probability that a decoding fails.

use tenebra_client::ValidGlwe;

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

/// Variance that switching a GLWE's mask and one body coefficient to `width` bits adds to the phase.
///
/// The rounding of each mask coefficient counts where the key bit is set.
#[must_use]
pub fn modulus_switch_variance(glwe: ValidGlwe, width: u32) -> f64 {
    (set_bits_bound(glwe) + 1.0) * rounding_variance(64 - width)
}

/// Set bits of a key, at most: a uniform key of `n` bits has more than `n/2 + 6.66·√n` with probability below 2^-128
/// (Hoeffding 1963).
#[must_use]
pub fn set_bits_bound(glwe: ValidGlwe) -> f64 {
    let n = glwe.dimension() as f64;
    (n / 2.0 + 6.66 * n.sqrt()).min(n)
}

/// Variance of the error that 53-bit transforms leave in a coefficient of a sum of products of digits, whose squared norms
/// add up to `energy`, with polynomials over 64 bits: `2^23 · energy`. Measured for rings of 512 to 2048 coefficients and
/// digits of 2 to 23 bits (`branching/kernel.rs`): up to 0.81 of it, by the transform that `tfhe` chooses when it starts, whose
/// candidates' errors differ by a factor of 1.5; 2^22 is a quarter of the squared last place of a 53-bit number near `q`.
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
/// variance: `outputs · erfc(h / (√2·σ))` with the half step `h = 2^(63−p)` (union bound).
#[must_use]
pub fn p_fail_log2(variance: f64, plaintext_bits: u32, outputs: usize) -> f64 {
    let half_step = exp2(63 - plaintext_bits);
    log2_erfc(half_step / (2.0 * variance).sqrt()) + (outputs as f64).log2()
}

/// Noise that is Gaussian once the errors of the server's GGSW ciphertexts are given, but has a variance that depends on them.
///
/// The smooth part of the noise of an external product is little more than one frequency: that of `s·d` at `X = e^(iπ/N)`, times
/// the error `e` of a GGSW row there. Its variance is proportional to `|e|²`, which is exponentially distributed; the tail
/// of such a mixture is far heavier than that of a normal distribution, unless many rows share in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixedNoise {
    /// Variance of the part that is normally distributed.
    pub normal: f64,
    /// Mean variance of the part whose variance is random.
    pub mixed: f64,
    /// Rows among which that part is divided, at least.
    pub rows: f64,
}

impl MixedNoise {
    /// The whole variance.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.normal + self.mixed
    }

    /// The same with more normal noise.
    #[must_use]
    pub fn plus_normal(self, variance: f64) -> Self {
        Self {
            normal: self.normal + variance,
            ..self
        }
    }

    /// As [`p_fail_log2`]. Where a part is mixed, by Chernoff's bound: for `R` equal exponential variances
    /// `E[e^(λX)] = e^(λ²V/2) · (1 − λ²W/(2R))^−R`, so `P(|X| ≥ h) ≤ 2·E[e^(λX)]·e^(−λh)` for every λ.
    #[must_use]
    pub fn p_fail_log2(&self, plaintext_bits: u32, outputs: usize) -> f64 {
        if self.mixed <= 0.0 {
            return p_fail_log2(self.normal, plaintext_bits, outputs);
        }
        let half_step = exp2(63 - plaintext_bits);
        let exponent = |lambda: f64| {
            let square = lambda * lambda / 2.0;
            square * self.normal
                - lambda * half_step
                - self.rows * (-square * self.mixed / self.rows).ln_1p()
        };
        // Convex between 0 and the pole; without the mixed part it would be least at h/V.
        let pole = (2.0 * self.rows / self.mixed).sqrt();
        let (mut low, mut high) = (0.0, pole.min(half_step / self.normal));
        for _ in 0..60 {
            let third = (high - low) / 3.0;
            if exponent(low + third) < exponent(high - third) {
                high -= third;
            } else {
                low += third;
            }
        }
        let least = exponent(f64::midpoint(low, high)).min(0.0);
        1.0 + least / core::f64::consts::LN_2 + (outputs as f64).log2()
    }
}

/// `2^exponent`.
fn exp2(exponent: u32) -> f64 {
    f64::from(exponent).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log2_erfc_agrees_with_known_values() {
        // erfc(1) = 0.157299207, erfc(5) = 1.5374597944e-12, erfc(6) = 2.1519736712e-17 (Abramowitz & Stegun, table 7.1);
        // scheme.md: h = 13.1σ gives 2^-128, that is erfc(13.1/√2).
        for (x, erfc) in [
            (1.0, 0.157_299_207f64),
            (5.0, 1.537_459_794_4e-12),
            (6.0, 2.151_973_671_2e-17),
        ] {
            assert!((log2_erfc(x) - erfc.log2()).abs() < 0.002, "x = {x}");
        }
        assert!((log2_erfc(13.1 / 2f64.sqrt()) + 128.0).abs() < 1.0);
        // Continuous where the asymptotic form takes over.
        assert!((log2_erfc(5.0) - log2_erfc(5.0 + 1e-9)).abs() < 0.003);
    }

    #[test]
    fn failure_probability_counts_outputs() {
        // σ = 2^40, p = 20: h = 2^43 = 8σ, erfc(8/√2) = 1.244e-15 = 2^-49.51; 16 outputs add 4.
        let one = p_fail_log2(exp2(80), 20, 1);
        assert!((one + 49.51).abs() < 0.02, "{one}");
        assert!((p_fail_log2(exp2(80), 20, 16) - one - 4.0).abs() < 1e-9);
    }

    #[test]
    fn mixed_noise_has_a_heavier_tail() {
        let noise = |normal: f64, mixed: f64, rows: f64| MixedNoise {
            normal,
            mixed,
            rows,
        };
        let p_fail = |noise: MixedNoise| noise.p_fail_log2(20, 1);
        // h = 2^43 = 8σ. Chernoff's bound of a normal distribution is 2·e^(−32) = 2^-45.17.
        assert!((p_fail(noise(exp2(80), 1e-9, 1.0)) + 45.17).abs() < 0.01);
        // Among many rows the variance is hardly random.
        assert!((p_fail(noise(0.0, exp2(80), 1e9)) + 45.17).abs() < 0.01);
        // One row: the mixture is Laplace's distribution, P(|X| ≥ 8σ) = e^(−8√2) = 2^-16.32. Chernoff: λ = x·√2/σ with
        // −8√2·x − ln(1 − x²) least at x = 0.9155: −10.358 + 1.821 = −8.537, and 2·e^(−8.537) = 2^-11.32.
        let laplace = p_fail(noise(0.0, exp2(80), 1.0));
        assert!((laplace + 11.32).abs() < 0.02, "{laplace}");
    }

    #[test]
    fn variances_by_hand() {
        // b = 2: (2^5 + 1)/6 = 5.5. Dropping 2 bits: errors -2..=2 with half weight at the ends, (16 + 2)/12 = 1.5.
        assert!((tuniform_variance(2) - 5.5).abs() < 1e-12);
        assert!((rounding_variance(2) - 1.5).abs() < 1e-12);
        assert!(rounding_variance(0).abs() < 1e-12);
    }
}
