//! Polynomials in the Fourier domain, and sums of their products.

use aligned_vec::AVec;
use pulp::{Arch, NullaryFnOnce, Simd, WithSimd};
use tfhe_fft::c64;

const ZERO: c64 = c64 { re: 0.0, im: 0.0 };

/// Coefficients that lie together in [`FourierRows`]: a cache line, and at least a vector register.
const LINE: usize = 4;

/// Transformed polynomials, one after the other. They do not start at multiples of 4 KiB from each other, for the cache
/// holds only eight lines at such distances.
pub(super) struct Spectra {
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

    fn stride(&self) -> usize {
        self.len + LINE
    }
}

/// Rows of polynomials in the Fourier domain, a row for each polynomial that they are multiplied with: the entries of a cache
/// line of coefficients lie together, row by row, so that [`add_products`] reads them once from front to back.
#[derive(Clone)]
pub(super) struct FourierRows {
    rows: usize,
    columns: usize,
    data: AVec<c64>,
}

impl FourierRows {
    /// To be filled row by row with [`store`](Self::store), polynomials of `size` coefficients.
    pub(super) fn empty(rows: usize, columns: usize, size: usize) -> Self {
        let mut data = AVec::new(0);
        data.resize(rows * columns * size / 2, ZERO);
        Self {
            rows,
            columns,
            data,
        }
    }

    /// Stores `scale` times a row of transformed polynomials, one a column. What is written together lies together: the rows
    /// of a query fill more than the caches that are close.
    pub(super) fn store(&mut self, arch: Arch, row: usize, spectra: &Spectra, scale: f64) {
        arch.dispatch(Store {
            rows: self,
            row,
            spectra,
            scale,
        });
    }
}

/// [`FourierRows::store`]. A named type instead of a closure, so that all of it is compiled for the registers that the machine has.
struct Store<'a> {
    rows: &'a mut FourierRows,
    row: usize,
    spectra: &'a Spectra,
    scale: f64,
}

impl NullaryFnOnce for Store<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let columns = self.rows.columns;
        let of_line = self.rows.rows * columns;
        let (lines, _) = self.rows.data.as_chunks_mut::<LINE>();
        let stride = self.spectra.stride() / LINE;
        let (spectra, _) = self.spectra.data.as_chunks::<LINE>();
        for (line, entries) in lines.chunks_exact_mut(of_line).enumerate() {
            let entries = &mut entries[self.row * columns..][..columns];
            let spectra = spectra[line..].iter().step_by(stride);
            for (entry, values) in entries.iter_mut().zip(spectra) {
                *entry = values.map(|value| c64 {
                    re: value.re * self.scale,
                    im: value.im * self.scale,
                });
            }
        }
    }
}

/// `products[column] = Σ factors[row]·rows[row][column]`, over rows from `first` on.
pub(super) fn sum_products(
    arch: Arch,
    products: &mut Spectra,
    factors: &Spectra,
    rows: &FourierRows,
    first: usize,
) {
    products.resize(rows.columns);
    match rows.columns {
        2 => arch.dispatch(SumProducts::<2>::new(products, factors, rows, first)),
        3 => arch.dispatch(SumProducts::<3>::new(products, factors, rows, first)),
        4 => arch.dispatch(SumProducts::<4>::new(products, factors, rows, first)),
        5 => arch.dispatch(SumProducts::<5>::new(products, factors, rows, first)),
        6 => arch.dispatch(SumProducts::<6>::new(products, factors, rows, first)),
        7 => arch.dispatch(SumProducts::<7>::new(products, factors, rows, first)),
        columns => unreachable!("no ring of the planner has {columns} polynomials"),
    }
}

/// A number of columns that the compiler knows keeps the sums in registers.
struct SumProducts<'a, const COLUMNS: usize> {
    products: &'a mut Spectra,
    factors: &'a Spectra,
    rows: &'a FourierRows,
    first: usize,
}

impl<'a, const COLUMNS: usize> SumProducts<'a, COLUMNS> {
    fn new(
        products: &'a mut Spectra,
        factors: &'a Spectra,
        rows: &'a FourierRows,
        first: usize,
    ) -> Self {
        Self {
            products,
            factors,
            rows,
            first,
        }
    }
}

impl<const COLUMNS: usize> WithSimd for SumProducts<'_, COLUMNS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let vectors_per_line = LINE / S::C64_LANES;
        let vectors = self.factors.len / S::C64_LANES;
        let stride = self.factors.stride() / S::C64_LANES;
        let (products, _) = S::as_mut_simd_c64s(&mut self.products.data);
        let (factors, _) = S::as_simd_c64s(&self.factors.data);
        let (entries, _) = S::as_simd_c64s(&self.rows.data);
        let of_row = COLUMNS * vectors_per_line;
        let of_line = self.rows.rows * of_row;
        for (line, entries) in entries.chunks_exact(of_line).enumerate() {
            for part in 0..vectors_per_line {
                let vector = line * vectors_per_line + part;
                let mut sums = [simd.splat_c64s(ZERO); COLUMNS];
                let factors = factors[vector..].iter().step_by(stride);
                let rows = factors.zip(entries.chunks_exact(of_row));
                for (factor, row) in rows.skip(self.first) {
                    for (sum, entry) in sums
                        .iter_mut()
                        .zip(row[part..].iter().step_by(vectors_per_line))
                    {
                        *sum = simd.mul_add_e_c64s(*factor, *entry, *sum);
                    }
                }
                for (column, sum) in sums.into_iter().enumerate() {
                    products[column * stride + vector] = sum;
                }
            }
        }
        debug_assert_eq!(entries.len() / of_line * vectors_per_line, vectors);
    }
}
