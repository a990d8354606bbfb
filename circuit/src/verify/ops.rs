//! The rule of each operation: its structure, and the range of its result.

use alloc::vec::Vec;

use super::{Checked, VerifyError};
use crate::{
    Interval, Matrix, Port, Table, ValueId,
    limits::{MAX_MAGNITUDE, MAX_VALUE_LEN},
    matrix::Weights,
};

/// A sum of scaled intervals, with the largest magnitude that any of its partial sums, in any order, may reach.
pub(super) struct Sum {
    min: i128,
    max: i128,
    magnitude: i128,
}

impl Sum {
    pub(super) fn constant(value: i64) -> Self {
        let value = i128::from(value);
        Self {
            min: value,
            max: value,
            magnitude: value.abs(),
        }
    }

    /// Adds `weight * range`; `range` lies within +-2^63 and the product within +-2^126.
    pub(super) fn add(&mut self, range: Interval, weight: i64) {
        let weight = i128::from(weight);
        let (a, b) = (
            weight * i128::from(range.min),
            weight * i128::from(range.max),
        );
        // Where one of these saturates, `magnitude` is beyond the limit as well.
        self.min = self.min.saturating_add(a.min(b));
        self.max = self.max.saturating_add(a.max(b));
        self.magnitude = self.magnitude.saturating_add(a.abs().max(b.abs()));
    }

    fn interval(&self) -> Option<Interval> {
        let fits = self.magnitude <= i128::from(MAX_MAGNITUDE);
        let min = i64::try_from(self.min).ok().filter(|_| fits)?;
        Some(Interval::new(min, i64::try_from(self.max).ok()?))
    }
}

/// The ranges of a value whose elements are `sums`, if all of them are small enough.
pub(super) fn bounded(
    at: ValueId,
    sums: impl IntoIterator<Item = Sum, IntoIter: ExactSizeIterator>,
    errors: &mut Vec<VerifyError>,
) -> Checked {
    let sums = sums.into_iter();
    let len = sums.len();
    let mut ranges = Vec::with_capacity(len);
    for (element, sum) in sums.enumerate() {
        match sum.interval() {
            Some(range) => ranges.push(range),
            None => errors.push(VerifyError::Magnitude {
                at,
                element,
                reach: sum.magnitude,
            }),
        }
    }
    if ranges.len() == len {
        Checked::of_ranges(ranges)
    } else {
        Checked::of_len(len)
    }
}

pub(super) fn input(at: ValueId, port: &Port, errors: &mut Vec<VerifyError>) -> Checked {
    let before = errors.len();
    for (element, &range) in port.ranges.iter().enumerate() {
        if range.min > range.max {
            errors.push(VerifyError::EmptyRange { at, element, range });
        }
        let reach = i128::from(range.magnitude());
        if reach > i128::from(MAX_MAGNITUDE) {
            errors.push(VerifyError::Magnitude { at, element, reach });
        }
    }
    if errors.len() == before {
        Checked::of_ranges(port.ranges.clone())
    } else {
        Checked::of_len(port.ranges.len())
    }
}

pub(super) fn linear(
    at: ValueId,
    input: &Checked,
    weights: &Matrix,
    bias: &[i64],
    errors: &mut Vec<VerifyError>,
) -> Checked {
    let before = errors.len();
    let (rows, cols) = (weights.rows(), weights.cols());
    matrix(at, weights, errors);
    if bias.len() != rows {
        errors.push(VerifyError::BiasLength {
            at,
            len: bias.len(),
            expected: rows,
        });
    }
    if let Some(input_len) = input.len.filter(|&len| len != cols) {
        errors.push(VerifyError::MatrixColumns {
            at,
            cols,
            input_len,
        });
    }
    match &input.ranges {
        Some(ranges) if errors.len() == before => {
            let sum = |(row, &bias): (usize, &i64)| {
                let mut sum = Sum::constant(bias);
                weights
                    .row(row)
                    .for_each(|(col, weight)| sum.add(ranges[col], weight));
                sum
            };
            bounded(at, bias.iter().enumerate().map(sum), errors)
        }
        _ => Checked::of_len(rows),
    }
}

fn matrix(at: ValueId, matrix: &Matrix, errors: &mut Vec<VerifyError>) {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    match matrix.weights() {
        Weights::Dense(weights) => {
            if rows.checked_mul(cols) != Some(weights.len()) {
                errors.push(VerifyError::MatrixLength {
                    at,
                    rows,
                    cols,
                    len: weights.len(),
                });
            }
        }
        Weights::Sparse(entries) => {
            for &(row, col, _) in entries {
                if row as usize >= rows || col as usize >= cols {
                    errors.push(VerifyError::MatrixEntry {
                        at,
                        rows,
                        cols,
                        row,
                        col,
                    });
                }
            }
            for pair in entries.windows(2) {
                let (row, col, _) = pair[1];
                if (pair[0].0, pair[0].1) >= (row, col) {
                    errors.push(VerifyError::MatrixOrder { at, row, col });
                }
            }
        }
    }
}

/// `left + sign * right`.
pub(super) fn pair(
    at: ValueId,
    left: &Checked,
    right: &Checked,
    sign: i64,
    errors: &mut Vec<VerifyError>,
) -> Checked {
    if let (Some(left_len), Some(right_len)) = (left.len, right.len)
        && left_len != right_len
    {
        errors.push(VerifyError::LengthMismatch {
            at,
            left_len,
            right_len,
        });
        return Checked::UNKNOWN;
    }
    let len = left.len.or(right.len);
    let (Some(left), Some(right)) = (&left.ranges, &right.ranges) else {
        return Checked { len, ranges: None };
    };
    let sum = |(&left, &right): (&Interval, &Interval)| {
        let mut sum = Sum::constant(0);
        sum.add(left, 1);
        sum.add(right, sign);
        // One addition has no partial sums.
        sum.magnitude = sum.min.abs().max(sum.max.abs());
        sum
    };
    bounded(at, left.iter().zip(right).map(sum), errors)
}

pub(super) fn concat<'a>(inputs: impl Iterator<Item = &'a Checked>) -> Checked {
    let (mut len, mut ranges) = (Some(0_usize), Some(Vec::new()));
    for input in inputs {
        len = len.zip(input.len).map(|(a, b)| a.saturating_add(b));
        // Too long a value is refused, so its ranges are not needed.
        ranges = ranges
            .zip(input.ranges.as_ref())
            .and_then(|(mut all, more)| {
                all.extend_from_slice(more);
                (all.len() <= MAX_VALUE_LEN).then_some(all)
            });
    }
    Checked { len, ranges }
}

pub(super) fn slice(
    at: ValueId,
    input: &Checked,
    start: usize,
    len: usize,
    errors: &mut Vec<VerifyError>,
) -> Checked {
    let end = start.checked_add(len);
    if let Some(input_len) = input.len
        && end.is_none_or(|end| end > input_len)
    {
        errors.push(VerifyError::SliceOutOfBounds {
            at,
            start,
            len,
            input_len,
        });
    }
    let taken = end.and_then(|end| input.ranges.as_ref()?.get(start..end));
    Checked {
        len: Some(len),
        ranges: taken.map(<[_]>::to_vec),
    }
}

pub(super) fn lookup(
    at: ValueId,
    input: &Checked,
    tables: &[Table],
    errors: &mut Vec<VerifyError>,
) -> Checked {
    if let Some(input_len) = input.len.filter(|&len| len != tables.len()) {
        errors.push(VerifyError::TableCount {
            at,
            tables: tables.len(),
            input_len,
        });
        return Checked::of_len(tables.len());
    }
    let Some(inputs) = &input.ranges else {
        return Checked::of_len(tables.len());
    };
    let before = errors.len();
    let mut sums = Vec::with_capacity(tables.len());
    for (element, (table, &range)) in tables.iter().zip(inputs).enumerate() {
        let Some((&first, rest)) = table.over(range).and_then(<[_]>::split_first) else {
            let (min, len) = (table.min, table.values.len());
            errors.push(VerifyError::TableTooShort {
                at,
                element,
                min,
                len,
                range,
            });
            continue;
        };
        let min = rest.iter().copied().fold(first, i64::min);
        let max = rest.iter().copied().fold(first, i64::max);
        let mut sum = Sum::constant(0);
        sum.add(Interval::new(min, max), 1);
        sums.push(sum);
    }
    if errors.len() == before {
        bounded(at, sums, errors)
    } else {
        Checked::of_len(tables.len())
    }
}
