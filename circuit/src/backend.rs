//! What runs a verified circuit.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::Verified;

/// How a backend should run a circuit.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Options {
    /// The logarithm to base 2 of the largest acceptable probability that an inference, all of its outputs together,
    /// returns a wrong integer.
    pub p_fail_log2: f64,
    /// How inputs that decisions are made on are sent.
    pub query: QueryMode,
    /// Rows scored by one query, at least 1: a query then encrypts `rows` times the inputs' codes, row after row, and
    /// the response decrypts to `rows` times the outputs, row after row.
    pub rows: usize,
    /// Threads that one evaluation may use, at least 1.
    pub threads: usize,
}

impl Default for Options {
    /// `p_fail` of 2^-128, the backend's choice of query, one row, one thread.
    fn default() -> Self {
        Self {
            p_fail_log2: -128.0,
            query: QueryMode::Auto,
            rows: 1,
            threads: 1,
        }
    }
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

/// What kind of thing went wrong, for code that is generic over backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The backend cannot run an operation of the circuit.
    Unsupported,
    /// The circuit needs more bits than any parameter set holds with the probability asked for.
    DoesNotFit,
    /// An option has no meaning, such as zero rows.
    Options,
    /// The number of codes is wrong, or a code lies outside of its range.
    Codes,
    /// A key, query or response is of another program, or damaged.
    Mismatch,
    /// Anything else.
    Other,
}

/// An error of a [`Backend`].
pub trait BackendError: core::error::Error {
    /// What kind of thing went wrong.
    fn kind(&self) -> ErrorKind;
}

/// Runs verified circuits: on integers in `tenebra-sim`, on ciphertexts in `tenebra-tfhe`.
///
/// For every circuit and every input within its ranges, what `decrypt` returns is what the simulator returns.
pub trait Backend {
    /// A circuit prepared for this backend, with its parameters and costs.
    type Program;
    /// Stays with the owner of the data.
    type ClientKey;
    /// What the server needs to evaluate; `()` for purely linear circuits.
    type ServerKey;
    /// Encrypted codes.
    type Query;
    /// The encrypted result.
    type Response;
    /// What may go wrong.
    type Error: BackendError;

    /// Chooses parameters and a schedule for `circuit`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], [`ErrorKind::DoesNotFit`] or [`ErrorKind::Options`].
    fn prepare(&self, circuit: &Verified, options: &Options) -> Result<Self::Program, Self::Error>;

    /// Draws a fresh pair of keys.
    ///
    /// # Errors
    /// [`ErrorKind::Other`], where the backend has reasons to fail.
    fn generate_keys(
        &self,
        program: &Self::Program,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self::ClientKey, Self::ServerKey), Self::Error>;

    /// Encrypts the codes of all input ports in a row, and of all [`rows`](Options::rows) one after the other.
    ///
    /// # Errors
    /// [`ErrorKind::Codes`] for a wrong number of codes or one outside of its range; [`ErrorKind::Mismatch`].
    fn encrypt(
        &self,
        program: &Self::Program,
        key: &Self::ClientKey,
        codes: &[i64],
        rng: &mut impl CryptoRng,
    ) -> Result<Self::Query, Self::Error>;

    /// Runs the circuit.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`], as far as a server can see it.
    fn evaluate(
        &self,
        program: &Self::Program,
        key: &Self::ServerKey,
        query: &Self::Query,
    ) -> Result<Self::Response, Self::Error>;

    /// The elements of all output ports in a row, and of all rows one after the other.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`].
    fn decrypt(
        &self,
        program: &Self::Program,
        key: &Self::ClientKey,
        response: &Self::Response,
    ) -> Result<Vec<i64>, Self::Error>;
}
