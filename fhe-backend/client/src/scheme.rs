//! The schemes: how the codes of a row become ciphertexts, and how outputs are read again. [`Scheme`] holds them all; nobody else tells
//! them apart but the planner and the evaluator.

pub mod branching;
pub mod cipher;
pub mod digit_scheme;
pub mod digits;
pub mod layout;
pub mod limits;
pub mod linear;
pub mod network;

use rand_core::CryptoRng;

use self::branching::BranchingScheme;
use self::cipher::{Cipher, KeySections, Keys, MAX_SECRETS, Source};
use self::layout::CipherError;
use self::linear::LinearScheme;
use self::network::NetworkScheme;
use crate::cursor::Cursor;
use crate::key::SecretKey;
use crate::params::ValidGlwe;
use crate::ports::Ports;
use crate::spec::error::SpecError;

/// Number of the linear scheme on the wire.
pub(crate) const LINEAR: u8 = 1;
/// Number of the branching scheme on the wire.
pub(crate) const BRANCHING: u8 = 2;
/// Number of the network scheme on the wire.
pub(crate) const NETWORK: u8 = 3;

/// A scheme with its parameters, as a client spec says them.
#[derive(Clone, Debug)]
pub enum Scheme {
    /// Products with clear weights.
    #[cfg(feature = "linear")]
    Linear(LinearScheme),
    /// Decisions and tables on encrypted bits.
    #[cfg(feature = "branching")]
    Branching(BranchingScheme),
    /// Neurons on encrypted bits.
    #[cfg(feature = "network")]
    Network(NetworkScheme),
}

/// A scheme in the making: what a planner gives.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub enum OwnedScheme {
    /// Products with clear weights.
    #[cfg(feature = "linear")]
    Linear(linear::OwnedLinear),
    /// Decisions and tables on encrypted bits.
    #[cfg(feature = "branching")]
    Branching(branching::OwnedBranching),
    /// Neurons on encrypted bits.
    #[cfg(feature = "network")]
    Network(network::OwnedNetwork),
}

#[cfg(feature = "alloc")]
impl OwnedScheme {
    /// Appends the parameters and returns the number of the scheme on the wire.
    pub(crate) fn write(&self, out: &mut alloc::vec::Vec<u8>) -> u8 {
        match self {
            #[cfg(feature = "linear")]
            Self::Linear(scheme) => {
                scheme.write(out);
                LINEAR
            }
            #[cfg(feature = "branching")]
            Self::Branching(scheme) => {
                scheme.write(out);
                BRANCHING
            }
            #[cfg(feature = "network")]
            Self::Network(scheme) => {
                scheme.write(out);
                NETWORK
            }
        }
    }
}

/// The same call for whichever scheme it is.
macro_rules! each {
    ($scheme:expr, $name:ident => $call:expr) => {
        match $scheme {
            #[cfg(feature = "linear")]
            Scheme::Linear($name) => $call,
            #[cfg(feature = "branching")]
            Scheme::Branching($name) => $call,
            #[cfg(feature = "network")]
            Scheme::Network($name) => $call,
        }
    };
}

impl Scheme {
    /// Reads the parameters of scheme `code` for a circuit of so many inputs and outputs.
    pub(crate) fn read(
        cursor: &mut Cursor<'_>,
        code: u8,
        ports: (u32, u32),
    ) -> Result<Self, SpecError> {
        match code {
            #[cfg(feature = "linear")]
            LINEAR => LinearScheme::read(cursor, ports).map(Self::Linear),
            #[cfg(feature = "branching")]
            BRANCHING => BranchingScheme::read(cursor, ports.1).map(Self::Branching),
            #[cfg(feature = "network")]
            NETWORK => NetworkScheme::read(cursor, ports.1).map(Self::Network),
            _ => Err(SpecError::UnknownScheme(code)),
        }
    }

    /// The inputs are those that the parameters were chosen for.
    pub(crate) fn check_inputs(&self, ports: Ports<'_>) -> Result<(), SpecError> {
        match self {
            #[cfg(feature = "linear")]
            Self::Linear(_) => Ok(()),
            #[cfg(feature = "branching")]
            Self::Branching(scheme) => scheme.check_inputs(ports),
            #[cfg(feature = "network")]
            Self::Network(scheme) => scheme.check_inputs(ports),
        }
    }

    /// If it is the linear one.
    #[must_use]
    pub fn linear(&self) -> Option<&LinearScheme> {
        match self {
            #[cfg(feature = "linear")]
            Self::Linear(scheme) => Some(scheme),
            #[cfg(any(feature = "branching", feature = "network"))]
            _ => None,
        }
    }

    /// If it is that of networks.
    #[must_use]
    pub fn network(&self) -> Option<&NetworkScheme> {
        match self {
            #[cfg(feature = "network")]
            Self::Network(scheme) => Some(scheme),
            #[cfg(any(feature = "linear", feature = "branching"))]
            _ => None,
        }
    }

    /// If it is the branching one.
    #[must_use]
    pub fn branching(&self) -> Option<&BranchingScheme> {
        match self {
            #[cfg(feature = "branching")]
            Self::Branching(scheme) => Some(scheme),
            #[cfg(any(feature = "linear", feature = "network"))]
            _ => None,
        }
    }
}

impl Cipher for Scheme {
    fn name(&self) -> &'static str {
        each!(self, scheme => scheme.name())
    }

    fn query_mode(&self) -> &'static str {
        each!(self, scheme => scheme.query_mode())
    }

    fn secrets(&self) -> [Option<ValidGlwe>; MAX_SECRETS] {
        each!(self, scheme => scheme.secrets())
    }

    fn max_rows(&self) -> usize {
        each!(self, scheme => scheme.max_rows())
    }

    fn output_bits(&self) -> u8 {
        each!(self, scheme => scheme.output_bits())
    }

    fn query_len(&self, rows: usize) -> usize {
        each!(self, scheme => scheme.query_len(rows))
    }

    fn each_query_len(&self, take: &mut dyn FnMut(usize)) {
        each!(self, scheme => scheme.each_query_len(take));
    }

    fn response_len(&self, rows: usize) -> usize {
        each!(self, scheme => scheme.response_len(rows))
    }

    fn scratch_len(&self, rows: usize) -> usize {
        each!(self, scheme => scheme.scratch_len(rows))
    }

    fn encrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        codes: &[i64],
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        out: &mut [u8],
    ) -> Result<(), CipherError> {
        each!(self, scheme => scheme.encrypt(keys, ports, codes, rng, scratch, out))
    }

    fn response_rows(&self, payload: &[u8]) -> Result<usize, CipherError> {
        each!(self, scheme => scheme.response_rows(payload))
    }

    fn decrypt(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        payload: &[u8],
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        each!(self, scheme => scheme.decrypt(keys, ports, payload, out))
    }

    fn decrypt_from(
        &self,
        keys: Keys<'_>,
        ports: Ports<'_>,
        source: &mut impl Source,
        out: &mut [i64],
    ) -> Result<usize, CipherError> {
        each!(self, scheme => scheme.decrypt_from(keys, ports, source, out))
    }

    fn key_sections(&self) -> KeySections {
        each!(self, scheme => scheme.key_sections())
    }

    fn key_scratch_len(&self) -> usize {
        each!(self, scheme => scheme.key_scratch_len())
    }

    fn write_key_section<E>(
        &self,
        index: usize,
        key: &SecretKey,
        rng: &mut impl CryptoRng,
        scratch: &mut [u64],
        push: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        each!(self, scheme => scheme.write_key_section(index, key, rng, scratch, push))
    }

    fn prepared_key_bytes(&self) -> u64 {
        each!(self, scheme => scheme.prepared_key_bytes())
    }
}
