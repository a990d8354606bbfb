//! The simulator as planner, client and evaluator: what all others are compared with.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use tenebra_circuit::{Client, Evaluator, Interval, Options, Planned, Planner, Verified};

use crate::{SimError, run::evaluate};

/// Runs circuits on clear integers, which it does not encrypt. Of the options it follows `rows`; the others have no meaning here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simulator;

/// Writes codes into bytes, and reads outputs from bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearClient {
    rows: usize,
    ranges: Vec<Interval>,
}

/// A circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearEvaluator {
    circuit: Verified,
}

impl Planner for Simulator {
    type Client = ClearClient;
    type Evaluator = ClearEvaluator;
    type Error = SimError;

    fn plan(
        &self,
        circuit: &Verified,
        options: &Options,
    ) -> Result<Planned<ClearEvaluator>, SimError> {
        if options.rows == 0 {
            return Err(SimError::NoRows);
        }
        let rows = i64::try_from(options.rows).unwrap_or(i64::MAX);
        let ranges = circuit.input_ranges();
        let ends = ranges.iter().flat_map(|range| [range.min, range.max]);
        Ok(Planned {
            spec: to_bytes([rows].into_iter().chain(ends)),
            evaluator: ClearEvaluator {
                circuit: circuit.clone(),
            },
        })
    }
}

impl Client for ClearClient {
    type Error = SimError;

    fn open(spec: &[u8], _: &mut impl CryptoRng) -> Result<Self, SimError> {
        let numbers = from_bytes(spec)?;
        let (rows, ends) = numbers.split_first().ok_or(SimError::Bytes)?;
        let (ends, rest) = ends.as_chunks::<2>();
        let rows = usize::try_from(*rows).map_err(|_| SimError::Bytes)?;
        if rows == 0 || ends.is_empty() || !rest.is_empty() {
            return Err(SimError::Bytes);
        }
        let ranges = ends.iter().map(|&[min, max]| Interval::new(min, max));
        Ok(Self {
            rows,
            ranges: ranges.collect(),
        })
    }

    fn max_rows(&self) -> usize {
        self.rows
    }

    fn evaluation_key(&self, _: &mut impl CryptoRng) -> Result<Option<Vec<u8>>, SimError> {
        Ok(None)
    }

    fn encrypt(&self, codes: &[i64], _: &mut impl CryptoRng) -> Result<Vec<u8>, SimError> {
        let inputs = self.ranges.len();
        let rows = codes.len().div_ceil(inputs).clamp(1, self.rows);
        if codes.len() != rows * inputs {
            return Err(SimError::CodeCount {
                expected: rows * inputs,
                found: codes.len(),
            });
        }
        let ranges = self.ranges.iter().cycle();
        let outside = codes
            .iter()
            .zip(ranges)
            .position(|(code, range)| !range.contains(*code));
        if let Some(index) = outside {
            return Err(SimError::CodeOutOfRange {
                index,
                value: codes[index],
                range: self.ranges[index % inputs],
            });
        }
        Ok(to_bytes(codes.iter().copied()))
    }

    fn decrypt(&self, response: &[u8]) -> Result<Vec<i64>, SimError> {
        from_bytes(response)
    }
}

impl Evaluator for ClearEvaluator {
    type Key = core::convert::Infallible;
    type Error = SimError;

    fn open_key(&self, _: &[u8]) -> Result<Self::Key, SimError> {
        Err(SimError::Bytes)
    }

    fn evaluate(&self, _: Option<&Self::Key>, query: &[u8]) -> Result<Vec<u8>, SimError> {
        let codes = from_bytes(query)?;
        let ranges = self.circuit.input_ranges();
        let whole = codes.len().is_multiple_of(ranges.len());
        let mut inside = codes.iter().zip(ranges.iter().cycle());
        if !whole || !inside.all(|(code, range)| range.contains(*code)) {
            return Err(SimError::Bytes);
        }
        let rows = codes.chunks(ranges.len());
        Ok(to_bytes(
            rows.flat_map(|codes| evaluate(&self.circuit, codes)),
        ))
    }
}

fn to_bytes(numbers: impl Iterator<Item = i64>) -> Vec<u8> {
    numbers.flat_map(i64::to_le_bytes).collect()
}

fn from_bytes(bytes: &[u8]) -> Result<Vec<i64>, SimError> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    if rest.is_empty() {
        Ok(numbers.iter().copied().map(i64::from_le_bytes).collect())
    } else {
        Err(SimError::Bytes)
    }
}

#[cfg(test)]
mod tests {
    use rand_core::UnwrapErr;
    use tenebra_circuit::{Circuit, verify};

    use super::*;

    /// Draws nothing.
    struct Nothing;

    impl rand_core::TryRng for Nothing {
        type Error = core::fmt::Error;

        fn try_next_u32(&mut self) -> Result<u32, core::fmt::Error> {
            Err(core::fmt::Error)
        }

        fn try_next_u64(&mut self) -> Result<u64, core::fmt::Error> {
            Err(core::fmt::Error)
        }

        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), core::fmt::Error> {
            Err(core::fmt::Error)
        }
    }

    impl rand_core::TryCryptoRng for Nothing {}

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
        let Planned { spec, evaluator } = Simulator.plan(&circuit, &options).unwrap();
        let rng = &mut UnwrapErr(Nothing);
        let client = ClearClient::open(&spec, rng).unwrap();
        for index in 0..9 {
            let mut codes = [0; 9];
            codes[index] = 9;
            let range = Interval::new(0, i64::try_from(index % 3 + 1).unwrap());
            assert_eq!(
                client.encrypt(&codes, rng),
                Err(SimError::CodeOutOfRange {
                    index,
                    value: 9,
                    range
                })
            );
            let query = to_bytes(codes.into_iter());
            assert_eq!(evaluator.evaluate(None, &query), Err(SimError::Bytes));
        }
    }
}
