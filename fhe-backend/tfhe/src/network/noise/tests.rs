use tenebra_client::ValidGlwe;
use tenebra_client::packing::{Packing, SwitchGadget};

use super::*;
use crate::branching::goal::sent_body_bits;

fn gadget((base_log, level_count): BitGadget) -> SwitchGadget {
    SwitchGadget {
        base_log,
        level_count,
    }
}

fn keys(size: u16) -> SwitchKeys {
    let glwe = ValidGlwe::secure(1, size).unwrap();
    let mut splits = [SwitchGadget::default(); MAX_SPLITS];
    for (t, split) in splits.iter_mut().enumerate() {
        *split = gadget([(6, 8), (8, 6), (5, 10)][t % 3]);
    }
    SwitchKeys {
        glwe,
        body_bits: sent_body_bits(glwe),
        gadgets: Packing {
            splits,
            scheme_switch: gadget((10, 4)),
        },
    }
}

/// `c + τ_t(c)`, coefficient by coefficient: at `i` stands what `c` has there and, with a sign, where `X^j` goes to `X^i`.
fn turned(variances: &[f64], t: usize) -> Vec<f64> {
    let size = variances.len();
    let exponent = (size >> t) + 1;
    let mut sum = vec![0.0; size];
    for (from, variance) in variances.iter().enumerate() {
        let to = from * exponent % (2 * size);
        sum[to % size] = match (to % size == from, to < size) {
            (true, true) => 4.0 * variance,
            (true, false) => 0.0,
            (false, _) => variance + variances[to % size],
        };
    }
    sum
}

/// Steps 1 to 3 of `select.rs` on the variances of all coefficients. What rounding to integers leaves is nothing beside the key
/// switches.
fn selected(keys: &SwitchKeys, start: f64, log_slots: u32) -> Vec<f64> {
    let size = keys.glwe.polynomial_size();
    let (splits, unfilled) = (size.ilog2() as usize, (size.ilog2() - log_slots) as usize);
    let mut variances = vec![start / 4f64.powf(f64::from(log_slots)); size];
    let mut turn = |t: usize, divisor: f64| {
        let halved: Vec<f64> = variances.iter().map(|v| v / divisor / divisor).collect();
        let switch = key_switch_variance(keys, t);
        variances = turned(&halved, t).iter().map(|v| v + switch).collect();
    };
    (0..unfilled).rev().for_each(|t| turn(t, 2.0));
    (unfilled..splits).for_each(|t| turn(t, 1.0));
    variances
}

fn assert_close(what: &str, got: f64, wanted: f64) {
    assert!(
        (got / wanted - 1.0).abs() < 1e-6,
        "{what}: {got}, not {wanted}"
    );
}

#[test]
fn bits_have_the_noise_of_their_selection() {
    for size in [2048, 4096] {
        let keys = keys(size);
        for log_slots in [0, 1, 3, 7, size.ilog2()] {
            // Far below the key switches, and far above.
            for start in [2f64.powi(40), 2f64.powi(90)] {
                let variances = selected(&keys, start, log_slots);
                let rows = selected_noise(&keys, start, log_slots);
                let name = format!("N = {size}, 2^{log_slots} slots");
                let others: f64 = variances[1..].iter().sum();
                assert_close(&name, rows.white, others / f64::from(size));
                assert_close(&name, rows.constant, variances[0] / f64::from(size));
            }
            // §6: what the ciphertext had reaches the constant coefficients as it was.
            let large = 2f64.powi(110);
            let rows = selected_noise(&keys, large, log_slots);
            assert_close("constant", rows.constant * f64::from(size), large);
        }
    }
}

#[test]
fn probabilities_add_up() {
    assert_close("equal", log2_sum(-128.0, -128.0), -127.0);
    assert_close("3/4", log2_sum(-1.0, -2.0), 0.75f64.log2());
    assert_close("3/4", log2_sum(-2.0, -1.0), 0.75f64.log2());
    assert_eq!(log2_sum(-1.0, f64::NEG_INFINITY), -1.0);
    let never = log2_sum(f64::NEG_INFINITY, f64::NEG_INFINITY);
    assert_eq!(never, f64::NEG_INFINITY);
}
