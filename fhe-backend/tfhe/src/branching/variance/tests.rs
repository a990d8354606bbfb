use tenebra_client::branching::BranchingLayout;
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget};

use super::*;
use crate::branching::diagram::{Rotation, Turn, of_rotations};
use crate::noise::tests::assert_close;

fn layout(ring: (u8, u16), gadget: (u8, u8), packing: Option<Packing>) -> ValidBranching {
    let glwe = ValidGlwe::secure(ring.0, ring.1).unwrap();
    let layout = BranchingLayout {
        glwe: glwe.params(),
        base_log: gadget.0,
        level_count: gadget.1,
        body_bits: 55,
        plaintext_bits: 6,
        response_bits: 20,
        input_bits: 5,
        coefficients: 2,
        packing,
        max_rows: 1,
        packed_bits: 0,
    };
    layout.validate().unwrap()
}

fn packing() -> Packing {
    let gadget = SwitchGadget {
        base_log: 4,
        level_count: 12,
    };
    Packing {
        splits: [gadget; MAX_SPLITS],
        scheme_switch: gadget,
    }
}

fn noise(alike: [usize; 2], smooth: [usize; 2], slots: [usize; 2]) -> DiagramNoise {
    let mut noise = DiagramNoise::default();
    [noise.units.alike, noise.busiest.directions] = alike;
    noise.units.rounding = alike[0];
    [noise.units.smooth, noise.busiest.smooth] = smooth;
    [noise.slots, noise.most_slots] = slots;
    noise
}

/// TUniform(β), `R(d)` and `F(E)` of `docs/scheme.md`.
fn terms(layout: &ValidBranching) -> (f64, impl Fn(i32) -> f64, impl Fn(f64) -> f64) {
    let fresh = (2f64.powi(2 * i32::from(layout.layout().glwe.noise_bound_log2) + 1) + 1.0) / 6.0;
    let rounding = |d: i32| (2f64.powi(2 * d) + 2.0) / 12.0;
    (fresh, rounding, |energy: f64| 2f64.powi(23) * energy)
}

/// `docs/scheme.md`, §3: V = E·(V_β + R) + (1 + n/4)·R(64 − bℓ) + (1 + h_s)·F(E), E = ℓ(k+1)N·(B²/12 + 1/6), of
/// which n/4·F(E) is smooth.
#[test]
fn direct_queries_have_the_noise_of_the_document() {
    for (ring, gadget) in [
        ((2, 1024), (15, 2)),
        ((4, 512), (23, 1)),
        ((1, 2048), (8, 5)),
    ] {
        let layout = layout(ring, gadget, None);
        let (fresh, rounding, transform) = terms(&layout);
        let (k, size) = (f64::from(ring.0), f64::from(ring.1));
        let (b, l) = (i32::from(gadget.0), i32::from(gadget.1));
        let n = k * size;
        let energy = f64::from(l) * (k + 1.0) * size * (2f64.powi(2 * b) / 12.0 + 1.0 / 6.0);
        let key = n / 2.0 + 6.66 * n.sqrt();
        let white = energy * (fresh + rounding(64 - 55)) + (1.0 + n / 4.0) * rounding(64 - b * l);
        let whole = white + (1.0 + key) * transform(energy);
        let smooth = n / 4.0 * transform(energy);
        let of = |noise: DiagramNoise| result_noise(&layout, &noise);
        assert_close(
            "one product",
            of(noise([1, 1], [1, 1], [0, 1])).variance(),
            whole,
        );
        // 9 units, of which bits have 3 at most; smooth ones count 12 and 2. 4 are of slots, 2 slots of a rotation.
        let many = of(noise([9, 3], [12, 2], [4, 2]));
        assert_close(
            "many products",
            many.variance(),
            9.0 * (whole - smooth) + 12.0 * smooth,
        );
        let rows = f64::from(l) * (k + 1.0);
        let [slots, others, its_smooth, errors] = many.mixed;
        assert_close("slots", slots.variance, 4.0 * (whole - smooth));
        assert_close("squares of slots", slots.squares, 4.0 * rows * size / 4.0);
        assert_close("squares of others", others.squares, 2.5 * rows * size);
        assert_close("smooth", its_smooth.variance, 12.0 * smooth);
        assert_close(
            "squares of the smooth",
            its_smooth.squares,
            12.0 / 2.0 * 2.0 * rows,
        );
        assert_eq!((errors.variance, many.normal), (0.0, 0.0));
        // Trees of 3 and 5 bits: sums of as many products, differences of 2 to 4 and of 2 to 8.
        let more = of(DiagramNoise {
            selections: vec![3, 5],
            ..noise([1, 1], [1, 1], [0, 1])
        });
        let once = (1.0 + key) * transform(energy);
        let sums = |bits: f64| (1.0 + f64::from(l) * (k + 1.0) * bits / 100.0) * bits * bits - bits;
        let errors = sums(3.0) + sums(5.0);
        assert_close("transforms", more.variance(), whole + errors * once);
        let [_, others, its_smooth, _] = more.mixed;
        assert_close(
            "smooth transforms",
            its_smooth.variance,
            (1.0 + errors) * smooth,
        );
        let of_others = whole - smooth + errors * (once - smooth);
        assert_close("other transforms", others.variance, of_others);
        // What digits leave out is the same in products with three other bits.
        let mut elsewhere = noise([9, 3], [12, 2], [4, 2]);
        elsewhere.units.rounding = 12;
        let left_out = (1.0 + n / 4.0) * rounding(64 - b * l);
        assert_close(
            "products with other bits",
            of(elsewhere).variance(),
            many.variance() + 3.0 * left_out,
        );
        // 3 slots of a rotation at a time.
        let [slots, ..] = of(noise([9, 3], [12, 2], [6, 3])).mixed;
        assert_close("squares of 3 slots", slots.squares, 6.0 * rows * size / 9.0);
        let switch = (n / 4.0 + 1.0) * rounding(64 - 20);
        assert_close("switch", switch_noise(&layout), switch);
    }
}

/// §5: V = E·((1 + n)·W + c² + K_l + K_s) + (1 + n)·(R(64 − bℓ) + g·F(2E)), and apart E·n·c², with E = ℓN·(B²/12 + 1/6).
#[test]
fn packed_queries_have_the_noise_of_the_document() {
    let layout = layout((1, 2048), (8, 3), Some(packing()));
    let (_, rounding, transform) = terms(&layout);
    let unpacked = UnpackedNoise {
        white: 2f64.powi(70),
        constant: 3.0 * 2f64.powi(70),
        direction: 4.0 * 2f64.powi(70),
        last: 7.0 * 2f64.powi(80),
        switch: 5.0 * 2f64.powi(80),
        square: 2.0 * 2f64.powi(80),
        growth: 11.0 * 2f64.powi(30),
    };
    let (n, energy) = (2048.0, 3.0 * 2048.0 * (2f64.powi(16) / 12.0 + 1.0 / 6.0));
    let white = energy * (unpacked.constant + unpacked.last + unpacked.switch)
        + (1.0 + n) * (rounding(64 - 24) + unpacked.growth * transform(2.0 * energy));
    let product = ProductVariance::packed(&layout, &unpacked, false);
    let units = noise([9, 3], [12, 2], [0, 1]);
    let of_one_bit = noise([9, 45], [12, 2], [4, 2]);
    let noise = product.of_result(&units, [2.0, 3.0]);
    let [slots, others, smooth, errors] = noise.mixed;
    assert_eq!(slots.variance, 0.0);
    assert_close("white", others.variance, 9.0 * white);
    assert_eq!(smooth.variance, 0.0);
    let more = DiagramNoise {
        selections: vec![4],
        ..units.clone()
    };
    let [_, others, ..] = product.of_result(&more, [0.0; 2]).mixed;
    // Six rows.
    let more_errors = (1.0 + 0.06 * 4.0) * 16.0 - 4.0;
    let transforms = (1.0 + n) * unpacked.growth * transform(2.0 * energy);
    assert_close(
        "transforms",
        others.variance,
        9.0 * white + more_errors * transforms,
    );
    let square = product.of_square(&units);
    assert_close("square", square, 9.0 * energy * unpacked.square);
    // E·n·c² and E·(1 + n)·W; no direction has more than 4 of 3 + 1.
    let of_errors = energy * (n * unpacked.constant + (1.0 + n) * unpacked.white);
    assert_close("errors", errors.variance, 9.0 * of_errors);
    assert_close("squares of errors", errors.squares, 9.0 / 3.0 * 3.0);
    // No fewer than one.
    let [.., errors] = product.of_result(&of_one_bit, [0.0; 2]).mixed;
    assert_eq!(errors.squares, 1.0);
    let transforms = (1.0 + n) * unpacked.growth * transform(1.0);
    let clear = 2.0 * (unpacked.white + unpacked.last + transforms) + 3.0 * n * unpacked.constant;
    assert_close("clear", noise.normal, clear);
}

/// §4 and §5: clear digits meet the errors of rows as they are, transforms in the masks with the key; where products are exact,
/// transforms do not err.
#[test]
fn rows_and_transforms_have_the_noise_of_the_document() {
    let packed = layout((1, 2048), (8, 5), Some(packing()));
    let direct = layout((2, 1024), (8, 5), None);
    let (fresh, rounding, transform) = terms(&direct);
    // Both rings have keys of 2,048 bits.
    let (n, key) = (2048f64, 1024.0 + 6.66 * 2048f64.sqrt());
    let none = noise([0, 0], [0, 0], [0, 0]);
    let one = noise([1, 1], [1, 1], [0, 1]);
    let energy = |l: f64, base: f64| l * 2048.0 * (base * base / 12.0 + 1.0 / 6.0);
    // Far below what transforms and rounding leave.
    let unpacked = UnpackedNoise {
        white: 3.0,
        constant: 5.0,
        direction: 6.0,
        last: 2.0,
        switch: 7.0,
        square: 1.0,
        growth: 11.0,
    };
    for exact in [false, true] {
        let f = |energy: f64| if exact { 0.0 } else { transform(energy) };
        let of = ProductVariance::direct(&direct, exact);
        let row = fresh + rounding(64 - 55) + (1.0 + key) * f(1.0);
        assert_close(
            "direct row",
            of.of_result(&none, [2.0, 3.0]).normal,
            2.0 * row,
        );
        // k + 1 = 3 polynomials of 1,024 coefficients, five levels.
        let digits = energy(5.0, 256.0) * 1.5;
        let whole = digits * (fresh + rounding(64 - 55))
            + (1.0 + n / 4.0) * rounding(64 - 40)
            + (1.0 + key) * f(digits);
        assert_close("direct", of.of_result(&one, [0.0; 2]).variance(), whole);

        let of = ProductVariance::packed(&packed, &unpacked, exact);
        let row = 3.0 + 2.0 + (1.0 + n) * 11.0 * f(1.0);
        let normal = of.of_result(&none, [2.0, 3.0]).normal;
        assert_close("packed row", normal, 2.0 * row + 3.0 * n * 5.0);
        let digits = energy(5.0, 256.0);
        let white =
            digits * (5.0 + 2.0 + 7.0) + (1.0 + n) * (rounding(64 - 40) + 11.0 * f(2.0 * digits));
        let [_, others, ..] = of.of_result(&one, [0.0; 2]).mixed;
        assert_close("packed", others.variance, white);
        assert_close(
            "squares of packed digits",
            others.squares,
            2.5 * 10.0 * 2048.0,
        );
    }
}

/// A half is 14 deviations of `2^(−32)·√F(E)`; others have no bound.
#[test]
fn products_are_exact_up_to_an_energy() {
    let most = (2f64.powi(32) / 28.0).powi(2) / 2f64.powi(23);
    assert!(is_exact(most * 0.999) && !is_exact(most * 1.001));
    assert_eq!(transform_error(most * 0.999, true), 0.0);
    assert_eq!(transform_error(most * 1.001, true), f64::INFINITY);
    assert_close(
        "inexact",
        transform_error(most, false),
        2f64.powi(23) * most,
    );
}

/// `q/2^6·(1 + X)` times one bit: at `B = 2^15` with two levels the only digit of `2^(30 − 6)` is `2^9`.
#[test]
fn clear_tables_are_counted() {
    let layout = layout((2, 1024), (15, 2), None);
    let rotation = Rotation {
        table: vec![(3, 1)],
        turns: vec![Turn { bit: 0, shift: 5 }],
    };
    let alone = (core::slice::from_ref(&rotation), [].as_slice());
    let noise = of_rotations(core::iter::once(alone), 1024);
    let square = 2f64.powi(18);
    let [norm, largest] = clear_energy(&layout, &noise);
    assert_close("norm", norm, 2.0 * square);
    assert_close("largest", largest, square);
    let result = result_noise(&layout, &noise);
    let row = ProductVariance::direct(&layout, false).row[0];
    assert_close("clear", result.variance(), 2.0 * square * row);
}
