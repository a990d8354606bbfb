//! Polynomials in the Fourier domain, and sums of their products.

use core::ops::Range;

use aligned_vec::AVec;
use pulp::{Arch, NullaryFnOnce, Simd, WithSimd, bytemuck};
use tfhe_fft::c64;

use super::ahead::Ahead;
use crate::branching::memory::Memory;

const ZERO: c64 = c64 { re: 0.0, im: 0.0 };

/// Coefficients that lie together in [`FourierRows`]: two cache lines, twice the widest vector register.
pub(super) const LINE: usize = 8;

/// Lines of a block between what is multiplied and what is fetched: one is asked for too late, three are slower.
const LINES_AHEAD: usize = 2;

/// Transformed polynomials, one after the other. They do not start at multiples of 4 KiB from each other, for the cache
/// holds only eight lines at such distances.
#[derive(Debug)]
pub(crate) struct Spectra {
    len: usize,
    data: AVec<c64>,
}

impl Spectra {
    /// Of polynomials of `size` coefficients.
    pub(super) fn new(size: usize) -> Self {
        Self {
            len: size / 2,
            data: AVec::new(0),
        }
    }

    /// Makes room for `count` polynomials.
    pub(super) fn resize(&mut self, count: usize) {
        let len = count * self.stride();
        if self.data.len() < len {
            self.data.resize(len, ZERO);
        }
    }

    pub(super) fn polynomial(&mut self, index: usize) -> &mut [c64] {
        let start = index * self.stride();
        &mut self.data[start..][..self.len]
    }

    /// Two polynomials, the second of them behind the first.
    pub(super) fn two(&mut self, [first, second]: [usize; 2]) -> [&mut [c64]; 2] {
        let (stride, len) = (self.stride(), self.len);
        let (before, behind) = self.data.split_at_mut(second * stride);
        [&mut before[first * stride..][..len], &mut behind[..len]]
    }

    /// Copies a polynomial of others.
    pub(super) fn copy(&mut self, index: usize, others: &Self, other: usize) {
        self.polynomial(index)
            .copy_from_slice(others.numbers(other));
    }

    /// The numbers of a polynomial and of all behind it, and how far apart two polynomials begin.
    pub(super) fn from(&mut self, index: usize) -> (usize, &mut [c64]) {
        let stride = self.stride();
        (stride, &mut self.data[index * stride..])
    }

    /// The numbers of a polynomial.
    pub(super) fn numbers(&self, index: usize) -> &[c64] {
        &self.data[index * self.stride()..][..self.len]
    }

    /// Those of a line of coefficients.
    pub(super) fn line(&self, index: usize, line: usize) -> &[c64; LINE] {
        &self.numbers(index).as_chunks().0[line]
    }

    fn stride(&self) -> usize {
        self.len + LINE
    }
}

/// Rows of polynomials in the Fourier domain, a row for each polynomial that they are multiplied with, in blocks of rows that are written
/// together: within a block, the entries of a line of coefficients lie together, row by row, so that [`sum_products`] reads a block once from
/// front to back. Within a line, real and imaginary parts take turns by registers instead of numbers, in the order in which a register's
/// halves are told apart the fastest: products are then multiply-adds and nothing else.
#[derive(Clone)]
pub(super) struct FourierRows {
    /// Of a block.
    rows: usize,
    columns: usize,
    /// Numbers of a block.
    block: usize,
    data: Memory<c64>,
}

/// The rows of the first blocks, of each block those from one on.
#[derive(Clone, Copy)]
pub(super) struct SomeRows<'a> {
    rows: &'a FourierRows,
    blocks: usize,
    first: usize,
}

/// Where a row is: its block, and which one of the block's it is.
pub(super) type Row = (usize, usize);

impl FourierRows {
    /// Blocks of rows, to be filled row by row with [`store`](Self::store), polynomials of `size` coefficients.
    pub(super) fn empty((blocks, rows): Row, columns: usize, size: usize) -> Self {
        let block = rows * columns * size / 2;
        Self {
            rows,
            columns,
            block,
            data: Memory::zeros(blocks * block),
        }
    }

    /// Memory that it takes.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.data)
    }

    /// All rows.
    pub(super) fn all(&self) -> SomeRows<'_> {
        self.some(usize::MAX, 0)
    }

    /// Of so many blocks those from `first` on.
    pub(super) fn some(&self, blocks: usize, first: usize) -> SomeRows<'_> {
        SomeRows {
            rows: self,
            blocks,
            first,
        }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// Coefficients of a polynomial.
    pub(super) fn polynomial_size(&self) -> usize {
        2 * self.block / (self.rows * self.columns)
    }

    /// Stores `scale` times transformed polynomials in columns of a row, from the first on. What is written together lies together: the rows
    /// of a query fill more than the caches that are close.
    pub(super) fn store(
        &mut self,
        arch: Arch,
        place: (Row, usize),
        spectra: &Spectra,
        polynomials: Range<usize>,
        scale: f64,
    ) {
        arch.dispatch(Store {
            rows: self,
            place,
            spectra,
            polynomials,
            scale,
        });
    }
}

#[cfg(test)]
impl FourierRows {
    /// What was stored in a column of a row, at the scale at which it was stored.
    pub(super) fn load(&self, arch: Arch, place: (Row, usize), spectrum: &mut [c64]) {
        arch.dispatch(Load {
            rows: self,
            place,
            spectrum,
        });
    }
}

/// [`FourierRows::load`].
#[cfg(test)]
struct Load<'a> {
    rows: &'a FourierRows,
    place: (Row, usize),
    spectrum: &'a mut [c64],
}

#[cfg(test)]
impl WithSimd for Load<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let ((block, row), column) = self.place;
        let of_row = self.rows.columns * numbers_per_line::<S>();
        let block = &self.rows.data[block * self.rows.block..][..self.rows.block];
        let (lines, _) = S::as_simd_f64s(bytemuck::cast_slice(block));
        let (numbers, _) = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(self.spectrum));
        let lines = lines.chunks_exact(self.rows.rows * of_row);
        for (entries, numbers) in lines.zip(numbers.chunks_exact_mut(numbers_per_line::<S>())) {
            let entry = &entries[row * of_row + column * numbers.len()..][..numbers.len()];
            let pairs = entry.as_chunks::<2>().0.iter();
            for (pair, numbers) in pairs.zip(numbers.as_chunks_mut::<2>().0) {
                *numbers = simd.interleave_shfl_f64s(*pair);
            }
        }
    }
}

impl FourierRows {
    /// Real and imaginary parts of a line of coefficients, in the order of registers.
    #[inline(always)]
    pub(super) fn entry<S: Simd>(
        &mut self,
        (block, row): Row,
        (column, line): (usize, usize),
    ) -> &mut [[S::f64s; 2]] {
        let start = ((line * self.rows + row) * self.columns + column) * LINE;
        let start = block * self.block + start;
        let entry = bytemuck::cast_slice_mut(&mut self.data[start..][..LINE]);
        S::as_mut_simd_f64s(entry).0.as_chunks_mut().0
    }
}

/// [`FourierRows::store`].
struct Store<'a> {
    rows: &'a mut FourierRows,
    /// Row and first column.
    place: (Row, usize),
    spectra: &'a Spectra,
    polynomials: Range<usize>,
    scale: f64,
}

impl WithSimd for Store<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ((block, row), first_column) = self.place;
        let of_row = self.rows.columns * numbers_per_line::<S>();
        let of_line = self.rows.rows * of_row;
        let stride = self.spectra.stride() / S::F64_LANES;
        let spectra = numbers::<S>(&self.spectra.data);
        let block = &mut self.rows.data[block * self.rows.block..][..self.rows.block];
        let lines = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(block)).0;
        let scale = simd.splat_f64s(self.scale);
        for (line, entries) in lines.chunks_exact_mut(of_line).enumerate() {
            let entries = &mut entries[row * of_row..][..of_row];
            let columns = entries.chunks_exact_mut(numbers_per_line::<S>());
            for (polynomial, entry) in self.polynomials.clone().zip(columns.skip(first_column)) {
                let values = &spectra[polynomial * stride + line * entry.len() / 2..];
                let (pairs, _) = entry.as_chunks_mut::<2>();
                for (pair, values) in pairs.iter_mut().zip(values) {
                    *pair = simd
                        .deinterleave_shfl_f64s(*values)
                        .map(|part| simd.mul_f64s(part, scale));
                }
            }
        }
    }
}

/// Vectors that a line of a polynomial fills.
const fn numbers_per_line<S: Simd>() -> usize {
    2 * LINE / S::F64_LANES
}

/// Registers that hold the real parts of a line, and as many its imaginary ones.
pub(super) const fn registers<S: Simd>() -> usize {
    numbers_per_line::<S>() / 2
}

/// Pairs of vectors of complex numbers.
#[inline(always)]
pub(super) fn numbers<S: Simd>(values: &[c64]) -> &[[S::f64s; 2]] {
    let (vectors, _) = S::as_simd_f64s(bytemuck::cast_slice(values));
    vectors.as_chunks().0
}

/// `products[column] = Σ factors[row]·rows[row][column]`; factors are in the order of the rows.
pub(super) fn sum_products(
    arch: Arch,
    products: &mut Spectra,
    factors: &Spectra,
    rows: SomeRows<'_>,
) {
    add_sum_of_products(arch, products, None, factors, rows);
}

/// The same, added to the columns of a `start`.
pub(super) fn add_sum_of_products(
    arch: Arch,
    products: &mut Spectra,
    start: Option<&Spectra>,
    factors: &Spectra,
    rows: SomeRows<'_>,
) {
    let columns = rows.rows.columns;
    products.resize(columns);
    match columns {
        1 => arch.dispatch(SumProducts::<1>::new(products, start, factors, rows)),
        2 => arch.dispatch(SumProducts::<2>::new(products, start, factors, rows)),
        3 => arch.dispatch(SumProducts::<3>::new(products, start, factors, rows)),
        4 => arch.dispatch(SumProducts::<4>::new(products, start, factors, rows)),
        5 => arch.dispatch(SumProducts::<5>::new(products, start, factors, rows)),
        6 => arch.dispatch(SumProducts::<6>::new(products, start, factors, rows)),
        7 => arch.dispatch(SumProducts::<7>::new(products, start, factors, rows)),
        columns => unreachable!("a plan of {columns} polynomials was checked"),
    }
}

/// `target = one − zero`, of which one may be 0.
pub(super) fn subtract(arch: Arch, target: &mut [c64], [zero, one]: [Option<&[c64]>; 2]) {
    arch.dispatch(Subtract { target, zero, one });
}

struct Subtract<'a> {
    target: &'a mut [c64],
    zero: Option<&'a [c64]>,
    one: Option<&'a [c64]>,
}

impl NullaryFnOnce for Subtract<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match (self.zero, self.one) {
            (None, None) => self.target.fill(ZERO),
            (None, Some(one)) => self.target.copy_from_slice(one),
            (Some(zero), None) => {
                let numbers = self.target.iter_mut().zip(zero);
                numbers.for_each(|(target, zero)| *target = -*zero);
            }
            (Some(zero), Some(one)) => {
                let numbers = self.target.iter_mut().zip(zero.iter().zip(one));
                numbers.for_each(|(target, (zero, one))| *target = *one - *zero);
            }
        }
    }
}

/// A number of columns that the compiler knows keeps the sums in registers.
struct SumProducts<'a, const COLUMNS: usize> {
    products: &'a mut Spectra,
    start: Option<&'a Spectra>,
    factors: &'a Spectra,
    rows: SomeRows<'a>,
}

impl<'a, const COLUMNS: usize> SumProducts<'a, COLUMNS> {
    fn new(
        products: &'a mut Spectra,
        start: Option<&'a Spectra>,
        factors: &'a Spectra,
        rows: SomeRows<'a>,
    ) -> Self {
        Self {
            products,
            start,
            factors,
            rows,
        }
    }
}

impl<const COLUMNS: usize> SumProducts<'_, COLUMNS> {
    /// `start` is given a register's place.
    #[inline(always)]
    fn sums<S: Simd>(self, simd: S, start: impl Fn(usize) -> [[S::f64s; 2]; COLUMNS]) {
        let stride = self.products.stride() / S::F64_LANES;
        let sums = Sums::<S, COLUMNS>::new(self.factors, self.rows);
        let (products, _) = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(&mut self.products.data));
        let (products, _) = products.as_chunks_mut::<2>();
        for line in 0..sums.lines {
            for part in 0..registers::<S>() {
                let at = line * registers::<S>() + part;
                let sums = sums.of(simd, (line, part), start(at));
                for (column, sum) in sums.into_iter().enumerate() {
                    products[column * stride + at] = simd.interleave_shfl_f64s(sum);
                }
            }
        }
    }
}

impl<const COLUMNS: usize> WithSimd for SumProducts<'_, COLUMNS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Some(start) = self.start else {
            let zero = [[simd.splat_f64s(0.0); 2]; COLUMNS];
            return self.sums(simd, |_| zero);
        };
        let stride = start.stride() / S::F64_LANES;
        let start = numbers::<S>(&start.data);
        self.sums(simd, |at| {
            core::array::from_fn(|column| simd.deinterleave_shfl_f64s(start[column * stride + at]))
        });
    }
}

/// Sums of products, a register of numbers at a time.
pub(super) struct Sums<'a, S: Simd, const COLUMNS: usize> {
    factors: &'a [[S::f64s; 2]],
    /// Between factors.
    stride: usize,
    entries: &'a [[S::f64s; 2]],
    /// Registers of a block.
    block: usize,
    /// Of a block.
    rows: usize,
    /// Of every block.
    first: usize,
    /// Of a polynomial.
    pub(super) lines: usize,
}

impl<'a, S: Simd, const COLUMNS: usize> Sums<'a, S, COLUMNS> {
    #[inline(always)]
    pub(super) fn new(factors: &'a Spectra, chosen: SomeRows<'a>) -> Self {
        let SomeRows {
            rows,
            blocks,
            first,
        } = chosen;
        let used = rows.data.len().min(blocks.saturating_mul(rows.block));
        Self {
            factors: numbers::<S>(&factors.data),
            stride: factors.stride() / S::F64_LANES,
            entries: numbers::<S>(&rows.data[..used]),
            block: rows.block / S::F64_LANES,
            rows: rows.rows,
            first,
            lines: rows.block / (rows.rows * COLUMNS * LINE),
        }
    }

    /// Real and imaginary parts of the sums in a part of a line, added to `sums`.
    #[inline(always)]
    pub(super) fn of(
        &self,
        simd: S,
        (line, part): (usize, usize),
        mut sums: [[S::f64s; 2]; COLUMNS],
    ) -> [[S::f64s; 2]; COLUMNS] {
        let per_line = registers::<S>();
        let of_line = self.rows * COLUMNS * per_line;
        let ahead = Ahead::new(LINES_AHEAD * of_line * size_of::<[S::f64s; 2]>());
        let factors = &self.factors[line * per_line + part..];
        let mut factors = factors.iter().step_by(self.stride);
        for block in self.entries.chunks_exact(self.block) {
            let entries = &block[line * of_line..][..of_line];
            let entries = &entries[self.first * COLUMNS * per_line..];
            let rows = entries.chunks_exact(COLUMNS * per_line);
            for (row, factor) in rows.zip(&mut factors) {
                let [re, im] = simd.deinterleave_shfl_f64s(*factor);
                let minus_im = simd.neg_f64s(im);
                let row = row[part..].iter().step_by(per_line);
                for ([sum_re, sum_im], entry) in sums.iter_mut().zip(row) {
                    ahead.fetch(entry);
                    let [entry_re, entry_im] = entry;
                    *sum_re = simd.mul_add_e_f64s(re, *entry_re, *sum_re);
                    *sum_im = simd.mul_add_e_f64s(re, *entry_im, *sum_im);
                    *sum_re = simd.mul_add_e_f64s(minus_im, *entry_im, *sum_re);
                    *sum_im = simd.mul_add_e_f64s(im, *entry_re, *sum_im);
                }
            }
        }
        sums
    }
}
