//! Types of tensor elements: their numbers in the file, and the rounding and wrapping of their arithmetic.

/// An element type, as `TensorProto.DataType` numbers them; those that hold no numbers, labels or truth values are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Float16,
    Float32,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Bool,
    String,
}

/// Every type with its number and name.
const TYPES: &[(i32, Element, &str)] = &[
    (10, Element::Float16, "float16"),
    (1, Element::Float32, "float"),
    (11, Element::Float64, "double"),
    (3, Element::Int8, "int8"),
    (5, Element::Int16, "int16"),
    (6, Element::Int32, "int32"),
    (7, Element::Int64, "int64"),
    (2, Element::Uint8, "uint8"),
    (4, Element::Uint16, "uint16"),
    (12, Element::Uint32, "uint32"),
    (9, Element::Bool, "bool"),
    (8, Element::String, "string"),
];

/// The integer that a number is, if it is one and below 2^53.
pub(super) fn integer(x: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^53")]
    let integer = x as i64;
    (x.abs() <= 9e15 && integer as f64 == x).then_some(integer)
}

impl Element {
    pub(super) fn from_number(number: i64) -> Option<Self> {
        TYPES
            .iter()
            .find(|(known, ..)| i64::from(*known) == number)
            .map(|&(_, element, _)| element)
    }

    pub(super) fn name(self) -> &'static str {
        TYPES
            .iter()
            .find(|(_, element, _)| *element == self)
            .map_or("", |&(_, _, name)| name)
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::Float16 | Self::Float32 | Self::Float64)
    }

    pub(super) fn is_integer(self) -> bool {
        !self.is_float() && !matches!(self, Self::Bool | Self::String)
    }

    /// The nearest number of a floating-point type, ties to even. Sums, products, quotients and square roots of numbers of
    /// a type, taken in double precision and rounded so, are those that the type's own arithmetic gives (Figueroa 1995).
    pub(super) fn round(self, x: f64) -> f64 {
        match self {
            Self::Float16 => half(single(x)),
            Self::Float32 => single(x),
            _ => x,
        }
    }

    /// The greatest number of the type below one of it.
    pub(super) fn next_down(self, x: f64) -> f64 {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "a number of the type")]
            Self::Float32 => f64::from((x as f32).next_down()),
            Self::Float16 => f64::NAN,
            _ => x.next_down(),
        }
    }

    /// The integer, modulo the size of an integer type.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "wrapping is the point"
    )]
    pub(super) fn wrap(self, x: i64) -> i64 {
        match self {
            Self::Int8 => i64::from(x as i8),
            Self::Int16 => i64::from(x as i16),
            Self::Int32 => i64::from(x as i32),
            Self::Uint8 => i64::from(x as u8),
            Self::Uint16 => i64::from(x as u16),
            Self::Uint32 => i64::from(x as u32),
            Self::Bool => i64::from(x != 0),
            _ => x,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the rounding is the point")]
fn single(x: f64) -> f64 {
    f64::from(x as f32)
}

/// Rounds to 11 significant bits, or to multiples of 2^-24 below 2^-14; beyond 65504 to infinity.
fn half(x: f64) -> f64 {
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    let exponent = (x.abs().log2().floor()).max(-14.0);
    let unit = (exponent - 10.0).exp2();
    let rounded = (x / unit).round_ties_even() * unit;
    if rounded.abs() > 65504.0 {
        f64::INFINITY.copysign(x)
    } else {
        rounded
    }
}

/// The number that 16 bits stand for (IEEE 754 binary16).
pub(super) fn half_from_bits(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match bits >> 10 & 0x1f {
        0 => fraction * (-24_f64).exp2(),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1.0 + fraction / 1024.0) * (f64::from(exponent) - 15.0).exp2(),
    };
    if bits >> 15 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_reads_back_and_rounds_to_even() {
        for bits in 0..=u16::MAX {
            let x = half_from_bits(bits);
            assert!(x.is_nan() || Element::Float16.round(x) == x, "{bits}");
        }
        // Between 1 and 1 + 2^-10, and between 1 + 2^-10 and 1 + 2^-9.
        let unit = (-11_f64).exp2();
        assert_eq!(Element::Float16.round(1.0 + unit), 1.0);
        assert_eq!(Element::Float16.round(1.0 + 3.0 * unit), 1.0 + 4.0 * unit);
        assert_eq!(Element::Float16.round(65519.0), 65504.0);
        assert_eq!(Element::Float16.round(-65520.0), f64::NEG_INFINITY);
    }

    #[test]
    fn integers_wrap() {
        assert_eq!(Element::Int8.wrap(200), -56);
        assert_eq!(Element::Uint8.wrap(-1), 255);
        assert_eq!(Element::Bool.wrap(7), 1);
    }
}
