//! Layouts are accepted where `docs/wire-format.md` says so and nowhere else; buffers, keys and messages that do not fit one are
//! refused, whichever way they do not.
#![cfg(feature = "alloc")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod layouts;
mod messages;

use tenebra_client::branching::BranchingLayout;
use tenebra_client::linear::LinearLayout;
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget};
use tenebra_client::{GlweParams, ValidGlwe};

fn glwe(glwe_dimension: u8, polynomial_size: u16) -> GlweParams {
    ValidGlwe::secure(glwe_dimension, polynomial_size)
        .unwrap()
        .params()
}

fn linear() -> LinearLayout {
    LinearLayout {
        glwe: glwe(2, 512),
        plaintext_bits: 8,
        body_bits: 24,
        response_bits: 18,
        features: 6,
        outputs: 3,
        group: 2,
        blocks: 2,
        max_rows: 4,
    }
}

fn branching(packing: Option<Packing>) -> BranchingLayout {
    let (k, size) = if packing.is_some() {
        (1, 1024)
    } else {
        (2, 512)
    };
    BranchingLayout {
        glwe: glwe(k, size),
        base_log: 4,
        level_count: 3,
        body_bits: 25,
        plaintext_bits: 6,
        response_bits: 18,
        input_bits: 5,
        coefficients: 7,
        packing,
        max_rows: 1,
        packed_bits: 0,
    }
}

fn packing() -> Packing {
    let gadget = SwitchGadget {
        base_log: 5,
        level_count: 3,
    };
    Packing {
        splits: [gadget; MAX_SPLITS],
        scheme_switch: gadget,
    }
}
