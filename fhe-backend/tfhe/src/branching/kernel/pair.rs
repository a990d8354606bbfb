//! The last split of a ciphertext and the rows of GGSWs that its slots become, in the Fourier domain from the digits on: nothing is
//! transformed back.
//!
//! Rows are sums of products with digits as they are, not modulo `q`: up to `2^(b + 7)` times as large as words, so that transforms err as
//! much more in what is multiplied with them (`docs/scheme.md`, §5).

use pulp::{Simd, WithSimd, bytemuck};
use tenebra_client::packing::SwitchGadget;
use tfhe_fft::c64;

use super::cpu::FourierGgsw;
use super::fourier::{FourierRows, LINE, Spectra, Sums, numbers, registers};
use super::transform::Transform;
use super::{Place, Slots};

/// Encryptions, level by level, of three polynomials of the secret key, in one limb.
#[derive(Clone)]
pub(crate) struct PairKey {
    pub(super) gadget: SwitchGadget,
    /// Mask and body of each, in turn.
    rows: FourierRows,
}

impl PairKey {
    const PARTS: usize = 3;
    /// Mask and body of what is split, behind the products.
    pub(super) const OPERAND: usize = 2 * Self::PARTS;
    /// How many polynomials these are.
    pub(super) const SPECTRA: usize = Self::OPERAND + 2;

    pub(super) fn empty(gadget: SwitchGadget, polynomial_size: usize) -> Self {
        Self {
            gadget,
            rows: FourierRows::empty(
                (1, gadget.level_count.into()),
                2 * Self::PARTS,
                polynomial_size,
            ),
        }
    }

    pub(super) fn store(
        &mut self,
        transform: &Transform,
        (part, level): (usize, usize),
        row: &Spectra,
    ) {
        self.rows.store(
            transform.arch,
            ((0, level), 2 * part),
            row,
            0..2,
            transform.torus_scale(),
        );
    }

    /// The products of digits with all three, with the body and turned as [`ToRows`] reads them; behind them, `spectra` hold what is split.
    pub(super) fn multiply(&self, transform: &Transform, digits: &Spectra, spectra: &mut Spectra) {
        transform.arch.dispatch(Multiply {
            rows: &self.rows,
            digits,
            spectra,
            turned: transform.turned(),
            scale: transform.torus_scale(),
        });
    }
}

#[cfg(test)]
impl PairKey {
    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

/// [`PairKey::multiply`].
struct Multiply<'a> {
    rows: &'a FourierRows,
    digits: &'a Spectra,
    spectra: &'a mut Spectra,
    /// Where the conjugates of the numbers of a polynomial are when it is turned.
    turned: &'a [u32],
    scale: f64,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let sums = Sums::<S, { PairKey::OPERAND }>::new(self.digits, self.rows.all());
        for line in 0..sums.lines {
            for part in 0..registers::<S>() {
                let at = line * registers::<S>() + part;
                let products = sums.of(simd, (line, part), self.starts(simd, at));
                self.store(simd, at, products);
            }
        }
    }
}

impl Multiply<'_> {
    /// The body, where products are added to it.
    #[inline(always)]
    fn starts<S: Simd>(&self, simd: S, at: usize) -> [[S::f64s; 2]; PairKey::OPERAND] {
        let body = self.spectra.numbers(PairKey::OPERAND + 1);
        let scale = simd.splat_f64s(self.scale);
        let body = simd.deinterleave_shfl_f64s(numbers::<S>(body)[at]);
        let body = body.map(|part| simd.mul_f64s(part, scale));
        let zero = [simd.splat_f64s(0.0); 2];
        [zero, body, body, zero, body, zero]
    }

    #[inline(always)]
    fn store<S: Simd>(&mut self, simd: S, at: usize, products: [[S::f64s; 2]; PairKey::OPERAND]) {
        let places = &self.turned[at * S::F64_LANES..][..S::F64_LANES];
        for (column, [re, im]) in products.into_iter().enumerate() {
            let out = self.spectra.polynomial(column);
            if matches!(column, 2 | 3) {
                let (numbers, _) = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(out));
                numbers.as_chunks_mut::<2>().0[at] = simd.interleave_shfl_f64s([re, im]);
                continue;
            }
            let conjugates = simd.interleave_shfl_f64s([re, simd.neg_f64s(im)]);
            let conjugates: &[c64] = bytemuck::cast_slice(bytemuck::bytes_of(&conjugates));
            for (place, number) in places.iter().zip(conjugates) {
                out[*place as usize] = *number;
            }
        }
    }
}

/// Makes rows of what was [multiplied](PairKey::multiply).
pub(super) struct ToRows<'a> {
    pub(super) spectra: &'a Spectra,
    pub(super) ggsws: &'a mut [FourierGgsw],
    pub(super) slots: Slots,
    pub(super) scale: f64,
}

/// What the two rows of a level are sums of: `(b, 0) + d·K_1` and, turned, `(b, 0) + d·K_2`; what is split and, turned, `(0, b) + d·K_0`.
const SUMS: [[usize; 2]; 2] = [[2, 4], [PairKey::OPERAND, 0]];

impl WithSimd for ToRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let one = simd.splat_f64s(1.0);
        let scales = [one, simd.splat_f64s(self.scale)];
        let lines = self.spectra.numbers(0).len() / LINE;
        for line in 0..lines {
            for (r, (sum, scale)) in SUMS.iter().zip(scales).enumerate() {
                for column in 0..2 {
                    let [one, other] = sum.map(|index| self.spectra.line(index + column, line));
                    self.line(simd, (r, column, line), (one, scale), other);
                }
            }
        }
    }
}

impl ToRows<'_> {
    /// A line of a column of row `r`, of the sum of two polynomials and, if there is an odd slot, of their difference.
    #[inline(always)]
    fn line<S: Simd>(
        &mut self,
        simd: S,
        place: (usize, usize, usize),
        (one, scale): (&[c64; LINE], S::f64s),
        other: &[c64; LINE],
    ) {
        for part in 0..registers::<S>() {
            let [re, im] = parts(simd, one, part).map(|part| simd.mul_f64s(part, scale));
            let (even, odd) = match self.slots {
                Slots::One(of) => {
                    *self.entry::<S>(of, place, part) = [re, im];
                    continue;
                }
                Slots::Two(even, odd) => (even, odd),
            };
            let [turned_re, turned_im] = parts(simd, other, part);
            *self.entry::<S>(even, place, part) =
                [simd.add_f64s(re, turned_re), simd.add_f64s(im, turned_im)];
            let Some(odd) = odd else { continue };
            // Times X^(−N/2), which is −i in all numbers.
            *self.entry::<S>(odd, place, part) =
                [simd.sub_f64s(im, turned_im), simd.sub_f64s(turned_re, re)];
        }
    }

    #[inline(always)]
    fn entry<S: Simd>(
        &mut self,
        (bit, level): Place,
        (r, column, line): (usize, usize, usize),
        part: usize,
    ) -> &mut [S::f64s; 2] {
        let entry = self.ggsws[bit].0.entry::<S>((level, r), (column, line));
        &mut entry[part]
    }
}

/// Real and imaginary parts of some of a line's numbers, in the order of registers.
#[inline(always)]
fn parts<S: Simd>(simd: S, line: &[c64; LINE], part: usize) -> [S::f64s; 2] {
    let numbers = numbers::<S>(line);
    simd.deinterleave_shfl_f64s(numbers[part])
}
