//! Negacyclic transforms of torus polynomials and of their digits, over those of `tfhe`.

use pulp::{Arch, NullaryFnOnce};
use tfhe::core_crypto::commons::computation_buffers::ComputationBuffers;
use tfhe::core_crypto::commons::parameters::PolynomialSize;
use tfhe::core_crypto::entities::Polynomial;
use tfhe::core_crypto::fft_impl::fft64::c64;
use tfhe::core_crypto::fft_impl::fft64::math::fft::Fft;
use tfhe::core_crypto::fft_impl::fft64::math::polynomial::FourierPolynomial;

use super::fourier::Spectra;

/// What one thread transforms with.
pub(super) struct Transform {
    pub(super) arch: Arch,
    fft: Fft,
    buffers: ComputationBuffers,
    /// Digits of one polynomial, level by level.
    pub(super) digits: Vec<u64>,
}

impl Transform {
    /// Of polynomials of `size` coefficients.
    pub(super) fn new(size: usize) -> Self {
        let fft = Fft::new(PolynomialSize(size));
        let view = fft.as_view();
        let mut buffers = ComputationBuffers::new();
        let scratch = view.forward_scratch().or(view.backward_scratch());
        buffers.resize(scratch.unaligned_bytes_required());
        Self {
            arch: Arch::new(),
            fft,
            buffers,
            digits: Vec::new(),
        }
    }

    /// Of signed integers.
    pub(super) fn forward(&mut self, spectrum: &mut [c64], polynomial: &[u64]) {
        let spectrum = FourierPolynomial { data: spectrum };
        let polynomial = Polynomial::from_container(polynomial);
        self.fft
            .as_view()
            .forward_as_integer(spectrum, polynomial, self.buffers.stack());
    }

    /// Decomposes `source`, and transforms the digits of level `l` into polynomial `first + l` of `spectra`. What the digits
    /// leave out of `source` is added to `rest`, if it is asked for.
    pub(super) fn forward_digits(
        &mut self,
        spectra: &mut Spectra,
        first: usize,
        source: &[u64],
        (base_log, levels): (u32, usize),
        rest: Option<&mut [u64]>,
    ) {
        let mut digits = core::mem::take(&mut self.digits);
        digits.resize(levels * source.len(), 0);
        self.arch.dispatch(Decompose {
            operand: source,
            base_log,
            levels,
            digits: &mut digits,
            rest: rest.unwrap_or_default(),
        });
        for (level, digits) in digits.chunks_exact(source.len()).enumerate() {
            self.forward(spectra.polynomial(first + level), digits);
        }
        self.digits = digits;
    }

    /// `target += 2^64·` what `spectrum` transforms back to, which is overwritten.
    pub(super) fn add_backward(&mut self, target: &mut [u64], spectrum: &mut [c64]) {
        let target = Polynomial::from_container(target);
        let spectrum = FourierPolynomial { data: spectrum };
        self.fft
            .as_view()
            .add_backward_in_place_as_torus(target, spectrum, self.buffers.stack());
    }
}

/// Bits that digits leave out of a word.
fn dropped_bits(base_log: u32, levels: usize) -> u32 {
    64 - base_log * u32::try_from(levels).unwrap_or(1)
}

/// Digits of a polynomial, rounded to the closest multiple of `q/B^ℓ`, as wrapped integers: level 1 (the largest scale) first.
///
/// The digits are an odd function of the operand, taken for a signed number: those of what is not negative lie in
/// `[−B/2, B/2)`, rounded half up, those of what is negative in `(−B/2, B/2]`, rounded half down. Operands are as often `v` as
/// `−v`, so neither digits nor what they leave out have a mean, whatever multiples the operands are of: results of transforms
/// lie on a grid of up to `2^40`, where a half is no rare exception.
struct Decompose<'a> {
    operand: &'a [u64],
    base_log: u32,
    levels: usize,
    digits: &'a mut [u64],
    /// Gets what the digits leave out added, between minus and plus a half of `q/B^ℓ`; empty if that is not asked for.
    rest: &'a mut [u64],
}

/// A named type instead of a closure, so that all of it is compiled for the registers that the machine has.
impl NullaryFnOnce for Decompose<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let dropped = dropped_bits(self.base_log, self.levels);
        let round = 1u64 << (dropped - 1);
        let half_base = 1u64 << (self.base_log - 1);
        let mask = (1u64 << self.base_log) - 1;
        for (level, digits) in self.digits.chunks_exact_mut(self.operand.len()).enumerate() {
            // What makes the digits of this and every lower level non-negative, so that they do not borrow.
            let below = self.base_log * u32::try_from(self.levels - 1 - level).unwrap_or(0);
            let mut ones = 0;
            for shift in (0..=below).step_by(self.base_log as usize) {
                ones |= 1u64 << shift;
            }
            let offset = half_base * ones;
            for (digit, value) in digits.iter_mut().zip(self.operand) {
                // −1 for what is negative.
                let sign = (value.cast_signed() >> 63).cast_unsigned();
                let rounded = value.wrapping_add(round).wrapping_add(sign) >> dropped;
                let rest = rounded.wrapping_add(offset).wrapping_sub(ones & sign);
                *digit = (rest >> below & mask)
                    .wrapping_sub(half_base)
                    .wrapping_sub(sign);
            }
        }
        let mask = (1u64 << dropped) - 1;
        for (rest, value) in self.rest.iter_mut().zip(self.operand) {
            let sign = (value.cast_signed() >> 63).cast_unsigned();
            let round = round.wrapping_add(sign);
            let left = (value.wrapping_add(round) & mask).wrapping_sub(round);
            *rest = rest.wrapping_add(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// Digits put together again are the operand, but for the rest; both are odd functions of it, ties included.
    #[test]
    fn digits_add_up_and_are_odd() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        for (base_log, levels) in [(2, 24), (7, 3), (23, 1), (4, 12), (15, 2)] {
            let dropped = dropped_bits(base_log, levels);
            // Every other value on a grid of half steps, as coarse as results of transforms.
            let values = (0..256).map(|index| match index % 2 {
                0 => rng.next_u64(),
                _ => rng.next_u64() >> (dropped - 1) << (dropped - 1),
            });
            let values: Vec<u64> = values.filter(|value| *value != 1 << 63).collect();
            let operand: Vec<u64> = values
                .iter()
                .copied()
                .chain(values.iter().map(|value| value.wrapping_neg()))
                .collect();
            let (size, operand) = (operand.len(), operand.as_slice());
            let (mut digits, mut rest) = (vec![0; levels * size], vec![0; size]);
            Arch::new().dispatch(Decompose {
                operand,
                base_log,
                levels,
                digits: &mut digits,
                rest: &mut rest,
            });
            let half = 1i64 << (base_log - 1);
            for (index, value) in operand.iter().enumerate() {
                let digits = (1..).zip(digits.chunks_exact(size));
                let sum = digits.fold(rest[index], |sum, (level, digits)| {
                    let digit = digits[index].cast_signed();
                    assert!((-half..=half).contains(&digit), "{digit}");
                    sum.wrapping_add(digits[index] << (64 - base_log * level))
                });
                assert_eq!(sum, *value);
                assert!(rest[index].cast_signed().unsigned_abs() <= 1 << (dropped - 1));
            }
            for polynomial in digits.chunks_exact(size).chain([rest.as_slice()]) {
                for (index, value) in values.iter().enumerate().take(size - values.len()) {
                    let negated = polynomial[values.len() + index].wrapping_neg();
                    assert_eq!(
                        polynomial[index], negated,
                        "({base_log}, {levels}): {value}"
                    );
                }
            }
        }
    }
}
