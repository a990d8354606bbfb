use super::*;
use crate::network::cost::tests::{Case, plans};
use crate::noise::tests::assert_close;

#[test]
fn probabilities_add_up() {
    assert_close("equal", log2_sum(-128.0, -128.0), -127.0);
    assert_close("3/4", log2_sum(-1.0, -2.0), 0.75f64.log2());
    assert_close("3/4", log2_sum(-2.0, -1.0), 0.75f64.log2());
    assert_eq!(log2_sum(-1.0, f64::NEG_INFINITY), -1.0);
    let never = log2_sum(f64::NEG_INFINITY, f64::NEG_INFINITY);
    assert_eq!(never, f64::NEG_INFINITY);
}

/// Bits of a stage, as products meet them: gadget, variance of a product, the share of the key's square in what they are made of, how
/// much their errors have in common.
struct Met {
    gadget: BitGadget,
    product: ProductVariance,
    share: f64,
    common: f64,
}

impl Met {
    /// Noise of these products, and what of it meets the square of the key.
    fn noise(&self, of: &DiagramNoise, table_bits: u32) -> (MixedNoise, f64) {
        let (base_log, levels) = self.gadget;
        let clear = of.clear.energy(base_log.into(), levels.into(), table_bits);
        let mut noise = self.product.of_result(of, clear);
        let [_, _, _, constant] = &mut noise.mixed;
        // Rotations are what constant coefficients and clear products meet, and one part in 256 of what is white.
        let carried = self.share * (constant.variance * 257.0 / 256.0 + noise.normal);
        let of_switch = self.product.of_square(of);
        // `D/λ` equal squares, one at least.
        if constant.squares > self.common {
            constant.squares /= self.common;
        } else {
            constant.squares = 1.0;
        }
        (noise, carried + of_switch)
    }
}

fn assert_same(what: &str, got: MixedNoise, wanted: MixedNoise) {
    let close = |got: f64, wanted: f64| (got - wanted).abs() <= 1e-9 * wanted.abs();
    let parts = got.mixed.iter().zip(&wanted.mixed);
    let mut parts =
        parts.map(|(a, b)| close(a.variance, b.variance) && close(a.squares, b.squares));
    assert!(
        close(got.normal, wanted.normal) && parts.all(|same| same),
        "{what}: {got:?}, not {wanted:?}"
    );
}

/// `docs/scheme.md`, §6: every stage's bits have the noise of the rotations that they are made of, counted with what all neurons and
/// slots of the layer together exceed with a probability of `2^-10·p_fail`.
fn by_the_document(
    case: &Case,
    layers: &[Rc<LayerNoise>],
    goal: f64,
) -> (Vec<f64>, MixedNoise, f64) {
    let layout = case.layout.layout();
    let of_gadget = |(base_log, level_count)| {
        let layout = BranchingLayout {
            base_log,
            level_count,
            ..layout.branching
        };
        layout.validate().unwrap()
    };
    let gadget = (layout.branching.base_log, layout.branching.level_count);
    let query = of_gadget(gadget);
    let keys = case.layout.switch_keys();
    let product = match layout.packed_bits {
        0 => ProductVariance::direct(&query, case.exact),
        _ => {
            // The client divides the message by the slots, not its noise.
            let slots = f64::from(case.layout.log_slots()).exp2();
            let start = fresh_variance(&query) * slots.powi(2);
            let rows = selected_noise(&keys.unwrap(), start, case.layout.log_slots());
            ProductVariance::packed(&query, &rows, case.exact)
        }
    };
    let mut met = vec![Met {
        gadget,
        product,
        share: 0.0,
        common: 1.0,
    }];
    let mut rotations = vec![fresh_variance(&query)];
    let (mut result, mut of_square) = (MixedNoise::NONE, 0.0);
    for (index, layer) in layers.iter().enumerate() {
        let sum = |of: &DiagramNoise, table_bits: u32| {
            let mut sum = (MixedNoise::NONE, 0.0);
            for stage in &layer.stages {
                let (noise, square) = met[*stage].noise(of, table_bits);
                sum = (sum.0.plus(noise), sum.1 + square);
            }
            sum
        };
        if !case.layers[index].readouts.is_empty() {
            let (noise, square) = sum(&layer.readouts, 12);
            (result, of_square) = (result.plus(noise), of_square + square);
        }
        let Some((base_log, levels)) = case.gadgets.get(index).copied() else {
            continue;
        };
        let (mut largest, mut share, mut common) = (0f64, 0f64, 0f64);
        let mut rows: Option<UnpackedNoise> = None;
        for neuron in &layer.hidden {
            let (noise, square) = sum(&neuron.products, (base_log * levels).into());
            let slots = 1u64 << neuron.log_slots;
            let all = (layer.hidden.len() as u64 * slots) as f64;
            let exceeds = goal - 10.0 - all.log2();
            let most = noise.variance_at_most(exceeds);
            let smooth = noise.mixed[2].variance;
            share = share.max(square / noise.variance());
            let used = (neuron.bits * usize::from(levels)) as f64;
            common = common.max(1.0 + (used - 1.0) * smooth / noise.variance());
            largest = largest.max(noise.variance());
            let its = selected_noise(&keys.unwrap(), most, neuron.log_slots);
            rows = Some(rows.map_or(its, |rows| rows.max(its)));
        }
        rotations.push(largest);
        let gadget = (base_log, levels);
        met.push(Met {
            gadget,
            product: ProductVariance::packed(&of_gadget(gadget), &rows.unwrap(), case.exact),
            share,
            common: common * layer.alike,
        });
    }
    (rotations, result, of_square / result.variance())
}

#[test]
fn noise_goes_from_layer_to_layer_as_in_the_document() {
    let mut shares = Vec::new();
    for case in plans() {
        let size = case.layout.glwe().polynomial_size();
        let stage = |bit| case.bits.stage(bit);
        let layers = case.layers.iter();
        let layers = layers.map(|layer| Rc::new(LayerNoise::of(layer, stage, size)));
        let layers: Vec<Rc<LayerNoise>> = layers.collect();
        for goal in [-128.0, -40.0] {
            let made = (case.gadgets.as_slice(), case.exact);
            let noise = network_noise(&case.layout, made, &layers, 12, goal).unwrap();
            let (rotations, result, share) = by_the_document(&case, &layers, goal);
            assert_same("result", noise.result, result);
            assert_eq!(noise.stages.len(), rotations.len());
            for (stage, rotations) in noise.stages.iter().zip(rotations) {
                assert_close("rotations", stage.rotations, rotations);
            }
            let packed = case.layout.layout().packed_bits > 0;
            assert_eq!(noise.stages[0].rows.is_some(), packed);
            assert!(noise.stages[1..].iter().all(|stage| stage.rows.is_some()));
            // A layer's bits exceed what is counted with 2^(goal - 10).
            let excess = (case.gadgets.len() as f64).log2() + goal - 10.0;
            assert!((noise.excess_log2 - excess).abs() < 1e-9 || excess == noise.excess_log2);
            assert!((noise.square_share() - share).abs() <= 1e-9 * share);
            // 26 bits of p_fail may hang on all of it.
            let most = -26.0 / share.max(1e-300);
            assert_eq!(noise.hangs_on_the_key(most * 1.001), share > 0.0);
            assert!(!noise.hangs_on_the_key(most * 0.999));
            shares.push(share);
        }
    }
    // Direct queries of one layer alone leave nothing to the square of the key.
    assert_eq!(shares[..2], [0.0; 2]);
    assert!(
        shares[2..].iter().all(|share| *share > 0.0 && *share < 1.0),
        "{shares:?}"
    );
}

/// The noise of a layer of each case.
fn layers_of(case: &Case) -> Vec<Rc<LayerNoise>> {
    let size = case.layout.glwe().polynomial_size();
    let layers = case.layers.iter();
    let of = |layer| Rc::new(LayerNoise::of(layer, |bit| case.bits.stage(bit), size));
    layers.map(of).collect()
}

/// A quarter of the variance is smooth: six slots have it in common.
#[test]
fn slots_of_a_rotation_share_what_is_smooth() {
    let keys = plans()[1].layout.switch_keys().unwrap();
    let mut noise = MixedNoise {
        normal: 3e40,
        ..MixedNoise::NONE
    };
    noise.mixed[2].variance = 1e40;
    let of_square = 5e39;
    let made = of_made(&keys, &Products { noise, of_square }, -150.0, (6, 3));
    assert_close("in common", made.slots_alike, 1.0 + 0.25 * 5.0);
    assert_close("square", made.square_share, 0.125);
    assert_close("variance", made.rotations, 4e40);
}

/// §6: `D/λ` squares, one at least.
#[test]
fn errors_in_common_leave_fewer_squares() {
    let case = &plans()[3];
    let of = &layers_of(case)[0].hidden[0].products;
    let squares = |alike: f64| {
        let first = query_stage(&case.layout);
        let mut factors = of_query(&case.layout, &first, case.exact).unwrap();
        factors.made.alike = alike;
        factors.products(of, 12).noise.mixed[3].squares
    };
    let all = squares(1.0);
    assert!(all > 6.0, "{all}");
    assert_close("six in common", squares(6.0), all / 6.0);
    assert_eq!(squares(2.0 * all), 1.0);
}
