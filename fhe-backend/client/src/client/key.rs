//! The secret keys of a data owner, and their file.

use rand_core::CryptoRng;

use super::ClientError;
use crate::frame::{Frame, KeyTag, Kind, SpecId, frame_len, write_frame};
use crate::key::SecretKey;
use crate::params::ValidGlwe;
use crate::random::Transcript;
use crate::scheme::cipher::{Cipher, Keys, MAX_SECRETS};
use crate::spec::ClientSpec;

/// The secret keys for one spec, one a plan.
#[derive(Clone, Debug)]
pub struct ClientKey {
    spec_id: SpecId,
    tag: KeyTag,
    keys: [Option<SecretKey>; MAX_SECRETS],
}

/// What stands before a secret in a key file: it is of GLWE encryption.
const GLWE_SECRET: u8 = 1;

impl ClientKey {
    /// Fresh keys for every plan of `spec`, from 32 bytes of `rng`. They are as hard to guess as those bytes: `rng` must be
    /// cryptographically secure and seeded by the operating system or the device's hardware.
    pub fn generate(spec: &ClientSpec<'_>, rng: &mut impl CryptoRng) -> Self {
        let mut transcript = Transcript::new("tenebra client key", rng);
        transcript.bytes(&spec.id().0);
        let root = transcript.root();
        let mut key = Self {
            spec_id: spec.id(),
            tag: root.key_tag(),
            keys: [const { None }; MAX_SECRETS],
        };
        for (plan, (slot, glwe)) in (0..).zip(key.keys.iter_mut().zip(spec.secrets())) {
            slot.get_or_insert_with(|| SecretKey::zero(glwe))
                .draw(root.key_words(plan));
        }
        key
    }

    /// The spec it was made for.
    #[must_use]
    pub fn spec_id(&self) -> SpecId {
        self.spec_id
    }

    /// Its name on everything that is made with it; says nothing about it.
    #[must_use]
    pub fn tag(&self) -> KeyTag {
        self.tag
    }

    /// Bytes of the secret key file for `spec`.
    #[must_use]
    pub fn secret_file_len(spec: &ClientSpec<'_>) -> usize {
        frame_len(
            spec.secrets()
                .map(|glwe| 1 + SecretKey::secret_len(glwe))
                .sum(),
        )
    }

    /// Writes the **secret** key file. Whoever reads it can decrypt every query made with this key.
    ///
    /// # Panics
    ///
    /// If `out` is not [`secret_file_len`](Self::secret_file_len) long.
    pub fn write_secret_file(&self, out: &mut [u8]) {
        let written = write_frame(
            out,
            Kind::SecretKey,
            self.spec_id,
            self.tag,
            |mut payload| {
                for key in self.keys.iter().flatten() {
                    payload[0] = GLWE_SECRET;
                    let (head, rest) = payload[1..].split_at_mut(SecretKey::secret_len(key.glwe()));
                    key.write_secret(head);
                    payload = rest;
                }
                Ok::<_, core::convert::Infallible>(())
            },
        );
        match written {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    /// Reads a secret key file made for `spec`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Frame`] for damaged or foreign files and keys of another model.
    pub fn read_secret_file(spec: &ClientSpec<'_>, bytes: &[u8]) -> Result<Self, ClientError> {
        let frame = Frame::parse_for(bytes, Kind::SecretKey, spec.id())?;
        let mut payload = frame.payload;
        let mut key = Self {
            spec_id: spec.id(),
            tag: frame.key_tag,
            keys: [const { None }; MAX_SECRETS],
        };
        for (slot, glwe) in key.keys.iter_mut().zip(spec.secrets()) {
            let (head, rest) = payload
                .strip_prefix(&[GLWE_SECRET])
                .and_then(|payload| payload.split_at_checked(SecretKey::secret_len(glwe)))
                .ok_or(ClientError::KeyLength)?;
            slot.get_or_insert_with(|| SecretKey::zero(glwe))
                .fill(head)
                .ok_or(ClientError::KeyLength)?;
            payload = rest;
        }
        if !payload.is_empty() {
            return Err(ClientError::KeyLength);
        }
        Ok(key)
    }

    /// The secret key of one plan, 0 for single rows: for measurements and for comparisons with other implementations.
    #[doc(hidden)]
    #[must_use]
    pub fn plan_key(&self, plan: u8) -> Option<&SecretKey> {
        self.keys.get(usize::from(plan))?.as_ref()
    }

    pub(crate) fn keys(&self) -> Keys<'_> {
        Keys(&self.keys)
    }
}

impl ClientSpec<'_> {
    /// Parameters of the secret keys, in the order of the key file.
    fn secrets(&self) -> impl Iterator<Item = ValidGlwe> {
        self.scheme().secrets().into_iter().flatten()
    }
}
