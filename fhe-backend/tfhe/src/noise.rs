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
    if threshold <= 0.0 {
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

impl MixedNoise {
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
        if threshold <= 0.0 {
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
        let none = Mixture {
            variance: 0.0,
            squares: 1.0,
        };
        Self {
            normal: variance,
            mixed: [none; 4],
        }
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
        // σ = 2^40, p = 20: h = 2^43 = 8σ, 2·e^(−32) = 2^-45.17; 16 outputs add 4.
        let one = p_fail_log2(exp2(80), 20, 1);
        assert!((one + 45.17).abs() < 0.01, "{one}");
        assert!((p_fail_log2(exp2(80), 20, 16) - one - 4.0).abs() < 1e-9);
        // A sum of nothing is −0.
        assert_eq!(p_fail_log2(-0.0, 20, 1), f64::NEG_INFINITY);
        // At 2^-128, 4 bits above that of normal noise.
        let half_step = exp2(43);
        for sigmas in [12.9f64, 13.1, 13.3] {
            let variance = (half_step / sigmas).powi(2);
            let normal = log2_erfc(sigmas / 2f64.sqrt());
            let above = p_fail_log2(variance, 20, 1) - normal;
            // √(π/2)·h/σ.
            let expected = (sigmas * (core::f64::consts::PI / 2.0).sqrt()).log2();
            assert!((above - expected - 1.0).abs() < 0.02, "{above}");
        }
    }

    #[test]
    fn mixed_noise_has_a_heavier_tail() {
        let p_fail = |normal: f64, mixed: f64, squares: f64| {
            let none = Mixture {
                variance: 0.0,
                squares: 1.0,
            };
            let mixed = Mixture {
                variance: mixed,
                squares,
            };
            let noise = MixedNoise {
                normal,
                mixed: [none, mixed, none, none],
            };
            noise.p_fail_log2(20, 1)
        };
        // h = 2^43 = 8σ: as of normal noise, 2^-45.17, where nothing is mixed or the variance is hardly random.
        assert!((p_fail(exp2(80), 1e-9, 1.0) + 45.17).abs() < 0.01);
        assert!((p_fail(0.0, exp2(80), 1e9) + 45.17).abs() < 0.01);
        // Two squares: the mixture is Laplace's distribution, P(|X| ≥ 8σ) = e^(−8√2) = 2^-16.32. Chernoff: λ = x·√2/σ with
        // −8√2·x − ln(1 − x²) least at x = 0.9155: −10.358 + 1.821 = −8.537, and 2·e^(−8.537) = 2^-11.32.
        let laplace = p_fail(0.0, exp2(80), 2.0);
        assert!((laplace + 11.32).abs() < 0.02, "{laplace}");
    }

    /// The least of `1 + log2 E[e^(λX)]·e^(−λh)` over a fine grid of λ, from its definition.
    fn least_on_a_grid(noise: &MixedNoise, threshold: f64) -> f64 {
        let bound = |lambda: f64| {
            let mut log = lambda * lambda * noise.normal / 2.0 - lambda * threshold;
            for part in noise.mixed {
                let rest = 1.0 - lambda * lambda * part.variance / part.squares;
                log -= part.squares / 2.0 * rest.ln();
            }
            if log.is_nan() { f64::INFINITY } else { log }
        };
        let most = 20.0 * threshold / noise.variance();
        let least = (0..200_000)
            .map(|step| bound(most * f64::from(step) / 200_000.0))
            .fold(f64::INFINITY, f64::min);
        1.0 + least / core::f64::consts::LN_2
    }

    #[test]
    fn the_bound_is_the_least_over_lambda() {
        let part = |variance: f64, squares: f64| Mixture { variance, squares };
        for (normal, mixed) in [
            (
                1.0,
                [
                    part(1.0, 1.0),
                    part(0.5, 100.0),
                    part(0.0, 1.0),
                    part(2.0, 8.0),
                ],
            ),
            (
                0.1,
                [
                    part(0.2, 2.0),
                    part(0.0, 1.0),
                    part(0.0, 5.0),
                    part(0.0, 1.0),
                ],
            ),
            (3.0, [part(0.0, 1.0); 4]),
            (
                0.0,
                [
                    part(1.0, 3.0),
                    part(1.0, 7.0),
                    part(1.0, 11.0),
                    part(1.0, 1e6),
                ],
            ),
        ] {
            let noise = MixedNoise { normal, mixed };
            let whole = normal + mixed.iter().map(|part| part.variance).sum::<f64>();
            assert!((noise.variance() - whole).abs() < 1e-12);
            for threshold in [1.0, 5.0, 20.0, 60.0].map(|sigmas: f64| sigmas * whole.sqrt()) {
                let (got, wanted) = (
                    noise.tail_log2(threshold),
                    least_on_a_grid(&noise, threshold).min(1.0),
                );
                // The grid's least is above the least.
                assert!(
                    (-1e-6..1e-3 * wanted.abs() + 1e-2).contains(&(wanted - got)),
                    "{noise:?}, {threshold}: {got}, not {wanted}"
                );
                // Units do not matter, and outputs add up.
                let scaled = noise.times(exp2(80)).tail_log2(threshold * exp2(40));
                assert!((scaled - got).abs() < 1e-6);
            }
            let more = noise.plus_normal(2.5);
            assert_eq!(more.mixed, noise.mixed);
            assert!((more.normal - normal - 2.5).abs() < 1e-12);
        }
        let noise = MixedNoise::from(exp2(80));
        assert!((noise.p_fail_log2(20, 16) - p_fail_log2(exp2(80), 20, 16)).abs() < 1e-6);
    }

    #[test]
    fn no_noise_never_fails_and_no_room_always_does() {
        let noise = MixedNoise::from(1.0);
        assert_eq!(MixedNoise::from(0.0).tail_log2(1.0), f64::NEG_INFINITY);
        for threshold in [0.0, -1.0] {
            assert_eq!(noise.tail_log2(threshold), 0.0);
            assert_eq!(tail_log2(1.0, threshold, 3), 0.0);
        }
        // Far inside, the bound says nothing but is one.
        assert!(noise.tail_log2(1e-3) <= 1.0 && tail_log2(1.0, 1e-3, 1) <= 1.0);
    }

    /// By relative entropy (Hoeffding 1963, theorem 1): `P(X ≥ n·x) ≤ e^(−n·(x·ln 2x + (1−x)·ln 2(1−x)))`. The bound without it,
    /// `e^(−2·6.66²)`, is 2^-127.98.
    #[test]
    fn keys_are_heavier_than_the_bound_less_often_than_2_to_the_minus_128() {
        for (k, size) in [
            (4, 256),
            (2, 512),
            (1, 1024),
            (3, 512),
            (1, 2048),
            (6, 512),
            (2, 2048),
            (1, 4096),
        ] {
            let glwe = ValidGlwe::secure(k, size).unwrap();
            let n = f64::from(k) * f64::from(size);
            let bound = set_bits_bound(glwe);
            let log2_tail = |weight: f64| {
                let x: f64 = weight / n;
                -n * (x * (2.0 * x).log2() + (1.0 - x) * (2.0 - 2.0 * x).log2())
            };
            assert!(log2_tail(bound) < -128.0, "{n}: {}", log2_tail(bound));
            assert!(log2_tail(bound - 0.05 * n.sqrt()) > -132.0, "{n}");
        }
    }

    #[test]
    fn switches_of_the_modulus_by_hand() {
        // n = 2048: 1024 + 6.66·45.2548 = 1325.397 set bits at most; 20 of 64 bits are kept, (2^88 + 2)/12.
        let glwe = ValidGlwe::secure(2, 1024).unwrap();
        let rounding = (exp2(88) + 2.0) / 12.0;
        let close = |got: f64, wanted: f64| (got / wanted - 1.0).abs() < 1e-6;
        assert!(close(set_bits_bound(glwe), 1325.397));
        assert!(close(
            modulus_switch_variance(glwe, 20),
            1326.397 * rounding
        ));
        assert!(close(centred_switch_variance(glwe, 20), 513.0 * rounding));
        assert_eq!(modulus_switch_variance(glwe, 64), 0.0);
        assert!(close(transform_variance(3.0), 3.0 * 8_388_608.0));
    }

    #[test]
    fn variances_by_hand() {
        // b = 2: (2^5 + 1)/6 = 5.5. Dropping 2 bits: errors -2..=2 with half weight at the ends, (16 + 2)/12 = 1.5.
        assert!((tuniform_variance(2) - 5.5).abs() < 1e-12);
        assert!((rounding_variance(2) - 1.5).abs() < 1e-12);
        assert!(rounding_variance(0).abs() < 1e-12);
    }
}
