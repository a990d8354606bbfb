//! Ways to hold out rows.

use alloc::collections::BTreeMap;

use super::error::SearchError;

/// Rows to train on and rows to score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Rows to train on, ascending.
    pub train: Vec<usize>,
    /// Rows that are held out, ascending.
    pub test: Vec<usize>,
}

/// How rows are held out, without shuffling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Consecutive rows.
    KFold,
    /// As many rows of each class in every fold.
    StratifiedKFold,
    /// Rows of a group stay together; groups are spread from the largest on.
    GroupKFold,
    /// Rows behind those that are trained on.
    TimeSeriesSplit,
}

impl Split {
    /// The folds of `rows` rows; `labels` are the classes or groups of the rows, where the split goes by them.
    ///
    /// # Errors
    /// [`SearchError::Folds`] for more folds than rows, groups, or rows of the largest class; [`SearchError::Labels`] where they are needed.
    pub fn folds(
        self,
        count: usize,
        rows: usize,
        labels: Option<&[String]>,
    ) -> Result<Vec<Fold>, SearchError> {
        let least = if self == Self::TimeSeriesSplit { 1 } else { 2 };
        let refused = |what, found| SearchError::Folds {
            count,
            what,
            found,
            least,
        };
        let refuse = |what, found| Err(refused(what, found));
        if count < least || count > rows {
            return refuse("rows", rows);
        }
        if self == Self::TimeSeriesSplit {
            return match rows / (count + 1) {
                0 => refuse("rows, of which one more part is trained on", rows),
                size => Ok(behind(count, rows, size)),
            };
        }
        let labels = |what| {
            let labels = labels.filter(|labels| labels.len() == rows);
            labels.ok_or(SearchError::Labels {
                split: self.name(),
                what,
            })
        };
        let places = match self {
            Self::StratifiedKFold => stratified(labels("a target of classes")?, count)
                .map_err(|found| refused("rows of the largest class", found))?,
            Self::GroupKFold => grouped(labels("a group for each row")?, count)
                .map_err(|found| refused("groups", found))?,
            _ => even(rows, count),
        };
        let rows_of =
            |is: &dyn Fn(usize) -> bool| (0..rows).filter(|row| is(places[*row])).collect();
        let fold = |fold| Fold {
            train: rows_of(&|place| place != fold),
            test: rows_of(&|place| place == fold),
        };
        Ok((0..count).map(fold).collect())
    }

    /// scikit-learn's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::KFold => "KFold",
            Self::StratifiedKFold => "StratifiedKFold",
            Self::GroupKFold => "GroupKFold",
            Self::TimeSeriesSplit => "TimeSeriesSplit",
        }
    }
}

/// Parts of `size` rows at the end, each with all rows before it to train on.
fn behind(count: usize, rows: usize, size: usize) -> Vec<Fold> {
    let start = |at: usize| rows - (count - at) * size;
    let fold = |at| Fold {
        train: (0..start(at)).collect(),
        test: (start(at)..start(at) + size).collect(),
    };
    (0..count).map(fold).collect()
}

/// The fold of each row: the first folds have one more.
fn even(rows: usize, count: usize) -> Vec<usize> {
    let sizes = (0..count).map(|fold| rows / count + usize::from(fold < rows % count));
    let folds = sizes.enumerate();
    folds
        .flat_map(|(fold, size)| core::iter::repeat_n(fold, size))
        .collect()
}

/// Each class in its rows' order, as many to a fold as if all rows were sorted by class and dealt out.
fn stratified(labels: &[String], count: usize) -> Result<Vec<usize>, usize> {
    let mut classes: Vec<&String> = Vec::new();
    let mut codes = Vec::with_capacity(labels.len());
    let mut known: BTreeMap<&String, usize> = BTreeMap::new();
    for label in labels {
        let code = *known.entry(label).or_insert_with(|| {
            classes.push(label);
            classes.len() - 1
        });
        codes.push(code);
    }
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    let mut sizes = vec![vec![0_usize; count]; classes.len()];
    for (at, class) in sorted.iter().enumerate() {
        sizes[*class][at % count] += 1;
    }
    let largest = sizes.iter().map(|sizes| sizes.iter().sum()).max();
    if let Some(largest) = largest.filter(|largest| *largest < count) {
        return Err(largest);
    }
    let mut next: Vec<_> = sizes
        .into_iter()
        .map(|sizes| {
            let folds = sizes.into_iter().enumerate();
            folds.flat_map(|(fold, size)| core::iter::repeat_n(fold, size))
        })
        .collect();
    let places = codes.iter().map(|code| next[*code].next().unwrap_or(0));
    Ok(places.collect())
}

/// The largest group to the lightest fold, the first of equal ones.
fn grouped(labels: &[String], count: usize) -> Result<Vec<usize>, usize> {
    let mut sizes: BTreeMap<&String, usize> = BTreeMap::new();
    for label in labels {
        *sizes.entry(label).or_insert(0) += 1;
    }
    if sizes.len() < count {
        return Err(sizes.len());
    }
    let mut order: Vec<(&String, usize)> = sizes.into_iter().collect();
    order.sort_by_key(|(_, size)| *size);
    let mut loads = vec![0; count];
    let mut places: BTreeMap<&String, usize> = BTreeMap::new();
    for (label, size) in order.into_iter().rev() {
        let lightest = (0..count).min_by_key(|fold| loads[*fold]).unwrap_or(0);
        loads[lightest] += size;
        places.insert(label, lightest);
    }
    Ok(labels.iter().map(|label| places[label]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(split: Split, count: usize, rows: usize, labels: &str) -> Vec<Vec<usize>> {
        let labels: Vec<String> = labels.chars().map(String::from).collect();
        let folds = split.folds(count, rows, Some(&labels)).unwrap();
        for fold in &folds {
            assert!(fold.train.iter().all(|row| !fold.test.contains(row)));
        }
        folds.into_iter().map(|fold| fold.test).collect()
    }

    /// What `split(X, y, groups)` of scikit-learn 1.9 gives; more is in `tests/search.rs`.
    #[test]
    fn folds_are_those_of_scikit_learn() {
        assert_eq!(
            tests(Split::KFold, 3, 7, ""),
            [vec![0, 1, 2], vec![3, 4], vec![5, 6]]
        );
        assert_eq!(
            tests(Split::TimeSeriesSplit, 3, 10, ""),
            [vec![4, 5], vec![6, 7], vec![8, 9]]
        );
        assert_eq!(
            tests(Split::StratifiedKFold, 2, 7, "bbabaab"),
            [vec![0, 1, 2, 4], vec![3, 5, 6]]
        );
        assert_eq!(
            tests(Split::GroupKFold, 2, 6, "abbccc"),
            [vec![3, 4, 5], vec![0, 1, 2]]
        );
    }

    #[test]
    fn folds_that_cannot_be_are_refused() {
        for (split, count, rows, labels) in [
            (Split::KFold, 1, 5, ""),
            (Split::KFold, 6, 5, ""),
            (Split::StratifiedKFold, 3, 4, "aabb"),
            (Split::GroupKFold, 3, 4, "aabb"),
            (Split::StratifiedKFold, 2, 4, ""),
            (Split::TimeSeriesSplit, 5, 5, ""),
        ] {
            let labels: Vec<String> = labels.chars().map(String::from).collect();
            assert!(
                split.folds(count, rows, Some(&labels)).is_err(),
                "{split:?}"
            );
        }
    }
}
