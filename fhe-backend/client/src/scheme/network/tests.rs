use super::*;
use crate::bits::BitReader;
use crate::params::GlweParams;
use crate::random::MaskStream;
use crate::scheme::branching::packing::{MAX_SPLITS, SwitchGadget};
use alloc::{vec, vec::Vec};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn keys() -> Packing {
    let gadget = SwitchGadget {
        base_log: 8,
        level_count: 2,
    };
    Packing {
        splits: [gadget; MAX_SPLITS],
        scheme_switch: gadget,
    }
}

/// 7 bits, 3 in each ciphertext: 6 of 8 slots, 64 coefficients apart.
fn layout() -> NetworkLayout {
    NetworkLayout {
        branching: BranchingLayout {
            glwe: GlweParams {
                glwe_dimension: 1,
                polynomial_size: 512,
                noise_bound_log2: 56,
            },
            base_log: 4,
            level_count: 2,
            body_bits: 16,
            plaintext_bits: 4,
            response_bits: 12,
            input_bits: 7,
            coefficients: 5,
            packing: None,
            max_rows: 1,
            packed_bits: 0,
        },
        stride: 102,
        packed_bits: 3,
        keys: Some(keys()),
    }
}

#[test]
fn layouts_are_refused_by_what_is_wrong() {
    struct Case(&'static str, fn(&mut NetworkLayout), bool);
    let cases = [
        Case("as it is", |_| (), true),
        Case("no stride", |layout| layout.stride = 0, false),
        // 4·127 = 508 is a coefficient, 4·128 = 512 is none.
        Case("the last coefficient", |layout| layout.stride = 127, true),
        Case("beyond the last", |layout| layout.stride = 128, false),
        Case("packed without keys", |layout| layout.keys = None, false),
        Case(
            "direct without keys",
            |layout| (layout.keys, layout.packed_bits) = (None, 0),
            true,
        ),
        Case("direct with keys", |layout| layout.packed_bits = 0, true),
        Case(
            "all in one ciphertext",
            |layout| layout.packed_bits = 7,
            true,
        ),
        // 257·2 slots.
        Case(
            "more slots than coefficients",
            |layout| layout.packed_bits = 257,
            false,
        ),
        // 8 gadget bits and 2 of 4 slots do not fit 9.
        Case(
            "slots below what is sent",
            |layout| (layout.branching.body_bits, layout.packed_bits) = (9, 2),
            false,
        ),
        Case(
            "two mask polynomials",
            |layout| layout.branching.glwe.glwe_dimension = 2,
            false,
        ),
        Case(
            "a gadget of keys that is none",
            |layout| {
                layout.keys = Some(Packing {
                    scheme_switch: SwitchGadget::default(),
                    ..keys()
                })
            },
            false,
        ),
        Case(
            "insecure",
            |layout| layout.branching.glwe.noise_bound_log2 = 20,
            false,
        ),
    ];
    for Case(name, change, right) in cases {
        let mut changed = layout();
        change(&mut changed);
        assert_eq!(changed.validate().is_ok(), right, "{name}: {changed:?}");
    }
}

#[test]
fn lengths_by_hand() {
    let valid = layout().validate().unwrap();
    assert_eq!(valid.log_slots(), 3);
    assert_eq!(valid.packed_bits().collect::<Vec<_>>(), [3, 3, 1]);
    // 14 bodies of 16 bits; 512 + 5 integers of 12 bits; 8 + 3 keys of 2 rows of 512 bodies.
    assert_eq!(valid.query_len(), 35 + 28);
    assert_eq!(valid.response_len(), 3 + 776);
    let key = valid.switch_keys().unwrap();
    assert_eq!(key.len(), 32 + 11 * 2 * 1024);
}

/// Bodies of slots are `A·S + m·2^64/(B^j·S) + e` at their coefficients.
#[test]
fn packed_queries_hold_bits_in_slots() {
    let valid = layout().validate().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let key = SecretKey::generate(valid.glwe(), &mut rng);
    let bits = [true, false, true, true, true, false, true];
    let mut out = vec![0; valid.query_len()];
    let mut scratch = vec![7; valid.scratch_len()];
    valid
        .encrypt(&key, bits.into_iter(), &mut rng, &mut scratch, &mut out)
        .unwrap();
    assert!(scratch.iter().all(|word| *word == 0));
    let (seed, bodies) = valid.read_query(&out).unwrap();
    let (mut masks, mut reader) = (MaskStream::new(seed), BitReader::new(bodies));
    for bits in bits.chunks(3) {
        let mut mask = vec![0u64; 512];
        masks.fill(&mut mask);
        for (slot, bit) in bits.iter().flat_map(|bit| [bit, bit]).enumerate() {
            // Three bits in reverse.
            let at = [0, 4, 2, 6, 1, 5, 3, 7][slot] * 64;
            let products = (0..512usize).map(|index| {
                // Signs: 2s − 1.
                let bit = key.bit_mask(0, (512 + at - index) % 512) & 1;
                let word = mask[index].wrapping_mul((bit << 1).wrapping_sub(1));
                if index <= at {
                    word
                } else {
                    word.wrapping_neg()
                }
            });
            let product = products.fold(0u64, u64::wrapping_add);
            let phase = (reader.read(16) << 48).wrapping_sub(product);
            // Levels 1 and 2 of B = 16, divided by 8: 2^57 and 2^53. The noise and what is rounded away are below 2^56 + 2^47.
            let level = slot % 2 + 1;
            let message = u64::from(*bit) << (61 - 4 * level);
            let error = phase.wrapping_sub(message).cast_signed();
            assert!(error.abs() <= (1 << 56) + (1 << 47), "slot {slot}: {error}");
        }
    }
    // One bit too few, and one too many.
    for count in [6, 8] {
        let bits = core::iter::repeat_n(true, count);
        let refused = valid.encrypt(&key, bits, &mut rng, &mut scratch, &mut out);
        assert!(refused.is_err());
        assert!(scratch.iter().all(|word| *word == 0));
    }
}

/// A response that the key decrypts by hand: body minus `A·S` at every stride.
#[test]
fn digit_sums_are_read_a_stride_apart() {
    let valid = layout().validate().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let key = SecretKey::generate(valid.glwe(), &mut rng);
    let sums = [3u64, 15, 0, 9, 1];
    let mut response = vec![0; valid.response_len()];
    let mut query = vec![0; valid.query_len()];
    query[1] = 1;
    let rows = valid.branching().start_response(&query, &mut response);
    let mut writer = rows.last().unwrap();
    let mask: Vec<u64> = (0..512u64).map(|index| index * 7 % 4096).collect();
    mask.iter().for_each(|word| writer.write(*word, 12));
    for (number, sum) in sums.iter().enumerate() {
        let at = number * 102;
        let products = (0..512usize).map(|index| {
            let bit = key.bit_mask(0, (512 + at - index) % 512) & 1;
            let word = mask[index].wrapping_mul(bit);
            if index <= at {
                word
            } else {
                word.wrapping_neg()
            }
        });
        let product = products.fold(0u64, u64::wrapping_add);
        // 12 bits, 4 of them the sum's; noise of 100 is below half a step of 2^8.
        writer.write(product.wrapping_add(sum << 8).wrapping_add(100), 12);
    }
    writer.finish();
    for (first, count) in [(0, 5), (1, 3), (4, 1)] {
        let mut read = vec![0; count];
        valid.decrypt(&key, &response, first, &mut read).unwrap();
        assert_eq!(read, sums[first..][..count]);
        let mut read = vec![0; count];
        let mut reader = BitReader::new(&response[RESPONSE_PREFIX..]);
        valid.decrypt_bits(&key, first, |width| reader.read(width), &mut read);
        assert_eq!(read, sums[first..][..count]);
    }
    assert!(valid.decrypt(&key, &response, 4, &mut [0; 2]).is_err());
    assert!(valid.decrypt(&key, &response[1..], 0, &mut [0]).is_err());
}
