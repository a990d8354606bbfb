//! Circuits that are one affine map.

use alloc::{vec, vec::Vec};

use crate::{Matrix, Op, Verified};

/// A whole circuit as one affine map: `outputs = weights · inputs + bias`, ports laid out in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearForm {
    /// One row per output element, one column per input code.
    pub weights: Matrix,
    /// One entry per output element.
    pub bias: Vec<i64>,
}

/// The affine map that a circuit without lookups and forests computes.
///
/// `None` if it has one of them, or if a composed weight does not fit an `i64`; that takes weights which cancel far
/// beyond the ranges of the inputs, and no model has them. The map's partial sums may then be larger than those of the
/// circuit it came from, so add up modulo 2^64; the sums are those of the circuit.
///
/// One backward sweep per output element, each linear in the circuit's size.
#[must_use]
pub fn linear_form(verified: &Verified) -> Option<LinearForm> {
    let circuit = verified.circuit();
    if !circuit.ops.iter().all(|op| op.kind().is_linear()) {
        return None;
    }
    let (mut entries, mut bias) = (Vec::new(), Vec::new());
    let mut sweep = Sweep::new(verified);
    for output in &circuit.outputs {
        for element in 0..verified.ranges(output.value).len() {
            let row = bias.len();
            sweep.factors[output.value.index()][element] = 1;
            bias.push(sweep.run(verified, row, &mut entries)?);
        }
    }
    Some(LinearForm {
        weights: Matrix::from_entries(bias.len(), sweep.cols, entries),
        bias,
    })
}

/// With which factor each element of each value enters one output element.
struct Sweep {
    factors: Vec<Vec<i128>>,
    /// Number of input codes.
    cols: usize,
}

impl Sweep {
    fn new(verified: &Verified) -> Self {
        let zeros = |index| vec![0; verified.ranges(crate::ValueId::after(index)).len()];
        Self {
            factors: (0..verified.circuit().ops.len()).map(zeros).collect(),
            cols: verified.inputs().iter().map(|port| port.ranges.len()).sum(),
        }
    }

    /// Moves the factors from every value to its operands, last to first, until only those of the inputs are left;
    /// takes these into `entries` and returns the constant. All factors are zero afterwards.
    fn run(
        &mut self,
        verified: &Verified,
        row: usize,
        entries: &mut Vec<(usize, usize, i64)>,
    ) -> Option<i64> {
        let mut constant = 0_i128;
        let mut cols_after = self.cols;
        for (index, op) in verified.circuit().ops.iter().enumerate().rev() {
            // Operands come earlier, so a split gives both.
            let (earlier, this) = self.factors.split_at_mut(index);
            let factors = &mut this[0];
            if let Op::Input(_) = op {
                cols_after -= factors.len();
            }
            if factors.iter().all(|&factor| factor == 0) {
                continue;
            }
            match op {
                Op::Input(_) => {
                    for (i, &factor) in factors.iter().enumerate().filter(|&(_, &f)| f != 0) {
                        entries.push((row, cols_after + i, i64::try_from(factor).ok()?));
                    }
                }
                Op::Linear {
                    input,
                    weights,
                    bias,
                } => {
                    let input = &mut earlier[input.index()];
                    for (i, &factor) in factors.iter().enumerate().filter(|&(_, &f)| f != 0) {
                        constant = constant.checked_add(factor.checked_mul(bias[i].into())?)?;
                        for (col, weight) in weights.row(i) {
                            add_to(&mut input[col], factor.checked_mul(weight.into())?)?;
                        }
                    }
                }
                Op::Add { left, right } => {
                    add_all(&mut earlier[left.index()], factors, 1)?;
                    add_all(&mut earlier[right.index()], factors, 1)?;
                }
                Op::Sub { left, right } => {
                    add_all(&mut earlier[left.index()], factors, 1)?;
                    add_all(&mut earlier[right.index()], factors, -1)?;
                }
                Op::Neg { input } => add_all(&mut earlier[input.index()], factors, -1)?,
                Op::Concat { inputs } => {
                    let mut rest = factors.as_slice();
                    for input in inputs {
                        let input = &mut earlier[input.index()];
                        let (part, after) = rest.split_at(input.len());
                        add_all(input, part, 1)?;
                        rest = after;
                    }
                }
                Op::Slice { input, start, len } => {
                    add_all(&mut earlier[input.index()][*start..start + len], factors, 1)?;
                }
                Op::Lookup { .. } | Op::Forest { .. } => return None,
            }
            factors.fill(0);
        }
        i64::try_from(constant).ok()
    }
}

fn add_all(to: &mut [i128], factors: &[i128], sign: i128) -> Option<()> {
    to.iter_mut()
        .zip(factors)
        .try_for_each(|(to, &factor)| add_to(to, factor.checked_mul(sign)?))
}

fn add_to(to: &mut i128, term: i128) -> Option<()> {
    *to = to.checked_add(term)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CircuitBuilder, Interval, Table, verify};

    #[test]
    fn composes_every_linear_operation() {
        // x = (a, b, c); s = x[1..3] = (b, c); l = [2 3; 0 -1]·s + (10, 20) = (2b + 3c + 10, -c + 20)
        // n = -l; d = s - n = (b + 2b + 3c + 10, c - c + 20) = (3b + 3c + 10, 20)
        // y = concat(d, x) + concat(x, l)' with lengths 5 = (3b+3c+10+a, 20+b, a+c, b+2b+3c+10, c-c+20)
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::new(-8, 7); 3]);
        let s = b.slice(x, 1, 2);
        let l = b.linear(s, Matrix::dense(2, 2, vec![2, 3, 0, -1]), vec![10, 20]);
        let n = b.neg(l);
        let d = b.sub(s, n);
        let left = b.concat(vec![d, x]);
        let right = b.concat(vec![x, l]);
        let y = b.add(left, right);
        b.output("y", y);
        let form = linear_form(&verify(&b.finish()).unwrap()).unwrap();
        let rows: Vec<Vec<_>> = (0..5).map(|row| form.weights.row(row).collect()).collect();
        assert_eq!(form.bias, [10, 20, 0, 10, 20]);
        assert_eq!(rows[0], [(0, 1), (1, 3), (2, 3)]);
        assert_eq!(rows[1], [(1, 1)]);
        assert_eq!(rows[2], [(0, 1), (2, 1)]);
        assert_eq!(rows[3], [(1, 3), (2, 3)]);
        assert_eq!(rows[4], []);
    }

    #[test]
    fn several_inputs_and_outputs_lie_in_a_row() {
        let mut b = CircuitBuilder::new();
        let p = b.input("p", vec![Interval::new(0, 1); 2]);
        let q = b.input("q", vec![Interval::new(0, 1)]);
        b.output("second", q);
        b.output("first", p);
        let form = linear_form(&verify(&b.finish()).unwrap()).unwrap();
        assert_eq!(
            form.weights,
            Matrix::sparse(3, 3, vec![(0, 2, 1), (1, 0, 1), (2, 1, 1)])
        );
    }

    #[test]
    fn lookups_are_not_linear() {
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::new(0, 1)]);
        let y = b.lookup(
            x,
            vec![Table {
                min: 0,
                values: vec![3, 5],
            }],
        );
        b.output("y", y);
        assert_eq!(linear_form(&verify(&b.finish()).unwrap()), None);
    }

    #[test]
    fn composed_weights_beyond_64_bits_are_refused() {
        // x is constant 0, so the ranges fit although 2^40 * 2^40 does not.
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::constant(0)]);
        let y = b.linear(x, Matrix::dense(1, 1, vec![1 << 40]), vec![0]);
        let z = b.linear(y, Matrix::dense(1, 1, vec![1 << 40]), vec![0]);
        b.output("z", z);
        assert_eq!(linear_form(&verify(&b.finish()).unwrap()), None);
    }
}
