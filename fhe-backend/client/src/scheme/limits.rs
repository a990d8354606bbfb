//! How much a spec may ask of its client. Lengths are counted in 64 bits, so that a client of 32 bits refuses a spec where
//! one of 64 does, and none of its own lengths wraps around.

use super::layout::{LayoutError, MAX_MESSAGE_LEN};

/// Refuses the first of the sizes that is over [`MAX_MESSAGE_LEN`].
pub(crate) fn check(sizes: &[(&'static str, u64)]) -> Result<(), LayoutError> {
    let over = sizes.iter().find(|(_, bytes)| *bytes > MAX_MESSAGE_LEN);
    over.map_or(Ok(()), |(what, bytes)| {
        Err(LayoutError::TooLarge {
            what,
            bytes: *bytes,
        })
    })
}

/// A length that [`check`] accepted, in memory.
pub(crate) fn in_memory(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{GlweParams, ValidGlwe};
    use crate::scheme::branching::packing::{MAX_SPLITS, Packing, SwitchGadget};
    use crate::scheme::branching::{BranchingLayout, MAX_ROWS};
    use crate::scheme::linear::LinearLayout;
    use proptest::prelude::*;

    const LIMIT: u128 = MAX_MESSAGE_LEN as u128;

    fn packed(count: u128, width: u8) -> u128 {
        (count * u128::from(width)).div_ceil(8)
    }

    /// As `docs/wire-format.md` counts: query and response of `max_rows` rows, and 8 bytes for each code and integer.
    fn linear_sizes(layout: &LinearLayout) -> [u128; 4] {
        let [features, outputs, group, blocks] =
            [layout.features, layout.outputs, layout.group, layout.blocks].map(u128::from);
        let rows = u128::from(layout.max_rows);
        let dimension =
            u128::from(layout.glwe.glwe_dimension) * u128::from(layout.glwe.polynomial_size);
        let zone = (rows * group + group - 1) * features.div_ceil(blocks);
        let integers = outputs.div_ceil(group) * dimension + rows * outputs;
        [
            35 + packed(blocks * zone, layout.body_bits),
            3 + packed(integers, layout.response_bits),
            8 * rows * features,
            8 * rows * outputs,
        ]
    }

    /// Query, response, evaluation key.
    fn branching_sizes(layout: &BranchingLayout) -> [u128; 3] {
        let [k, size, levels] = [
            layout.glwe.glwe_dimension.into(),
            layout.glwe.polynomial_size,
            layout.level_count.into(),
        ]
        .map(u128::from);
        let bits = u128::from(layout.input_bits);
        let (bodies, key_rows) = match layout.packing {
            None => (bits * levels * (k + 1) * size, None),
            Some(packing) => {
                let splits = &packing.splits[..size.ilog2() as usize - 1];
                let rows = splits.iter().chain([&packing.scheme_switch; 3]);
                let rows: u128 = rows.map(|gadget| u128::from(gadget.level_count)).sum();
                (bits * levels, Some(rows))
            }
        };
        // Without a key of evaluation, the name of the query stands in its response.
        let prefix = if key_rows.is_some() { 3 } else { 35 };
        let of_query = u128::from(layout.max_rows);
        let lane = |rows| rows * packed(size, layout.body_bits);
        let integers = k * size + u128::from(layout.coefficients);
        [
            35 + of_query * packed(bodies, layout.body_bits),
            prefix + of_query * packed(integers, layout.response_bits),
            key_rows.map_or(0, |rows| 32 + of_query * lane(rows)),
        ]
    }

    fn rings() -> impl Strategy<Value = GlweParams> {
        (1u8..=64, 6u32..=12).prop_filter_map("insecure or too large", |(k, log)| {
            ValidGlwe::secure(k, 1 << log)
                .ok()
                .map(|valid| valid.params())
        })
    }

    /// Counts of every magnitude up to `2^16`.
    fn counts() -> impl Strategy<Value = u32> {
        (0u32..=16, any::<u32>())
            .prop_map(|(log, low)| (1 << log) + low % (1 << log))
            .prop_map(|count| count.min(1 << 16))
    }

    fn linear_layouts() -> impl Strategy<Value = LinearLayout> {
        let widths = (1u8..=63, 0u8..=63, 0u8..=63);
        let counts = (counts(), counts(), counts(), counts(), counts());
        (rings(), widths, counts).prop_map(|(glwe, (p, body, response), counts)| {
            let (features, outputs, group, blocks, rows) = counts;
            let group = group.min(outputs);
            let blocks = blocks.min(features);
            let room = u32::from(glwe.polynomial_size) / features.div_ceil(blocks);
            let rows = rows.min((room + 1).saturating_sub(group) / group).max(1);
            LinearLayout {
                glwe,
                plaintext_bits: p,
                body_bits: (p + 1).max(body),
                response_bits: (p + 1).max(response),
                features,
                outputs,
                group,
                blocks,
                max_rows: u16::try_from(rows).unwrap(),
            }
        })
    }

    fn branching_layouts() -> impl Strategy<Value = BranchingLayout> {
        let gadget = (1u8..=31, 1u8..=2, 40u8..=64);
        let shared = proptest::option::of((1..=MAX_ROWS, 0u16..=300));
        (rings(), gadget, counts(), shared).prop_map(
            |(glwe, (base_log, level_count, body_bits), input_bits, shared)| {
                let pack = shared.is_some();
                let (max_rows, packed_bits) = shared.unwrap_or((1, 0));
                let switch = SwitchGadget {
                    base_log: 1,
                    level_count: 63,
                };
                let packing = Packing {
                    splits: [switch; MAX_SPLITS],
                    scheme_switch: switch,
                };
                BranchingLayout {
                    glwe,
                    base_log,
                    level_count: if base_log == 1 { 63 } else { level_count },
                    body_bits: if base_log == 1 {
                        64
                    } else {
                        body_bits.max(base_log * level_count)
                    },
                    plaintext_bits: 3,
                    response_bits: 64,
                    input_bits,
                    coefficients: 64,
                    packing: pack.then_some(packing),
                    max_rows,
                    packed_bits,
                }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn lengths_are_exact_or_refused_whatever_a_word_is(layout in linear_layouts()) {
            let sizes = linear_sizes(&layout);
            let fits = sizes.iter().all(|bytes| *bytes <= LIMIT);
            match layout.validate() {
                Ok(valid) => {
                    prop_assert!(fits, "{:?}", sizes);
                    let rows = usize::from(layout.max_rows);
                    let lens = [valid.query_len(rows), valid.response_len(rows)];
                    prop_assert_eq!(lens.map(|len| len as u128), [sizes[0], sizes[1]]);
                    // More rows than there can be wrap nothing around.
                    prop_assert!(valid.query_len(usize::MAX) as u128 >= sizes[0]);
                    prop_assert!(valid.response_len(usize::MAX) as u128 >= sizes[1]);
                }
                Err(LayoutError::TooLarge { bytes, .. }) => {
                    prop_assert!(sizes.contains(&bytes.into()) && u128::from(bytes) > LIMIT);
                }
                Err(error) => prop_assert!(matches!(error, LayoutError::Zone { .. }), "{}", error),
            }
        }

        #[test]
        fn lengths_of_branching_layouts_as_well(layout in branching_layouts()) {
            let sizes = branching_sizes(&layout);
            let fits = sizes.iter().all(|bytes| *bytes <= LIMIT);
            match layout.validate() {
                Ok(valid) => {
                    prop_assert!(fits, "{:?}", sizes);
                    let key = valid.switch_keys().map_or(0, |keys| keys.len());
                    let rows = valid.max_rows();
                    let lens = [valid.query_len(rows), valid.response_len(rows), key];
                    prop_assert_eq!(lens.map(|len| len as u128), sizes);
                }
                Err(LayoutError::TooLarge { bytes, .. }) => {
                    prop_assert!(sizes.contains(&bytes.into()) && u128::from(bytes) > LIMIT);
                }
                Err(error) => prop_assert!(matches!(error, LayoutError::Packing(_)), "{}", error),
            }
        }
    }

    /// Both were accepted once: specs of 107 kB and 1.8 MB.
    #[test]
    fn a_small_spec_cannot_ask_for_gigabytes() {
        let direct = BranchingLayout {
            glwe: GlweParams {
                glwe_dimension: 64,
                polynomial_size: 64,
                noise_bound_log2: 3,
            },
            base_log: 1,
            level_count: 63,
            body_bits: 64,
            plaintext_bits: 1,
            response_bits: 64,
            input_bits: 65_536,
            coefficients: 1,
            packing: None,
            max_rows: 1,
            packed_bits: 0,
        };
        // 65,536 · 63 · 65 · 64 · 8 bytes and the prefix.
        let error = LayoutError::TooLarge {
            what: "query",
            bytes: 137_405_399_075,
        };
        assert_eq!(direct.validate().err(), Some(error));
        let linear = LinearLayout {
            glwe: GlweParams {
                glwe_dimension: 1,
                polynomial_size: 4096,
                noise_bound_log2: 3,
            },
            plaintext_bits: 1,
            body_bits: 64,
            response_bits: 64,
            features: 65_536,
            outputs: 2048,
            group: 2048,
            blocks: 65_536,
            max_rows: 1,
        };
        // 65,536 · 4,095 · 8 bytes and the prefix.
        let error = LayoutError::TooLarge {
            what: "query",
            bytes: 2_146_959_395,
        };
        assert_eq!(linear.validate().err(), Some(error));
        // Two bits a body: a query of 67 MB, but codes of 2 GB.
        let long = LinearLayout {
            body_bits: 2,
            outputs: 1,
            group: 1,
            max_rows: 4096,
            ..linear
        };
        let error = LayoutError::TooLarge {
            what: "codes of a query",
            bytes: 1 << 31,
        };
        assert_eq!(long.validate().err(), Some(error));
        let wide = LinearLayout {
            response_bits: 2,
            body_bits: 2,
            features: 1,
            blocks: 1,
            outputs: 65_536,
            group: 1,
            max_rows: 4096,
            ..linear
        };
        let error = LayoutError::TooLarge {
            what: "integers of a response",
            bytes: 1 << 31,
        };
        assert_eq!(wide.validate().err(), Some(error));
    }
}
