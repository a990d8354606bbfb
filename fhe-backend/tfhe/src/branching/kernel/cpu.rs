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

use super::fourier::{FourierRows, SomeRows, Spectra, add_sum_of_products, subtract, sum_products};
use super::pair::{PairKey, ToRows};
use super::transform::Transform;
use super::{BODY, Bodies, Kernel, KeyBits, Lane, MASK, Slots};
use crate::branching::plan::Gadget;
use crate::branching::ramp::subtract_half_ramp;
use crate::branching::words::update;

/// An encryption of a bit in the Fourier domain.
pub(crate) struct FourierGgsw(pub(super) FourierRows);

#[cfg(test)]
impl SwitchKey {
    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let others = self.others.as_ref().map_or(0, FourierRows::bytes);
        self.rows.bytes() + others
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
    /// Bodies of lanes behind the first, in one limb.
    others: Option<FourierRows>,
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
    type Sum = Spectra;
    type SwitchKey = SwitchKey;
    type PairKey = PairKey;
    type OfMask = Spectra;

    fn empty_ggsw(gadget: Gadget) -> FourierGgsw {
        let columns = gadget.glwe_dimension + 1;
        let limbs = 1 + usize::from(gadget.exact);
        FourierGgsw(FourierRows::empty(
            (gadget.level_count, columns),
            limbs * columns,
            gadget.polynomial_size,
        ))
    }

    fn empty_switch_key(gadget: SwitchGadget, polynomial_size: usize, bodies: Bodies) -> SwitchKey {
        let rows = (1, usize::from(gadget.level_count));
        let exact = 1 + usize::from(bodies.exact);
        let others = bodies.lanes - 1;
        SwitchKey {
            exact,
            rows: FourierRows::empty(rows, 2 + exact, polynomial_size),
            others: (others > 0).then(|| FourierRows::empty(rows, others, polynomial_size)),
        }
    }

    fn empty_pair_key(gadget: SwitchGadget, polynomial_size: usize, lanes: usize) -> PairKey {
        PairKey::empty(gadget, polynomial_size, lanes)
    }

    fn of_mask(key: &PairKey) -> Option<Spectra> {
        key.of_mask()
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
        if let Some(others) = &mut key.others {
            let columns = 0..others.columns();
            let lanes = 2..2 + columns.len();
            self.transform_row(lanes, 0, &mut load);
            others.store(arch, ((0, level), 0), &self.products, columns, scale);
        }
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
            exact,
            ..
        } = self.gadget;
        let first = if clear { masks } else { 0 };
        target[..first * size].fill(0);
        let polynomials = target.chunks_exact_mut(size).enumerate();
        for (row, target) in polynomials.skip(first) {
            load(row, target, &mut self.difference);
            self.take_digits(row, first);
        }
        let (arch, rows) = (self.transform.arch, self.rows_of(ggsw, first));
        sum_products(arch, &mut self.products, &self.digits, rows);
        for (column, target) in target.chunks_exact_mut(size).enumerate() {
            self.add_column(column, exact.then_some(masks + 1 + column), target);
        }
    }

    fn empty_sum(gadget: Gadget) -> Spectra {
        Spectra::new(gadget.polynomial_size)
    }

    fn select(
        &mut self,
        target: &mut Spectra,
        ggsw: &FourierGgsw,
        operands: [Option<&Spectra>; 2],
        load: impl FnOnce(&mut [u64]),
    ) {
        let body = self.gadget.glwe_dimension;
        let clear = operands.iter().all(Option::is_none);
        let first = if clear { body } else { 0 };
        let arch = self.transform.arch;
        let mut load = Some(load);
        for row in first..=body {
            match load.take_if(|_| row == body) {
                Some(load) => load(&mut self.difference),
                None => self.difference.fill(0),
            }
            if !clear {
                self.products.resize(1);
                let spectrum = self.products.polynomial(0);
                let of_row = operands.map(|sum| sum.map(|sum| sum.numbers(row)));
                subtract(arch, spectrum, of_row);
                self.transform.add_backward(&mut self.difference, spectrum);
            }
            self.take_digits(row, first);
        }
        let rows = self.rows_of(ggsw, first);
        add_sum_of_products(arch, target, operands[0], &self.digits, rows);
    }

    fn add_sum(&mut self, target: &mut [u64], sum: &Spectra) {
        self.products.resize(1);
        let spectrum = self.products.polynomial(0);
        let polynomials = target.chunks_exact_mut(self.gadget.polynomial_size);
        for (column, target) in polynomials.enumerate() {
            spectrum.copy_from_slice(sum.numbers(column));
            self.transform.add_backward(target, spectrum);
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
        sum_products(arch, products, &self.digits, key.rows.all());
        self.limbs = [MASK, BODY].map(|column| (column < key.exact).then_some(2 + column));
    }

    fn multiply_lanes(&mut self, key: &SwitchKey) {
        if let Some(others) = &key.others {
            let (arch, products) = (self.transform.arch, &mut self.products);
            sum_products(arch, products, &self.digits, others.all());
        }
    }

    fn add_product(&mut self, polynomial: usize, target: &mut [u64]) {
        match self.limbs.get(polynomial) {
            Some(low) => self.add_column(polynomial, *low, target),
            None => self.add_column(polynomial - self.limbs.len(), None, target),
        }
    }

    fn transform_pair_row(
        &mut self,
        key: &mut PairKey,
        place: (usize, usize),
        mut load: impl FnMut(usize, &mut [u64]),
    ) {
        let columns = 0..1 + key.lanes();
        self.transform_row(columns, 0, &mut load);
        key.store(&self.transform, place, &self.products);
    }

    fn pair_to_rows(
        &mut self,
        key: &PairKey,
        of_mask: Option<&mut Spectra>,
        ciphertext: Lane<'_>,
        ggsws: &mut [FourierGgsw],
        slots: Slots,
    ) {
        let Lane { lane, mask, body } = ciphertext;
        self.products.resize(PairKey::SPECTRA);
        let (transform, spectra) = (&mut self.transform, &mut self.products);
        transform.forward(spectra.polynomial(PairKey::OPERAND + BODY), body);
        if lane == 0 {
            transform.forward(spectra.polynomial(PairKey::OPERAND + MASK), mask);
            self.decompose(mask, key.gadget);
        }
        let (transform, spectra) = (&self.transform, &mut self.products);
        match of_mask {
            None => key.multiply(transform, &self.digits, spectra),
            Some(of_mask) => {
                if lane == 0 {
                    key.multiply_mask(transform, &self.digits, spectra, of_mask);
                }
                key.multiply_body(lane, transform, of_mask, spectra);
            }
        }
        transform.arch.dispatch(ToRows {
            spectra,
            ggsws,
            slots,
            scale: transform.torus_scale(),
            masks_known: lane > 0,
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

    /// Levels of the digits of an operand whose polynomials before `first` are 0: clear if it is the body alone.
    fn levels(&self, first: usize) -> usize {
        match first {
            0 => self.gadget.level_count,
            _ => self.gadget.clear_levels,
        }
    }

    /// The rows that its digits are multiplied with.
    fn rows_of<'a>(&self, ggsw: &'a FourierGgsw, first: usize) -> SomeRows<'a> {
        ggsw.0.some(self.levels(first), first)
    }

    /// Takes the digits of `difference`, polynomial `row` of an operand whose polynomials before `first` are 0, in the order of rows. The
    /// mean of what they leave out of masks under a key of bits is moved to the body.
    fn take_digits(&mut self, row: usize, first: usize) {
        let body = self.gadget.glwe_dimension;
        let gadget = (self.gadget.base_log, self.levels(first));
        let centred = self.key_bits == KeyBits::Binary && first == 0;
        if centred && row < body {
            let rest = &mut self.rest;
            self.transform.rest(&self.difference, gadget, rest, row > 0);
        } else if centred {
            subtract_half_ramp(&mut self.difference, &self.rest);
        }
        let rows = body + 1 - first;
        self.digits.resize(gadget.1 * rows);
        let (digits, difference) = (&mut self.digits, &self.difference);
        self.transform
            .forward_digits(digits, (row - first, rows), difference, gadget);
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
mod tests;
