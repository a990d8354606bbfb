use tenebra_circuit::QueryMode;

use super::*;
use crate::network::cost::tests::Case;

const ANY: f64 = 1000.0;

fn what(result: Result<NetworkPlan, PlanError>) -> &'static str {
    match result {
        Ok(_) => "",
        Err(PlanError::Layout { what }) => what,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_layout_of_another_network_is_refused() {
    let form = Case::new(&[12, 6, 2], (1, 2048), 0, false).form;
    let options = Options {
        query: QueryMode::Direct,
        ..Options::default()
    };
    let goal = Goal {
        p_fail_log2: -128.0,
        variance_factor: 1.0,
    };
    let planned = plan(&form, &options, goal).unwrap();
    let (layout, radix) = (planned.layout, planned.digits.radix);
    let same = check(&form, layout, radix, planned.p_fail_log2).unwrap();
    assert_eq!(same.p_fail_log2, planned.p_fail_log2);
    assert_eq!(same.noise_variance, planned.noise_variance);
    assert_eq!((same.gadgets, same.exact), (planned.gadgets, planned.exact));
    let noisy = "its noise does not reach the failure probability";
    assert_eq!(
        what(check(&form, layout, radix, planned.p_fail_log2 - 1e-6)),
        noisy
    );
    let changed = |change: &dyn Fn(&mut NetworkLayout)| {
        let mut layout = *planned.layout.layout();
        change(&mut layout);
        what(check(&form, layout.validate().unwrap(), radix, ANY))
    };
    assert_eq!(changed(&|layout| layout.branching.response_bits += 1), "");
    assert_eq!(
        changed(&|layout| layout.branching.coefficients -= 1),
        "numbers of digit sums differ"
    );
    assert_eq!(
        changed(&|layout| layout.branching.plaintext_bits -= 1),
        "the digit sums need more bits"
    );
    assert_eq!(
        changed(&|layout| layout.stride -= 1),
        "its digit sums lie elsewhere"
    );
    assert_eq!(
        changed(&|layout| layout.branching.input_bits += 1),
        "numbers of input bits differ"
    );
    for unsound in [
        Radix {
            log: MAX_RADIX_LOG + 1,
            parts_log: 0,
        },
        Radix {
            parts_log: 1,
            ..radix
        },
    ] {
        assert_eq!(
            what(check(&form, layout, unsound, ANY)),
            "its radix is not one"
        );
    }
}

/// Clear tables must be multiples of the last digit of the bits that turn them: products would be rounded else, and results be wrong.
#[test]
fn digit_sums_have_no_more_bits_than_their_gadget() {
    for widths in [&[12, 6, 2][..], &[12, 6, 4, 2]] {
        let case = Case::new(widths, (1, 2048), 0, false);
        let with = |plaintext_bits, gadget: BitGadget| {
            let mut layout = *case.layout.layout();
            let plain = &mut layout.branching;
            (plain.base_log, plain.level_count) = gadget;
            plain.plaintext_bits = plaintext_bits;
            let radix = Radix {
                log: 4,
                parts_log: 0,
            };
            check(&case.form, layout.validate().unwrap(), radix, ANY)
        };
        assert!(with(24, (12, 2)).is_ok() && with(25, (12, 2)).is_err());
        if widths.len() == 3 {
            assert!(with(17, (17, 1)).is_ok() && with(18, (17, 1)).is_err());
        } else {
            // Bits of a hidden layer turn the last tables: of 35 bits, the finest that a query of 36 has room for.
            assert!(with(35, (12, 3)).is_ok() && with(36, (12, 3)).is_err());
        }
    }
}

/// Rows in two limbs are for rings whose fresh noise is small, where nothing else does.
#[test]
fn exact_products_are_of_large_rings() {
    for size in [4096, 2048] {
        let case = Case::new(&[12, 6, 2], (1, size), 0, false);
        let mut layout = *case.layout.layout();
        (layout.branching.base_log, layout.branching.level_count) = (8, 5);
        layout.branching.response_bits = 60;
        let (layout, radix) = (
            layout.validate().unwrap(),
            Radix {
                log: 4,
                parts_log: 0,
            },
        );
        let cheapest = check(&case.form, layout, radix, ANY).unwrap();
        assert!(!cheapest.exact);
        let quieter = check(&case.form, layout, radix, cheapest.p_fail_log2 - 1.0);
        assert_eq!(
            quieter.map(|plan| plan.exact).ok(),
            (size == 4096).then_some(true)
        );
    }
}

#[test]
fn networks_of_more_than_three_hidden_layers_are_refused() {
    for widths in [&[8, 4, 4, 4, 2][..], &[8, 4, 4, 4, 4, 2]] {
        let case = Case::new(widths, (1, 2048), 0, false);
        let radix = Radix {
            log: 4,
            parts_log: 0,
        };
        let refused = what(check(&case.form, case.layout, radix, ANY));
        assert_eq!(
            refused == "it has too many layers",
            widths.len() == 6,
            "{refused}"
        );
    }
}
