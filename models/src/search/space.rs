//! What is tried.

use alloc::collections::BTreeMap;
use core::fmt;
use core::str::FromStr;

use super::error::SearchError;
use crate::random::Random;

/// The parameter that is the width of codes and weights, unless the model has one of this name itself.
pub const N_BITS: &str = "n_bits";

/// Most candidates of a search.
const MAX_CANDIDATES: usize = 100_000;

/// Parameters by name, as text: of the model, of a step as `pca__n_components`, or [`N_BITS`] of its quantization.
pub type Candidate = BTreeMap<String, String>;

/// Values of a parameter to choose from.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// These.
    List(Vec<String>),
    /// Integers of a range, ends included, each as likely.
    Integers {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Numbers of a range, each as likely.
    Uniform {
        /// Lower end.
        min: f64,
        /// Upper end.
        max: f64,
    },
    /// Positive numbers of a range whose logarithms are as likely.
    LogUniform {
        /// Lower end.
        min: f64,
        /// Upper end.
        max: f64,
    },
}

impl FromStr for Values {
    type Err = String;

    /// `a,b,c` (`;` separates values that hold commas), or `int(a,b)`, `uniform(a,b)`, `log(a,b)`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let range = |name: &str| {
            text.strip_prefix(name)?
                .trim()
                .strip_prefix('(')?
                .strip_suffix(')')
        };
        if let Some(inside) = range("int") {
            let (min, max) =
                ends::<i64>(inside, "two integers, the lesser first, as in `int(1,9)`")?;
            return Ok(Self::Integers { min, max });
        }
        if let Some(inside) = range("uniform") {
            let (min, max) = ends::<f64>(
                inside,
                "two numbers, the lesser first, as in `uniform(0,1)`",
            )?;
            return Ok(Self::Uniform { min, max });
        }
        if let Some(inside) = range("log") {
            const EXPECTED: &str = "two positive numbers, the lesser first, as in `log(0.01,100)`";
            let (min, max) = ends::<f64>(inside, EXPECTED)?;
            if min <= 0.0 {
                return Err(format!("expected {EXPECTED}"));
            }
            return Ok(Self::LogUniform { min, max });
        }
        let separator = if text.contains(';') { ';' } else { ',' };
        let values: Vec<String> = text
            .split(separator)
            .map(|value| value.trim().to_owned())
            .collect();
        if values.iter().any(String::is_empty) {
            return Err("a value is empty; separate values by commas, as in `1,2,3`".to_owned());
        }
        if let Some(twice) = (1..values.len()).find(|at| values[..*at].contains(&values[*at])) {
            return Err(format!("`{}` is there twice", values[twice]));
        }
        Ok(Self::List(values))
    }
}

fn ends<T: FromStr + PartialOrd + Finite>(inside: &str, expected: &str) -> Result<(T, T), String> {
    let both = inside.split_once(',');
    let number = |text: &str| text.trim().parse::<T>().ok().filter(Finite::is_finite);
    let found = both.and_then(|(min, max)| Some((number(min)?, number(max)?)));
    found
        .filter(|(min, max)| min < max)
        .ok_or_else(|| format!("expected {expected}"))
}

/// Numbers that a range may have as ends.
trait Finite {
    fn is_finite(&self) -> bool;
}

impl Finite for f64 {
    fn is_finite(&self) -> bool {
        f64::is_finite(*self)
    }
}

impl Finite for i64 {
    fn is_finite(&self) -> bool {
        true
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(values) => {
                let comma = values.iter().any(|value| value.contains(','));
                f.write_str(&values.join(if comma { ";" } else { "," }))
            }
            Self::Integers { min, max } => write!(f, "int({min},{max})"),
            Self::Uniform { min, max } => write!(f, "uniform({min},{max})"),
            Self::LogUniform { min, max } => write!(f, "log({min},{max})"),
        }
    }
}

impl Values {
    fn draw(&self, random: &mut Random) -> String {
        let between = |min: f64, max: f64, share: f64| (min + (max - min) * share).clamp(min, max);
        match self {
            Self::List(values) => values
                .get(random.below(values.len().max(1)))
                .cloned()
                .unwrap_or_default(),
            Self::Integers { min, max } => {
                let count = usize::try_from(max.abs_diff(*min))
                    .unwrap_or(usize::MAX)
                    .saturating_add(1);
                let at = i64::try_from(random.below(count)).unwrap_or(i64::MAX);
                min.saturating_add(at).to_string()
            }
            Self::Uniform { min, max } => between(*min, *max, random.unit()).to_string(),
            Self::LogUniform { min, max } => {
                let log = between(min.ln(), max.ln(), random.unit());
                log.exp().clamp(*min, *max).to_string()
            }
        }
    }
}

/// Parameters and their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space(BTreeMap<String, Values>);

impl Space {
    /// Adds a parameter.
    ///
    /// # Errors
    /// [`SearchError::Values`] for one that is there already.
    pub fn insert(&mut self, name: &str, values: Values) -> Result<(), SearchError> {
        let text = values.to_string();
        if self.0.insert(name.to_owned(), values).is_some() {
            return Err(SearchError::Values {
                name: name.to_owned(),
                text,
                message: "the parameter is there twice; list all its values at once".to_owned(),
            });
        }
        Ok(())
    }

    /// Names and values, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.0.iter().map(|(name, values)| (name.as_str(), values))
    }

    /// Whether a parameter is searched.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn all_lists(&self) -> bool {
        self.0
            .values()
            .all(|values| matches!(values, Values::List(_)))
    }

    /// All combinations, the last parameter's values changing first, as scikit-learn's `ParameterGrid` has them.
    pub(super) fn all(&self) -> Result<Vec<Candidate>, SearchError> {
        let mut lists = Vec::new();
        for (name, values) in &self.0 {
            let Values::List(values) = values else {
                return Err(SearchError::Range { name: name.clone() });
            };
            lists.push((name, values));
        }
        let sizes = lists.iter().map(|(_, values)| values.len());
        let found = sizes.fold(1, usize::saturating_mul);
        if found == 0 || found > MAX_CANDIDATES {
            let limit = MAX_CANDIDATES;
            return Err(SearchError::Candidates { found, limit });
        }
        let mut candidates = vec![Candidate::new()];
        for (name, values) in lists {
            let with = |candidate: &Candidate| {
                let candidate = candidate.clone();
                values.iter().map(move |value| {
                    let mut candidate = candidate.clone();
                    candidate.insert(name.clone(), value.clone());
                    candidate
                })
            };
            candidates = candidates.iter().flat_map(with).collect();
        }
        Ok(candidates)
    }

    /// `count` candidates: of lists, none twice, and all if there are no more; else each drawn by itself.
    pub(super) fn some(&self, count: usize, seed: u64) -> Result<Vec<Candidate>, SearchError> {
        if count == 0 || count > MAX_CANDIDATES {
            return Err(SearchError::Setting {
                name: "n_iter",
                found: count,
                expected: "1 to 100000 candidates",
            });
        }
        let mut random = Random::new(seed);
        if self.all_lists() {
            let mut all = self.all()?;
            random.choose(&mut all, count);
            all.truncate(count);
            return Ok(all);
        }
        let draw = |(name, values): (&String, &Values)| (name.clone(), values.draw(&mut random));
        let mut draw = draw;
        Ok((0..count)
            .map(|_| self.0.iter().map(&mut draw).collect())
            .collect())
    }
}

/// A candidate for people.
pub(super) fn text(candidate: &Candidate) -> String {
    if candidate.is_empty() {
        return "the pipeline as it is".to_owned();
    }
    let pairs: Vec<String> = candidate.iter().map(|(n, v)| format!("{n}={v}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(pairs: &[(&str, &str)]) -> Space {
        let mut space = Space::default();
        for (name, values) in pairs {
            space.insert(name, values.parse().unwrap()).unwrap();
        }
        space
    }

    #[test]
    fn grids_are_in_the_order_of_scikit_learn() {
        // list(ParameterGrid({"b": [1, 2], "a": ["x", "y"]}))
        let all = space(&[("b", "1,2"), ("a", "x, y")]).all().unwrap();
        let all: Vec<String> = all.iter().map(text).collect();
        assert_eq!(all, ["a=x b=1", "a=x b=2", "a=y b=1", "a=y b=2"]);
    }

    #[test]
    fn random_candidates_repeat_by_seed_and_stay_in_their_ranges() {
        let grid = space(&[("a", "1,2,3"), ("b", "x,y")]);
        let mut some = grid.some(5, 3).unwrap();
        assert_eq!(some, grid.some(5, 3).unwrap());
        assert_eq!(grid.some(100, 3).unwrap().len(), 6);
        some.sort();
        some.dedup();
        assert_eq!(some.len(), 5);
        let ranges = space(&[
            ("c", "log(0.01, 100)"),
            ("n", "int(2,4)"),
            ("u", "uniform(-1,1)"),
        ]);
        let drawn = ranges.some(200, 1).unwrap();
        let number = |candidate: &Candidate, name: &str| candidate[name].parse::<f64>().unwrap();
        assert!(
            drawn
                .iter()
                .all(|c| (0.01..=100.0).contains(&number(c, "c")))
        );
        assert!(drawn.iter().all(|c| (-1.0..=1.0).contains(&number(c, "u"))));
        let small = drawn.iter().filter(|c| number(c, "c") < 1.0).count();
        assert!(
            (70..130).contains(&small),
            "{small} of 200 below the middle"
        );
        for n in ["2", "3", "4"] {
            assert!(drawn.iter().any(|c| c["n"] == n));
        }
        assert!(matches!(ranges.all(), Err(SearchError::Range { name }) if name == "c"));
    }

    #[test]
    fn values_read_back_and_bad_ones_are_refused() {
        for text in [
            "1,2",
            "sqrt,log2,none",
            "32,16;64",
            "int(1,9)",
            "uniform(0,0.5)",
            "log(0.1,10)",
        ] {
            assert_eq!(text.parse::<Values>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "1,,2",
            "1,1",
            "int(3,1)",
            "int(1.5,2)",
            "uniform(0)",
            "uniform(0,inf)",
            "log(0,1)",
        ] {
            assert!(text.parse::<Values>().is_err(), "{text}");
        }
    }
}
