//! The levels of the features, and the tree that finds the cell of a row.

use tenebra_quant::QuantError;
use tenebra_quant::calibrate::min_max;

use super::error::TabulateError;
use super::outputs::Scores;
use super::run::Points;
use crate::data::Table;
use crate::forest::{Comparison, Missing, Node, Split, Tree};

/// The levels of one feature, and between which two its code changes: one less.
#[derive(Clone, Debug, PartialEq)]
struct Axis {
    levels: Vec<f64>,
    cuts: Vec<f64>,
}

impl Axis {
    fn new(values: &[f64], bits: u8) -> Result<Self, QuantError> {
        min_max(values.iter().copied())?;
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut levels = sorted.clone();
        levels.dedup();
        let most = 1usize << bits;
        if levels.len() > most {
            levels = least_squares(&sorted, most)?;
        }
        let between = levels.windows(2);
        let cuts = between
            .map(|pair| f64::midpoint(pair[0], pair[1]))
            .collect();
        Ok(Self { levels, cuts })
    }

    fn bits(&self) -> u32 {
        self.levels.len().next_power_of_two().ilog2()
    }
}

/// At most `most` levels from which values, which are sorted, have the least squared distance, about: the quantizer of Lloyd 1982 (method
/// I), from levels between those of equal steps and those of equal shares.
fn least_squares(sorted: &[f64], most: usize) -> Result<Vec<f64>, QuantError> {
    const ROUNDS: usize = 100;
    let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
    // Divided before the difference, which may overflow.
    let width = greatest / 2.0 - least / 2.0;
    let places: Vec<f64> = sorted
        .iter()
        .map(|x| (x / 2.0 - least / 2.0) / width)
        .collect();
    if places.iter().any(|place| !place.is_finite()) {
        return Err(QuantError::NoData);
    }
    let mut sums = vec![0.0];
    for place in &places {
        sums.push(sums[sums.len() - 1] + place);
    }
    let start = |level: usize| {
        let share = (2 * level + 1) as f64 / (2 * most) as f64;
        let middle = (2 * level + 1) * places.len() / (2 * most);
        f64::midpoint(share, places[middle])
    };
    let mut levels: Vec<f64> = (0..most).map(start).collect();
    for _ in 0..ROUNDS {
        let mut first = 0;
        let next: Vec<f64> = (0..most)
            .map(|level| {
                let cut = levels
                    .get(level + 1)
                    .map(|next| f64::midpoint(levels[level], *next));
                let end = cut.map_or(places.len(), |cut| {
                    places.partition_point(|place| *place < cut)
                });
                let (from, count) = (first, end - first);
                first = end;
                match count {
                    0 => levels[level],
                    count => (sums[end] - sums[from]) / count as f64,
                }
            })
            .collect();
        if next == levels {
            break;
        }
        levels = next;
    }
    let mut levels: Vec<f64> = levels
        .into_iter()
        .map(|at| least * (1.0 - at) + greatest * at)
        .collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    Ok(levels)
}

/// All points of which each feature has one of its levels. Those of the first feature change fastest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    axes: Vec<Axis>,
}

impl Grid {
    pub(super) fn new(rows: &Table, bits: u8) -> Result<Self, TabulateError> {
        let axes = rows.columns().iter().enumerate().map(|(index, name)| {
            let values: Vec<f64> = rows.column(index).collect();
            Axis::new(&values, bits).map_err(|source| TabulateError::Feature {
                column: name.clone(),
                source,
            })
        });
        Ok(Self {
            axes: axes.collect::<Result<_, _>>()?,
        })
    }

    /// Features that are not constant, and the bits of their codes; the first of many.
    pub(super) fn features(&self, names: &[String]) -> String {
        const SHOWN: usize = 5;
        let bits = names.iter().zip(self.axes.iter().map(Axis::bits));
        let bits: Vec<_> = bits.filter(|(_, bits)| *bits > 0).collect();
        let shown = bits.iter().take(SHOWN);
        let mut shown: Vec<String> = shown
            .map(|(name, bits)| format!("`{name}` {bits}"))
            .collect();
        if bits.len() > SHOWN {
            shown.push(format!("and {} more", bits.len() - SHOWN));
        }
        shown.join(", ")
    }

    /// Bits of all codes together.
    pub(super) fn bits(&self) -> u32 {
        self.axes
            .iter()
            .map(Axis::bits)
            .fold(0, u32::saturating_add)
    }

    /// The tree whose leaves are the points.
    pub(super) fn tree(&self, scores: &Scores) -> Tree {
        let mut tree = Tree {
            first_output: 0,
            nodes: Vec::with_capacity(2 * self.count()),
        };
        let mut ranges: Vec<(usize, usize)> = self
            .axes
            .iter()
            .map(|axis| (0, axis.levels.len()))
            .collect();
        self.grow(&mut tree, &mut ranges, scores);
        tree
    }

    /// Adds the subtree of the points in these ranges of levels, and returns its root; no deeper than codes have bits.
    fn grow(&self, tree: &mut Tree, ranges: &mut [(usize, usize)], scores: &Scores) -> u32 {
        let node = tree.nodes.len();
        let open = ranges.iter().rposition(|(low, high)| high - low > 1);
        let Some(feature) = open else {
            let levels = ranges.iter().zip(&self.axes).rev();
            let index = levels.fold(0, |index, ((low, _), axis)| index * axis.levels.len() + low);
            tree.nodes.push(Node::Leaf(scores.of(index).to_vec()));
            return u32::try_from(node).unwrap_or(u32::MAX);
        };
        tree.nodes.push(Node::Leaf(Vec::new()));
        let (low, high) = ranges[feature];
        let middle = usize::midpoint(low, high);
        ranges[feature] = (low, middle);
        let left = self.grow(tree, ranges, scores);
        ranges[feature] = (middle, high);
        let right = self.grow(tree, ranges, scores);
        ranges[feature] = (low, high);
        tree.nodes[node] = Node::Split(Split {
            feature: u32::try_from(feature).unwrap_or(u32::MAX),
            threshold: self.axes[feature].cuts[middle - 1],
            comparison: Comparison::Less,
            missing: Missing::Refused,
            left,
            right,
        });
        u32::try_from(node).unwrap_or(u32::MAX)
    }
}

impl Points for Grid {
    fn count(&self) -> usize {
        self.axes.iter().map(|axis| axis.levels.len()).product()
    }

    fn point(&self, at: usize) -> Vec<f64> {
        let mut rest = at;
        let features = self.axes.iter().map(|axis| {
            let level = axis.levels[rest % axis.levels.len()];
            rest /= axis.levels.len();
            level
        });
        features.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that are fewer than levels are levels; others are near one, and far ones have their own.
    #[test]
    fn levels_by_hand() {
        let axis = Axis::new(&[3.0, -1.0, 3.0, 5.0], 2).unwrap();
        assert_eq!(axis.levels, [-1.0, 3.0, 5.0]);
        assert_eq!(axis.cuts, [1.0, 4.0]);
        let values: Vec<f64> = (0..8).map(f64::from).collect();
        let axis = Axis::new(&values, 2).unwrap();
        let near = |found: &[f64], wanted: &[f64]| {
            found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12)
        };
        assert!(near(&axis.levels, &[0.5, 2.5, 4.5, 6.5]), "{axis:?}");
        assert!(near(&axis.cuts, &[1.5, 3.5, 5.5]), "{axis:?}");
        let axis = Axis::new(&[0.0, 1.0, 10.0, 11.0, 1000.0], 2).unwrap();
        assert_eq!(axis.levels.last(), Some(&1000.0));
        assert_eq!((axis.bits(), Axis::new(&[7.0], 2).unwrap().bits()), (2, 0));
        assert!(Axis::new(&[1.0, f64::NAN], 2).is_err());
        let wide = [f64::MIN, -1.0, 0.0, 1.0, 2.0, f64::MAX];
        let axis = Axis::new(&wide, 2).unwrap();
        assert!(
            axis.levels.is_sorted() && axis.levels.iter().all(|x| x.is_finite()),
            "{axis:?}"
        );
    }

    /// No level moves a value farther than its neighbours would.
    #[test]
    fn levels_have_less_error_than_even_steps() {
        let values: Vec<f64> = (1..=2000).map(|i| (f64::from(i) / 300.0).exp()).collect();
        let error = |levels: &[f64]| -> f64 {
            let nearest = |x: &f64| {
                levels
                    .iter()
                    .map(|l| (x - l).powi(2))
                    .fold(f64::MAX, f64::min)
            };
            values.iter().map(nearest).sum()
        };
        let axis = Axis::new(&values, 5).unwrap();
        let (low, high) = (values[0], values[1999]);
        let even: Vec<f64> = (0..32)
            .map(|i| low + (high - low) * (f64::from(i) + 0.5) / 32.0)
            .collect();
        assert_eq!(axis.levels.len(), 32);
        assert!(
            error(&axis.levels) < 0.7 * error(&even),
            "{} {}",
            error(&axis.levels),
            error(&even)
        );
    }
}
