//! Circuits that decide on inputs.

use arbitrary::{Result, Unstructured};
use tenebra_circuit::OpKind::{Add, Concat, Forest, Linear, Lookup, Neg, Slice, Sub};
use tenebra_circuit::dev::Limits;

/// A forest of a few trees, a sum of tables (an additive model), or both between other operations.
///
/// # Errors
/// No more choices.
pub fn limits(choices: &mut Unstructured<'_>) -> Result<Limits> {
    let (ops, kinds, input_bits) = match choices.int_in_range(0_u8..=2)? {
        0 => (1, vec![Forest], 8),
        1 => (2, vec![Lookup, Linear], 8),
        _ => (
            6,
            vec![Forest, Lookup, Linear, Add, Sub, Neg, Concat, Slice],
            4,
        ),
    };
    Ok(Limits {
        ops,
        kinds,
        input_bits,
        trees: 12,
        splits: 12,
        ..Limits::decisions_on_inputs()
    })
}
