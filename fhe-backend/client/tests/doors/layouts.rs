//! Which layouts are accepted, and where they place what they hold.

use tenebra_client::GlweParams;
use tenebra_client::branching::BranchingLayout;
use tenebra_client::linear::LinearLayout;
use tenebra_client::packing::{MAX_SPLITS, SwitchGadget};

use crate::{branching, glwe, linear, packing};

/// A change of one field.
type Change<L> = Box<dyn Fn(&mut L)>;

/// Every pair of changes.
fn for_each_pair<L: Copy>(base: L, changes: &[Change<L>], mut check: impl FnMut(L)) {
    for first in changes {
        for second in changes {
            let mut layout = base;
            first(&mut layout);
            second(&mut layout);
            check(layout);
        }
    }
}

/// Values that fields are changed to; of the ring, sizes that it cannot have.
macro_rules! changes {
    ($layout:ty; $($field:ident: [$($value:expr),*]),* $(,)?) => {{
        let mut changes: Vec<Change<$layout>> = vec![Box::new(|_| {})];
        for size in [0, 500, 513] {
            changes.push(Box::new(move |layout| layout.glwe.polynomial_size = size));
        }
        $($(changes.push(Box::new(|layout| layout.$field = $value));)*)*
        changes
    }};
}

#[test]
fn linear_layouts_are_those_of_the_document() {
    let changes = changes!(LinearLayout;
        plaintext_bits: [0, 1, 17, 18, 19, 23, 24, 25, 63, 64, 65, 255],
        body_bits: [0, 7, 8, 9, 63, 64, 65, 255],
        response_bits: [0, 7, 8, 9, 63, 64, 65, 255],
        features: [0, 1, 2, 3, 7, 4096, 65_535, 65_536, 65_537, u32::MAX],
        outputs: [0, 1, 2, 4, 65_536, 65_537, u32::MAX],
        group: [0, 1, 3, 4, 19, u32::MAX],
        blocks: [0, 1, 6, 7, 65_536, u32::MAX],
        max_rows: [0, 1, 84, 85, 86, u16::MAX],
    );
    let mut accepted = 0;
    for_each_pair(linear(), &changes, |layout| {
        let [p, s, w] = [
            layout.plaintext_bits,
            layout.body_bits,
            layout.response_bits,
        ]
        .map(u64::from);
        let [features, outputs, group, blocks] =
            [layout.features, layout.outputs, layout.group, layout.blocks].map(u64::from);
        let (rows, size) = (
            u64::from(layout.max_rows),
            u64::from(layout.glwe.polynomial_size),
        );
        let counts = (1..=65_536).contains(&features)
            && (1..=65_536).contains(&outputs)
            && (1..=outputs).contains(&group)
            && (1..=features).contains(&blocks)
            && rows >= 1;
        let sound = size == 512
            && (p >= 1 && p < s && p < w && s <= 64 && w <= 64)
            && counts
            && (rows * group + group - 1) * features.div_ceil(blocks) <= size;
        // Payloads of up to 256 MiB.
        let groups = if counts { outputs.div_ceil(group) } else { 0 };
        let small = (groups * 1024 + rows * outputs) * w <= 8 << 28;
        assert_eq!(layout.validate().is_ok(), sound && small, "{layout:?}");
        accepted += usize::from(sound && small);
    });
    assert!(accepted > 200, "{accepted}");
}

#[test]
fn branching_layouts_are_those_of_the_document() {
    let with = changes!(BranchingLayout;
        base_log: [0, 1, 5, 6, 8, 9, 21, 22, 255],
        level_count: [0, 1, 2, 6, 7, 15, 16, 255],
        body_bits: [0, 5, 11, 12, 13, 21, 22, 63, 64, 65, 255],
        plaintext_bits: [0, 1, 17, 18, 19, 63, 64, 255],
        response_bits: [0, 5, 6, 7, 63, 64, 65, 255],
        input_bits: [0, 1, 341, 342, 512, 513, 1024, 65_536, 65_537, u32::MAX],
        coefficients: [0, 1, 511, 512, 513, 1024, 1025, u32::MAX],
    );
    for packing in [None, Some(packing())] {
        let base = branching(packing);
        let (k, size) = (
            u64::from(base.glwe.glwe_dimension),
            u64::from(base.glwe.polynomial_size),
        );
        let mut accepted = 0;
        for_each_pair(base, &with, |layout| {
            let [b, l, s, p, w] = [
                layout.base_log,
                layout.level_count,
                layout.body_bits,
                layout.plaintext_bits,
                layout.response_bits,
            ]
            .map(u64::from);
            let [bits, coefficients] = [layout.input_bits, layout.coefficients].map(u64::from);
            let log_slots = (bits * l).max(1).next_power_of_two().ilog2();
            let packs =
                packing.is_none() || (bits * l <= size && s >= b * l + u64::from(log_slots));
            let bodies = if packing.is_some() { 1 } else { (k + 1) * size };
            let small = bits * l * bodies * s + 35 * 8 <= 8 << 28;
            let sound = u64::from(layout.glwe.polynomial_size) == size
                && (1..64).contains(&(b * l))
                && (p >= 1 && p < w && w <= 64)
                && (b * l <= s && s <= 64)
                && (1..=65_536).contains(&bits)
                && (1..=size).contains(&coefficients)
                && packs
                && small;
            assert_eq!(layout.validate().is_ok(), sound, "{layout:?}");
            accepted += usize::from(sound);
        });
        assert!(accepted > 200, "{accepted}");
    }
}

/// Every gadget that an unpacking key has must be one; those beyond `log2 N − 1` splits are not of it.
#[test]
fn gadgets_of_unpacking_keys_are_those_of_the_document() {
    for (base_log, level_count, sound) in [
        (0, 3, false),
        (3, 0, false),
        (1, 63, true),
        (63, 1, true),
        (64, 1, false),
        (8, 8, false),
        (255, 255, false),
    ] {
        let gadget = SwitchGadget {
            base_log,
            level_count,
        };
        for index in 0..=MAX_SPLITS {
            let mut packing = packing();
            match packing.splits.get_mut(index) {
                Some(split) => *split = gadget,
                None => packing.scheme_switch = gadget,
            }
            let its_own = index < 9 || index == MAX_SPLITS;
            let accepted = branching(Some(packing)).validate().is_ok();
            assert_eq!(accepted, sound || !its_own, "{gadget:?} at {index}");
        }
    }
    let two_masks = BranchingLayout {
        glwe: glwe(2, 512),
        ..branching(Some(packing()))
    };
    assert!(two_masks.validate().is_err());
}

/// The weight of an input brings it to where its outputs are read, in every row; other inputs of the block stand elsewhere.
#[test]
fn weights_bring_inputs_to_their_outputs() {
    let shapes = [
        (6, 3, 2, 2, 4),
        (5, 3, 2, 2, 4),
        (7, 5, 3, 1, 2),
        (1, 1, 1, 1, 9),
        (12, 1, 1, 5, 3),
    ];
    for (features, outputs, group, blocks, max_rows) in shapes {
        let layout = LinearLayout {
            features,
            outputs,
            group,
            blocks,
            max_rows,
            ..linear()
        };
        let layout = layout.validate().unwrap();
        for row in 0..usize::from(max_rows) {
            for output in 0..outputs as usize {
                let read = layout.output_position(row, output);
                let mut found = 0;
                for feature in 0..features as usize {
                    let exponent = layout.weight_exponent(output, feature);
                    let (block, position) = layout.input_position(row, feature);
                    assert_eq!(position + exponent, read, "{layout:?}");
                    assert_eq!(block, feature / layout.block_features());
                    // No input of another row meets the weight there.
                    for other in (0..usize::from(max_rows)).filter(|other| *other != row) {
                        for feature in 0..features as usize {
                            let (its_block, its) = layout.input_position(other, feature);
                            assert!(its_block != block || its + exponent != read);
                        }
                    }
                    found += 1;
                }
                assert_eq!(found, features as usize);
            }
        }
    }
}

#[test]
fn noise_of_up_to_a_sixteenth_is_accepted() {
    for (noise_bound_log2, accepted) in [(60, true), (61, false), (255, false)] {
        let params = GlweParams {
            noise_bound_log2,
            ..glwe(2, 1024)
        };
        assert_eq!(params.validate().is_ok(), accepted, "{noise_bound_log2}");
    }
}

/// 65,536 codes of 8 bytes in 512 rows are 256 MiB, to the byte.
#[test]
fn the_largest_message_is_accepted() {
    for (max_rows, accepted) in [(512, true), (513, false)] {
        let layout = LinearLayout {
            glwe: glwe(1, 4096),
            plaintext_bits: 1,
            body_bits: 2,
            response_bits: 2,
            features: 65_536,
            outputs: 1,
            group: 1,
            blocks: 65_536,
            max_rows,
        };
        assert_eq!(layout.validate().is_ok(), accepted, "{max_rows} rows");
    }
}
