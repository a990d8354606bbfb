//! Cut points that look like a model's own.

use crate::data::Table;
use crate::random::Random;

/// What decoys are drawn from: what a cut point of this feature could be.
pub(super) struct DecoyPool<'a> {
    /// The model's own, ascending.
    pub(super) cuts: &'a [f64],
    /// Codes of the input without decoys, that of a missing value included.
    pub(super) codes: usize,
    /// The feature's column of the calibration data.
    pub(super) column: Option<(&'a Table, usize)>,
    /// Whether the model compares in single precision, so that its cut points are single-precision numbers.
    pub(super) round_to_f32: bool,
}

/// Bits of the largest code.
const MAX_BITS: u32 = 16;

/// Steps of precision from a value, or the middle of two, to the cut point that a library makes of it: none for XGBoost, one for
/// `x <= middle` of scikit-learn, two for LightGBM, which rounds the middle up itself.
const STEPS: core::ops::RangeInclusive<i32> = 0..=3;

impl DecoyPool<'_> {
    /// As many decoys as fill the bits of a code and `more_bits`, or as there are.
    ///
    /// They are calibration values, or the middles between neighbouring ones, whichever more of the model's own cut points
    /// are, and as many steps of their precision above: libraries round their split points in their own ways, and a decoy
    /// that was rounded in another could be told from them. Without calibration data they lie anywhere between the model's own,
    /// or a little beyond.
    pub(super) fn draw(&self, more_bits: u8, random: &mut Random) -> Vec<f64> {
        let bits =
            usize::BITS - self.codes.saturating_sub(1).leading_zeros() + u32::from(more_bits);
        let room = (1_usize << bits.min(MAX_BITS)).saturating_sub(self.codes);
        let values = self.values();
        let mut pool = if values.is_empty() {
            self.anywhere(4 * room, random)
        } else {
            self.alike(values)
        };
        pool.sort_by(f64::total_cmp);
        pool.dedup();
        pool.retain(|x| x.is_finite() && !self.is_own(*x));
        random.choose(&mut pool, room);
        pool.truncate(room);
        pool
    }

    /// What the model's library might have made of the calibration values.
    fn alike(&self, values: Vec<f64>) -> Vec<f64> {
        let middle = |pair: &[f64]| self.round(pair[0] + (pair[1] - pair[0]) / 2.0);
        let middles: Vec<f64> = values.windows(2).map(middle).collect();
        let own_steps_above = |places: &[f64], steps: i32| {
            let is_place = |cut: &&f64| {
                let place = self.stepped(**cut, -steps);
                places.binary_search_by(|x| x.total_cmp(&place)).is_ok()
            };
            self.cuts.iter().filter(is_place).count()
        };
        let ways = STEPS.flat_map(|steps| [(&middles, steps), (&values, steps)]);
        // The first of equals: middles as they are.
        let best = ways
            .rev()
            .max_by_key(|(places, steps)| own_steps_above(places, *steps));
        let (places, steps) = best.unwrap_or((&middles, 0));
        places.iter().map(|x| self.stepped(*x, steps)).collect()
    }

    /// The number so many steps of the model's precision above.
    fn stepped(&self, x: f64, steps: i32) -> f64 {
        let step = |x: f64| match (self.round_to_f32, steps > 0) {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the precision of the model"
            )]
            (true, true) => f64::from((x as f32).next_up()),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the precision of the model"
            )]
            (true, false) => f64::from((x as f32).next_down()),
            (false, true) => x.next_up(),
            (false, false) => x.next_down(),
        };
        (0..steps.unsigned_abs()).fold(x, |x, _| step(x)) + 0.0
    }

    /// The distinct calibration values, ascending.
    fn values(&self) -> Vec<f64> {
        let column = self.column.map(|(table, feature)| table.column(feature));
        let present = column.into_iter().flatten().filter(|x| !x.is_nan());
        let mut values: Vec<f64> = present.map(|x| self.round(x)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    }

    fn anywhere(&self, count: usize, random: &mut Random) -> Vec<f64> {
        let low = self.cuts.first().copied().unwrap_or(0.0);
        let high = self.cuts.last().copied().unwrap_or(1.0);
        let width = if high > low {
            high - low
        } else {
            low.abs().max(1.0)
        };
        let beyond = 0.125;
        let place = |_| low + width * ((1.0 + 2.0 * beyond) * random.unit() - beyond);
        let places: Vec<f64> = (0..count).map(place).collect();
        places.into_iter().map(|x| self.round(x)).collect()
    }

    fn round(&self, x: f64) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounding is what the model's library does"
        )]
        let rounded = if self.round_to_f32 {
            f64::from(x as f32)
        } else {
            x
        };
        // One zero for both signs, which compare equal but do not sort so.
        rounded + 0.0
    }

    fn is_own(&self, x: f64) -> bool {
        self.cuts.binary_search_by(|cut| cut.total_cmp(&x)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Own cut points one step above the middles of 0, 1, 2, … (scikit-learn's), at values (histograms), two steps above
    /// middles in double precision (LightGBM's): the decoys are made in the same way.
    #[test]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the numbers are of single precision"
    )]
    fn decoys_are_rounded_as_the_models_own_cut_points_are() {
        let table = Table::from_rows(1, (0..200).map(f64::from).collect()).unwrap();
        type ToMiddle = fn(f64) -> f64;
        let single = |x: f32| f64::from(x.next_up());
        let double = |x: f64| x.next_up().next_up();
        let own: [&[f64]; 3] = [
            &[single(3.5), single(8.5), single(100.5)],
            &[3.0, 50.0, 77.0],
            &[double(3.5), double(9.5)],
        ];
        let to_middle: [ToMiddle; 3] = [
            |x| f64::from((x as f32).next_down()),
            |x| x + 0.5,
            |x| x.next_down().next_down(),
        ];
        let cases = own.into_iter().zip([true, true, false]).zip(to_middle);
        for ((cuts, round_to_f32), middle) in cases {
            let pool = DecoyPool {
                cuts,
                codes: cuts.len() + 1,
                column: Some((&table, 0)),
                round_to_f32,
            };
            let decoys = pool.draw(3, &mut Random::new(1));
            assert_eq!(decoys.len(), 32 - cuts.len() - 1);
            for decoy in decoys {
                assert_eq!(middle(decoy).fract(), 0.5, "{decoy:?} beside {cuts:?}");
                assert!(!cuts.contains(&decoy));
            }
        }
    }
}
