//! The noise that hides what a model does to the phase of a response, and how much of it there must be (`docs/hide-model.md`).
//!
//! It is the median of five uniform numbers in `[−B, B)`, whose density is `15/16·(1 − x²)²/B` at `x·B` (Beta(3, 3)). Of all
//! densities within `±B` the least Fisher information is `π²/B²`; this one's is `10/B²`, its variance `B²/7`. Normal noise of
//! the same information would reach four times as far at 2^-128.

use tenebra_circuit::Hide;
use tenebra_client::linear::ValidLinear;
use tenebra_client::random::MaskStream;

use super::plan::LinearShape;
use crate::noise::{input_variance, tuniform_variance};

/// Fisher information of the noise, times `B²`.
const INFORMATION: f64 = 10.0;

/// How a plan hides its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What was asked for.
    pub hide: Hide,
    /// `b`: bodies of responses get noise in `[−2^b, 2^b)`.
    pub noise_bits: u8,
}

impl Hidden {
    /// Variance of the noise.
    #[must_use]
    pub fn variance(self) -> f64 {
        self.bound().powi(2) / 7.0
    }

    /// Largest magnitude of the noise.
    #[must_use]
    pub fn bound(self) -> f64 {
        f64::from(self.noise_bits).exp2()
    }
}

/// The next number of the noise in `[−2^bits, 2^bits)`, `bits <= 62`, as a torus element: of five, the third.
pub(super) fn draw(stream: &mut MaskStream, bits: u8) -> u64 {
    let mut words = [0; 5];
    stream.fill(&mut words);
    let [a, b, c, d, e] = words.map(|word| word >> (63 - bits));
    // Without branches: the least of a, b, c, d and the greatest of them are not the median; what remains is of three.
    let (low_ab, high_ab) = (a.min(b), a.max(b));
    let (low_cd, high_cd) = (c.min(d), c.max(d));
    let low = low_ab.max(low_cd);
    let high = high_ab.min(high_cd);
    let median = low.min(high).max(low.max(high).min(e));
    median.wrapping_sub(1 << bits)
}

/// Variance of the phase of the zeros that are added, on average over keys: `e·u` and `e'·s` with binary `u` and `s`, of which
/// half the bits are set.
fn zero_variance(layout: &ValidLinear) -> f64 {
    layout.glwe().dimension() as f64 * tuniform_variance(layout.glwe().noise_bound_log2())
}

/// log2 of the least bound `B` of the noise that hides every model with these norms or less: `ε·B = √(10·Q·Σ V)` over the
/// bodies of a response of as many rows as there can be.
pub(super) fn noise_bits(shape: &LinearShape, layout: &ValidLinear, hide: Hide) -> f64 {
    let (input, zero) = (input_variance(layout), zero_variance(layout));
    let groups = shape.squared_norms.chunks(layout.layout().group as usize);
    let row: f64 = groups
        .map(|group| group.len() as f64 * (group.iter().sum::<f64>() * input + zero))
        .sum();
    let shifts = f64::from(layout.layout().max_rows) * row;
    let total = (INFORMATION * shifts).log2() + f64::from(hide.responses_log2);
    total / 2.0 + f64::from(hide.advantage_bits)
}

#[cfg(test)]
mod tests {
    use tenebra_client::random::MaskSeed;

    use super::*;

    #[test]
    fn it_is_the_median_of_five() {
        // 10,000 draws against sorting.
        for bits in [1u8, 17, 62] {
            let mut one = MaskStream::new(MaskSeed([bits; 32]));
            let mut other = MaskStream::new(MaskSeed([bits; 32]));
            for _ in 0..10_000 {
                let mut words = [0; 5];
                other.fill(&mut words);
                let mut words = words.map(|word| word >> (63 - bits));
                words.sort_unstable();
                let median = words[2].wrapping_sub(1 << bits);
                assert_eq!(draw(&mut one, bits), median);
            }
        }
    }

    #[test]
    fn its_moments_are_those_of_the_density() {
        // x in [−1, 1): E[x²] = 1/7, E[x⁴] = 1/21, so the mean of 10^5 squares has the standard error √((1/21 − 1/49)/10^5)
        // = 0.00052, the mean of as many x √(1/7/10^5) = 0.0012. Five of each.
        let mut stream = MaskStream::new(MaskSeed([3; 32]));
        let count = 100_000;
        let (mut sum, mut squares, mut fourth) = (0.0, 0.0, 0.0);
        for _ in 0..count {
            let x = draw(&mut stream, 40).cast_signed() as f64 / 40f64.exp2();
            assert!((-1.0..1.0).contains(&x));
            sum += x;
            squares += x * x;
            fourth += x.powi(4);
        }
        let count = f64::from(count);
        assert!((sum / count).abs() < 5.0 * 0.0012, "{sum}");
        assert!((squares / count - 1.0 / 7.0).abs() < 5.0 * 0.00052);
        // Var(x⁴) = 5/231... bounded by E[x⁸] = 1/99: a standard error of 0.00032.
        assert!((fourth / count - 1.0 / 21.0).abs() < 5.0 * 0.00032);
    }

    /// `ε·B = √(10·Q·ΣV)` over the bodies: a group of two outputs, whose norms add up, and one of one, in four rows; every body
    /// has the zeros as well.
    #[test]
    fn the_bound_of_the_noise_by_hand() {
        let glwe = tenebra_client::ValidGlwe::secure(2, 512).unwrap();
        let layout = tenebra_client::linear::LinearLayout {
            glwe: glwe.params(),
            plaintext_bits: 8,
            body_bits: 24,
            response_bits: 18,
            features: 5,
            outputs: 3,
            group: 2,
            blocks: 1,
            max_rows: 4,
        };
        let layout = layout.validate().unwrap();
        let shape = LinearShape {
            features: 5,
            outputs: 3,
            squared_norms: vec![100.0, 20.0, 3.0],
            plaintext_bits: 8,
            hide: None,
        };
        let fresh = tuniform_variance(glwe.noise_bound_log2());
        let input = fresh + (80f64.exp2() + 2.0) / 12.0;
        let sum = 4.0 * (2.0 * (120.0 * input + 1024.0 * fresh) + 3.0 * input + 1024.0 * fresh);
        for (responses_log2, advantage_bits) in [(0, 1), (7, 3), (40, 64)] {
            let hide = Hide {
                responses_log2,
                advantage_bits,
            };
            let responses = f64::from(responses_log2).exp2();
            let bound = f64::from(advantage_bits).exp2() * (10.0 * responses * sum).sqrt();
            assert!((noise_bits(&shape, &layout, hide) - bound.log2()).abs() < 1e-9);
        }
        let hidden = Hidden {
            hide: Hide {
                responses_log2: 0,
                advantage_bits: 1,
            },
            noise_bits: 40,
        };
        assert_eq!(hidden.bound(), 40f64.exp2());
        assert!((hidden.variance() * 7.0 / 80f64.exp2() - 1.0).abs() < 1e-12);
    }
}
