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
        if let Some(&value) = real.iter().find(|w| !w.is_finite()) {
            return Err(QuantError::NotFinite { value });
        }
        let largest = real
            .iter()
            .fold(0.0, |largest: f64, w| largest.max(w.abs()));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(max_reach: i64, inputs: usize) -> WeightLimits {
        WeightLimits {
            max_weight: 3,
            max_reach,
            widths: vec![3; inputs],
        }
    }

    #[test]
    fn the_largest_weight_gets_the_largest_integer() {
        let row = limits(100, 4).quantize(&[0.6, -0.2, 0.1, 0.05], &[true, true, false, true]);
        // Steps of 0.2: 0.05 is a quarter of one.
        let expected = IntegerRow {
            scale: 0.6 / 3.0,
            weights: vec![3, -1, 0, 0],
        };
        assert_eq!(row, Ok(expected));
    }

    #[test]
    fn no_weights_are_zeros() {
        let row = limits(100, 2)
            .quantize(&[0.0, 5.0], &[true, false])
            .unwrap();
        assert_eq!(row.weights, [0, 0]);
        assert!(limits(100, 1).quantize(&[f64::NAN], &[true]).is_err());
        // A reach that no weight has.
        let row = limits(2, 1).quantize(&[1.0], &[true]).unwrap();
        assert_eq!(row.weights, [0]);
    }

    proptest! {
        #[test]
        fn limits_hold(
            real in prop::collection::vec(-2.0..2.0_f64, 1..80),
            mask in prop::collection::vec(any::<bool>(), 80),
            max_reach in 0_i64..300,
        ) {
            let limits = limits(max_reach, real.len());
            let row = limits.quantize(&real, &mask[..real.len()]).unwrap();
            prop_assert!(limits.reach(&row.weights) <= max_reach);
            for ((&w, &real), &kept) in row.weights.iter().zip(&real).zip(&mask) {
                prop_assert!(w.abs() <= 3);
                prop_assert!(kept || w == 0);
                prop_assert!(!kept || (f64::from(w) * row.scale - real).abs() <= row.scale / 2.0 * (1.0 + 1e-9));
            }
        }
    }
}
