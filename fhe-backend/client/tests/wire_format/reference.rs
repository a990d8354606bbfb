//! A server and a key holder in the plainest form, written from `docs/wire-format.md` alone: schoolbook products of
//! whole polynomials.

use sha2::{Digest, Sha256};
use tenebra_client::branching::BranchingLayout;
use tenebra_client::linear::LinearLayout;
use tenebra_client::params::GlweParams;
use tenebra_client::random::{MASK_SEED_LEN, MaskSeed, MaskStream, tuniform};

use crate::cases::Linear;

/// Little-endian bits, least significant first, of `width` bits an integer.
struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl Bits<'_> {
    /// Integers of this width that are left.
    fn left(&self, width: u8) -> usize {
        (8 * self.bytes.len() - self.next) / usize::from(width)
    }

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
    let (quotient, rest, half) = (
        value >> dropped,
        value << width >> width,
        1 << (dropped - 1),
    );
    // Halves away from zero: up from what is positive, down from what is negative.
    let up = rest > half || rest == half && value >> 63 == 0;
    quotient.wrapping_add(u64::from(up)) & ((1 << width) - 1)
}

/// Bytes before the bit stream of a query.
pub(crate) const QUERY_HEAD: usize = 3 + MASK_SEED_LEN;

fn query_masks(query: &[u8]) -> MaskStream {
    MaskStream::new(MaskSeed(query[3..QUERY_HEAD].try_into().unwrap()))
}

fn query_bodies(query: &[u8]) -> Bits<'_> {
    Bits {
        bytes: &query[QUERY_HEAD..],
        next: 0,
    }
}

fn packed(bits: &[bool]) -> impl Iterator<Item = u8> {
    bits.chunks(8)
        .map(|byte| byte.iter().rev().fold(0, |b, bit| b << 1 | u8::from(*bit)))
}

/// The payload of the response to the payload of a query. `hide` may add to the masks and the body of each of its ciphertexts.
pub(crate) fn evaluate(
    layout: &LinearLayout,
    model: &Linear,
    query: &[u8],
    mut hide: impl FnMut(&mut [Vec<u64>]),
) -> Vec<u8> {
    let size = usize::from(layout.glwe.polynomial_size);
    let dimension = usize::from(layout.glwe.glwe_dimension);
    let (group, outputs) = (layout.group as usize, layout.outputs as usize);
    let per_block = layout.features.div_ceil(layout.blocks) as usize;
    let rows = usize::from(u16::from_le_bytes([query[1], query[2]]));
    let zone = (rows * group + group - 1) * per_block;
    let (mut masks, mut bodies) = (query_masks(query), query_bodies(query));

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
                let features = row
                    .iter()
                    .enumerate()
                    .skip(block * per_block)
                    .take(per_block);
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
    for (index, sums) in sums.iter_mut().enumerate() {
        hide(sums);
        let (masks, body) = sums.split_at(dimension);
        for value in masks.iter().flatten() {
            write_bits(
                &mut bits,
                switch(*value, layout.response_bits),
                layout.response_bits,
            );
        }
        for row in 0..rows {
            for (place, bias) in model
                .bias
                .iter()
                .skip(index * group)
                .take(group)
                .enumerate()
            {
                let position = (group + row * group + place) * per_block - 1;
                let bias = bias.cast_unsigned() << (64 - layout.plaintext_bits);
                let value = switch(body[0][position].wrapping_add(bias), layout.response_bits);
                write_bits(&mut bits, value, layout.response_bits);
            }
        }
    }
    let mut response = query[..3].to_vec();
    response.extend(packed(&bits));
    response
}

/// The bytes of section `index` of an evaluation key.
pub(crate) fn section(payload: &[u8], index: usize) -> &[u8] {
    let (len, rest) = payload[1..].split_first_chunk().unwrap();
    let len = usize::try_from(u64::from_le_bytes(*len)).unwrap();
    if index == 0 {
        &rest[..len]
    } else {
        section(&rest[len..], index - 1)
    }
}

/// Adds an encryption of zero under a plan's public key to a ciphertext, and noise in `[−2^noise_bits, 2^noise_bits)` to its body.
pub(crate) fn hide(
    public: &[u8],
    (noise_bound_log2, noise_bits): (u8, u8),
    stream: &mut MaskStream,
    ciphertext: &mut [Vec<u64>],
) {
    let (dimension, size) = (ciphertext.len() - 1, ciphertext[0].len());
    let (seed, bodies) = public.split_first_chunk::<MASK_SEED_LEN>().unwrap();
    let mut masks = MaskStream::new(MaskSeed(*seed));
    let mut bodies = Bits {
        bytes: bodies,
        next: 0,
    };
    let (mut words, mut polynomial) = (vec![0; size], vec![0; size]);
    for _ in 0..dimension {
        stream.fill(&mut words);
        let small: Vec<i64> = words.iter().map(|word| (word & 1).cast_signed()).collect();
        for mask in &mut ciphertext[..dimension] {
            masks.fill(&mut polynomial);
            add_product(mask, &polynomial, &small);
        }
        polynomial.fill_with(|| bodies.read(64));
        add_product(&mut ciphertext[dimension], &polynomial, &small);
    }
    for mask in &mut ciphertext[..dimension] {
        stream.fill(&mut words);
        for (mask, word) in mask.iter_mut().zip(&words) {
            *mask = mask.wrapping_add(tuniform(*word, noise_bound_log2.into()));
        }
    }
    for value in &mut ciphertext[dimension] {
        let mut five = [0; 5];
        stream.fill(&mut five);
        let mut five = five.map(|word| word.cast_signed() >> (63 - noise_bits));
        five.sort_unstable();
        *value = value.wrapping_add(five[2].cast_unsigned());
    }
}

/// The coefficients of the key polynomials, from the payload of a secret key file.
pub(crate) fn key_polynomials(glwe: GlweParams, secret: &[u8]) -> Vec<Vec<i64>> {
    let size = usize::from(glwe.polynomial_size);
    let bit = |index: usize| i64::from(secret[index / 8] >> (index % 8) & 1);
    let polynomial = |c: usize| (0..size).map(|i| bit(c * size + i)).collect();
    (0..usize::from(glwe.glwe_dimension))
        .map(polynomial)
        .collect()
}

/// What a label and the bytes behind it are hashed to for stream 1, masks, or 3, keys.
fn derived(stream: u8, label: &str, bytes: &[u8]) -> [u8; MASK_SEED_LEN] {
    let len = (label.len() as u64).to_le_bytes();
    let root = Sha256::digest([&len[..], label.as_bytes(), bytes].concat());
    Sha256::digest([&[stream, 0], &root[..]].concat()).into()
}

/// `k`, `N` and `β`, 8 bytes each.
fn glwe_bytes(glwe: GlweParams) -> Vec<u8> {
    let numbers = [
        glwe.glwe_dimension.into(),
        u64::from(glwe.polynomial_size),
        glwe.noise_bound_log2.into(),
    ];
    numbers.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// The seed of the masks that all direct queries have in common.
pub(crate) fn common_masks(layout: &BranchingLayout) -> [u8; MASK_SEED_LEN] {
    let numbers = [
        0,
        layout.base_log.into(),
        layout.level_count.into(),
        layout.body_bits.into(),
        layout.input_bits,
    ];
    let numbers = numbers
        .into_iter()
        .flat_map(|number| u64::from(number).to_le_bytes());
    let bytes = glwe_bytes(layout.glwe).into_iter().chain(numbers);
    derived(1, "tenebra common masks", &bytes.collect::<Vec<u8>>())
}

/// The bits of the key of one query, as the payload of a secret key file has them.
pub(crate) fn query_secret(glwe: GlweParams, secret: &[u8], query: &[u8]) -> Vec<u8> {
    let name = &query[3..QUERY_HEAD];
    let len = (name.len() as u64).to_le_bytes();
    let bytes = [&glwe_bytes(glwe), secret, &len, name].concat();
    let mut words = vec![0; secret.len() / 8];
    MaskStream::new(MaskSeed(derived(3, "tenebra query key", &bytes))).fill(&mut words);
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// Those of the key of a row.
pub(crate) fn row_secret(glwe: GlweParams, secret: &[u8], row: u64) -> Vec<u8> {
    if row == 0 {
        return secret.to_vec();
    }
    let bytes = [&glwe_bytes(glwe), secret, &row.to_le_bytes()].concat();
    let mut words = vec![0; secret.len() / 8];
    MaskStream::new(MaskSeed(derived(3, "tenebra row key", &bytes))).fill(&mut words);
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// Draws masks and returns `Σ_j A_j·S_j`.
fn masks_times_key(masks: &mut MaskStream, key: &[Vec<i64>]) -> Vec<u64> {
    let size = key[0].len();
    let (mut sum, mut mask) = (vec![0u64; size], vec![0u64; size]);
    for polynomial in key {
        masks.fill(&mut mask);
        add_product(&mut sum, &mask, polynomial);
    }
    sum
}

/// Seeded ciphertexts in a payload: where their mask seed lies, how many there are, and which bodies of each are sent.
pub(crate) struct Seeded<'a> {
    pub(crate) payload: &'a [u8],
    /// Bytes before the mask seed, which the bodies follow.
    pub(crate) seed_at: usize,
    pub(crate) ciphertexts: usize,
    /// Bodies of a ciphertext; the last one has those that are left.
    pub(crate) bodies: usize,
    /// To which coefficient a body belongs.
    pub(crate) place: fn(usize) -> usize,
    pub(crate) body_bits: u8,
}

impl Seeded<'_> {
    /// The phases `b − Σ_j A_j·S_j` of the bodies.
    pub(crate) fn phases(&self, key: &[Vec<i64>]) -> Vec<Vec<u64>> {
        let (seed, bytes) = self.payload[self.seed_at..]
            .split_first_chunk::<MASK_SEED_LEN>()
            .unwrap();
        let mut masks = MaskStream::new(MaskSeed(*seed));
        let mut bodies = Bits { bytes, next: 0 };
        let ciphertext = |_| {
            let product = masks_times_key(&mut masks, key);
            let count = self.bodies.min(bodies.left(self.body_bits));
            let phase = |body| {
                let term = product[(self.place)(body)];
                (bodies.read(self.body_bits) << (64 - self.body_bits)).wrapping_sub(term)
            };
            (0..count).map(phase).collect()
        };
        (0..self.ciphertexts).map(ciphertext).collect()
    }
}

/// A response to a query on encrypted bits that holds these digit sums without noise, `stride` coefficients apart, its masks drawn by the
/// seed in the query, of which it begins with the first `prefix` bytes.
pub(crate) fn encrypt_sums(
    layout: &BranchingLayout,
    key: &[Vec<i64>],
    (sums, stride): (&[u64], usize),
    (query, prefix): (&[u8], usize),
) -> Vec<u8> {
    let (width, size) = (
        layout.response_bits,
        usize::from(layout.glwe.polynomial_size),
    );
    let mut masks = query_masks(query);
    let mut bits = Vec::new();
    let (mut product, mut mask) = (vec![0u64; size], vec![0u64; size]);
    for polynomial in key {
        masks.fill(&mut mask);
        mask.iter_mut().for_each(|a| *a >>= 64 - width);
        mask.iter().for_each(|a| write_bits(&mut bits, *a, width));
        add_product(&mut product, &mask, polynomial);
    }
    for (product, sum) in product.iter().step_by(stride).zip(sums) {
        write_bits(
            &mut bits,
            product.wrapping_add(sum << (width - layout.plaintext_bits)),
            width,
        );
    }
    let mut response = query[..prefix].to_vec();
    response.extend(packed(&bits));
    response
}
