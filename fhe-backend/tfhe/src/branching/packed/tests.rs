use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Options, QueryMode, Tree, TreeNode, Verified, verify,
};

use tenebra_client::packing::Packing;

use super::*;
use crate::branching::form::branching_form;
use crate::branching::goal::Goal;
use crate::branching::plan::{check, plan};
use crate::branching::switches::SWITCH_GADGETS;
use crate::branching::variance::result_noise;

/// Coefficient by coefficient: `c + τ_t(c)` has at `i` what `c` has there and, with a sign, where `X^j` goes to `X^i`.
fn coefficient_by_coefficient(fresh: f64, switches: &[f64], size: usize) -> (f64, f64) {
    let mut variances = vec![fresh; size];
    for (t, switch) in switches.iter().enumerate() {
        let exponent = (size >> t) + 1;
        let mut sum = vec![0.0; size];
        for (from, variance) in variances.iter().enumerate() {
            let to = from * exponent % (2 * size);
            sum[to % size] = match (to % size == from, to < size) {
                (true, true) => 4.0 * variance,
                (true, false) => 0.0,
                (false, _) => variance + variances[to % size],
            } + switch;
        }
        variances = sum;
    }
    let others: f64 = variances[1..].iter().sum();
    (others / size as f64, variances[0] / size as f64)
}

#[test]
fn rows_have_the_noise_of_their_splits() {
    let gadget = |index: usize| SwitchGadget {
        base_log: SWITCH_GADGETS[index].0,
        level_count: SWITCH_GADGETS[index].1,
    };
    let glwe = ValidGlwe::secure(1, POLYNOMIAL_SIZE).unwrap();
    let mut splits = [SwitchGadget::default(); MAX_SPLITS];
    for (t, split) in splits.iter_mut().enumerate() {
        *split = gadget(t % 3 + 2);
    }
    let packing = Packing {
        splits,
        scheme_switch: gadget(1),
    };
    let noise = unpacked_noise(glwe, 55, &packing);
    let fresh = tuniform_variance(glwe.noise_bound_log2()) + rounding_variance(9);
    let n = 2048f64;
    // Each level `N·(B²/12 + 1/6)` times the noise of a row, and what is left out of masks, which meets ½ and −½.
    let rows = |gadget: SwitchGadget| {
        let base = f64::from(gadget.base_log).exp2();
        f64::from(gadget.level_count) * n * (base * base / 12.0 + 1.0 / 6.0) * fresh
    };
    let left_out =
        |gadget: SwitchGadget| ((2.0 * f64::from(64 - gadget.bits())).exp2() + 2.0) / 12.0;
    let switches = splits[..11]
        .iter()
        .map(|gadget| rows(*gadget) + n / 4.0 * left_out(*gadget));
    let switches: Vec<f64> = switches.collect();
    let (white, constant) = coefficient_by_coefficient(fresh, &switches, 2048);
    for (got, wanted) in [
        (noise.white, white),
        (noise.constant, constant),
        (noise.switch, rows(gadget(1))),
        (
            noise.switch_rounding,
            square_norm(glwe) * left_out(gadget(1)),
        ),
    ] {
        assert!((got / wanted - 1.0).abs() < 1e-9, "{got}, not {wanted}");
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
            assert_eq!(
                row_variance(glwe, 3.0, gadget).is_finite(),
                exact,
                "{gadget:?}"
            );
        }
    }
    for (base_log, level_count) in SWITCH_GADGETS {
        let gadget = SwitchGadget {
            base_log,
            level_count,
        };
        assert!(row_variance(glwe, 1.0, gadget).is_finite());
    }
}

/// Without the key, the coefficient at `i` of `s²` is `(2i+2−N)/4` on average. 64 keys of 512 bits: the ratio to `N³/48` has a
/// relative standard deviation of `4.4/√512 = 19 %`, 2.4 % for the mean.
#[test]
fn the_square_of_a_key_has_the_norm_of_a_ramp() {
    let (size, keys) = (512, 64);
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let mut sum = 0.0;
    for _ in 0..keys {
        let bits: Vec<i64> = (0..size).map(|_| i64::from(rng.next_u32() & 1)).collect();
        let mut square = vec![0i64; size];
        for i in (0..size).filter(|i| bits[*i] == 1) {
            for (j, bit) in bits.iter().enumerate() {
                square[(i + j) % size] += if i + j < size { *bit } else { -bit };
            }
        }
        sum += square.iter().map(|s| (s * s) as f64).sum::<f64>();
    }
    let ratio = sum / f64::from(keys) / ((size as f64).powi(3) / 48.0);
    assert!((0.9..1.12).contains(&ratio), "{ratio}");
}

/// A forest of full trees of random splits on codes of 4 bits, with leaves of `leaf_bits` bits.
fn forest(trees: usize, depth: u32, leaf_bits: u32, rng: &mut ChaCha20Rng) -> Verified {
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
        assert!(
            !hangs_on_the_key(of_square(&noise), noise.variance(), -128.0),
            "{trees} trees of depth {depth}"
        );
        largest = largest.max(of_square(&noise) / noise.variance());
    }
    // It is not nothing, either.
    assert!((0.02..0.5).contains(&largest), "{largest}");
    let hangs = |share: f64| hangs_on_the_key(3.0 * share, 3.0, -128.0);
    assert!(hangs(0.48) && !hangs(0.46));
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
        let share = of_square(&noise) / noise.variance();
        (reached < -138.0).then(|| (share, check(&form, coarse, radix, -128.0).is_ok()))
    });
    let cases: Vec<(f64, bool)> = cases.collect();
    // 60/128.
    for (share, accepted) in &cases {
        assert_eq!(*accepted, *share <= 0.46875, "{cases:?}");
    }
    assert!(cases.iter().any(|(_, accepted)| *accepted), "{cases:?}");
    assert!(cases.iter().any(|(_, accepted)| !accepted), "{cases:?}");
}
