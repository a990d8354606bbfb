//! Evaluation keys: their sections, and what they are prepared to.

use alloc::sync::Arc;

use tenebra_client::linear::public_key_sections;
use tenebra_client::packing::SwitchKeys;
use tenebra_client::scheme::cipher::{KeySections, MAX_SECTIONS, sections_len, split_sections};
use tenebra_client::{Frame, KeyTag, Kind, SpecId, frame_len};

use super::{Program, Scheme, hiding};
use crate::branching::unpack::UnpackingKey;
use crate::error::EvaluateError;
use crate::linear::hide::PublicKey;

/// A client's evaluation key, prepared for evaluation: tens of megabytes in the Fourier domain at most.
#[derive(Clone)]
pub struct EvaluationKey {
    tag: KeyTag,
    prepared: PreparedKey,
}

#[derive(Clone)]
enum PreparedKey {
    /// Unpacks queries of a branching circuit.
    Unpacking(Box<UnpackingKey>),
    /// Hides a linear circuit in its responses.
    Public(Arc<PublicKey>),
}

impl EvaluationKey {
    /// Of the secret key that it was made with.
    pub(super) fn tag(&self) -> KeyTag {
        self.tag
    }

    /// If it hides a linear circuit.
    pub(super) fn public(&self) -> Option<&PublicKey> {
        match &self.prepared {
            PreparedKey::Public(key) => Some(key),
            PreparedKey::Unpacking(_) => None,
        }
    }

    /// If it makes encrypted bits.
    pub(crate) fn unpacking(&self) -> Option<&UnpackingKey> {
        match &self.prepared {
            PreparedKey::Unpacking(unpacking) => Some(unpacking),
            PreparedKey::Public(_) => None,
        }
    }
}

fn unpacking_key(keys: Option<SwitchKeys>, section: &[u8]) -> Option<PreparedKey> {
    let key = UnpackingKey::prepare(&keys?, section)?;
    Some(PreparedKey::Unpacking(Box::new(key)))
}

impl core::fmt::Debug for EvaluationKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("EvaluationKey")
    }
}

impl Program {
    /// The sections of the evaluation key.
    fn key_sections(&self) -> KeySections {
        match &self.scheme {
            Scheme::Linear(programs) if hiding(programs).is_some() => {
                public_key_sections(self.layouts())
            }
            Scheme::Linear(_) => [None; MAX_SECTIONS],
            Scheme::Branching(program) => program.plan.layout.key_sections(),
            Scheme::Network(program) => program.plan.layout.key_sections(),
        }
    }

    /// Bytes of a framed evaluation key; `None` if the circuit runs without one.
    #[must_use]
    pub fn evaluation_key_bytes(&self) -> Option<usize> {
        sections_len(&self.key_sections()).map(frame_len)
    }

    /// Prepares the payload of the evaluation key of the secret key `tag`.
    ///
    /// # Errors
    ///
    /// [`EvaluateError::EvaluationKey`] if it is not one of this circuit's.
    pub fn prepare_key_payload(
        &self,
        tag: KeyTag,
        payload: &[u8],
    ) -> Result<EvaluationKey, EvaluateError> {
        let expected = self.key_sections();
        sections_len(&expected).ok_or(EvaluateError::EvaluationKey)?;
        let sections = split_sections(&expected, payload).ok_or(EvaluateError::EvaluationKey)?;
        let prepared = match &self.scheme {
            Scheme::Linear(_) => PublicKey::prepare(self.layouts(), &sections)
                .map(|key| PreparedKey::Public(Arc::new(key))),
            Scheme::Branching(program) => {
                unpacking_key(program.plan.layout.switch_keys(), sections[0])
            }
            Scheme::Network(program) => {
                unpacking_key(program.plan.layout.switch_keys(), sections[0])
            }
        };
        prepared
            .map(|prepared| EvaluationKey { tag, prepared })
            .ok_or(EvaluateError::EvaluationKey)
    }

    /// Prepares a framed evaluation key of the spec `spec_id`, once for all queries made with its secret key.
    ///
    /// # Errors
    ///
    /// [`EvaluateError`]: damaged bytes, a key of another model.
    pub fn prepare_key(
        &self,
        spec_id: SpecId,
        bytes: &[u8],
    ) -> Result<EvaluationKey, EvaluateError> {
        let frame = Frame::parse_for(bytes, Kind::EvaluationKey, spec_id)?;
        self.prepare_key_payload(frame.key_tag, frame.payload)
    }
}
