//! Which codes a circuit takes: the codec of each input, the threshold of each split on it, and the code of a missing value.
//!
//! A missing value needs no input of its own. On a feature's axis of codes it is put where every split sends it as the
//! float model does: some code `p` with `p < j` for the splits `code < j` that send it left and `p >= j` for those that send it
//! right. When all splits of a feature agree on a side, or count a missing value as zero, an existing code does. Where no
//! `p` exists, the feature becomes two inputs, each with the splits that agree on a place, which costs at most a few input
//! bits and not one comparison more.

use std::collections::HashMap;

use tenebra_circuit::Interval;
use tenebra_quant::{Affine, Bins, BitWidth, QuantError, calibrate};

use super::BinsMode;
use crate::data::Table;
use crate::forest::{Comparison, ForestModel, Missing, Split};
use crate::quantized::QuantizeError;
use crate::quantized::{Codec, InputCodec, code_interval};

/// A split as `x < cut`, whatever its library's comparison: what decides, apart from the children.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Test {
    /// Infinite where every real goes to one side.
    cut: f64,
    /// The side of a missing value; `None` where the model refuses such rows.
    missing: Option<Side>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    Left,
    Right,
}

/// What a split becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Every row goes to one side.
    Always { left: bool },
    /// Left iff the code of this input is below the threshold.
    Code { input: usize, threshold: i64 },
}

/// The inputs of a quantized forest, and how its splits compare them.
pub(super) struct Inputs {
    pub(super) codecs: Vec<InputCodec>,
    turns: HashMap<(u32, u64, Option<Side>), Turn>,
    round_to_f32: bool,
    missing: bool,
}

impl Inputs {
    /// Inputs for all features that a split needs.
    pub(super) fn new(
        model: &ForestModel,
        bins: BinsMode,
        calibration: Option<&Table>,
        missing: bool,
    ) -> Result<Self, QuantizeError> {
        let (codecs, turns) = (Vec::new(), HashMap::new());
        let mut inputs = Self {
            codecs,
            turns,
            round_to_f32: model.round_to_f32,
            missing,
        };
        let mut tests: Vec<(u32, Test)> = Vec::new();
        for split in model.trees.iter().flat_map(crate::forest::Tree::splits) {
            tests.push((split.feature, inputs.test(split)));
        }
        tests.sort_by(|(f, a), (g, b)| f.cmp(g).then(a.cut.total_cmp(&b.cut)));
        for of_feature in tests.chunk_by(|(f, _), (g, _)| f == g) {
            let feature = of_feature[0].0;
            let mut tests: Vec<Test> = of_feature.iter().map(|&(_, test)| test).collect();
            tests.dedup();
            // Even steps would take neighbouring categories for one.
            let bins = if model.categories.contains_key(&feature) {
                BinsMode::Thresholds
            } else {
                bins
            };
            inputs.add_feature(feature, tests, bins, calibration)?;
        }
        if inputs.codecs.is_empty() {
            // A constant model; a circuit has at least one input.
            let codec = Codec::Bins {
                cuts: Vec::new(),
                round_to_f32: false,
            };
            inputs.codecs.push(InputCodec {
                column: 0,
                codec,
                missing: Some(0),
            });
        }
        Ok(inputs)
    }

    /// What `split` becomes; the split must be one of the model's.
    pub(super) fn turn(&self, split: &Split) -> Turn {
        let test = self.test(split);
        *self
            .turns
            .get(&(split.feature, test.cut.to_bits(), test.missing))
            .expect("every split of the model was given a decision")
    }

    fn test(&self, split: &Split) -> Test {
        let cut = strict(split, self.round_to_f32);
        let side = |left| if left { Side::Left } else { Side::Right };
        let missing = match split.missing {
            Missing::Left => Some(Side::Left),
            Missing::Right => Some(Side::Right),
            Missing::AsZero => Some(side(0.0 < cut)),
            Missing::Refused => None,
        };
        Test {
            cut,
            missing: missing.filter(|_| self.missing),
        }
    }

    fn add_feature(
        &mut self,
        feature: u32,
        mut tests: Vec<Test>,
        bins: BinsMode,
        calibration: Option<&Table>,
    ) -> Result<(), QuantizeError> {
        let column = feature as usize;
        // One split that refuses missing values makes the model refuse the row.
        let refused = tests.iter().any(|test| test.missing.is_none());
        let key = |test: &Test| (feature, test.cut.to_bits(), test.missing);
        tests.retain(|test| {
            let left = test.cut > 0.0;
            let against = if left { Side::Right } else { Side::Left };
            let constant = test.cut.is_infinite() && (refused || test.missing != Some(against));
            if constant {
                self.turns.insert(key(test), Turn::Always { left });
            }
            !constant
        });
        if tests.is_empty() {
            return Ok(());
        }
        let axis = |tests: &[Test]| {
            let axis = Axis::new(
                tests,
                bins,
                calibration.map(|table| (table, column)),
                self.round_to_f32,
            );
            axis.map_err(|source| QuantizeError::Feature {
                feature: column,
                source,
            })
        };
        for (tests, axis, missing) in groups(tests, refused, axis)? {
            let input = self.codecs.len();
            for test in &tests {
                let threshold = axis.threshold(test.cut);
                self.turns
                    .insert(key(test), Turn::Code { input, threshold });
            }
            let missing =
                missing.map(|code| i32::try_from(code).expect("codes have 17 bits at most"));
            self.codecs.push(InputCodec {
                column,
                codec: axis.codec,
                missing,
            });
        }
        Ok(())
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("memory holds fewer than 2^63 items")
}

/// The cut `c` with `x < c` iff the split sends `x` left, for every finite `x` (of single precision, if so rounded).
///
/// In single precision the cut is a single-precision number too, so that devices may hold it as one.
fn strict(split: &Split, round_to_f32: bool) -> f64 {
    let threshold = split.threshold;
    let strictly = split.comparison == Comparison::Less;
    let cut = if round_to_f32 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounded to a neighbour, which is corrected below"
        )]
        let mut single = threshold as f32;
        while f64::from(single) < threshold || (!strictly && f64::from(single) == threshold) {
            single = single.next_up();
        }
        while f64::from(single.next_down()) >= threshold
            && (strictly || f64::from(single.next_down()) > threshold)
        {
            single = single.next_down();
        }
        f64::from(single)
    } else if strictly {
        threshold
    } else {
        threshold.next_up()
    };
    let least = if round_to_f32 {
        f64::from(f32::MIN)
    } else {
        f64::MIN
    };
    if cut <= least {
        return f64::NEG_INFINITY;
    }
    // One zero for both signs: they compare equal, and cut points must increase.
    if cut == 0.0 { 0.0 } else { cut }
}

/// The codes of one input.
struct Axis {
    codec: Codec,
    range: Interval,
}

impl Axis {
    fn new(
        tests: &[Test],
        bins: BinsMode,
        column: Option<(&Table, usize)>,
        round_to_f32: bool,
    ) -> Result<Self, QuantError> {
        let mut cuts: Vec<f64> = tests
            .iter()
            .map(|test| test.cut)
            .filter(|cut| cut.is_finite())
            .collect();
        cuts.dedup();
        let codec = match bins {
            BinsMode::Thresholds => {
                Bins::new(&cuts)?;
                Codec::Bins { cuts, round_to_f32 }
            }
            BinsMode::Uniform(bits) => Codec::Affine(uniform(&cuts, column, bits)?),
        };
        let input = InputCodec {
            column: 0,
            codec,
            missing: None,
        };
        Ok(Self {
            range: code_interval(&input),
            codec: input.codec,
        })
    }

    /// The `j` with `code < j` iff `x < cut`: exactly for bins, to half a step for even codes. The smallest code stands for
    /// no side to the left, one more than the largest for none to the right.
    fn threshold(&self, cut: f64) -> i64 {
        match &self.codec {
            Codec::Bins { cuts, .. } if cut.is_finite() => {
                signed(cuts.partition_point(|c| *c < cut)) + 1
            }
            _ if cut == f64::NEG_INFINITY => self.range.min,
            Codec::Affine(affine) => {
                // Real values grow with codes: the first that is at least the cut, by bisection.
                let (mut low, mut high) = (affine.min_code(), affine.max_code() + 1);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if affine.dequantize(middle) < cut {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                i64::from(low)
            }
            Codec::Bins { .. } => self.range.max + 1,
        }
    }

    /// A code for a missing value that every test sends to its own side, if there is one.
    fn place(&self, tests: &[Test]) -> Option<i64> {
        let thresholds = |side| {
            let on_side = tests.iter().filter(move |test| test.missing == Some(side));
            on_side.map(|test| self.threshold(test.cut))
        };
        // p >= j for those that send it right, p < j for those that send it left; an existing code where there is one.
        let lowest = thresholds(Side::Right).max().unwrap_or(self.range.min);
        let highest = thresholds(Side::Left)
            .min()
            .map_or(self.range.max.max(lowest), |j| j - 1);
        if lowest <= highest {
            return Some(lowest);
        }
        let nothing_right = thresholds(Side::Right).next().is_none();
        nothing_right.then_some(highest)
    }

    /// Bits that the codes of this input take, with its code for missing values.
    fn bits(&self, missing: Option<i64>) -> u32 {
        let missing = missing.unwrap_or(self.range.min);
        let codes = self
            .range
            .max
            .max(missing)
            .abs_diff(self.range.min.min(missing));
        u64::BITS - codes.leading_zeros()
    }
}

/// Tests of one feature that share an input, its codes, and its code for missing values.
type Group = (Vec<Test>, Axis, Option<i64>);

/// One group of tests where an axis has a place for missing values that suits them all, else two with the fewest bits.
fn groups(
    tests: Vec<Test>,
    refused: bool,
    axis: impl Fn(&[Test]) -> Result<Axis, QuantizeError>,
) -> Result<Vec<Group>, QuantizeError> {
    let whole = axis(&tests)?;
    let place = whole.place(&tests);
    if refused || place.is_some() {
        return Ok(vec![(tests, whole, place.filter(|_| !refused))]);
    }
    // Either each side by itself, or all that agrees with missing values just above the last cut that sends them right or
    // just below the first that sends them left, and the rest, which is of one side.
    let cuts = |side| {
        tests
            .iter()
            .filter(move |test| test.missing == Some(side))
            .map(|test| test.cut)
    };
    let above = cuts(Side::Right).fold(f64::NEG_INFINITY, f64::max);
    let below = cuts(Side::Left).fold(f64::INFINITY, f64::min).next_down();
    let agrees = |at: f64| move |test: &Test| (test.missing == Some(Side::Left)) == (at < test.cut);
    let by_side = |test: &Test| test.missing == Some(Side::Left);
    let mut best = pair(&tests, by_side, &axis)?;
    for at in [above, below] {
        let candidate = pair(&tests, agrees(at), &axis)?;
        let bits = |pair: &[Group]| {
            pair.iter()
                .map(|(_, axis, missing)| axis.bits(*missing))
                .sum::<u32>()
        };
        if candidate.iter().all(|(_, _, missing)| missing.is_some())
            && bits(&candidate) < bits(&best)
        {
            best = candidate;
        }
    }
    Ok(best)
}

/// The tests that satisfy a condition, and the others.
fn pair(
    tests: &[Test],
    condition: impl Fn(&Test) -> bool,
    axis: impl Fn(&[Test]) -> Result<Axis, QuantizeError>,
) -> Result<Vec<Group>, QuantizeError> {
    let (one, other): (Vec<Test>, Vec<Test>) = tests.iter().copied().partition(condition);
    let group = |tests: Vec<Test>| {
        let axis = axis(&tests)?;
        let missing = axis.place(&tests);
        Ok((tests, axis, missing))
    };
    [one, other].into_iter().map(group).collect()
}

/// Even codes over the calibration values of a feature but for outliers, or, without values that differ, over its cuts and a step
/// below them.
pub(super) fn uniform(
    cuts: &[f64],
    column: Option<(&Table, usize)>,
    bits: BitWidth,
) -> Result<Affine<f64>, QuantError> {
    if let Some((table, column)) = column {
        let values: Vec<f64> = table.column(column).filter(|x| !x.is_nan()).collect();
        let range = calibrate::without_outliers(&values, &mut values.clone());
        // A single value says nothing about the range.
        if let Ok((min, max)) = range
            && min < max
        {
            return Affine::asymmetric(min, max, bits);
        }
    }
    let [first, .., last] = cuts else {
        let only = cuts.first().copied().unwrap_or(0.0);
        let reach = only.abs().max(1.0);
        return Affine::asymmetric(only - reach, only + reach, bits);
    };
    let step = (last - first) / f64::from((1_u32 << bits.bits()) - 2).max(1.0);
    Affine::asymmetric(first - step, *last, bits)
}
