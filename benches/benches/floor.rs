//! Operations against what they are made of, each measured alone in the same run: transforms, multiply-adds, and memory, which is the
//! operand and the ciphertext that are read and the ciphertexts or rows that are written, not what lies in between.
//!
//! The last column is the microseconds that the planner counts for the operation.
//!
//! `cargo bench -p tenebra-benches --bench floor` prints a table, on one thread; `-- "CMUX 1024"` the cases of these words. Operands are met as evaluations meet them: those of
//! trees once each, those of networks by 16 neurons one after the other, keys by all ciphertexts of a split.

#![expect(clippy::print_stdout, reason = "a measurement prints")]

use tenebra_benches::machine;
use tenebra_tfhe::floor::{Operation, Sizes, measure, predicted};

fn main() {
    println!("{}\n", machine());
    println!(
        "| operation | masks | N | base_log, levels | limbs | operands x uses | µs | transforms | multiply-adds | memory | over the sum | the planner's |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    // What `cargo bench` adds is no filter.
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    for (name, operation, sizes) in cases() {
        let label = format!(
            "{name} {} {},{}",
            sizes.polynomial_size, sizes.base_log, sizes.level_count
        );
        if filter
            .as_ref()
            .is_some_and(|filter| !label.contains(filter))
        {
            continue;
        }
        let measured = measure(operation, sizes, 9);
        let us = |ns: f64| ns / 1e3;
        println!(
            "| {name} | {} | {} | {}, {} | {} | {} x {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
            sizes.glwe_dimension,
            sizes.polynomial_size,
            sizes.base_log,
            sizes.level_count,
            1 + u8::from(sizes.exact),
            sizes.operands,
            sizes.uses,
            us(measured.whole),
            us(measured.transforms),
            us(measured.multiply_adds),
            us(measured.memory),
            measured.whole / measured.floor(),
            us(predicted(operation, sizes)),
        );
    }
}

fn cases() -> Vec<(&'static str, Operation, Sizes)> {
    let sizes =
        |glwe_dimension, polynomial_size, (base_log, level_count), exact, operands, uses| Sizes {
            glwe_dimension,
            polynomial_size,
            base_log,
            level_count,
            exact,
            operands,
            uses,
        };
    let mut cases = Vec::new();
    for (masks, size, gadget, exact, operands, uses) in [
        (2, 512, (15, 2), false, 67, 4),
        (1, 1024, (23, 1), false, 67, 4),
        (1, 1024, (15, 2), false, 67, 4),
        (1, 2048, (15, 2), false, 67, 4),
        (1, 2048, (8, 4), false, 67, 4),
        (1, 2048, (6, 6), false, 128, 16),
        (1, 4096, (15, 2), false, 128, 16),
        (1, 4096, (7, 6), false, 128, 16),
        (1, 4096, (8, 5), true, 128, 16),
    ] {
        let sizes = sizes(masks, size, gadget, exact, operands, uses);
        cases.push(("CMUX", Operation::Cmux, sizes));
        cases.push(("CMUX, clear", Operation::ClearCmux, sizes));
        cases.push(("row of a GGSW", Operation::Row, Sizes { uses: 1, ..sizes }));
    }
    for (size, gadget) in [
        (1024, (8, 6)),
        (2048, (4, 12)),
        (2048, (8, 6)),
        (4096, (8, 6)),
        (4096, (4, 12)),
    ] {
        // Bodies are in two limbs where fresh noise is small.
        let sizes = sizes(1, size, gadget, size > 2048, 1, 64);
        cases.push(("key switch, split", Operation::Split, sizes));
        cases.push(("last split, to rows", Operation::Pair, sizes));
    }
    cases
}
