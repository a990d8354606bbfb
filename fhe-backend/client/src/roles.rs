//! The deployed client in the role of [`tenebra_circuit::Client`].

use alloc::vec::Vec;

use rand_core::CryptoRng;
use tenebra_circuit::{ErrorKind, RoleError};

use crate::client::ClientError;
use crate::host::Client;

impl RoleError for ClientError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Columns { .. }
            | Self::Value { .. }
            | Self::Code { .. }
            | Self::Codes { .. }
            | Self::Rows { .. } => ErrorKind::Codes,
            Self::Frame(_)
            | Self::Spec(_)
            | Self::Cipher(_)
            | Self::KeyLength
            | Self::Undecryptable => ErrorKind::Mismatch,
        }
    }
}

impl tenebra_circuit::Client for Client {
    type Error = ClientError;

    fn open(spec: &[u8], rng: &mut impl CryptoRng) -> Result<Self, ClientError> {
        Ok(Self::generate(spec, rng)?)
    }

    fn max_rows(&self) -> usize {
        self.spec().max_rows()
    }

    fn evaluation_key(&self, rng: &mut impl CryptoRng) -> Result<Option<Vec<u8>>, ClientError> {
        self.evaluation_key(rng)
    }

    fn encrypt(&self, codes: &[i64], rng: &mut impl CryptoRng) -> Result<Vec<u8>, ClientError> {
        self.spec().encrypt_codes(self.key(), codes, rng)
    }

    fn decrypt(&self, response: &[u8]) -> Result<Vec<i64>, ClientError> {
        Ok(self.decrypt(response)?.concat())
    }
}
