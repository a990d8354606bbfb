use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Optimize, Table, Tree, TreeNode, Verified, verify,
};

use super::*;
use crate::branching::form::branching_form;
use crate::noise::centred_switch_variance;

/// A table of one 7-bit code, of values of up to `bits` bits.
fn table(bits: u32) -> Verified {
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 127)]);
    let values = (0..128).map(|code| code * 0x5_1237 % (1 << bits)).collect();
    let y = builder.lookup(x, vec![Table { min: 0, values }]);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// Trees of two splits, up to 225 of different shape.
fn trees(count: i64) -> Verified {
    let split = |feature, threshold, left, right| TreeNode::Split {
        feature,
        threshold,
        left,
        right,
    };
    let tree = |index: i64| Tree {
        nodes: vec![
            split(0, 1 + index % 15, 1, 2),
            TreeNode::Leaf(vec![index]),
            split(1, 1 + index / 15 % 15, 3, 4),
            TreeNode::Leaf(vec![3 * index]),
            TreeNode::Leaf(vec![0]),
        ],
    };
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 15); 2]);
    let forest = Forest {
        outputs: 1,
        trees: (0..count).map(tree).collect(),
        bias: vec![0],
    };
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

fn goal(p_fail_log2: f64, variance_factor: f64) -> Goal {
    Goal {
        p_fail_log2,
        variance_factor,
    }
}

fn direct() -> Options {
    Options {
        query: QueryMode::Direct,
        ..Options::default()
    }
}

/// The noise of the products and of the switch of the modulus, times the factor for the first; and no bit of a response to spare.
#[test]
fn plans_reach_what_they_claim_and_no_bit_more() {
    for circuit in [table(1), table(8), table(20), trees(10)] {
        let form = branching_form(&circuit).unwrap();
        for (p_fail, factor) in [(-128.0, 1.0), (-128.0, 4.0), (-40.0, 1.0)] {
            let plan = plan(
                core::slice::from_ref(&form),
                &direct(),
                goal(p_fail, factor),
            )
            .unwrap();
            let plain = *plan.layout.layout();
            let p = u32::from(plain.plaintext_bits);
            assert_eq!(p, plan.digits.plaintext_bits);
            assert!(p <= u32::from(plain.base_log) * u32::from(plain.level_count));
            assert_eq!(plain.input_bits as usize, plan.diagram.input_bits);
            assert_eq!(plain.coefficients as usize, plan.digits.coefficients);
            let noise = result_noise(&plan.layout, &plan.diagram.noise).times(factor);
            let reached = |width: u8| {
                let switch = centred_switch_variance(plan.layout.glwe(), width.into());
                let noise = noise.plus_normal(switch);
                (
                    noise.p_fail_log2(p, plan.digits.coefficients),
                    noise.variance(),
                )
            };
            let (its, variance) = reached(plain.response_bits);
            assert!(its <= p_fail && (its - plan.p_fail_log2).abs() < 1e-9);
            assert!((variance / plan.noise_variance - 1.0).abs() < 1e-9);
            let narrower = plain.response_bits - 1;
            assert!(
                u32::from(narrower) <= p || reached(narrower).0 > p_fail,
                "{plain:?}"
            );
        }
    }
}

#[test]
fn a_layout_of_another_circuit_is_refused() {
    let form = branching_form(&trees(70)).unwrap();
    let plan = plan(core::slice::from_ref(&form), &direct(), goal(-128.0, 1.0)).unwrap();
    let widest = Radix {
        log: value_bits(&form).min(MAX_RADIX_LOG),
        parts_log: 0,
    };
    let radices = radices(&form).into_iter();
    let radix = radices
        .filter(|radix| check(&form, plan.layout, *radix, -128.0).is_ok())
        .collect::<Vec<_>>();
    assert_eq!(radix.len(), 1, "{radix:?}");
    let radix = radix[0];
    let same = check(&form, plan.layout, radix, plan.p_fail_log2).unwrap();
    assert_eq!(same.p_fail_log2, plan.p_fail_log2);
    assert_eq!(same.noise_variance, plan.noise_variance);
    let is_layout =
        |result: Result<BranchingPlan, PlanError>| matches!(result, Err(PlanError::Layout { .. }));
    assert!(is_layout(check(
        &form,
        plan.layout,
        radix,
        plan.p_fail_log2 - 1e-6
    )));
    let changed = |change: &dyn Fn(&mut BranchingLayout)| {
        let mut layout = *plan.layout.layout();
        change(&mut layout);
        check(&form, layout.validate().unwrap(), radix, 0.0)
    };
    assert!(changed(&|layout| layout.response_bits += 1).is_ok());
    assert!(is_layout(changed(&|layout| layout.coefficients += 1)));
    assert!(is_layout(changed(&|layout| layout.plaintext_bits -= 1)));
    assert!(is_layout(changed(&|layout| layout.input_bits += 1)));
    // Seven masks are sound and quiet, and no product is computed with them.
    let many = ValidGlwe::secure(7, 512).unwrap().params();
    let many = changed(&|layout| layout.glwe = many);
    assert!(matches!(many, Err(PlanError::Layout { what }) if what.contains("masks")));
    for unsound in [
        Radix {
            log: MAX_RADIX_LOG + 1,
            ..widest
        },
        Radix {
            parts_log: MAX_PARTS_LOG + 1,
            ..widest
        },
    ] {
        let refused = check(&form, plan.layout, unsound, 0.0);
        assert!(matches!(
            refused,
            Err(PlanError::Layout {
                what: "its radix is not one"
            })
        ));
    }
}

/// Clear values must be multiples of the last digit: products with clear tables would be rounded else, and results be wrong.
#[test]
fn digit_sums_have_no_more_bits_than_their_gadget() {
    let form = branching_form(&trees(70)).unwrap();
    let (sure, any) = (goal(-128.0, 1.0), goal(1000.0, 1.0));
    let plan = plan(core::slice::from_ref(&form), &direct(), sure).unwrap();
    let narrow = |plaintext_bits: u32| DigitForm {
        plaintext_bits,
        ..cut(&form, plan.digits.radix)
    };
    let (ring, diagram) = ((2, 1024), &plan.diagram);
    let fits = |bits, gadget| fit(&narrow(bits), diagram, ring, gadget, any).is_some();
    assert!(fits(24, (12, 2)) && !fits(25, (12, 2)) && !fits(40, (12, 2)));
    assert!(fits(17, (17, 1)) && !fits(18, (17, 1)));
    let with = |plaintext_bits: u8| {
        let layout = BranchingLayout {
            plaintext_bits,
            base_log: 11,
            level_count: 3,
            response_bits: 60,
            ..*plan.layout.layout()
        };
        check(&form, layout.validate().unwrap(), plan.digits.radix, 1000.0)
    };
    assert!(with(33).is_ok());
    let what = "its gadget has fewer bits than its digit sums";
    assert_eq!(with(34).unwrap_err(), PlanError::Layout { what });
}

/// Digits of every width up to that of a value; parts of 32 trees and more, of digits of one bit.
#[test]
fn radices_by_hand() {
    for (count, parts) in [(63, 0), (64, 1), (127, 1), (128, 2), (225, 2)] {
        let form = branching_form(&trees(count)).unwrap();
        assert_eq!(
            form.trees.len() + form.tables.len(),
            usize::try_from(count).unwrap()
        );
        let all = radices(&form);
        let whole = all.iter().filter(|radix| radix.parts_log == 0);
        let logs: Vec<u8> = whole.map(|radix| radix.log).collect();
        assert_eq!(logs, (1..=value_bits(&form).min(24)).collect::<Vec<u8>>());
        let of_parts: Vec<Radix> = all
            .into_iter()
            .filter(|radix| radix.parts_log > 0)
            .collect();
        assert_eq!(of_parts.len(), parts, "{count} trees");
        assert!(
            of_parts
                .iter()
                .zip(1..)
                .all(|(radix, log)| (radix.log, radix.parts_log) == (1, log))
        );
    }
}

#[test]
fn what_does_not_fit_says_why() {
    let form = branching_form(&table(20)).unwrap();
    let error = plan(core::slice::from_ref(&form), &direct(), goal(-1e12, 1.0)).unwrap_err();
    assert!(
        matches!(
            error,
            PlanError::OutputTooWide {
                fitting_bits: 0,
                ..
            }
        ),
        "{error}"
    );
    // A variance a million times as large: fewer bits fit than the narrowest digit sums have.
    let form = branching_form(&trees(200)).unwrap();
    let mut last = u32::MAX;
    for log in [20, 30, 40, 50] {
        let far = goal(-128.0, 2f64.powi(log));
        match plan(core::slice::from_ref(&form), &direct(), far) {
            Ok(_) => assert_eq!(last, u32::MAX),
            Err(PlanError::OutputTooWide {
                needed_bits,
                fitting_bits,
                ..
            }) => {
                assert!(fitting_bits < needed_bits && fitting_bits <= last);
                last = fitting_bits;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(last, 0);
}

/// A GLWE of `k + 1` polynomials, and the gadget of a layout.
#[test]
fn gadgets_by_hand() {
    let form = branching_form(&table(1)).unwrap();
    let plan = plan(core::slice::from_ref(&form), &direct(), goal(-128.0, 1.0)).unwrap();
    let (gadget, plain) = (Gadget::of(&plan.layout), plan.layout.layout());
    let k = usize::from(plain.glwe.glwe_dimension);
    let size = usize::from(plain.glwe.polynomial_size);
    assert_eq!((gadget.glwe_dimension, gadget.polynomial_size), (k, size));
    assert_eq!(gadget.base_log, u32::from(plain.base_log));
    assert_eq!(gadget.level_count, usize::from(plain.level_count));
    assert_eq!(gadget.glwe_len(), (k + 1) * size);
    assert_eq!(
        sent_body_bits(plan.layout.glwe()),
        64 - plain.glwe.noise_bound_log2.saturating_sub(3)
    );
}

#[test]
fn plans_are_best_at_what_they_are_for() {
    use Optimize::{Balanced, Bandwidth, FirstQuery, Latency};
    for circuit in [table(8), trees(60), trees(200)] {
        let form = branching_form(&circuit).unwrap();
        let chosen = |query, optimize| {
            let options = Options {
                query,
                optimize,
                ..Options::default()
            };
            plan(core::slice::from_ref(&form), &options, goal(-128.0, 1.0)).unwrap()
        };
        let key = |plan: &BranchingPlan| plan.layout.switch_keys().map_or(0, |keys| keys.len());
        // The more a key counts, the smaller it is.
        let keys = [Latency, FirstQuery].map(|optimize| {
            let plan = chosen(QueryMode::Packed, optimize);
            key(&plan)
        });
        assert!(keys.is_sorted_by(|a, b| a >= b), "{keys:?}");
        let bytes = |plan: &BranchingPlan| {
            key(plan) + 100 * (plan.layout.query_len(1) + plan.layout.response_len(1))
        };
        // Gadgets of switches are found one after the other, not all together.
        let all = [Balanced, FirstQuery, Latency].map(|o| bytes(&chosen(QueryMode::Auto, o)));
        let least = bytes(&chosen(QueryMode::Auto, Bandwidth));
        let near = |bytes: &usize| least * 20 <= *bytes * 21;
        assert!(all.iter().all(near), "{least}, {all:?}");
    }
}

/// A user waits for messages at 50 Mbit/s, the client and the server, which takes the bits of a query and the products of its diagram.
#[test]
fn plans_cost_what_a_user_waits_for() {
    for circuit in [table(8), trees(60)] {
        let form = branching_form(&circuit).unwrap();
        let plan = plan(core::slice::from_ref(&form), &direct(), goal(-128.0, 1.0)).unwrap();
        let (layout, plain) = (&plan.layout, plan.layout.layout());
        let (k, size) = (
            f64::from(plain.glwe.glwe_dimension),
            f64::from(plain.glwe.polynomial_size),
        );
        let bits = f64::from(plain.input_bits);
        let of_bit = bodies_us(size, k + 1.0, plain.level_count);
        let frames = 20.0 + 0.15e-3 * layout.query_len(1) as f64;
        let server = frames + bits * of_bit + diagram_us(layout, &plan.diagram);
        let got = evaluate_us(layout, &plan.diagram, 1);
        assert!((got / server - 1.0).abs() < 1e-9, "{got}, not {server}");
        // 12 ns a word of the masks of all rows.
        let client = 0.012 * bits * f64::from(plain.level_count) * (k + 1.0) * k * size;
        let waits = 0.16 * (layout.query_len(1) + layout.response_len(1)) as f64 + client + server;
        let got = cost(layout, &plan.diagram, &direct());
        assert!((got / waits - 1.0).abs() < 1e-9, "{got}, not {waits}");
    }
}
