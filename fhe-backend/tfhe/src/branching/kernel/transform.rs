//! Negacyclic transforms of polynomials and of their digits, over the complex transform of `tfhe-fft`.
//!
//! A polynomial of `N` real coefficients modulo `X^N + 1` is `N/2` complex numbers `(a_j + i·a_{j+N/2})·ω^j`, `ω = e^{iπ/N}`, and
//! their Fourier transform (Klemsa, <https://eprint.iacr.org/2021/480>). The algorithm of that transform is fixed: `tfhe`'s own
//! `Fft` chooses it by timing, which takes 100 ms a size and makes errors differ from process to process.

use std::sync::OnceLock;

use aligned_vec::AVec;
use dyn_stack::{PodBuffer, PodStack};
use pulp::{Arch, NullaryFnOnce, Simd, WithSimd, bytemuck};
use tfhe_fft::c64;
use tfhe_fft::ordered::FftAlgo;
use tfhe_fft::unordered::{Method, Plan};

use super::digits::{Digits, Rest};
use super::fourier::Spectra;

/// `x + ONES` is `x` rounded to an integer, in the low bits of the mantissa, for `|x| < 2^51`; halves are rounded to the even one.
pub(super) const ONES: f64 = 1.5 * (1u64 << 52) as f64;

/// What all threads transform polynomials of one size with.
struct Tables {
    plan: Plan,
    roots: Roots,
    /// For each number of a spectrum, where its conjugate is after the automorphism `X → X^3`.
    turned: Vec<u32>,
}

/// Powers of `ω`.
pub(super) struct Roots {
    pub(super) re: AVec<f64>,
    pub(super) im: AVec<f64>,
    /// Both, by registers in turn ([`ByRegisters`]).
    pub(super) by_registers: AVec<c64>,
}

impl Roots {
    pub(super) fn new(roots: impl Iterator<Item = c64> + Clone) -> Self {
        let mut by_registers = AVec::from_iter(0, roots.clone());
        let numbers = bytemuck::cast_slice_mut(&mut by_registers);
        Arch::new().dispatch(ByRegisters(numbers));
        Self {
            re: AVec::from_iter(0, roots.clone().map(|root| root.re)),
            im: AVec::from_iter(0, roots.map(|root| root.im)),
            by_registers,
        }
    }
}

impl Tables {
    /// Of polynomials of `size` coefficients, a power of two of up to 2^16.
    fn of(size: usize) -> &'static Self {
        static TABLES: [OnceLock<Tables>; 17] = [const { OnceLock::new() }; 17];
        TABLES[size.ilog2() as usize].get_or_init(|| Self::new(size / 2))
    }

    fn new(size: usize) -> Self {
        // The fastest within external products, where tables and scratch of larger bases displace the operands, and the algorithm
        // that errs least.
        let method = Method::UserProvided {
            base_algo: FftAlgo::Dif4,
            base_n: size.min(256),
        };
        let unit = core::f64::consts::PI / (2 * size) as f64;
        let root = |index: usize| {
            let (im, re) = (unit * index as f64).sin_cos();
            c64 { re, im }
        };
        let plan = Plan::new(size, method);
        Self {
            turned: turned(&plan),
            roots: Roots::new((0..size).map(root)),
            plan,
        }
    }
}

/// Numbers of a spectrum are values at `e^(iπ·q/N)`, `q = 1 modulo 4`. The value of `p(X^3)` there is that of `p` at `3·q`, the conjugate of that at
/// `−3·q`, which is 1 modulo 4. Where the transform has which value, the polynomial `X` tells.
#[expect(clippy::cast_possible_truncation, reason = "of numbers below N")]
fn turned(plan: &Plan) -> Vec<u32> {
    let half = plan.fft_size();
    let unit = core::f64::consts::PI / (2 * half) as f64;
    let mut values = AVec::<c64>::from_iter(0, (0..half).map(|_| c64 { re: 0.0, im: 0.0 }));
    if let Some(value) = values.get_mut(1 % half) {
        let (im, re) = unit.sin_cos();
        *value = c64 { re, im };
    }
    let mut scratch = PodBuffer::new(plan.fft_scratch());
    plan.fwd(&mut values, PodStack::new(&mut scratch));
    let order = 4 * half as i64;
    let quarter = |value: &c64| (value.im.atan2(value.re) / unit).round() as i64;
    let of = |q: i64| usize::try_from(q.rem_euclid(order) / 4).unwrap_or(0);
    let mut places = vec![0u32; half];
    for (at, value) in (0..).zip(values.iter()) {
        places[of(quarter(value))] = at;
    }
    let mut turned = vec![0; half];
    for (at, value) in (0..).zip(values.iter()) {
        turned[places[of(-3 * quarter(value))] as usize] = at;
    }
    turned
}

/// What one thread transforms with.
pub(super) struct Transform {
    pub(super) arch: Arch,
    tables: &'static Tables,
    scratch: PodBuffer,
    /// Scratch for digits.
    numbers: AVec<f64>,
}

impl Transform {
    /// Of polynomials of `size` coefficients.
    pub(super) fn new(size: usize) -> Self {
        let tables = Tables::of(size);
        Self {
            arch: Arch::new(),
            tables,
            scratch: PodBuffer::new(tables.plan.fft_scratch()),
            numbers: AVec::from_iter(0, (0..size).map(|_| 0.0)),
        }
    }

    /// The scale at which products are stored, so that transformed back they are a fraction of the torus.
    pub(super) fn torus_scale(&self) -> f64 {
        const TORUS: f64 = 1.0 / (2.0 * (1u64 << 63) as f64);
        TORUS / self.tables.plan.fft_size() as f64
    }

    /// For each number of a spectrum, where its conjugate is after the automorphism `X → X^3`.
    pub(super) fn turned(&self) -> &'static [u32] {
        &self.tables.turned
    }

    /// Of signed integers.
    pub(super) fn forward(&mut self, spectrum: &mut [c64], polynomial: &[u64]) {
        let (re, im) = polynomial.split_at(polynomial.len() / 2);
        self.arch.dispatch(Twist {
            spectrum,
            re,
            im,
            roots: &self.tables.roots,
        });
        let stack = PodStack::new(&mut self.scratch);
        self.tables.plan.fwd(spectrum, stack);
    }

    /// Transforms the digits of `source`, those of level `l` into polynomial `first + l·step` of `spectra`.
    pub(super) fn forward_digits(
        &mut self,
        spectra: &mut Spectra,
        (first, step): (usize, usize),
        source: &[u64],
        gadget: (u32, usize),
    ) {
        let (stride, numbers) = spectra.from(first);
        self.arch.dispatch(Digits {
            source,
            gadget,
            roots: &self.tables.roots,
            spectra: numbers,
            stride: step * stride,
            numbers: &mut self.numbers,
        });
        for level in 0..gadget.1 {
            let stack = PodStack::new(&mut self.scratch);
            let spectrum = spectra.polynomial(first + level * step);
            self.tables.plan.fwd(spectrum, stack);
        }
    }

    /// What the digits of `source` leave out, added to `rest` or in its place.
    pub(super) fn rest(&self, source: &[u64], gadget: (u32, usize), rest: &mut [u64], add: bool) {
        self.arch.dispatch(Rest {
            source,
            gadget,
            rest,
            add,
        });
    }

    /// `target += 2^64·` what `spectrum`, which is overwritten, transforms back to, but for `2^-53` of a turn; of products of
    /// [`torus_scale`](Self::torus_scale).
    pub(super) fn add_backward(&mut self, target: &mut [u64], spectrum: &mut [c64]) {
        self.inverse(spectrum);
        let (re, im) = target.split_at_mut(target.len() / 2);
        self.arch.dispatch(Untwist {
            re,
            im,
            spectrum,
            roots: &self.tables.roots,
        });
    }

    /// The same of products with both halves of words: what the high ones transform back to is rounded to multiples of `2^32`, which it
    /// is but for the error of the transform, that of the low ones to words.
    pub(super) fn add_limbs_backward(&mut self, target: &mut [u64], limbs: [&mut [c64]; 2]) {
        let [high, low] = limbs.map(|limb| {
            self.inverse(limb);
            &*limb
        });
        let (re, im) = target.split_at_mut(target.len() / 2);
        self.arch.dispatch(UntwistLimbs {
            re,
            im,
            high,
            low,
            roots: &self.tables.roots,
        });
    }

    fn inverse(&mut self, spectrum: &mut [c64]) {
        let stack = PodStack::new(&mut self.scratch);
        self.tables.plan.inv(spectrum, stack);
    }

    /// The complex transform and nothing else, or its inverse: what the rest is compared with.
    #[cfg(feature = "dev")]
    pub(super) fn alone(&mut self, spectrum: &mut [c64], inverse: bool) {
        let stack = PodStack::new(&mut self.scratch);
        match inverse {
            false => self.tables.plan.fwd(spectrum, stack),
            true => self.tables.plan.inv(spectrum, stack),
        }
    }
}

/// Real and imaginary parts that take turns, made to take turns by registers instead, in the order in which a register's halves are
/// told apart the fastest.
struct ByRegisters<'a>(&'a mut [f64]);

impl WithSimd for ByRegisters<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (vectors, _) = S::as_mut_simd_f64s(self.0);
        for pair in vectors.as_chunks_mut::<2>().0 {
            *pair = simd.deinterleave_shfl_f64s(*pair);
        }
    }
}

/// `(re + i·im)·ω^j` of signed integers. Named types instead of closures, here and below, so that all of it is compiled for the
/// registers that the machine has.
struct Twist<'a> {
    spectrum: &'a mut [c64],
    re: &'a [u64],
    im: &'a [u64],
    roots: &'a Roots,
}

impl NullaryFnOnce for Twist<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let coefficients = self.re.iter().zip(self.im);
        let spectrum = self.spectrum.iter_mut();
        let roots = self.roots.re.iter().zip(self.roots.im.iter());
        for ((entry, (re, im)), root) in spectrum.zip(coefficients).zip(roots) {
            let (re, im) = (signed(*re), signed(*im));
            *entry = c64 {
                re: re.mul_add(*root.0, -(im * root.1)),
                im: re.mul_add(*root.1, im * root.0),
            };
        }
    }
}

/// The signed integer of a word, rounded once: `as f64` for vectors, which have no instruction for it before AVX-512.
#[inline(always)]
pub(super) fn signed(word: u64) -> f64 {
    // The mantissas of 2^52 and of 2^84 hold the halves, the upper one with 2^31 added.
    let low = f64::from_bits(word & 0xffff_ffff | 0x4330_0000_0000_0000);
    let high = f64::from_bits(word >> 32 ^ 0x4530_0000_8000_0000);
    high - 19_342_822_341_709_703_277_445_120.0 + low
}

/// Adds fractions of the torus, in units of `2^-64`.
struct Untwist<'a> {
    re: &'a mut [u64],
    im: &'a mut [u64],
    spectrum: &'a [c64],
    roots: &'a Roots,
}

impl NullaryFnOnce for Untwist<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let coefficients = self.re.iter_mut().zip(self.im.iter_mut());
        let roots = self.roots.re.iter().zip(self.roots.im.iter());
        for (((re, im), value), root) in coefficients.zip(self.spectrum).zip(roots) {
            let [real, imaginary] = untwisted(value, root);
            *re = re.wrapping_add(coarse_torus(real));
            *im = im.wrapping_add(coarse_torus(imaginary));
        }
    }
}

/// The same of two limbs.
struct UntwistLimbs<'a> {
    re: &'a mut [u64],
    im: &'a mut [u64],
    high: &'a [c64],
    low: &'a [c64],
    roots: &'a Roots,
}

impl NullaryFnOnce for UntwistLimbs<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let coefficients = self.re.iter_mut().zip(self.im.iter_mut());
        let limbs = self.high.iter().zip(self.low);
        let roots = self.roots.re.iter().zip(self.roots.im.iter());
        for (((re, im), (high, low)), root) in coefficients.zip(limbs).zip(roots) {
            let [high_re, high_im] = untwisted(high, root).map(half_torus);
            let [low_re, low_im] = untwisted(low, root).map(torus);
            *re = re.wrapping_add(high_re).wrapping_add(low_re);
            *im = im.wrapping_add(high_im).wrapping_add(low_im);
        }
    }
}

/// A number times the conjugate of a root.
#[inline(always)]
fn untwisted(value: &c64, root: (&f64, &f64)) -> [f64; 2] {
    [
        value.re.mul_add(*root.0, value.im * root.1),
        value.im.mul_add(*root.0, -(value.re * root.1)),
    ]
}

/// Where multiples of `2^-32` are the ends of mantissas, and those of one turn their lower half.
const HALVES: f64 = 1.5 * (1u64 << 20) as f64;

/// `2^64·x`, rounded to a multiple of `2^32`, modulo `2^64`, for `|x| < 2^51`.
#[inline(always)]
fn half_torus(x: f64) -> u64 {
    let fraction = x - (x + ONES - ONES);
    (fraction + HALVES).to_bits() << 32
}

/// `2^64·x`, rounded, modulo `2^64`, for `|x| < 2^51`: sums with `1.5·2^k` leave multiples of `2^(k − 52)` in the mantissa.
#[inline(always)]
fn torus(x: f64) -> u64 {
    const LOW: f64 = 1.5 / 4096.0;
    let fraction = x - (x + ONES - ONES);
    let high = fraction + HALVES;
    let low = fraction - (high - HALVES) + LOW;
    // The mantissa of `HALVES` ends in zeros, as it stands in `high`'s.
    (high.to_bits() << 32)
        .wrapping_add(low.to_bits())
        .wrapping_sub(LOW.to_bits())
}

/// The same, rounded to a multiple of `2^12`: the mantissa of what lies between 1 and 2.
#[inline(always)]
fn coarse_torus(x: f64) -> u64 {
    let fraction = x - (x + ONES - ONES);
    (fraction + 1.5).to_bits() << 12 ^ 1 << 63
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn words_are_rounded_once() {
        let mut rng = ChaCha20Rng::seed_from_u64(6);
        let edges = [
            0,
            1,
            u64::MAX,
            1 << 63,
            (1 << 63) - 1,
            1 << 53,
            (1 << 53) + 1,
            1 << 31,
            1 << 32,
        ];
        let random = (0..100_000).map(|at| rng.next_u64() >> (at % 64));
        for word in edges.into_iter().chain(random) {
            for word in [word, word.wrapping_neg()] {
                assert_eq!(signed(word), word.cast_signed() as f64, "{word}");
            }
        }
    }

    /// `x = m·2^-e` is `m·2^(64 - e)` of the units, rounded to the nearest, to either of two that are as near.
    #[test]
    fn fractions_of_the_torus_are_rounded_to_a_word() {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        for _ in 0..1_000_000 {
            let mantissa = rng.next_u64().cast_signed() >> 11;
            let exponent = rng.next_u32() % 99 + 2;
            let x = mantissa as f64 * (-f64::from(exponent)).exp2();
            let scaled = i128::from(mantissa) << 64;
            let error = (i128::from(torus(x)) << exponent) - scaled;
            // Modulo a turn, 2^64 units.
            let turn = 1i128 << (64 + exponent).min(126);
            let error = error.rem_euclid(turn);
            let error = error.min(turn - error);
            assert!(2 * error <= 1 << exponent, "{mantissa}·2^-{exponent}");
            let apart = coarse_torus(x).wrapping_sub(torus(x)).cast_signed();
            assert!(apart.unsigned_abs() <= 1 << 11, "{mantissa}·2^-{exponent}");
        }
        for half in [0.5, -0.5, 1023.5] {
            assert_eq!(torus(half), 1 << 63);
            assert_eq!(coarse_torus(half), 1 << 63);
        }
    }
}
