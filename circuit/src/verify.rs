//! The door between circuits from anywhere and circuits that may run.

mod error;
mod forest;
mod ops;

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};

pub use error::{VerifyError, VerifyErrors};

use crate::{
    Circuit, Interval, Op, Output, Port, ValueId,
    limits::{MAX_NAME_LEN, MAX_TOTAL_LEN, MAX_VALUE_LEN},
};

/// A circuit that was checked, with the range of every value. Nothing behind this door overflows or checks again.
///
/// The range of an element is exact for the operation that computes it, given independent operands within their
/// ranges: interval arithmetic over weights, the entries of a table that can be asked for, the leaves of a tree that
/// a feasible path reaches. Where operands depend on each other (`x - x`), it is an outer bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    circuit: Circuit,
    ranges: Vec<Vec<Interval>>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Verified {
    /// The circuit as it was given.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// The input ports, in the order in which the client's codes are laid out.
    #[must_use]
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The output ports with their ranges, in the order in which results are laid out.
    #[must_use]
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The range of each input code, all ports in a row.
    #[must_use]
    pub fn input_ranges(&self) -> Vec<Interval> {
        flat(&self.inputs)
    }

    /// The range of each result, all ports in a row.
    #[must_use]
    pub fn output_ranges(&self) -> Vec<Interval> {
        flat(&self.outputs)
    }

    /// The range of each element of `value`; empty for a value of another circuit.
    #[must_use]
    pub fn ranges(&self, value: ValueId) -> &[Interval] {
        self.ranges.get(value.index()).map_or(&[], Vec::as_slice)
    }

    /// Gives the circuit back.
    #[must_use]
    pub fn into_circuit(self) -> Circuit {
        self.circuit
    }
}

fn flat(ports: &[Port]) -> Vec<Interval> {
    ports
        .iter()
        .flat_map(|port| &port.ranges)
        .copied()
        .collect()
}

/// Checks a circuit and computes the range of every value. `Verified::try_from(circuit)` does the same without a copy.
///
/// Time and memory are linear in the circuit's size (n log n for the names), whatever its depth.
///
/// # Errors
/// Everything that is wrong, each with its place, the numbers and what would help. What follows from another error is
/// not reported: an operation over a value without known ranges is checked for its structure alone.
pub fn verify(circuit: &Circuit) -> Result<Verified, VerifyErrors> {
    let ranges = check(circuit)?;
    Ok(assemble(circuit.clone(), ranges))
}

impl TryFrom<Circuit> for Verified {
    type Error = VerifyErrors;

    /// As [`verify`], without a copy of the circuit.
    fn try_from(circuit: Circuit) -> Result<Self, VerifyErrors> {
        let ranges = check(&circuit)?;
        Ok(assemble(circuit, ranges))
    }
}

fn assemble(circuit: Circuit, ranges: Vec<Vec<Interval>>) -> Verified {
    let input = |op: &Op| match op {
        Op::Input(port) => Some(port.clone()),
        _ => None,
    };
    let output = |output: &Output| Port {
        name: output.name.clone(),
        ranges: ranges[output.value.index()].clone(),
    };
    let inputs = circuit.ops.iter().filter_map(input).collect();
    let outputs = circuit.outputs.iter().map(output).collect();
    Verified {
        circuit,
        ranges,
        inputs,
        outputs,
    }
}

fn check(circuit: &Circuit) -> Result<Vec<Vec<Interval>>, VerifyErrors> {
    let mut checker = Checker::default();
    for op in &circuit.ops {
        if !checker.push(op) {
            return Err(VerifyErrors(checker.errors));
        }
    }
    checker.check_ports(circuit);
    // A value without ranges has left an error behind.
    let ranges = checker
        .values
        .into_iter()
        .filter_map(|value| value.ranges)
        .collect();
    if checker.errors.is_empty() {
        Ok(ranges)
    } else {
        Err(VerifyErrors(checker.errors))
    }
}

/// What is known of a value: nothing, its length, or its ranges.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    len: Option<usize>,
    pub(crate) ranges: Option<Vec<Interval>>,
}

impl Checked {
    const UNKNOWN: Self = Self {
        len: None,
        ranges: None,
    };

    const fn of_len(len: usize) -> Self {
        Self {
            len: Some(len),
            ranges: None,
        }
    }

    const fn of_ranges(ranges: Vec<Interval>) -> Self {
        Self {
            len: Some(ranges.len()),
            ranges: Some(ranges),
        }
    }
}

/// Checks operations one after the other.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(crate) values: Vec<Checked>,
    pub(crate) errors: Vec<VerifyError>,
    total_len: usize,
}

impl Checker {
    /// Checks the next operation; false if the circuit is too large to go on.
    pub(crate) fn push(&mut self, op: &Op) -> bool {
        let at = ValueId::after(self.values.len());
        let value = self.check_op(at, op);
        match value.len {
            Some(0) => self.errors.push(VerifyError::Empty { at }),
            Some(len) if len > MAX_VALUE_LEN => {
                self.errors.push(VerifyError::TooLong { at, len });
            }
            _ => {}
        }
        let len = value.ranges.as_ref().map_or(0, Vec::len);
        self.values.push(value);
        self.fits(at, len)
    }

    /// Counts the ranges that a value or an output takes.
    fn fits(&mut self, at: ValueId, len: usize) -> bool {
        self.total_len = self.total_len.saturating_add(len);
        let fits = self.total_len <= MAX_TOTAL_LEN;
        if !fits {
            self.errors.push(VerifyError::TooLarge { at });
        }
        fits
    }

    fn check_op(&mut self, at: ValueId, op: &Op) -> Checked {
        let Self { values, errors, .. } = self;
        let mut operand = |value: ValueId| {
            values.get(value.index()).unwrap_or_else(|| {
                errors.push(VerifyError::UseBeforeDef { at, value });
                &Checked::UNKNOWN
            })
        };
        match op {
            Op::Input(port) => ops::input(at, port, errors),
            Op::Linear {
                input,
                weights,
                bias,
            } => ops::linear(at, operand(*input), weights, bias, errors),
            Op::Add { left, right } => ops::pair(at, operand(*left), operand(*right), 1, errors),
            Op::Sub { left, right } => ops::pair(at, operand(*left), operand(*right), -1, errors),
            Op::Neg { input } => {
                let input = operand(*input);
                let neg = |range: &Interval| Interval::new(-range.max, -range.min);
                let ranges = input
                    .ranges
                    .as_ref()
                    .map(|all| all.iter().map(neg).collect());
                Checked {
                    len: input.len,
                    ranges,
                }
            }
            Op::Concat { inputs } => ops::concat(inputs.iter().map(|&value| operand(value))),
            Op::Slice { input, start, len } => {
                ops::slice(at, operand(*input), *start, *len, errors)
            }
            Op::Lookup { input, tables } => ops::lookup(at, operand(*input), tables, errors),
            Op::Forest { input, forest } => forest::check(at, operand(*input), forest, errors),
        }
    }

    fn check_ports(&mut self, circuit: &Circuit) {
        let inputs: Vec<_> = circuit
            .ops
            .iter()
            .filter_map(|op| match op {
                Op::Input(port) => Some(&port.name),
                _ => None,
            })
            .collect();
        if inputs.is_empty() {
            self.errors.push(VerifyError::NoInput);
        }
        if circuit.outputs.is_empty() {
            self.errors.push(VerifyError::NoOutput);
        }
        for Output { name, value } in &circuit.outputs {
            match self.values.get(value.index()) {
                Some(known) => {
                    let len = known.ranges.as_ref().map_or(0, Vec::len);
                    if !self.fits(*value, len) {
                        break;
                    }
                }
                None => {
                    let (name, ops) = (name.clone(), circuit.ops.len());
                    self.errors.push(VerifyError::OutputUndefined {
                        name,
                        value: *value,
                        ops,
                    });
                }
            }
        }
        self.check_names("inputs", inputs);
        self.check_names(
            "outputs",
            circuit.outputs.iter().map(|output| &output.name).collect(),
        );
    }

    fn check_names(&mut self, ports: &'static str, names: Vec<&String>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !is_identifier(name) {
                self.errors.push(VerifyError::Name {
                    name: name.to_string(),
                });
            }
            if !seen.insert(name) {
                self.errors.push(VerifyError::DuplicateName {
                    ports,
                    name: name.to_string(),
                });
            }
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_start)
        && name.chars().all(|c| is_start(c) || c.is_ascii_digit())
        && name.len() <= MAX_NAME_LEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CircuitBuilder, Matrix, Table};
    use alloc::vec;

    #[test]
    fn ranges_are_exact() {
        // x in [0, 3] x [-1, 2]; y = 2a - 3b + 1 in [0 - 6 + 1, 6 + 3 + 1] = [-5, 10];
        // t over [-5, 10] is |y|: [0, 10]; n = -t: [-10, 0]; s = t - n: [0, 20].
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::new(0, 3), Interval::new(-1, 2)]);
        let y = b.linear(x, Matrix::dense(1, 2, vec![2, -3]), vec![1]);
        let t = b.lookup(
            y,
            vec![Table {
                min: -6,
                values: (-6_i64..=11).map(i64::abs).collect(),
            }],
        );
        let n = b.neg(t);
        let s = b.sub(t, n);
        b.output("s", s);
        let verified = verify(&b.finish()).unwrap();
        let range = |value| verified.ranges(value)[0];
        assert_eq!(
            [y, t, n, s].map(range),
            [
                Interval::new(-5, 10),
                Interval::new(0, 10),
                Interval::new(-10, 0),
                Interval::new(0, 20)
            ]
        );
        let [port] = verified.outputs() else {
            panic!("one output");
        };
        assert_eq!(
            (port.name.as_str(), &port.ranges[..]),
            ("s", &[range(s)][..])
        );
        assert_eq!(verified.output_ranges(), [Interval::new(0, 20)]);
        assert_eq!(verified.input_ranges().len(), 2);
    }

    #[test]
    fn partial_sums_count_as_well() {
        // 2^61 a - 2^61 b over a = b = 3: the sum is 0, but a partial sum is 3 * 2^61 > 2^62.
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::constant(3); 2]);
        let y = b.linear(x, Matrix::dense(1, 2, vec![1 << 61, -(1 << 61)]), vec![0]);
        b.output("y", y);
        let errors = verify(&b.finish()).unwrap_err();
        let reach = 6 << 61;
        assert_eq!(
            errors.as_slice(),
            [VerifyError::Magnitude {
                at: y,
                element: 0,
                reach
            }]
        );
    }

    #[test]
    fn values_that_double_do_not_exhaust_memory() {
        let mut b = CircuitBuilder::new();
        let mut x = b.input("x", vec![Interval::new(0, 1); 1 << 10]);
        for _ in 0..100 {
            x = b.concat(vec![x, x]);
        }
        b.output("y", x);
        // 2^20 elements in one value are still allowed, 2^21 are not.
        let errors = verify(&b.finish()).unwrap_err();
        assert!(matches!(errors.as_slice()[0], VerifyError::TooLong { len, .. } if len == 1 << 21));
    }

    #[test]
    fn outputs_that_repeat_do_not_exhaust_memory() {
        // Five times 2^20 elements, the value itself and four outputs: one too many.
        let mut b = CircuitBuilder::new();
        let x = b.input("x", vec![Interval::new(0, 1); 1 << 20]);
        for name in ["a", "b", "c", "d"] {
            b.output(name, x);
        }
        let errors = verify(&b.finish()).unwrap_err();
        assert_eq!(errors.as_slice(), [VerifyError::TooLarge { at: x }]);
    }
}
