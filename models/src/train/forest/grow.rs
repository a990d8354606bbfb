//! Grows one tree.

use super::columns::Columns;
use crate::forest::{Comparison, Missing, Node, Split};
use crate::random::Random;

/// When to split and when to stop.
#[derive(Clone, Debug)]
pub(super) struct GrowParams {
    /// Most splits on a path; `None` for no limit.
    pub(super) max_depth: Option<usize>,
    /// Fewest rows of a node that is split.
    pub(super) min_samples_split: usize,
    /// Fewest rows of a leaf.
    pub(super) min_samples_leaf: usize,
    /// Least sum of weights of a leaf.
    pub(super) min_weight: f64,
    /// Added to the sum of weights of every node.
    pub(super) lambda: f64,
    /// Least gain of a split.
    pub(super) min_gain: f64,
    /// Features looked at for each split; a split is looked for in further ones until one is found.
    pub(super) max_features: usize,
    /// Whether nodes whose rows have all the same vector per weight are left alone.
    pub(super) stop_when_pure: bool,
}

/// What a tree is grown on: row by row, a vector of `width` sums and a weight.
pub(super) struct Targets<'a> {
    pub(super) width: usize,
    pub(super) sums: &'a [f64],
    pub(super) weights: &'a [f64],
}

/// The rows of a node, as a range of every feature's list.
struct Open {
    start: usize,
    end: usize,
    depth: usize,
    /// The split whose left or right child the node becomes.
    parent: Option<(usize, bool)>,
}

/// A split that was found.
#[derive(Clone, Copy)]
struct Best {
    gain: f64,
    feature: usize,
    threshold: f64,
    missing_left: bool,
}

/// Sums over some rows.
#[derive(Clone, Default)]
struct Sums {
    sum: Vec<f64>,
    weight: f64,
    rows: usize,
}

impl Sums {
    fn zero(width: usize) -> Self {
        Self {
            sum: vec![0.0; width],
            ..Self::default()
        }
    }

    fn add(&mut self, targets: &Targets<'_>, row: u32) {
        let row = row as usize;
        let sums = &targets.sums[row * targets.width..][..targets.width];
        self.sum.iter_mut().zip(sums).for_each(|(sum, s)| *sum += s);
        self.weight += targets.weights[row];
        self.rows += 1;
    }

    /// `|S|^2 / (W + lambda)`, and the same of what is left of `whole`.
    fn scores(&self, whole: &Self, lambda: f64) -> f64 {
        let (mut own, mut rest) = (0.0, 0.0);
        for (sum, whole) in self.sum.iter().zip(&whole.sum) {
            own += sum * sum;
            rest += (whole - sum) * (whole - sum);
        }
        own / (self.weight + lambda) + rest / (whole.weight - self.weight + lambda)
    }

    fn score(&self, lambda: f64) -> f64 {
        self.sum.iter().map(|sum| sum * sum).sum::<f64>() / (self.weight + lambda)
    }
}

/// Grows a tree on the rows whose weight is positive, looking for splits among `features`.
///
/// `leaf` turns sums and weight of a leaf into its values.
pub(super) fn grow(
    columns: &Columns,
    targets: &Targets<'_>,
    features: &[usize],
    params: &GrowParams,
    random: &mut Random,
    leaf: impl Fn(&[f64], f64) -> Vec<f64>,
) -> Vec<Node> {
    let used = |row: &u32| targets.weights[*row as usize] > 0.0;
    let lists = features
        .iter()
        .map(|&f| columns.sorted[f].iter().copied().filter(used).collect());
    let mut grower = Grower {
        columns,
        targets,
        features,
        params,
        lists: lists.collect(),
        goes_left: vec![false; columns.n_rows],
        spare: Vec::new(),
    };
    let end = grower.lists.first().map_or(0, Vec::len);
    let mut nodes: Vec<Node> = Vec::new();
    let mut open = vec![Open {
        start: 0,
        end,
        depth: 0,
        parent: None,
    }];
    // Depth first with an explicit stack: trees may be as deep as there are rows.
    while let Some(node) = open.pop() {
        let index = nodes.len();
        if let Some((parent, is_left)) = node.parent
            && let Node::Split(split) = &mut nodes[parent]
        {
            let child =
                u32::try_from(index).expect("a tree has fewer than twice as many nodes as rows");
            *(if is_left {
                &mut split.left
            } else {
                &mut split.right
            }) = child;
        }
        let sums = grower.sums(&node);
        let Some(best) = grower.best_split(&node, &sums, random) else {
            nodes.push(Node::Leaf(leaf(&sums.sum, sums.weight)));
            continue;
        };
        let middle = grower.partition(&node, best);
        let missing = match (columns.has_missing[best.feature], best.missing_left) {
            (false, _) => Missing::Refused,
            (true, true) => Missing::Left,
            (true, false) => Missing::Right,
        };
        nodes.push(Node::Split(Split {
            feature: u32::try_from(best.feature).expect("fewer than 2^32 features"),
            threshold: best.threshold,
            comparison: Comparison::Less,
            missing,
            left: 0,
            right: 0,
        }));
        let depth = node.depth + 1;
        open.push(Open {
            start: middle,
            end: node.end,
            depth,
            parent: Some((index, false)),
        });
        open.push(Open {
            start: node.start,
            end: middle,
            depth,
            parent: Some((index, true)),
        });
    }
    nodes
}

struct Grower<'a> {
    columns: &'a Columns,
    targets: &'a Targets<'a>,
    features: &'a [usize],
    params: &'a GrowParams,
    /// Per feature of `features`, the rows by ascending value within each node's range, missing ones last.
    lists: Vec<Vec<u32>>,
    /// By row, the side of the split at hand.
    goes_left: Vec<bool>,
    spare: Vec<u32>,
}

impl Grower<'_> {
    fn sums(&self, node: &Open) -> Sums {
        let mut sums = Sums::zero(self.targets.width);
        if let Some(list) = self.lists.first() {
            list[node.start..node.end]
                .iter()
                .for_each(|&row| sums.add(self.targets, row));
        }
        sums
    }

    fn best_split(&self, node: &Open, sums: &Sums, random: &mut Random) -> Option<Best> {
        let params = self.params;
        let deep = params.max_depth.is_some_and(|max| node.depth >= max);
        if deep || sums.rows < params.min_samples_split.max(2 * params.min_samples_leaf) {
            return None;
        }
        if params.stop_when_pure && self.is_pure(node) {
            return None;
        }
        let mut places: Vec<usize> = (0..self.features.len()).collect();
        if params.max_features < places.len() {
            let all = places.len();
            random.choose(&mut places, all);
            // Equal gains go to the first feature, not to the first that was drawn.
            places[..params.max_features].sort_unstable();
        }
        let mut best: Option<Best> = None;
        for (looked, place) in places.into_iter().enumerate() {
            if looked >= params.max_features && best.is_some() {
                break;
            }
            self.search(place, node, sums, &mut best);
        }
        best
    }

    /// Whether all rows of a node have the same vector per weight.
    fn is_pure(&self, node: &Open) -> bool {
        let width = self.targets.width;
        let rows = &self.lists[0][node.start..node.end];
        let per_weight = |row: u32, at: usize| {
            let row = row as usize;
            self.targets.sums[row * width + at] / self.targets.weights[row]
        };
        let first: Vec<f64> = (0..width).map(|at| per_weight(rows[0], at)).collect();
        let same = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
        rows.iter()
            .all(|&row| (0..width).all(|at| same(per_weight(row, at), first[at])))
    }

    /// Looks for a better split of a feature than `best`.
    fn search(&self, place: usize, node: &Open, whole: &Sums, best: &mut Option<Best>) {
        let feature = self.features[place];
        let values = &self.columns.values[feature];
        let rows = &self.lists[place][node.start..node.end];
        let value = |row: u32| values[row as usize];
        let present = rows.partition_point(|&row| !value(row).is_nan());
        let parent = whole.score(self.params.lambda);
        let mut missing = Sums::zero(self.targets.width);
        rows[present..]
            .iter()
            .for_each(|&row| missing.add(self.targets, row));
        // First with missing values on the right, then on the left, where there are any.
        for missing_left in [false, true] {
            if missing_left && missing.rows == 0 {
                break;
            }
            let mut left = if missing_left {
                missing.clone()
            } else {
                Sums::zero(self.targets.width)
            };
            for at in 0..present {
                left.add(self.targets, rows[at]);
                let threshold = match rows[at + 1..present].first() {
                    Some(&next) if value(next) > value(rows[at]) => {
                        middle(value(rows[at]), value(next))
                    }
                    Some(_) => continue,
                    // All values left, the missing ones right.
                    None if missing.rows > 0 && !missing_left => f64::INFINITY,
                    None => break,
                };
                if !self.allowed(&left, whole) {
                    continue;
                }
                let gain = left.scores(whole, self.params.lambda) - parent;
                if gain >= self.params.min_gain && best.is_none_or(|best| gain > best.gain) {
                    // Without missing values in the node, the side with more weight takes those to come.
                    let missing_left = if missing.rows > 0 {
                        missing_left
                    } else {
                        2.0 * left.weight > whole.weight
                    };
                    *best = Some(Best {
                        gain,
                        feature,
                        threshold,
                        missing_left,
                    });
                }
            }
        }
    }

    fn allowed(&self, left: &Sums, whole: &Sums) -> bool {
        let params = self.params;
        let rows = left.rows.min(whole.rows - left.rows);
        let weight = left.weight.min(whole.weight - left.weight);
        rows >= params.min_samples_leaf && weight >= params.min_weight
    }

    /// Sorts the rows of a node in every list into those that go left and those that go right, each in their order.
    fn partition(&mut self, node: &Open, best: Best) -> usize {
        let values = &self.columns.values[best.feature];
        for &row in &self.lists[0][node.start..node.end] {
            let value = values[row as usize];
            let below = f64::from(value) < best.threshold;
            self.goes_left[row as usize] = if value.is_nan() {
                best.missing_left
            } else {
                below
            };
        }
        let mut middle = node.start;
        for list in &mut self.lists {
            let rows = &mut list[node.start..node.end];
            self.spare.clear();
            let mut left = 0;
            for at in 0..rows.len() {
                let row = rows[at];
                if self.goes_left[row as usize] {
                    rows[left] = row;
                    left += 1;
                } else {
                    self.spare.push(row);
                }
            }
            rows[left..].copy_from_slice(&self.spare);
            middle = node.start + left;
        }
        middle
    }
}

/// A single-precision number `t` with `low < t <= high`, in the middle as far as there is one.
pub(super) fn middle(low: f32, high: f32) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    f64::from(if middle > low { middle } else { high })
}

#[cfg(test)]
mod tests;
