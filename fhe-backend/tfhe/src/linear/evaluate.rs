//! Evaluation of linear circuits, from the payload of a query to the payload of a response.

use tenebra_circuit::LinearForm;
use tenebra_client::bits::BitReader;
use tenebra_client::linear::ValidLinear;
use tenebra_client::multiply::{ExactMultiplier, Limbs, Weights};
use tenebra_client::random::MaskStream;

use crate::error::{EvaluateError, PlanError};
use crate::modulus::switch_modulus;

/// A linear circuit prepared for one layout.
#[derive(Debug)]
pub(crate) struct LinearEvaluator {
    layout: ValidLinear,
    multiplier: ExactMultiplier,
    /// Transformed weight polynomials, by group and block; `None` where all weights are zero.
    weights: Vec<Vec<Option<Weights>>>,
    /// Non-zero weights of each output, `(feature, weight)`.
    rows: Vec<Vec<(usize, i64)>>,
    bias: Vec<i64>,
}

impl LinearEvaluator {
    pub(crate) fn new(form: &LinearForm, layout: ValidLinear) -> Result<Self, PlanError> {
        let rows: Vec<Vec<(usize, i64)>> = (0..form.weights.rows())
            .map(|output| form.weights.row(output).collect())
            .collect();
        let norms = rows.chunks(layout.layout().group as usize).map(|group| {
            let magnitudes = group
                .iter()
                .flatten()
                .map(|(_, weight)| weight.unsigned_abs());
            magnitudes.fold(0, u64::saturating_add)
        });
        let norm = norms.max().unwrap_or(0);
        let size = layout.glwe().polynomial_size();
        let multiplier =
            ExactMultiplier::new(size, norm).ok_or(PlanError::WeightsTooLarge { norm })?;
        let weights = (0..layout.groups())
            .map(|group| {
                let blocks = 0..layout.layout().blocks as usize;
                blocks
                    .map(|block| block_weights(&layout, &multiplier, &rows, group, block))
                    .collect()
            })
            .collect();
        Ok(Self {
            layout,
            multiplier,
            weights,
            rows,
            bias: form.bias.clone(),
        })
    }

    pub(crate) fn evaluate(&self, plan: u8, payload: &[u8]) -> Result<Vec<u8>, EvaluateError> {
        let (rows, seed, bodies) = self
            .layout
            .read_query(payload)
            .ok_or(EvaluateError::Query)?;
        let masks = self.mask_products(&mut MaskStream::new(seed));
        let bodies = self.unpack_bodies(rows, bodies);

        let width = u32::from(self.layout.layout().response_bits);
        let mut response = vec![0; self.layout.response_len(rows)];
        let mut writer = self.layout.start_response(&mut response, plan, rows);
        for (group, polynomials) in masks.into_iter().enumerate() {
            for polynomial in polynomials {
                let product = self.multiplier.finish(polynomial);
                product
                    .iter()
                    .for_each(|a| writer.write(switch_modulus(*a, width), width));
            }
            let first = group * self.layout.layout().group as usize;
            for row in 0..rows {
                for output in first..first + self.layout.group_outputs(group) {
                    let body = self.output_body(&bodies, group, row, output);
                    writer.write(switch_modulus(body, width), width);
                }
            }
        }
        writer.finish();
        Ok(response)
    }

    /// The masks of the response, by group and polynomial, still transformed.
    fn mask_products(&self, masks: &mut MaskStream) -> Vec<Vec<Limbs>> {
        let glwe = self.layout.glwe();
        let zero = vec![self.multiplier.zero(); glwe.glwe_dimension()];
        let mut products = vec![zero; self.layout.groups()];
        let mut mask = vec![0u64; glwe.polynomial_size()];
        for block in 0..self.layout.layout().blocks as usize {
            for polynomial in 0..glwe.glwe_dimension() {
                masks.fill(&mut mask);
                let limbs = self.multiplier.limbs(&mask);
                for (group, sums) in products.iter_mut().enumerate() {
                    if let Some(weights) = &self.weights[group][block] {
                        self.multiplier
                            .add_product(&mut sums[polynomial], &limbs, weights);
                    }
                }
            }
        }
        products
    }

    /// Bodies of each block, scaled back to 64 bits.
    fn unpack_bodies(&self, rows: usize, packed: &[u8]) -> Vec<Vec<u64>> {
        let width = u32::from(self.layout.layout().body_bits);
        let mut reader = BitReader::new(packed);
        let mut block = || {
            (0..self.layout.zone(rows))
                .map(|_| reader.read(width) << (64 - width))
                .collect()
        };
        (0..self.layout.layout().blocks).map(|_| block()).collect()
    }

    /// One coefficient of `Σ_blocks body·weights`, plus the bias.
    fn output_body(&self, bodies: &[Vec<u64>], group: usize, row: usize, output: usize) -> u64 {
        let layout = &self.layout;
        let position = layout.output_position(row, output);
        let first = group * layout.layout().group as usize;
        let scale = 64 - u32::from(layout.layout().plaintext_bits);
        let mut sum = self.bias[output].cast_unsigned() << scale;
        for other in first..first + layout.group_outputs(group) {
            for (feature, weight) in &self.rows[other] {
                let block = &bodies[layout.input_position(0, *feature).0];
                let body = block[position - layout.weight_exponent(other, *feature)];
                sum = sum.wrapping_add(body.wrapping_mul(weight.cast_unsigned()));
            }
        }
        sum
    }
}

fn block_weights(
    layout: &ValidLinear,
    multiplier: &ExactMultiplier,
    rows: &[Vec<(usize, i64)>],
    group: usize,
    block: usize,
) -> Option<Weights> {
    let mut polynomial = vec![0i64; layout.glwe().polynomial_size()];
    let first = group * layout.layout().group as usize;
    let outputs = first..first + layout.group_outputs(group);
    let mut empty = true;
    for (output, row) in outputs.clone().zip(&rows[outputs]) {
        for (feature, weight) in row {
            if layout.input_position(0, *feature).0 == block {
                polynomial[layout.weight_exponent(output, *feature)] = *weight;
                empty = false;
            }
        }
    }
    (!empty).then(|| multiplier.weights(&polynomial))
}
