//! Arithmetic on constants, in the arithmetic of their type.

use crate::import::onnx::element::{Element, integer};

/// Operators of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Pow,
    /// The remainder with the sign of the divisor, of integers.
    Mod,
    /// The remainder with the sign of the dividend.
    Fmod,
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Xor,
}

impl Binary {
    /// Whether it compares two numbers.
    pub(crate) fn compares(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual
        )
    }

    /// Whether it takes truth values.
    pub(super) fn is_logical(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Xor)
    }

    /// Whether it gives truth values.
    pub(super) fn decides(self) -> bool {
        self.compares() || self.is_logical()
    }

    fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            _ => a >= b,
        }
    }

    /// Of two numbers of a floating-point type; truth values are 0 and 1.
    pub(super) fn numbers(self, a: f64, b: f64, element: Element) -> f64 {
        element.round(match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Max if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Min if a.is_nan() || b.is_nan() => f64::NAN,
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::Pow => a.powf(b),
            Self::Mod | Self::Fmod => a % b,
            Self::And | Self::Or | Self::Xor => f64::NAN,
            _ => f64::from(u8::from(self.holds(a, b))),
        })
    }

    /// Of two integers, which wrap around as those of the type do; quotients are rounded toward 0, and nothing is divided by 0.
    pub(super) fn integers(self, a: i64, b: i64, element: Element) -> Option<i64> {
        let exact = match self {
            Self::Add => a.wrapping_add(b),
            Self::Sub => a.wrapping_sub(b),
            Self::Mul => a.wrapping_mul(b),
            Self::Div | Self::Mod | Self::Fmod if b == 0 => return None,
            Self::Div => a.wrapping_div(b),
            Self::Fmod => a.wrapping_rem(b),
            Self::Mod => match a.wrapping_rem(b) {
                rest if rest != 0 && (rest < 0) != (b < 0) => rest + b,
                rest => rest,
            },
            Self::Max => a.max(b),
            Self::Min => a.min(b),
            Self::Pow => return None,
            Self::And => a & b,
            Self::Or => a | b,
            Self::Xor => a ^ b,
            _ => return Some(i64::from(self.holds(a, b))),
        };
        Some(element.wrap(exact))
    }

    /// Of two numbers of any type, as leaves hold them.
    pub(crate) fn either(self, a: f64, b: f64, element: Element) -> Option<f64> {
        if element.is_float() {
            return Some(self.numbers(a, b, element));
        }
        let result = self.integers(integer(a)?, integer(b)?, element)?;
        Some(result as f64)
    }
}

/// A number as another type holds it: rounded, or cut off after the point. None where the result depends on the machine.
pub(super) fn cast_number(x: f64, to: Element) -> Option<f64> {
    if to.is_float() {
        return Some(to.round(x));
    }
    if to == Element::Bool {
        return Some(f64::from(u8::from(x != 0.0)));
    }
    let integer = integer(x.trunc())?;
    (to.is_integer() && to.wrap(integer) == integer).then_some(integer as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Element::{Bool, Float32, Int8, Int64};

    #[test]
    fn numbers_are_cut_off_and_quotients_of_integers_are_integers() {
        assert_eq!(cast_number(1.7, Int64), Some(1.0));
        assert_eq!(cast_number(-1.7, Int64), Some(-1.0));
        assert_eq!(cast_number(300.0, Int8), None);
        assert_eq!(cast_number(f64::NAN, Int64), None);
        assert_eq!(cast_number(-0.5, Bool), Some(1.0));
        assert_eq!(Binary::Div.integers(-7, 2, Int64), Some(-3));
        assert_eq!(Binary::Div.integers(7, 0, Int64), None);
        assert_eq!(Binary::Add.integers(100, 100, Int8), Some(-56));
        for (a, b, rest, of_dividend) in
            [(7, 3, 1, 1), (-7, 3, 2, -1), (7, -3, -2, 1), (-6, 3, 0, 0)]
        {
            assert_eq!(Binary::Mod.integers(a, b, Int64), Some(rest), "{a} {b}");
            assert_eq!(
                Binary::Fmod.integers(a, b, Int64),
                Some(of_dividend),
                "{a} {b}"
            );
        }
        assert_eq!(Binary::Mod.integers(i64::MIN, -1, Int64), Some(0));
        assert_eq!(Binary::Mod.integers(1, 0, Int64), None);
    }

    #[test]
    fn sums_of_singles_are_rounded_to_single() {
        // 2^24 + 1 is between two singles, and the even one is below.
        assert_eq!(
            Binary::Add.numbers(16_777_216.0, 1.0, Float32),
            16_777_216.0
        );
        assert_eq!(Binary::Mul.numbers(3e38, 10.0, Float32), f64::INFINITY);
    }
}
