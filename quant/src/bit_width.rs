//! The width of a code.

use crate::QuantError;

/// Width of a code in bits, 1 to 16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "u8", into = "u8")
)]
pub struct BitWidth(u8);

impl BitWidth {
    /// The narrowest code: 1 bit.
    pub const MIN: Self = Self(1);
    /// The widest code: 16 bits.
    pub const MAX: Self = Self(16);

    /// A width of `bits` bits.
    ///
    /// # Errors
    /// [`QuantError::BitWidth`] unless `bits` is 1 to 16.
    pub const fn new(bits: u8) -> Result<Self, QuantError> {
        if bits < Self::MIN.0 || bits > Self::MAX.0 {
            return Err(QuantError::BitWidth { bits });
        }
        Ok(Self(bits))
    }

    /// The number of bits, 1 to 16.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The largest unsigned code, `2^bits - 1`.
    #[must_use]
    pub const fn max_unsigned(self) -> i32 {
        (1 << self.0) - 1
    }

    /// The largest symmetric code, `2^(bits - 1) - 1`; 0 for one bit.
    #[must_use]
    pub const fn max_symmetric(self) -> i32 {
        (1 << (self.0 - 1)) - 1
    }
}

impl TryFrom<u8> for BitWidth {
    type Error = QuantError;

    fn try_from(bits: u8) -> Result<Self, QuantError> {
        Self::new(bits)
    }
}

impl From<BitWidth> for u8 {
    fn from(width: BitWidth) -> Self {
        width.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_1_to_16_bits_exist() {
        for bits in 0..=u8::MAX {
            match BitWidth::new(bits) {
                Ok(width) => {
                    assert!((1..=16).contains(&bits) && width.bits() == bits);
                    assert_eq!(u8::from(width), bits);
                }
                Err(error) => {
                    assert!(!(1..=16).contains(&bits));
                    assert_eq!(error, QuantError::BitWidth { bits });
                }
            }
        }
    }

    #[test]
    fn largest_codes() {
        assert_eq!(BitWidth::MIN.max_unsigned(), 1);
        assert_eq!(BitWidth::MIN.max_symmetric(), 0);
        assert_eq!(BitWidth::MAX.max_unsigned(), 65_535);
        assert_eq!(BitWidth::MAX.max_symmetric(), 32_767);
    }
}
