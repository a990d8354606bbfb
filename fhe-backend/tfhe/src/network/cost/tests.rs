use tenebra_client::ValidGlwe;
use tenebra_client::branching::BranchingLayout;
use tenebra_client::packing::{MAX_SPLITS, Packing};

use super::*;

/// Key switches of the binary tree whose leaves are slots: one before there are two ciphertexts, then one for every inner node with a
/// used leaf.
#[test]
fn key_switches_are_the_nodes_of_a_tree() {
    for (log_size, log_slots) in [(11u32, 0u32), (11, 3), (11, 11), (12, 5)] {
        let slots = 1usize << log_slots;
        for used in [1, 2, 3, slots / 2 + 1, slots - 1, slots] {
            let used = used.clamp(1, slots);
            let counts: Vec<usize> = switch_counts(log_size, log_slots, used).collect();
            assert_eq!(counts.len(), log_size as usize);
            let traces = (log_size - log_slots) as usize;
            assert!(counts[..traces].iter().all(|count| *count == 1));
            for (step, count) in counts[traces..].iter().enumerate() {
                // Slots are numbered so that a split parts them by their bit `step`.
                let mut nodes: Vec<usize> = (0..used).map(|slot| slot % (1 << step)).collect();
                nodes.sort_unstable();
                nodes.dedup();
                assert_eq!(*count, nodes.len(), "{used} of {slots} slots, split {step}");
            }
        }
    }
}

fn work() -> Work {
    let layer = |products: &[usize], made: &[(u32, usize)]| LayerWork {
        products: products.to_vec(),
        made: made.to_vec(),
    };
    Work {
        exact: false,
        layers: vec![layer(&[10, 0], &[(3, 2), (4, 3)]), layer(&[2, 7], &[])],
        most_log_slots: 4,
    }
}

/// 8 bits, of 5 levels each; `packed_bits` of them in a ciphertext.
fn layout(packed_bits: u16) -> ValidNetwork {
    let glwe = ValidGlwe::secure(1, 2048).unwrap();
    let gadget = SwitchGadget {
        base_log: 6,
        level_count: 8,
    };
    let layout = NetworkLayout {
        branching: BranchingLayout {
            glwe: glwe.params(),
            base_log: 5,
            level_count: 5,
            body_bits: 50,
            plaintext_bits: 8,
            response_bits: 30,
            input_bits: 8,
            coefficients: 3,
            packing: None,
        },
        stride: 600,
        packed_bits,
        keys: Some(Packing {
            splits: [gadget; MAX_SPLITS],
            scheme_switch: gadget,
        }),
    };
    layout.validate().unwrap()
}

/// A scheme switch a slot, and the key switches of 11 automorphisms: of 8 slots `8 + 1 + 2 + 4`; of 12 of 16 slots
/// `7 + 1 + 2 + 4 + 8`; of 20 of 32 slots, twice in a packed query, `6 + 1 + 2 + 4 + 8 + 16`.
#[test]
fn work_by_hand() {
    let (work, gadgets) = (work(), [(6, 4)]);
    assert_eq!(work.products(), 19);
    let made = (15 + 8) + (22 + 12);
    for (packed_bits, of_query) in [(0, 0), (4, 2 * (37 + 20))] {
        let layout = layout(packed_bits);
        assert_eq!(work.made_switches(&layout, &gadgets, 0), made);
        assert_eq!(work.made_switches(&layout, &gadgets, 1), 0);
        assert_eq!(work.key_switches(&layout, &gadgets), of_query + made);
    }
}

/// Layers are evaluated one after the other, by as many threads as there are; products in two limbs take longer.
#[test]
fn times_add_up() {
    let (work, gadgets) = (work(), [(6, 4)]);
    let exact = Work {
        exact: true,
        ..work.clone()
    };
    for packed_bits in [0, 4] {
        let valid = layout(packed_bits);
        let layout = valid.layout();
        let of_layers: f64 = (0..2).map(|at| work.layer_us(layout, &gadgets, at)).sum();
        let none = Work::default().evaluate_us(layout, &[]);
        let all = work.evaluate_us(layout, &gadgets);
        assert!(none > 0.0 && (all - none - of_layers).abs() < 1e-6 * all);
        let mut twice = work.clone();
        twice.layers[1].products = vec![4, 14];
        let last = work.layer_us(layout, &gadgets, 1);
        assert!((twice.layer_us(layout, &gadgets, 1) / last - 2.0).abs() < 1e-9);
        let wait = |work: &Work, threads| work.wait_us(layout, &gadgets, threads);
        assert!((wait(&work, 1) - wait(&work, 2) - all / 2.0).abs() < 1e-6 * all);
        assert_eq!(wait(&work, 0), wait(&work, 1));
        let more = exact.evaluate_us(layout, &gadgets) / all;
        assert!((1.05..2.0).contains(&more), "{more}");
        // What is sent takes 0.16 µs a byte (50 Mbit/s), the key a twentieth of that: 8 ns.
        let sent = (valid.query_len() + valid.response_len()) as f64 * 0.16;
        let key = valid.switch_keys().unwrap().len() as f64 * 0.008;
        let client = wait(&work, 1) - all - sent - key;
        assert!(client > 0.0 && client < 0.5 * sent, "{client}, {sent}");
    }
}
