//! The noise of a program, measured: keys of its own, encrypted queries, and the phase errors of what comes out against what the
//! plan predicts.

mod branching;
mod linear;
mod statistics;

use rand_core::CryptoRng;
use tenebra_circuit::{Options, Verified};
use tenebra_client::ClientError;
use thiserror::Error;

use crate::error::{EvaluateError, PlanError};
use crate::program::{Program, Scheme};
use crate::roles::RoadError;

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
    /// The bare circuit has no client spec.
    #[error(transparent)]
    Road(#[from] RoadError),
    /// Keys, or the encryption or decryption of codes.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A query.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// No parameters fit.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Every plan that was tried is noisier than predicted, or wrong.
    #[error("the noise of {} plans was measured to be other than predicted; this is a defect of tenebra", refused.len())]
    NoneAsPredicted {
        /// What was wrong with each.
        refused: Vec<(Defect, Measurement)>,
    },
    /// There is nothing to compare with.
    #[error("the circuit could not be evaluated in the clear")]
    Expected,
}

/// A program whose plans were measured and found as predicted.
#[derive(Debug)]
pub struct Measured {
    /// To be evaluated.
    pub program: Program,
    /// Of each plan.
    pub measurements: Vec<Measurement>,
    /// Of plans that were refused before: each is a defect of this crate.
    pub refused: Vec<(Defect, Measurement)>,
}

/// Plans that are tried until one is as predicted.
const TRIES: usize = 4;

impl Program {
    /// Plans and prepares a circuit as [`prepare`](Self::prepare) does, and measures it. If a plan has a defect, the next is sought
    /// with the noise that was measured.
    ///
    /// # Errors
    ///
    /// [`MeasureError`]: no plan, nothing to compare with, or no plan without a defect.
    pub fn prepare_measured<R: CryptoRng>(
        circuit: &Verified,
        options: &Options,
        measure: &mut Measure<'_, R>,
    ) -> Result<Measured, MeasureError> {
        let mut refused = Vec::new();
        let mut factor = 1.0;
        for _ in 0..TRIES {
            let program = Self::prepare_noisier(circuit, options, factor)?;
            let measurements = program.measure(measure)?;
            let defects = measurements.iter().filter_map(|measurement| {
                let defect = measurement.defect()?;
                Some((defect, measurement.clone()))
            });
            let Some((defect, measurement)) =
                defects.max_by(|(_, a), (_, b)| a.ratio().total_cmp(&b.ratio()))
            else {
                return Ok(Measured {
                    program,
                    measurements,
                    refused,
                });
            };
            let ratio = (measurement.std_bound_log2 - measurement.predicted_std_log2).exp2();
            factor *= (ratio * ratio).max(2.0);
            refused.push((defect, measurement));
        }
        Err(MeasureError::NoneAsPredicted { refused })
    }

    /// Measures every plan, that of single rows first, on random codes, all least, all greatest and such between.
    ///
    /// # Errors
    ///
    /// [`MeasureError`]; what is measured to be wrong is no error but [`Measurement::defect`].
    pub fn measure<R: CryptoRng>(
        &self,
        measure: &mut Measure<'_, R>,
    ) -> Result<Vec<Measurement>, MeasureError> {
        // How likely wrong outputs are is not the clients' concern here.
        let spec = self.spec_of_codes(-128.0)?;
        match &self.scheme {
            Scheme::Linear(programs) => (0..)
                .zip(programs)
                .map(|plan| linear::measure(self, &spec, plan, measure))
                .collect(),
            Scheme::Branching(program) => {
                Ok(vec![branching::measure(self, &spec, &**program, measure)?])
            }
            Scheme::Network(program) => {
                Ok(vec![branching::measure(self, &spec, &**program, measure)?])
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
                    u64::try_from((u128::from(rng.next_u64()) * u128::from(count)) >> 64)
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
    /// Of one plan of a client.
    fn of_plan(client: &tenebra_client::Client, plan: u8) -> Result<Self, ClientError> {
        let key = client.key().plan_key(plan);
        Ok(Self::of(key.ok_or(ClientError::KeyLength)?))
    }

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
