use tenebra_circuit::{CircuitBuilder, Interval, Matrix, Table, Verified, verify};
use tenebra_client::ValidGlwe;
use tenebra_client::branching::Radix;
use tenebra_client::network::NetworkLayout;
use tenebra_client::packing::{Packing, SwitchGadget};

use super::*;
use crate::branching::digits::cut;
use crate::branching::plan::sent_body_bits;
use crate::network::form::network_form;
use crate::network::layers::{Bits, layers, readout_stride};

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

/// Two hidden layers of codes of two bits; the second neurons of each have more and larger weights.
fn circuit() -> Verified {
    let mut b = CircuitBuilder::new();
    let steps = |least: i64, most: i64, cuts: [i64; 3]| Table {
        min: least,
        values: (least..=most)
            .map(|z| cuts.iter().filter(|cut| z >= **cut).count() as i64)
            .collect(),
    };
    let x = b.input("x", vec![Interval::new(0, 3); 4]);
    let weights = vec![1, 0, 0, -1, 3, -2, 1, 1, 2, 1, 0, 0];
    let z = b.linear(x, Matrix::dense(3, 4, weights), vec![0; 3]);
    let tables = vec![
        steps(-3, 3, [-1, 0, 2]),
        steps(-6, 15, [0, 4, 7]),
        steps(0, 9, [2, 3, 5]),
    ];
    let h = b.lookup(z, tables);
    let z = b.linear(h, Matrix::dense(2, 3, vec![1, -1, 0, 2, 1, -3]), vec![0; 2]);
    let h = b.lookup(z, vec![steps(-3, 3, [-2, 0, 1]), steps(-9, 9, [-3, 1, 5])]);
    let y = b.linear(h, Matrix::dense(1, 2, vec![5, -3]), vec![0]);
    b.output("y", y);
    verify(&b.finish()).unwrap()
}

/// A plan by hand.
struct Parts {
    layout: ValidNetwork,
    gadgets: Vec<BitGadget>,
    layers: Vec<Layer>,
    bits: Bits,
}

fn parts(packed_bits: u16) -> Parts {
    let form = network_form(&circuit()).unwrap();
    let size = 2048u16;
    let digits = cut(
        &form.outputs,
        Radix {
            log: 6,
            parts_log: 0,
        },
    );
    let keys = keys(size);
    let stride = readout_stride(&form, digits.coefficients, size.into()).unwrap();
    let gadgets = vec![(6u8, 4u8)];
    let bits = Bits::of(&form);
    let layout = NetworkLayout {
        branching: BranchingLayout {
            glwe: keys.glwe.params(),
            base_log: 5,
            level_count: 5,
            body_bits: keys.body_bits,
            plaintext_bits: u8::try_from(digits.plaintext_bits).unwrap(),
            response_bits: 40,
            input_bits: u32::try_from(bits.of_query()).unwrap(),
            coefficients: u32::try_from(digits.coefficients).unwrap(),
            packing: None,
        },
        stride: u16::try_from(stride).unwrap(),
        packed_bits,
        keys: Some(keys.gadgets),
    };
    Parts {
        layout: layout.validate().unwrap(),
        layers: layers(&form, &digits, stride, &gadgets, size.into()).unwrap(),
        gadgets,
        bits,
    }
}

/// §6: the noise of a layer's rotations, no more than what it exceeds with the probability that is added to `p_fail`, is that of the
/// bits that are made of them; products with those have the noise of the results.
#[test]
fn layers_have_the_noise_of_the_document() {
    let goal = -128.0;
    for (packed_bits, exact) in [(0, false), (0, true), (4, false)] {
        let Parts {
            layout,
            gadgets,
            layers,
            bits,
        } = parts(packed_bits);
        let plain = &layout.layout().branching;
        let stage = |bit| bits.stage(bit);
        let of_layers: Vec<Rc<LayerNoise>> = layers
            .iter()
            .map(|layer| Rc::new(LayerNoise::of(layer, stage, 2048)))
            .collect();
        let [first, second] = of_layers.as_slice() else {
            panic!("{} layers", of_layers.len());
        };
        assert_eq!(
            (first.stages.as_slice(), second.stages.as_slice()),
            (&[0][..], &[1][..])
        );
        assert_eq!((first.hidden.len(), second.hidden.len()), (3, 0));
        let made = (gadgets.as_slice(), exact);
        let noise = network_noise(&layout, made, &of_layers, plain.plaintext_bits.into(), goal);
        let noise = noise.unwrap();

        let keys = layout.switch_keys().unwrap();
        let fresh = fresh_variance(layout.branching());
        let of_bits = |gadget| of_gadget(layout.branching(), gadget).unwrap();
        let of_query = of_bits((5, 5));
        let product = if packed_bits == 0 {
            ProductVariance::direct(&of_query, exact)
        } else {
            // 4 bits of 5 levels in 32 slots, whose messages the client divides by 32.
            let rows = selected_noise(&keys, fresh * 32.0 * 32.0, 5);
            assert_eq!(noise.stages[0].rows, Some(rows));
            ProductVariance::packed(&of_query, &rows, exact)
        };
        assert_eq!(noise.stages[0].rotations, fresh);
        // The tables of hidden neurons are multiples of 2^(64 − 24).
        let rotations: Vec<MixedNoise> = first
            .hidden
            .iter()
            .map(|(noise, _)| product.of_result(noise, noise.clear.energy(5, 5, 24)))
            .collect();
        let exceeds = goal - 10.0 - 3f64.log2();
        let largest = |of: &dyn Fn(&UnpackedNoise) -> f64| {
            let rows = rotations
                .iter()
                .zip(&first.hidden)
                .map(|(noise, (_, log_slots))| {
                    of(&selected_noise(
                        &keys,
                        noise.variance_at_most(exceeds),
                        *log_slots,
                    ))
                });
            rows.fold(0.0, f64::max)
        };
        let rows = noise.stages[1].rows.unwrap();
        assert_close("constant", rows.constant, largest(&|rows| rows.constant));
        assert_close("white", rows.white, largest(&|rows| rows.white));
        let worst = rotations
            .iter()
            .map(MixedNoise::variance)
            .fold(0.0, f64::max);
        assert_close("rotations", noise.stages[1].rotations, worst);
        assert!(rotations.iter().any(|of| of.variance() < 0.9 * worst));
        assert_close("excess", noise.excess_log2, goal - 10.0);

        let product = ProductVariance::packed(&of_bits((6, 4)), &rows, exact);
        let table_bits = plain.plaintext_bits.into();
        let wanted = product.of_result(
            &second.readouts,
            second.readouts.clear.energy(6, 4, table_bits),
        );
        assert_close("result", noise.result.variance(), wanted.variance());
        for (got, wanted) in noise.result.mixed.iter().zip(wanted.mixed) {
            assert!((got.variance - wanted.variance).abs() <= 1e-9 * wanted.variance);
        }
    }
}

/// What layers that enter the output leave is added.
#[test]
fn readouts_of_all_layers_are_added() {
    let Parts {
        layout,
        gadgets,
        layers,
        bits,
    } = parts(0);
    let stage = |bit| bits.stage(bit);
    let of_layers = |layers: &[Layer]| -> Vec<Rc<LayerNoise>> {
        let of = |layer| Rc::new(LayerNoise::of(layer, stage, 2048));
        layers.iter().map(of).collect()
    };
    let noise = |layers: &[Rc<LayerNoise>]| {
        network_noise(&layout, (&gadgets, false), layers, 10, -128.0).unwrap()
    };
    let deep = of_layers(&layers);
    let mut both = layers;
    // A neuron of the first layer that enters the output, too.
    let direct = both[0].hidden[0].rotation.clone();
    both[0].readouts.push(direct);
    let more = noise(&of_layers(&both));
    let deep = noise(&deep);
    both[1].readouts.clear();
    let alone = noise(&of_layers(&both));
    assert_close(
        "both",
        more.result.variance(),
        deep.result.variance() + alone.result.variance(),
    );
    assert!(alone.result.variance() > 0.0 && deep.result.variance() > 0.0);
}
