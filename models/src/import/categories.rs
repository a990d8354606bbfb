//! Splits on a set of categories, written as comparisons with the borders of the set.
//!
//! A set of reals that is a union of intervals `[from, to)` is the list of their ends: `x` is in it iff an odd number of
//! borders lies at or below `x`. A balanced tree of comparisons finds that number, and its leaves are the two children of the
//! split, so that nothing of it is approximate and a circuit needs nothing new.

use crate::data::Words;
use crate::forest::{Comparison, Missing, Node, Split};

/// What the column of a categorical feature holds for the category with code 0, 1, ….
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Levels {
    /// The code, as a number.
    #[default]
    Codes,
    /// A number of its own.
    Numbers(Vec<f64>),
    /// A word, which stands for its code.
    Words(Vec<String>),
}

impl Levels {
    /// Codes, where the numbers are 0, 1, 2, ….
    pub(super) fn of_numbers(numbers: Vec<f64>) -> Self {
        let is_code = |(code, number): (u32, &f64)| f64::from(code) == *number;
        if (0..).zip(&numbers).all(is_code) {
            Self::Codes
        } else {
            Self::Numbers(numbers)
        }
    }

    /// The words of the column, if it holds words.
    pub(super) fn words(&self, others_are_missing: bool) -> Words {
        let words = match self {
            Self::Words(words) => words.clone(),
            _ => Vec::new(),
        };
        Words {
            words,
            others_are_missing,
        }
    }

    /// The values of the category `code`: `[from, to)`, or `None` where there is no such category.
    ///
    /// A code is what a number is truncated to. Numbers are matched as they are, whole ones as codes are.
    fn interval(&self, code: u32) -> Option<(f64, f64)> {
        let Self::Numbers(numbers) = self else {
            return Some((f64::from(code), f64::from(code) + 1.0));
        };
        let number = *numbers.get(code as usize)?;
        let whole = number.fract() == 0.0 && number + 1.0 > number;
        Some((
            number,
            if whole {
                number + 1.0
            } else {
                number.next_up()
            },
        ))
    }
}

/// The borders of a set of categories, ascending, an even number of them.
///
/// `below_zero` begins category 0 there, for a library that truncates towards 0 what lies above -1.
pub(super) fn borders(
    codes: impl IntoIterator<Item = u32>,
    levels: &Levels,
    below_zero: Option<f64>,
) -> Vec<f64> {
    let from_zero = |code: u32, from: f64| match below_zero {
        Some(begin) if code == 0 && !matches!(levels, Levels::Numbers(_)) => begin,
        _ => from,
    };
    let interval = |code| {
        let (from, to) = levels.interval(code)?;
        Some((from_zero(code, from), to))
    };
    let mut intervals: Vec<(f64, f64)> = codes.into_iter().filter_map(interval).collect();
    intervals.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut borders: Vec<f64> = Vec::with_capacity(2 * intervals.len());
    for (from, to) in intervals {
        match borders.last_mut() {
            Some(end) if *end >= from => *end = end.max(to),
            _ => borders.extend([from, to]),
        }
    }
    borders
}

/// Where a split on a set sends a row: indices of nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Children {
    /// A value of the set.
    pub(super) inside: u32,
    /// Another value.
    pub(super) outside: u32,
    /// A missing one.
    pub(super) missing: u32,
}

/// The split on a set with these borders; the nodes it takes beside its own are appended to `nodes`.
pub(super) fn split(
    feature: u32,
    borders: &[f64],
    children: Children,
    nodes: &mut Vec<Node>,
) -> Split {
    // Missing values go right everywhere, to what lies above the last border: outside.
    let less = |threshold, left, right| Split {
        feature,
        threshold,
        comparison: Comparison::Less,
        missing: Missing::Right,
        left,
        right,
    };
    let whole = Intervals {
        borders,
        children,
        less,
    };
    if children.missing == children.outside && !borders.is_empty() {
        return whole.root(0, borders.len(), nodes);
    }
    // Every real goes left.
    let present = whole.node(0, borders.len(), nodes);
    less(f64::INFINITY, present, children.missing)
}

struct Intervals<'a, F> {
    borders: &'a [f64],
    children: Children,
    less: F,
}

impl<F: Fn(f64, u32, u32) -> Split> Intervals<'_, F> {
    /// The root of a tree over the intervals `first..=last`, of which there are two at least.
    fn root(&self, first: usize, last: usize, nodes: &mut Vec<Node>) -> Split {
        let middle = first.midpoint(last);
        let left = self.node(first, middle, nodes);
        let right = self.node(middle + 1, last, nodes);
        (self.less)(self.borders[middle], left, right)
    }

    /// The node to go to for these intervals.
    fn node(&self, first: usize, last: usize, nodes: &mut Vec<Node>) -> u32 {
        if first == last {
            return if first % 2 == 1 {
                self.children.inside
            } else {
                self.children.outside
            };
        }
        let split = self.root(first, last, nodes);
        nodes.push(Node::Split(split));
        // A file that describes 2^32 nodes does not fit its own indices.
        u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forest::Tree;

    /// Leaf 1 for a value of the set, 2 for another, 3 for a missing one where it has a leaf of its own.
    fn tree(borders: &[f64], missing: u32) -> Tree {
        let mut nodes = vec![Node::Leaf(vec![0.0]); 4];
        let children = Children {
            inside: 1,
            outside: 2,
            missing,
        };
        nodes[0] = Node::Split(split(0, borders, children, &mut nodes));
        Tree {
            first_output: 0,
            nodes,
        }
    }

    #[test]
    fn a_set_is_found_on_both_sides_of_every_border() {
        let sets: [&[u32]; 5] = [&[], &[0], &[5, 0, 1, 31], &[2, 3, 4], &[7, 7, 1 << 24]];
        for set in sets {
            let borders = borders(set.iter().copied(), &Levels::Codes, None);
            for missing in [1, 2, 3] {
                let tree = tree(&borders, missing);
                for code in (0..40).chain([1 << 24]) {
                    let inside = if set.contains(&code) { 1 } else { 2 };
                    let code = f64::from(code);
                    for x in [code, (code + 1.0).next_down()] {
                        assert_eq!(tree.leaf(&[x]), inside, "{x} in {set:?}");
                    }
                }
                for x in [-0.5, -1.0, 1e38] {
                    assert_eq!(tree.leaf(&[x]), 2, "{x} in {set:?}");
                }
                assert_eq!(tree.leaf(&[f64::NAN]), missing as usize, "{set:?}");
            }
        }
    }

    #[test]
    fn truncation_towards_zero_begins_category_0_above_minus_1() {
        let begin = (-1.0_f64).next_up();
        let borders = borders([0, 2], &Levels::Codes, Some(begin));
        assert_eq!(borders, [begin, 1.0, 2.0, 3.0]);
    }

    #[test]
    fn numbers_stand_for_codes_and_only_they_do() {
        assert_eq!(Levels::of_numbers(vec![0.0, 1.0, 2.0]), Levels::Codes);
        let levels = Levels::of_numbers(vec![10.0, 1.5, 11.0]);
        let borders = borders([0, 1, 2, 9], &levels, Some(-1.0));
        assert_eq!(borders, [1.5, 1.5_f64.next_up(), 10.0, 12.0]);
    }
}
