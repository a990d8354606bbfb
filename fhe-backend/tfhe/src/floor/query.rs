//! Which operations a whole query of decisions is made of, and how many of each.

use tenebra_client::branching::ValidBranching;
use tenebra_client::packing::{Packing, SwitchGadget};

use super::{Operation, Sizes};
use crate::Program;
use crate::branching::diagram::Diagram;
use crate::branching::packed::{Switches, exact_switches};
use crate::branching::plan::Gadget;
use crate::program::Scheme;

/// An operation, and how often an evaluation takes it.
pub type Counted = (Operation, Sizes, usize);

/// The operations of an evaluation, masks of direct queries known from the one before; sums of ciphertexts, which are memory alone, are
/// not among them. `None` of other circuits than decisions, and where trees of selections between clear polynomials share transforms.
#[must_use]
pub fn operations(program: &Program) -> Option<Vec<Counted>> {
    let Scheme::Branching(branching) = &program.scheme else {
        return None;
    };
    let (layout, diagram) = (&branching.plan.layout, &branching.plan.diagram);
    if diagram.has_selections() {
        return None;
    }
    let mut operations = match &layout.layout().packing {
        Some(packing) => unpacking(layout, packing),
        None => vec![bodies(layout, diagram)],
    };
    operations.extend(products(layout, diagram));
    Some(operations)
}

/// Every GGSW is met once, by all its products.
fn products(layout: &ValidBranching, diagram: &Diagram) -> [Counted; 2] {
    let gadget = Gadget::of(layout);
    let of_all = |count: usize, levels: usize| Sizes {
        level_count: u8::try_from(levels).unwrap_or(u8::MAX),
        operands: diagram.input_bits.max(1),
        uses: count.div_ceil(diagram.input_bits.max(1)).max(1),
        ..sizes(layout)
    };
    let (encrypted, clear) = (diagram.cmuxes, diagram.clear_cmuxes);
    [
        (
            Operation::Cmux,
            of_all(encrypted, gadget.level_count),
            encrypted,
        ),
        (
            Operation::ClearCmux,
            of_all(clear, gadget.clear_levels),
            clear,
        ),
    ]
}

fn bodies(layout: &ValidBranching, diagram: &Diagram) -> Counted {
    let sizes = Sizes {
        operands: diagram.input_bits.max(1),
        ..sizes(layout)
    };
    (
        Operation::Body,
        sizes,
        diagram.input_bits * layout.ggsw_rows(),
    )
}

fn unpacking(layout: &ValidBranching, packing: &Packing) -> Vec<Counted> {
    let switches = Switches::of_query(layout);
    let of = |gadget: SwitchGadget, count: usize| Sizes {
        base_log: gadget.base_log,
        level_count: gadget.level_count,
        exact: exact_switches(layout.glwe()),
        uses: count.max(1),
        ..sizes(layout)
    };
    let splits = switches.splits().zip(packing.splits);
    let splits = splits.map(|(count, gadget)| (Operation::Split, of(gadget, count), count));
    let (pairs, gadget) = (switches.pairs(), packing.scheme_switch);
    splits
        .chain([(Operation::Pair, of(gadget, pairs), pairs)])
        .collect()
}

fn sizes(layout: &ValidBranching) -> Sizes {
    let gadget = Gadget::of(layout);
    Sizes {
        glwe_dimension: gadget.glwe_dimension,
        polynomial_size: gadget.polynomial_size,
        base_log: layout.layout().base_log,
        level_count: layout.layout().level_count,
        exact: false,
        operands: 1,
        uses: 1,
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;
    use tenebra_circuit::{Options, QueryMode};

    use super::*;
    use crate::branching::packed::tests::forest;

    /// As many of each as the report of the plan says.
    #[test]
    fn operations_are_those_of_the_report() {
        let circuit = forest(10, 2, 4, &mut ChaCha20Rng::from_seed([6; 32]));
        for query in [QueryMode::Direct, QueryMode::Packed] {
            let options = Options {
                query,
                ..Options::default()
            };
            let program = Program::prepare(&circuit, &options).unwrap();
            let report = program.report().pop().unwrap();
            let operations = operations(&program).unwrap();
            let of = |wanted: &[Operation]| {
                let counted = operations.iter().filter(|(of, ..)| wanted.contains(of));
                counted.map(|(.., count)| count).sum::<usize>()
            };
            let products = of(&[Operation::Cmux, Operation::ClearCmux]);
            assert_eq!(products, report.external_products);
            // Three keys a pair.
            let switches = of(&[Operation::Split]) + 3 * of(&[Operation::Pair]);
            assert_eq!(switches, report.key_switches);
            let layout = program.branching_layout().unwrap();
            let rows = report.input_bits as usize * layout.ggsw_rows();
            let direct = query == QueryMode::Direct;
            assert_eq!(of(&[Operation::Body]), if direct { rows } else { 0 });
        }
    }
}
