//! Small verified circuits from a stream of choices, for fuzzing and for property tests.

mod network;

use alloc::{format, vec, vec::Vec};

use arbitrary::{Arbitrary, Error, Result, Unstructured};

use crate::{
    Circuit, Forest, Interval, Matrix, Op, OpKind, Output, Port, Table, Tree, TreeNode, ValueId,
    Verified, verify::Checker,
};

pub use network::{HiddenLimits, NetworkLimits, network};

/// How large generated circuits may be, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Operations besides the inputs. One that would break another limit is left out, so there may be fewer.
    pub ops: usize,
    /// Elements of a value.
    pub len: usize,
    /// Bits of an input's range.
    pub input_bits: u32,
    /// Bits of any value's range.
    pub bits: u32,
    /// Trees of a forest.
    pub trees: usize,
    /// Splits of a tree.
    pub splits: usize,
    /// The operations to choose from; [`OpKind::Input`] is understood.
    pub kinds: Vec<OpKind>,
    /// Whether lookups and forests read inputs alone, and not values computed from them.
    pub decide_on_inputs: bool,
}

impl Limits {
    /// Every operation, a few elements each: quick to run anywhere.
    #[must_use]
    pub fn small() -> Self {
        use OpKind::{Add, Concat, Forest, Linear, Lookup, Neg, Slice, Sub};
        Self {
            ops: 6,
            len: 6,
            input_bits: 4,
            bits: 20,
            trees: 4,
            splits: 8,
            kinds: vec![Linear, Add, Sub, Neg, Concat, Slice, Lookup, Forest],
            decide_on_inputs: false,
        }
    }

    /// As [`small`](Self::small), without lookups and forests.
    #[must_use]
    pub fn linear() -> Self {
        let mut limits = Self::small();
        limits.kinds.retain(|kind| kind.is_linear());
        limits
    }

    /// As [`small`](Self::small), but lookups and forests read inputs alone.
    #[must_use]
    pub fn decisions_on_inputs() -> Self {
        Self {
            decide_on_inputs: true,
            ..Self::small()
        }
    }
}

/// A verified circuit within `limits`.
///
/// # Errors
/// Those of [`Unstructured`], which gives zeros rather than errors when it runs out of bytes, and
/// [`arbitrary::Error::IncorrectFormat`] for limits that allow no input.
pub fn circuit(u: &mut Unstructured<'_>, limits: &Limits) -> Result<Verified> {
    let mut growing = Growing {
        limits,
        ops: Vec::new(),
        checker: Checker::default(),
    };
    for port in 0..u.int_in_range(1..=2)? {
        let ranges = list(u, 1..=limits.len, |u| input_range(u, limits.input_bits))?;
        growing.push(Op::Input(Port {
            name: format!("x{port}"),
            ranges,
        }));
    }
    for _ in 0..u.int_in_range(0..=limits.ops)? {
        if let Some(op) = growing.op(u)? {
            growing.push(op);
        }
    }
    let Some(last) = growing.ops.len().checked_sub(1) else {
        return Err(Error::IncorrectFormat);
    };
    let mut outputs = vec![Output {
        name: "y".into(),
        value: ValueId::after(last),
    }];
    if u.ratio(1, 4)? {
        outputs.push(Output {
            name: "z".into(),
            value: growing.any_value(u)?,
        });
    }
    let circuit = Circuit {
        ops: growing.ops,
        outputs,
    };
    // Operations that do not verify were left out.
    Verified::try_from(circuit).map_err(|_| Error::IncorrectFormat)
}

/// Codes within the ranges of `circuit`'s inputs, their ends often enough.
///
/// # Errors
/// As [`circuit`].
pub fn codes(u: &mut Unstructured<'_>, circuit: &Verified) -> Result<Vec<i64>> {
    let code = |range: Interval| {
        Ok(match u.int_in_range(0_u8..=3)? {
            0 => range.min,
            1 => range.max,
            _ => u.int_in_range(range.min..=range.max)?,
        })
    };
    circuit.input_ranges().into_iter().map(code).collect()
}

impl<'a> Arbitrary<'a> for Verified {
    /// A circuit within [`Limits::small`].
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        circuit(u, &Limits::small())
    }
}

/// A circuit so far, and what the verifier knows of it.
struct Growing<'l> {
    limits: &'l Limits,
    ops: Vec<Op>,
    checker: Checker,
}

impl Growing<'_> {
    /// Appends `op` if it verifies within the limits.
    fn push(&mut self, op: Op) {
        self.checker.push(&op);
        let fits = |ranges: &Vec<Interval>| {
            let narrow = ranges.iter().all(|range| range.bits() <= self.limits.bits);
            narrow && ranges.len() <= self.limits.len
        };
        let ranges = self
            .checker
            .values
            .last()
            .and_then(|value| value.ranges.as_ref());
        if ranges.is_some_and(fits) && self.checker.errors.is_empty() {
            self.ops.push(op);
        } else {
            self.checker.values.pop();
            self.checker.errors.clear();
        }
    }

    fn ranges(&self, value: ValueId) -> &[Interval] {
        self.checker.values[value.index()]
            .ranges
            .as_deref()
            .unwrap_or(&[])
    }

    fn any_value(&self, u: &mut Unstructured<'_>) -> Result<ValueId> {
        // Later values are chosen more often, which makes circuits deep.
        let last = self.ops.len() - 1;
        let back = u.int_in_range(0..=last)?.min(u.int_in_range(0..=last)?);
        Ok(ValueId::after(last - back))
    }

    /// What a lookup or a forest reads, if the limits allow any.
    fn decided_on(&self, u: &mut Unstructured<'_>) -> Result<Option<ValueId>> {
        const MAX_TABLE_BITS: u32 = 8;
        let value = self.any_value(u)?;
        let small = self
            .ranges(value)
            .iter()
            .all(|range| range.bits() <= MAX_TABLE_BITS);
        let is_input = matches!(self.ops[value.index()], Op::Input(_));
        Ok((small && (is_input || !self.limits.decide_on_inputs)).then_some(value))
    }

    fn op(&self, u: &mut Unstructured<'_>) -> Result<Option<Op>> {
        let len = self.limits.len;
        Ok(Some(match *u.choose(&self.limits.kinds)? {
            OpKind::Input => return Ok(None),
            OpKind::Linear => {
                let input = self.any_value(u)?;
                let cols = self.ranges(input).len();
                let bias = list(u, 1..=len, |u| u.int_in_range(-20..=20))?;
                let weights = matrix(u, bias.len(), cols)?;
                Op::Linear {
                    input,
                    weights,
                    bias,
                }
            }
            OpKind::Add => Op::Add {
                left: self.any_value(u)?,
                right: self.any_value(u)?,
            },
            OpKind::Sub => Op::Sub {
                left: self.any_value(u)?,
                right: self.any_value(u)?,
            },
            OpKind::Neg => Op::Neg {
                input: self.any_value(u)?,
            },
            OpKind::Concat => Op::Concat {
                inputs: list(u, 1..=3, |u| self.any_value(u))?,
            },
            OpKind::Slice => {
                let input = self.any_value(u)?;
                let last = self.ranges(input).len() - 1;
                let start = u.int_in_range(0..=last)?;
                Op::Slice {
                    input,
                    start,
                    len: u.int_in_range(1..=last - start + 1)?,
                }
            }
            OpKind::Lookup => {
                let Some(input) = self.decided_on(u)? else {
                    return Ok(None);
                };
                let tables = self.ranges(input).iter().map(|&range| table(u, range));
                Op::Lookup {
                    input,
                    tables: tables.collect::<Result<_>>()?,
                }
            }
            OpKind::Forest => {
                let Some(input) = self.decided_on(u)? else {
                    return Ok(None);
                };
                let bias = list(u, 1..=len.min(3), leaf_value)?;
                let trees = list(u, 0..=self.limits.trees, |u| {
                    tree(u, self.ranges(input), bias.len(), self.limits.splits)
                })?;
                Op::Forest {
                    input,
                    forest: Forest {
                        outputs: bias.len(),
                        trees,
                        bias,
                    },
                }
            }
        }))
    }
}

fn list<T>(
    u: &mut Unstructured<'_>,
    len: core::ops::RangeInclusive<usize>,
    mut item: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(len)?).map(|_| item(u)).collect()
}

fn input_range(u: &mut Unstructured<'_>, bits: u32) -> Result<Interval> {
    let min = u.int_in_range(-4..=4)?;
    Ok(Interval::new(
        min,
        min + u.int_in_range(0..=(1_i64 << bits) - 1)?,
    ))
}

fn matrix(u: &mut Unstructured<'_>, rows: usize, cols: usize) -> Result<Matrix> {
    let weights = (0..rows * cols)
        .map(|_| u.int_in_range(-7..=7))
        .collect::<Result<Vec<i64>>>()?;
    if u.arbitrary()? {
        return Ok(Matrix::dense(rows, cols, weights));
    }
    let place = |(index, weight)| (index / cols, index % cols, weight);
    Ok(Matrix::from_entries(
        rows,
        cols,
        weights.into_iter().enumerate().map(place).collect(),
    ))
}

/// A table over `range`, perhaps with more entries on either side.
fn table(u: &mut Unstructured<'_>, range: Interval) -> Result<Table> {
    let min = range.min - u.int_in_range(0..=2)?;
    let max = range.max + u.int_in_range(0..=2)?;
    let values = (min..=max).map(|_| leaf_value(u)).collect::<Result<_>>()?;
    Ok(Table { min, values })
}

fn leaf_value(u: &mut Unstructured<'_>) -> Result<i64> {
    u.int_in_range(-50..=50)
}

/// Splits leaves of a tree that is one leaf at first; some thresholds lie outside of `ranges` or contradict each other.
fn tree(
    u: &mut Unstructured<'_>,
    ranges: &[Interval],
    outputs: usize,
    max_splits: usize,
) -> Result<Tree> {
    let leaf = |u: &mut Unstructured<'_>| {
        let values = (0..outputs).map(|_| leaf_value(u)).collect::<Result<_>>();
        values.map(TreeNode::Leaf)
    };
    let mut nodes = vec![leaf(u)?];
    let mut leaves = vec![0];
    for _ in 0..u.int_in_range(0..=max_splits)? {
        let feature = u.choose_index(ranges.len())?;
        let range = ranges[feature];
        let threshold = u.int_in_range(range.min - 1..=range.max + 2)?;
        let split = leaves.swap_remove(u.choose_index(leaves.len())?);
        let children = [nodes.len(), nodes.len() + 1];
        nodes.push(leaf(u)?);
        nodes.push(leaf(u)?);
        leaves.extend(children);
        let [feature, left, right] =
            [feature, children[0], children[1]].map(crate::matrix::small_index);
        nodes[split] = TreeNode::Split {
            feature,
            threshold,
            left,
            right,
        };
    }
    Ok(Tree { nodes })
}
