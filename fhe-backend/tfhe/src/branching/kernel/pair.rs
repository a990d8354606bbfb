//! The last split of a ciphertext and the rows of GGSWs that its slots become, in the Fourier domain from the digits on: nothing is
//! transformed back.
//!
//! Rows are sums of products with digits as they are, not modulo `q`: up to `2^(b + 7)` times as large as words, so that transforms err as
//! much more in what is multiplied with them (`docs/scheme.md`, §5).

use pulp::{Simd, WithSimd};
use tenebra_client::packing::SwitchGadget;
use tfhe_fft::c64;

use super::cpu::FourierGgsw;
use super::fourier::{FourierRows, LINE, Spectra, sum_products};
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
            rows: FourierRows::empty(gadget.level_count.into(), 2 * Self::PARTS, polynomial_size),
        }
    }

    pub(super) fn store(
        &mut self,
        transform: &Transform,
        (part, level): (usize, usize),
        row: &Spectra,
    ) {
        self.rows
            .store(transform.arch, (level, 2 * part), row, 0..2, 1.0);
    }

    /// The products of digits with all three, behind which `spectra` hold what is split.
    pub(super) fn multiply(&self, transform: &Transform, digits: &Spectra, spectra: &mut Spectra) {
        sum_products(transform.arch, spectra, digits, &self.rows, 0);
    }
}

#[cfg(test)]
impl PairKey {
    /// Memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.rows.bytes()
    }
}

/// Makes rows of what was [multiplied](PairKey::multiply). Row `r·ℓ + j` of a GGSW belongs to level `j`.
pub(super) struct ToRows<'a> {
    pub(super) spectra: &'a Spectra,
    /// Where the conjugates of a turned polynomial's numbers are.
    pub(super) turned: &'a [u32],
    pub(super) ggsws: &'a mut [FourierGgsw],
    pub(super) levels: usize,
    pub(super) slots: Slots,
    pub(super) scale: f64,
}

/// Numbers that are made together, as they lie in rows.
type Line = [c64; LINE];

/// One of the two rows of a level: the number of the polynomials that it is the sum of, the second one to be turned, and to which of their
/// columns the body belongs.
struct Sum {
    one: usize,
    other: usize,
    body_in_one: Option<usize>,
    body_in_other: usize,
}

/// `(b, 0) + d·K_1` and `(b, 0) + d·K_2`; what is split, and `(0, b) + d·K_0`.
const SUMS: [Sum; 2] = [
    Sum {
        one: 2,
        other: 4,
        body_in_one: Some(0),
        body_in_other: 0,
    },
    Sum {
        one: PairKey::OPERAND,
        other: 0,
        body_in_one: None,
        body_in_other: 1,
    },
];

impl WithSimd for ToRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for line in 0..self.turned.len() / LINE {
            for (r, sum) in SUMS.iter().enumerate() {
                for column in 0..2 {
                    let one = self.one(sum, column, line);
                    let (even, odd) = match self.slots {
                        Slots::One(place) => {
                            self.put(simd, place, (r, column, line), &one);
                            continue;
                        }
                        Slots::Two(even, odd) => (even, odd),
                    };
                    let other = self.turned(sum, column, line);
                    let mut added = one;
                    for (one, other) in added.iter_mut().zip(&other) {
                        *one += other;
                    }
                    self.put(simd, even, (r, column, line), &added);
                    let Some(odd) = odd else { continue };
                    let mut down = one;
                    for (one, other) in down.iter_mut().zip(&other) {
                        // Times X^(−N/2), which is −i in all numbers.
                        *one = c64 {
                            re: one.im - other.im,
                            im: other.re - one.re,
                        };
                    }
                    self.put(simd, odd, (r, column, line), &down);
                }
            }
        }
    }
}

impl ToRows<'_> {
    #[inline(always)]
    fn one(&self, sum: &Sum, column: usize, line: usize) -> Line {
        let mut one = *self.spectra.line(sum.one + column, line);
        if sum.body_in_one == Some(column) {
            let body = self.spectra.line(PairKey::OPERAND + 1, line);
            for (one, body) in one.iter_mut().zip(body) {
                *one += body;
            }
        }
        one
    }

    #[inline(always)]
    fn turned(&self, sum: &Sum, column: usize, line: usize) -> Line {
        let other = self.spectra.numbers(sum.other + column);
        let body = self.spectra.numbers(PairKey::OPERAND + 1);
        let with_body = sum.body_in_other == column;
        let mut turned = [c64 { re: 0.0, im: 0.0 }; LINE];
        let places = &self.turned[line * LINE..][..LINE];
        for (turned, place) in turned.iter_mut().zip(places) {
            let place = *place as usize;
            let mut number = other[place];
            if with_body {
                number += body[place];
            }
            *turned = number.conj();
        }
        turned
    }

    #[inline(always)]
    fn put<S: Simd>(
        &mut self,
        simd: S,
        (bit, level): Place,
        (r, column, line): (usize, usize, usize),
        numbers: &Line,
    ) {
        let row = r * self.levels + level;
        self.ggsws[bit]
            .0
            .put(simd, (row, column, line), numbers, self.scale);
    }
}
