//! A server in the plainest form, written from `docs/wire-format.md` alone: schoolbook products of whole polynomials.

use tenebra_client::linear::LinearLayout;
use tenebra_client::random::{MASK_SEED_LEN, MaskSeed, MaskStream};

use crate::cases::Linear;

/// Little-endian bits, least significant first, of `width` bits an integer.
struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl Bits<'_> {
    fn read(&mut self, width: u8) -> u64 {
        (0..width).fold(0, |value, bit| {
            let at = self.next;
            self.next += 1;
            value | u64::from(self.bytes[at / 8] >> (at % 8) & 1) << bit
        })
    }
}

fn write_bits(bits: &mut Vec<bool>, value: u64, width: u8) {
    bits.extend((0..width).map(|bit| value >> bit & 1 == 1));
}

/// `sum += a · w` modulo `X^N + 1` and `2^64`.
fn add_product(sum: &mut [u64], a: &[u64], w: &[i64]) {
    let size = sum.len();
    for (i, a) in a.iter().enumerate() {
        for (j, w) in w.iter().enumerate().filter(|(_, w)| **w != 0) {
            let term = a.wrapping_mul(w.cast_unsigned());
            let slot = &mut sum[(i + j) % size];
            *slot = if i + j < size {
                slot.wrapping_add(term)
            } else {
                slot.wrapping_sub(term)
            };
        }
    }
}

fn switch(value: u64, width: u8) -> u64 {
    let dropped = 64 - u32::from(width);
    (value >> (dropped - 1)).wrapping_add(1) >> 1 & ((1 << width) - 1)
}

/// The payload of the response to the payload of a query.
pub(crate) fn evaluate(layout: &LinearLayout, model: &Linear, query: &[u8]) -> Vec<u8> {
    let size = usize::from(layout.glwe.polynomial_size);
    let dimension = usize::from(layout.glwe.glwe_dimension);
    let (group, outputs) = (layout.group as usize, layout.outputs as usize);
    let per_block = layout.features.div_ceil(layout.blocks) as usize;
    let rows = usize::from(u16::from_le_bytes([query[1], query[2]]));
    let zone = (rows * group + group - 1) * per_block;
    let mut masks = MaskStream::new(MaskSeed(query[3..3 + MASK_SEED_LEN].try_into().unwrap()));
    let mut bodies = Bits {
        bytes: &query[3 + MASK_SEED_LEN..],
        next: 0,
    };

    let groups = outputs.div_ceil(group);
    // Masks, then the body, of each group.
    let mut sums = vec![vec![vec![0u64; size]; dimension + 1]; groups];
    for block in 0..layout.blocks as usize {
        let mut polynomials = vec![vec![0u64; size]; dimension + 1];
        let (masks_of_block, body) = polynomials.split_at_mut(dimension);
        masks_of_block.iter_mut().for_each(|mask| masks.fill(mask));
        body[0][..zone].fill_with(|| bodies.read(layout.body_bits) << (64 - layout.body_bits));
        for (index, sums) in sums.iter_mut().enumerate() {
            let mut weights = vec![0i64; size];
            let columns = index * group..outputs.min((index + 1) * group);
            for (place, row) in model.weights[columns].iter().enumerate() {
                let features = row.iter().enumerate().skip(block * per_block).take(per_block);
                for (feature, weight) in features {
                    weights[place * per_block + per_block - 1 - feature % per_block] = *weight;
                }
            }
            for (sum, polynomial) in sums.iter_mut().zip(&polynomials) {
                add_product(sum, polynomial, &weights);
            }
        }
    }

    let mut bits = Vec::new();
    for (index, sums) in sums.iter().enumerate() {
        let (masks, body) = sums.split_at(dimension);
        for value in masks.iter().flatten() {
            write_bits(&mut bits, switch(*value, layout.response_bits), layout.response_bits);
        }
        for row in 0..rows {
            for (place, bias) in model.bias.iter().skip(index * group).take(group).enumerate() {
                let position = (group + row * group + place) * per_block - 1;
                let bias = bias.cast_unsigned() << (64 - layout.plaintext_bits);
                let value = switch(body[0][position].wrapping_add(bias), layout.response_bits);
                write_bits(&mut bits, value, layout.response_bits);
            }
        }
    }
    let mut response = query[..3].to_vec();
    response.extend(bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |b, bit| b << 1 | u8::from(*bit))));
    response
}
