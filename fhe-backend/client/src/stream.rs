//! Responses that are decrypted while they arrive, for devices with less memory than a response has bytes.

use crate::bits::low_bits;
use crate::checksum::Checksum;
use crate::client::{ClientError, ClientKey};
use crate::frame::{
    FrameError, HEADER_LEN, Header, KeyTag, Kind, SpecId, TRAILER_LEN, check_key_tag, check_model,
};
use crate::scheme::cipher::{Cipher, Source};
use crate::spec::ClientSpec;

impl ClientSpec<'_> {
    /// As [`decrypt`](Self::decrypt), for a framed response that `source` hands over piece by piece: each call fills the
    /// whole slice with the next bytes. A source that fails may fill in anything; the checksum, which comes last, finds
    /// out. Only if this returns `Ok` does `out` hold an answer.
    ///
    /// # Errors
    ///
    /// As [`decrypt`](Self::decrypt); [`CipherError::Buffer`](crate::CipherError::Buffer) for models with more than 62 digit sums.
    pub fn decrypt_from(
        &self,
        key: &ClientKey,
        source: impl FnMut(&mut [u8]),
        out: &mut [i64],
    ) -> Result<usize, ClientError> {
        self.check_key(key)?;
        let mut incoming = Incoming::start(source, self.id(), key.tag())?;
        let rows = self
            .scheme()
            .decrypt_from(key.keys(), self.ports(), &mut incoming, out)?;
        incoming.finish()?;
        self.check_outputs(out, rows)?;
        Ok(rows)
    }
}

/// A frame on its way.
struct Incoming<S> {
    source: S,
    checksum: Checksum,
    payload_len: u64,
    /// Bytes of the payload that were not asked for yet.
    left: u64,
    /// The last piece.
    piece: [u8; 64],
    piece_start: usize,
    piece_end: usize,
    pending: u128,
    pending_bits: u32,
}

impl<S: FnMut(&mut [u8])> Incoming<S> {
    /// Reads the header of a response of the spec `spec_id` under the key `key_tag`.
    fn start(mut source: S, spec_id: SpecId, key_tag: KeyTag) -> Result<Self, FrameError> {
        let mut header = [0; HEADER_LEN];
        source(&mut header);
        let Header {
            kind,
            spec_id: its_spec,
            key_tag: its_key,
            payload_len,
        } = Header::read(&header, Kind::Response)?;
        check_model(kind, its_spec, spec_id)?;
        check_key_tag(kind, its_key, key_tag)?;
        let mut checksum = Checksum::new();
        checksum.update(&header);
        Ok(Self {
            source,
            checksum,
            payload_len,
            left: payload_len,
            piece: [0; 64],
            piece_start: 0,
            piece_end: 0,
            pending: 0,
            pending_bits: 0,
        })
    }

    /// Checks that all was read and arrived undamaged.
    fn finish(mut self) -> Result<(), FrameError> {
        let mut trailer = [0; TRAILER_LEN];
        (self.source)(&mut trailer);
        if self.left == 0 && self.checksum.finalize() == u32::from_le_bytes(trailer) {
            Ok(())
        } else {
            Err(FrameError::Checksum)
        }
    }
}

impl<S: FnMut(&mut [u8])> Source for Incoming<S> {
    fn payload_len(&self) -> u64 {
        self.payload_len
    }

    /// The next byte of the payload; zeros behind its end.
    fn byte(&mut self) -> u8 {
        if self.piece_start == self.piece_end {
            let len = usize::try_from(self.left)
                .map_or(self.piece.len(), |left| left.min(self.piece.len()));
            let piece = &mut self.piece[..len];
            (self.source)(piece);
            self.checksum.update(piece);
            self.left -= len as u64;
            (self.piece_start, self.piece_end) = (0, len);
        }
        let byte = self.piece[..self.piece_end].get(self.piece_start);
        self.piece_start += usize::from(byte.is_some());
        byte.copied().unwrap_or(0)
    }

    /// The next `width` bits, at most 64, lowest first.
    fn bits(&mut self, width: u32) -> u64 {
        while self.pending_bits < width {
            self.pending |= u128::from(self.byte()) << self.pending_bits;
            self.pending_bits += 8;
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the mask keeps at most 64 bits"
        )]
        let value = (self.pending & u128::from(low_bits(width))) as u64;
        self.pending >>= width;
        self.pending_bits -= width;
        value
    }
}
