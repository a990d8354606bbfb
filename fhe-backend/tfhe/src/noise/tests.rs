use tenebra_client::linear::LinearLayout;

use super::*;

/// Equal but for what is rounded.
pub(crate) fn assert_close(what: impl core::fmt::Debug, got: f64, wanted: f64) {
    assert_within(what, got, wanted, 1e-9);
}

/// Equal but for a part `within` of what is wanted.
pub(crate) fn assert_within(what: impl core::fmt::Debug, got: f64, wanted: f64, within: f64) {
    assert!(
        (got - wanted).abs() <= within * wanted.abs(),
        "{what:?}: {got}, not {wanted}"
    );
}

#[test]
fn log2_erfc_agrees_with_known_values() {
    // erfc(1) = 0.157299207, erfc(5) = 1.5374597944e-12, erfc(6) = 2.1519736712e-17 (Abramowitz & Stegun, table 7.1);
    // scheme.md: h = 13.1σ gives 2^-128, that is erfc(13.1/√2).
    for (x, erfc) in [
        (1.0, 0.157_299_207f64),
        (5.0, 1.537_459_794_4e-12),
        (6.0, 2.151_973_671_2e-17),
    ] {
        assert!((log2_erfc(x) - erfc.log2()).abs() < 0.002, "x = {x}");
    }
    assert!((log2_erfc(13.1 / 2f64.sqrt()) + 128.0).abs() < 1.0);
    // Continuous where the asymptotic form takes over.
    assert!((log2_erfc(5.0) - log2_erfc(5.0 + 1e-9)).abs() < 0.003);
}

#[test]
fn failure_probability_counts_outputs() {
    // σ = 2^40, p = 20: h = 2^43 = 8σ, 2·e^(−32) = 2^-45.17; 16 outputs add 4.
    let one = p_fail_log2(exp2(80), 20, 1);
    assert!((one + 45.17).abs() < 0.01, "{one}");
    assert!((p_fail_log2(exp2(80), 20, 16) - one - 4.0).abs() < 1e-9);
    // A sum of nothing is −0.
    assert_eq!(p_fail_log2(-0.0, 20, 1), f64::NEG_INFINITY);
    // At 2^-128, 4 bits above that of normal noise.
    let half_step = exp2(43);
    for sigmas in [12.9f64, 13.1, 13.3] {
        let variance = (half_step / sigmas).powi(2);
        let normal = log2_erfc(sigmas / 2f64.sqrt());
        let above = p_fail_log2(variance, 20, 1) - normal;
        // √(π/2)·h/σ.
        let expected = (sigmas * (core::f64::consts::PI / 2.0).sqrt()).log2();
        assert!((above - expected - 1.0).abs() < 0.02, "{above}");
    }
}

#[test]
fn mixed_noise_has_a_heavier_tail() {
    let p_fail = |normal: f64, mixed: f64, squares: f64| {
        let none = Mixture {
            variance: 0.0,
            squares: 1.0,
        };
        let mixed = Mixture {
            variance: mixed,
            squares,
        };
        let noise = MixedNoise {
            normal,
            mixed: [none, mixed, none, none],
        };
        noise.p_fail_log2(20, 1)
    };
    // h = 2^43 = 8σ: as of normal noise, 2^-45.17, where nothing is mixed or the variance is hardly random.
    assert!((p_fail(exp2(80), 1e-9, 1.0) + 45.17).abs() < 0.01);
    assert!((p_fail(0.0, exp2(80), 1e9) + 45.17).abs() < 0.01);
    // Two squares: the mixture is Laplace's distribution, P(|X| ≥ 8σ) = e^(−8√2) = 2^-16.32. Chernoff: λ = x·√2/σ with
    // −8√2·x − ln(1 − x²) least at x = 0.9155: −10.358 + 1.821 = −8.537, and 2·e^(−8.537) = 2^-11.32.
    let laplace = p_fail(0.0, exp2(80), 2.0);
    assert!((laplace + 11.32).abs() < 0.02, "{laplace}");
}

/// The least of `1 + log2 E[e^(λX)]·e^(−λh)` over a fine grid of λ, from its definition.
fn least_on_a_grid(noise: &MixedNoise, threshold: f64) -> f64 {
    let bound = |lambda: f64| {
        let mut log = lambda * lambda * noise.normal / 2.0 - lambda * threshold;
        for part in noise.mixed {
            let rest = 1.0 - lambda * lambda * part.variance / part.squares;
            log -= part.squares / 2.0 * rest.ln();
        }
        if log.is_nan() { f64::INFINITY } else { log }
    };
    let most = 20.0 * threshold / noise.variance();
    let least = (0..200_000)
        .map(|step| bound(most * f64::from(step) / 200_000.0))
        .fold(f64::INFINITY, f64::min);
    1.0 + least / core::f64::consts::LN_2
}

#[test]
fn the_bound_is_the_least_over_lambda() {
    let part = |variance: f64, squares: f64| Mixture { variance, squares };
    for (normal, mixed) in [
        (
            1.0,
            [
                part(1.0, 1.0),
                part(0.5, 100.0),
                part(0.0, 1.0),
                part(2.0, 8.0),
            ],
        ),
        (
            0.1,
            [
                part(0.2, 2.0),
                part(0.0, 1.0),
                part(0.0, 5.0),
                part(0.0, 1.0),
            ],
        ),
        (3.0, [part(0.0, 1.0); 4]),
        (
            0.0,
            [
                part(1.0, 3.0),
                part(1.0, 7.0),
                part(1.0, 11.0),
                part(1.0, 1e6),
            ],
        ),
    ] {
        let noise = MixedNoise { normal, mixed };
        let whole = normal + mixed.iter().map(|part| part.variance).sum::<f64>();
        assert!((noise.variance() - whole).abs() < 1e-12);
        for threshold in [1.0, 5.0, 20.0, 60.0].map(|sigmas: f64| sigmas * whole.sqrt()) {
            let (got, wanted) = (
                noise.tail_log2(threshold),
                least_on_a_grid(&noise, threshold).min(1.0),
            );
            // The grid's least is above the least.
            assert!(
                (-1e-6..1e-3 * wanted.abs() + 1e-2).contains(&(wanted - got)),
                "{noise:?}, {threshold}: {got}, not {wanted}"
            );
            // Units do not matter, and outputs add up.
            let scaled = noise.times(exp2(80)).tail_log2(threshold * exp2(40));
            assert!((scaled - got).abs() < 1e-6);
        }
        let more = noise.plus_normal(2.5);
        assert_eq!(more.mixed, noise.mixed);
        assert!((more.normal - normal - 2.5).abs() < 1e-12);
    }
    let noise = MixedNoise::from(exp2(80));
    assert!((noise.p_fail_log2(20, 16) - p_fail_log2(exp2(80), 20, 16)).abs() < 1e-6);
}

#[test]
fn no_noise_never_fails_and_no_room_always_does() {
    let noise = MixedNoise::from(1.0);
    assert_eq!(MixedNoise::from(0.0).tail_log2(1.0), f64::NEG_INFINITY);
    for threshold in [0.0, -1.0] {
        assert_eq!(noise.tail_log2(threshold), 0.0);
        assert_eq!(tail_log2(1.0, threshold, 3), 0.0);
    }
    // Far inside, the bound says nothing but is one.
    assert!(noise.tail_log2(1e-3) <= 1.0 && tail_log2(1.0, 1e-3, 1) <= 1.0);
}

/// By relative entropy (Hoeffding 1963, theorem 1): `P(X ≥ n·x) ≤ e^(−n·(x·ln 2x + (1−x)·ln 2(1−x)))`. The bound without it,
/// `e^(−2·6.66²)`, is 2^-127.98.
#[test]
fn keys_are_heavier_than_the_bound_less_often_than_2_to_the_minus_128() {
    for (k, size) in [
        (4, 256),
        (2, 512),
        (1, 1024),
        (3, 512),
        (1, 2048),
        (6, 512),
        (2, 2048),
        (1, 4096),
    ] {
        let glwe = ValidGlwe::secure(k, size).unwrap();
        let n = f64::from(k) * f64::from(size);
        let bound = set_bits_bound(glwe);
        let log2_tail = |weight: f64| {
            let x: f64 = weight / n;
            -n * (x * (2.0 * x).log2() + (1.0 - x) * (2.0 - 2.0 * x).log2())
        };
        assert!(log2_tail(bound) < -128.0, "{n}: {}", log2_tail(bound));
        assert!(log2_tail(bound - 0.05 * n.sqrt()) > -132.0, "{n}");
    }
}

#[test]
fn switches_of_the_modulus_by_hand() {
    // n = 2048: 1024 + 6.66·45.2548 = 1325.397 set bits at most; 20 of 64 bits are kept, (2^88 + 2)/12.
    let glwe = ValidGlwe::secure(2, 1024).unwrap();
    let rounding = (exp2(88) + 2.0) / 12.0;
    let close = |got: f64, wanted: f64| (got / wanted - 1.0).abs() < 1e-6;
    assert!(close(set_bits_bound(glwe), 1325.397));
    assert!(close(
        modulus_switch_variance(glwe, 20),
        1326.397 * rounding
    ));
    assert!(close(centred_switch_variance(glwe, 20), 513.0 * rounding));
    assert_eq!(modulus_switch_variance(glwe, 64), 0.0);
    assert!(close(transform_variance(3.0), 3.0 * 8_388_608.0));
}

#[test]
fn variances_by_hand() {
    // b = 2: (2^5 + 1)/6 = 5.5. Dropping 2 bits: errors -2..=2 with half weight at the ends, (16 + 2)/12 = 1.5.
    assert!((tuniform_variance(2) - 5.5).abs() < 1e-12);
    assert!((tuniform_variance(17) * 6.0 - (exp2(35) + 1.0)).abs() < 1e-3);
    assert!((rounding_variance(2) - 1.5).abs() < 1e-12);
    assert!(rounding_variance(0).abs() < 1e-12);
}

#[test]
fn bodies_have_fresh_noise_and_what_is_rounded_away() {
    let glwe = ValidGlwe::secure(2, 512).unwrap();
    for body_bits in [30, 44] {
        let layout = LinearLayout {
            glwe: glwe.params(),
            plaintext_bits: 8,
            body_bits,
            response_bits: 20,
            features: 5,
            outputs: 1,
            group: 1,
            blocks: 1,
            max_rows: 1,
        };
        let fresh = (2f64.powi(2 * i32::from(glwe.params().noise_bound_log2) + 1) + 1.0) / 6.0;
        let rounded = (2f64.powi(2 * (64 - i32::from(body_bits))) + 2.0) / 12.0;
        let got = input_variance(&layout.validate().unwrap());
        assert!((got / (fresh + rounded) - 1.0).abs() < 1e-12, "{got}");
    }
}

const fn part(variance: f64, squares: f64) -> Mixture {
    Mixture { variance, squares }
}

const NONE: Mixture = part(0.0, 1.0);

/// 3 in shares of ½ and 5 in shares of 2½ are 8 in 3.2 shares of 2½, at most.
#[test]
fn sums_have_the_largest_share_of_both() {
    let noise = |normal: f64, first: Mixture, second: Mixture| MixedNoise {
        normal,
        mixed: [first, second, NONE, NONE],
    };
    let one = noise(1.0, part(3.0, 6.0), part(7.0, 2.0));
    let two = noise(2.5, part(5.0, 2.0), NONE);
    let wanted = noise(3.5, part(8.0, 3.2), part(7.0, 2.0));
    assert_eq!(one.plus(two), wanted);
    assert_eq!(two.plus(one), wanted);
}

/// The probability that `χ²_D/D` exceeds `1 + x`, for even `D`: `e^(−y)·Σ_(i < D/2) y^i/i!` at `y = D·(1 + x)/2`.
fn chi_square_tail(squares: u32, excess: f64) -> f64 {
    let y = f64::from(squares) * (1.0 + excess) / 2.0;
    let (mut term, mut sum) = (1.0, 0.0);
    for i in 0..squares / 2 {
        sum += term;
        term *= y / f64::from(i + 1);
    }
    sum.log2() - y / core::f64::consts::LN_2
}

/// Each of four parts exceeds its bound with a quarter of the probability, by Chernoff's bound; the exact probability is below that, by
/// no more than 9 bits for up to 200 squares.
#[test]
fn variances_exceed_their_bound_with_the_probability_that_is_said() {
    for squares in [2u32, 4, 10, 50, 200] {
        for log2 in [-20.0, -138.0] {
            let mut noise = MixedNoise::from(0.0);
            noise.mixed[2] = part(3.0, squares.into());
            let excess = noise.variance_at_most(log2) / 3.0 - 1.0;
            let bound = f64::from(squares) / 2.0 * (excess - excess.ln_1p());
            assert!((bound / core::f64::consts::LN_2 + log2 - 2.0).abs() < 1e-6);
            let exact = chi_square_tail(squares, excess);
            assert!(
                (log2 - 11.0..log2 - 2.0).contains(&exact),
                "{squares}, {log2}: {exact}"
            );
        }
    }
    // Parts exceed what they may by themselves; what is normal does not.
    let mut noise = MixedNoise::from(0.0);
    let mut sum = 0.0;
    for (at, of) in [part(3.0, 8.0), part(0.5, 1.0), part(7.0, 900.0)]
        .into_iter()
        .enumerate()
    {
        let mut alone = MixedNoise::from(0.0);
        (alone.mixed[at], noise.mixed[at]) = (of, of);
        sum += alone.variance_at_most(-60.0);
    }
    let whole = noise.plus_normal(11.0).variance_at_most(-60.0);
    assert!((whole / (sum + 11.0) - 1.0).abs() < 1e-9, "{whole}");
    assert_eq!(MixedNoise::from(4.0).variance_at_most(-60.0), 4.0);
}

/// Gadgets whose products have no bound of their error have an infinite variance, and sums of such ones may be no number: whatever is
/// computed of them is sure to fail.
#[test]
fn noise_without_a_bound_is_sure_to_fail() {
    for variance in [f64::INFINITY, f64::NAN] {
        assert_eq!(tail_log2(variance, 1.0, 1), 0.0);
        assert!(MixedNoise::from(variance).p_fail_log2(4, 10) >= 0.0);
        for part in 0..4 {
            let mut noise = MixedNoise::from(1.0);
            noise.mixed[part] = Mixture {
                variance,
                squares: 8.0,
            };
            assert!(noise.p_fail_log2(4, 10) >= 0.0, "{variance} in part {part}");
            assert_eq!(noise.variance_at_most(-128.0), f64::INFINITY);
        }
    }
}
