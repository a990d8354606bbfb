//! Which iterations of a boosted model are taken.

use core::fmt;
use core::str::FromStr;

/// Which iterations of a boosted model to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Iterations {
    /// Those that the library predicts with, if it is given no number.
    #[default]
    Library,
    /// Those up to the best one of early stopping.
    Best,
    /// All.
    All,
    /// The first so many.
    First(usize),
}

impl FromStr for Iterations {
    type Err = IterationsError;

    fn from_str(text: &str) -> Result<Self, IterationsError> {
        match (text, text.parse()) {
            ("best", _) => Ok(Self::Best),
            ("all", _) => Ok(Self::All),
            (_, Ok(count)) if count > 0 => Ok(Self::First(count)),
            _ => Err(IterationsError::Unknown {
                text: text.to_owned(),
            }),
        }
    }
}

/// Why the iterations asked for cannot be taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IterationsError {
    /// A word that says nothing.
    #[error("`{text}` names no iterations; write `best`, `all`, or how many, from 1")]
    Unknown {
        /// The word.
        text: String,
    },
    /// More than there are.
    #[error("the file has {total} iterations, of which the first {wanted} were asked for")]
    TooMany {
        /// As asked for.
        wanted: usize,
        /// As many as there are.
        total: usize,
    },
    /// No early stopping.
    #[error(
        "the file names no best iteration; `--iterations all`, or how many, takes what it holds"
    )]
    NoBest,
    /// A file without iterations, or without the end of each.
    #[error(
        "this file is not one of boosted trees whose iterations can be told apart; leave `--iterations` out"
    )]
    NotTrees,
}

/// The iterations of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    pub(super) total: usize,
    /// How many there are up to the best one of early stopping.
    pub(super) best: Option<usize>,
    /// Whether the library predicts with the best ones.
    pub(super) takes_best: bool,
}

impl Rounds {
    /// How many to take, and what to say about it where not all are taken or were the best.
    pub(super) fn take(
        self,
        iterations: Iterations,
    ) -> Result<(usize, Option<String>), IterationsError> {
        let Self { total, best, .. } = self;
        let taken = match (iterations, best) {
            (Iterations::First(wanted), _) if wanted > total => {
                return Err(IterationsError::TooMany { wanted, total });
            }
            (Iterations::First(wanted), _) => wanted,
            (Iterations::Best, None) => return Err(IterationsError::NoBest),
            (Iterations::Best, Some(best)) => best.min(total),
            (Iterations::Library, Some(best)) if self.takes_best => best.min(total),
            (Iterations::Library | Iterations::All, _) => total,
        };
        let note = Note {
            rounds: self,
            taken,
            iterations,
        };
        let worth_saying = taken < total || best.is_some_and(|best| best < total);
        Ok((taken, worth_saying.then(|| note.to_string())))
    }
}

struct Note {
    rounds: Rounds,
    taken: usize,
    iterations: Iterations,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rounds { total, best, .. } = self.rounds;
        let taken = self.taken;
        if taken == total {
            write!(f, "all {total} iterations of the file are taken")?;
        } else {
            write!(f, "the first {taken} of {total} iterations are taken")?;
        }
        if let Some(best) = best {
            write!(f, "; early stopping found {best} to be best")?;
        }
        match (self.iterations, best) {
            (Iterations::Library, Some(best)) if taken == total && best < total => {
                write!(f, ", which `--iterations best` takes")
            }
            (Iterations::Library, _) => write!(f, "; `--iterations all` takes all"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &str, best: Option<usize>, takes_best: bool) -> Result<usize, IterationsError> {
        let iterations = match text {
            "" => Iterations::Library,
            text => text.parse()?,
        };
        let rounds = Rounds {
            total: 16,
            best,
            takes_best,
        };
        Ok(rounds.take(iterations)?.0)
    }

    #[test]
    fn what_is_asked_for_is_taken_and_else_what_the_library_takes() {
        for (text, best, takes_best, expected) in [
            ("", None, false, Ok(16)),
            ("", None, true, Ok(16)),
            ("", Some(3), false, Ok(16)),
            ("", Some(3), true, Ok(3)),
            ("", Some(99), true, Ok(16)),
            ("all", Some(3), true, Ok(16)),
            ("best", Some(3), false, Ok(3)),
            ("best", None, true, Err(IterationsError::NoBest)),
            ("16", None, true, Ok(16)),
            ("5", Some(3), true, Ok(5)),
            (
                "17",
                None,
                false,
                Err(IterationsError::TooMany {
                    wanted: 17,
                    total: 16,
                }),
            ),
        ] {
            assert_eq!(take(text, best, takes_best), expected, "{text} {best:?}");
        }
        for text in ["0", "-1", "Best", "1.5", " "] {
            assert!(matches!(
                take(text, None, false),
                Err(IterationsError::Unknown { .. })
            ));
        }
    }

    #[test]
    fn what_was_taken_is_said_where_it_is_not_obvious() {
        let note = |iterations, best, takes_best| {
            let rounds = Rounds {
                total: 16,
                best,
                takes_best,
            };
            rounds.take(iterations).unwrap().1
        };
        assert_eq!(note(Iterations::Library, None, true), None);
        assert_eq!(note(Iterations::Library, Some(16), true), None);
        assert_eq!(
            note(Iterations::Library, Some(3), false).unwrap(),
            "all 16 iterations of the file are taken; early stopping found 3 to be best, which `--iterations best` takes"
        );
        assert_eq!(
            note(Iterations::Library, Some(3), true).unwrap(),
            "the first 3 of 16 iterations are taken; early stopping found 3 to be best; `--iterations all` takes all"
        );
        assert_eq!(
            note(Iterations::First(5), None, true).unwrap(),
            "the first 5 of 16 iterations are taken"
        );
    }
}
