//! Cut points that no split needs any more go, and decoys come in.

use alloc::collections::{BTreeMap, BTreeSet};

use tenebra_circuit::{Circuit, Op, TreeNode};

use super::Decoys;
use crate::data::Table;
use crate::forest::random::Random;
use crate::quantized::{Codec, InputCodec};

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
            port.ranges = inputs.iter().map(InputCodec::range).collect();
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
    // Threshold j stands for cut point j - 1. Those below the first and beyond the last cut point tell a missing value
    // from all others.
    let rank = |used: &BTreeSet<i64>, code: i64| {
        let below = used
            .iter()
            .filter(|threshold| (1..=code).contains(*threshold))
            .count();
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
                ..0 if used.contains(&0) => code,
                ..0 => 0,
                _ => i32::try_from(rank(used, code.into())).unwrap_or(code),
            });
            let kept = (1_i64..)
                .zip(cuts.iter())
                .filter(|(threshold, _)| used.contains(threshold));
            *cuts = kept.map(|(_, cut)| *cut).collect();
        }
    }
}

/// Adds cut points that no split compares with until the codes of each input fill their bits.
///
/// They are drawn from what a cut point of this feature could be: the calibration values, or the middles between
/// neighbouring ones, whichever more of the model's own are; without calibration data from between its own.
pub(super) fn add_decoys(
    circuit: &mut Circuit,
    inputs: &mut [InputCodec],
    decoys: Decoys,
    calibration: Option<&Table>,
) {
    let mut rng = Random::new(decoys.seed);
    let mut renumbered: Vec<BTreeMap<i64, i64>> = vec![BTreeMap::new(); inputs.len()];
    for (input, renumbered) in inputs.iter_mut().zip(&mut renumbered) {
        let codes = input.range();
        let Codec::Bins { cuts, round_to_f32 } = &mut input.codec else {
            continue;
        };
        let bits = (u64::BITS - codes.min.abs_diff(codes.max).leading_zeros()
            + u32::from(decoys.bits))
        .min(16);
        let room = (1_usize << bits)
            .saturating_sub(usize::try_from(codes.max - codes.min).unwrap_or(0) + 1);
        let column = calibration.map(|table| {
            table
                .column(input.feature)
                .filter(|x| !x.is_nan())
                .collect()
        });
        let new = draw(
            cuts,
            column.unwrap_or_default(),
            *round_to_f32,
            room,
            &mut rng,
        );
        let mut all = [cuts.as_slice(), &new].concat();
        all.sort_by(f64::total_cmp);
        let code = |old: i64| match usize::try_from(old) {
            Ok(old) if (1..=cuts.len()).contains(&old) => {
                all.partition_point(|cut| *cut < cuts[old - 1]) + 1
            }
            Ok(old) if old > cuts.len() => all.len() + 1,
            _ => 0,
        };
        let signed = |code: usize| i64::try_from(code).unwrap_or(i64::MAX);
        *renumbered = (1..)
            .zip(&*cuts)
            .map(|(old, _)| (old, signed(code(old))))
            .collect();
        renumbered.insert(signed(cuts.len()) + 1, signed(all.len()) + 1);
        input.missing = input.missing.map(|old| {
            if old < 0 {
                old
            } else {
                i32::try_from(code(old.into())).unwrap_or(old)
            }
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

/// Up to `count` distinct cut points that are none of `cuts`.
fn draw(
    cuts: &[f64],
    mut column: Vec<f64>,
    round_to_f32: bool,
    count: usize,
    rng: &mut Random,
) -> Vec<f64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding is what the model's library does"
    )]
    let round = |x: f64| {
        let rounded = if round_to_f32 { f64::from(x as f32) } else { x };
        // One zero for both signs, which compare equal but do not sort so.
        rounded + 0.0
    };
    column.iter_mut().for_each(|x| *x = round(*x));
    column.sort_by(f64::total_cmp);
    column.dedup();
    let values = column.iter().filter(|x| contains(cuts, **x)).count();
    let mut pool: Vec<f64> = if 2 * values >= cuts.len() {
        column
    } else {
        column
            .windows(2)
            .map(|pair| round(pair[0] + (pair[1] - pair[0]) / 2.0))
            .collect()
    };
    if pool.is_empty() {
        let (low, high) = (
            cuts.first().copied().unwrap_or(0.0),
            cuts.last().copied().unwrap_or(1.0),
        );
        let width = if high > low {
            high - low
        } else {
            low.abs().max(1.0)
        };
        pool = (0..4 * count)
            .map(|_| round(low + width * (1.25 * rng.unit() - 0.125)))
            .collect();
        pool.sort_by(f64::total_cmp);
        pool.dedup();
    }
    pool.retain(|x| x.is_finite() && !contains(cuts, *x));
    rng.choose(&mut pool, count);
    pool.truncate(count);
    pool
}

fn contains(cuts: &[f64], x: f64) -> bool {
    cuts.binary_search_by(|cut| cut.total_cmp(&x)).is_ok()
}
