//! What a client does to a row before it makes codes of it.

use tenebra_quant::{Numbers, Other, QuantError, RowStep};

use super::error::SpecError;
use super::{ClientSpec, MAX_PORT};
use crate::cursor::Cursor;
use crate::ports::Section;

/// A step whose lists stay in the spec's bytes.
pub type Step<'a> = RowStep<List<'a>>;

/// Numbers in a spec's bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct List<'a> {
    bytes: &'a [u8],
}

impl Numbers for List<'_> {
    fn count(&self) -> usize {
        self.bytes.len() / 8
    }

    fn number(&self, index: usize) -> f64 {
        let number = index.checked_mul(8).and_then(|at| self.bytes.get(at..));
        let number = number.and_then(|bytes| Cursor::new(bytes).f64());
        number.unwrap_or(f64::NAN)
    }
}

/// Version of the block.
#[cfg(feature = "alloc")]
const VERSION: u8 = 1;
const MALFORMED: SpecError = SpecError::Malformed("preprocessing");

impl<'a> ClientSpec<'a> {
    /// What is done to a row before its codes are made: value `columns + i` is that of step `i`, and the inputs name such values as
    /// their columns.
    pub fn steps(&self) -> impl Iterator<Item = Step<'a>> + Clone + use<'a> {
        let steps = self.facts.ports.steps;
        let mut cursor = Cursor::new(steps.bytes(self.payload));
        // The section was read once by `parse`, so none of its records fails now.
        (0..steps.count).map_while(move |_| read_step(&mut cursor))
    }

    /// Values of a row, columns and steps together: the scratch that [`quantize_with`](Self::quantize_with) needs.
    #[must_use]
    pub fn values_len(&self) -> usize {
        self.columns() + self.facts.ports.steps.count as usize
    }

    /// The first column that a value depends on; 0 for a constant.
    #[must_use]
    pub fn column_of(&self, mut value: usize) -> usize {
        while let Some(step) = value
            .checked_sub(self.columns())
            .and_then(|step| self.steps().nth(step))
        {
            let [(first, count), _] = step.reads();
            if count == 0 {
                return 0;
            }
            value = first;
        }
        value
    }

    /// All values of a row, its columns first.
    ///
    /// # Errors
    /// The first column that a value depends on which a step refuses, and why.
    ///
    /// # Panics
    /// If the row is not as long as there are columns, or `values` not [`values_len`](Self::values_len).
    pub fn run_steps(&self, row: &[f64], values: &mut [f64]) -> Result<(), (usize, QuantError)> {
        let columns = self.columns();
        values[..columns].copy_from_slice(row);
        tenebra_quant::run_steps(self.steps(), columns, values)
            .map_err(|(step, source)| (self.column_of(columns + step), source))
    }
}

/// A block behind its length; none has the length 0.
pub(super) fn read(cursor: &mut Cursor<'_>, columns: u32) -> Result<Section, SpecError> {
    let len = cursor.u32().ok_or(MALFORMED)? as usize;
    if len == 0 {
        return Section::read(cursor, 0, "preprocessing", |_, _| Ok(()));
    }
    let before = cursor.rest().len();
    match cursor.u8().ok_or(MALFORMED)? {
        1 if cfg!(feature = "preprocessing") => {}
        found => return Err(SpecError::UnknownPreprocessing(found)),
    }
    let (min, max) = (1, MAX_PORT.saturating_sub(columns));
    let count = cursor.u32().ok_or(MALFORMED)?;
    if count < min || count > max {
        return Err(SpecError::Count {
            what: "number of steps of preprocessing",
            value: count,
            min,
            max,
        });
    }
    let section = Section::read(cursor, count, "preprocessing", |cursor, index| {
        let step = read_step(cursor).ok_or(MALFORMED)?;
        let known = columns.saturating_add(index) as usize;
        step.check(known).map_err(|source| SpecError::Step {
            step: index,
            source,
        })
    })?;
    if before - cursor.rest().len() == len {
        Ok(section)
    } else {
        Err(MALFORMED)
    }
}

/// None is read without the feature, so that the code of the steps is left out.
fn read_step<'a>(cursor: &mut Cursor<'a>) -> Option<Step<'a>> {
    if cfg!(not(feature = "preprocessing")) {
        return None;
    }
    let op = cursor.u8()?;
    if op == CONSTANT {
        let value = cursor.f64()?;
        return Some(RowStep::Constant { value });
    }
    let from = cursor.u32()? as usize;
    Some(match op {
        AFFINE => RowStep::Affine {
            from,
            center: cursor.f64()?,
            scale: cursor.f64()?,
        },
        FILL => RowStep::Fill {
            from,
            value: cursor.f64()?,
        },
        CLIP => RowStep::Clip {
            from,
            min: cursor.f64()?,
            max: cursor.f64()?,
        },
        IS_MISSING => RowStep::IsMissing { from },
        EQUALS => RowStep::Equals {
            from,
            value: cursor.f64()?,
        },
        CODE => RowStep::Code {
            from,
            categories: read_list(cursor)?,
            unknown: read_other(cursor)?,
            missing: read_other(cursor)?,
        },
        BINS => RowStep::Bins {
            from,
            cuts: read_list(cursor)?,
        },
        QUANTILES => RowStep::Quantiles {
            from,
            quantiles: read_list(cursor)?,
            normal: match cursor.u8()? {
                0 => false,
                1 => true,
                _ => return None,
            },
        },
        POWER => RowStep::Power {
            from,
            lambda: cursor.f64()?,
        },
        DOT => RowStep::Dot {
            first: from,
            weights: read_list(cursor)?,
        },
        PRODUCT => RowStep::Product {
            left: from,
            right: cursor.u32()? as usize,
        },
        _ => return None,
    })
}

fn read_list<'a>(cursor: &mut Cursor<'a>) -> Option<List<'a>> {
    let count = cursor.u32()? as usize;
    let bytes = cursor.take(count.checked_mul(8)?)?;
    Some(List { bytes })
}

fn read_other(cursor: &mut Cursor<'_>) -> Option<Other> {
    Some(match cursor.u8()? {
        0 => Other::Refuse,
        1 => Other::Missing,
        2 => Other::Value(cursor.f64()?),
        _ => return None,
    })
}

const AFFINE: u8 = 0;
const FILL: u8 = 1;
const CLIP: u8 = 2;
const IS_MISSING: u8 = 3;
const EQUALS: u8 = 4;
const CODE: u8 = 5;
const BINS: u8 = 6;
const QUANTILES: u8 = 7;
const POWER: u8 = 8;
const DOT: u8 = 9;
const PRODUCT: u8 = 10;
const CONSTANT: u8 = 11;

#[cfg(feature = "alloc")]
mod write {
    use alloc::vec::Vec;

    use super::*;

    /// Appends the block; the counterpart of [`read`].
    pub(in crate::spec) fn block(out: &mut Vec<u8>, steps: &[RowStep<Vec<f64>>]) {
        let mut block = Vec::new();
        if !steps.is_empty() {
            block.push(VERSION);
            count(&mut block, steps.len());
            steps.iter().for_each(|one| step(&mut block, one));
        }
        count(out, block.len());
        out.extend(block);
    }

    /// More than fit are refused when the finished spec is parsed.
    fn count(out: &mut Vec<u8>, count: usize) {
        out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn numbers(out: &mut Vec<u8>, numbers: &[f64]) {
        numbers.iter().for_each(|x| out.extend(x.to_le_bytes()));
    }

    fn list(out: &mut Vec<u8>, list: &[f64]) {
        count(out, list.len());
        numbers(out, list);
    }

    fn other(out: &mut Vec<u8>, other: Other) {
        match other {
            Other::Refuse => out.push(0),
            Other::Missing => out.push(1),
            Other::Value(value) => {
                out.push(2);
                numbers(out, &[value]);
            }
        }
    }

    fn step(out: &mut Vec<u8>, step: &RowStep<Vec<f64>>) {
        let mut head = |op: u8, from: usize| {
            out.push(op);
            count(out, from);
        };
        match step {
            RowStep::Affine {
                from,
                center,
                scale,
            } => {
                head(AFFINE, *from);
                numbers(out, &[*center, *scale]);
            }
            RowStep::Fill { from, value } => {
                head(FILL, *from);
                numbers(out, &[*value]);
            }
            RowStep::Clip { from, min, max } => {
                head(CLIP, *from);
                numbers(out, &[*min, *max]);
            }
            RowStep::IsMissing { from } => head(IS_MISSING, *from),
            RowStep::Equals { from, value } => {
                head(EQUALS, *from);
                numbers(out, &[*value]);
            }
            RowStep::Code {
                from,
                categories,
                unknown,
                missing,
            } => {
                head(CODE, *from);
                list(out, categories);
                other(out, *unknown);
                other(out, *missing);
            }
            RowStep::Bins { from, cuts } => {
                head(BINS, *from);
                list(out, cuts);
            }
            RowStep::Quantiles {
                from,
                quantiles,
                normal,
            } => {
                head(QUANTILES, *from);
                list(out, quantiles);
                out.push(u8::from(*normal));
            }
            RowStep::Power { from, lambda } => {
                head(POWER, *from);
                numbers(out, &[*lambda]);
            }
            RowStep::Dot { first, weights } => {
                head(DOT, *first);
                list(out, weights);
            }
            RowStep::Product { left, right } => {
                head(PRODUCT, *left);
                count(out, *right);
            }
            RowStep::Constant { value } => {
                out.push(CONSTANT);
                numbers(out, &[*value]);
            }
        }
    }
}

#[cfg(feature = "alloc")]
pub(super) use write::block;
