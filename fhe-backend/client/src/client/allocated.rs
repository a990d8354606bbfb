//! What a data owner does, with `Vec`s instead of buffers.

use alloc::vec;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::{ClientError, ClientKey};
use crate::spec::ClientSpec;

impl ClientKey {
    /// The **secret** key file; see [`write_secret_file`](Self::write_secret_file).
    #[must_use]
    pub fn to_secret_file(&self, spec: &ClientSpec<'_>) -> Vec<u8> {
        let mut out = vec![0; Self::secret_file_len(spec)];
        self.write_secret_file(&mut out);
        out
    }
}

impl ClientSpec<'_> {
    /// The framed evaluation key that belongs to `key`; `None` if the server needs none.
    ///
    /// # Errors
    ///
    /// A key of another model.
    pub fn evaluation_key_file(
        &self,
        key: &ClientKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(len) = self.evaluation_key_len() else {
            return Ok(None);
        };
        let mut out = Vec::with_capacity(len);
        let mut scratch = vec![0; self.evaluation_key_scratch_len()];
        self.write_evaluation_key(key, rng, &mut scratch, |bytes| {
            out.extend_from_slice(bytes);
            Ok::<_, ClientError>(())
        })?;
        Ok(Some(out))
    }

    /// Quantizes and encrypts rows; returns the framed query and how many values were clipped.
    ///
    /// # Errors
    ///
    /// As [`quantize`](Self::quantize) and [`encrypt`](Self::encrypt).
    pub fn encrypt_rows<R: AsRef<[f64]>>(
        &self,
        key: &ClientKey,
        rows: &[R],
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<u8>, usize), ClientError> {
        let mut codes = vec![0; rows.len() * self.input_count()];
        let mut clipped = 0;
        for (row, codes) in rows.iter().zip(codes.chunks_exact_mut(self.input_count())) {
            clipped += self.quantize(row.as_ref(), codes)?;
        }
        Ok((self.encrypt_codes(key, &codes, rng)?, clipped))
    }

    /// Encrypts whole rows of codes into a framed query.
    ///
    /// # Errors
    ///
    /// As [`encrypt`](Self::encrypt).
    pub fn encrypt_codes(
        &self,
        key: &ClientKey,
        codes: &[i64],
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, ClientError> {
        let rows = codes.len().div_ceil(self.input_count());
        let mut scratch = vec![0; self.scratch_len(rows)?];
        let mut out = vec![0; self.query_len(rows)?];
        self.encrypt(key, codes, rng, &mut scratch, &mut out)?;
        Ok(out)
    }

    /// The integers of a framed response, one inner `Vec` a row.
    ///
    /// # Errors
    ///
    /// As [`decrypt`](Self::decrypt).
    pub fn decrypt_rows(
        &self,
        key: &ClientKey,
        response: &[u8],
    ) -> Result<Vec<Vec<i64>>, ClientError> {
        let rows = self.response_rows(response)?;
        let mut out = vec![0; rows * self.output_count()];
        self.decrypt(key, response, &mut out)?;
        Ok(out
            .chunks_exact(self.output_count())
            .map(<[i64]>::to_vec)
            .collect())
    }
}
