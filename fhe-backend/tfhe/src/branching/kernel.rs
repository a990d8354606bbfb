//! The external product and CMUX on Fourier GGSWs, over `tfhe`'s transform.
//!
//! `tfhe`'s own CMUX decomposes and transforms masks that are zero, and goes through its output once for every row; this
//! one skips zero masks and adds all rows of all columns up in one pass ([`fourier`]).

mod fourier;
mod transform;

use tenebra_client::packing::SwitchGadget;

use super::plan::Gadget;
use fourier::{FourierRows, Spectra, sum_products};
use transform::Transform;

/// The scale of a torus polynomial whose words are taken for integers.
const TORUS: f64 = 1.0 / (2.0 * (1u64 << 63) as f64);

/// An encryption of a bit in the Fourier domain. Row `r·ℓ + j` belongs to digit `j` of polynomial `r`, `k` masks and the body.
pub(crate) struct FourierGgsw(FourierRows);

impl FourierGgsw {
    /// To be filled row by row with [`Kernel::transform_ggsw_row`].
    pub(crate) fn empty(gadget: Gadget) -> Self {
        let columns = gadget.glwe_dimension + 1;
        let rows = gadget.level_count * columns;
        Self(FourierRows::empty(rows, columns, gadget.polynomial_size))
    }
}

/// An encryption, level by level, of a polynomial of the secret key, in the Fourier domain: masks and bodies.
#[derive(Clone)]
pub(crate) struct SwitchKey {
    base_log: u32,
    level_count: usize,
    rows: FourierRows,
}

impl SwitchKey {
    /// To be filled row by row with [`Kernel::transform_switch_row`].
    pub(crate) fn empty(gadget: SwitchGadget, polynomial_size: usize) -> Self {
        let level_count = usize::from(gadget.level_count);
        Self {
            base_log: u32::from(gadget.base_log),
            level_count,
            rows: FourierRows::empty(level_count, 2, polynomial_size),
        }
    }
}

/// One thread's transform and scratch.
pub(crate) struct Kernel {
    gadget: Gadget,
    transform: Transform,
    /// A polynomial of an operand, or to transform.
    difference: Vec<u64>,
    digits: Spectra,
    products: Spectra,
}

impl Kernel {
    pub(crate) fn new(gadget: Gadget) -> Self {
        let size = gadget.polynomial_size;
        Self {
            gadget,
            transform: Transform::new(size),
            difference: vec![0; size],
            digits: Spectra::new(size),
            products: Spectra::new(size),
        }
    }

    /// Transforms a row of a GGSW: polynomial `r` (of `k + 1`) of level `level` (0 has the largest scale). `load` is given the
    /// index of a column and writes it.
    pub(crate) fn transform_ggsw_row(
        &mut self,
        ggsw: &mut FourierGgsw,
        (level, r): (usize, usize),
        load: impl FnMut(usize, &mut [u64]),
    ) {
        self.store(&mut ggsw.0, r * self.gadget.level_count + level, load);
    }

    /// Transforms the row of a level of a switch key, mask and body.
    pub(crate) fn transform_switch_row(
        &mut self,
        key: &mut SwitchKey,
        level: usize,
        load: impl FnMut(usize, &mut [u64]),
    ) {
        self.store(&mut key.rows, level, load);
    }

    fn store(
        &mut self,
        rows: &mut FourierRows,
        row: usize,
        mut load: impl FnMut(usize, &mut [u64]),
    ) {
        self.products.resize(rows.columns());
        for column in 0..rows.columns() {
            load(column, &mut self.difference);
            // As integers, for `tfhe`'s transform from the torus does not use SIMD.
            let spectrum = self.products.polynomial(column);
            self.transform.forward(spectrum, &self.difference);
        }
        rows.store(self.transform.arch, row, &self.products, TORUS);
    }

    /// `target = zero + ggsw ⊡ (one − zero)`. `load` is given the index of a polynomial and writes `zero` and `one − zero`; with
    /// `clear`, the masks of both are known to be zero, and it is asked for the bodies alone.
    pub(crate) fn cmux(
        &mut self,
        target: &mut [u64],
        ggsw: &FourierGgsw,
        clear: bool,
        mut load: impl FnMut(usize, &mut [u64], &mut [u64]),
    ) {
        let Gadget {
            glwe_dimension: masks,
            polynomial_size: size,
            base_log,
            level_count: levels,
        } = self.gadget;
        let first = if clear { masks } else { 0 };
        target[..first * size].fill(0);
        self.digits.resize(levels * (masks + 1));
        let polynomials = target.chunks_exact_mut(size).enumerate();
        for (row, target) in polynomials.skip(first) {
            load(row, target, &mut self.difference);
            let (digits, difference) = (&mut self.digits, &self.difference);
            self.transform
                .forward_digits(digits, row * levels, difference, base_log, levels);
        }
        self.add_products(target, &ggsw.0, first * levels);
    }

    /// `target += Σ_j digits_j(source)·key_j`: what switches a mask `source` from one key to another.
    pub(crate) fn add_switch(&mut self, target: &mut [u64], key: &SwitchKey, source: &[u64]) {
        let (digits, levels) = (&mut self.digits, key.level_count);
        digits.resize(levels);
        self.transform
            .forward_digits(digits, 0, source, key.base_log, levels);
        self.add_products(target, &key.rows, 0);
    }

    /// `target += Σ digits[row]·rows[row]`, over rows from `first` on.
    fn add_products(&mut self, target: &mut [u64], rows: &FourierRows, first: usize) {
        let arch = self.transform.arch;
        sum_products(arch, &mut self.products, &self.digits, rows, first);
        let polynomials = target.chunks_exact_mut(self.gadget.polynomial_size);
        for (column, target) in polynomials.enumerate() {
            self.transform
                .add_backward(target, self.products.polynomial(column));
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
        let mut key = SwitchKey::empty(gadget, size);
        for (level, row) in rows.iter().enumerate() {
            kernel.transform_switch_row(&mut key, level, |column, polynomial| {
                polynomial.copy_from_slice(&row[column]);
            });
        }
        let mut switched = vec![0; 2 * size];
        kernel.add_switch(&mut switched, &key, &source);
        let mut exact = vec![0; 2 * size];
        for (row, digits) in rows.iter().zip(kernel.transform.digits.chunks_exact(size)) {
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
                assert!((0.2..1.0).contains(&ratio), "{size} {gadget:?}: {ratio}");
            }
        }
    }
}
