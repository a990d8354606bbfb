//! The kernel of the CPU, over [`tfhe-fft`](tfhe_fft)'s transform.
//!
//! `tfhe`'s own CMUX decomposes and transforms masks that are zero, and goes through its output once for every row; this
//! one skips zero masks and adds all rows of all columns up in one pass ([`fourier`](super::fourier)).
//!
//! Transforms of 53 bits leave errors in products with polynomials over 64 bits. Most external products have the noise of their rows far
//! above them; the masks of key switches, and other rows, are cut in two limbs of 32 bits, whose products are exact.

use core::ops::Range;

use aligned_vec::{AVec, avec};
use tenebra_client::packing::SwitchGadget;

use super::fourier::{FourierRows, Spectra, sum_products};
use super::pair::{PairKey, ToRows};
use super::transform::Transform;
use super::{Kernel, KeyBits, Part, Slots};
use crate::branching::plan::Gadget;
use crate::branching::ramp::subtract_half_ramp;
use crate::branching::words::update;

/// An encryption of a bit in the Fourier domain.
pub(crate) struct FourierGgsw(pub(super) FourierRows);

#[cfg(test)]
impl SwitchKey {
    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

#[cfg(test)]
impl FourierGgsw {
    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// An encryption, level by level, of a polynomial of the secret key, in the Fourier domain: mask and body, of those in two limbs the
/// high halves; then the low ones.
#[derive(Clone)]
pub(crate) struct SwitchKey {
    /// Polynomials of a row in two limbs: the mask, or both.
    exact: usize,
    rows: FourierRows,
}

/// One thread's transform and scratch.
pub(crate) struct CpuKernel {
    gadget: Gadget,
    key_bits: KeyBits,
    transform: Transform,
    /// A polynomial of an operand, or to transform.
    difference: AVec<u64>,
    /// What rounding left out of the masks of an operand, or a limb of a product.
    rest: AVec<u64>,
    digits: Spectra,
    products: Spectra,
    /// Where the lower limbs are of what was multiplied last, mask and body.
    limbs: [Option<usize>; 2],
}

impl Kernel for CpuKernel {
    type Ggsw = FourierGgsw;
    type SwitchKey = SwitchKey;
    type PairKey = PairKey;

    fn empty_ggsw(gadget: Gadget) -> FourierGgsw {
        let columns = gadget.glwe_dimension + 1;
        let limbs = 1 + usize::from(gadget.exact);
        FourierGgsw(FourierRows::empty(
            (gadget.level_count, columns),
            limbs * columns,
            gadget.polynomial_size,
        ))
    }

    fn empty_switch_key(gadget: SwitchGadget, polynomial_size: usize, exact: bool) -> SwitchKey {
        let level_count = usize::from(gadget.level_count);
        let exact = 1 + usize::from(exact);
        SwitchKey {
            exact,
            rows: FourierRows::empty((1, level_count), 2 + exact, polynomial_size),
        }
    }

    fn empty_pair_key(gadget: SwitchGadget, polynomial_size: usize) -> PairKey {
        PairKey::empty(gadget, polynomial_size)
    }

    fn new(gadget: Gadget, key_bits: KeyBits) -> Self {
        let size = gadget.polynomial_size;
        Self {
            gadget,
            key_bits,
            transform: Transform::new(size),
            difference: avec![0; size],
            rest: avec![0; size],
            digits: Spectra::new(size),
            products: Spectra::new(size),
            limbs: [None; 2],
        }
    }

    fn transform_ggsw_row(
        &mut self,
        ggsw: &mut FourierGgsw,
        row: (usize, usize),
        columns: Range<usize>,
        mut load: impl FnMut(usize, &mut [u64]),
    ) {
        let all = self.gadget.glwe_dimension + 1;
        let (first, count) = (columns.start, columns.len());
        let exact = if self.gadget.exact { all } else { 0 };
        self.transform_row(columns, exact, &mut load);
        let (arch, scale) = (self.transform.arch, self.transform.torus_scale());
        let spectra = &self.products;
        ggsw.0.store(arch, (row, first), spectra, 0..count, scale);
        if exact > 0 {
            ggsw.0
                .store(arch, (row, all + first), spectra, count..2 * count, scale);
        }
    }

    fn transform_switch_row(
        &mut self,
        key: &mut SwitchKey,
        level: usize,
        mut load: impl FnMut(usize, &mut [u64]),
    ) {
        self.transform_row(0..2, key.exact, &mut load);
        let (arch, scale) = (self.transform.arch, self.transform.torus_scale());
        let columns = 0..key.rows.columns();
        key.rows
            .store(arch, ((0, level), 0), &self.products, columns, scale);
    }

    fn cmux(
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
            exact,
        } = self.gadget;
        let first = if clear { masks } else { 0 };
        let centred = self.key_bits == KeyBits::Binary && !clear;
        target[..first * size].fill(0);
        self.digits.resize(levels * (masks + 1));
        let polynomials = target.chunks_exact_mut(size).enumerate();
        for (row, target) in polynomials.skip(first) {
            load(row, target, &mut self.difference);
            let gadget = (base_log, levels);
            if centred && row < masks {
                let rest = &mut self.rest;
                self.transform.rest(&self.difference, gadget, rest, row > 0);
            } else if centred {
                subtract_half_ramp(&mut self.difference, &self.rest);
            }
            let (digits, difference) = (&mut self.digits, &self.difference);
            self.transform
                .forward_digits(digits, (row, masks + 1), difference, gadget);
        }
        let arch = self.transform.arch;
        let (products, digits) = (&mut self.products, &self.digits);
        sum_products(arch, products, digits, &ggsw.0, first);
        for (column, target) in target.chunks_exact_mut(size).enumerate() {
            self.add_column(column, exact.then_some(masks + 1 + column), target);
        }
    }

    fn decompose(&mut self, source: &[u64], gadget: SwitchGadget) {
        let levels = usize::from(gadget.level_count);
        self.digits.resize(levels);
        let gadget = (gadget.base_log.into(), levels);
        let digits = &mut self.digits;
        self.transform
            .forward_digits(digits, (0, 1), source, gadget);
    }

    fn multiply(&mut self, key: &SwitchKey) {
        let (arch, products) = (self.transform.arch, &mut self.products);
        sum_products(arch, products, &self.digits, &key.rows, 0);
        self.limbs = [0, 1].map(|column| (column < key.exact).then_some(2 + column));
    }

    fn add_product(&mut self, part: Part, target: &mut [u64]) {
        let column = match part {
            Part::Mask => 0,
            Part::Body => 1,
        };
        self.add_column(column, self.limbs[column], target);
    }

    fn transform_pair_row(
        &mut self,
        key: &mut PairKey,
        place: (usize, usize),
        mut load: impl FnMut(usize, &mut [u64]),
    ) {
        self.transform_row(0..2, 0, &mut load);
        key.store(&self.transform, place, &self.products);
    }

    fn pair_to_rows(
        &mut self,
        key: &PairKey,
        ciphertext: &[u64],
        ggsws: &mut [FourierGgsw],
        slots: Slots,
    ) {
        let (mask, body) = ciphertext.split_at(ciphertext.len() / 2);
        self.decompose(mask, key.gadget);
        self.products.resize(PairKey::SPECTRA);
        for (column, polynomial) in [mask, body].into_iter().enumerate() {
            let spectrum = self.products.polynomial(PairKey::OPERAND + column);
            self.transform.forward(spectrum, polynomial);
        }
        let transform = &self.transform;
        key.multiply(transform, &self.digits, &mut self.products);
        transform.arch.dispatch(ToRows {
            spectra: &self.products,
            ggsws,
            slots,
            scale: transform.torus_scale(),
        });
    }
}

impl CpuKernel {
    /// Transforms columns of a row into `products`, behind them the low halves of those that are among the first `exact`.
    fn transform_row(
        &mut self,
        columns: Range<usize>,
        exact: usize,
        load: &mut impl FnMut(usize, &mut [u64]),
    ) {
        let count = columns.len();
        self.products.resize(2 * count);
        for (at, column) in columns.enumerate() {
            load(column, &mut self.difference);
            if column < exact {
                update(&mut self.rest, &self.difference, |_, word| {
                    let half = (word << 32).cast_signed() >> 32;
                    half.cast_unsigned()
                });
                update(&mut self.difference, &self.rest, u64::wrapping_sub);
                let spectrum = self.products.polynomial(count + at);
                self.transform.forward(spectrum, &self.rest);
            }
            let spectrum = self.products.polynomial(at);
            self.transform.forward(spectrum, &self.difference);
        }
    }

    /// Adds what a column of `products` transforms back to, the lower limb of it in another column.
    fn add_column(&mut self, column: usize, low: Option<usize>, target: &mut [u64]) {
        match low {
            None => {
                let product = self.products.polynomial(column);
                self.transform.add_backward(target, product);
            }
            Some(low) => {
                let limbs = self.products.two([column, low]);
                self.transform.add_limbs_backward(target, limbs);
            }
        }
    }
}

#[cfg(test)]
impl CpuKernel {
    /// The words of a row of a GGSW in one limb.
    pub(crate) fn ggsw_row(&mut self, ggsw: &FourierGgsw, row: (usize, usize)) -> Vec<u64> {
        let size = self.gadget.polynomial_size;
        let mut words = vec![0; ggsw.0.columns() * size];
        for (column, polynomial) in words.chunks_exact_mut(size).enumerate() {
            self.products.resize(1);
            let spectrum = self.products.polynomial(0);
            ggsw.0.load(self.transform.arch, (row, column), spectrum);
            self.transform.add_backward(polynomial, spectrum);
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    use tenebra_client::packing::SwitchGadget;

    use super::super::digits::tests::digits_of;
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

    fn random(size: usize, rng: &mut ChaCha20Rng) -> Vec<u64> {
        (0..size).map(|_| rng.next_u64()).collect()
    }

    fn kernel(size: usize, base_log: u32, level_count: usize) -> CpuKernel {
        let gadget = Gadget {
            glwe_dimension: 1,
            polynomial_size: size,
            base_log,
            level_count,
            exact: false,
        };
        CpuKernel::new(gadget, KeyBits::Signs)
    }

    /// `target + Σ digits·rows`, exactly, by the digits of an operand.
    fn add_rows(
        target: &[u64],
        (operand, base_log): (&[u64], u32),
        rows: &[[Vec<u64>; 2]],
    ) -> Vec<u64> {
        let size = rows[0][0].len();
        let mut exact = target.to_vec();
        for (digits, row) in digits_of(operand, (base_log, rows.len())).iter().zip(rows) {
            let (mask, body) = exact.split_at_mut(size);
            add_exact(mask, digits, &row[0]);
            add_exact(body, digits, &row[1]);
        }
        exact
    }

    /// Errors of a product of a random polynomial with a random GGSW, by the rows of its body.
    fn errors(
        size: usize,
        (base_log, levels): (u32, usize),
        exact: bool,
        rng: &mut ChaCha20Rng,
    ) -> Vec<f64> {
        let rows: Vec<[Vec<u64>; 2]> = (0..levels)
            .map(|_| [random(size, rng), random(size, rng)])
            .collect();
        let operand = random(size, rng);
        let mut kernel = kernel(size, base_log, levels);
        kernel.gadget.exact = exact;
        let mut ggsw = CpuKernel::empty_ggsw(kernel.gadget);
        for (level, row) in rows.iter().enumerate() {
            kernel.transform_ggsw_row(&mut ggsw, (level, 1), 0..2, |column, polynomial| {
                polynomial.copy_from_slice(&row[column]);
            });
        }
        let mut product = vec![0; 2 * size];
        kernel.cmux(&mut product, &ggsw, true, |_, target, difference| {
            target.fill(0);
            difference.copy_from_slice(&operand);
        });
        let exact = add_rows(&vec![0; 2 * size], (&operand, base_log), &rows);
        let differences = product.iter().zip(&exact);
        differences
            .map(|(a, b)| a.wrapping_sub(*b).cast_signed() as f64)
            .collect()
    }

    /// 1,024 coefficients or more: a standard error of the variance of at most `√(2/1024) = 4.4 %`.
    #[test]
    fn transforms_err_less_than_the_formula_says() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for size in [512, 1024, 2048, 4096] {
            for (base_log, levels) in [(2, 24), (4, 12), (8, 6), (7, 3), (15, 2), (23, 1)] {
                let errors = errors(size, (base_log, levels), false, &mut rng);
                let variance =
                    errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64;
                let base = f64::from(base_log).exp2();
                let energy = levels as f64 * size as f64 * (base * base / 12.0 + 1.0 / 6.0);
                let ratio = variance / transform_variance(energy);
                println!("N = {size}, ({base_log}, {levels}): {ratio:.2} of the formula");
                assert!(
                    (0.2..1.0).contains(&ratio),
                    "{size} ({base_log}, {levels}): {ratio}"
                );
            }
        }
    }

    #[test]
    fn products_of_two_limbs_are_exact() {
        let mut rng = ChaCha20Rng::seed_from_u64(5);
        for (size, gadget) in [
            (2048, (6, 4)),
            (4096, (8, 6)),
            (4096, (3, 8)),
            (4096, (9, 3)),
        ] {
            let errors = errors(size, gadget, true, &mut rng);
            assert!(
                errors.iter().all(|error| error.abs() <= 1.0),
                "{size} {gadget:?}"
            );
        }
    }

    /// Two limbs leave no error but that of rounding the low one to an integer; one leaves that of transforms.
    #[test]
    fn masks_of_key_switches_are_exact() {
        let mut rng = ChaCha20Rng::seed_from_u64(4);
        for size in [512, 2048] {
            for (base_log, level_count) in [(2, 24), (4, 12), (8, 6), (10, 4), (12, 3)] {
                let gadget = SwitchGadget {
                    base_log,
                    level_count,
                };
                let rows: Vec<[Vec<u64>; 2]> = (0..level_count)
                    .map(|_| [random(size, &mut rng), random(size, &mut rng)])
                    .collect();
                let (source, target) = (random(size, &mut rng), random(2 * size, &mut rng));
                let mut kernel = kernel(size, 1, 1);
                for exact_bodies in [true, false] {
                    let mut key = CpuKernel::empty_switch_key(gadget, size, exact_bodies);
                    for (level, row) in rows.iter().enumerate() {
                        kernel.transform_switch_row(&mut key, level, |column, polynomial| {
                            polynomial.copy_from_slice(&row[column]);
                        });
                    }
                    let mut switched = target.clone();
                    kernel.decompose(&source, gadget);
                    kernel.multiply(&key);
                    for part in Part::BOTH {
                        kernel.add_product(part, part.of_mut(&mut switched));
                    }
                    let exact = add_rows(&target, (&source, base_log.into()), &rows);
                    let errors = switched.iter().zip(&exact);
                    let errors = errors.map(|(a, b)| a.wrapping_sub(*b).cast_signed() as f64);
                    let errors: Vec<f64> = errors.collect();
                    let (masks, bodies) = errors.split_at(size);
                    assert!(
                        masks.iter().all(|error| error.abs() <= 1.0),
                        "{size} {gadget:?}"
                    );
                    let variance =
                        bodies.iter().map(|error| error * error).sum::<f64>() / size as f64;
                    let base = f64::from(base_log).exp2();
                    let energy =
                        f64::from(level_count) * size as f64 * (base * base / 12.0 + 1.0 / 6.0);
                    let most = if exact_bodies {
                        1.0
                    } else {
                        transform_variance(energy)
                    };
                    assert!(variance <= most, "{size} {gadget:?}: {variance}");
                }
            }
        }
    }
}
