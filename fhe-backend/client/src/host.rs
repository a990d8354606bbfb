//! A client that owns its spec, for hosts; devices borrow a [`ClientSpec`] from flash.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::client::{ClientError, ClientKey};
use crate::spec::{ClientSpec, SpecError, SpecFile};

/// The owner of data: a client spec and the secret keys for it.
///
/// ```
/// # fn f(spec: Vec<u8>, server: impl Fn(&[u8]) -> Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
/// use tenebra_client::Client;
///
/// let mut rng = getrandom::SysRng;
/// # let mut rng = rand_core::UnwrapErr(rng);
/// let client = Client::generate(spec, &mut rng)?;
/// let (query, clipped) = client.encrypt(&[[5.1, 3.5, 1.4, 0.2]], &mut rng)?;
/// let response = server(&query);
/// let integers = client.decrypt(&response)?;
/// let mut scores = [0.0; 3];
/// client.spec().scores(&integers[0], &mut scores);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    file: SpecFile,
    key: ClientKey,
}

impl Client {
    /// Reads a framed spec and draws fresh keys for it; see [`ClientKey::generate`].
    ///
    /// # Errors
    ///
    /// [`SpecError`].
    pub fn generate(spec: impl AsRef<[u8]>, rng: &mut impl CryptoRng) -> Result<Self, SpecError> {
        let file = SpecFile::parse(spec)?;
        let key = ClientKey::generate(&file.spec(), rng);
        Ok(Self { file, key })
    }

    /// Reads a framed spec and a secret key file made for it.
    ///
    /// # Errors
    ///
    /// [`ClientError::Spec`], [`ClientError::Frame`] for damaged or foreign files and keys of another model.
    pub fn open(
        spec: impl AsRef<[u8]>,
        secret_file: impl AsRef<[u8]>,
    ) -> Result<Self, ClientError> {
        let file = SpecFile::parse(spec)?;
        let key = ClientKey::read_secret_file(&file.spec(), secret_file.as_ref())?;
        Ok(Self { file, key })
    }

    /// The spec.
    #[must_use]
    pub fn spec(&self) -> ClientSpec<'_> {
        self.file.spec()
    }

    /// The secret keys.
    #[must_use]
    pub fn key(&self) -> &ClientKey {
        &self.key
    }

    /// The **secret** key file, for [`open`](Self::open).
    #[must_use]
    pub fn secret_file(&self) -> Vec<u8> {
        self.key.to_secret_file(&self.spec())
    }

    /// The framed evaluation key; `None` if the server needs none.
    ///
    /// # Errors
    ///
    /// As [`ClientSpec::write_evaluation_key`].
    pub fn evaluation_key(&self, rng: &mut impl CryptoRng) -> Result<Option<Vec<u8>>, ClientError> {
        self.spec().evaluation_key_file(&self.key, rng)
    }

    /// Quantizes and encrypts rows of features into one framed query; with it, how many values were clipped to the calibrated
    /// range.
    ///
    /// # Errors
    ///
    /// As [`ClientSpec::encrypt_rows`].
    pub fn encrypt<R: AsRef<[f64]>>(
        &self,
        rows: &[R],
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<u8>, usize), ClientError> {
        self.spec().encrypt_rows(&self.key, rows, rng)
    }

    /// The integers of a framed response, one inner `Vec` a row.
    ///
    /// # Errors
    ///
    /// As [`ClientSpec::decrypt`].
    pub fn decrypt(&self, response: &[u8]) -> Result<Vec<Vec<i64>>, ClientError> {
        self.spec().decrypt_rows(&self.key, response)
    }
}
