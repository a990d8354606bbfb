//! What operations of the CPU's kernel are made of, each alone: nothing that computes them takes less.

use core::hint::black_box;

use pulp::NullaryFnOnce;

use super::fourier::{FourierRows, Spectra, sum_products};
use super::transform::Transform;

/// Transforms, multiply-adds and passes over memory.
pub(crate) struct Floor {
    transform: Transform,
    spectrum: Spectra,
    factors: Spectra,
    products: Spectra,
    rows: FourierRows,
    operands: Vec<u64>,
    /// Words of an operand.
    operand: usize,
    read: Vec<u64>,
    written: Vec<u64>,
    /// Words that are written at a time, and where next.
    at_once: usize,
    next: usize,
}

impl Floor {
    /// Those of the rows that are multiplied: all of it stays in the closest cache.
    pub(crate) const COEFFICIENTS: usize = 64;

    /// Transforms of polynomials of `size` coefficients, sums of products of `rows` rows of `columns` columns, passes over `operands` operands of as
    /// many bytes, and over what is read and written besides, in one of `places` after the other.
    pub(crate) fn new(
        size: usize,
        (rows, columns): (usize, usize),
        (operands, bytes): (usize, usize),
        [read, written]: [usize; 2],
        places: usize,
    ) -> Self {
        let mut spectrum = Spectra::new(size);
        spectrum.resize(1);
        let mut factors = Spectra::new(Self::COEFFICIENTS);
        factors.resize(rows);
        Self {
            transform: Transform::new(size),
            spectrum,
            factors,
            products: Spectra::new(Self::COEFFICIENTS),
            rows: FourierRows::empty((1, rows), columns, Self::COEFFICIENTS),
            operands: vec![1; operands * bytes / 8],
            operand: bytes / 8,
            read: vec![1; read / 8],
            written: vec![1; places * written / 8],
            at_once: written / 8,
            next: 0,
        }
    }

    /// A transform forward and one back.
    pub(crate) fn transforms(&mut self) {
        let spectrum = self.spectrum.polynomial(0);
        self.transform.alone(spectrum, false);
        self.transform.alone(spectrum, true);
        // The pair multiplies by the size; what is transformed stays small.
        spectrum[0].re = 1.0;
        black_box(spectrum);
    }

    /// Products of polynomials of [`COEFFICIENTS`](Self::COEFFICIENTS) coefficients.
    pub(crate) fn multiply_adds(&mut self) {
        let arch = self.transform.arch;
        sum_products(arch, &mut self.products, &self.factors, self.rows.all());
        black_box(&mut self.products);
    }

    /// Reads all operands, each so many times before the next: from memory, and then from the caches that hold it.
    pub(crate) fn read_operands(&self, uses: usize) {
        let arch = self.transform.arch;
        for operand in self.operands.chunks_exact(self.operand) {
            for _ in 0..uses {
                black_box(arch.dispatch(Read(black_box(operand))));
            }
        }
    }

    /// Reads and writes what an operation does besides.
    pub(crate) fn read_and_write(&mut self) {
        let arch = self.transform.arch;
        let sum = arch.dispatch(Read(black_box(&self.read)));
        if self.at_once == 0 {
            return;
        }
        let places = self.written.len() / self.at_once;
        let place = self.next % places * self.at_once;
        self.next += 1;
        black_box(&mut self.written[place..][..self.at_once]).fill(sum);
    }
}

/// Reads all words, compiled for the registers that the machine has.
pub(crate) struct Read<'a>(pub(crate) &'a [u64]);

impl NullaryFnOnce for Read<'_> {
    type Output = u64;

    #[inline(always)]
    fn call(self) -> u64 {
        self.0.iter().fold(0, |sum, word| sum ^ word)
    }
}
