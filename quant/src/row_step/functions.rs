//! The functions of single values.

use super::{Numbers, Other};
use crate::QuantError;

/// A count as a number.
pub(super) fn count(count: usize) -> f64 {
    count as f64
}

/// How many numbers at the start of a list satisfy a condition that holds for a beginning of it.
pub(super) fn partition(list: &impl Numbers, holds: impl Fn(f64) -> bool) -> usize {
    let (mut low, mut high) = (0, list.count());
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(list.number(middle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

pub(super) fn code(
    x: f64,
    categories: &impl Numbers,
    unknown: Other,
    missing: Other,
) -> Result<f64, QuantError> {
    let other = if x.is_nan() { missing } else { unknown };
    let place = partition(categories, |category| category < x);
    if place < categories.count() && categories.number(place) == x {
        return Ok(count(place));
    }
    match other {
        Other::Refuse => Err(QuantError::UnknownCategory { value: x }),
        Other::Missing => Ok(f64::NAN),
        Other::Value(value) => Ok(value),
    }
}

/// The share of a distribution below `x`: where quantiles repeat, the middle of their shares.
pub(super) fn quantile(x: f64, quantiles: &impl Numbers, normal: bool) -> f64 {
    let n = quantiles.count();
    let (first, last) = (quantiles.number(0), quantiles.number(n - 1));
    // What scikit-learn takes for the ends.
    const NEAR: f64 = 1e-7;
    let near = if normal { NEAR } else { 0.0 };
    let share = |index: usize| count(index) / count(n - 1).max(1.0);
    let below = if x <= first || x - near < first {
        0.0
    } else if x >= last || x + near > last {
        1.0
    } else {
        let (less, most) = (
            partition(quantiles, |q| q < x),
            partition(quantiles, |q| q <= x),
        );
        if less < most {
            0.5 * (share(less) + share(most - 1))
        } else {
            let (low, high) = (quantiles.number(less - 1), quantiles.number(less));
            let slope = (share(less) - share(less - 1)) / (high - low);
            slope * (x - low) + share(less - 1)
        }
    };
    if normal {
        normal_quantile(below)
    } else {
        below
    }
}

/// The quantile of a share in the standard normal distribution (Wichura 1988, algorithm AS 241, PPND16: relative error 1e-16), the
/// share not nearer than 1e-7 to 0 or 1.
fn normal_quantile(share: f64) -> f64 {
    let least = 1e-7 - f64::EPSILON;
    let share = share.clamp(least, 1.0 - least);
    let q = share - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&CENTRE[0], r) / polynomial(&CENTRE[1], r);
    }
    let tail = if q < 0.0 { share } else { 1.0 - share };
    let r = libm::sqrt(-libm::log(tail));
    let value = if r <= 5.0 {
        polynomial(&TAIL[0], r - 1.6) / polynomial(&TAIL[1], r - 1.6)
    } else {
        polynomial(&FAR[0], r - 5.0) / polynomial(&FAR[1], r - 5.0)
    };
    if q < 0.0 { -value } else { value }
}

/// Horner's rule, the constant term first.
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// Numerator and denominator of algorithm AS 241 near the middle.
#[expect(clippy::excessive_precision, reason = "the digits that were published")]
const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_608,
        1.331_416_678_917_843_774_5e2,
        1.971_590_950_306_551_442_7e3,
        1.373_169_376_550_946_112_5e4,
        4.592_195_393_154_987_145_7e4,
        6.726_577_092_700_870_085_3e4,
        3.343_057_558_358_812_810_5e4,
        2.509_080_928_730_122_672_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091_125_2e1,
        6.871_870_074_920_579_082_9e2,
        5.394_196_021_424_751_107_7e3,
        2.121_379_430_158_659_586_7e4,
        3.930_789_580_009_271_061e4,
        2.872_908_573_572_194_267_4e4,
        5.226_495_278_852_854_561e3,
    ],
];

/// In the tails.
#[expect(clippy::excessive_precision, reason = "the digits that were published")]
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_7e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        6.897_673_349_851_000_045_5e-1,
        1.481_039_764_274_800_745_9e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
];

/// Far out.
#[expect(clippy::excessive_precision, reason = "the digits that were published")]
const FAR: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        2.965_605_718_285_048_912_3e-1,
        2.653_218_952_657_612_309_3e-2,
        1.242_660_947_388_078_438_6e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_9e-1,
        1.369_298_809_227_358_053_1e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
];

/// Yeo and Johnson's family, which is the logarithm where the exponent would vanish.
pub(super) fn yeo_johnson(x: f64, lambda: f64) -> f64 {
    if x >= 0.0 {
        box_cox_1p(x, lambda)
    } else {
        -box_cox_1p(-x, 2.0 - lambda)
    }
}

/// `((x + 1)^lambda - 1) / lambda`, for `x >= 0`.
fn box_cox_1p(x: f64, lambda: f64) -> f64 {
    let log = libm::log1p(x);
    if lambda.abs() < f64::EPSILON {
        log
    } else {
        libm::expm1(lambda * log) / lambda
    }
}
