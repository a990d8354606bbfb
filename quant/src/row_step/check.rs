//! Whether a step makes sense where it stands.

use super::{Numbers, Other, RowStep};
use crate::QuantError;

impl<L: Numbers> RowStep<L> {
    /// Checks a step that `known` values stand before, columns and earlier steps together.
    ///
    /// # Errors
    /// [`QuantError::Step`] for a value that is not there yet, and for numbers that are not finite, not in order, or no scale.
    pub fn check(&self, known: usize) -> Result<(), QuantError> {
        let refuse = |reason| Err(QuantError::Step { reason });
        let there = |&(first, count): &(usize, usize)| {
            first.checked_add(count).is_some_and(|end| end <= known)
        };
        if !self.reads().iter().all(there) {
            return refuse("it reads a value that is not there yet");
        }
        let sound = match self {
            Self::Affine { center, scale, .. } => {
                if *scale == 0.0 || !scale.is_normal() {
                    return refuse("its scale is 0 or not a normal number");
                }
                center.is_finite()
            }
            Self::Fill { value, .. } | Self::Equals { value, .. } | Self::Constant { value } => {
                value.is_finite()
            }
            Self::Clip { min, max, .. } => {
                if min > max {
                    return refuse("the least of its range is above the greatest");
                }
                min.is_finite() && max.is_finite()
            }
            Self::IsMissing { .. } | Self::Product { .. } => true,
            Self::Code {
                categories: list,
                unknown,
                missing,
                ..
            } => {
                ordered(list, |a, b| a < b)?;
                is_number(*unknown) && is_number(*missing)
            }
            Self::Bins { cuts: list, .. } => ordered(list, |a, b| a < b).map(|()| true)?,
            Self::Quantiles { quantiles, .. } => {
                if quantiles.count() == 0 {
                    return refuse("it has no quantiles");
                }
                ordered(quantiles, |a, b| a <= b).map(|()| true)?
            }
            Self::Power { lambda, .. } => lambda.is_finite(),
            Self::Dot { weights, .. } => {
                if weights.count() == 0 {
                    return refuse("it has no weights");
                }
                (0..weights.count()).all(|index| weights.number(index).is_finite())
            }
        };
        if sound {
            Ok(())
        } else {
            refuse("one of its numbers is not finite")
        }
    }
}

fn is_number(other: Other) -> bool {
    match other {
        Other::Refuse | Other::Missing => true,
        Other::Value(value) => value.is_finite(),
    }
}

/// Finite numbers in this order.
fn ordered(list: &impl Numbers, order: impl Fn(f64, f64) -> bool) -> Result<(), QuantError> {
    let refuse = |reason| Err(QuantError::Step { reason });
    if !(0..list.count()).all(|index| list.number(index).is_finite()) {
        return refuse("one of its numbers is not finite");
    }
    if (1..list.count()).all(|index| order(list.number(index - 1), list.number(index))) {
        Ok(())
    } else {
        refuse("its numbers are not in increasing order")
    }
}
