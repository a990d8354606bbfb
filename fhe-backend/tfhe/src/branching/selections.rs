//! Trees of selections between clear polynomials.
//!
//! `zero + bit·(one − zero)` needs the coefficients of the difference alone, for their digits, and adds a product to `zero`. So values
//! stay sums of products in the kernel's own form, besides the clear polynomial that all lower bits being 0 select; differences are
//! transformed back, and in the end the root is. The first selections, whose differences are clear, transform nothing back: half of all.

use super::diagram::{Diagram, Group, Operand, Plain, Step};
use super::words::widen;

/// The trees of each group of a diagram.
#[derive(Debug)]
pub(super) struct Selections {
    of_groups: Vec<Vec<Selection>>,
}

/// One selection.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) bit: usize,
    /// The steps that are `zero` and `one` but for clear polynomials.
    pub(super) operands: [Option<usize>; 2],
    /// The clear polynomial of `one` less that of `zero`.
    pub(super) difference: ClearBody,
    /// The clear polynomial of the root.
    pub(super) root: Option<ClearBody>,
}

/// The high halves of a clear polynomial's words: values have 32 bits at most.
#[derive(Debug)]
pub(super) struct ClearBody(Vec<u32>);

/// Bits that are left below values.
const LEAST_SCALE: u32 = 32;

impl Selections {
    /// Of polynomials of `size` coefficients; clear values are multiples of `2^scale`.
    pub(super) fn new(diagram: &Diagram, size: usize, scale: u32) -> Self {
        let of_groups = diagram.groups.iter().map(|group| {
            let scale = scale.checked_sub(LEAST_SCALE);
            scale.map_or_else(Vec::new, |scale| of_group(group, size, scale))
        });
        Self {
            of_groups: of_groups.collect(),
        }
    }

    /// Bytes of memory of all clear polynomials.
    pub(super) fn bytes(&self) -> usize {
        let all = self.of_groups.iter().flatten();
        let bodies = all.flat_map(|of| core::iter::once(&of.difference).chain(&of.root));
        bodies.map(|body| size_of_val(body.0.as_slice())).sum()
    }

    /// Of a step that is one.
    pub(super) fn of_step(&self, group: usize, step: usize) -> Option<&Selection> {
        self.of_groups[group].get(step)
    }
}

fn of_group(group: &Group, size: usize, scale: u32) -> Vec<Selection> {
    // What all bits being 0 select, step by step.
    let mut least: Vec<&Plain> = Vec::with_capacity(group.selections);
    let mut selections = Vec::with_capacity(group.selections);
    for step in &group.steps[..group.selections] {
        let Step::Cmux { bit, zero, one } = step else {
            return Vec::new();
        };
        let [Some(of_zero), Some(of_one)] = [zero, one].map(|operand| match operand {
            Operand::Plain(plain) => Some(plain),
            Operand::Step { step, shift: 0 } => least.get(*step).copied(),
            Operand::Step { .. } | Operand::Slot { .. } => None,
        }) else {
            return Vec::new();
        };
        let operands = [zero, one].map(|operand| match operand {
            Operand::Step { step, .. } => Some(*step),
            _ => None,
        });
        let is_root = selections.len() + 1 == group.selections;
        selections.push(Selection {
            bit: *bit,
            operands,
            difference: ClearBody::new([of_zero, of_one], size, scale),
            root: is_root.then(|| ClearBody::new([&Plain::new(), of_zero], size, scale)),
        });
        least.push(of_zero);
    }
    selections
}

impl ClearBody {
    /// `one − zero`.
    fn new([zero, one]: [&Plain; 2], size: usize, scale: u32) -> Self {
        let mut words = vec![0u32; size];
        let word = |value: i64| {
            let word = value.cast_unsigned() << scale;
            u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0)
        };
        for (at, value) in one {
            words[*at] = words[*at].wrapping_add(word(*value));
        }
        for (at, value) in zero {
            words[*at] = words[*at].wrapping_sub(word(*value));
        }
        Self(words)
    }

    /// In the place of a body.
    pub(super) fn load(&self, body: &mut [u64]) {
        widen(body, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `1 + X` by no bit, `5·X` by the lower, `3` by the higher one, `−2·X` by both.
    #[test]
    fn a_tree_of_two_bits_is_what_all_zeros_select_and_differences() {
        let step = |bit, zero, one| Step::Cmux { bit, zero, one };
        let plain = |terms: &[(usize, i64)]| Operand::Plain(terms.to_vec());
        let made = |step| Operand::Step { step, shift: 0 };
        let group = Group {
            steps: vec![
                step(4, plain(&[(0, 1), (1, 1)]), plain(&[(1, 5)])),
                step(4, plain(&[(0, 3)]), plain(&[(1, -2)])),
                step(7, made(0), made(1)),
                step(2, made(2), made(2)),
            ],
            selections: 3,
            result: made(3),
        };
        let selections = of_group(&group, 4, 20);
        let words =
            |values: [i32; 4]| values.map(|value| u64::from((value << 20).cast_unsigned()) << 32);
        let loaded = |body: &ClearBody| {
            let mut words = [1; 4];
            body.load(&mut words);
            words
        };
        let differences: Vec<_> = selections.iter().map(|of| loaded(&of.difference)).collect();
        let expected = [[-1, 4, 0, 0], [-3, -2, 0, 0], [2, -1, 0, 0]];
        assert_eq!(differences, expected.map(words));
        let roots: Vec<_> = selections
            .iter()
            .map(|of| of.root.as_ref().map(loaded))
            .collect();
        assert_eq!(roots, [None, None, Some(words([1, 1, 0, 0]))]);
        let operands: Vec<_> = selections.iter().map(|of| (of.bit, of.operands)).collect();
        assert_eq!(
            operands,
            [
                (4, [None, None]),
                (4, [None, None]),
                (7, [Some(0), Some(1)])
            ]
        );
    }
}
