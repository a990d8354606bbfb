//! Signed digits of torus polynomials, on their way into transforms.

use core::ops::Range;

use pulp::{Simd, WithSimd, bytemuck};
use tfhe_fft::c64;

use super::transform::{ONES, Roots, signed};

/// Bits that are rounded together: few enough that numbers of so many are exact, and words nearly so.
const EXACT_BITS: u32 = 48;

/// The digits of all levels of a polynomial, times the powers of `ω`: what the Fourier transform takes.
///
/// With `y` the polynomial in units of `q/B^ℓ`, rounded, and `R_k` its multiples of `B^k`, rounded, digits are `R_k − B·R_(k+1)`, between
/// `−B/2` and `B/2`. Halves are rounded to even, so that digits are an odd function of the polynomial's coefficients, taken for signed
/// numbers. Operands are as often `v` as `−v`, so neither digits nor what they leave out have a mean, whatever multiples the operands are
/// of: results of transforms lie on a grid of up to `2^40`, where a half is no rare exception. Levels below [`EXACT_BITS`] have the digits of
/// what those above leave out.
pub(super) struct Digits<'a> {
    pub(super) source: &'a [u64],
    pub(super) gadget: (u32, usize),
    pub(super) roots: &'a Roots,
    /// The polynomial of the first level; those of the others lie `stride` numbers apart.
    pub(super) spectra: &'a mut [c64],
    pub(super) stride: usize,
    /// Scratch, a number for each coefficient.
    pub(super) numbers: &'a mut [f64],
}

/// Rounding of a word to the digits of its upper levels, and of what they leave out to those of the others. The base has at most
/// [`EXACT_BITS`]; products with larger digits have more noise than any plan.
#[derive(Clone, Copy)]
struct Rounding {
    upper: usize,
    lower: usize,
    /// Bits that each leaves out.
    dropped: [u32; 2],
    /// `2^−dropped`.
    units: [f64; 2],
}

impl Rounding {
    fn new((base_log, levels): (u32, usize)) -> Self {
        let upper = levels.min((EXACT_BITS / base_log).max(1) as usize);
        let dropped = [upper, levels].map(|levels| {
            let bits = base_log.saturating_mul(u32::try_from(levels).unwrap_or(u32::MAX));
            64u32.saturating_sub(bits)
        });
        Self {
            upper,
            lower: levels - upper,
            dropped,
            units: dropped.map(|dropped| power(-dropped.cast_signed())),
        }
    }

    /// A word in units of the digits of the upper levels, and what that leaves out.
    #[inline(always)]
    fn upper<S: Simd>(&self, word: u64) -> (f64, u64) {
        Self::round::<S>(word, self.units[0], self.dropped[0])
    }

    /// The same of what the upper levels leave out, for the others.
    #[inline(always)]
    fn lower<S: Simd>(&self, rest: u64) -> (f64, u64) {
        Self::round::<S>(rest, self.units[1], self.dropped[1])
    }

    #[inline(always)]
    fn round<S: Simd>(word: u64, unit: f64, dropped: u32) -> (f64, u64) {
        let rounded = number::<S>(word).mul_add(unit, ONES);
        let integer = rounded.to_bits().wrapping_sub(ONES.to_bits());
        (rounded - ONES, word.wrapping_sub(integer << dropped))
    }
}

/// `2^exponent`.
fn power(exponent: i32) -> f64 {
    f64::from(exponent).exp2()
}

/// The signed number of a word, rounded once.
#[inline(always)]
fn number<S: Simd>(word: u64) -> f64 {
    // AVX-512 has an instruction for it.
    match S::F64_LANES {
        8 => word.cast_signed() as f64,
        _ => signed(word),
    }
}

impl WithSimd for Digits<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let rounding = Rounding::new(self.gadget);
        let upper = |word| rounding.upper::<S>(word).0;
        self.levels(simd, 0..rounding.upper, upper);
        if rounding.lower > 0 {
            let lower = |word| rounding.lower::<S>(rounding.upper::<S>(word).1).0;
            self.levels(simd, rounding.upper..self.gadget.1, lower);
        }
    }
}

impl Digits<'_> {
    /// Digits of levels, of words that `rounded` brings to the units of the last of them.
    #[inline(always)]
    fn levels<S: Simd>(&mut self, simd: S, levels: Range<usize>, rounded: impl Fn(u64) -> f64) {
        let base_log = self.gadget.0.cast_signed();
        let [ones, zero] = [ONES, 0.0].map(|number| simd.splat_f64s(number));
        let minus_base = simd.splat_f64s(-power(base_log));
        // What makes multiples of `B^k` integers, the largest first.
        let mut scales = [0.0; 64];
        for (scale, below) in scales.iter_mut().zip((0..).take(levels.len())) {
            *scale = power(-below * base_log);
        }
        let scales = &mut scales[..levels.len()];
        scales.reverse();
        let stride = self.stride / S::F64_LANES;
        let (spectra, _) = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(self.spectra));
        let (spectra, _) = spectra.as_chunks_mut::<2>();
        let spectra = &mut spectra[levels.start * stride..];
        let (roots, _) = S::as_simd_f64s(bytemuck::cast_slice(&self.roots.by_registers));
        let (roots, _) = roots.as_chunks::<2>();
        let (re, im) = self.source.split_at(self.source.len() / 2);
        let (pairs, _) = self.numbers.as_chunks_mut::<2>();
        for (pair, (re, im)) in pairs.iter_mut().zip(re.iter().zip(im)) {
            *pair = [rounded(*re), rounded(*im)];
        }
        let (pairs, _) = S::as_simd_f64s(self.numbers);
        let pairs = pairs.as_chunks::<2>().0.iter().zip(roots);
        for (at, (pair, root)) in pairs.enumerate() {
            let words = simd.deinterleave_shfl_f64s(*pair);
            let mut above = [zero; 2];
            for (level, scale) in scales.iter().enumerate() {
                let scale = simd.splat_f64s(*scale);
                let here =
                    words.map(|part| simd.sub_f64s(simd.mul_add_e_f64s(part, scale, ones), ones));
                let digits =
                    [0, 1].map(|part| simd.mul_add_e_f64s(minus_base, above[part], here[part]));
                above = here;
                spectra[level * stride + at] = twist(simd, digits, *root);
            }
        }
    }
}

/// Complex numbers times roots, both by registers, as they lie in spectra.
#[inline(always)]
fn twist<S: Simd>(
    simd: S,
    [re, im]: [S::f64s; 2],
    [root_re, root_im]: [S::f64s; 2],
) -> [S::f64s; 2] {
    let minus_im = simd.neg_f64s(im);
    simd.interleave_shfl_f64s([
        simd.mul_add_e_f64s(re, root_re, simd.mul_f64s(minus_im, root_im)),
        simd.mul_add_e_f64s(re, root_im, simd.mul_f64s(im, root_re)),
    ])
}

/// Adds what digits leave out of a polynomial to `rest`, or sets it: between minus and plus a half of `q/B^ℓ`, and a 2^-53 of the
/// coefficient.
pub(super) struct Rest<'a> {
    pub(super) source: &'a [u64],
    pub(super) gadget: (u32, usize),
    pub(super) rest: &'a mut [u64],
    pub(super) add: bool,
}

impl WithSimd for Rest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let rounding = Rounding::new(self.gadget);
        let upper = |word| rounding.upper::<S>(word).1;
        let words = self.rest.iter_mut().zip(self.source);
        match (rounding.lower > 0, self.add) {
            (false, false) => words.for_each(|(rest, word)| *rest = upper(*word)),
            (false, true) => {
                words.for_each(|(rest, word)| *rest = rest.wrapping_add(upper(*word)));
            }
            (true, add) => words.for_each(|(rest, word)| {
                let before = if add { *rest } else { 0 };
                *rest = before.wrapping_add(rounding.lower::<S>(upper(*word)).1);
            }),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use pulp::Arch;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// The digits of each level as wrapped integers, largest first: those that are transformed, read back.
    pub(crate) fn digits_of(source: &[u64], gadget: (u32, usize)) -> Vec<Vec<u64>> {
        let half = source.len() / 2;
        let one = Roots::new((0..half).map(|_| c64 { re: 1.0, im: 0.0 }));
        let mut spectra = vec![c64 { re: 0.0, im: 0.0 }; half * gadget.1];
        Arch::new().dispatch(Digits {
            source,
            gadget,
            roots: &one,
            spectra: &mut spectra,
            stride: half,
            numbers: &mut vec![0.0; source.len()],
        });
        let integer = |number: f64| {
            assert!(number == number.round());
            #[expect(clippy::cast_possible_truncation, reason = "an integer")]
            let integer = number as i64;
            integer.cast_unsigned()
        };
        let levels = spectra.chunks_exact(half).map(|spectrum| {
            let re = spectrum.iter().map(|number| integer(number.re));
            re.chain(spectrum.iter().map(|number| integer(number.im)))
                .collect()
        });
        levels.collect()
    }

    /// Every other value on a grid of half steps, as coarse as results of transforms; then all of them negated, and the smallest one.
    fn operand(dropped: u32) -> Vec<u64> {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let values = (0..255).map(|index| match index % 2 {
            0 => rng.next_u64(),
            _ => rng.next_u64() >> (dropped - 1) << (dropped - 1),
        });
        let values: Vec<u64> = values.filter(|value| *value != 1 << 63).collect();
        let negated = values.iter().map(|value| value.wrapping_neg());
        let mut operand: Vec<u64> = values.iter().copied().chain(negated).collect();
        operand.resize(512, 1 << 63);
        operand
    }

    /// Digits put together again are the operand, but for the rest; both are odd functions of it, ties included.
    #[test]
    fn digits_add_up_and_are_odd() {
        for (base_log, levels) in [
            (2, 24),
            (7, 3),
            (23, 1),
            (4, 12),
            (4, 13),
            (15, 2),
            (21, 3),
            (9, 7),
            (5, 11),
            (31, 2),
        ] {
            let gadget = (base_log, levels);
            let dropped = Rounding::new(gadget).dropped[1];
            let operand = operand(dropped);
            let mut rest = vec![1; operand.len()];
            for add in [false, true] {
                Arch::new().dispatch(Rest {
                    source: &operand,
                    gadget,
                    rest: &mut rest,
                    add,
                });
            }
            let digits = digits_of(&operand, gadget);
            let half = 1i64 << (base_log - 1);
            for (index, value) in operand.iter().enumerate() {
                // Set, then added to itself.
                let rest = rest[index].cast_signed() / 2;
                let sum = (1..)
                    .zip(&digits)
                    .fold(rest.cast_unsigned(), |sum, (level, digits)| {
                        let digit = digits[index].cast_signed();
                        // Words of more bits than numbers have are rounded twice.
                        let most = half + half / 16;
                        assert!((-most..=most).contains(&digit), "{digit}");
                        sum.wrapping_add(digits[index] << (64 - base_log * level))
                    });
                assert_eq!(sum, *value, "({base_log}, {levels})");
                assert!(rest.unsigned_abs() <= (1 << (dropped - 1)) + (1 << 10));
            }
            for polynomial in digits.iter().chain([&rest]) {
                for (index, value) in operand[..255].iter().enumerate() {
                    let negated = polynomial[255 + index].wrapping_neg();
                    assert_eq!(
                        polynomial[index], negated,
                        "({base_log}, {levels}): {value}"
                    );
                }
            }
        }
    }
}
