//! The simulator behind the trait of all backends.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use tenebra_circuit::{Backend, Options, Verified};

use crate::{
    SimError,
    run::{check_codes, evaluate},
};

/// Runs circuits on clear integers: every other backend must return what it returns.
///
/// It encrypts nothing. Of the options it follows `rows`; the others have no meaning here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simulator;

/// A circuit and how many rows a query holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    circuit: Verified,
    rows: usize,
}

impl Program {
    /// The circuit that the program runs.
    #[must_use]
    pub const fn circuit(&self) -> &Verified {
        &self.circuit
    }

    /// Codes in one row.
    fn inputs_len(&self) -> usize {
        self.circuit
            .inputs()
            .iter()
            .map(|port| port.ranges.len())
            .sum()
    }

    fn check(&self, codes: &[i64]) -> Result<(), SimError> {
        let inputs = self.inputs_len();
        let expected = inputs.saturating_mul(self.rows);
        if codes.len() != expected {
            return Err(SimError::CodeCount {
                expected,
                found: codes.len(),
            });
        }
        for (row, codes) in codes.chunks(inputs).enumerate() {
            check_codes(&self.circuit, codes).map_err(|error| match error {
                SimError::CodeOutOfRange {
                    index,
                    value,
                    range,
                } => SimError::CodeOutOfRange {
                    index: row * inputs + index,
                    value,
                    range,
                },
                other => other,
            })?;
        }
        Ok(())
    }
}

impl Backend for Simulator {
    type Program = Program;
    type ClientKey = ();
    type ServerKey = ();
    /// The codes of all rows.
    type Query = Vec<i64>;
    /// The outputs of all rows.
    type Response = Vec<i64>;
    type Error = SimError;

    fn prepare(&self, circuit: &Verified, options: &Options) -> Result<Program, SimError> {
        match options.rows {
            0 => Err(SimError::NoRows),
            rows => Ok(Program {
                circuit: circuit.clone(),
                rows,
            }),
        }
    }

    fn generate_keys(&self, _: &Program, _: &mut impl CryptoRng) -> Result<((), ()), SimError> {
        Ok(((), ()))
    }

    fn encrypt(
        &self,
        program: &Program,
        (): &(),
        codes: &[i64],
        _: &mut impl CryptoRng,
    ) -> Result<Vec<i64>, SimError> {
        program.check(codes)?;
        Ok(codes.to_vec())
    }

    fn evaluate(&self, program: &Program, (): &(), query: &Vec<i64>) -> Result<Vec<i64>, SimError> {
        program.check(query)?;
        let rows = query.chunks(program.inputs_len());
        Ok(rows
            .flat_map(|codes| evaluate(&program.circuit, codes))
            .collect())
    }

    fn decrypt(&self, _: &Program, (): &(), response: &Vec<i64>) -> Result<Vec<i64>, SimError> {
        Ok(response.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenebra_circuit::{Circuit, Interval, verify};

    #[test]
    fn a_code_out_of_range_is_named_by_its_place_among_all_rows() {
        let text = "circuit v1
            %0 = input x: [0, 1], [0, 2], [0, 3]
            output y: %0";
        let circuit = verify(&text.parse::<Circuit>().unwrap()).unwrap();
        let options = Options {
            rows: 3,
            ..Options::default()
        };
        let program = Simulator.prepare(&circuit, &options).unwrap();
        for index in 0..9 {
            let mut codes = [0; 9];
            codes[index] = 9;
            let range = Interval::new(0, i64::try_from(index % 3 + 1).unwrap());
            let value = 9;
            assert_eq!(
                program.check(&codes),
                Err(SimError::CodeOutOfRange {
                    index,
                    value,
                    range
                })
            );
        }
    }
}
