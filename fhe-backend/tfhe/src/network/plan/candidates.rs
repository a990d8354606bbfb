//! Parameters that the planner tries.

use tenebra_circuit::QueryMode;
use tenebra_client::ValidGlwe;
use tenebra_client::branching::BranchingLayout;
use tenebra_client::network::NetworkLayout;

use super::Search;
use crate::branching::goal::sent_body_bits;
use crate::network::layers::BitGadget;

/// `(k, N)` of networks whose queries are direct and that have one hidden layer.
const SHALLOW_RINGS: [(u8, u16); 7] = [
    (3, 512),
    (4, 512),
    (2, 1024),
    (3, 1024),
    (1, 2048),
    (2, 2048),
    (1, 4096),
];

/// `(k, N)` of all others.
const RINGS: [(u8, u16); 2] = [(1, 2048), (1, 4096)];

/// Gadgets of the bits of direct queries.
const DIRECT_GADGETS: [BitGadget; 14] = [
    (23, 1),
    (17, 1),
    (12, 2),
    (15, 2),
    (9, 3),
    (12, 3),
    (8, 4),
    (10, 4),
    (8, 5),
    (7, 6),
    (8, 6),
    (6, 7),
    (5, 8),
    (4, 10),
];

/// Gadgets of bits that are made of a packed query.
const PACKED_GADGETS: [BitGadget; 20] = [
    (8, 2),
    (6, 3),
    (7, 3),
    (8, 3),
    (9, 3),
    (5, 4),
    (6, 4),
    (7, 4),
    (5, 5),
    (6, 5),
    (4, 6),
    (5, 6),
    (4, 7),
    (5, 7),
    (3, 8),
    (6, 6),
    (5, 8),
    (4, 9),
    (4, 10),
    (3, 13),
];

/// Gadgets of bits that are made of hidden neurons.
const HIDDEN_GADGETS: [BitGadget; 14] = [
    (6, 3),
    (8, 3),
    (5, 4),
    (6, 4),
    (7, 4),
    (5, 5),
    (6, 5),
    (7, 5),
    (4, 6),
    (5, 6),
    (4, 7),
    (5, 7),
    (4, 8),
    (3, 8),
];

/// Slots of a ciphertext of a packed query, as powers of 2.
const PACKED_LOG_SLOTS: core::ops::RangeInclusive<u32> = 3..=12;

impl Search<'_> {
    /// Layouts of all rings and queries, without keys.
    pub(super) fn queries(&self) -> Vec<NetworkLayout> {
        let mut layouts = Vec::new();
        let deep = self.made() > 0;
        let direct = self.options.query != QueryMode::Packed;
        let packed = self.options.query != QueryMode::Direct;
        let rings = if deep {
            RINGS.as_slice()
        } else {
            SHALLOW_RINGS.as_slice()
        };
        for (k, _) in rings
            .iter()
            .filter(|(_, size)| direct && *size == self.size)
        {
            layouts.extend(
                DIRECT_GADGETS
                    .iter()
                    .filter_map(|gadget| self.layout(*k, *gadget, 0)),
            );
        }
        if packed && RINGS.contains(&(1, self.size)) {
            for gadget in PACKED_GADGETS {
                let mut last = 0;
                for log_slots in PACKED_LOG_SLOTS {
                    let slots = (1usize << log_slots).min(self.size.into());
                    let bits = (slots / usize::from(gadget.1)).min(self.bits.of_query());
                    if bits > core::mem::replace(&mut last, bits) {
                        layouts.extend(self.layout(1, gadget, bits));
                    }
                }
            }
        }
        layouts
    }

    fn layout(&self, k: u8, gadget: BitGadget, packed_bits: usize) -> Option<NetworkLayout> {
        let glwe = ValidGlwe::secure(k, self.size).ok()?;
        let (base_log, level_count) = gadget;
        let digits = &self.shape.digits;
        Some(NetworkLayout {
            branching: BranchingLayout {
                glwe: glwe.params(),
                base_log,
                level_count,
                body_bits: sent_body_bits(glwe),
                plaintext_bits: u8::try_from(digits.plaintext_bits).ok()?,
                response_bits: 64,
                input_bits: u32::try_from(self.bits.of_query()).ok()?,
                coefficients: u32::try_from(digits.coefficients).ok()?,
                packing: None,
                max_rows: 1,
                packed_bits: 0,
            },
            stride: u16::try_from(self.shape.stride).ok()?,
            packed_bits: u16::try_from(packed_bits).ok()?,
            keys: None,
        })
    }
}

/// All gadgets of the bits that `made` layers make, whose digits get no finer from layer to layer.
pub(super) fn combinations(made: usize) -> Vec<Vec<BitGadget>> {
    let bits = |gadget: &BitGadget| gadget.0 * gadget.1;
    (0..made).fold(vec![Vec::new()], |all, _| {
        let longer = all.iter().flat_map(|gadgets: &Vec<BitGadget>| {
            let last = gadgets.last().map_or(u8::MAX, bits);
            let next = HIDDEN_GADGETS
                .iter()
                .filter(move |gadget| bits(gadget) <= last);
            next.map(|gadget| [gadgets.as_slice(), &[*gadget]].concat())
        });
        longer.collect()
    })
}
