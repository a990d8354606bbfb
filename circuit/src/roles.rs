//! Who runs a verified circuit: a planner, a client and an evaluator, between whom bytes travel.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::Verified;

/// How a circuit should be run.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Options {
    /// The logarithm to base 2 of the largest acceptable probability that an inference, all of its outputs together,
    /// returns a wrong integer.
    pub p_fail_log2: f64,
    /// How inputs that decisions are made on are sent.
    pub query: QueryMode,
    /// What is least in the plan that is chosen.
    #[cfg_attr(feature = "serde", serde(default))]
    pub optimize: Optimize,
    /// Rows that one query should hold, at least 1, where the scheme can: the codes of all inputs row after row, and as many
    /// rows of outputs in the response.
    pub rows: usize,
    /// Threads that one evaluation may use, at least 1.
    pub threads: usize,
    /// Whether responses hide the circuit's constants from the owner of the data; refused where the scheme cannot do it.
    pub hide: Option<Hide>,
}

/// For how many responses the constants of a circuit are hidden, and how well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Hide {
    /// log2 of the number of responses, of all clients who might put them together; 0 to 40.
    pub responses_log2: u8,
    /// The advantage of telling two circuits of one plan that answer alike apart from these is at most `2^-advantage_bits`;
    /// 1 to 64.
    pub advantage_bits: u8,
}

impl Default for Hide {
    /// An advantage of 2^-16 from a million responses.
    fn default() -> Self {
        Self {
            responses_log2: 20,
            advantage_bits: 16,
        }
    }
}

impl Default for Options {
    /// `p_fail` of 2^-128, the backend's choice of query, one row, one thread.
    fn default() -> Self {
        Self {
            p_fail_log2: -128.0,
            query: QueryMode::Auto,
            optimize: Optimize::Balanced,
            rows: 1,
            threads: 1,
            hide: None,
        }
    }
}

/// What is least in the plan that is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Optimize {
    /// The time to an answer, with a part of the evaluation key's transfer: for clients with some queries each.
    #[default]
    Balanced,
    /// The time from a new client to its first answer, with the whole transfer of its evaluation key.
    FirstQuery,
    /// The time to an answer for clients whose evaluation key is there.
    Latency,
    /// Bytes sent, of a hundred queries and the evaluation key.
    Bandwidth,
    /// The time to the answers of many rows of one client, whose evaluation key is there: queries hold several rows, as far as
    /// [`Options::rows`] allows, with an evaluation key as many times as large.
    Throughput,
}

/// How inputs that decisions are made on are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum QueryMode {
    /// Whichever answers sooner, transfer included.
    #[default]
    Auto,
    /// Ready to use: no evaluation key, the fastest server, megabytes a query.
    Direct,
    /// Packed: kilobytes a query, expanded by the server with a key it got once.
    Packed,
}

/// What kind of thing went wrong, for code that is generic over planners, clients and evaluators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No scheme runs an operation of the circuit, or takes its inputs.
    Unsupported,
    /// The circuit needs more bits than any parameter set holds with the probability asked for.
    DoesNotFit,
    /// An option has no meaning, such as zero rows.
    Options,
    /// The number of codes is wrong, or a code lies outside of its range.
    Codes,
    /// A key, query or response is of another circuit, or damaged.
    Mismatch,
    /// Anything else.
    Other,
}

/// An error of a [`Planner`], a [`Client`] or an [`Evaluator`].
pub trait RoleError: core::error::Error {
    /// What kind of thing went wrong.
    fn kind(&self) -> ErrorKind;
}

/// Chooses parameters and a schedule.
///
/// For every circuit and all codes within its ranges, what the client decrypts is what the simulator computes.
pub trait Planner {
    /// Who encrypts and decrypts.
    type Client: Client;
    /// Who evaluates.
    type Evaluator: Evaluator;
    /// What may go wrong.
    type Error: RoleError;

    /// Plans `circuit` for both sides.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], [`ErrorKind::DoesNotFit`] or [`ErrorKind::Options`].
    fn plan(
        &self,
        circuit: &Verified,
        options: &Options,
    ) -> Result<Planned<Self::Evaluator>, Self::Error>;
}

/// A planned circuit.
#[derive(Clone, Debug)]
pub struct Planned<E> {
    /// All that a client needs; public.
    pub spec: Vec<u8>,
    /// What stays with the server.
    pub evaluator: E,
}

/// The owner of the data, who holds the secret keys.
pub trait Client: Sized {
    /// What may go wrong.
    type Error: RoleError;

    /// Reads a spec and draws fresh keys for it.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] for bytes that are no spec.
    fn open(spec: &[u8], rng: &mut impl CryptoRng) -> Result<Self, Self::Error>;

    /// Most rows of one query, at least 1.
    fn max_rows(&self) -> usize;

    /// The public key that the evaluator needs, if it needs one.
    ///
    /// # Errors
    /// [`ErrorKind::Other`], where there are reasons to fail.
    fn evaluation_key(&self, rng: &mut impl CryptoRng) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Encrypts the codes of all input ports in a row, and of all rows one after the other.
    ///
    /// # Errors
    /// [`ErrorKind::Codes`] for codes that are not whole rows, too many rows, or a code outside of its range.
    fn encrypt(&self, codes: &[i64], rng: &mut impl CryptoRng) -> Result<Vec<u8>, Self::Error>;

    /// The elements of all output ports in a row, and of all rows one after the other.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`].
    fn decrypt(&self, response: &[u8]) -> Result<Vec<i64>, Self::Error>;
}

/// The server, which sees ciphertexts.
pub trait Evaluator {
    /// A prepared evaluation key.
    type Key;
    /// What may go wrong.
    type Error: RoleError;

    /// Prepares the evaluation key of a client, once for all its queries.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`].
    fn open_key(&self, bytes: &[u8]) -> Result<Self::Key, Self::Error>;

    /// Runs the circuit.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`], as far as a server can see it.
    fn evaluate(&self, key: Option<&Self::Key>, query: &[u8]) -> Result<Vec<u8>, Self::Error>;
}
