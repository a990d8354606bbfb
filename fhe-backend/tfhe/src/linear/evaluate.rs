//! Evaluation of linear circuits, from the payload of a query to the payload of a response.

use tenebra_circuit::LinearForm;
use tenebra_client::bits::{BitReader, round_high};
use tenebra_client::linear::ValidLinear;
use tenebra_client::random::MaskStream;

use super::product::{MaskProduct, Terms};
use crate::error::{EvaluateError, PlanError};

/// A linear circuit prepared for one layout.
#[derive(Debug)]
pub(crate) struct LinearEvaluator {
    layout: ValidLinear,
    product: MaskProduct,
    /// The weight polynomials, by group and block.
    terms: Vec<Vec<Terms>>,
    bias: Vec<i64>,
}

impl LinearEvaluator {
    pub(crate) fn new(form: &LinearForm, layout: ValidLinear) -> Result<Self, PlanError> {
        let terms: Vec<Vec<Terms>> = (0..layout.groups())
            .map(|group| group_terms(form, &layout, group))
            .collect();
        Ok(Self {
            product: MaskProduct::new(&layout, &terms)?,
            layout,
            terms,
            bias: form.bias.clone(),
        })
    }

    pub(crate) fn evaluate(&self, plan: u8, payload: &[u8]) -> Result<Vec<u8>, EvaluateError> {
        let layout = &self.layout;
        let (rows, seed, bodies) = layout.read_query(payload).ok_or(EvaluateError::Query)?;
        let masks = self
            .product
            .of(layout, &self.terms, &mut MaskStream::new(seed));
        let bodies = self.unpack_bodies(rows, bodies);

        let width = u32::from(layout.layout().response_bits);
        let mut response = vec![0; layout.response_len(rows)];
        let mut writer = layout.start_response(&mut response, plan, rows);
        for (group, masks) in masks.iter().enumerate() {
            for mask in masks {
                writer.write(round_high(*mask, width), width);
            }
            let first = group * layout.layout().group as usize;
            for row in 0..rows {
                for output in first..first + layout.group_outputs(group) {
                    let body = self.output_body(&bodies, group, row, output);
                    writer.write(round_high(body, width), width);
                }
            }
        }
        writer.finish();
        Ok(response)
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
        let position = self.layout.output_position(row, output);
        let scale = 64 - u32::from(self.layout.layout().plaintext_bits);
        let mut sum = self.bias[output].cast_unsigned() << scale;
        for (body, terms) in bodies.iter().zip(&self.terms[group]) {
            for (exponent, weight) in terms {
                sum = sum.wrapping_add(body[position - exponent].wrapping_mul(*weight));
            }
        }
        sum
    }
}

/// The weight polynomial of a group in each block.
fn group_terms(form: &LinearForm, layout: &ValidLinear, group: usize) -> Vec<Terms> {
    let mut terms = vec![Terms::new(); layout.layout().blocks as usize];
    let first = group * layout.layout().group as usize;
    for output in first..first + layout.group_outputs(group) {
        for (feature, weight) in form.weights.row(output) {
            let (block, _) = layout.input_position(0, feature);
            let exponent = layout.weight_exponent(output, feature);
            terms[block].push((exponent, weight.cast_unsigned()));
        }
    }
    terms
}
