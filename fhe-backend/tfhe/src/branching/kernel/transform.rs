//! Negacyclic transforms of torus polynomials and of their digits, over those of `tfhe`.

use pulp::Arch;
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

    /// Decomposes `source`, and transforms the digits of level `l` into polynomial `first + l` of `spectra`.
    pub(super) fn forward_digits(
        &mut self,
        spectra: &mut Spectra,
        first: usize,
        source: &[u64],
        base_log: u32,
        levels: usize,
    ) {
        let mut digits = core::mem::take(&mut self.digits);
        decompose(self.arch, source, base_log, levels, &mut digits);
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

/// Lanes of a decomposition: an even number, and no less than a vector register has.
const LANES: usize = 8;

/// Digits of a polynomial, rounded to the closest multiple of `q/B^ℓ`, as wrapped integers: level 1 (the largest scale)
/// first. Those of even coefficients lie in `[−B/2, B/2)`, those of odd ones in `(−B/2, B/2]`: the mean of digits, −½ or ½, must
/// not be the same for all coefficients, or the noise of external products with one bit would have a part in common.
fn decompose(arch: Arch, operand: &[u64], base_log: u32, levels: usize, digits: &mut Vec<u64>) {
    let size = operand.len();
    digits.resize(levels * size, 0);
    let dropped = 64 - base_log * u32::try_from(levels).unwrap_or(1);
    let round = 1u64 << (dropped - 1);
    if levels == 1 {
        arch.dispatch(|| {
            for (digit, value) in digits.iter_mut().zip(operand) {
                *digit = (value.wrapping_add(round).cast_signed() >> dropped).cast_unsigned();
            }
        });
        return;
    }
    let half_base = 1u64 << (base_log - 1);
    let mask = (1u64 << base_log) - 1;
    let least: [u64; LANES] = core::array::from_fn(|lane| half_base - lane as u64 % 2);
    arch.dispatch(|| {
        for (level, digits) in digits.chunks_exact_mut(size).enumerate() {
            // What makes the digits of this and every lower level non-negative, so that they do not borrow.
            let below = base_log * u32::try_from(levels - 1 - level).unwrap_or(0);
            let ones = (0..=below)
                .step_by(base_log as usize)
                .fold(0, |sum, shift| sum | 1u64 << shift);
            let offset = least.map(|least| least * ones);
            let (digits, _) = digits.as_chunks_mut::<LANES>();
            let (values, _) = operand.as_chunks::<LANES>();
            for (digits, values) in digits.iter_mut().zip(values) {
                for lane in 0..LANES {
                    let rest =
                        (values[lane].wrapping_add(round) >> dropped).wrapping_add(offset[lane]);
                    digits[lane] = (rest >> below & mask).wrapping_sub(least[lane]);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    /// Digits put together again are the operand, rounded; their mean alternates.
    #[test]
    fn digits_add_up() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        let operand: Vec<u64> = (0..512).map(|_| rng.next_u64()).collect();
        for (base_log, levels) in [(2, 24), (7, 3), (23, 1), (4, 12)] {
            let mut digits = Vec::new();
            decompose(Arch::new(), &operand, base_log, levels, &mut digits);
            let half = 1i64 << (base_log - 1);
            for (index, value) in operand.iter().enumerate() {
                let mut sum = 0u64;
                for (level, digits) in (1..).zip(digits.chunks_exact(512)) {
                    let digit = digits[index].cast_signed();
                    let odd = i64::from(levels > 1 && index % 2 == 1);
                    assert!((odd - half..half + odd).contains(&digit), "{digit}");
                    sum = sum.wrapping_add(digits[index] << (64 - base_log * level));
                }
                let unit = 64 - base_log * u32::try_from(levels).unwrap();
                let error = value.wrapping_sub(sum).cast_signed();
                assert!(error.unsigned_abs() <= 1 << (unit - 1), "{error}");
            }
        }
    }
}
