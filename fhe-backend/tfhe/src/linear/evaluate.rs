//! Evaluation of linear circuits, from the payload of a query to the payload of a response.

use tenebra_circuit::LinearForm;
use tenebra_client::bits::{BitReader, round_high};
use tenebra_client::linear::ValidLinear;
use tenebra_client::random::MaskStream;

use sha2::{Digest, Sha256};

use super::hide::{Hider, PlanKey};
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
    /// Hash of the model and the layout.
    digest: [u8; 32],
}

/// What responses are hidden with: a client's public key, and noise of so many bits, or none to measure the other noise.
pub(crate) type Hiding<'k> = (&'k PlanKey, Option<u8>);

impl LinearEvaluator {
    /// The time that a `hidden` model takes does not say which of its weights are 0.
    pub(crate) fn new(
        form: &LinearForm,
        layout: ValidLinear,
        hidden: bool,
    ) -> Result<Self, PlanError> {
        let terms: Vec<Vec<Terms>> = (0..layout.groups())
            .map(|group| group_terms(form, &layout, group, hidden))
            .collect();
        Ok(Self {
            product: MaskProduct::new(&layout, &terms)?,
            digest: digest(form, &layout),
            layout,
            terms,
            bias: form.bias.clone(),
        })
    }

    /// Evaluates the payload of a query, hidden if a key is given.
    pub(crate) fn evaluate(
        &self,
        plan: u8,
        payload: &[u8],
        hiding: Option<Hiding<'_>>,
    ) -> Result<Vec<u8>, EvaluateError> {
        let layout = &self.layout;
        let (rows, seed, bodies) = layout.read_query(payload).ok_or(EvaluateError::Query)?;
        let mut hider = hiding
            .map(|(key, bits)| Hider::new(key, layout, bits, &self.digest, payload))
            .transpose()?;
        let masks = self
            .product
            .of(layout, &self.terms, &mut MaskStream::new(seed));
        let block_bodies = self.unpack_bodies(rows, bodies);

        let width = u32::from(layout.layout().response_bits);
        let mut response = vec![0; layout.response_len(rows)];
        let mut writer = layout.start_response(&mut response, plan, rows);
        for (group, mut masks) in masks.into_iter().enumerate() {
            let first = group * layout.layout().group as usize;
            let outputs = first..first + layout.group_outputs(group);
            let places: Vec<(usize, usize)> = (0..rows)
                .flat_map(|row| outputs.clone().map(move |output| (row, output)))
                .collect();
            let body = |&(row, output): &_| self.output_body(&block_bodies, group, row, output);
            let mut bodies: Vec<u64> = places.iter().map(body).collect();
            if let Some(hider) = &mut hider {
                let position = |&(row, output): &_| layout.output_position(row, output);
                let positions: Vec<usize> = places.iter().map(position).collect();
                hider.hide(&mut masks, &mut bodies, &positions);
            }
            for value in masks.iter().chain(&bodies) {
                writer.write(round_high(*value, width), width);
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

/// Hash of everything that an evaluation depends on besides the query.
fn digest(form: &LinearForm, layout: &ValidLinear) -> [u8; 32] {
    let mut hash = Sha256::new();
    let plain = layout.layout();
    for number in [plain.features, plain.outputs, plain.group, plain.blocks] {
        hash.update(number.to_le_bytes());
    }
    hash.update([plain.plaintext_bits, plain.body_bits, plain.response_bits]);
    for (output, bias) in form.bias.iter().enumerate() {
        hash.update(bias.to_le_bytes());
        for (feature, weight) in form.weights.row(output) {
            hash.update((feature as u64).to_le_bytes());
            hash.update(weight.to_le_bytes());
        }
        hash.update(u64::MAX.to_le_bytes());
    }
    hash.finalize().into()
}

/// The weight polynomial of a group in each block, `with_zeros` or without.
fn group_terms(
    form: &LinearForm,
    layout: &ValidLinear,
    group: usize,
    with_zeros: bool,
) -> Vec<Terms> {
    let mut terms = vec![Terms::new(); layout.layout().blocks as usize];
    let first = group * layout.layout().group as usize;
    for output in first..first + layout.group_outputs(group) {
        let mut weights = vec![0; layout.layout().features as usize];
        for (feature, weight) in form.weights.row(output) {
            weights[feature] = weight;
        }
        for (feature, weight) in weights.into_iter().enumerate() {
            if weight != 0 || with_zeros {
                let (block, _) = layout.input_position(0, feature);
                let exponent = layout.weight_exponent(output, feature);
                terms[block].push((exponent, i64::cast_unsigned(weight)));
            }
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use tenebra_circuit::Matrix;
    use tenebra_client::ValidGlwe;
    use tenebra_client::linear::LinearLayout;

    use super::*;

    /// The products of a mask in each group and block, and the response to a query.
    fn run(weights: Vec<i64>, hidden: bool) -> (Vec<Vec<usize>>, Vec<u8>) {
        let layout = LinearLayout {
            glwe: ValidGlwe::secure(2, 512).unwrap().params(),
            plaintext_bits: 12,
            body_bits: 40,
            response_bits: 30,
            features: 4,
            outputs: 3,
            group: 2,
            blocks: 2,
            max_rows: 1,
        };
        let layout = layout.validate().unwrap();
        let form = LinearForm {
            weights: Matrix::dense(3, 4, weights),
            bias: vec![1, -2, 3],
        };
        let evaluator = LinearEvaluator::new(&form, layout, hidden).unwrap();
        let lengths = evaluator.terms.iter();
        let lengths = lengths.map(|blocks| blocks.iter().map(Vec::len).collect());
        // Plan 0, one row, and anything.
        let anything = (3..layout.query_len(1)).map(|at| u8::try_from(at * 37 % 251).unwrap());
        let query: Vec<u8> = [0, 1, 0].into_iter().chain(anything).collect();
        (
            lengths.collect(),
            evaluator.evaluate(0, &query, None).unwrap(),
        )
    }

    #[test]
    fn hidden_models_take_the_same_steps_whatever_their_weights() {
        let dense: Vec<i64> = (1..=12).collect();
        let mut sparse = vec![0; 12];
        (sparse[1], sparse[7]) = (5, -3);
        let ((of_dense, _), (of_sparse, response)) = (run(dense, true), run(sparse.clone(), true));
        assert_eq!(of_dense, of_sparse);
        assert_eq!(of_sparse, [[4, 4], [2, 2]]);
        // Zeros change nothing else.
        let (fewer, same) = run(sparse, false);
        assert_eq!(fewer, [[1, 1], [0, 0]]);
        assert_eq!(response, same);
    }
}
