//! Circuits that are one affine map.

use alloc::{vec, vec::Vec};

use crate::{Matrix, Op, ValueId, Verified, limits::MAX_FORM_WEIGHTS};

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
/// `None` if it has one of them; or if the map has more than [`MAX_FORM_WEIGHTS`] weights, or one that does not fit an
/// `i64`: the latter takes weights which cancel far beyond the ranges of the inputs, and no model has them. The map's
/// partial sums may be larger than those of the circuit it came from, so add up modulo 2^64; the sums are the same.
///
/// One backward sweep per output element, which visits what that element depends on.
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
            bias.push(sweep.run(&circuit.ops, (output.value.index(), element))?);
            entries.extend(
                sweep
                    .weights
                    .drain(..)
                    .map(|(col, weight)| (row, col, weight)),
            );
            if entries.len() > MAX_FORM_WEIGHTS {
                return None;
            }
        }
    }
    let weights = Matrix::from_entries(bias.len(), sweep.cols, entries);
    Some(LinearForm { weights, bias })
}

/// With which factors the elements of a value enter one output element; all zero between sweeps.
#[derive(Clone, Default)]
struct Factors {
    of: Vec<i128>,
    /// The elements whose factor may not be zero.
    touched: Vec<usize>,
}

impl Factors {
    fn add(&mut self, element: usize, factor: i128) -> Option<()> {
        if self.of[element] == 0 {
            self.touched.push(element);
        }
        self.of[element] = self.of[element].checked_add(factor)?;
        Some(())
    }

    /// Takes all factors that are not zero, by element.
    fn take(&mut self) -> Vec<(usize, i128)> {
        let mut touched = core::mem::take(&mut self.touched);
        // A factor that became zero and then something else was touched twice; the second time it is zero.
        touched.sort_unstable();
        let factor = |element| (element, core::mem::take(&mut self.of[element]));
        touched
            .into_iter()
            .map(factor)
            .filter(|&(_, factor)| factor != 0)
            .collect()
    }
}

struct Sweep {
    /// Of each value.
    factors: Vec<Factors>,
    /// Where the codes of each input start among all codes; 0 for other values.
    starts: Vec<usize>,
    /// Number of codes.
    cols: usize,
    /// What the last sweep found: the weights of the codes.
    weights: Vec<(usize, i64)>,
}

impl Sweep {
    fn new(verified: &Verified) -> Self {
        let mut sweep = Self {
            factors: Vec::new(),
            starts: Vec::new(),
            cols: 0,
            weights: Vec::new(),
        };
        for (index, op) in verified.circuit().ops.iter().enumerate() {
            let len = verified.ranges(ValueId::after(index)).len();
            sweep.factors.push(Factors {
                of: vec![0; len],
                touched: Vec::new(),
            });
            sweep.starts.push(sweep.cols);
            if let Op::Input(_) = op {
                sweep.cols += len;
            }
        }
        sweep
    }

    /// Moves factors from every value to its operands, last to first, until only those of the inputs are left, which
    /// are the weights; returns the constant.
    fn run(&mut self, ops: &[Op], (value, element): (usize, usize)) -> Option<i64> {
        let mut constant = 0_i128;
        self.factors[value].add(element, 1)?;
        for index in (0..=value).rev() {
            if self.factors[index].touched.is_empty() {
                continue;
            }
            for (element, factor) in self.factors[index].take() {
                match &ops[index] {
                    Op::Input(_) => {
                        let weight = i64::try_from(factor).ok()?;
                        self.weights.push((self.starts[index] + element, weight));
                    }
                    Op::Linear {
                        input,
                        weights,
                        bias,
                    } => {
                        let term = factor.checked_mul(bias[element].into())?;
                        constant = constant.checked_add(term)?;
                        for (col, weight) in weights.row(element) {
                            self.add(*input, col, factor.checked_mul(weight.into())?)?;
                        }
                    }
                    Op::Add { left, right } => {
                        self.add(*left, element, factor)?;
                        self.add(*right, element, factor)?;
                    }
                    Op::Sub { left, right } => {
                        self.add(*left, element, factor)?;
                        self.add(*right, element, factor.checked_neg()?)?;
                    }
                    Op::Neg { input } => self.add(*input, element, factor.checked_neg()?)?,
                    Op::Concat { inputs } => {
                        let (input, element) = self.part(inputs, element)?;
                        self.add(input, element, factor)?;
                    }
                    Op::Slice { input, start, .. } => self.add(*input, start + element, factor)?,
                    Op::Lookup { .. } | Op::Forest { .. } => return None,
                }
            }
        }
        i64::try_from(constant).ok()
    }

    fn add(&mut self, value: ValueId, element: usize, factor: i128) -> Option<()> {
        self.factors[value.index()].add(element, factor)
    }

    /// Which part of a concatenation an element comes from, and its position there.
    fn part(&self, inputs: &[ValueId], mut element: usize) -> Option<(ValueId, usize)> {
        for &input in inputs {
            let len = self.factors[input.index()].of.len();
            if element < len {
                return Some((input, element));
            }
            element -= len;
        }
        None
    }
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

    #[test]
    fn a_long_identity_takes_no_long_time() {
        // Quadratic work would be 2^40 steps.
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::new(0, 1); 1 << 20]);
        let y = b.neg(x);
        b.output("y", y);
        let form = linear_form(&verify(&b.finish()).unwrap()).unwrap();
        assert_eq!(
            form.weights.row((1 << 20) - 1).collect::<Vec<_>>(),
            [((1 << 20) - 1, -1)]
        );
    }

    #[test]
    fn a_form_of_too_many_weights_is_refused() {
        // 2^11 weights, copied to 2^14 rows: 2^25.
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::new(0, 1); 1 << 11]);
        let mut y = b.linear(x, Matrix::dense(1, 1 << 11, vec![1; 1 << 11]), vec![0]);
        for _ in 0..14 {
            y = b.concat(vec![y, y]);
        }
        b.output("y", y);
        assert_eq!(linear_form(&verify(&b.finish()).unwrap()), None);
    }
}
