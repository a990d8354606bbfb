//! Ranges from data, for [`Affine::asymmetric`]; for [`Affine::symmetric`] take the larger magnitude of the two ends.

use core::cmp::Ordering;

use num_traits::{Float, ToPrimitive as _};

use crate::steps::{real, reported};
use crate::{Affine, BitWidth, QuantError};

/// The smallest and the largest value.
///
/// # Errors
/// [`QuantError::NoData`] without values, [`QuantError::NotFinite`] for the first that is NaN or infinite.
pub fn min_max<F: Float>(values: impl IntoIterator<Item = F>) -> Result<(F, F), QuantError> {
    let mut range = None;
    for value in values {
        if !value.is_finite() {
            return Err(QuantError::NotFinite {
                value: reported(value),
            });
        }
        let (min, max) = range.unwrap_or((value, value));
        range = Some((value.min(min), value.max(max)));
    }
    range.ok_or(QuantError::NoData)
}

/// The percentiles `100 - percent` and `percent` of the values, `percent` in `[50, 100]`.
///
/// Between two values it interpolates linearly, as `numpy.percentile` does by default. `scratch` must be at least as long
/// as `values`; its first part ends up sorted.
///
/// # Errors
/// - [`QuantError::NoData`] without values, [`QuantError::NotFinite`] for the first that is NaN or infinite,
/// - [`QuantError::Percent`] for a `percent` outside `[50, 100]`,
/// - [`QuantError::ScratchTooShort`].
pub fn percentile<F: Float>(
    values: &[F],
    percent: f64,
    scratch: &mut [F],
) -> Result<(F, F), QuantError> {
    if !(50.0..=100.0).contains(&percent) {
        return Err(QuantError::Percent { percent });
    }
    min_max(values.iter().copied())?;
    let sorted = sort(values, scratch)?;
    // Ranks from either end, so that the percentiles of mirrored data are mirrored.
    let rank =
        (1.0 - percent / 100.0) * real::<f64>(i64::try_from(sorted.len() - 1).unwrap_or(i64::MAX));
    Ok((
        at_rank(sorted.iter(), rank),
        at_rank(sorted.iter().rev(), rank),
    ))
}

/// Finite values in order, in the first part of `scratch`.
fn sort<'a, F: Float>(values: &[F], scratch: &'a mut [F]) -> Result<&'a [F], QuantError> {
    let (needed, given) = (values.len(), scratch.len());
    let sorted = scratch
        .get_mut(..needed)
        .ok_or(QuantError::ScratchTooShort { needed, given })?;
    sorted.copy_from_slice(values);
    sorted.sort_unstable_by(compare);
    Ok(sorted)
}

/// The order of finite values, which always have one.
fn compare<F: Float>(a: &F, b: &F) -> Ordering {
    a.partial_cmp(b).unwrap_or(Ordering::Equal)
}

/// The value at a fractional rank, between the two values next to it.
fn at_rank<'a, F: Float + 'a>(mut sorted: impl Iterator<Item = &'a F>, rank: f64) -> F {
    let floor = Float::floor(rank);
    let weight = F::from(rank - floor).unwrap_or(F::zero());
    let below = *sorted
        .nth(floor.to_usize().unwrap_or(0))
        .expect("a rank is less than the number of values");
    let above = *sorted.next().unwrap_or(&below);
    // Not below + weight * (above - below), whose difference may overflow; the clamp undoes a rounding.
    let between = (F::one() - weight) * below + weight * above;
    between.max(below.min(above)).min(below.max(above))
}

/// The range of all values but for a few that are far from all others: at most one, or one in 500 and 64, whose absence makes
/// the range 20 times narrower, and not empty.
///
/// An even code of `b` bits has `2^b / 20` steps left for the other values else. Fewer than 16 values say nothing about what is
/// far. `scratch` must be at least as long as `values`; its first part ends up sorted.
///
/// # Errors
/// As [`percentile`].
pub fn without_outliers<F: Float>(values: &[F], scratch: &mut [F]) -> Result<(F, F), QuantError> {
    const FEWEST: usize = 16;
    const ONE_IN: usize = 500;
    const MOST: usize = 64;
    const NARROWER: i64 = 20;
    let all = min_max(values.iter().copied())?;
    if values.len() < FEWEST {
        return Ok(all);
    }
    let mut sorted = sort(values, scratch)?;
    let mut left = (values.len() / ONE_IN).clamp(1, MOST);
    let ends = |sorted: &[F]| (sorted[0], sorted[sorted.len() - 1]);
    let width = |sorted: &[F]| sorted[sorted.len() - 1] - sorted[0];
    // Divided before the difference, which may overflow.
    let part = |value: F| value / real(NARROWER);
    let narrow = |sorted: &[F]| part(sorted[sorted.len() - 1]) - part(sorted[0]);
    // As few at a time as make a difference, until no few do.
    while let Some(rest) = (1..=left).find_map(|count| {
        let cuts = (0..=count).map(|below| &sorted[below..sorted.len() - (count - below)]);
        let narrowest = cuts.filter(|rest| width(rest) > F::zero());
        narrowest
            .min_by(|a, b| compare(&width(a), &width(b)))
            .filter(|rest| width(rest) <= narrow(sorted))
    }) {
        left -= sorted.len() - rest.len();
        sorted = rest;
    }
    Ok(ends(sorted))
}

/// A range within the data's for which [`Affine::asymmetric`] with `bits` has a small squared error on the data.
///
/// A pattern search (Hooke and Jeeves 1961) from the range of [`min_max`]: it moves one end at a time, by a quarter of
/// the width at first, and halves the step when no move helps, down to 1/512. The error is never larger than that of
/// `min_max`; a smaller one may exist. Takes at most 256 passes over the values.
///
/// # Errors
/// As [`min_max`], and as [`Affine::asymmetric`] for the range of all values.
pub fn least_squared_error<F: Float>(values: &[F], bits: BitWidth) -> Result<(F, F), QuantError> {
    let (min, max) = min_max(values.iter().copied())?;
    let mut least = squared_error(&Affine::asymmetric(min, max, bits)?, values)?;
    let mut best = (min, max);
    let smallest_step = (max - min) / real(512);
    let mut step = (max - min) / real(4);
    for _ in 0..64 {
        let (lo, hi) = best;
        for (lo, hi) in [
            (lo + step, hi),
            (lo, hi - step),
            (lo - step, hi),
            (lo, hi + step),
        ] {
            let candidate = (lo.max(min), hi.min(max));
            // A range that no map can have, for instance out of order, is no candidate.
            let Ok(affine) = Affine::asymmetric(candidate.0, candidate.1, bits) else {
                continue;
            };
            let error = squared_error(&affine, values)?;
            if error < least {
                (least, best) = (error, candidate);
            }
        }
        if best == (lo, hi) {
            step = step / real(2);
            if step < smallest_step {
                break;
            }
        }
    }
    Ok(best)
}

/// The sum of `(dequantize(quantize(x)) - x)^2` over the values, in squared real units.
///
/// # Errors
/// [`QuantError::NotFinite`] for the first value that is NaN or infinite.
pub fn squared_error<F: Float>(affine: &Affine<F>, values: &[F]) -> Result<f64, QuantError> {
    let mut sum = 0.0;
    for &value in values {
        let error = reported(affine.dequantize(affine.quantize(value)?.code)) - reported(value);
        sum += error * error;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn min_max_by_hand() {
        assert_eq!(min_max([2.0, -1.0, 0.5]), Ok((-1.0, 2.0)));
        assert_eq!(min_max([3_f32]), Ok((3.0, 3.0)));
        assert_eq!(min_max::<f64>([]), Err(QuantError::NoData));
        assert_eq!(
            min_max([1.0, f64::INFINITY]),
            Err(QuantError::NotFinite {
                value: f64::INFINITY
            })
        );
        assert!(matches!(
            min_max([f32::NAN, 1.0]),
            Err(QuantError::NotFinite { .. })
        ));
    }

    #[test]
    fn percentile_by_hand() {
        // Ranks of 0..=4 sorted: 75 % of 4 is rank 3 from below; 87.5 % is rank 3.5.
        let values = [4.0, 0.0, 3.0, 1.0, 2.0];
        let mut scratch = [0.0; 6];
        for (percent, want) in [
            (100.0, (0.0, 4.0)),
            (75.0, (1.0, 3.0)),
            (87.5, (0.5, 3.5)),
            (50.0, (2.0, 2.0)),
        ] {
            assert_eq!(
                percentile(&values, percent, &mut scratch),
                Ok(want),
                "{percent}"
            );
        }
        let short = percentile(&values, 75.0, &mut scratch[..4]);
        assert_eq!(
            short,
            Err(QuantError::ScratchTooShort {
                needed: 5,
                given: 4
            })
        );
        for percent in [49.9, 100.1, f64::NAN, f64::INFINITY, -1.0] {
            assert!(matches!(
                percentile(&values, percent, &mut scratch),
                Err(QuantError::Percent { .. })
            ));
        }
        assert_eq!(
            percentile::<f32>(&[], 99.0, &mut []),
            Err(QuantError::NoData)
        );
        // Interpolating between equal values must not round away from them.
        for tenths in 500..=1000 {
            let range = percentile(&[1.0 / 3.0; 5], f64::from(tenths) / 10.0, &mut scratch);
            assert_eq!(range, Ok((1.0 / 3.0, 1.0 / 3.0)), "{tenths}");
        }
        // The difference of the ends overflows, the percentile does not.
        let (lo, hi) = percentile(&[f64::MIN, f64::MAX], 75.0, &mut scratch).unwrap();
        assert!(
            lo == -hi && (hi / (f64::MAX / 2.0) - 1.0).abs() < 1e-15,
            "{lo} {hi}"
        );
    }

    #[test]
    fn outliers_are_left_out_by_hand() {
        let mut scratch = [0.0; 1200];
        let mut range = |values: &[f64]| without_outliers(values, &mut scratch).unwrap();
        let mut values = [0.0; 1200];
        for (i, value) in values.iter_mut().enumerate() {
            *value = f64::from(u16::try_from(i % 100).unwrap());
        }
        assert_eq!(range(&values), (0.0, 99.0));
        // 20 times 99 is 1980.
        values[700] = 1979.0;
        assert_eq!(range(&values), (0.0, 1979.0));
        values[700] = 1980.0;
        assert_eq!(range(&values), (0.0, 99.0));
        // Two of 1200, on either side or the same; a third stays.
        values[3] = -99_999.0;
        assert_eq!(range(&values), (0.0, 99.0));
        values[3] = 1980.0;
        assert_eq!(range(&values), (0.0, 99.0));
        values[4] = 1980.0;
        assert_eq!(range(&values), (0.0, 1980.0));
        // Nothing may be left to vary, and few values say nothing.
        let mut flags = [0.0; 50];
        flags[7] = 1.0;
        assert_eq!(range(&flags), (0.0, 1.0));
        flags[8] = 99_999.0;
        assert_eq!(range(&flags), (0.0, 1.0));
        assert_eq!(range(&flags[..10]), (0.0, 99_999.0));
        assert_eq!(range(&[5.0]), (5.0, 5.0));
        // A width that overflows is no obstacle.
        let mut wide = [1.0; 20];
        (wide[0], wide[1], wide[2]) = (f64::MIN, f64::MAX, 2.0);
        assert_eq!(range(&wide), (f64::MIN, f64::MAX));
    }

    /// Outliers count as many as they are, whether they go together or one after the other; where the data lie does not matter.
    #[test]
    fn no_more_outliers_are_left_out_than_may_be() {
        let mut scratch = [0.0; 1200];
        for offset in [0.0, 20_000.0, -20_000.0] {
            for (sign, far) in [
                (1.0, [1e8, 1e6, 1e4]),
                (-1.0, [1e8, 1e6, 1e4]),
                (1.0, [1e8, 1e8, 1e4]),
            ] {
                let mut values = [0.0; 1200];
                for (i, value) in values.iter_mut().enumerate() {
                    *value = offset + f64::from(u16::try_from(i % 100).unwrap());
                }
                // 1979 from end to end, and 20 times 99 is 1980: not far enough.
                let near = if sign > 0.0 { 1979.0 } else { -1880.0 };
                values[9] = offset + near;
                let ends = |range: (f64, f64)| [range.0 - offset, range.1 - offset];
                let range = ends(without_outliers(&values, &mut scratch).unwrap());
                assert!(range.contains(&near), "{range:?}");
                values[9] = offset + 50.0;
                // Two of 1200 may go, so the third stays.
                for (value, far) in values.iter_mut().zip(far) {
                    *value = offset + far * sign;
                }
                let range = ends(without_outliers(&values, &mut scratch).unwrap());
                let wanted = if sign > 0.0 { [0.0, 1e4] } else { [-1e4, 99.0] };
                assert_eq!(range, wanted, "{offset}, {far:?}");
            }
        }
        // 16 values say what is far, 15 do not.
        let mut few = [1.0; 16];
        (few[0], few[1]) = (0.0, 1e6);
        assert_eq!(without_outliers(&few, &mut scratch), Ok((0.0, 1.0)));
        assert_eq!(without_outliers(&few[..15], &mut scratch), Ok((0.0, 1e6)));
    }

    #[test]
    fn squared_error_by_hand() {
        // Codes 0..=3 stand for 0..=3; errors 0.25, -0.25 and, clipped, -2.
        let affine = Affine::from_parts(1.0, 0, 0, 3).unwrap();
        assert_eq!(
            squared_error(&affine, &[0.25, 1.75, 5.0, 2.0]),
            Ok(0.0625 + 0.0625 + 4.0)
        );
    }

    #[test]
    fn least_squared_error_cuts_an_outlier() {
        // 1000 values over [0, 1] and one at 2: with 2 bits a narrower range costs less than it saves.
        let mut values = [2.0; 1001];
        for (i, value) in values[1..].iter_mut().enumerate() {
            *value = f64::from(u16::try_from(i).unwrap()) / 999.0;
        }
        let bits = BitWidth::new(2).unwrap();
        let (lo, hi) = least_squared_error(&values, bits).unwrap();
        assert!(lo < 0.2 && hi > 0.8 && hi < 1.3, "{lo} {hi}");
        let error = |range: (f64, f64)| {
            squared_error(
                &Affine::asymmetric(range.0, range.1, bits).unwrap(),
                &values,
            )
            .unwrap()
        };
        assert!(error((lo, hi)) < error((0.0, 2.0)) / 3.0);
        // On the other side.
        values.iter_mut().for_each(|value| *value = -*value);
        let (lo, hi) = least_squared_error(&values, bits).unwrap();
        assert!(hi > -0.2 && lo < -0.8 && lo > -1.3, "{lo} {hi}");
    }

    /// No move of one end by the last step of the search, a 512th of the width, is better.
    #[test]
    fn least_squared_error_ends_where_no_small_move_helps() {
        let mut values = [0.0; 400];
        for (i, value) in values.iter_mut().enumerate() {
            let x = f64::from(u16::try_from(i).unwrap()) / 200.0 - 1.0;
            // Dense around 0, thin at ends that are not alike.
            *value = x * x * x * if x < 0.0 { 3.0 } else { 1.0 };
        }
        let (min, max) = min_max(values.iter().copied()).unwrap();
        for bits in [2, 3, 4] {
            let bits = BitWidth::new(bits).unwrap();
            let (lo, hi) = least_squared_error(&values, bits).unwrap();
            assert!(min <= lo && lo < hi && hi <= max, "{lo} {hi}");
            let error = |lo: f64, hi: f64| {
                squared_error(&Affine::asymmetric(lo, hi, bits).unwrap(), &values).unwrap()
            };
            let found = error(lo, hi);
            assert!(found < error(min, max));
            let step = (max - min) / 512.0;
            for (lo, hi) in [
                (lo + step, hi),
                (lo, hi - step),
                ((lo - step).max(min), hi),
                (lo, (hi + step).min(max)),
            ] {
                assert!(error(lo, hi) >= found, "{lo} {hi} at {bits:?}");
            }
        }
    }

    #[test]
    fn hostile_data_are_errors() {
        let bits = BitWidth::new(8).unwrap();
        assert_eq!(
            least_squared_error::<f64>(&[], bits),
            Err(QuantError::NoData)
        );
        assert!(matches!(
            least_squared_error(&[f64::NAN], bits),
            Err(QuantError::NotFinite { .. })
        ));
        assert!(matches!(
            least_squared_error(&[f64::MIN, f64::MAX], bits),
            Err(QuantError::RangeTooWide { .. })
        ));
        assert_eq!(least_squared_error(&[7.0, 7.0], bits), Ok((7.0, 7.0)));
    }
}
