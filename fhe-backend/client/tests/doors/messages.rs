//! Buffers, keys and messages that fit a layout, and those that do not.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tenebra_client::branching::{BranchingLayout, ValidBranching};
use tenebra_client::linear::ValidLinear;
use tenebra_client::{CipherError, SecretKey, ValidGlwe};

use crate::{branching, linear, packing};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

/// A key, and one of other parameters.
fn keys(glwe: ValidGlwe) -> [SecretKey; 2] {
    let other = ValidGlwe::secure(3, 512).unwrap();
    [glwe, other].map(|glwe| SecretKey::generate(glwe, &mut rng()))
}

/// Lengths around one that is right.
fn wrong_lens(len: usize) -> impl Iterator<Item = usize> {
    [0, 1, len - 1, len + 1, 2 * len]
        .into_iter()
        .filter(move |wrong| *wrong != len)
}

/// The head of a message of so many rows, filled up to a length.
fn message(rows: u16, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len.max(3)];
    bytes[1..3].copy_from_slice(&rows.to_le_bytes());
    bytes.truncate(len);
    bytes
}

fn encrypt_linear(
    layout: &ValidLinear,
    key: &SecretKey,
    codes: usize,
    (scratch, out): (usize, usize),
) -> Result<(), CipherError> {
    let (mut scratch, mut out) = (vec![0; scratch], vec![0; out]);
    layout.encrypt(0, key, &vec![1; codes], &mut rng(), &mut scratch, &mut out)
}

#[test]
fn what_does_not_fit_a_linear_layout_is_refused() {
    let layout = linear().validate().unwrap();
    let [key, other] = keys(layout.glwe());
    for codes in [0, 1, 5, 7, 4 * 6 + 1, 5 * 6] {
        let lens = (layout.scratch_len(1), layout.query_len(1));
        let refused = encrypt_linear(&layout, &key, codes, lens);
        assert!(matches!(refused, Err(CipherError::Rows { .. })), "{codes}");
    }
    for rows in 1..=4u16 {
        let count = usize::from(rows);
        let lens = (layout.scratch_len(count), layout.query_len(count));
        let encrypt = |key, lens| encrypt_linear(&layout, key, 6 * count, lens);
        assert_eq!(encrypt(&key, lens), Ok(()));
        assert_eq!(encrypt(&other, lens), Err(CipherError::Key));
        for wrong in wrong_lens(lens.0) {
            let refused = encrypt(&key, (wrong, lens.1));
            assert!(matches!(
                refused,
                Err(CipherError::Buffer {
                    what: "scratch",
                    ..
                })
            ));
        }
        for wrong in wrong_lens(lens.1) {
            let refused = encrypt(&key, (lens.0, wrong));
            assert!(matches!(
                refused,
                Err(CipherError::Buffer { what: "query", .. })
            ));
            assert_eq!(
                layout.read_query(&message(rows, wrong)),
                None,
                "{wrong} bytes"
            );
        }
        let query = message(rows, lens.1);
        let (found, _, bodies) = layout.read_query(&query).unwrap();
        assert_eq!((found, bodies.len()), (count, lens.1 - 35));

        let len = layout.response_len(count);
        let decrypt =
            |key, bytes: &[u8], numbers| layout.decrypt(key, bytes, |_| 0, &mut vec![0; numbers]);
        let response = message(rows, len);
        assert_eq!(decrypt(&key, &response, 3 * count), Ok(count));
        assert_eq!(decrypt(&other, &response, 3 * count), Err(CipherError::Key));
        let short = decrypt(&key, &response, 3 * count - 1);
        assert!(matches!(
            short,
            Err(CipherError::Buffer { what: "output", .. })
        ));
        for wrong in wrong_lens(len) {
            let response = message(rows, wrong);
            assert_eq!(decrypt(&key, &response, 60), Err(CipherError::Response));
            assert_eq!(layout.response_rows(&response), Err(CipherError::Response));
        }
    }
    for rows in [0, 5, u16::MAX] {
        let (query, response) = (
            layout.query_len(rows.into()),
            layout.response_len(rows.into()),
        );
        assert_eq!(layout.read_query(&message(rows, query)), None);
        let refused = layout.response_rows(&message(rows, response));
        assert_eq!(refused, Err(CipherError::Response));
    }
}

fn encrypt_bits(
    layout: &ValidBranching,
    key: &SecretKey,
    bits: usize,
    (scratch, out): (usize, usize),
) -> Result<(), CipherError> {
    let bits = core::iter::repeat_n(true, bits);
    let (mut scratch, mut out) = (vec![0; scratch], vec![0; out]);
    layout.encrypt(key, bits, &mut rng(), &mut scratch, &mut out)
}

#[test]
fn what_does_not_fit_a_branching_layout_is_refused() {
    for packing in [None, Some(packing())] {
        let layout = branching(packing).validate().unwrap();
        let [key, other] = keys(layout.glwe());
        let lens = (layout.scratch_len(), layout.query_len(1));
        assert_eq!(encrypt_bits(&layout, &key, 5, lens), Ok(()));
        assert_eq!(
            encrypt_bits(&layout, &other, 5, lens),
            Err(CipherError::Key)
        );
        for bits in [0, 1, 4] {
            let refused = encrypt_bits(&layout, &key, bits, lens);
            assert!(matches!(
                refused,
                Err(CipherError::Buffer { what: "bit", .. })
            ));
        }
        for wrong in wrong_lens(lens.0) {
            let refused = encrypt_bits(&layout, &key, 5, (wrong, lens.1));
            assert!(matches!(
                refused,
                Err(CipherError::Buffer {
                    what: "scratch",
                    ..
                })
            ));
        }
        for wrong in wrong_lens(lens.1) {
            let refused = encrypt_bits(&layout, &key, 5, (lens.0, wrong));
            assert!(matches!(
                refused,
                Err(CipherError::Buffer { what: "query", .. })
            ));
            assert_eq!(layout.read_query(&message(1, wrong)), None, "{wrong} bytes");
        }
        let bodies = |rows| layout.read_query(&message(rows, lens.1)).map(|_| ());
        assert_eq!([0, 1, 2, 256].map(bodies), [None, Some(()), None, None]);

        let keys = layout.switch_keys();
        assert_eq!(keys.is_some(), packing.is_some());
        if let Some(keys) = keys {
            let len = keys.len();
            // 9 splits, the last one and the scheme switch, 12 keys of 3 rows each, of 1024 bodies of 25 bits.
            assert_eq!(len, 32 + 12 * 3 * 1024 * 25 / 8);
            let (seed, bodies) = keys
                .read(&vec![3; len])
                .map(|(s, b)| (s.0, b.len()))
                .unwrap();
            assert_eq!((seed, bodies), ([3; 32], len - 32));
            for wrong in wrong_lens(len) {
                assert_eq!(keys.read(&vec![0; wrong]), None);
            }
        }

        let len = layout.response_len(1);
        let decrypt = |key, bytes: &[u8], first, numbers| {
            layout.decrypt(key, bytes, (0, first), &mut vec![0; numbers])
        };
        let response = message(1, len);
        for (first, numbers) in [(0, 7), (0, 0), (3, 4), (6, 1), (7, 0)] {
            assert_eq!(decrypt(&key, &response, first, numbers), Ok(()));
        }
        for (first, numbers) in [(0, 8), (1, 7), (7, 1), (8, 0), (usize::MAX, 1)] {
            let refused = decrypt(&key, &response, first, numbers);
            assert_eq!(refused, Err(CipherError::Response), "{first}, {numbers}");
        }
        assert_eq!(decrypt(&other, &response, 0, 7), Err(CipherError::Key));
        for wrong in wrong_lens(len) {
            let refused = decrypt(&key, &message(1, wrong), 0, 7);
            assert_eq!(refused, Err(CipherError::Response), "{wrong} bytes");
        }
        for rows in [0, 2, 256] {
            let refused = decrypt(&key, &message(rows, len), 0, 7);
            assert_eq!(refused, Err(CipherError::Response), "{rows} rows");
        }
    }
}

/// As many rows as a layout says, and no others; the bits of each in as many ciphertexts as it says.
#[test]
fn packed_queries_of_several_rows_have_their_lengths() {
    let layout = BranchingLayout {
        max_rows: 3,
        packed_bits: 2,
        ..branching(Some(packing()))
    };
    let layout = layout.validate().unwrap();
    assert!(layout.packed_bits().eq([2, 2, 1]));
    // 6 slots of 3 levels in each.
    assert_eq!(layout.log_slots(), 3);
    let [key, _] = keys(layout.glwe());
    // 15 bodies of 25 bits a row, which end with a byte; 1031 integers of 18 bits.
    let (of_query, of_response) = (|rows: usize| 35 + 47 * rows, |rows: usize| 3 + 2320 * rows);
    for rows in 1..=3 {
        assert_eq!(layout.query_len(rows), of_query(rows));
        assert_eq!(layout.response_len(rows), of_response(rows));
        let lens = (layout.scratch_len(), of_query(rows));
        assert_eq!(encrypt_bits(&layout, &key, 5 * rows, lens), Ok(()));
        for bits in [5 * rows - 1, 5 * rows + 1] {
            let refused = encrypt_bits(&layout, &key, bits, lens);
            let bits = |error| matches!(error, Err(CipherError::Buffer { what: "bit", .. }));
            assert!(bits(refused));
        }
        let query = message(u16::try_from(rows).unwrap(), of_query(rows));
        let (_, bodies) = layout.read_query(&query).unwrap();
        let lens = layout.bodies_of_rows(bodies).map(<[u8]>::len);
        assert!(lens.eq(core::iter::repeat_n(47, rows)));
        let mut response = vec![0; of_response(rows)];
        assert_eq!(layout.start_response(&query, &mut response).count(), rows);
        for row in 0..4 {
            let decrypted = layout.decrypt(&key, &response, (row, 0), &mut [0; 7]);
            let refused = Err(CipherError::Response);
            assert_eq!(decrypted, if row < rows { Ok(()) } else { refused });
        }
    }
    for (rows, len) in [
        (0, 35),
        (1, of_query(2)),
        (2, of_query(1)),
        (4, of_query(4)),
    ] {
        assert_eq!(layout.read_query(&message(rows, len)), None, "{rows} rows");
    }
    let too_many = encrypt_bits(&layout, &key, 20, (layout.scratch_len(), of_query(4)));
    assert!(matches!(
        too_many,
        Err(CipherError::Buffer { what: "query", .. })
    ));
    // A seed, and of each row 12 keys of 3 rows of 1024 bodies of 25 bits.
    let keys = layout.switch_keys().unwrap();
    assert_eq!(keys.len(), 32 + 3 * 12 * 3 * 1024 * 25 / 8);
    let payload = vec![3; keys.len()];
    let (_, bodies) = keys.read(&payload).unwrap();
    assert_eq!(keys.lanes(bodies).count(), 3);
}

/// Bits, lowest first, behind the head of a response of one row.
fn response_of(name: &[u8], integers: impl Iterator<Item = u64>, width: u8) -> Vec<u8> {
    let bits = integers.flat_map(|integer| (0..width).map(move |bit| integer >> bit & 1 == 1));
    let bits: Vec<bool> = bits.collect();
    let bytes = bits.chunks(8).map(|byte| {
        let bit = |(at, bit): (usize, &bool)| u8::from(*bit) << at;
        byte.iter().enumerate().map(bit).sum::<u8>()
    });
    let prefix = [0, 1, 0].into_iter().chain(name.iter().copied());
    prefix.chain(bytes).collect()
}

/// Without masks a phase is its body: `m·2^(w−p)`, and anything from half a step below to short of half a step above it.
#[test]
fn phases_are_rounded_to_the_nearest() {
    let layout = branching(None).validate().unwrap();
    let [key, _] = keys(layout.glwe());
    let (step, half) = (1u64 << 12, 1u64 << 11);
    for (error, sum) in [
        (0, 9),
        (half - 1, 9),
        (half, 10),
        (half.wrapping_neg(), 9),
        ((half + 1).wrapping_neg(), 8),
    ] {
        let bodies = [(9 * step).wrapping_add(error); 7];
        let integers = core::iter::repeat_n(0, 1024).chain(bodies);
        let response = response_of(&[5; 32], integers, 18);
        let mut sums = [0; 7];
        layout.decrypt(&key, &response, (0, 0), &mut sums).unwrap();
        assert_eq!(sums, [sum; 7], "{error:#x}");
    }
    let layout = linear().validate().unwrap();
    let [key, _] = keys(layout.glwe());
    let (step, half) = (1u64 << 10, 1u64 << 9);
    for (error, integer) in [
        (0, 9),
        (half - 1, 9),
        (half, 10),
        (half.wrapping_neg(), 9),
        ((half + 1).wrapping_neg(), 8),
    ] {
        let body = (9 * step).wrapping_add(error);
        // Two groups, of two outputs and of one.
        let group =
            |outputs| core::iter::repeat_n(0, 1024).chain(core::iter::repeat_n(body, outputs));
        let response = response_of(&[], group(2).chain(group(1)), 18);
        // Whatever stood in the buffer.
        let mut out = [77; 3];
        layout.decrypt(&key, &response, |_| 0, &mut out).unwrap();
        assert_eq!(out, [integer; 3], "{error:#x}");
    }
}
