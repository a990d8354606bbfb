//! Cut points that look like a model's own.

use crate::data::Table;
use crate::forest::random::Random;

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

impl DecoyPool<'_> {
    /// As many decoys as fill the bits of a code and `more_bits`, or as there are.
    ///
    /// They are calibration values, or the middles between neighbouring ones, whichever more of the model's own cut points
    /// are; without calibration data they lie anywhere between its own, or a little beyond.
    pub(super) fn draw(&self, more_bits: u8, random: &mut Random) -> Vec<f64> {
        let bits =
            usize::BITS - self.codes.saturating_sub(1).leading_zeros() + u32::from(more_bits);
        let room = (1_usize << bits.min(MAX_BITS)).saturating_sub(self.codes);
        let values = self.values();
        let own_values = values.iter().filter(|x| self.is_own(**x)).count();
        let mut pool = if values.is_empty() {
            self.anywhere(4 * room, random)
        } else if 2 * own_values >= self.cuts.len() {
            values
        } else {
            let middle = |pair: &[f64]| self.round(pair[0] + (pair[1] - pair[0]) / 2.0);
            values.windows(2).map(middle).collect()
        };
        pool.sort_by(f64::total_cmp);
        pool.dedup();
        pool.retain(|x| x.is_finite() && !self.is_own(*x));
        random.choose(&mut pool, room);
        pool.truncate(room);
        pool
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
