//! Cut points that no split needs any more go, and decoys come in.

use alloc::collections::{BTreeMap, BTreeSet};

use tenebra_circuit::{Circuit, Op, TreeNode};

use super::Decoys;
use super::decoys::DecoyPool;
use crate::data::Table;
use crate::quantized::{Codec, InputCodec, code_interval};
use crate::random::Random;

/// Calls `visit` with the input and the threshold of every split.
fn each_split(circuit: &mut Circuit, mut visit: impl FnMut(usize, &mut i64)) {
    for op in &mut circuit.ops {
        if let Op::Forest { forest, .. } = op {
            for node in forest.trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
                if let TreeNode::Split {
                    feature, threshold, ..
                } = node
                {
                    visit(*feature as usize, threshold);
                }
            }
        }
    }
}

/// Brings the ranges of the circuit's single input port up to date.
pub(super) fn set_ranges(circuit: &mut Circuit, inputs: &[InputCodec]) {
    for op in &mut circuit.ops {
        if let Op::Input(port) = op {
            port.ranges = inputs.iter().map(code_interval).collect();
        }
    }
}

/// Drops the cut points of bins that no split of the circuit compares with; codes and thresholds are renumbered, the
/// ranges of the port are not.
pub(super) fn drop_unused_cuts(circuit: &mut Circuit, inputs: &mut [InputCodec]) {
    let mut used = vec![BTreeSet::new(); inputs.len()];
    each_split(circuit, |input, threshold| {
        used[input].insert(*threshold);
    });
    // Sorted, for forests have as many splits as thresholds, which are many.
    let used: Vec<Vec<i64>> = used
        .into_iter()
        .map(|set| set.into_iter().collect())
        .collect();
    // Threshold j stands for cut point j - 1. Those below the first and beyond the last cut point tell a missing value
    // from all others.
    let rank = |used: &[i64], code: i64| {
        let up_to = |code: i64| used.partition_point(|threshold| *threshold <= code);
        let below = up_to(code).saturating_sub(up_to(0));
        i64::try_from(below).unwrap_or(i64::MAX)
    };
    each_split(circuit, |input, threshold| {
        if matches!(inputs[input].codec, Codec::Bins { .. }) {
            *threshold = rank(&used[input], *threshold);
        }
    });
    for (input, used) in inputs.iter_mut().zip(&used) {
        if let Codec::Bins { cuts, .. } = &mut input.codec {
            input.missing = input.missing.map(|code| match code {
                ..0 if used.binary_search(&0).is_ok() => code,
                ..0 => 0,
                _ => i32::try_from(rank(used, code.into())).unwrap_or(code),
            });
            let kept = (1_i64..)
                .zip(cuts.iter())
                .filter(|(threshold, _)| used.binary_search(threshold).is_ok());
            *cuts = kept.map(|(_, cut)| *cut).collect();
        }
    }
}

/// Adds cut points that no split compares with until the codes of each input fill their bits.
pub(super) fn add_decoys(
    circuit: &mut Circuit,
    inputs: &mut [InputCodec],
    decoys: Decoys,
    calibration: Option<&Table>,
) {
    let mut random = Random::new(decoys.seed);
    let drawn = inputs.iter().map(|input| {
        let range = code_interval(input);
        let Codec::Bins { cuts, round_to_f32 } = &input.codec else {
            return Vec::new();
        };
        let pool = DecoyPool {
            cuts,
            codes: usize::try_from(range.max.abs_diff(range.min)).unwrap_or(usize::MAX - 1) + 1,
            column: calibration.map(|table| (table, input.column)),
            round_to_f32: *round_to_f32,
        };
        pool.draw(decoys.bits, &mut random)
    });
    let drawn: Vec<Vec<f64>> = drawn.collect();
    insert_cuts(circuit, inputs, &drawn);
}

/// Adds cut points to each input of bins, and renumbers codes and thresholds.
pub(super) fn insert_cuts(circuit: &mut Circuit, inputs: &mut [InputCodec], more: &[Vec<f64>]) {
    let mut renumbered: Vec<BTreeMap<i64, i64>> = vec![BTreeMap::new(); inputs.len()];
    for ((input, more), renumbered) in inputs.iter_mut().zip(more).zip(&mut renumbered) {
        let Codec::Bins { cuts, .. } = &mut input.codec else {
            continue;
        };
        let mut all = [cuts.as_slice(), more].concat();
        all.sort_by(f64::total_cmp);
        // A cut point keeps its meaning, and what lies beyond the last one stays there.
        let code = |old: i64| match usize::try_from(old) {
            Ok(old) if (1..=cuts.len()).contains(&old) => {
                all.partition_point(|cut| *cut < cuts[old - 1]) + 1
            }
            Ok(old) if old > cuts.len() => all.len() + 1,
            _ => 0,
        };
        let signed = |code: usize| i64::try_from(code).unwrap_or(i64::MAX);
        *renumbered = (1..=signed(cuts.len()) + 1)
            .map(|old| (old, signed(code(old))))
            .collect();
        input.missing = input.missing.map(|old| match old {
            ..0 => old,
            _ => i32::try_from(code(old.into())).unwrap_or(old),
        });
        *cuts = all;
    }
    each_split(circuit, |input, threshold| {
        *threshold = renumbered[input]
            .get(threshold)
            .copied()
            .unwrap_or(*threshold);
    });
}
