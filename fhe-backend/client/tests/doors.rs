//! Layouts are accepted where `docs/wire-format.md` says so and nowhere else; buffers, keys and messages that do not fit one are
//! refused, whichever way they do not.
#![cfg(feature = "alloc")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tenebra_client::branching::{BranchingLayout, ValidBranching};
use tenebra_client::linear::{LinearLayout, ValidLinear};
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget};
use tenebra_client::{CipherError, GlweParams, SecretKey, ValidGlwe};

fn glwe(glwe_dimension: u8, polynomial_size: u16) -> GlweParams {
    ValidGlwe::secure(glwe_dimension, polynomial_size)
        .unwrap()
        .params()
}

fn linear() -> LinearLayout {
    LinearLayout {
        glwe: glwe(2, 512),
        plaintext_bits: 8,
        body_bits: 24,
        response_bits: 18,
        features: 6,
        outputs: 3,
        group: 2,
        blocks: 2,
        max_rows: 4,
    }
}

fn branching(packing: Option<Packing>) -> BranchingLayout {
    let (k, size) = if packing.is_some() {
        (1, 1024)
    } else {
        (2, 512)
    };
    BranchingLayout {
        glwe: glwe(k, size),
        base_log: 4,
        level_count: 3,
        body_bits: 25,
        plaintext_bits: 6,
        response_bits: 18,
        input_bits: 5,
        coefficients: 7,
        packing,
    }
}

fn packing() -> Packing {
    let gadget = SwitchGadget {
        base_log: 5,
        level_count: 3,
    };
    Packing {
        splits: [gadget; MAX_SPLITS],
        scheme_switch: gadget,
    }
}

/// A change of one field.
type Change<L> = Box<dyn Fn(&mut L)>;

/// Every pair of changes.
fn for_each_pair<L: Copy>(base: L, changes: &[Change<L>], mut check: impl FnMut(L)) {
    for first in changes {
        for second in changes {
            let mut layout = base;
            first(&mut layout);
            second(&mut layout);
            check(layout);
        }
    }
}

/// Values that fields are changed to; of the ring, sizes that it cannot have.
macro_rules! changes {
    ($layout:ty; $($field:ident: [$($value:expr),*]),* $(,)?) => {{
        let mut changes: Vec<Change<$layout>> = vec![Box::new(|_| {})];
        for size in [0, 500, 513] {
            changes.push(Box::new(move |layout| layout.glwe.polynomial_size = size));
        }
        $($(changes.push(Box::new(|layout| layout.$field = $value));)*)*
        changes
    }};
}

#[test]
fn linear_layouts_are_those_of_the_document() {
    let changes = changes!(LinearLayout;
        plaintext_bits: [0, 1, 17, 18, 19, 23, 24, 25, 63, 64, 65, 255],
        body_bits: [0, 7, 8, 9, 63, 64, 65, 255],
        response_bits: [0, 7, 8, 9, 63, 64, 65, 255],
        features: [0, 1, 2, 3, 7, 4096, 65_535, 65_536, 65_537, u32::MAX],
        outputs: [0, 1, 2, 4, 65_536, 65_537, u32::MAX],
        group: [0, 1, 3, 4, 19, u32::MAX],
        blocks: [0, 1, 6, 7, 65_536, u32::MAX],
        max_rows: [0, 1, 84, 85, 86, u16::MAX],
    );
    let mut accepted = 0;
    for_each_pair(linear(), &changes, |layout| {
        let [p, s, w] = [
            layout.plaintext_bits,
            layout.body_bits,
            layout.response_bits,
        ]
        .map(u64::from);
        let [features, outputs, group, blocks] =
            [layout.features, layout.outputs, layout.group, layout.blocks].map(u64::from);
        let (rows, size) = (
            u64::from(layout.max_rows),
            u64::from(layout.glwe.polynomial_size),
        );
        let counts = (1..=65_536).contains(&features)
            && (1..=65_536).contains(&outputs)
            && (1..=outputs).contains(&group)
            && (1..=features).contains(&blocks)
            && rows >= 1;
        let sound = size == 512
            && (p >= 1 && p < s && p < w && s <= 64 && w <= 64)
            && counts
            && (rows * group + group - 1) * features.div_ceil(blocks) <= size;
        // Payloads of up to 256 MiB.
        let groups = if counts { outputs.div_ceil(group) } else { 0 };
        let small = (groups * 1024 + rows * outputs) * w <= 8 << 28;
        assert_eq!(layout.validate().is_ok(), sound && small, "{layout:?}");
        accepted += usize::from(sound && small);
    });
    assert!(accepted > 200, "{accepted}");
}

#[test]
fn branching_layouts_are_those_of_the_document() {
    let with = changes!(BranchingLayout;
        base_log: [0, 1, 5, 6, 8, 9, 21, 22, 255],
        level_count: [0, 1, 2, 6, 7, 15, 16, 255],
        body_bits: [0, 5, 11, 12, 13, 21, 22, 63, 64, 65, 255],
        plaintext_bits: [0, 1, 17, 18, 19, 63, 64, 255],
        response_bits: [0, 5, 6, 7, 63, 64, 65, 255],
        input_bits: [0, 1, 341, 342, 512, 513, 1024, 65_536, 65_537, u32::MAX],
        coefficients: [0, 1, 511, 512, 513, 1024, 1025, u32::MAX],
    );
    for packing in [None, Some(packing())] {
        let base = branching(packing);
        let (k, size) = (
            u64::from(base.glwe.glwe_dimension),
            u64::from(base.glwe.polynomial_size),
        );
        let mut accepted = 0;
        for_each_pair(base, &with, |layout| {
            let [b, l, s, p, w] = [
                layout.base_log,
                layout.level_count,
                layout.body_bits,
                layout.plaintext_bits,
                layout.response_bits,
            ]
            .map(u64::from);
            let [bits, coefficients] = [layout.input_bits, layout.coefficients].map(u64::from);
            let packs =
                packing.is_none() || (bits * l <= size && s >= b * l + u64::from(size.ilog2()));
            let bodies = if packing.is_some() { 1 } else { (k + 1) * size };
            let small = bits * l * bodies * s + 35 * 8 <= 8 << 28;
            let sound = u64::from(layout.glwe.polynomial_size) == size
                && (1..64).contains(&(b * l))
                && (p >= 1 && p < w && w <= 64)
                && (b * l <= s && s <= 64)
                && (1..=65_536).contains(&bits)
                && (1..=size).contains(&coefficients)
                && packs
                && small;
            assert_eq!(layout.validate().is_ok(), sound, "{layout:?}");
            accepted += usize::from(sound);
        });
        assert!(accepted > 200, "{accepted}");
    }
}

/// Every gadget that an unpacking key has must be one; those beyond `log2 N` splits are not of it.
#[test]
fn gadgets_of_unpacking_keys_are_those_of_the_document() {
    for (base_log, level_count, sound) in [
        (0, 3, false),
        (3, 0, false),
        (1, 63, true),
        (63, 1, true),
        (64, 1, false),
        (8, 8, false),
        (255, 255, false),
    ] {
        let gadget = SwitchGadget {
            base_log,
            level_count,
        };
        for index in 0..=MAX_SPLITS {
            let mut packing = packing();
            match packing.splits.get_mut(index) {
                Some(split) => *split = gadget,
                None => packing.scheme_switch = gadget,
            }
            let its_own = index < 10 || index == MAX_SPLITS;
            let accepted = branching(Some(packing)).validate().is_ok();
            assert_eq!(accepted, sound || !its_own, "{gadget:?} at {index}");
        }
    }
    let two_masks = BranchingLayout {
        glwe: glwe(2, 512),
        ..branching(Some(packing()))
    };
    assert!(two_masks.validate().is_err());
}

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
        let lens = (layout.scratch_len(), layout.query_len());
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
            // 10 splits and the scheme switch, 3 rows each, of 1024 bodies of 25 bits.
            assert_eq!(len, 32 + 11 * 3 * 1024 * 25 / 8);
            let (seed, bodies) = keys
                .read(&vec![3; len])
                .map(|(s, b)| (s.0, b.len()))
                .unwrap();
            assert_eq!((seed, bodies), ([3; 32], len - 32));
            for wrong in wrong_lens(len) {
                assert_eq!(keys.read(&vec![0; wrong]), None);
            }
        }

        let len = layout.response_len();
        let decrypt = |key, bytes: &[u8], first, numbers| {
            layout.decrypt(key, bytes, first, &mut vec![0; numbers])
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

/// The weight of an input brings it to where its outputs are read, in every row; other inputs of the block stand elsewhere.
#[test]
fn weights_bring_inputs_to_their_outputs() {
    let shapes = [
        (6, 3, 2, 2, 4),
        (5, 3, 2, 2, 4),
        (7, 5, 3, 1, 2),
        (1, 1, 1, 1, 9),
        (12, 1, 1, 5, 3),
    ];
    for (features, outputs, group, blocks, max_rows) in shapes {
        let layout = LinearLayout {
            features,
            outputs,
            group,
            blocks,
            max_rows,
            ..linear()
        };
        let layout = layout.validate().unwrap();
        for row in 0..usize::from(max_rows) {
            for output in 0..outputs as usize {
                let read = layout.output_position(row, output);
                let mut found = 0;
                for feature in 0..features as usize {
                    let exponent = layout.weight_exponent(output, feature);
                    let (block, position) = layout.input_position(row, feature);
                    assert_eq!(position + exponent, read, "{layout:?}");
                    assert_eq!(block, feature / layout.block_features());
                    // No input of another row meets the weight there.
                    for other in (0..usize::from(max_rows)).filter(|other| *other != row) {
                        for feature in 0..features as usize {
                            let (its_block, its) = layout.input_position(other, feature);
                            assert!(its_block != block || its + exponent != read);
                        }
                    }
                    found += 1;
                }
                assert_eq!(found, features as usize);
            }
        }
    }
}

#[test]
fn noise_of_up_to_a_sixteenth_is_accepted() {
    for (noise_bound_log2, accepted) in [(60, true), (61, false), (255, false)] {
        let params = GlweParams {
            noise_bound_log2,
            ..glwe(2, 1024)
        };
        assert_eq!(params.validate().is_ok(), accepted, "{noise_bound_log2}");
    }
}

/// 65,536 codes of 8 bytes in 512 rows are 256 MiB, to the byte.
#[test]
fn the_largest_message_is_accepted() {
    for (max_rows, accepted) in [(512, true), (513, false)] {
        let layout = LinearLayout {
            glwe: glwe(1, 4096),
            plaintext_bits: 1,
            body_bits: 2,
            response_bits: 2,
            features: 65_536,
            outputs: 1,
            group: 1,
            blocks: 65_536,
            max_rows,
        };
        assert_eq!(layout.validate().is_ok(), accepted, "{max_rows} rows");
    }
}

/// Bits, lowest first, behind the head of a response of one row.
fn response_of(integers: impl Iterator<Item = u64>, width: u8) -> Vec<u8> {
    let bits = integers.flat_map(|integer| (0..width).map(move |bit| integer >> bit & 1 == 1));
    let bits: Vec<bool> = bits.collect();
    let bytes = bits.chunks(8).map(|byte| {
        let bit = |(at, bit): (usize, &bool)| u8::from(*bit) << at;
        byte.iter().enumerate().map(bit).sum::<u8>()
    });
    [0, 1, 0].into_iter().chain(bytes).collect()
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
        let response = response_of(integers, 18);
        let mut sums = [0; 7];
        layout.decrypt(&key, &response, 0, &mut sums).unwrap();
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
        let response = response_of(group(2).chain(group(1)), 18);
        // Whatever stood in the buffer.
        let mut out = [77; 3];
        layout.decrypt(&key, &response, |_| 0, &mut out).unwrap();
        assert_eq!(out, [integer; 3], "{error:#x}");
    }
}
