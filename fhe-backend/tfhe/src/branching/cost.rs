//! What the operations of an evaluation cost, in microseconds of one core.
//!
//! Constants lie between those of a Xeon with AVX-512 that nobody else uses and of one of 2.5 GHz with 1 MB of L2 and busy neighbours (`cargo bench --bench floor`,
//! whole evaluations by `benches/examples/networks.rs` and `benches/peer_trees.py`), which takes 1.6 times as long: predictions are about a fifth off on either. With
//! AVX2 alone all takes 1.15 to 1.6 times as long. Choices between plans are nearly the same, for everything grows alike.

use tenebra_client::branching::ValidBranching;
use tenebra_client::packing::SwitchGadget;

use super::diagram::Diagram;

/// Microseconds a byte from memory.
pub(crate) const MEMORY_US: f64 = 0.15e-3;
/// The same where the next core's cache has it.
pub(crate) const NEAR_MEMORY_US: f64 = 0.03e-3;
/// Bytes of keys or GGSWs that stay in a core's cache from one use to the next, among all else.
pub(crate) const KEPT_BYTES: f64 = 1.2e6;

/// A product, and what stands around it. `centred`: operands under the key of bits have the mean of what rounding leaves out taken off.
pub(crate) fn cmux_us(
    size: f64,
    (columns, limbs): (f64, f64),
    level_count: u8,
    centred: bool,
) -> f64 {
    let rows = f64::from(level_count) * columns;
    let multiply = rows * columns * limbs * size * 0.15e-3;
    let us = (rows + limbs * columns) * transform_us(size) + multiply + columns * size * 1.25e-3;
    let mean = if centred { size * 1.75e-3 } else { 0.0 };
    // Larger operands leave the caches sooner.
    us * (0.97 + 0.08 * (size / 256.0).log2()) + mean
}

/// One of clear polynomials: only the rows of the body are multiplied.
pub(crate) fn clear_cmux_us(size: f64, columns: f64, level_count: u8) -> f64 {
    let rows = f64::from(level_count);
    (rows + columns) * transform_us(size)
        + rows * columns * size * 0.15e-3
        + columns * size * 1.25e-3
}

/// What a column of a product takes to be transformed back.
fn back_us(size: f64) -> f64 {
    transform_us(size) + size * 1e-3
}

/// Predicted time of the diagram alone. GGSWs come from memory once, if all of them do not stay in the cache, for products with one bit
/// are taken one after the other; registers stay near.
pub(crate) fn diagram_us(layout: &ValidBranching, diagram: &Diagram) -> f64 {
    let columns = (layout.glwe().glwe_dimension() + 1) as f64;
    let size = layout.glwe().polynomial_size() as f64;
    let levels = layout.layout().level_count;
    let polynomial = size * 8.0;
    let centred = layout.layout().packing.is_none();
    let registers = 3.0 * columns * polynomial * NEAR_MEMORY_US;
    let cmux = cmux_us(size, (columns, 1.0), levels, centred) + registers;
    let clear = clear_cmux_us(size, columns, levels);
    let ggsws = f64::from(layout.layout().input_bits) * layout.ggsw_rows() as f64 * columns;
    let values = (diagram.clear_values * size_of::<(usize, i64)>()) as f64;
    let from_memory = (ggsws * polynomial + values - KEPT_BYTES).max(0.0) * MEMORY_US;
    let kept = diagram.clear_selections() as f64 * columns * back_us(size);
    diagram.cmuxes as f64 * cmux + diagram.clear_cmuxes as f64 * clear + from_memory - kept
}

/// What evaluations take of any model: a query that is read and checked, and a response.
pub(crate) fn frames_us(query_bytes: usize) -> f64 {
    20.0 + query_bytes as f64 * MEMORY_US
}

/// A split by an automorphism: the digits of the mask, the switch, the automorphism of what comes out, the sum and the difference.
/// `columns` are the polynomials of a row of a key, limb by limb.
pub(crate) fn split_us(size: f64, columns: f64, gadget: SwitchGadget) -> f64 {
    digits_us(size, gadget) + add_switch_us(size, columns, gadget) + size * 2.5e-3
}

/// What the slots of a ciphertext become, two rows each, in the Fourier domain from the digits on: the digits, mask and body, products with
/// three keys, and rows that are written.
pub(crate) fn pair_us(size: f64, slots: f64, gadget: SwitchGadget) -> f64 {
    let products = f64::from(gadget.level_count) * 6.0 * size * 0.15e-3;
    let written = slots * size * 8.0 * 4.0;
    digits_us(size, gadget) + 2.0 * transform_us(size) + products + written * MEMORY_US
}

/// What a split takes for each body behind the first.
pub(crate) fn split_lane_us(size: f64, gadget: SwitchGadget) -> f64 {
    let products = f64::from(gadget.level_count) * size * 0.125e-3;
    transform_us(size) + products + size * 2.5e-3
}

/// What [`pair_us`] is for each body behind the first.
pub(crate) fn pair_lane_us(size: f64, slots: f64, gadget: SwitchGadget) -> f64 {
    let products = f64::from(gadget.level_count) * 3.0 * size * 0.15e-3;
    let written = slots * size * 8.0 * 4.0;
    transform_us(size) + products + written * MEMORY_US
}

/// The same with exact products of three keys; rows in one limb or two.
pub(crate) fn exact_pair_us(size: f64, (slots, limbs): (f64, f64), gadget: SwitchGadget) -> f64 {
    let switch = add_switch_us(size, 4.0, gadget) + size * 2.5e-3;
    let level = 2.0 * row_us(size, (2.0, limbs)) + size * 2.5e-3;
    let written = slots * size * 8.0 * 4.0 * limbs;
    digits_us(size, gadget) + 3.0 * switch + slots * level + written * MEMORY_US
}

/// The digits of a mask.
fn digits_us(size: f64, gadget: SwitchGadget) -> f64 {
    f64::from(gadget.level_count) * (transform_us(size) + size * 0.38e-3)
}

/// Digits times the rows of a key.
fn add_switch_us(size: f64, columns: f64, gadget: SwitchGadget) -> f64 {
    let levels = f64::from(gadget.level_count);
    let key = levels * columns * size * 8.0;
    let far = if key > KEPT_BYTES { key } else { 0.0 };
    columns * transform_us(size)
        + levels * columns * size * 0.125e-3
        + size * 2.5e-3
        + far * NEAR_MEMORY_US
}

/// A GGSW of a direct query whose masks are there already: the bodies of its rows. What the first query takes for masks is counted for none.
pub(crate) fn bodies_us(size: f64, columns: f64, level_count: u8) -> f64 {
    let row = size * 2e-3 + transform_us(size);
    f64::from(level_count) * columns * row
}

/// A GGSW of a direct query: masks from a generator, bodies, and its rows.
pub(crate) fn expand_us(size: f64, (columns, limbs): (f64, f64), level_count: u8) -> f64 {
    let masks = (columns - 1.0) * size * 2.9e-3;
    let row = masks + size * 1.25e-3 + row_us(size, (columns, limbs));
    f64::from(level_count) * columns * row
}

/// A row of a GGSW to the Fourier domain, and to memory: of two limbs, lines of twice as many columns.
pub(crate) fn row_us(size: f64, (columns, limbs): (f64, f64)) -> f64 {
    let store = if limbs > 1.0 { 3.4e-3 } else { 0.75e-3 };
    columns * (limbs * transform_us(size) + store * size)
}

fn transform_us(size: f64) -> f64 {
    size * size.log2() * 0.08e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo bench --bench floor` on a Xeon of 2.5 GHz with AVX-512 whose neighbours slow it down, 28 November 2026: masks and body, N, levels, limbs,
    /// microseconds of a product and of one of clear operands.
    const PRODUCTS: [(u8, f64, u8, f64, [f64; 2]); 9] = [
        (3, 512.0, 2, 1.0, [9.0, 5.7]),
        (2, 1024.0, 1, 1.0, [8.0, 6.3]),
        (2, 1024.0, 2, 1.0, [11.7, 8.7]),
        (2, 2048.0, 2, 1.0, [25.0, 18.3]),
        (2, 2048.0, 4, 1.0, [40.7, 28.4]),
        (2, 2048.0, 6, 1.0, [51.0, 33.1]),
        (2, 4096.0, 2, 1.0, [49.5, 34.7]),
        (2, 4096.0, 6, 1.0, [132.0, 82.8]),
        (2, 4096.0, 5, 2.0, [162.0, 104.0]),
    ];
    /// N, levels of 4 and 8 bits, and microseconds of a split and of the last one, which is exact at N = 4096.
    const SWITCHES: [(f64, u8, [f64; 2]); 5] = [
        (1024.0, 6, [18.6, 24.9]),
        (2048.0, 12, [61.9, 112.0]),
        (2048.0, 6, [37.8, 60.3]),
        (4096.0, 6, [114.0, 394.0]),
        (4096.0, 12, [202.0, 584.0]),
    ];

    /// Predictions lie between these and a machine that nobody else uses: 0.6 to 1.02 of these.
    fn assert_near(what: &str, predicted: f64, measured: f64) {
        let ratio = predicted / measured;
        assert!((0.55..1.05).contains(&ratio), "{what}: {ratio}");
    }

    #[test]
    fn predictions_are_near_what_was_measured() {
        for (columns, size, levels, limbs, [cmux, clear]) in PRODUCTS {
            let columns = f64::from(columns);
            let name = format!("{columns} {size} {levels} {limbs}");
            assert_near(&name, cmux_us(size, (columns, limbs), levels, false), cmux);
            let clear_us = clear_cmux_us(size, columns * limbs, levels);
            assert_near(&format!("clear {name}"), clear_us, clear);
        }
        for (size, level_count, [split, last]) in SWITCHES {
            let gadget = SwitchGadget {
                base_log: 48 / level_count,
                level_count,
            };
            let exact = size > 2048.0;
            let columns = if exact { 4.0 } else { 3.0 };
            let name = format!("{size} {gadget:?}");
            assert_near(&name, split_us(size, columns, gadget), split);
            let pair = match exact {
                true => exact_pair_us(size, (2.0, 1.0), gadget),
                false => pair_us(size, 2.0, gadget),
            };
            assert_near(&format!("last {name}"), pair, last);
        }
    }
}
