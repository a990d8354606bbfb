//! Circuits to text.

use core::fmt;

use crate::{Circuit, Forest, Interval, Matrix, Op, Table, TreeNode, ValueId, matrix::Weights};

impl fmt::Display for Circuit {
    /// The text form; see the crate's documentation. That of a verified circuit parses back to the same circuit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "circuit v1")?;
        for (index, op) in self.ops.iter().enumerate() {
            writeln!(f, "{} = {op}", ValueId::after(index))?;
        }
        for output in &self.outputs {
            writeln!(f, "output {}: {}", output.name, output.value)?;
        }
        Ok(())
    }
}

impl fmt::Display for Op {
    /// What stands behind `%0 = ` in the text form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind())?;
        match self {
            Self::Input(port) => {
                write!(f, "{}: ", port.name)?;
                write_ranges(f, &port.ranges)
            }
            Self::Linear {
                input,
                weights,
                bias,
            } => {
                write!(f, "{input}, ")?;
                write_matrix(f, weights)?;
                write!(f, ", bias {}", List(bias))
            }
            Self::Add { left, right } | Self::Sub { left, right } => write!(f, "{left}, {right}"),
            Self::Neg { input } => write!(f, "{input}"),
            Self::Concat { inputs } => write_separated(f, inputs),
            Self::Slice { input, start, len } => write!(f, "{input}, start {start}, len {len}"),
            Self::Lookup { input, tables } => {
                write!(f, "{input}, ")?;
                write_tables(f, tables)
            }
            Self::Forest { input, forest } => {
                write!(f, "{input}, ")?;
                write_forest(f, forest)
            }
        }
    }
}

/// `[1, 2, 3]`
struct List<'a>(&'a [i64]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        write_separated(f, self.0)?;
        f.write_str("]")
    }
}

fn write_separated(f: &mut fmt::Formatter<'_>, items: &[impl fmt::Display]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

/// Equal neighbours are written once, with their number.
fn write_ranges(f: &mut fmt::Formatter<'_>, ranges: &[Interval]) -> fmt::Result {
    for (index, run) in ranges.chunk_by(PartialEq::eq).enumerate() {
        write!(f, "{}{}", if index == 0 { "" } else { ", " }, run[0])?;
        if run.len() > 1 {
            write!(f, "^{}", run.len())?;
        }
    }
    Ok(())
}

fn write_matrix(f: &mut fmt::Formatter<'_>, matrix: &Matrix) -> fmt::Result {
    match matrix.weights() {
        Weights::Dense(weights) => {
            f.write_str("dense [\n")?;
            for row in weights.chunks(matrix.cols().max(1)) {
                writeln!(f, "  {},", List(row))?;
            }
        }
        Weights::Sparse(entries) => {
            writeln!(f, "sparse({}, {}) [", matrix.rows(), matrix.cols())?;
            for row in entries.chunk_by(|a, b| a.0 == b.0) {
                f.write_str(" ")?;
                for (row, col, weight) in row {
                    write!(f, " ({row}, {col}): {weight},")?;
                }
                f.write_str("\n")?;
            }
        }
    }
    f.write_str("]")
}

fn write_tables(f: &mut fmt::Formatter<'_>, tables: &[Table]) -> fmt::Result {
    f.write_str("[\n")?;
    for table in tables {
        writeln!(f, "  {}: {},", table.min, List(&table.values))?;
    }
    f.write_str("]")
}

fn write_forest(f: &mut fmt::Formatter<'_>, forest: &Forest) -> fmt::Result {
    writeln!(
        f,
        "outputs {}, bias {}, [",
        forest.outputs,
        List(&forest.bias)
    )?;
    for tree in &forest.trees {
        f.write_str("  [\n")?;
        for (index, node) in tree.nodes.iter().enumerate() {
            match node {
                TreeNode::Leaf(leaf) => writeln!(f, "    {index}: {},", List(leaf))?,
                TreeNode::Split {
                    feature,
                    threshold,
                    left,
                    right,
                } => writeln!(
                    f,
                    "    {index}: if x[{feature}] < {threshold} then {left} else {right},"
                )?,
            }
        }
        f.write_str("  ],\n")?;
    }
    f.write_str("]")
}
