//! Parameters of transformers by name. The registry gives each its kind, so one that is read as another is a defect here.

use crate::train::{Params, Value};

pub(super) trait ByName {
    fn value(&self, name: &str) -> Value;

    /// A switch.
    fn flag(&self, name: &str) -> bool {
        match self.value(name) {
            Value::Bool(x) => x,
            other => unreachable!("the registry gives `{name}` a switch, found {other:?}"),
        }
    }

    /// A number; an integer counts as one.
    fn float(&self, name: &str) -> f64 {
        match self.value(name) {
            Value::Float(x) => x,
            Value::Int(x) => x as f64,
            other => unreachable!("the registry gives `{name}` a number, found {other:?}"),
        }
    }

    /// A number, or nothing for `none`.
    fn optional_float(&self, name: &str) -> Option<f64> {
        (self.value(name) != Value::None).then(|| self.float(name))
    }

    /// A count.
    fn count(&self, name: &str) -> usize {
        match self.value(name) {
            Value::Int(x) if x >= 0 => usize::try_from(x).unwrap_or(usize::MAX),
            other => unreachable!("the registry gives `{name}` a count, found {other:?}"),
        }
    }

    /// A count, or nothing for `none`.
    fn optional_count(&self, name: &str) -> Option<usize> {
        (self.value(name) != Value::None).then(|| self.count(name))
    }

    /// A word, or nothing for `none`.
    fn choice(&self, name: &str) -> Option<&'static str> {
        match self.value(name) {
            Value::Choice(word) => Some(word),
            Value::None => None,
            other => unreachable!("the registry gives `{name}` a choice, found {other:?}"),
        }
    }
}

impl ByName for Params {
    fn value(&self, name: &str) -> Value {
        let found = self.iter().find(|(other, _)| *other == name);
        found.map_or(Value::None, |(_, value)| value)
    }
}
