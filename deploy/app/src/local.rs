//! A compiled model in memory: its rows scored by the float model, on codes, or encrypted under keys of its own.

use core::ops::Range;
use std::sync::OnceLock;

use tenebra_client::{ClientSpec, SpecFile};
use tenebra_models::{Model, Prediction};
use tenebra_tfhe::EvaluationKey;

use crate::codes::Codes;
use crate::error::Error;
use crate::evaluate::{self, Scored};
use crate::files::Files;
use crate::keys::Keys;
use crate::rows::Rows;
use crate::server_program::ServerProgram;

/// A compiled model: both sides, and the float model if it is there.
#[derive(Debug)]
pub struct Local {
    client: SpecFile,
    server: ServerProgram,
    model: Option<Model>,
    session: OnceLock<Session>,
}

/// Made once, when rows are first encrypted.
#[derive(Debug)]
struct Session {
    keys: Keys,
    evaluation_key: Option<EvaluationKey>,
}

impl Local {
    /// From the bytes of both files.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Program`]; [`Error::OtherModel`] for files of two compilations.
    pub fn new(client: &[u8], server: &[u8], model: Option<Model>) -> Result<Self, Error> {
        let client = SpecFile::parse(client)?;
        let server = ServerProgram::parse(server)?;
        let (wanted, found) = (server.spec_id(), client.spec().id());
        if wanted != found {
            return Err(Error::OtherModel {
                server: wanted,
                client: found,
            });
        }
        Ok(Self {
            client,
            server,
            model,
            session: OnceLock::new(),
        })
    }

    /// The client's side.
    #[must_use]
    pub fn spec(&self) -> ClientSpec<'_> {
        self.client.spec()
    }

    /// The bytes of the client's side.
    #[must_use]
    pub fn spec_file(&self) -> &SpecFile {
        &self.client
    }

    /// The server's side.
    #[must_use]
    pub fn server(&self) -> &ServerProgram {
        &self.server
    }

    /// The float model.
    #[must_use]
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// What the float model says of rows.
    ///
    /// # Errors
    /// [`Error::FloatModelNeeded`]; as [`evaluate::clear`].
    pub fn clear(&self, rows: &Rows) -> Result<Vec<Prediction>, Error> {
        evaluate::clear(self.model.as_ref().ok_or(Error::FloatModelNeeded)?, rows)
    }

    /// What the circuit says of codes.
    ///
    /// # Errors
    /// As [`evaluate::simulate`].
    pub fn simulate(&self, codes: &Codes<'_>) -> Result<Scored, Error> {
        evaluate::simulate(&self.server, codes)
    }

    /// Encrypts rows into one query, evaluates it on `threads` threads, and decrypts, everything through its bytes on the wire.
    /// Keys are made the first time.
    ///
    /// # Errors
    /// [`Error::Client`] for more rows than a query holds; [`Error::Randomness`].
    ///
    /// # Panics
    /// If there are no such rows.
    pub fn encrypted(
        &self,
        codes: &Codes<'_>,
        rows: Range<usize>,
        threads: usize,
    ) -> Result<Scored, Error> {
        let Session {
            keys,
            evaluation_key,
        } = self.session()?;
        let query = keys.encrypt(codes, rows)?;
        let response = self
            .server
            .evaluate(evaluation_key.as_ref(), &query, threads)?;
        keys.decrypt(&Files::new(), codes.spec(), &response)
    }

    fn session(&self) -> Result<&Session, Error> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        let keys = Keys::generate(&self.spec())?;
        let evaluation_key = keys.evaluation_key();
        let evaluation_key = evaluation_key.map(|bytes| self.server.prepare_key(bytes));
        let evaluation_key = evaluation_key.transpose()?;
        // Another thread may have been first; its keys are as good.
        Ok(self.session.get_or_init(|| Session {
            keys,
            evaluation_key,
        }))
    }
}
