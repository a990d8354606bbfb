//! What does not depend on the codes, computed once and for all.

use alloc::vec::Vec;

use super::reverify;
use crate::{Circuit, Interval, Matrix, Op, Table, ValueId, Verified};

/// Replaces values whose elements all have a single possible value by their constants, takes constant operands of
/// linear maps into the bias, and cuts tables to the range that can be looked up.
///
/// A constant is a linear map without weights, of the first input.
#[must_use]
pub fn fold_constants(circuit: &Verified) -> Verified {
    let source = circuit.circuit();
    let first_input = source.ops.iter().position(|op| matches!(op, Op::Input(_)));
    let first_input = ValueId::after(first_input.unwrap_or(0));
    let constant = |ranges: &[Interval]| Op::Linear {
        input: first_input,
        weights: Matrix::sparse(ranges.len(), circuit.ranges(first_input).len(), Vec::new()),
        bias: ranges.iter().map(|range| range.min).collect(),
    };
    let fold = |(index, op): (usize, &Op)| {
        let ranges = circuit.ranges(ValueId::after(index));
        match op {
            Op::Input(_) => op.clone(),
            _ if ranges.iter().all(|range| range.is_constant()) => constant(ranges),
            Op::Linear {
                input,
                weights,
                bias,
            } => {
                let (weights, bias) = fold_linear(weights, bias, circuit.ranges(*input));
                Op::Linear {
                    input: *input,
                    weights,
                    bias,
                }
            }
            Op::Lookup { input, tables } => {
                let trim = |(table, &range): (&Table, &Interval)| Table {
                    min: range.min,
                    values: table.over(range).unwrap_or(&[]).to_vec(),
                };
                let tables = tables
                    .iter()
                    .zip(circuit.ranges(*input))
                    .map(trim)
                    .collect();
                Op::Lookup {
                    input: *input,
                    tables,
                }
            }
            _ => op.clone(),
        }
    };
    let ops = source.ops.iter().enumerate().map(fold).collect();
    reverify(Circuit {
        ops,
        outputs: source.outputs.clone(),
    })
}

/// The weights of constant elements go into the bias; its partial sums are those of the map as it was.
fn fold_linear(weights: &Matrix, bias: &[i64], input: &[Interval]) -> (Matrix, Vec<i64>) {
    let mut bias = bias.to_vec();
    if !input.iter().any(|range| range.is_constant()) {
        return (weights.clone(), bias);
    }
    let mut entries = Vec::new();
    for (row, bias) in bias.iter_mut().enumerate() {
        for (col, weight) in weights.row(row) {
            if input[col].is_constant() {
                *bias += weight * input[col].min;
            } else {
                entries.push((row, col, weight));
            }
        }
    }
    (
        Matrix::from_entries(weights.rows(), weights.cols(), entries),
        bias,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify;

    #[test]
    fn constants_go_into_the_bias_and_tables_shrink() {
        let text = "circuit v1
            %0 = input x: [0, 3], [2, 2]
            %1 = linear %0, dense [[3, 5], [0, 7]], bias [1, 0]
            %2 = slice %0, start 1, len 1
            %3 = neg %2
            %4 = lookup %0, [-1: [9, 10, 11, 12, 13, 14], 0: [1, 2, 3]]
            output y: %1 output z: %3 output t: %4";
        // 3a + 5*2 + 1 and 7*2; z = -2
        let expected = "circuit v1
%0 = input x: [0, 3], [2, 2]
%1 = linear %0, sparse(2, 2) [
  (0, 0): 3,
], bias [11, 14]
%2 = linear %0, sparse(1, 2) [
], bias [2]
%3 = linear %0, sparse(1, 2) [
], bias [-2]
%4 = lookup %0, [
  0: [10, 11, 12, 13],
  2: [3],
]
output y: %1
output z: %3
output t: %4
";
        let folded = fold_constants(&verify(&text.parse::<Circuit>().unwrap()).unwrap());
        assert_eq!(alloc::format!("{}", folded.circuit()), expected);
    }
}
