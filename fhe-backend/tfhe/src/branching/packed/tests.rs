use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Optimize, Options, QueryMode, Tree, TreeNode, Verified,
    verify,
};

use super::*;
use crate::branching::form::branching_form;
use crate::branching::goal::{Goal, sent_body_bits};
use crate::branching::plan::{check, plan};
use crate::branching::switches::SWITCH_GADGETS;
use crate::branching::variance::{result_noise, square_noise};
use crate::noise::tests::{assert_close, assert_within};

fn gadget((base_log, level_count): (u8, u8)) -> SwitchGadget {
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
        max_rows: 1,
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

/// Steps 1 to 3 of `select.rs` on the variances of all coefficients, but for the last switch. What rounding to integers leaves is nothing beside the key
/// switches.
fn selected(keys: &SwitchKeys, start: f64, log_slots: u32) -> Vec<f64> {
    let size = keys.glwe.polynomial_size();
    let (splits, unfilled) = (size.ilog2() as usize, (size.ilog2() - log_slots) as usize);
    let mut variances = vec![start / 4f64.powf(f64::from(log_slots)); size];
    let mut turn = |t: usize, divisor: f64| {
        let halved: Vec<f64> = variances.iter().map(|v| v / divisor / divisor).collect();
        let switch = match t == splits - 1 && divisor == 1.0 {
            true => 0.0,
            false => key_switch_variance(keys, t),
        };
        variances = turned(&halved, t).iter().map(|v| v + switch).collect();
    };
    (0..unfilled).rev().for_each(|t| turn(t, 2.0));
    (unfilled..splits).for_each(|t| turn(t, 1.0));
    variances
}

/// §5, source by source: a split takes what there is four times, and its own error to both parts.
fn direction(keys: &SwitchKeys, start: f64, log_slots: u32) -> f64 {
    let size = keys.glwe.polynomial_size();
    let (splits, unfilled) = (size.ilog2() as usize, (size.ilog2() - log_slots) as usize);
    let of_query = start / 4f64.powf(f64::from(log_slots));
    let halved = (0..unfilled).map(|t| key_switch_variance(keys, t));
    let mut direction = of_query + halved.sum::<f64>();
    for t in unfilled..splits {
        let own = if t == splits - 1 {
            0.0
        } else {
            key_switch_variance(keys, t)
        };
        direction = 4.0 * direction + 2.0 * own;
    }
    direction
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
                assert_within(&name, rows.white, others / f64::from(size), 1e-6);
                assert_within(&name, rows.constant, variances[0] / f64::from(size), 1e-6);
                let direction = direction(&keys, start, log_slots) / f64::from(size);
                assert_within(&name, rows.direction, direction, 1e-6);
            }
            // §6: what the ciphertext had reaches the constant coefficients as it was.
            let large = 2f64.powi(110);
            let rows = selected_noise(&keys, large, log_slots);
            assert_within("constant", rows.constant * f64::from(size), large, 1e-6);
        }
    }
}

/// §5: two slots of the last split have twice `E·(V_β + R + (1 + N)·2^23)` in mask rows, where all is in the Fourier domain, and `3·N²·5/4`
/// times what digits leave out; body rows have one of these and `N` times what is left out.
#[test]
fn the_last_split_has_the_noise_of_the_document() {
    let keys = keys(2048);
    let n = 2048f64;
    let fresh = tuniform_variance(keys.glwe.noise_bound_log2())
        + rounding_variance(64 - u32::from(keys.body_bits));
    let energy = 4.0 * n * (2f64.powi(20) / 12.0 + 1.0 / 6.0);
    let row = energy * (fresh + (1.0 + n) * 2f64.powi(23));
    let left_out = (2f64.powi(2 * (64 - 40)) + 2.0) / 12.0;
    let two = selected_noise(&keys, 1.0, 8);
    assert_close("body", two.last, row + n * left_out);
    assert_close("square", two.square, 3.0 * n * n * 1.25 * left_out);
    assert_close("mask", two.switch, 2.0 * row + two.square);
    assert_close("growth", two.growth, 1.0 + 2.0 * (1.0 + energy));
    let one = selected_noise(&keys, 1.0, 0);
    assert_close("one slot", one.switch, row + 2.0 * n * n * 1.25 * left_out);
    assert_eq!(one.last, 0.0);
    // Rings whose fresh noise is small: all products are exact.
    let keys = self::keys(4096);
    let fresh = tuniform_variance(keys.glwe.noise_bound_log2())
        + rounding_variance(64 - u32::from(keys.body_bits));
    let exact = selected_noise(&keys, 1.0, 8);
    let row = 2.0 * energy * fresh;
    assert_close("exact", exact.switch, 2.0 * row + exact.square);
    assert_eq!(exact.growth, 1.0);
}

/// §5: `K_t = E·V_β + F(E) + N·R` for every automorphism, `F(E) = E·2^23` of bodies in one limb; `S²` of a query's fresh noise is met.
#[test]
fn key_switches_have_the_noise_of_the_document() {
    for (size, transforms) in [(2048, 2f64.powi(23)), (4096, 0.0)] {
        let keys = keys(size);
        let n = f64::from(size);
        let fresh = tuniform_variance(keys.glwe.noise_bound_log2())
            + rounding_variance(64 - u32::from(keys.body_bits));
        assert_eq!(exact_switches(keys.glwe), transforms == 0.0);
        for t in 0..=last_split(size.into()) {
            let SwitchGadget {
                base_log,
                level_count,
            } = match t == last_split(size.into()) {
                true => keys.gadgets.scheme_switch,
                false => keys.gadgets.splits[t],
            };
            let (base, levels) = (f64::from(base_log).exp2(), f64::from(level_count));
            let energy = levels * n * (base * base / 12.0 + 1.0 / 6.0);
            let step = (64.0 - f64::from(base_log) * levels).exp2();
            let wanted = energy * (fresh + transforms) + n * (step * step + 2.0) / 12.0;
            assert_close("switch", key_switch_variance(&keys, t), wanted);
        }
    }
    assert_eq!(packed_variance(3.0, 5), 3.0 * 32.0 * 32.0);
    assert_eq!(packed_variance(3.0, 0), 3.0);
}

fn keys_of(glwe: ValidGlwe, gadget: SwitchGadget) -> SwitchKeys {
    SwitchKeys {
        glwe,
        body_bits: 55,
        gadgets: Packing {
            splits: [gadget; MAX_SPLITS],
            scheme_switch: gadget,
        },
        max_rows: 1,
    }
}

/// `2^(−20.5)·√E ≤ 1/28` (`docs/scheme.md`): gadgets beyond have no bound. For N = 2048, (20, 2) has `√E = 2^24.2`, and (4, 12)
/// `2^9.5`.
#[test]
fn what_is_not_exact_has_no_bound() {
    let glwe = ValidGlwe::secure(1, POLYNOMIAL_SIZE).unwrap();
    for base_log in 1..=31u8 {
        for level_count in 1..=(63 / base_log) {
            let gadget = SwitchGadget {
                base_log,
                level_count,
            };
            let base = f64::from(base_log).exp2();
            let energy = f64::from(level_count) * 2048.0 * (base * base / 12.0 + 1.0 / 6.0);
            let exact = (-20.5f64).exp2() * energy.sqrt() <= 1.0 / 28.0;
            let keys = keys_of(glwe, gadget);
            let variance = row_variance(&keys, gadget);
            assert_eq!(variance.is_finite(), exact, "{gadget:?}");
        }
    }
    for (base_log, level_count) in SWITCH_GADGETS {
        let gadget = SwitchGadget {
            base_log,
            level_count,
        };
        assert!(row_variance(&keys_of(glwe, gadget), gadget).is_finite());
    }
}

/// `‖t²‖²` is `2·N²` on average and `‖t·τ(t)‖²` is `N²`. 64 keys of 512 signs: `√5/√256 = 14 %` and less for one, 2 % for the mean.
#[test]
fn products_of_signs_have_norms_without_a_ramp() {
    let (size, keys) = (512usize, 64);
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    for (exponent, wanted) in [(1, 2.0), (3, 1.0)] {
        let mut sum = 0.0;
        for _ in 0..keys {
            let signs: Vec<i64> = (0..size)
                .map(|_| i64::from(rng.next_u32() & 1) * 2 - 1)
                .collect();
            let mut product = vec![0i64; size];
            for (i, a) in signs.iter().enumerate() {
                for (j, b) in signs.iter().enumerate() {
                    let target = (i + j * exponent) % (2 * size);
                    let sign = if target < size { 1 } else { -1 };
                    product[target % size] += sign * a * b;
                }
            }
            sum += product.iter().map(|s| (s * s) as f64).sum::<f64>();
        }
        let ratio = sum / f64::from(keys) / (wanted * (size as f64).powi(2));
        assert!((0.92..1.08).contains(&ratio), "{exponent}: {ratio}");
    }
}

/// 26 bits of `p_fail` may hang on all of a variance.
#[test]
fn what_hangs_on_the_key_by_hand() {
    for (of_square, variance, p_fail, hangs) in [
        (0.21, 1.0, -128.0, true),
        (0.2, 1.0, -128.0, false),
        (2.1e20, 1e21, -128.0, true),
        (2.0e20, 1e21, -128.0, false),
        (1.0, 1.0, -26.0, false),
        (1.0, 1.0, -27.0, true),
        (0.0, 1.0, -700.0, false),
    ] {
        assert_eq!(hangs_on_the_key(of_square, variance, p_fail), hangs);
    }
}

/// Slots are neighbours until the last split, so that of `2^s` parts those are split on in which one is used; three products a pair follow.
#[test]
fn what_is_switched_and_when() {
    let parts = |used: usize, slots_of_part: u32| {
        let parts = (0..used).map(|slot| slot >> slots_of_part);
        parts.collect::<std::collections::HashSet<_>>().len()
    };
    for size in [2048, 4096] {
        let glwe = ValidGlwe::secure(1, size).unwrap();
        let packing = keys(size).gadgets;
        for (log_slots, used) in [(0, 1), (1, 1), (1, 2), (3, 5), (8, 134), (11, 2048)] {
            let traced = (log_slots..size.ilog2()).map(|_| 1);
            let split = (1..log_slots).rev().map(|log| parts(used, log + 1));
            let counts = traced.chain(split).take(size.ilog2() as usize - 1);
            let counts: Vec<usize> = counts.collect();
            let pairs = parts(used, 1);
            let last = if log_slots == 0 { 2 } else { 3 * pairs };
            let switches = Switches::of(glwe, log_slots, [used]);
            assert_eq!(switches.splits().collect::<Vec<_>>(), counts);
            assert_eq!(switches.products(), counts.iter().sum::<usize>() + last);
            // Small fresh noise: all of it is exact, and apart.
            let exact = size == 4096;
            let columns = if exact { 4.0 } else { 3.0 };
            for limbs in [1.0, 2.0] {
                let (size, slots) = (f64::from(size), used as f64 / pairs as f64);
                let splits = counts.iter().zip(packing.splits);
                let us =
                    splits.map(|(count, gadget)| *count as f64 * split_us(size, columns, gadget));
                let pair = match exact {
                    true => exact_pair_us(size, (slots, limbs), packing.scheme_switch),
                    false => pair_us(size, slots, packing.scheme_switch),
                };
                let wanted = us.sum::<f64>() + pairs as f64 * pair;
                assert_close("time", switches.us(glwe, &packing, limbs), wanted);
            }
        }
    }
}

/// A user waits for messages at 50 Mbit/s, the client and the server; of the key, for a thousandth or all.
#[test]
fn what_plans_cost_is_what_a_user_waits_for() {
    let circuit = forest(3, 2, 4, &mut ChaCha20Rng::from_seed([8; 32]));
    let form = branching_form(&circuit).unwrap();
    let options = |optimize| Options {
        query: QueryMode::Packed,
        optimize,
        ..Options::default()
    };
    let goal = Goal {
        p_fail_log2: -128.0,
        variance_factor: 1.0,
    };
    let latency = options(Optimize::Latency);
    let plan = plan(core::slice::from_ref(&form), &latency, goal).unwrap();
    let (layout, packing) = (&plan.layout, plan.layout.layout().packing.unwrap());
    let switches = Switches::of_query(layout);
    assert_eq!(key_switches(layout), switches.products());
    let unpacking = switches.us(layout.glwe(), &packing, 1.0);
    let frames = 20.0 + 0.15e-3 * layout.query_len(1) as f64;
    let server = frames + unpacking + diagram_us(layout, &plan.diagram);
    assert_close("server", evaluate_us(layout, &plan.diagram, 1), server);
    let messages = (layout.query_len(1) + layout.response_len(1)) as f64;
    let key = layout.switch_keys().unwrap().len() as f64;
    let waits = 0.16 * (messages + key / 1000.0) + 400.0 + server;
    let of = |options: &Options| cost(layout, &plan.diagram, options);
    assert_close("latency", of(&latency), waits);
    let first = of(&options(Optimize::FirstQuery)) - of(&latency);
    assert_close("key", first, 0.16 * 0.999 * key);
}

/// A forest of full trees of random splits on codes of 4 bits, with leaves of `leaf_bits` bits.
pub(crate) fn forest(trees: usize, depth: u32, leaf_bits: u32, rng: &mut ChaCha20Rng) -> Verified {
    let inner = (1u32 << depth) - 1;
    let mut tree = || {
        let node = |index: u32| {
            let draw = rng.next_u32();
            if index >= inner {
                return TreeNode::Leaf(vec![i64::from(draw >> (32 - leaf_bits))]);
            }
            TreeNode::Split {
                feature: draw % 12,
                threshold: i64::from(draw / 12 % 15 + 1),
                left: 2 * index + 1,
                right: 2 * index + 2,
            }
        };
        Tree {
            nodes: (0..2 * inner + 1).map(node).collect(),
        }
    };
    let forest = Forest {
        outputs: 1,
        trees: (0..trees).map(|_| tree()).collect(),
        bias: vec![0],
    };
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 15); 12]);
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// What the planner chooses does not hang on the norm of the square of the key.
#[test]
fn plans_leave_little_to_the_square_of_the_key() {
    let mut rng = ChaCha20Rng::from_seed([6; 32]);
    let options = Options {
        query: QueryMode::Packed,
        ..Options::default()
    };
    let goal = Goal {
        p_fail_log2: -128.0,
        variance_factor: 1.0,
    };
    let mut largest = 0f64;
    for (trees, depth, leaf_bits) in [(1, 4, 8), (10, 3, 8), (50, 3, 8), (100, 2, 4)] {
        let circuit = forest(trees, depth, leaf_bits, &mut rng);
        let form = branching_form(&circuit).unwrap();
        let plan = plan(core::slice::from_ref(&form), &options, goal).unwrap();
        let noise = result_noise(&plan.layout, &plan.diagram.noise);
        let square = square_noise(&plan.layout, &plan.diagram.noise);
        assert!(
            !hangs_on_the_key(square, noise.variance(), -128.0),
            "{trees} trees of depth {depth}"
        );
        largest = largest.max(square / noise.variance());
    }
    println!("at most {largest} of the variance");
    assert!((1e-6..0.2).contains(&largest), "{largest}");
    let hangs = |share: f64| hangs_on_the_key(3.0 * share, 3.0, -128.0);
    assert!(hangs(0.21) && !hangs(0.2));
}

/// A spec whose scheme switch is so coarse that most of the noise meets `s²` is no better on the server than in the search.
#[test]
fn specs_that_leave_much_to_the_square_of_the_key_are_refused() {
    let circuit = forest(10, 3, 8, &mut ChaCha20Rng::from_seed([7; 32]));
    let form = branching_form(&circuit).unwrap();
    let options = Options {
        query: QueryMode::Packed,
        ..Options::default()
    };
    // A plan with much room, whose scheme switch is made coarser bit by bit.
    let goal = Goal {
        p_fail_log2: -700.0,
        variance_factor: 1.0,
    };
    let plan = plan(core::slice::from_ref(&form), &options, goal).unwrap();
    let radix = plan.digits.radix;
    let mut layout = *plan.layout.layout();
    layout.response_bits = 60;
    let cases = (10..=60).filter_map(|level_count| {
        let mut coarse = layout;
        coarse.packing.as_mut()?.scheme_switch = SwitchGadget {
            base_log: 1,
            level_count,
        };
        let coarse = coarse.validate().unwrap();
        let noise = result_noise(&coarse, &plan.diagram.noise);
        let reached = noise.p_fail_log2(layout.plaintext_bits.into(), plan.digits.coefficients);
        let share = square_noise(&coarse, &plan.diagram.noise) / noise.variance();
        (reached < -138.0).then(|| (share, check(&form, coarse, radix, -128.0).is_ok()))
    });
    let cases: Vec<(f64, bool)> = cases.collect();
    // 26/128.
    for (share, accepted) in &cases {
        assert_eq!(*accepted, *share <= 0.203125, "{cases:?}");
    }
    assert!(cases.iter().any(|(_, accepted)| *accepted), "{cases:?}");
    assert!(cases.iter().any(|(_, accepted)| !accepted), "{cases:?}");
}

/// `τ_t`, and the signs of what wraps around.
fn image(errors: &[f64], t: usize) -> Vec<f64> {
    let size = errors.len();
    let mut image = vec![0.0; size];
    for (from, error) in errors.iter().enumerate() {
        let to = from * ((size >> t) + 1) % (2 * size);
        image[to % size] = if to < size { *error } else { -error };
    }
    image
}

/// Times `X^(-by)`.
fn shifted(errors: &[f64], by: usize) -> Vec<f64> {
    let size = errors.len();
    let at = |at: usize| match at + by < size {
        true => errors[at + by],
        false => -errors[at + by - size],
    };
    (0..size).map(at).collect()
}

/// Both parts of a split whose key switch errs by `switch`.
fn split_errors(errors: &[f64], switch: &[f64], t: usize) -> [Vec<f64>; 2] {
    let image = image(errors, t);
    let part = |sign: f64| -> Vec<f64> {
        let terms = errors.iter().zip(image.iter().zip(switch));
        terms.map(|(e, (i, k))| e + sign * (i + k)).collect()
    };
    [part(1.0), shifted(&part(-1.0), errors.len() >> (t + 1))]
}

/// Errors of all rows before the last switch errs, `sources` being the standard deviations of a fresh ciphertext and of every key switch.
fn errors_of_rows(
    unit: &mut dyn FnMut() -> f64,
    size: usize,
    sources: &[f64],
    log_slots: u32,
) -> Vec<f64> {
    let splits = size.ilog2() as usize;
    let unfilled = splits - log_slots as usize;
    let mut drawn = |std: f64| -> Vec<f64> { (0..size).map(|_| std * unit()).collect() };
    let mut errors = drawn(sources[0]);
    for t in (0..unfilled).rev() {
        let switch = drawn(sources[1 + t]);
        let image = image(&errors, t);
        let terms = errors.iter().zip(image.iter().zip(&switch));
        errors = terms.map(|(e, (i, k))| (e + i) / 2.0 + k).collect();
    }
    let mut rows = vec![errors];
    for t in unfilled..splits {
        let std = if t == splits - 1 { 0.0 } else { sources[1 + t] };
        let parts = rows
            .iter()
            .flat_map(|row| split_errors(row, &drawn(std), t));
        rows = parts.collect();
    }
    rows.concat()
}

/// §5: the errors of all rows are a linear map of those of key switches. Its largest singular value, squared, is `direction`: no less, for the constant
/// coefficient of the first row has that but for what both parts of a split have in common, and no more.
#[test]
fn no_direction_of_the_errors_has_more_than_is_counted() {
    for (size, log_slots) in [(16, 4), (32, 3), (64, 2), (32, 5)] {
        let sources: Vec<f64> = (0..=6).map(|i| [1.0, 3.0, 0.5, 2.0][i % 4]).collect();
        // Columns: the map of each error alone.
        let count = |with: &mut dyn FnMut() -> f64| errors_of_rows(with, size, &sources, log_slots);
        let mut errors = 0;
        let rows = count(&mut || {
            errors += 1;
            0.0
        })
        .len();
        let columns: Vec<Vec<f64>> = (0..errors)
            .map(|error| {
                let mut drawn = 0;
                count(&mut || {
                    drawn += 1;
                    f64::from(u8::from(drawn - 1 == error))
                })
            })
            .collect();
        let mut vector: Vec<f64> = (0..rows).map(|row| 1.0 + (row * row % 17) as f64).collect();
        let mut largest = 0.0;
        for _ in 0..300 {
            let inner =
                |column: &Vec<f64>| -> f64 { column.iter().zip(&vector).map(|(a, b)| a * b).sum() };
            let products: Vec<f64> = columns.iter().map(inner).collect();
            let mut next = vec![0.0; rows];
            for (column, product) in columns.iter().zip(&products) {
                next.iter_mut()
                    .zip(column)
                    .for_each(|(n, c)| *n += c * product);
            }
            largest = next.iter().map(|n| n * n).sum::<f64>().sqrt();
            vector = next.iter().map(|n| n / largest).collect();
        }
        let (splits, slots) = (size.ilog2() as usize, log_slots as usize);
        let square = |t: usize| sources[1 + t].powi(2);
        let mut constant = 1.0 + (0..splits - slots).map(square).sum::<f64>();
        let mut direction = constant;
        for t in splits - slots..splits {
            let switch = if t == splits - 1 { 0.0 } else { square(t) };
            constant = 4.0 * constant + switch;
            direction = 4.0 * direction + 2.0 * switch;
        }
        let name = format!("N = {size}, 2^{log_slots} slots: {largest}, {constant} to {direction}");
        assert!(largest <= direction * (1.0 + 1e-9), "{name}");
        assert!(largest >= constant * (1.0 - 1e-3), "{name}");
    }
}
