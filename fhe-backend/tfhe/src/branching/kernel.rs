//! The external product and CMUX on Fourier GGSWs, over `tfhe`'s transform.
//!
//! `tfhe`'s own CMUX decomposes and transforms masks that are zero, and goes through its output once for every row; this
//! one skips zero masks and adds all rows up in one pass.

use pulp::{Arch, Simd, WithSimd};
use tfhe::core_crypto::commons::computation_buffers::ComputationBuffers;
use tfhe::core_crypto::commons::parameters::PolynomialSize;
use tfhe::core_crypto::entities::Polynomial;
use tfhe::core_crypto::fft_impl::fft64::c64;
use tfhe::core_crypto::fft_impl::fft64::math::fft::Fft;
use tfhe::core_crypto::fft_impl::fft64::math::polynomial::FourierPolynomial;

use tenebra_client::packing::SwitchGadget;

use super::plan::Gadget;

/// A GGSW in the Fourier domain: `[level][row][column][N/2]`, level 1 (the largest scale) first.
pub(crate) struct FourierGgsw(Vec<c64>);

impl FourierGgsw {
    /// To be filled polynomial by polynomial with [`Kernel::transform`].
    pub(crate) fn empty(gadget: Gadget) -> Self {
        let columns = gadget.glwe_dimension + 1;
        let len = gadget.level_count * columns * columns * gadget.polynomial_size / 2;
        Self(vec![c64 { re: 0.0, im: 0.0 }; len])
    }
}

/// An encryption, level by level, of a polynomial of the secret key, in the Fourier domain: `[level][mask, body][N/2]`.
#[derive(Clone)]
pub(crate) struct SwitchKey {
    base_log: u32,
    level_count: usize,
    rows: Vec<c64>,
}

impl SwitchKey {
    /// To be filled row by row with [`Kernel::transform_row`], level 1 first.
    pub(crate) fn new(gadget: SwitchGadget, polynomial_size: usize) -> Self {
        let level_count = usize::from(gadget.level_count);
        let rows = Vec::with_capacity(level_count * polynomial_size);
        Self {
            base_log: u32::from(gadget.base_log),
            level_count,
            rows,
        }
    }
}

/// One thread's transform and scratch.
pub(crate) struct Kernel {
    gadget: Gadget,
    fft: Fft,
    arch: Arch,
    buffers: ComputationBuffers,
    /// The operand of an external product, `(k+1)·N`.
    difference: Vec<u64>,
    /// Digits of one polynomial, level by level.
    digits: Vec<u64>,
    /// Transformed digits, `[level][row][N/2]`.
    transformed: Vec<c64>,
    product: Vec<c64>,
}

impl Kernel {
    pub(crate) fn new(gadget: Gadget) -> Self {
        let size = gadget.polynomial_size;
        let fft = Fft::new(PolynomialSize(size));
        let view = fft.as_view();
        let mut buffers = ComputationBuffers::new();
        let scratch = view.forward_scratch().or(view.backward_scratch());
        buffers.resize(scratch.unaligned_bytes_required());
        let zero = c64 { re: 0.0, im: 0.0 };
        Self {
            gadget,
            fft,
            arch: Arch::new(),
            buffers,
            difference: vec![0; gadget.glwe_len()],
            digits: Vec::new(),
            transformed: vec![zero; gadget.level_count * (gadget.glwe_dimension + 1) * size / 2],
            product: vec![zero; size / 2],
        }
    }

    /// Transforms a torus polynomial into place `index` (`(level·(k+1) + row)·(k+1) + column`) of a GGSW.
    pub(crate) fn transform(&mut self, ggsw: &mut FourierGgsw, index: usize, polynomial: &[u64]) {
        let half = polynomial.len() / 2;
        let target = FourierPolynomial {
            data: &mut ggsw.0[index * half..][..half],
        };
        let polynomial = Polynomial::from_container(polynomial);
        self.fft
            .as_view()
            .forward_as_torus(target, polynomial, self.buffers.stack());
    }

    /// The operand buffer of the next [`add_product`](Self::add_product): `k` mask polynomials and the body.
    pub(crate) fn difference(&mut self) -> &mut [u64] {
        &mut self.difference
    }

    /// `target += ggsw ⊡ difference`. With `clear`, the masks of the difference are known to be zero and are not looked
    /// at.
    pub(crate) fn add_product(&mut self, target: &mut [u64], ggsw: &FourierGgsw, clear: bool) {
        let size = self.gadget.polynomial_size;
        let rows = self.gadget.glwe_dimension + 1;
        let first = if clear { rows - 1 } else { 0 };
        let (base_log, levels) = (self.gadget.base_log, self.gadget.level_count);
        for row in first..rows {
            decompose(
                self.arch,
                &self.difference[row * size..][..size],
                base_log,
                levels,
                &mut self.digits,
            );
            for level in 0..levels {
                let digits = Polynomial::from_container(&self.digits[level * size..][..size]);
                let place = (level * rows + row) * size / 2;
                let slot = FourierPolynomial {
                    data: &mut self.transformed[place..][..size / 2],
                };
                self.fft
                    .as_view()
                    .forward_as_integer(slot, digits, self.buffers.stack());
            }
        }
        let len = levels * rows * size / 2;
        for (column, target) in target.chunks_exact_mut(size).enumerate() {
            self.arch.dispatch(ColumnProduct {
                product: &mut self.product,
                digits: &self.transformed[..len],
                ggsw: &ggsw.0,
                first,
                rows,
                columns: rows,
                column,
            });
            self.add_back(target);
        }
    }

    /// `target += Σ_j digits_j(source)·key_j`: what switches a mask `source` from one key to another.
    pub(crate) fn add_switch(&mut self, target: &mut [u64], key: &SwitchKey, source: &[u64]) {
        let size = source.len();
        decompose(
            self.arch,
            source,
            key.base_log,
            key.level_count,
            &mut self.digits,
        );
        let len = key.level_count * size / 2;
        if self.transformed.len() < len {
            self.transformed.resize(len, c64 { re: 0.0, im: 0.0 });
        }
        let slots = self.transformed.chunks_exact_mut(size / 2);
        for (digits, slot) in self.digits.chunks_exact(size).zip(slots) {
            let digits = Polynomial::from_container(digits);
            let slot = FourierPolynomial { data: slot };
            self.fft
                .as_view()
                .forward_as_integer(slot, digits, self.buffers.stack());
        }
        for (column, target) in target.chunks_exact_mut(size).enumerate() {
            self.arch.dispatch(ColumnProduct {
                product: &mut self.product,
                digits: &self.transformed[..len],
                ggsw: &key.rows,
                first: 0,
                rows: 1,
                columns: 2,
                column,
            });
            self.add_back(target);
        }
    }

    /// Transforms `product` back and adds it.
    fn add_back(&mut self, target: &mut [u64]) {
        let target = Polynomial::from_container(target);
        let product = FourierPolynomial {
            data: &mut self.product[..],
        };
        self.fft
            .as_view()
            .add_backward_in_place_as_torus(target, product, self.buffers.stack());
    }

    /// Transforms a row of a switch key, mask and body.
    pub(crate) fn transform_row(&mut self, key: &mut SwitchKey, mask: &[u64], body: &[u64]) {
        for polynomial in [mask, body] {
            let start = key.rows.len();
            key.rows
                .resize(start + polynomial.len() / 2, c64 { re: 0.0, im: 0.0 });
            let target = FourierPolynomial {
                data: &mut key.rows[start..],
            };
            let polynomial = Polynomial::from_container(polynomial);
            self.fft
                .as_view()
                .forward_as_torus(target, polynomial, self.buffers.stack());
        }
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

/// `product = Σ digits[level][row]·ggsw[level][row][column]` over rows from `first` on.
struct ColumnProduct<'a> {
    product: &'a mut [c64],
    digits: &'a [c64],
    ggsw: &'a [c64],
    first: usize,
    rows: usize,
    columns: usize,
    column: usize,
}

impl WithSimd for ColumnProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let half = self.product.len();
        let (product, _) = S::as_mut_simd_c64s(self.product);
        let terms = self
            .digits
            .chunks_exact(half)
            .enumerate()
            .filter(|(index, _)| index % self.rows >= self.first);
        for (term, (index, digits)) in terms.enumerate() {
            let (digits, _) = S::as_simd_c64s(digits);
            let (ggsw, _) =
                S::as_simd_c64s(&self.ggsw[(index * self.columns + self.column) * half..][..half]);
            for ((sum, digit), key) in product.iter_mut().zip(digits).zip(ggsw) {
                *sum = if term == 0 {
                    simd.mul_e_c64s(*digit, *key)
                } else {
                    simd.mul_add_e_c64s(*digit, *key, *sum)
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::noise::transform_variance;

    /// `sum += digits·polynomial` in `Z[X]/(X^N + 1)`, exactly.
    fn add_exact(sum: &mut [u64], digits: &[u64], polynomial: &[u64]) {
        let size = sum.len();
        for (shift, digit) in digits.iter().enumerate() {
            let (low, high) = polynomial.split_at(size - shift);
            let (wrapped, kept) = sum.split_at_mut(shift);
            for (sum, value) in kept.iter_mut().zip(low) {
                *sum = sum.wrapping_add(digit.wrapping_mul(*value));
            }
            for (sum, value) in wrapped.iter_mut().zip(high) {
                *sum = sum.wrapping_sub(digit.wrapping_mul(*value));
            }
        }
    }

    /// Errors of a switch by random rows against the exact sum of products.
    fn errors(size: usize, gadget: SwitchGadget, rng: &mut ChaCha20Rng) -> Vec<f64> {
        let mut draw = || -> Vec<u64> { (0..size).map(|_| rng.next_u64()).collect() };
        let levels = usize::from(gadget.level_count);
        let rows: Vec<[Vec<u64>; 2]> = (0..levels).map(|_| [draw(), draw()]).collect();
        let source = draw();
        let mut kernel = Kernel::new(Gadget {
            glwe_dimension: 1,
            polynomial_size: size,
            base_log: 1,
            level_count: 1,
        });
        let mut key = SwitchKey::new(gadget, size);
        for [mask, body] in &rows {
            kernel.transform_row(&mut key, mask, body);
        }
        let mut switched = vec![0; 2 * size];
        kernel.add_switch(&mut switched, &key, &source);
        let mut exact = vec![0; 2 * size];
        for (row, digits) in rows.iter().zip(kernel.digits.chunks_exact(size)) {
            let (mask, body) = exact.split_at_mut(size);
            add_exact(mask, digits, &row[0]);
            add_exact(body, digits, &row[1]);
        }
        let differences = switched.iter().zip(&exact);
        differences
            .map(|(a, b)| a.wrapping_sub(*b).cast_signed() as f64)
            .collect()
    }

    /// 1,024 coefficients or more: a standard error of the variance of at most `√(2/1024) = 4.4 %`.
    #[test]
    fn transforms_err_less_than_the_formula_says() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for size in [512, 1024, 2048] {
            for (base_log, level_count) in [(2, 24), (4, 12), (8, 6), (7, 3), (15, 2), (23, 1)] {
                let gadget = SwitchGadget {
                    base_log,
                    level_count,
                };
                let errors = errors(size, gadget, &mut rng);
                let variance =
                    errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64;
                let base = f64::from(base_log).exp2();
                let energy =
                    f64::from(level_count) * size as f64 * (base * base / 12.0 + 1.0 / 6.0);
                let ratio = variance / transform_variance(energy);
                println!("N = {size}, ({base_log}, {level_count}): {ratio:.2} of the formula");
                assert!((0.2..1.13).contains(&ratio), "{size} {gadget:?}: {ratio}");
            }
        }
    }

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
