//! Hyper-parameters: names, kinds, defaults, and values parsed from text.

use alloc::collections::BTreeMap;
use core::fmt;

use super::TrainError;

/// One hyper-parameter.
#[derive(Debug)]
pub struct Param {
    /// scikit-learn's name.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// The default, as one would type it.
    pub default: &'static str,
    /// One line.
    pub doc: &'static str,
}

/// A parameter, its fields in their order.
pub(crate) const fn param(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Param {
    Param {
        name,
        kind,
        default,
        doc,
    }
}

/// A finite number above 0.
pub(crate) const POSITIVE: Kind = Kind::Above { min: 0.0 };
/// A finite number, 0 included.
pub(crate) const NOT_NEGATIVE: Kind = Kind::Float {
    min: 0.0,
    max: f64::INFINITY,
};

/// What values a hyper-parameter takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A finite number above `min`.
    Above {
        /// The excluded lower end.
        min: f64,
    },
    /// A finite number in `[min, max]`, ends included (an infinite end is never reached).
    Float {
        /// The lower end.
        min: f64,
        /// The upper end.
        max: f64,
    },
    /// An integer in `[min, max]`.
    Int {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// 1 to [`MAX_LIST`] integers in `[min, max]`, separated by commas.
    List {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// `none`, or a value of the kind.
    Optional(&'static Kind),
}

/// The most integers of a [`Kind::List`].
pub const MAX_LIST: usize = 8;

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above { min } => write!(f, "a number in ({min}, inf)"),
            Self::Float { min, max } => {
                // Any finite number is one beyond no end.
                let end = |x: f64| {
                    if x.abs() < f64::MAX {
                        x
                    } else {
                        f64::INFINITY.copysign(x)
                    }
                };
                let (min, max) = (end(*min), end(*max));
                let open = |x: f64, closed, open| if x.is_finite() { closed } else { open };
                write!(
                    f,
                    "a number in {}{min}, {max}{}",
                    open(min, '[', '('),
                    open(max, ']', ')')
                )
            }
            Self::Int { min, max } => write!(f, "an integer in [{min}, {max}]"),
            Self::Bool => f.write_str("true or false"),
            Self::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Self::List { min, max } => write!(
                f,
                "1 to {MAX_LIST} integers in [{min}, {max}], separated by commas"
            ),
            Self::Optional(kind) => write!(f, "{kind}, or none"),
        }
    }
}

impl Kind {
    fn parse(&self, text: &str) -> Option<Value> {
        match self {
            Self::Above { min } => finite(text).filter(|x| x > min).map(Value::Float),
            Self::Float { min, max } => finite(text)
                .filter(|x| (*min..=*max).contains(x))
                .map(Value::Float),
            Self::Int { min, max } => text
                .parse()
                .ok()
                .filter(|x| (*min..=*max).contains(x))
                .map(Value::Int),
            Self::Bool if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
            Self::Bool if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
            Self::Bool => None,
            Self::Choice(words) => words
                .iter()
                .find(|word| **word == text)
                .map(|word| Value::Choice(word)),
            Self::List { min, max } => List::parse(text)
                .filter(|list| list.as_slice().iter().all(|x| (*min..=*max).contains(x)))
                .map(Value::List),
            Self::Optional(_) if text.eq_ignore_ascii_case("none") => Some(Value::None),
            Self::Optional(kind) => kind.parse(text),
        }
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|x| x.is_finite())
}

/// A few integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    items: [i64; MAX_LIST],
    len: usize,
}

impl List {
    /// The integers, at least one.
    #[must_use]
    pub fn as_slice(&self) -> &[i64] {
        &self.items[..self.len]
    }

    /// Reads `64, 32`, and Python's `(64,)` and `[64, 32]`.
    fn parse(text: &str) -> Option<Self> {
        let pairs = [('(', ')'), ('[', ']')];
        let inside = |(open, close)| text.strip_prefix(open)?.strip_suffix(close);
        let bare = pairs.into_iter().find_map(inside);
        let text = bare.map_or(text, |bare| bare.strip_suffix(',').unwrap_or(bare));
        let mut list = Self {
            items: [0; MAX_LIST],
            len: 0,
        };
        for item in text.split(',') {
            *list.items.get_mut(list.len)? = item.trim().parse().ok()?;
            list.len += 1;
        }
        Some(list)
    }
}

/// The value of a hyper-parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A finite number.
    Float(f64),
    /// An integer.
    Int(i64),
    /// A switch.
    Bool(bool),
    /// One of the words of [`Kind::Choice`].
    Choice(&'static str),
    /// Integers of [`Kind::List`].
    List(List),
    /// Not set.
    None,
}

/// The hyper-parameters of an estimator, every one with a value of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Params(BTreeMap<&'static str, Value>);

impl Params {
    pub(crate) fn defaults(params: &'static [Param]) -> Self {
        Self(
            params
                .iter()
                .map(|p| (p.name, p.kind.parse(p.default).unwrap_or(Value::None)))
                .collect(),
        )
    }

    pub(crate) fn set(
        &mut self,
        estimator: &'static str,
        known: &'static [Param],
        name: &str,
        text: &str,
    ) -> Result<(), TrainError> {
        let Some(param) = known.iter().find(|p| p.name == name) else {
            return Err(TrainError::UnknownParameter {
                estimator,
                name: name.to_owned(),
                known: known.iter().map(|p| p.name.to_owned()).collect(),
            });
        };
        let value = param
            .kind
            .parse(text)
            .ok_or_else(|| TrainError::ParameterValue {
                name: param.name,
                value: text.to_owned(),
                expected: param.kind.to_string(),
            })?;
        self.0.insert(param.name, value);
        Ok(())
    }

    /// Names and values in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        self.0.iter().map(|(name, value)| (*name, *value))
    }

    /// Name and value as text, as a model stores them.
    pub(crate) fn to_text(&self) -> BTreeMap<String, String> {
        self.iter()
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect()
    }

    /// The value of `param`, which must be one of the estimator's.
    pub(crate) fn get<T: Typed>(&self, param: &Param) -> T {
        let value = self.0.get(param.name).copied();
        value.and_then(T::typed).unwrap_or_else(|| {
            unreachable!(
                "the kind of `{}` is not that of its type: {value:?}",
                param.name
            )
        })
    }
}

/// A type that values of hyper-parameters have.
pub(crate) trait Typed: Sized {
    /// The value; `None` if it is of another kind.
    fn typed(value: Value) -> Option<Self>;
}

impl Typed for f64 {
    fn typed(value: Value) -> Option<Self> {
        match value {
            Value::Float(x) => Some(x),
            _ => None,
        }
    }
}

impl Typed for usize {
    fn typed(value: Value) -> Option<Self> {
        match value {
            Value::Int(x) => x.try_into().ok(),
            _ => None,
        }
    }
}

impl Typed for u64 {
    fn typed(value: Value) -> Option<Self> {
        match value {
            Value::Int(x) => x.try_into().ok(),
            _ => None,
        }
    }
}

impl Typed for bool {
    fn typed(value: Value) -> Option<Self> {
        match value {
            Value::Bool(x) => Some(x),
            _ => None,
        }
    }
}

impl Typed for List {
    fn typed(value: Value) -> Option<Self> {
        match value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }
}

impl<T: Typed> Typed for Option<T> {
    fn typed(value: Value) -> Option<Self> {
        match value {
            Value::None => Some(None),
            value => T::typed(value).map(Some),
        }
    }
}

/// The words of a [`Kind::Choice`], each with its meaning.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $(#[doc = $word] $variant),+
        }

        impl $name {
            /// The words, in the order in which they are listed.
            pub(crate) const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl $crate::train::params::Typed for $name {
            fn typed(value: $crate::train::Value) -> Option<Self> {
                match value {
                    $($crate::train::Value::Choice($word) => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

/// The hyper-parameters of an estimator: their types, and [`Param`]s in the order in which they are listed.
macro_rules! hyper_parameters {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $param:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type),+
        }

        impl $name {
            pub(crate) const PARAMS: &'static [$crate::train::Param] = &[$($param),+];

            pub(crate) fn read(params: &$crate::train::Params) -> Self {
                Self {
                    $($field: params.get(&$param)),+
                }
            }
        }
    };
}

pub(crate) use {choice, hyper_parameters};

choice! {
    /// How much classes weigh; without one, as much as their rows.
    ClassWeight {
        Balanced = "balanced",
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float(x) => write!(f, "{x}"),
            Self::Int(x) => write!(f, "{x}"),
            Self::Bool(x) => write!(f, "{x}"),
            Self::Choice(word) => f.write_str(word),
            Self::List(list) => {
                for (at, item) in list.as_slice().iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                Ok(())
            }
            Self::None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_people_write_them() {
        const KIND: Kind = Kind::List { min: 1, max: 100 };
        for (text, printed) in [
            ("64", "64"),
            ("64,32", "64,32"),
            ("64, 32", "64,32"),
            ("(64,)", "64"),
            ("[64, 32]", "64,32"),
            ("(64, 32, 16)", "64,32,16"),
        ] {
            let value = KIND.parse(text).map(|value| value.to_string());
            assert_eq!(value.as_deref(), Some(printed), "{text}");
        }
        for text in [
            "",
            "0",
            "101",
            "64,",
            "a",
            "(64",
            "64)",
            "1,1,1,1,1,1,1,1,1",
            "(64,,)",
            "1.5",
        ] {
            assert_eq!(KIND.parse(text), None, "{text}");
        }
        assert_eq!(
            KIND.to_string(),
            "1 to 8 integers in [1, 100], separated by commas"
        );
    }
}
