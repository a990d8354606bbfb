//! Rows between the calibration rows: the float network tells what is right there, too.

use crate::data::{DataError, Table};

/// Few rows are mixed to so many.
const ENOUGH: usize = 1000;
/// Fewer are judged by all, and none are held out.
const ENOUGH_TO_HOLD: usize = 80;
/// Points of the sequence `frac(m x)` of these `x` fill the square evenly (the powers of the inverse of the plastic number).
const EVENLY: [f64; 2] = [0.754_877_666_246_692_7, 0.569_840_290_998_053_3];

/// The calibration rows, and behind them mixtures of two rows each where these are few.
pub(super) struct Mixed {
    pub(super) table: Table,
    /// How many rows were given; the others are mixtures.
    pub(super) given: usize,
    /// Which rows nothing is fitted to while bits are tried, by which these are judged: every fourth, and mixtures of such.
    pub(super) held: Vec<bool>,
}

impl Mixed {
    pub(super) fn new(given: &Table, most: usize) -> Result<Self, DataError> {
        let rows = given.n_rows();
        let mut held: Vec<bool> = (0..rows)
            .map(|row| rows >= ENOUGH_TO_HOLD && row % 4 == 3)
            .collect();
        let mut values = given.values().to_vec();
        let counts = counts(given);
        let wanted = ENOUGH.min(most).saturating_sub(rows);
        for part in [false, true] {
            let of_part: Vec<&[f64]> = given
                .rows()
                .zip(&held)
                .filter(|(_, h)| **h == part)
                .map(|(row, _)| row)
                .collect();
            for m in 0..wanted * of_part.len() / rows.max(1) {
                let [by_partner, by_share] = EVENLY.map(|x| ((m + 1) as f64 * x).fract());
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a part of a length"
                )]
                let partner = of_part[(by_partner * of_part.len() as f64) as usize];
                let pairs = of_part[m % of_part.len()].iter().zip(partner).zip(&counts);
                // Nearer to the first of the two, whose counts and flags it has.
                let share = by_share / 2.0;
                values.extend(
                    pairs.map(|((x, y), &count)| if count { *x } else { x + share * (y - x) }),
                );
            }
            let mixed = values.len() / given.n_columns().max(1) - held.len();
            held.extend(core::iter::repeat_n(part, mixed));
        }
        Ok(Self {
            table: Table::new(given.columns().to_vec(), values)?,
            given: rows,
            held,
        })
    }
}

/// Which columns hold whole numbers alone.
fn counts(table: &Table) -> Vec<bool> {
    let whole = |column| table.column(column).all(|x| x.fract() == 0.0);
    (0..table.n_columns()).map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_mixed_to_many() {
        // A line of reals, and a flag that is 1 above 50.
        let row = |i: u32| [f64::from(i) + 0.5, f64::from(u8::from(i > 50))];
        let given = Table::from_rows(2, (0..100).flat_map(row).collect()).unwrap();
        let mixed = Mixed::new(&given, 5000).unwrap();
        assert_eq!(
            (mixed.given, mixed.table.n_rows(), mixed.held.len()),
            (100, 1000, 1000)
        );
        assert_eq!(mixed.held.iter().filter(|held| **held).count(), 250);
        for (at, row) in mixed.table.rows().enumerate() {
            assert!(
                (0.5..=99.5).contains(&row[0]) && [0.0, 1.0].contains(&row[1]),
                "row {at}: {row:?}"
            );
        }
        // Half of the way at most to another row: every part of the line is as full as the rows were.
        let low = mixed.table.column(0).filter(|x| *x < 50.0).count();
        assert!((450..550).contains(&low), "{low}");
    }

    #[test]
    fn what_is_held_out_is_not_fitted_to() {
        // Rows that are held out are those above 1000: no mixture is between.
        let value = |i: u32| f64::from(i) + if i % 4 == 3 { 1000.25 } else { 0.25 };
        let given = Table::from_rows(1, (0..200).map(value).collect()).unwrap();
        let mixed = Mixed::new(&given, 500).unwrap();
        assert_eq!(mixed.table.n_rows(), 500);
        for (row, held) in mixed.table.rows().zip(&mixed.held) {
            assert_eq!(row[0] > 500.0, *held, "{row:?}");
        }
    }

    #[test]
    fn many_rows_stay_as_they_are() {
        for (rows, most) in [(1000, 2000), (1500, 2000), (300, 300), (0, 100)] {
            let given = Table::from_rows(1, vec![0.5; rows]).unwrap();
            let mixed = Mixed::new(&given, most).unwrap();
            assert_eq!(
                (&mixed.table, mixed.given, mixed.held.len()),
                (&given, rows, rows)
            );
        }
        let few = Table::from_rows(1, vec![0.5; 10]).unwrap();
        assert!(!Mixed::new(&few, 100).unwrap().held.contains(&true));
    }
}
