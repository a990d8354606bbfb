//! Functions that are looked up in tables of all their codes: of one input, or of several together.

use super::Plain;
use super::build::{Builder, to_plain};
use super::noise::NoiseBook;
use super::piecewise::Piecewise;
use super::schedule::{Emitter, Value};

impl Builder<'_> {
    /// A function of one input: by selection between its pieces, or, where that is cheaper, by a [`lookup`](Self::lookup).
    pub(super) fn table(
        &self,
        emitter: &mut Emitter<'_>,
        input: usize,
        pieces: &Piecewise,
    ) -> Value {
        let bits = self.code_bits(input);
        let low = self.turned_bits(bits.len());
        let rotated = (1usize << (bits.len() - low)) - 1 + low;
        let limit = 1i64 << bits.len();
        let starts: Vec<i64> = [0]
            .into_iter()
            .chain(pieces.boundaries().filter(|start| *start < limit))
            .collect();
        if cut_ranges(bits.len(), &starts) <= rotated {
            let values: Vec<Value> = starts
                .iter()
                .map(|start| Value::plain(to_plain(pieces.value(*start))))
                .collect();
            return emitter.select(&bits, &starts, &values);
        }
        self.lookup(emitter, &bits, |chunk| {
            self.tabulate(pieces, chunk << low, low, 0)
        })
    }

    /// A function of several inputs, as a group of its own.
    pub(super) fn joint(&mut self, book: &mut NoiseBook, index: usize) {
        let form = self.form;
        let joint = &form.joints[index];
        let mut emitter = Emitter::new(book);
        let tree = form.trees.len() + form.input_bits.len() + index;
        emitter.book.start_tree(tree);
        let inputs = joint.table.inputs.iter();
        let bits: Vec<usize> = inputs.flat_map(|input| self.code_bits(*input)).collect();
        let codes = 1usize << self.turned_bits(bits.len());
        let (turned, selected) = bits.split_at(codes.ilog2() as usize);
        let chosen = self.chosen(&mut emitter, selected, |chunk| {
            let first = usize::try_from(chunk).unwrap_or(0) * codes;
            let mut plain = Plain::new();
            for at in 0..codes {
                joint.add_digits(first + at, at * form.coefficients, &mut plain);
            }
            plain
        });
        emitter.end_selections(selected.len());
        let value = emitter.rotate(turned, form.coefficients, chosen);
        self.push_group(emitter, value);
    }

    /// How many of the bits of a code turn a polynomial that holds the values of that many codes.
    fn turned_bits(&self, bits: usize) -> usize {
        let fitting = (self.size / self.form.coefficients).max(1).ilog2() as usize;
        fitting.min(bits)
    }

    /// The value of the code with these bits, the lowest first: the polynomial that holds it and those of its neighbours is
    /// selected by the high bits, and turned by the low ones (Chillotti et al. 2020, §5.1: vertical packing). Polynomials that are
    /// equal to the one before are not selected between.
    fn lookup(
        &self,
        emitter: &mut Emitter<'_>,
        bits: &[usize],
        chunk: impl Fn(i64) -> Plain,
    ) -> Value {
        let (turned, selected) = bits.split_at(self.turned_bits(bits.len()));
        let chosen = self.chosen(emitter, selected, chunk);
        emitter.rotate(turned, self.form.coefficients, chosen)
    }

    /// The polynomial of a code's high bits.
    fn chosen(
        &self,
        emitter: &mut Emitter<'_>,
        selected: &[usize],
        chunk: impl Fn(i64) -> Plain,
    ) -> Value {
        let mut starts = Vec::new();
        let mut chunks: Vec<Plain> = Vec::new();
        for index in 0..1i64 << selected.len() {
            let chunk = chunk(index);
            if chunks.last() != Some(&chunk) {
                starts.push(index);
                chunks.push(chunk);
            }
        }
        emitter.select_made(selected, &starts, |_, index| {
            Value::plain(core::mem::take(&mut chunks[index]))
        })
    }

    /// The values of `2^bits` codes from `low` on as a polynomial: those of a code side by side, codes behind each other.
    pub(super) fn tabulate(
        &self,
        pieces: &Piecewise,
        low: i64,
        bits: usize,
        offset: usize,
    ) -> Plain {
        let mut plain = Plain::new();
        for (index, code) in (low..low + (1 << bits)).enumerate() {
            let at = offset + index * self.form.coefficients;
            plain.extend(
                pieces
                    .value(code)
                    .iter()
                    .map(|(coefficient, digit)| (at + coefficient, i64::from(*digit))),
            );
        }
        plain
    }
}

/// Dyadic ranges of codes that a boundary cuts: the CMUX steps of a selection.
fn cut_ranges(bits: usize, starts: &[i64]) -> usize {
    (1..=bits)
        .map(|level| {
            let mut cut: Vec<i64> = starts
                .iter()
                .filter(|start| *start % (1 << level) != 0)
                .map(|start| start >> level)
                .collect();
            cut.dedup();
            cut.len()
        })
        .sum()
}
