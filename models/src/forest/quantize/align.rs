//! Codes that are cheap to compare with.
//!
//! `code < j` for a code of `b` bits takes a product for every dyadic range of codes that `j` cuts, `b − tz(j)` of them, `tz` the trailing
//! zeros. Codes of `n` cut points need not be 0 to `n`: where their bits have room, cut points that no split compares with move
//! the others to where splits cost least together.

use alloc::collections::BTreeSet;

use tenebra_circuit::{Circuit, Op, Tree, TreeNode};

use super::compact::insert_cuts;
use crate::quantized::{Codec, InputCodec};

/// Most positions that are compared for one input.
const MAX_WORK: usize = 10_000_000;

/// Moves the cut points of bins to codes that splits compare with at the least cost, within the bits that codes have.
pub(super) fn align(circuit: &mut Circuit, inputs: &mut [InputCodec]) {
    let compared = compared(circuit, inputs);
    let more = inputs.iter().zip(&compared).map(|(input, compared)| {
        let Codec::Bins { cuts, round_to_f32 } = &input.codec else {
            return Vec::new();
        };
        let first = match input.missing {
            Some(..0) => 2,
            _ => 1,
        };
        let positions = compared.positions(first, input.bits());
        let counts = counts(&positions, first);
        fillers(cuts, &counts, *round_to_f32).unwrap_or_default()
    });
    let more: Vec<Vec<f64>> = more.collect();
    insert_cuts(circuit, inputs, &more);
}

/// How splits compare with the cut points of an input, the first one first, and with the code of a missing value beyond them. Splits
/// without other inputs below them share rotations by all bits of a code, wherever they split it, and are not counted.
struct Compared {
    /// Splits that take products of their own.
    alone: Vec<u64>,
    /// Whether the root of a tree does: roots share one selection between all intervals of a code.
    by_root: Vec<bool>,
}

impl Compared {
    /// Positions that cost least, or those one after the other, if these cost no more with what roots take together.
    fn positions(&self, first: usize, bits: u32) -> Vec<usize> {
        let plain: Vec<usize> = (first..).take(self.alone.len()).collect();
        // Those that no split compares with alone as half a split.
        let weights: Vec<u64> = self.alone.iter().map(|splits| 2 * splits + 1).collect();
        let moved = positions(&weights, first, bits);
        if self.cost(&moved, bits) < self.cost(&plain, bits) {
            moved
        } else {
            plain
        }
    }

    /// Products of splits, and of a selection between the intervals that roots make: as many as there are dyadic ranges with a border inside.
    fn cost(&self, positions: &[usize], bits: u32) -> u64 {
        let splits = self.alone.iter().zip(positions);
        let alone = splits.map(|(splits, at)| splits * products(*at, bits));
        let roots = positions
            .iter()
            .zip(&self.by_root)
            .filter(|(_, root)| **root);
        let cut = roots.flat_map(|(at, _)| {
            (at.trailing_zeros() + 1..=bits).map(move |log_size| (log_size, at >> log_size))
        });
        let cut: BTreeSet<(u32, usize)> = cut.collect();
        alone.sum::<u64>() + cut.len() as u64
    }
}

/// Products of a comparison with a code: one for each dyadic range that it cuts.
fn products(position: usize, bits: u32) -> u64 {
    u64::from(bits.saturating_sub(position.trailing_zeros()))
}

fn compared(circuit: &Circuit, inputs: &[InputCodec]) -> Vec<Compared> {
    let none = inputs.iter().map(|input| {
        let count = match &input.codec {
            Codec::Bins { cuts, .. } => {
                let beyond = input.missing.and_then(|code| usize::try_from(code).ok());
                cuts.len() + usize::from(beyond.is_some_and(|code| code > cuts.len()))
            }
            Codec::Affine(_) => 0,
        };
        Compared {
            alone: vec![0; count],
            by_root: vec![false; count],
        }
    });
    let mut compared: Vec<Compared> = none.collect();
    for op in &circuit.ops {
        let Op::Forest { forest, .. } = op else {
            continue;
        };
        for tree in &forest.trees {
            let univariate = univariate(tree);
            for (at, (node, univariate)) in tree.nodes.iter().zip(univariate).enumerate() {
                let TreeNode::Split {
                    feature, threshold, ..
                } = node
                else {
                    continue;
                };
                let of_input = &mut compared[*feature as usize];
                let Some(place) = usize::try_from(threshold - 1)
                    .ok()
                    .filter(|place| *place < of_input.alone.len())
                else {
                    continue;
                };
                match (univariate, at) {
                    (true, _) => {}
                    (false, 0) => of_input.by_root[place] = true,
                    (false, _) => of_input.alone[place] += 1,
                }
            }
        }
    }
    compared
}

/// For each node, whether it and all below it compare one input, or none.
fn univariate(tree: &Tree) -> Vec<bool> {
    // The input of a subtree: none yet, one, or several.
    let mut inputs: Vec<Result<Option<u32>, ()>> = vec![Ok(None); tree.nodes.len()];
    // Children come after their parents.
    for (at, node) in tree.nodes.iter().enumerate().rev() {
        if let TreeNode::Split {
            feature,
            left,
            right,
            ..
        } = node
        {
            let below = [inputs[*left as usize], inputs[*right as usize]];
            let same = below.iter().all(|input| match input {
                Ok(input) => input.is_none_or(|input| input == *feature),
                Err(()) => false,
            });
            inputs[at] = if same { Ok(Some(*feature)) } else { Err(()) };
        }
    }
    inputs.iter().map(Result::is_ok).collect()
}

/// Ascending positions from `first` to before `2^bits`, at which comparisons of these weights cost least; the lowest of equals.
///
/// By dynamic programming over the weights and the positions that each can have: those that leave room for all others.
fn positions(weights: &[u64], first: usize, bits: u32) -> Vec<usize> {
    let room = (1_usize << bits).saturating_sub(first + weights.len());
    let contiguous = (first..).take(weights.len());
    if room == 0 || weights.len().saturating_mul(room) > MAX_WORK {
        return contiguous.collect();
    }
    let cost = |weight: u64, position: usize| weight * products(position, bits);
    // `least[most]`: the cost of the weights so far, if the last is moved by at most `most`; and for each weight, by how much it is then.
    let mut least = vec![0; room + 1];
    let mut moves: Vec<Vec<u32>> = Vec::with_capacity(weights.len());
    for (at, weight) in weights.iter().enumerate() {
        let mut best = (u64::MAX, 0);
        let row = least.iter_mut().zip(0..).map(|(least, moved)| {
            let here = *least + cost(*weight, first + at + moved as usize);
            best = best.min((here, moved));
            *least = best.0;
            best.1
        });
        moves.push(row.collect());
    }
    let mut most = room;
    let places = moves.iter().enumerate().rev().map(|(at, row)| {
        most = row[most] as usize;
        first + at + most
    });
    let mut positions: Vec<usize> = places.collect();
    positions.reverse();
    positions
}

/// How many positions are left free before each.
fn counts(positions: &[usize], first: usize) -> Vec<usize> {
    let before = core::iter::once(first - 1).chain(positions.iter().copied());
    let pairs = positions.iter().zip(before);
    pairs
        .map(|(position, before)| position - before - 1)
        .collect()
}

/// So many cut points before each one, or beyond the last, in even steps from one to the next; `None` where the numbers of the model's
/// precision do not suffice.
fn fillers(cuts: &[f64], counts: &[usize], round_to_f32: bool) -> Option<Vec<f64>> {
    let (first, last) = (*cuts.first()?, *cuts.last()?);
    let step = if last > first {
        last - first
    } else {
        first.abs().max(1.0)
    };
    let mut fillers = Vec::new();
    for (at, &count) in counts.iter().enumerate() {
        let width = (count + 1) as f64;
        let high = cuts.get(at).copied();
        let low = at
            .checked_sub(1)
            .and_then(|before| cuts.get(before))
            .copied();
        let (from, to) = match (low, high) {
            (Some(low), Some(high)) => (low, high),
            (None, Some(high)) => (high - step, high),
            (Some(low), None) => (low, low + step),
            (None, None) => return None,
        };
        let mut before = low.unwrap_or(f64::NEG_INFINITY);
        for index in 1..=count {
            let place = from + (to - from) * (index as f64 / width);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the precision of the model"
            )]
            let place = if round_to_f32 {
                f64::from(place as f32)
            } else {
                place
            };
            let between = place > before && high.is_none_or(|high| place < high);
            if !between || !place.is_finite() {
                return None;
            }
            before = place;
            fillers.push(place);
        }
    }
    Some(fillers)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use tenebra_circuit::{CircuitBuilder, Forest};

    use super::*;
    use crate::quantized::code_interval;

    fn cost(weights: &[u64], positions: &[usize], bits: u32) -> u64 {
        let costs = weights.iter().zip(positions);
        costs.map(|(weight, at)| weight * products(*at, bits)).sum()
    }

    /// The least cost of all ways to place weights from `first` on.
    fn least(weights: &[u64], first: usize, bits: u32) -> u64 {
        let Some((weight, rest)) = weights.split_first() else {
            return 0;
        };
        let last = (1 << bits) - rest.len();
        let costs = (first..last)
            .map(|position| weight * products(position, bits) + least(rest, position + 1, bits));
        costs.min().unwrap()
    }

    #[test]
    fn no_positions_cost_less() {
        let mut state = 1u64;
        for bits in 1..=4 {
            for first in [1, 2] {
                for count in 0..=(1_usize << bits) - first {
                    let draw = |_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1);
                        (state >> 32) % 5
                    };
                    let weights: Vec<u64> = (0..count).map(draw).collect();
                    let positions = positions(&weights, first, bits);
                    assert!(positions.windows(2).all(|pair| pair[0] < pair[1]));
                    assert!(positions.iter().all(|at| (first..1 << bits).contains(at)));
                    let got = cost(&weights, &positions, bits);
                    assert_eq!(
                        got,
                        least(&weights, first, bits),
                        "{weights:?} {positions:?}"
                    );
                }
            }
        }
    }

    /// A selection between five intervals in 3 bits cuts four ranges where borders stand one after the other, or as well where they are
    /// moved for a split that compares with the third.
    #[test]
    fn roots_are_counted_together() {
        let of = |splits: u64| Compared {
            alone: vec![0, 0, splits, 0],
            by_root: vec![true; 4],
        };
        assert_eq!(of(0).cost(&[1, 2, 3, 4], 3), 4);
        assert_eq!(of(0).cost(&[2, 3, 4, 6], 3), 4);
        assert_eq!(of(0).cost(&[1, 3, 4, 5], 3), 6);
        assert_eq!(of(2).cost(&[2, 3, 4, 6], 3), 4 + 2);
        assert_eq!(of(2).positions(1, 3)[2], 4);
    }

    /// One split, or a split whose right child is another: feature and threshold of each.
    fn tree(splits: &[(u32, i64)]) -> Tree {
        let mut nodes = Vec::new();
        for (feature, threshold) in splits {
            let at = u32::try_from(nodes.len()).unwrap();
            nodes.push(TreeNode::Split {
                feature: *feature,
                threshold: *threshold,
                left: at + 1,
                right: at + 2,
            });
            nodes.push(TreeNode::Leaf(vec![0]));
        }
        nodes.push(TreeNode::Leaf(vec![1]));
        Tree { nodes }
    }

    /// Inputs of five cut points and of one, and a forest that compares with the third of the five in five splits between those of the other
    /// input, with the last one in a root, and with others where splits below compare with nothing else.
    fn forest(missing: Option<i32>) -> (Circuit, Vec<InputCodec>) {
        let cuts = [vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![0.5]];
        let inputs = cuts.into_iter().zip(0..).map(|(cuts, column)| InputCodec {
            column,
            codec: Codec::Bins {
                cuts,
                round_to_f32: false,
            },
            missing: if column == 0 { missing } else { Some(0) },
        });
        let inputs: Vec<InputCodec> = inputs.collect();
        let mut trees = vec![tree(&[(1, 1), (0, 3), (1, 1)]); 5];
        trees.extend([
            tree(&[(0, 5), (1, 1)]),
            tree(&[(0, 2)]),
            tree(&[(0, 4), (0, 1)]),
        ]);
        if missing == Some(6) {
            trees.push(tree(&[(1, 1), (0, 6), (1, 1)]));
        }
        let forest = Forest {
            outputs: 1,
            trees,
            bias: vec![0],
        };
        let ranges = inputs.iter().map(code_interval).collect();
        let mut builder = CircuitBuilder::new();
        let input = builder.input("x", ranges);
        let scores = builder.forest(input, forest);
        builder.output("scores", scores);
        (builder.finish(), inputs)
    }

    /// The splits of a circuit: input, threshold.
    fn splits(circuit: &Circuit) -> Vec<(usize, i64)> {
        let forests = circuit.ops.iter().filter_map(|op| match op {
            Op::Forest { forest, .. } => Some(forest),
            _ => None,
        });
        let nodes = forests
            .flat_map(|forest| &forest.trees)
            .flat_map(|tree| &tree.nodes);
        let splits = nodes.filter_map(|node| match node {
            TreeNode::Split {
                feature, threshold, ..
            } => Some((*feature as usize, *threshold)),
            TreeNode::Leaf(_) => None,
        });
        splits.collect()
    }

    #[test]
    fn splits_that_take_products_are_counted() {
        for missing in [None, Some(0), Some(-1), Some(5), Some(6)] {
            let (circuit, inputs) = forest(missing);
            let compared = compared(&circuit, &inputs);
            let beyond = usize::from(missing == Some(6));
            let [of_first, of_second] = &compared[..] else {
                panic!("two inputs")
            };
            let mut alone = vec![0, 0, 5, 0, 0];
            let mut by_root = vec![false, false, false, false, true];
            alone.resize(5 + beyond, 1);
            by_root.resize(5 + beyond, false);
            assert_eq!((&of_first.alone, &of_first.by_root), (&alone, &by_root));
            assert_eq!(of_second.alone, [0]);
            assert_eq!(of_second.by_root, [true]);
        }
    }

    /// What is compared with most has the cheapest code of all, whatever stands for a missing value; and all real values go the ways that they
    /// went.
    #[test]
    fn splits_move_to_cheap_codes_and_mean_the_same() {
        for missing in [None, Some(0), Some(-1), Some(5), Some(6)] {
            let (mut circuit, mut inputs) = forest(missing);
            let (before, old) = (splits(&circuit), inputs.clone());
            align(&mut circuit, &mut inputs);
            let after = splits(&circuit);
            let lowest = code_interval(&inputs[0]).min;
            let moved = after[1].1 - lowest;
            assert_eq!(moved, 4, "{missing:?}: {after:?}");
            assert_eq!(inputs[0].bits(), old[0].bits());
            let values = (0..=60).map(|tenth| f64::from(tenth) / 10.0);
            for value in values.chain([f64::NAN, f64::INFINITY]) {
                let ways = |inputs: &[InputCodec], splits: &[(usize, i64)]| -> Vec<bool> {
                    let way = |(input, threshold): &(usize, i64)| {
                        let code = inputs[*input].quantize(value).map_or(0, |code| code.code);
                        i64::from(code) < *threshold
                    };
                    splits.iter().map(way).collect()
                };
                assert_eq!(
                    ways(&old, &before),
                    ways(&inputs, &after),
                    "{missing:?} {value}"
                );
            }
        }
    }

    #[test]
    fn free_positions_are_counted_before_each() {
        assert_eq!(counts(&[1, 2, 3], 1), [0, 0, 0]);
        assert_eq!(counts(&[2, 4, 7], 1), [1, 1, 2]);
        assert_eq!(counts(&[4, 5], 2), [2, 0]);
    }

    #[test]
    fn fillers_lie_between_and_are_given_up_where_there_is_no_room() {
        let cuts = [1.0, 2.0, 6.0];
        assert_eq!(fillers(&cuts, &[0, 0, 3], false), Some(vec![3.0, 4.0, 5.0]));
        assert_eq!(fillers(&cuts, &[1, 0, 0], false), Some(vec![-1.5]));
        assert_eq!(fillers(&cuts, &[0, 0, 0, 1], true), Some(vec![8.5]));
        assert_eq!(fillers(&[], &[1], false), None);
        let single = f64::from(1.0_f32.next_up());
        assert_eq!(fillers(&[1.0, single], &[0, 1], true), None);
        assert!(fillers(&[1.0, single], &[0, 1], false).is_some());
        assert_eq!(fillers(&[1.0, 1.0_f64.next_up()], &[0, 1], false), None);
        assert_eq!(fillers(&[-f64::MAX, f64::MAX], &[0, 1], false), None);
    }
}
