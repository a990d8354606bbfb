//! The last split of a ciphertext and the rows of GGSWs that its slots become, in the Fourier domain from the digits on: nothing is
//! transformed back.
//!
//! Rows are sums of products with digits as they are, not modulo `q`: up to `2^(b + 7)` times as large as words, so that transforms err as
//! much more in what is multiplied with them (`docs/scheme.md`, §5).

use pulp::{Simd, WithSimd, bytemuck};
use tenebra_client::packing::SwitchGadget;
use tfhe_fft::c64;

use super::cpu::FourierGgsw;
use super::fourier::{FourierRows, LINE, Spectra, Sums, numbers, registers, sum_products};
use super::transform::Transform;
use super::{Place, Slots};

/// Encryptions, level by level, of three polynomials of the secret key, in one limb.
#[derive(Clone)]
pub(crate) struct PairKey {
    pub(super) gadget: SwitchGadget,
    rows: Rows,
}

#[derive(Clone)]
enum Rows {
    /// Mask and body of each of the three, in turn.
    One(FourierRows),
    /// The masks of all three, and the bodies of each lane.
    Lanes(FourierRows, Vec<FourierRows>),
}

/// How many encryptions there are.
const PARTS: usize = 3;

/// Polynomials that rows of a query have in common of a pair: [`PairKey::of_mask`].
pub(crate) fn pair_polynomials(gadget: SwitchGadget) -> u64 {
    u64::from(gadget.level_count) + PARTS as u64
}

impl PairKey {
    /// Mask and body of what is split, behind the products.
    pub(super) const OPERAND: usize = 2 * PARTS;
    /// How many polynomials these are.
    pub(super) const SPECTRA: usize = Self::OPERAND + 2;

    pub(super) fn empty(gadget: SwitchGadget, polynomial_size: usize, lanes: usize) -> Self {
        let rows = (1, gadget.level_count.into());
        let of_columns = |columns| FourierRows::empty(rows, columns, polynomial_size);
        Self {
            gadget,
            rows: match lanes {
                1 => Rows::One(of_columns(2 * PARTS)),
                _ => {
                    let bodies = (0..lanes).map(|_| of_columns(PARTS));
                    Rows::Lanes(of_columns(PARTS), bodies.collect())
                }
            },
        }
    }

    pub(super) fn lanes(&self) -> usize {
        match &self.rows {
            Rows::One(_) => 1,
            Rows::Lanes(_, bodies) => bodies.len(),
        }
    }

    /// Room for the digits of a mask, and behind them its products.
    pub(super) fn of_mask(&self) -> Option<Spectra> {
        let Rows::Lanes(masks, _) = &self.rows else {
            return None;
        };
        let mut of_mask = Spectra::new(masks.polynomial_size());
        of_mask.resize(self.levels() + PARTS);
        Some(of_mask)
    }

    fn levels(&self) -> usize {
        self.gadget.level_count.into()
    }

    /// Stores the row of a level of a part: the mask, and the body of each lane.
    pub(super) fn store(
        &mut self,
        transform: &Transform,
        (part, level): (usize, usize),
        row: &Spectra,
    ) {
        let (arch, scale) = (transform.arch, transform.torus_scale());
        let place = (0, level);
        match &mut self.rows {
            Rows::One(rows) => rows.store(arch, (place, 2 * part), row, 0..2, scale),
            Rows::Lanes(masks, bodies) => {
                masks.store(arch, (place, part), row, 0..1, scale);
                for (column, bodies) in (1..).zip(bodies) {
                    bodies.store(arch, (place, part), row, column..column + 1, scale);
                }
            }
        }
    }

    /// The products of digits with all three, with the body and turned as [`ToRows`] reads them; behind them, `spectra` hold what is split.
    pub(super) fn multiply(&self, transform: &Transform, digits: &Spectra, spectra: &mut Spectra) {
        if let Rows::One(rows) = &self.rows {
            transform.arch.dispatch(Multiply {
                rows,
                digits,
                spectra,
                turned: transform.turned(),
                scale: transform.torus_scale(),
            });
        }
    }

    /// Writes digits, and their products with all three masks, turned, into `of_mask`, and of the latter that without body into `spectra`.
    pub(super) fn multiply_mask(
        &self,
        transform: &Transform,
        digits: &Spectra,
        spectra: &mut Spectra,
        of_mask: &mut Spectra,
    ) {
        let Rows::Lanes(masks, _) = &self.rows else {
            return;
        };
        let levels = self.levels();
        (0..levels).for_each(|level| of_mask.copy(level, digits, level));
        sum_products(transform.arch, spectra, digits, masks.all());
        for part in 0..PARTS {
            let (from, to) = (spectra.numbers(part), of_mask.polynomial(levels + part));
            match part {
                1 => to.copy_from_slice(from),
                _ => {
                    let places = transform.turned().iter().zip(from);
                    places.for_each(|(place, number)| to[*place as usize] = number.conj());
                }
            }
        }
        spectra.copy(0, of_mask, levels);
    }

    /// What [`multiply`](Self::multiply) makes, of the body of a lane.
    pub(super) fn multiply_body(
        &self,
        lane: usize,
        transform: &Transform,
        of_mask: &Spectra,
        spectra: &mut Spectra,
    ) {
        let Rows::Lanes(_, bodies) = &self.rows else {
            return;
        };
        transform.arch.dispatch(MultiplyBody {
            rows: &bodies[lane],
            of_mask,
            levels: self.levels(),
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
        match &self.rows {
            Rows::One(rows) => rows.bytes(),
            Rows::Lanes(masks, bodies) => {
                let bodies = bodies.iter().map(FourierRows::bytes);
                masks.bytes() + bodies.sum::<usize>()
            }
        }
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
        let body = body(simd, self.spectra, at, self.scale);
        let zero = [simd.splat_f64s(0.0); 2];
        [zero, body, body, zero, body, zero]
    }

    #[inline(always)]
    fn store<S: Simd>(&mut self, simd: S, at: usize, products: [[S::f64s; 2]; PairKey::OPERAND]) {
        for (column, product) in products.into_iter().enumerate() {
            let out = self.spectra.polynomial(column);
            match column {
                2 | 3 => write(simd, out, at, product),
                _ => write_turned(simd, (out, self.turned), at, product),
            }
        }
    }
}

/// Some of the numbers of the body of what is split, at the scale of products.
#[inline(always)]
fn body<S: Simd>(simd: S, spectra: &Spectra, at: usize, scale: f64) -> [S::f64s; 2] {
    let scale = simd.splat_f64s(scale);
    let body = numbers::<S>(spectra.numbers(PairKey::OPERAND + 1));
    let parts = simd.deinterleave_shfl_f64s(body[at]);
    parts.map(|part| simd.mul_f64s(part, scale))
}

/// Writes some of the numbers of a polynomial, given by real and imaginary parts.
#[inline(always)]
fn write<S: Simd>(simd: S, out: &mut [c64], at: usize, parts: [S::f64s; 2]) {
    let (numbers, _) = S::as_mut_simd_f64s(bytemuck::cast_slice_mut(out));
    numbers.as_chunks_mut::<2>().0[at] = simd.interleave_shfl_f64s(parts);
}

/// The same where they belong when the polynomial is turned.
#[inline(always)]
fn write_turned<S: Simd>(
    simd: S,
    (out, turned): (&mut [c64], &[u32]),
    at: usize,
    [re, im]: [S::f64s; 2],
) {
    let places = &turned[at * S::F64_LANES..][..S::F64_LANES];
    let conjugates = simd.interleave_shfl_f64s([re, simd.neg_f64s(im)]);
    let conjugates: &[c64] = bytemuck::cast_slice(bytemuck::bytes_of(&conjugates));
    for (place, number) in places.iter().zip(conjugates) {
        out[*place as usize] = *number;
    }
}

/// [`PairKey::multiply_body`].
struct MultiplyBody<'a> {
    rows: &'a FourierRows,
    of_mask: &'a Spectra,
    /// How many digits are in front of the products.
    levels: usize,
    spectra: &'a mut Spectra,
    turned: &'a [u32],
    scale: f64,
}

impl WithSimd for MultiplyBody<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let sums = Sums::<S, PARTS>::new(self.of_mask, self.rows.all());
        let zero = [simd.splat_f64s(0.0); 2];
        let without_body = numbers::<S>(self.of_mask.numbers(self.levels + 1));
        for line in 0..sums.lines {
            for part in 0..registers::<S>() {
                let at = line * registers::<S>() + part;
                let body = body(simd, self.spectra, at, self.scale);
                let [first, second, third] = sums.of(simd, (line, part), [body, zero, zero]);
                let [re, im] = simd.deinterleave_shfl_f64s(without_body[at]);
                let mask = [simd.add_f64s(re, body[0]), simd.add_f64s(im, body[1])];
                write(simd, self.spectra.polynomial(2), at, mask);
                write(simd, self.spectra.polynomial(3), at, second);
                for (column, product) in [(1, first), (4, body), (5, third)] {
                    let out = self.spectra.polynomial(column);
                    write_turned(simd, (out, self.turned), at, product);
                }
            }
        }
        let mask = self.of_mask.numbers(self.levels + 2);
        let out = self.spectra.polynomial(4).iter_mut().zip(mask);
        out.for_each(|(number, mask)| *number += *mask);
    }
}

/// Makes rows of what was [multiplied](PairKey::multiply).
pub(super) struct ToRows<'a> {
    pub(super) spectra: &'a Spectra,
    pub(super) ggsws: &'a mut [FourierGgsw],
    pub(super) slots: Slots,
    pub(super) scale: f64,
    /// GGSWs hold the masks of body rows already.
    pub(super) masks_known: bool,
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
                for column in usize::from(r == 1 && self.masks_known)..2 {
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
