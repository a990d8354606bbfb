//! From the real weights that training moves to the integers that count.

use tenebra_quant::{Affine, QuantError};

/// What the integer weights of a layer must keep to.
#[derive(Clone, Debug)]
pub(super) struct WeightLimits {
    /// Largest magnitude of a weight.
    pub(super) max_weight: i32,
    /// Largest `sum |w_j| * widths_j` of a neuron: the values that its sum takes, less one.
    pub(super) max_reach: i64,
    /// Largest less smallest code of each value that the layer reads.
    pub(super) widths: Vec<i64>,
}

/// The integer weights of a neuron, and what one is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IntegerRow {
    /// The real weight of the integer 1.
    pub(super) scale: f64,
    /// One per value that the layer reads.
    pub(super) weights: Vec<i32>,
}

impl WeightLimits {
    /// The nearest integers to `real / scale`, `mask` left out, where the scale gives the largest weight the largest integer, or
    /// is the least beyond that keeps the reach of the sum.
    ///
    /// # Errors
    /// [`QuantError`] for weights that are not finite.
    pub(super) fn quantize(&self, real: &[f64], mask: &[bool]) -> Result<IntegerRow, QuantError> {
        /// Each round takes the scale closer to the limit, from below.
        const ROUNDS: usize = 200;
        let kept = |(&w, &kept): (&f64, &bool)| if kept { w } else { 0.0 };
        let real: Vec<f64> = real.iter().zip(mask).map(kept).collect();
        let largest = real.iter().fold(0.0, |largest: f64, w| largest.max(w.abs()));
        if largest < 1e-200 {
            return self.rounded(&vec![0.0; real.len()], 1.0);
        }
        let mut scale = largest / f64::from(self.max_weight);
        for _ in 0..ROUNDS {
            let row = self.rounded(&real, scale)?;
            let reach = self.reach(&row.weights);
            if reach <= self.max_reach {
                return Ok(row);
            }
            let excess = reach as f64 / self.max_reach.max(1) as f64;
            scale *= excess.sqrt().max(1.005);
        }
        self.rounded(&vec![0.0; real.len()], 1.0)
    }

    /// The most that the sum of a neuron spans.
    pub(super) fn reach(&self, weights: &[i32]) -> i64 {
        let pairs = weights.iter().zip(&self.widths);
        pairs.map(|(&w, width)| i64::from(w.abs()) * width).sum()
    }

    fn rounded(&self, real: &[f64], scale: f64) -> Result<IntegerRow, QuantError> {
        let affine = Affine::from_parts(scale, 0, -self.max_weight, self.max_weight)?;
        let integer = |&w: &f64| affine.quantize(w).map(|quantized| quantized.code);
        Ok(IntegerRow {
            scale,
            weights: real.iter().map(integer).collect::<Result<_, _>>()?,
        })
    }
}
