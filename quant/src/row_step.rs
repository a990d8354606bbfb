//! What is done to a row before its values become codes.
//!
//! A row of `c` columns is followed by one value a step: step `i` reads columns and the values of earlier steps, and gives value
//! `c + i`. Inputs of a circuit name any of these values as their column. The client, the simulator and the float model run these
//! same functions, with [`libm`] on every platform, so that they agree to the bit.

mod check;
mod functions;

use crate::QuantError;

/// A list of finite numbers, wherever it is: in memory, or in the bytes of a file.
pub trait Numbers {
    /// How many there are.
    fn count(&self) -> usize;

    /// Number `index`, which is below [`count`](Self::count).
    fn number(&self, index: usize) -> f64;
}

impl Numbers for &[f64] {
    fn count(&self) -> usize {
        self.len()
    }

    fn number(&self, index: usize) -> f64 {
        self[index]
    }
}

#[cfg(feature = "alloc")]
impl Numbers for alloc::vec::Vec<f64> {
    fn count(&self) -> usize {
        self.len()
    }

    fn number(&self, index: usize) -> f64 {
        self[index]
    }
}

/// What becomes of a value that a list of categories does not hold.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Other {
    /// The row is refused.
    Refuse,
    /// A missing value.
    Missing,
    /// This finite number.
    Value(f64),
}

/// One step: a function of earlier values of the row. A missing value (NaN) stays one unless the step says otherwise.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case", tag = "op", deny_unknown_fields)
)]
pub enum RowStep<L> {
    /// `(x - center) / scale`, the scale not 0.
    Affine {
        /// The value that it reads.
        from: usize,
        /// What is subtracted.
        center: f64,
        /// What it is divided by.
        scale: f64,
    },
    /// A number for a missing value.
    Fill {
        /// The value that it reads.
        from: usize,
        /// The number.
        value: f64,
    },
    /// The nearest number of a range.
    Clip {
        /// The value that it reads.
        from: usize,
        /// Least of the range.
        min: f64,
        /// Greatest of the range, not below the least.
        max: f64,
    },
    /// 1 for a missing value, 0 for any other.
    IsMissing {
        /// The value that it reads.
        from: usize,
    },
    /// 1 for this number, 0 for any other value.
    Equals {
        /// The value that it reads.
        from: usize,
        /// The number.
        value: f64,
    },
    /// The place of a number in a list, from 0.
    Code {
        /// The value that it reads.
        from: usize,
        /// Strictly increasing.
        categories: L,
        /// What becomes of other numbers.
        unknown: Other,
        /// What becomes of missing values.
        missing: Other,
    },
    /// The number of cut points that are at most the value.
    Bins {
        /// The value that it reads.
        from: usize,
        /// Strictly increasing.
        cuts: L,
    },
    /// Which share of a distribution lies below: linear between quantiles, in `[0, 1]`, or the quantile of that share in the
    /// standard normal distribution, within ±5.2.
    Quantiles {
        /// The value that it reads.
        from: usize,
        /// Quantiles of shares `i / (n - 1)`, not decreasing, at least one.
        quantiles: L,
        /// Whether the result is a quantile of the normal distribution.
        normal: bool,
    },
    /// Yeo and Johnson's power transformation (2000, eq. 2.1).
    Power {
        /// The value that it reads.
        from: usize,
        /// The exponent.
        lambda: f64,
    },
    /// The sum of consecutive values, each times its weight, added in their order.
    Dot {
        /// The first value that it reads.
        first: usize,
        /// At least one.
        weights: L,
    },
    /// The product of two values.
    Product {
        /// One of them.
        left: usize,
        /// The other.
        right: usize,
    },
    /// A number.
    Constant {
        /// The number.
        value: f64,
    },
}

impl<L: Numbers> RowStep<L> {
    /// The value of the step for a row, of which `values` are the columns and the values of earlier steps.
    ///
    /// # Errors
    /// [`QuantError::NotFinite`] for an infinite value, [`QuantError::UnknownCategory`] for one that is to be refused.
    ///
    /// # Panics
    /// If it reads a value that is not there; see [`check`](Self::check).
    pub fn evaluate(&self, values: &[f64]) -> Result<f64, QuantError> {
        match self {
            Self::Dot { first, weights } => {
                let values = &values[*first..*first + weights.count()];
                let mut sum = 0.0;
                for (index, value) in values.iter().enumerate() {
                    sum += finite_or_missing(*value)? * weights.number(index);
                }
                Ok(sum)
            }
            Self::Product { left, right } => {
                Ok(finite_or_missing(values[*left])? * finite_or_missing(values[*right])?)
            }
            Self::Constant { value } => Ok(*value),
            _ => {
                let x = self.operand().map_or(f64::NAN, |from| values[from]);
                self.of_one(finite_or_missing(x)?)
            }
        }
    }

    /// The value of a step that reads a single one.
    fn of_one(&self, x: f64) -> Result<f64, QuantError> {
        let flag = |is: bool| Ok(f64::from(u8::from(is)));
        match self {
            Self::Fill { value, .. } => Ok(if x.is_nan() { *value } else { x }),
            Self::IsMissing { .. } => flag(x.is_nan()),
            Self::Equals { value, .. } => flag(x == *value),
            Self::Code {
                categories,
                unknown,
                missing,
                ..
            } => functions::code(x, categories, *unknown, *missing),
            _ if x.is_nan() => Ok(x),
            Self::Affine { center, scale, .. } => Ok((x - center) / scale),
            Self::Clip { min, max, .. } => Ok(if x < *min {
                *min
            } else if x > *max {
                *max
            } else {
                x
            }),
            Self::Bins { cuts, .. } => {
                Ok(functions::count(functions::partition(cuts, |cut| cut <= x)))
            }
            Self::Quantiles {
                quantiles, normal, ..
            } => Ok(functions::quantile(x, quantiles, *normal)),
            Self::Power { lambda, .. } => Ok(functions::yeo_johnson(x, *lambda)),
            Self::Dot { .. } | Self::Product { .. } | Self::Constant { .. } => Ok(f64::NAN),
        }
    }

    /// The value that a step of a single one reads.
    #[must_use]
    pub fn operand(&self) -> Option<usize> {
        match self {
            Self::Affine { from, .. }
            | Self::Fill { from, .. }
            | Self::Clip { from, .. }
            | Self::IsMissing { from }
            | Self::Equals { from, .. }
            | Self::Code { from, .. }
            | Self::Bins { from, .. }
            | Self::Quantiles { from, .. }
            | Self::Power { from, .. } => Some(*from),
            Self::Dot { .. } | Self::Product { .. } | Self::Constant { .. } => None,
        }
    }

    /// The same step, reading its values where `place` says that they are now; consecutive ones must stay so.
    #[must_use]
    pub fn relocated(mut self, place: impl Fn(usize) -> usize) -> Self {
        match &mut self {
            Self::Affine { from, .. }
            | Self::Fill { from, .. }
            | Self::Clip { from, .. }
            | Self::IsMissing { from }
            | Self::Equals { from, .. }
            | Self::Code { from, .. }
            | Self::Bins { from, .. }
            | Self::Quantiles { from, .. }
            | Self::Power { from, .. } => *from = place(*from),
            Self::Dot { first, .. } => *first = place(*first),
            Self::Product { left, right } => {
                *left = place(*left);
                *right = place(*right);
            }
            Self::Constant { .. } => {}
        }
        self
    }

    /// All values that it reads, as far as they are consecutive: first and count, twice.
    #[must_use]
    pub fn reads(&self) -> [(usize, usize); 2] {
        match self {
            Self::Dot { first, weights } => [(*first, weights.count()), (0, 0)],
            Self::Product { left, right } => [(*left, 1), (*right, 1)],
            _ => [self.operand().map_or((0, 0), |from| (from, 1)), (0, 0)],
        }
    }
}

fn finite_or_missing(value: f64) -> Result<f64, QuantError> {
    if value.is_infinite() {
        return Err(QuantError::NotFinite { value });
    }
    Ok(value)
}

/// Fills `values` behind the columns of a row, which are its first ones.
///
/// # Errors
/// As [`RowStep::evaluate`], with the step, from 0.
///
/// # Panics
/// If `values` has another length than columns and steps together.
pub fn run_steps<L: Numbers>(
    steps: impl Iterator<Item = impl core::borrow::Borrow<RowStep<L>>>,
    columns: usize,
    values: &mut [f64],
) -> Result<(), (usize, QuantError)> {
    for (index, step) in steps.enumerate() {
        let (known, rest) = values.split_at_mut(columns + index);
        rest[0] = step
            .borrow()
            .evaluate(known)
            .map_err(|source| (index, source))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
