//! CRC-32 of frames (the one of IEEE 802.3, zlib and PNG; polynomial 0xEDB88320 reflected).

/// Of bytes that come piece by piece.
#[cfg(feature = "alloc")]
pub(crate) use crc32fast::Hasher as Checksum;

#[cfg(not(feature = "alloc"))]
pub(crate) use small::Checksum;

/// For devices: `crc32fast` is quick by 16 kB of tables, half of the flash that a whole firmware may take.
#[cfg(any(test, not(feature = "alloc")))]
mod small {
    /// CRC-32 half a byte at a time, with a table of 64 bytes.
    #[derive(Clone, Debug)]
    pub(crate) struct Checksum(u32);

    const POLYNOMIAL: u32 = 0xEDB8_8320;

    /// What four bits that are shifted out change.
    const TABLE: [u32; 16] = {
        let mut table = [0u32; 16];
        let mut index = 0;
        while index < 16 {
            #[expect(clippy::cast_possible_truncation, reason = "at most 15")]
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 4 {
                value = (value >> 1) ^ (POLYNOMIAL & 0u32.wrapping_sub(value & 1));
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };

    impl Checksum {
        pub(crate) fn new() -> Self {
            Self(!0)
        }

        pub(crate) fn update(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 ^= u32::from(*byte);
                for _ in 0..2 {
                    self.0 = (self.0 >> 4) ^ TABLE[(self.0 & 15) as usize];
                }
            }
        }

        pub(crate) fn finalize(self) -> u32 {
            !self.0
        }
    }
}

/// Of `bytes`.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let mut checksum = Checksum::new();
    checksum.update(bytes);
    checksum.finalize()
}

#[cfg(test)]
mod tests {
    use super::small::Checksum;
    use proptest::prelude::*;

    fn small(pieces: &[&[u8]]) -> u32 {
        let mut checksum = Checksum::new();
        pieces.iter().for_each(|bytes| checksum.update(bytes));
        checksum.finalize()
    }

    #[test]
    fn check_value() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(small(&[b"123456789"]), 0xCBF4_3926);
        assert_eq!(super::checksum(b"123456789"), 0xCBF4_3926);
    }

    proptest! {
        #[test]
        fn both_forms_agree(first in prop::collection::vec(any::<u8>(), 0..300), second in prop::collection::vec(any::<u8>(), 0..40)) {
            let whole = [first.clone(), second.clone()].concat();
            prop_assert_eq!(small(&[&first, &second]), super::checksum(&whole));
        }
    }
}
