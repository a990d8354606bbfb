use super::*;
use crate::branching::BranchingLayout;
use crate::params::GlweParams;
use alloc::vec;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

#[test]
fn nothing_stays_in_the_scratch() {
    let gadget = SwitchGadget {
        base_log: 8,
        level_count: 2,
    };
    let direct = BranchingLayout {
        glwe: GlweParams {
            glwe_dimension: 1,
            polynomial_size: 512,
            noise_bound_log2: 56,
        },
        base_log: 4,
        level_count: 1,
        body_bits: 16,
        plaintext_bits: 4,
        response_bits: 12,
        input_bits: 3,
        coefficients: 1,
        packing: None,
        max_rows: 1,
        packed_bits: 0,
    };
    let packed = BranchingLayout {
        packing: Some(Packing {
            splits: [gadget; MAX_SPLITS],
            scheme_switch: gadget,
        }),
        ..direct
    };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for layout in [direct, packed] {
        let layout = layout.validate().unwrap();
        let key = SecretKey::generate(layout.glwe(), &mut rng);
        let mut out = vec![0; layout.query_len(1)];
        for bits in [3, 2] {
            let mut scratch = vec![7; layout.scratch_len()];
            let bits = [true, false, true].into_iter().take(bits);
            let done = layout.encrypt(&key, bits.clone(), &mut rng, &mut scratch, &mut out);
            assert_eq!(done.is_ok(), bits.count() == 3);
            assert!(scratch.iter().all(|word| *word == 0));
        }
    }
    let layout = packed.validate().unwrap();
    let key = SecretKey::generate(layout.glwe(), &mut rng);
    // A sink that takes everything, and one that fails in the last rows, which hold the square of the key.
    let keys = layout.switch_keys().unwrap();
    let len = keys.len();
    for most in [usize::MAX, len - 100] {
        let mut scratch = vec![7; keys.scratch_len()];
        let mut written = 0;
        let sink = |bytes: &[u8]| {
            written += bytes.len();
            if written > most {
                return Err(());
            }
            Ok(())
        };
        let done = keys.write(&key, &mut rng, &mut scratch, sink);
        assert_eq!(done.is_ok(), most == usize::MAX);
        assert!(scratch.iter().all(|word| *word == 0));
    }
}
