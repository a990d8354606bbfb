//! Our messages as ciphertexts of `tfhe`, and their phases as `tfhe` computes them.
#![allow(dead_code, reason = "each test takes what it needs")]

use tenebra_client::bits::BitReader;
use tenebra_client::linear::ValidLinear;
use tenebra_client::random::MaskStream;
use tenebra_client::{Frame, KeyTag, Kind, SecretKey, SpecId, ValidGlwe, to_frame};
use tenebra_tfhe::Program;
use tfhe::core_crypto::prelude::*;

/// Bytes of plan and rows at the head of a response.
const RESPONSE_HEAD: usize = 3;

/// Our key as `tfhe`'s: its bits, one a word.
pub(crate) fn tfhe_key(key: &SecretKey) -> GlweSecretKeyOwned<u64> {
    let mut bytes = vec![0; SecretKey::secret_len(key.glwe())];
    key.write_secret(&mut bytes);
    let bits = (0..key.glwe().dimension()).map(|i| u64::from(bytes[i / 8] >> (i % 8) & 1));
    GlweSecretKeyOwned::from_container(bits.collect(), PolynomialSize(key.glwe().polynomial_size()))
}

/// A ciphertext of `k·N` mask coefficients and the first coefficients of its body; the others are zero.
pub(crate) fn glwe(
    params: ValidGlwe,
    mut masks: Vec<u64>,
    body: impl Iterator<Item = u64>,
) -> GlweCiphertextOwned<u64> {
    assert_eq!(masks.len(), params.dimension());
    masks.extend(body);
    masks.resize(params.dimension() + params.polynomial_size(), 0);
    let size = PolynomialSize(params.polynomial_size());
    GlweCiphertextOwned::from_container(masks, size, CiphertextModulus::new_native())
}

/// The blocks of a query; a query of another form is an error of the test.
pub(crate) fn query_glwes(layout: &ValidLinear, payload: &[u8]) -> Vec<GlweCiphertextOwned<u64>> {
    let (rows, seed, packed) = layout.read_query(payload).expect("a query of this layout");
    let width = u32::from(layout.layout().body_bits);
    let (mut stream, mut reader) = (MaskStream::new(seed), BitReader::new(packed));
    let block = |_| {
        let mut masks = vec![0; layout.glwe().dimension()];
        stream.fill(&mut masks);
        let bodies: Vec<u64> = (0..layout.zone(rows))
            .map(|_| reader.read(width) << (64 - width))
            .collect();
        glwe(layout.glwe(), masks, bodies.into_iter())
    };
    (0..layout.layout().blocks).map(block).collect()
}

/// The groups of a response, each with its bodies in their coefficients, scaled up to 64 bits.
pub(crate) fn response_glwes(
    layout: &ValidLinear,
    payload: &[u8],
) -> Vec<GlweCiphertextOwned<u64>> {
    let rows = layout
        .response_rows(payload)
        .expect("a response of this layout");
    let width = u32::from(layout.layout().response_bits);
    let mut reader = BitReader::new(&payload[RESPONSE_HEAD..]);
    let mut next = || reader.read(width) << (64 - width);
    let mut first = 0;
    let group = |group| {
        let masks: Vec<u64> = (0..layout.glwe().dimension()).map(|_| next()).collect();
        let mut body = vec![0; layout.glwe().polynomial_size()];
        let outputs = first..first + layout.group_outputs(group);
        for row in 0..rows {
            outputs
                .clone()
                .for_each(|output| body[layout.output_position(row, output)] = next());
        }
        first = outputs.end;
        glwe(layout.glwe(), masks, body.into_iter())
    };
    (0..layout.groups()).map(group).collect()
}

/// `b − Σ_j A_j·S_j`, computed by `tfhe`.
pub(crate) fn phases(
    key: &GlweSecretKeyOwned<u64>,
    ciphertext: &GlweCiphertextOwned<u64>,
) -> Vec<u64> {
    let mut phases = PlaintextList::new(0, PlaintextCount(ciphertext.polynomial_size().0));
    decrypt_glwe_ciphertext(key, ciphertext, &mut phases);
    phases.into_container()
}

/// The signed distance between a phase and the multiple of `2^scale` that it should be.
pub(crate) fn error(phase: u64, message: i64, scale: u32) -> i64 {
    phase
        .wrapping_sub(message.cast_unsigned() << scale)
        .cast_signed()
}

/// The payload of the response to the payload of a query.
pub(crate) fn evaluate(program: &Program, payload: &[u8]) -> Vec<u8> {
    let id = SpecId([0; 16]);
    let query = to_frame(Kind::Query, id, KeyTag::NONE, payload);
    let response = program
        .evaluate(id, None, &query)
        .expect("a query of this program");
    let frame = Frame::parse_for(&response, Kind::Response, id).expect("a response");
    frame.payload.to_vec()
}
