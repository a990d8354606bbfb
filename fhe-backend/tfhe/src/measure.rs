//! The noise of a program, measured: keys of its own, encrypted queries, and the phase errors of what comes out against what the
//! plan predicts.

mod branching;
mod linear;
mod statistics;

use rand_core::CryptoRng;
use thiserror::Error;

use crate::backend::BackendError;
use crate::program::{Program, Scheme};

pub use statistics::{Defect, Measurement};

/// What is measured with.
pub struct Measure<'a, R> {
    /// Queries of each plan; `None` for as many as take about a second.
    pub queries: Option<usize>,
    /// The outputs of a row of codes in the clear.
    pub expected: &'a dyn Fn(&[i64]) -> Option<Vec<i64>>,
    /// Draws keys, masks, noise and codes.
    pub rng: &'a mut R,
    /// Is told after each query how many are done, of how many.
    pub progress: &'a mut dyn FnMut(usize, usize),
}

/// Why nothing was measured.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// Keys, queries or responses.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// There is nothing to compare with.
    #[error("the circuit could not be evaluated in the clear")]
    Expected,
}

impl Program {
    /// Measures every plan, that of single rows first, on random codes, all least, all greatest and such between.
    ///
    /// # Errors
    ///
    /// [`MeasureError`]; what is measured to be wrong is no error but [`Measurement::defect`].
    pub fn measure<R: CryptoRng>(
        &self,
        mut measure: Measure<'_, R>,
    ) -> Result<Vec<Measurement>, MeasureError> {
        match &self.scheme {
            Scheme::Linear(programs) => (0..)
                .zip(programs)
                .map(|(index, program)| linear::measure(self, (index, program), &mut measure))
                .collect(),
            Scheme::Branching(program) => {
                Ok(vec![branching::measure(self, program, &mut measure)?])
            }
        }
    }
}

/// The codes of query `index`: the edges first.
fn codes(program: &Program, index: usize, rng: &mut impl CryptoRng) -> Vec<i64> {
    let ranges = program.input_ranges().iter().enumerate();
    let code = |(input, range): (usize, &tenebra_circuit::Interval)| {
        let ends = [range.min, range.max];
        let span = range.max.abs_diff(range.min);
        match index % 6 {
            0 => range.max,
            1 if index < 6 => range.min,
            2 => ends[usize::from(rng.next_u32() & 1 == 1)],
            3 if index < 6 => ends[input % 2],
            _ => {
                let offset = span.checked_add(1).map_or(rng.next_u64(), |count| {
                    u64::try_from(u128::from(rng.next_u64()) * u128::from(count) >> 64)
                        .unwrap_or(0)
                });
                range.min.wrapping_add_unsigned(offset)
            }
        }
    };
    ranges.map(code).collect()
}

/// A secret key as its bits.
pub(crate) struct KeyBits(Vec<bool>);

impl KeyBits {
    pub(crate) fn of(key: &tenebra_client::SecretKey) -> Self {
        let mut bytes = vec![0; tenebra_client::SecretKey::secret_len(key.glwe())];
        key.write_secret(&mut bytes);
        let bits = (0..key.glwe().dimension()).map(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1);
        Self(bits.collect())
    }

    /// `Σ masks·key` at a coefficient of polynomials of `size`.
    pub(crate) fn product_at(&self, masks: &[u64], size: usize, position: usize) -> u64 {
        let mut sum = 0u64;
        for (mask, key) in masks.chunks_exact(size).zip(self.0.chunks_exact(size)) {
            for (bit, _) in key.iter().enumerate().filter(|(_, set)| **set) {
                sum = if bit <= position {
                    sum.wrapping_add(mask[position - bit])
                } else {
                    sum.wrapping_sub(mask[position + size - bit])
                };
            }
        }
        sum
    }
}
