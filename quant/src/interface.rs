//! What a client must know of a model.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Affine, Codec, Decision, Input, InverseLink, Output, QuantError, Readout, RowStep};

/// All that a client must know of a model to make codes of rows and predictions of integers; made by models, carried by client
/// specs.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Columns of the model's feature matrix.
    pub columns: usize,
    /// What is done to a row first: value `columns + i` is that of step `i`, and inputs may take it for their column.
    pub steps: Vec<RowStep<Vec<f64>>>,
    /// In the order of the circuit's inputs; columns that do not matter have none.
    pub inputs: Vec<Input<Vec<f64>>>,
    /// What the circuit's integers say.
    pub readout: Readout,
    /// Names of the columns, or none.
    pub column_names: Vec<String>,
    /// What kind of model it is, for people.
    pub estimator: String,
    /// Columns of categories whose cells are words, ascending.
    pub words: Vec<Words>,
}

/// The words of a column of categories: the model takes the place of a word among them, from 0, for the number of its cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Column of the feature matrix, from 0.
    pub column: usize,
    /// Whether another word counts as a missing value; else a row with one is to be refused.
    pub others_are_missing: bool,
    /// The words, in the order of their codes.
    pub words: Vec<String>,
}

impl Interface {
    /// That of a bare circuit, whose features are codes and whose scores are integers: one column an input. Ranges are given by
    /// their ends, both included.
    ///
    /// # Errors
    /// [`QuantError::CodeRange`] for ranges of inputs that are no codes.
    pub fn of_codes(inputs: &[(i64, i64)], outputs: &[(i64, i64)]) -> Result<Self, QuantError> {
        let input = |(column, &(min, max)): (usize, &(i64, i64))| {
            let end = |code: i64| i32::try_from(code).unwrap_or(i32::MAX);
            let codec = Affine::from_parts(1.0, 0, end(min), end(max))?;
            Ok(Input {
                column,
                codec: Codec::Affine(codec),
                missing: None,
            })
        };
        let output = |&(min, max): &(i64, i64)| Output {
            min,
            max,
            scale: 1.0,
            offset: 0.0,
        };
        Ok(Self {
            columns: inputs.len(),
            steps: Vec::new(),
            inputs: inputs
                .iter()
                .enumerate()
                .map(input)
                .collect::<Result<_, _>>()?,
            readout: Readout {
                outputs: outputs.iter().map(output).collect(),
                inverse_link: InverseLink::Identity,
                decision: Decision::None,
                classes: Vec::new(),
            },
            column_names: (0..inputs.len())
                .map(|column| format!("x{column}"))
                .collect(),
            estimator: "circuit".into(),
            words: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn codes_are_their_own_features() {
        let interface = Interface::of_codes(&[(-3, 4), (0, 65535)], &[(-9, 9)]).expect("codes");
        assert_eq!(interface.column_names, vec!["x0", "x1"]);
        for (input, codes) in interface.inputs.iter().zip([[-3, 0, 4], [0, 256, 65535]]) {
            for code in codes {
                assert_eq!(input.quantize(f64::from(code)).map(|q| q.code), Ok(code));
            }
        }
        let scores = interface.readout.predict(&[-7]).map(|row| row.scores);
        assert_eq!(scores, Some(vec![-7.0]));
        assert!(Interface::of_codes(&[(0, 65536)], &[]).is_err());
        assert!(Interface::of_codes(&[(0, 1 << 40)], &[]).is_err());
    }
}
