use std::collections::HashSet;

use tenebra_circuit::Optimize;
use tenebra_client::ValidGlwe;
use tenebra_client::branching::{BranchingLayout, Radix};
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget};

use super::*;
use crate::branching::digits::cut;
use crate::branching::goal::sent_body_bits;
use crate::network::evaluate::tests::small;
use crate::network::form::{NetworkForm, network_form};
use crate::network::layers::{layers, readout_stride};
use crate::noise::tests::assert_close;

/// A network with parameters, whatever its noise.
pub(crate) struct Case {
    pub(crate) form: NetworkForm,
    pub(crate) layout: ValidNetwork,
    pub(crate) gadgets: Vec<BitGadget>,
    pub(crate) layers: Vec<Layer>,
    pub(crate) bits: Bits,
    pub(crate) exact: bool,
}

impl Case {
    pub(crate) fn new(
        widths: &[usize],
        (k, size): (u8, u16),
        packed_bits: u16,
        exact: bool,
    ) -> Self {
        let form = network_form(&small(widths, 2, 1)).unwrap();
        let (bits, gadgets) = (Bits::of(&form), [(6, 3), (5, 4), (5, 4)]);
        let gadgets = gadgets[..widths.len() - 3].to_vec();
        let digits = cut(
            &form.outputs,
            Radix {
                log: 4,
                parts_log: 0,
            },
        );
        let stride = readout_stride(&form, digits.coefficients, size.into()).unwrap();
        let glwe = ValidGlwe::secure(k, size).unwrap();
        let mut splits = [SwitchGadget::default(); MAX_SPLITS];
        for (t, split) in splits[..size.ilog2() as usize].iter_mut().enumerate() {
            *split = switch([(4, 12), (6, 7), (8, 5)][t % 3]);
        }
        let keys = Packing {
            splits,
            scheme_switch: switch((7, 6)),
        };
        let layout = NetworkLayout {
            branching: BranchingLayout {
                glwe: glwe.params(),
                base_log: 7,
                level_count: 3,
                body_bits: sent_body_bits(glwe),
                plaintext_bits: 12,
                response_bits: 40,
                input_bits: bits.of_query().try_into().unwrap(),
                coefficients: digits.coefficients.try_into().unwrap(),
                packing: None,
                max_rows: 1,
                packed_bits: 0,
            },
            stride: stride.try_into().unwrap(),
            packed_bits,
            keys: (packed_bits > 0 || !gadgets.is_empty()).then_some(keys),
        };
        Self {
            layout: layout.validate().unwrap(),
            layers: layers(&form, &digits, stride, &gadgets, size.into()).unwrap(),
            gadgets,
            bits,
            exact,
            form,
        }
    }
}

fn switch((base_log, level_count): BitGadget) -> SwitchGadget {
    SwitchGadget {
        base_log,
        level_count,
    }
}

/// Networks of one and two hidden layers, of which some have more than a block of neurons, and queries of several ciphertexts.
pub(crate) fn plans() -> Vec<Case> {
    let deep: &[usize] = &[12, 40, 18, 2];
    vec![
        Case::new(&[12, 20, 3], (2, 1024), 0, false),
        Case::new(&[12, 20, 3], (1, 2048), 24, false),
        Case::new(deep, (1, 2048), 0, true),
        Case::new(deep, (1, 4096), 10, true),
        Case::new(deep, (1, 2048), 5, false),
        // Its errors have a smooth part.
        Case::new(deep, (1, 2048), 0, false),
    ]
}

fn work(plan: &Case) -> Work {
    Work::of(&plan.layers, &plan.bits, plan.exact)
}

#[test]
fn work_is_that_of_all_rotations() {
    for plan in plans() {
        let work = work(&plan);
        let stages = plan.bits.stages.len() - 1;
        let range = |stage: usize| plan.bits.stages[stage]..plan.bits.stages[stage + 1];
        let mut all = 0;
        for (layer, work) in plan.layers.iter().zip(&work.layers) {
            let turns: Vec<usize> = layer.turns().map(|turn| turn.bit).collect();
            all += turns.len();
            assert_eq!((work.products.len(), work.loads.len()), (stages, stages));
            for stage in 0..stages {
                let range = range(stage);
                let products = turns.iter().filter(|bit| range.contains(bit)).count();
                assert_eq!(work.products[stage], products);
                // One for each bit that the rotations of a block meet.
                let mut met = HashSet::new();
                for (index, hidden) in layer.hidden.iter().enumerate() {
                    let bits = hidden.rotation.turns.iter().map(|turn| turn.bit);
                    met.extend(bits.map(|bit| (index / BLOCK, 0, bit)));
                }
                for (index, group) in layer.readouts.iter().enumerate() {
                    let of_rotations = group.rotations.iter().flat_map(|of| &of.turns);
                    let bits = of_rotations.map(|turn| turn.bit);
                    met.extend(bits.map(|bit| (index / BLOCK, 1, bit)));
                    let bits = group.shared.iter().map(|turn| turn.bit);
                    met.extend(bits.map(|bit| (index / BLOCK, 2, bit)));
                }
                let met = met.iter().filter(|(.., bit)| range.contains(bit));
                assert_eq!(work.loads[stage], met.count());
            }
            let made = layer.hidden.iter().map(|of| (of.log_slots, of.bits));
            assert_eq!(work.made, made.collect::<Vec<_>>());
        }
        assert_eq!(work.products(), all);
    }
}

#[test]
fn key_switches_are_those_of_queries_and_layers() {
    for plan in plans() {
        let (work, layout) = (work(&plan), &plan.layout);
        let of = |log_slots, used| Switches::of(layout.glwe(), log_slots, [used]).products();
        let mut all = 0;
        if layout.layout().packed_bits > 0 {
            let levels = usize::from(layout.layout().branching.level_count);
            let bits = layout.packed_bits();
            all += bits
                .map(|bits| of(layout.log_slots(), bits * levels))
                .sum::<usize>();
        }
        for (index, layer) in plan.layers.iter().enumerate() {
            let made = layer.hidden.iter().map(|hidden| {
                let levels = usize::from(plan.gadgets[index].1);
                of(hidden.log_slots, hidden.bits * levels)
            });
            let made: usize = made.sum();
            assert_eq!(made > 0, index + 1 < plan.layers.len());
            assert_eq!(work.made_switches(layout, &plan.gadgets, index), made);
            all += made;
        }
        assert_eq!(work.key_switches(layout, &plan.gadgets), all);
    }
}

/// Work of one layer.
fn alone(exact: bool, layer: LayerWork) -> Work {
    Work {
        exact,
        layers: vec![layer],
    }
}

/// A product takes what a product of its ring and gadget takes, an operand what reading it takes, a code its switches; in the sum.
#[test]
fn layers_take_the_time_of_their_operations() {
    let plan = Case::new(&[12, 20, 9, 3], (1, 2048), 24, false);
    let packed = *plan.layout.layout();
    let direct = NetworkLayout {
        packed_bits: 0,
        ..packed
    };
    let plain = packed.branching;
    let size = f64::from(plain.glwe.polynomial_size);
    for (layout, exact) in [(packed, false), (packed, true), (direct, false)] {
        let limbs = if exact { 2.0 } else { 1.0 };
        let none = LayerWork {
            products: vec![0; 2],
            loads: vec![0; 2],
            made: Vec::new(),
        };
        let us =
            |layer: &LayerWork| alone(exact, layer.clone()).layer_us(&layout, &plan.gadgets, 0);
        assert_eq!(us(&none), 0.0);
        let mut sum = 0.0;
        let mut many = none.clone();
        for (stage, (_, levels)) in [(plain.base_log, plain.level_count), plan.gadgets[0]]
            .into_iter()
            .enumerate()
        {
            let centred = stage == 0 && layout.packed_bits == 0;
            let product = cmux_us(size, (2.0, limbs), levels, centred);
            // Two polynomials for each of two digits of a level, of 64 bits a limb.
            let read = MEMORY_US * f64::from(levels) * limbs * 32.0 * size;
            let mut one = none.clone();
            one.products[stage] = 1;
            assert_close("a product", us(&one), product);
            one.products[stage] = 0;
            one.loads[stage] = 1;
            assert_close("an operand", us(&one), read);
            (many.products[stage], many.loads[stage]) = (7, 3);
            sum += 7.0 * product + 3.0 * read;
        }
        let keys = layout.keys.unwrap();
        for (log_slots, bits) in [(3, 1), (5, 3)] {
            let used = bits * usize::from(plan.gadgets[0].1);
            let switches = Switches::of(plan.layout.glwe(), log_slots, [used]);
            sum += switches.us(plan.layout.glwe(), &keys, limbs);
            many.made.push((log_slots, bits));
        }
        assert_close("many", us(&many), sum);
        // The last layer makes nothing.
        assert_close(
            "without keys",
            alone(exact, many.clone()).layer_us(&layout, &[], 0),
            7.0 * cmux_us(
                size,
                (2.0, limbs),
                plain.level_count,
                layout.packed_bits == 0,
            ) + 3.0 * MEMORY_US * f64::from(plain.level_count) * limbs * 32.0 * size,
        );
    }
}

/// An evaluation takes what its layers take, and its query what its bits take.
#[test]
fn evaluations_take_the_time_of_queries_and_layers() {
    for plan in plans() {
        let (work, layout) = (work(&plan), *plan.layout.layout());
        let layers =
            (0..work.layers.len()).map(|layer| work.layer_us(&layout, &plan.gadgets, layer));
        let of_query = Work {
            exact: plan.exact,
            layers: Vec::new(),
        };
        let query = of_query.evaluate_us(&layout, &plan.gadgets);
        assert_close(
            "evaluation",
            work.evaluate_us(&layout, &plan.gadgets),
            query + layers.sum::<f64>(),
        );
        let plain = layout.branching;
        let (size, columns) = (
            f64::from(plain.glwe.polynomial_size),
            f64::from(plain.glwe.glwe_dimension) + 1.0,
        );
        let limbs = if plan.exact { 2.0 } else { 1.0 };
        let wanted = match layout.packed_bits {
            0 if layout.keys.is_none() => {
                f64::from(plain.input_bits) * bodies_us(size, columns, plain.level_count)
            }
            0 => f64::from(plain.input_bits) * expand_us(size, (columns, limbs), plain.level_count),
            _ => {
                let keys = layout.keys.unwrap();
                let of_each = plan.layout.packed_bits().map(|bits| {
                    let used = bits * usize::from(plain.level_count);
                    let glwe = plan.layout.glwe();
                    Switches::of(glwe, plan.layout.log_slots(), [used]).us(glwe, &keys, limbs)
                });
                of_each.sum()
            }
        };
        assert_close("query", query, wanted);
    }
}

/// Twice the threads take half the server's time, a key counts by how often it is sent, bytes by 50 Mbit/s, and what cannot be is the dearest.
#[test]
fn plans_cost_what_a_user_waits_for() {
    for plan in plans() {
        let (work, valid, layout) = (work(&plan), &plan.layout, *plan.layout.layout());
        let cost = |optimize, threads| {
            let options = Options {
                optimize,
                threads,
                ..Options::default()
            };
            work.cost(&layout, &plan.gadgets, &options)
        };
        let server = work.evaluate_us(&layout, &plan.gadgets);
        let halved = cost(Optimize::Latency, 1) - cost(Optimize::Latency, 2);
        assert!((halved / server - 0.5).abs() < 1e-6);
        let key = valid.switch_keys().map_or(0.0, |keys| keys.len() as f64);
        let often = cost(Optimize::FirstQuery, 1) - cost(Optimize::Latency, 1);
        assert!((often - 0.999 * key * 0.16).abs() <= 1e-6 * cost(Optimize::FirstQuery, 1));
        let messages = (valid.query_len() + valid.response_len()) as f64 * 0.16;
        let client = cost(Optimize::Latency, 1) - server - messages - key * 0.16e-3;
        // A word of a mask is met by two limbs of a key; a ciphertext of a packed query takes one transform of each.
        let measured = match layout.packed_bits {
            0 => {
                let ggsw = valid.branching().ggsw_rows() * valid.glwe().dimension();
                ggsw as f64 * f64::from(layout.branching.input_bits) * 0.012
            }
            _ => 60.0 * valid.packed_bits().count() as f64,
        };
        assert!(
            (client / measured - 1.0).abs() < 1e-6,
            "{client} µs, not {measured}"
        );
        let mut none = layout;
        none.stride = 0;
        assert_eq!(
            work.cost(&none, &plan.gadgets, &Options::default()),
            f64::INFINITY
        );
    }
}
