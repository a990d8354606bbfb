//! Signed digits of torus polynomials, on their way into transforms.

use aligned_vec::AVec;
use pulp::{Arch, Simd, WithSimd, bytemuck};
use tfhe_fft::c64;

use super::transform::{Roots, by_registers};

const SIGN: u64 = 1 << 63;

/// A polynomial, rounded to the closest multiples of `q/B^ℓ`, from which the digits of each level can be read.
///
/// The digits are an odd function of the polynomial's coefficients, taken for signed numbers: those of what is not negative lie
/// in `[−B/2, B/2)`, rounded half up, those of what is negative in `(−B/2, B/2]`, rounded half down. Operands are as often `v` as
/// `−v`, so neither digits nor what they leave out have a mean, whatever multiples the operands are of: results of transforms
/// lie on a grid of up to `2^40`, where a half is no rare exception.
pub(super) struct Decomposed {
    base_log: u32,
    levels: usize,
    /// Those of coefficients `j` and `j + N/2` in turn, by registers ([`by_registers`]). For each its sign, and in the lower `ℓ·log2 B` bits its rounded magnitude plus `B/2` at each level, so that no
    /// level borrows from the next.
    words: AVec<u64>,
}

impl Decomposed {
    pub(super) fn new() -> Self {
        Self {
            base_log: 1,
            levels: 0,
            words: AVec::new(0),
        }
    }

    /// What the digits leave out is added to `rest`, between minus and plus a half of `q/B^ℓ`, if that is asked for.
    pub(super) fn decompose(
        &mut self,
        arch: Arch,
        source: &[u64],
        (base_log, levels): (u32, usize),
        rest: Option<&mut [u64]>,
    ) {
        (self.base_log, self.levels) = (base_log, levels);
        self.words.resize(source.len(), 0);
        arch.dispatch(Decompose {
            source,
            rest: rest.unwrap_or_default(),
            decomposed: self,
        });
    }

    /// Bits that the digits leave out of a word; at least one, for the sign of the magnitude's word.
    fn dropped_bits(&self) -> u32 {
        64 - self.base_log * u32::try_from(self.levels).unwrap_or(1)
    }

    /// `B/2` at every level.
    fn offset(&self) -> u64 {
        let levels = (0..self.levels).fold(0, |sum, _| sum << self.base_log | 1);
        levels << (self.base_log - 1)
    }

    /// Place and mask of the digits of a level, counted from 0, the largest.
    fn place(&self, level: usize) -> (u32, u64) {
        let below = self.base_log * u32::try_from(self.levels - 1 - level).unwrap_or(0);
        (below, (1 << self.base_log) - 1)
    }

    /// The digits of a level as wrapped integers.
    #[cfg(test)]
    pub(super) fn level(&self, level: usize) -> Vec<u64> {
        let (below, mask) = self.place(level);
        let half = 1 << (self.base_log - 1);
        let digit = |word: &u64| {
            let digit = (word >> below & mask).wrapping_sub(half);
            if word & SIGN == 0 {
                digit
            } else {
                digit.wrapping_neg()
            }
        };
        let mut words = self.words.clone();
        Arch::new().dispatch(tests::InTurn(&mut words));
        let halves = [0, 1].map(|half| words.iter().skip(half).step_by(2));
        halves.into_iter().flatten().map(digit).collect()
    }
}

/// [`Decomposed::decompose`]. A named type instead of a closure, so that all of it is compiled for the registers that the machine has.
struct Decompose<'a> {
    source: &'a [u64],
    rest: &'a mut [u64],
    decomposed: &'a mut Decomposed,
}

impl WithSimd for Decompose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let dropped = self.decomposed.dropped_bits();
        let offset = self.decomposed.offset();
        let round = 1u64 << (dropped - 1);
        let digits = |value: u64| {
            let sum = magnitude(value).wrapping_add(round) >> dropped;
            sum.wrapping_add(offset) & !SIGN | value & SIGN
        };
        let (re, im) = self.source.split_at(self.source.len() / 2);
        let (pairs, _) = self.decomposed.words.as_chunks_mut::<2>();
        for (pair, (re, im)) in pairs.iter_mut().zip(re.iter().zip(im)) {
            *pair = [digits(*re), digits(*im)];
        }
        by_registers(simd, bytemuck::cast_slice_mut(&mut self.decomposed.words));
        for (rest, value) in self.rest.iter_mut().zip(self.source) {
            *rest = rest.wrapping_add(rest_of(*value, dropped));
        }
    }
}

/// What digits that leave out the low `dropped` bits, one or more, leave out of a coefficient.
#[inline(always)]
pub(crate) fn rest_of(value: u64, dropped: u32) -> u64 {
    let round = 1u64 << (dropped - 1);
    let mask = (1u64 << dropped) - 1;
    let left = (magnitude(value).wrapping_add(round) & mask).wrapping_sub(round);
    let sign = (value.cast_signed() >> 63).cast_unsigned();
    (left ^ sign).wrapping_sub(sign)
}

#[inline(always)]
fn magnitude(value: u64) -> u64 {
    let sign = (value.cast_signed() >> 63).cast_unsigned();
    (value ^ sign).wrapping_sub(sign)
}

/// Digits of one level, times the powers of `ω`: what the Fourier transform takes.
pub(super) struct Digits<'a> {
    pub(super) spectrum: &'a mut [c64],
    pub(super) decomposed: &'a Decomposed,
    pub(super) level: usize,
    pub(super) roots: &'a Roots,
}

impl WithSimd for Digits<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        /// Its mantissa takes the digit.
        const ONES: f64 = (1u64 << 52) as f64;
        let (below, mask) = self.decomposed.place(self.level);
        let offset = ONES + (1u64 << (self.decomposed.base_log - 1)) as f64;
        let digit_of = |word: &u64| {
            let magnitude = f64::from_bits(word >> below & mask | ONES.to_bits()) - offset;
            f64::from_bits(magnitude.to_bits() ^ word & SIGN)
        };
        let (words, _) = self.decomposed.words.as_chunks::<{ 2 * BLOCK }>();
        let spectrum = self.spectrum.as_chunks_mut().0.iter_mut();
        let (roots, _) = self.roots.by_registers.as_chunks();
        for ((spectrum, words), roots) in spectrum.zip(words).zip(roots) {
            let mut digits = [0.0; 2 * BLOCK];
            for (digit, word) in digits.iter_mut().zip(words) {
                *digit = digit_of(word);
            }
            twist(simd, &digits, roots, spectrum);
        }
    }
}

/// Numbers that are computed before the next ones are read: they stay in registers.
const BLOCK: usize = 16;

/// Complex numbers times roots, both by registers.
#[inline(always)]
fn twist<S: Simd>(
    simd: S,
    numbers: &[f64; 2 * BLOCK],
    roots: &[c64; BLOCK],
    spectrum: &mut [c64; BLOCK],
) {
    let (numbers, _) = S::as_simd_f64s(numbers);
    let (roots, _) = S::as_simd_f64s(bytemuck::cast_slice(roots));
    let (spectrum, _) = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(spectrum));
    let (spectrum, _) = spectrum.as_chunks_mut::<2>();
    let factors = numbers
        .as_chunks::<2>()
        .0
        .iter()
        .zip(roots.as_chunks::<2>().0);
    for (entry, ([re, im], [root_re, root_im])) in spectrum.iter_mut().zip(factors) {
        let minus_im = simd.neg_f64s(*im);
        *entry = simd.interleave_shfl_f64s([
            simd.mul_add_e_f64s(*re, *root_re, simd.mul_f64s(minus_im, *root_im)),
            simd.mul_add_e_f64s(*re, *root_im, simd.mul_f64s(*im, *root_re)),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// What undoes [`by_registers`].
    pub(super) struct InTurn<'a>(pub(super) &'a mut [u64]);

    impl WithSimd for InTurn<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, _) = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(self.0));
            for pair in vectors.as_chunks_mut::<2>().0 {
                *pair = simd.interleave_shfl_f64s(*pair);
            }
        }
    }

    /// Digits put together again are the operand, but for the rest; both are odd functions of it, ties included.
    #[test]
    fn digits_add_up_and_are_odd() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        for (base_log, levels) in [(2, 24), (7, 3), (23, 1), (4, 12), (15, 2), (21, 3), (9, 7)] {
            let mut decomposed = Decomposed {
                base_log,
                levels,
                words: AVec::new(0),
            };
            let dropped = decomposed.dropped_bits();
            // Every other value on a grid of half steps, as coarse as results of transforms.
            let values = (0..256).map(|index| match index % 2 {
                0 => rng.next_u64(),
                _ => rng.next_u64() >> (dropped - 1) << (dropped - 1),
            });
            let values: Vec<u64> = values.filter(|value| *value != 1 << 63).collect();
            let mut operand: Vec<u64> = values
                .iter()
                .copied()
                .chain(values.iter().map(|value| value.wrapping_neg()))
                .chain([1 << 63])
                .collect();
            operand.resize(544, 0);
            let mut rest = vec![0; operand.len()];
            decomposed.decompose(Arch::new(), &operand, (base_log, levels), Some(&mut rest));
            let digits: Vec<Vec<u64>> = (0..levels).map(|level| decomposed.level(level)).collect();
            let half = 1i64 << (base_log - 1);
            for (index, value) in operand.iter().enumerate() {
                let digits = (1..).zip(&digits);
                let sum = digits.fold(rest[index], |sum, (level, digits)| {
                    let digit = digits[index].cast_signed();
                    assert!((-half..=half).contains(&digit), "{digit}");
                    sum.wrapping_add(digits[index] << (64 - base_log * level))
                });
                assert_eq!(sum, *value);
                assert!(rest[index].cast_signed().unsigned_abs() <= 1 << (dropped - 1));
            }
            for polynomial in digits.iter().chain([&rest]) {
                for (index, value) in values.iter().enumerate() {
                    let negated = polynomial[values.len() + index].wrapping_neg();
                    assert_eq!(
                        polynomial[index], negated,
                        "({base_log}, {levels}): {value}"
                    );
                }
            }
        }
    }

    /// What is transformed are the digits.
    #[test]
    fn vectors_hold_the_digits() {
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let one = Roots::new([c64 { re: 1.0, im: 0.0 }; 64].into_iter());
        for (base_log, levels) in [(1, 1), (2, 24), (31, 2), (63, 1), (7, 9)] {
            let source: Vec<u64> = (0..128).map(|_| rng.next_u64()).collect();
            let mut decomposed = Decomposed::new();
            decomposed.decompose(Arch::new(), &source, (base_log, levels), None);
            for level in (0..levels).filter(|_| base_log < 53) {
                let mut spectrum = [c64 { re: 0.0, im: 0.0 }; 64];
                Arch::new().dispatch(Digits {
                    spectrum: &mut spectrum,
                    decomposed: &decomposed,
                    level,
                    roots: &one,
                });
                let digits = decomposed.level(level);
                for (index, entry) in spectrum.iter().enumerate() {
                    assert_eq!(entry.re, digits[index].cast_signed() as f64);
                    assert_eq!(entry.im, digits[index + 64].cast_signed() as f64);
                }
            }
        }
    }
}
