//! [`tenebra_circuit::Backend`] on ciphertexts.

use rand_core::CryptoRng;
use tenebra_circuit::{Backend, ErrorKind, Interval, Options, Verified};
use tenebra_client::branching::ValidBranching;
use tenebra_client::linear::{LinearError, ValidLinear, plan_of};
use tenebra_client::{ClientError, KeyTag, SecretKey, SpecId};
use thiserror::Error;

use crate::error::{EvaluateError, PlanError};
use crate::program::{EvaluationKey, Program, Scheme};

/// Runs verified circuits on tfhe-rs ciphertexts.
#[derive(Clone, Copy, Debug, Default)]
pub struct TfheBackend;

/// Any error of [`TfheBackend`].
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum BackendError {
    /// The circuit cannot be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A query cannot be evaluated.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Encryption or decryption refused its arguments.
    #[error(transparent)]
    Linear(#[from] LinearError),
    /// The evaluation key could not be generated.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A code lies outside its input's range.
    #[error("code {code} of input {input} lies outside {range}")]
    Code {
        /// Index among the flat inputs.
        input: usize,
        /// As given.
        code: i64,
        /// The verified range.
        range: Interval,
    },
    /// The codes are not whole rows.
    #[error("{codes} codes are not whole rows of {inputs}")]
    Rows {
        /// Codes given.
        codes: usize,
        /// Inputs of a row.
        inputs: usize,
    },
}

impl tenebra_circuit::BackendError for BackendError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Plan(PlanError::Unsupported { .. }) => ErrorKind::Unsupported,
            Self::Plan(PlanError::FailureProbability(_)) => ErrorKind::Options,
            Self::Plan(PlanError::OutputTooWide { .. } | PlanError::WeightsTooLarge { .. }) => {
                ErrorKind::DoesNotFit
            }
            Self::Code { .. } | Self::Rows { .. } => ErrorKind::Codes,
            Self::Evaluate(_) | Self::Linear(_) | Self::Client(_) => ErrorKind::Mismatch,
            Self::Plan(_) => ErrorKind::Other,
        }
    }
}

impl Backend for TfheBackend {
    type Program = Program;
    /// One key a plan.
    type ClientKey = Vec<SecretKey>;
    /// `None` where queries are not packed.
    type ServerKey = Option<EvaluationKey>;
    /// Payloads of as many queries as the rows need.
    type Query = Vec<Vec<u8>>;
    type Response = Vec<Vec<u8>>;
    type Error = BackendError;

    fn prepare(&self, circuit: &Verified, options: &Options) -> Result<Program, BackendError> {
        Ok(Program::prepare(circuit, options)?)
    }

    fn generate_keys(
        &self,
        program: &Program,
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<SecretKey>, Option<EvaluationKey>), BackendError> {
        let branching = program.branching_layout().map(ValidBranching::glwe);
        let params = program.layouts().map(ValidLinear::glwe).chain(branching);
        let keys: Vec<SecretKey> = params.map(|glwe| SecretKey::generate(glwe, rng)).collect();
        let key = match keys.first() {
            Some(secret) => evaluation_key(program, secret, rng)?,
            None => None,
        };
        Ok((keys, key))
    }

    fn encrypt(
        &self,
        program: &Program,
        key: &Vec<SecretKey>,
        codes: &[i64],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Vec<u8>>, BackendError> {
        let ranges = program.input_ranges();
        if codes.is_empty() || !codes.len().is_multiple_of(ranges.len()) {
            return Err(BackendError::Rows {
                codes: codes.len(),
                inputs: ranges.len(),
            });
        }
        let outside = codes
            .iter()
            .zip(ranges.iter().cycle())
            .position(|(code, range)| !range.contains(*code));
        if let Some(index) = outside {
            let input = index % ranges.len();
            return Err(BackendError::Code {
                input,
                code: codes[index],
                range: ranges[input],
            });
        }
        if let Some(layout) = program.branching_layout() {
            let key = key.first().ok_or(LinearError::Key)?;
            let rows = codes.chunks(ranges.len());
            return rows
                .map(|codes| encrypt_bits(layout, ranges, key, codes, rng))
                .collect();
        }
        let rows = codes.len() / ranges.len();
        let (plan, layout) = choose_plan(program, rows).ok_or(EvaluateError::Query)?;
        let key = key.get(usize::from(plan)).ok_or(LinearError::Key)?;
        let per_query = usize::from(layout.layout().max_rows) * ranges.len();
        let queries = codes.chunks(per_query).map(|codes| {
            let rows = codes.len() / ranges.len();
            let mut scratch = vec![0; layout.scratch_len(rows)];
            let mut payload = vec![0; layout.query_len(rows)];
            layout.encrypt(plan, key, codes, rng, &mut scratch, &mut payload)?;
            Ok(payload)
        });
        queries.collect()
    }

    fn evaluate(
        &self,
        program: &Program,
        key: &Option<EvaluationKey>,
        query: &Vec<Vec<u8>>,
    ) -> Result<Vec<Vec<u8>>, BackendError> {
        let responses = query
            .iter()
            .map(|payload| program.evaluate_payload(key.as_ref(), payload));
        Ok(responses.collect::<Result<_, _>>()?)
    }

    fn decrypt(
        &self,
        program: &Program,
        key: &Vec<SecretKey>,
        response: &Vec<Vec<u8>>,
    ) -> Result<Vec<i64>, BackendError> {
        let mut outputs = Vec::new();
        if let Scheme::Branching(branching) = &program.scheme {
            let key = key.first().ok_or(LinearError::Key)?;
            for payload in response {
                outputs.extend(branching.decrypt(key, payload)?);
            }
            return Ok(outputs);
        }
        for payload in response {
            let plan = usize::from(plan_of(payload).ok_or(LinearError::Response)?);
            let layout = program.layouts().nth(plan).ok_or(LinearError::Response)?;
            let key = key.get(plan).ok_or(LinearError::Key)?;
            let ranges = program.output_ranges();
            let mut values = vec![0; layout.response_rows(payload)? * ranges.len()];
            layout.decrypt(key, payload, |output| ranges[output].min, &mut values)?;
            outputs.extend(values);
        }
        Ok(outputs)
    }
}

/// The evaluation key of a secret key; `None` where queries are not packed.
pub(crate) fn evaluation_key(
    program: &Program,
    secret: &SecretKey,
    rng: &mut impl CryptoRng,
) -> Result<Option<EvaluationKey>, BackendError> {
    let layout = program.branching_layout();
    let Some(layout) = layout.filter(|layout| layout.layout().packing.is_some()) else {
        return Ok(None);
    };
    let (spec_id, tag) = (SpecId([0; 16]), KeyTag::NONE);
    let mut file = Vec::new();
    let mut scratch = vec![0; layout.evaluation_key_scratch_len()];
    layout.write_evaluation_key(spec_id, tag, secret, rng, &mut scratch, |bytes| {
        file.extend_from_slice(bytes);
        Ok::<_, ClientError>(())
    })?;
    Ok(Some(program.prepare_key(spec_id, &file)?))
}

/// The payload of a query for one row of codes.
pub(crate) fn encrypt_bits(
    layout: &ValidBranching,
    ranges: &[Interval],
    key: &SecretKey,
    codes: &[i64],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BackendError> {
    let bits = ranges.iter().zip(codes).flat_map(|(range, code)| {
        let offset = code.abs_diff(range.min);
        (0..range.bits()).map(move |bit| offset >> bit & 1 == 1)
    });
    let mut scratch = vec![0; layout.scratch_len()];
    let mut payload = vec![0; layout.query_len()];
    layout.encrypt(key, bits, rng, &mut scratch, &mut payload)?;
    Ok(payload)
}

/// The first plan that holds all rows, or the last, which holds most.
fn choose_plan(program: &Program, rows: usize) -> Option<(u8, &ValidLinear)> {
    let fits = |(_, layout): &(u8, &ValidLinear)| rows <= usize::from(layout.layout().max_rows);
    let plans = || (0..).zip(program.layouts());
    plans().find(fits).or_else(|| plans().last())
}
