//! Names of columns, and what each column is for.

use super::dialect::Separator;
use super::spec::{CsvSpec, Features};
use crate::data::DataError;
use crate::data::table::find_columns;

/// What a column of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Feature,
    Target(usize),
    Weight,
    /// May hold anything.
    Ignored,
}

impl Role {
    /// The use that somebody named a column for, with the option that does.
    fn named_by(self) -> &'static str {
        match self {
            Self::Feature => "a feature (`--features`)",
            Self::Target(_) => "a target (`--target`)",
            Self::Weight => "the weight (`--weight`)",
            Self::Ignored => "left out (`--drop`)",
        }
    }
}

/// The names of a header: as they stand in quotes, without surrounding blanks where there are none.
pub(super) fn names(cells: &csv::StringRecord, text: &[u8], separator: Separator) -> Vec<String> {
    let quoted = quoted(text, separator);
    let name = |(at, cell): (usize, &str)| {
        let quoted = quoted.get(at).is_some_and(|quoted| *quoted);
        if quoted { cell } else { cell.trim() }.to_owned()
    };
    cells.iter().enumerate().map(name).collect()
}

/// Which cells of the first row of `text` are in quotes.
fn quoted(text: &[u8], separator: Separator) -> Vec<bool> {
    let mut rest = text.trim_ascii_start();
    // A separator may be white space: then an empty cell comes first.
    if let Some(at) = text.iter().position(|byte| !b"\r\n".contains(byte)) {
        rest = &text[at..];
    }
    let mut all = Vec::new();
    loop {
        let is_quoted = rest.first() == Some(&b'"');
        all.push(is_quoted);
        let mut inside = is_quoted;
        let mut bytes = rest.iter().enumerate().skip(usize::from(is_quoted));
        // A doubled quote closes and opens again.
        let end = bytes.find(|&(_, &byte)| {
            inside ^= is_quoted && byte == b'"';
            !inside && (byte == separator.byte() || byte == b'\n')
        });
        match end {
            Some((at, byte)) if *byte == separator.byte() => rest = &rest[at + 1..],
            _ => return all,
        }
    }
}

/// What each column is.
///
/// # Errors
/// [`DataError`] for names that are not there or there twice, and for a first row of numbers.
pub(super) fn roles(header: &[String], spec: &CsvSpec) -> Result<Vec<Role>, DataError> {
    if header.len() > spec.limits.columns {
        return Err(DataError::TooManyColumns {
            found: header.len(),
            limit: spec.limits.columns,
        });
    }
    let roles = assign(header, spec);
    let by_name = matches!(spec.features, Features::OfModel(_) | Features::Only(_));
    let sure = roles.is_ok() && (by_name || !spec.targets.is_empty());
    if !sure && is_data(header) {
        let cells = header.to_vec();
        return Err(DataError::HeaderOfNumbers { cells });
    }
    let roles = roles?;
    let used: Vec<&String> = header
        .iter()
        .zip(&roles)
        .filter(|(_, role)| **role != Role::Ignored)
        .map(|(name, _)| name)
        .collect();
    let mut seen = std::collections::HashSet::new();
    let twice: std::collections::HashSet<&String> =
        header.iter().filter(|name| !seen.insert(*name)).collect();
    match used.into_iter().find(|name| twice.contains(name)) {
        Some(name) => Err(DataError::DuplicateColumn { name: name.clone() }),
        None => Ok(roles),
    }
}

fn assign(header: &[String], spec: &CsvSpec) -> Result<Vec<Role>, DataError> {
    let mut roles = vec![Role::Feature; header.len()];
    let mut assign = |place: usize, role: Role| {
        if roles[place] != Role::Feature {
            let (name, first) = (header[place].clone(), roles[place].named_by());
            let second = if first == role.named_by() {
                "named so once more"
            } else {
                role.named_by()
            };
            return Err(DataError::TwoUses {
                name,
                first,
                second,
            });
        }
        roles[place] = role;
        Ok(())
    };
    for (index, place) in places(header, &spec.targets)?.into_iter().enumerate() {
        assign(place, Role::Target(index))?;
    }
    for place in places(header, spec.weight.as_slice())? {
        assign(place, Role::Weight)?;
    }
    for place in places(header, &listed(header, &spec.drop))? {
        assign(place, Role::Ignored)?;
    }
    let features = match &spec.features {
        Features::Rest => return Ok(roles),
        Features::Only(names) => places(header, &listed(header, names))?,
        Features::OfModel(names) => {
            let (places, mut missing) = find_columns(header, names);
            let taken = |place: &&usize| roles[**place] != Role::Feature;
            if let (true, Some(&place)) = (missing.is_empty(), places.iter().find(taken)) {
                return Err(DataError::TwoUses {
                    name: header[place].clone(),
                    first: "a feature of the model",
                    second: roles[place].named_by(),
                });
            }
            missing.extend(places.iter().filter(taken).map(|at| header[*at].clone()));
            if !missing.is_empty() {
                return Err(DataError::MissingColumns {
                    missing,
                    present: header.to_vec(),
                });
            }
            places
        }
    };
    if let Some(&place) = features.iter().find(|at| roles[**at] != Role::Feature) {
        return Err(DataError::TwoUses {
            name: header[place].clone(),
            first: roles[place].named_by(),
            second: Role::Feature.named_by(),
        });
    }
    let mut chosen = vec![false; header.len()];
    for place in features {
        chosen[place] = true;
    }
    for (role, chosen) in roles.iter_mut().zip(chosen) {
        if *role == Role::Feature && !chosen {
            *role = Role::Ignored;
        }
    }
    Ok(roles)
}

/// Where columns stand that somebody named.
fn places(header: &[String], names: &[String]) -> Result<Vec<usize>, DataError> {
    let (places, missing) = find_columns(header, names);
    if missing.is_empty() {
        return Ok(places);
    }
    let present = header.to_vec();
    Err(DataError::TargetNotInHeader { missing, present })
}

/// The names of a list such as `a,b`, unless a column is called like that.
fn listed(header: &[String], names: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for name in names {
        if header.contains(name) || !name.contains(',') {
            all.push(name.clone());
        } else {
            all.extend(name.split(',').map(|name| name.trim().to_owned()));
        }
    }
    all
}

/// Whether a first row holds numbers only, and not the column numbers 0, 1, 2, … that pandas gives columns without names.
fn is_data(header: &[String]) -> bool {
    let numbers: Option<Vec<f64>> = header.iter().map(|name| name.parse().ok()).collect();
    numbers.is_some_and(|numbers| {
        let counts = numbers.windows(2).all(|pair| pair[1] - pair[0] == 1.0);
        !(counts && numbers.len() > 1 && numbers[0].fract() == 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn quotes_are_told_from_the_text() {
        for (text, want) in [
            ("a,\" b\",c\n", vec![false, true, false]),
            ("\"a,\"\"b\"\"\",c\n1,2\n", vec![true, false]),
            ("\n\n\"a\nb\",\"c\"", vec![true, true]),
            ("a\"b,c", vec![false, false]),
            (",\"\"", vec![false, true]),
        ] {
            assert_eq!(quoted(text.as_bytes(), Separator::COMMA), want, "{text:?}");
        }
    }

    #[test]
    fn a_first_row_of_numbers_is_data() {
        for (names, data) in [
            (vec!["5.1", "3.5"], true),
            (vec!["1", "0", "0"], true),
            (vec!["5.1", "3.5", "y"], false),
            (vec!["0", "1", "2"], false),
            (vec!["2019", "2020"], false),
            (vec!["7"], true),
            (vec!["x"], false),
        ] {
            assert_eq!(is_data(&header(&names)), data, "{names:?}");
        }
    }

    #[test]
    fn columns_are_dropped_and_chosen() {
        use Role::{Feature, Ignored, Target};
        let names = header(&["id", "a", "b,c", "y"]);
        let spec = CsvSpec {
            drop: header(&["id"]),
            ..CsvSpec::with_target("y")
        };
        let found = roles(&names, &spec).unwrap();
        assert_eq!(found, [Ignored, Feature, Feature, Target(0)]);
        let spec = CsvSpec {
            features: Features::Only(header(&["b,c"])),
            ..CsvSpec::with_target("y")
        };
        let found = roles(&names, &spec).unwrap();
        assert_eq!(found, [Ignored, Ignored, Feature, Target(0)]);
        let spec = CsvSpec {
            drop: header(&["id,a"]),
            ..CsvSpec::default()
        };
        let found = roles(&names, &spec).unwrap();
        assert_eq!(found, [Ignored, Ignored, Feature, Feature]);
    }

    #[test]
    fn a_column_that_two_options_name_is_told_with_both() {
        let names = header(&["a", "b", "y"]);
        let only = |names: &[&str]| Features::Only(header(names));
        let of_model = |names: &[&str]| Features::OfModel(header(names));
        for (targets, drop, features, expected) in [
            (
                vec!["y"],
                vec!["y"],
                Features::Rest,
                "`y` is a target (`--target`) and left out (`--drop`)",
            ),
            (
                vec!["y", "y"],
                vec![],
                Features::Rest,
                "`y` is a target (`--target`) and named so once more",
            ),
            (
                vec!["y"],
                vec![],
                only(&["a", "y"]),
                "`y` is a target (`--target`) and a feature (`--features`)",
            ),
            (
                vec!["y"],
                vec!["a"],
                of_model(&["a", "b"]),
                "`a` is a feature of the model and left out (`--drop`)",
            ),
        ] {
            let spec = CsvSpec {
                targets: header(&targets),
                drop: header(&drop),
                features,
                ..CsvSpec::default()
            };
            let error = roles(&names, &spec).unwrap_err().to_string();
            assert_eq!(error, format!("column {expected}; a column has one use"));
        }
    }

    #[test]
    fn only_columns_that_are_used_need_names_of_their_own() {
        let names = header(&["a", "", "", "b"]);
        let spec = CsvSpec {
            features: Features::OfModel(header(&["b", "a"])),
            ..CsvSpec::default()
        };
        assert!(roles(&names, &spec).is_ok());
        let names = header(&["a", "b", "a"]);
        assert!(matches!(
            roles(&names, &spec),
            Err(DataError::DuplicateColumn { .. })
        ));
    }
}
