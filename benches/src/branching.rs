//! Forests in the shapes of real ones.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{
    CircuitBuilder, Forest, Interval, Options, QueryMode, Tree, TreeNode, Verified, verify,
};
use tenebra_client::ClientKey;
use tenebra_client::ClientSpec;
use tenebra_tfhe::{PlanReport, Program};

use crate::linear::spec;

/// The size of a forest.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Number of trees.
    pub trees: usize,
    /// Splits of all trees together.
    pub splits: usize,
    /// Most splits on a path.
    pub depth: u32,
    /// Features, every one used by some split if there are enough.
    pub features: usize,
    /// Bits of a feature's code.
    pub bits: u32,
    /// Scores of a row.
    pub outputs: usize,
}

/// Shapes of a single tree, and of boosted trees on breast cancer and digits.
#[must_use]
pub fn shapes() -> [(&'static str, Shape); 3] {
    let shape = |trees, splits, depth, features, bits, outputs| Shape {
        trees,
        splits,
        depth,
        features,
        bits,
        outputs,
    };
    [
        ("dt5_bc", shape(1, 16, 5, 8, 2, 1)),
        ("xgb50d4_bc", shape(50, 205, 4, 26, 3, 1)),
        ("xgb10d3_digits", shape(100, 600, 3, 50, 3, 10)),
    ]
}

/// A forest with a plan, a key and a row to score.
#[derive(Debug)]
pub struct BranchingCase {
    /// Shape and parameters, the last part of a bench's id.
    pub name: String,
    /// What it computes.
    pub circuit: Verified,
    /// What the server runs.
    pub program: Program,
    /// The facts of the plan.
    pub report: PlanReport,
    /// The bytes of the client spec.
    pub spec_file: Vec<u8>,
    /// Codes of a row.
    pub codes: Vec<i64>,
}

impl BranchingCase {
    /// A forest called `model` of random splits and leaves of 8 bits, on one thread.
    ///
    /// # Panics
    ///
    /// If the forest cannot be planned, which depends on the arguments alone.
    #[must_use]
    #[expect(
        clippy::unwrap_used,
        reason = "the cases are ours, and a bench that cannot start should stop"
    )]
    pub fn new(model: &str, shape: Shape, query: QueryMode) -> Self {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let circuit = circuit(shape, &mut rng);
        let options = Options {
            query,
            ..Options::default()
        };
        let program = Program::prepare(&circuit, &options).unwrap();
        let report = program.report().pop().unwrap();
        let layout = program.branching_layout().unwrap();
        let mode = if layout.layout().packing.is_some() {
            "packed"
        } else {
            "direct"
        };
        let name = format!(
            "{model}-{}x{}-{mode}-k{}-N{}-b{}-l{}",
            shape.splits,
            shape.outputs,
            layout.glwe().glwe_dimension(),
            layout.glwe().polynomial_size(),
            layout.layout().base_log,
            layout.layout().level_count,
        );
        let ranges = circuit.input_ranges();
        let codes = ranges
            .iter()
            .map(|range| i64::from(rng.next_u32()) % (range.max + 1));
        Self {
            name,
            codes: codes.collect(),
            spec_file: spec(&program).encode().unwrap(),
            circuit,
            program,
            report,
        }
    }

    /// The client spec, parsed.
    ///
    /// # Panics
    ///
    /// Never: it was checked when it was made.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "checked when it was made")]
    pub fn spec(&self) -> ClientSpec<'_> {
        ClientSpec::parse(&self.spec_file).unwrap()
    }

    /// A key from a fixed seed.
    #[must_use]
    pub fn key(&self) -> ClientKey {
        ClientKey::generate(&self.spec(), &mut ChaCha20Rng::from_seed([8; 32]))
    }

    /// The plan in one line.
    #[must_use]
    pub fn plan(&self) -> String {
        let report = &self.report;
        format!(
            "{}: {} input bits, {} CMUX, {} key switches, p_fail 2^{:.0}, noise 2^{:.1}, key {} B, query {} B, response {} B, \
             evaluate predicted {:.3} ms",
            self.name,
            report.input_bits,
            report.external_products,
            report.key_switches,
            report.p_fail_log2,
            report.noise_std_log2,
            self.program.evaluation_key_bytes().unwrap_or(0),
            report.query_bytes,
            report.response_bytes,
            report.predicted_evaluate_ms
        )
    }
}

#[expect(clippy::unwrap_used, reason = "small numbers overflow nothing")]
fn circuit(shape: Shape, rng: &mut impl Rng) -> Verified {
    let splits_of =
        |tree: usize| (tree + 1) * shape.splits / shape.trees - tree * shape.splits / shape.trees;
    let trees = (0..shape.trees).map(|index| tree(shape, index, splits_of(index), rng));
    let forest = Forest {
        outputs: shape.outputs,
        trees: trees.collect(),
        bias: vec![0; shape.outputs],
    };
    let mut builder = CircuitBuilder::new();
    let codes = Interval::new(0, (1 << shape.bits) - 1);
    let x = builder.input("x", vec![codes; shape.features]);
    let y = builder.forest(x, forest);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// Grown leaf by leaf, none deeper than the shape allows. With several outputs, a tree adds to one of them, as in boosting.
fn tree(shape: Shape, index: usize, splits: usize, rng: &mut impl Rng) -> Tree {
    let mut below = |n: usize| ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize;
    let codes = 1_usize << shape.bits;
    let mut nodes = vec![TreeNode::Leaf(Vec::new())];
    // (node, depth), open for a split.
    let mut open = vec![(0, 0)];
    for _ in 0..splits {
        if open.is_empty() {
            break;
        }
        let (at, depth) = open.swap_remove(below(open.len()));
        let first = nodes.len();
        let id = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        nodes[at] = TreeNode::Split {
            feature: id(below(shape.features)),
            threshold: 1 + below(codes - 1) as i64,
            left: id(first),
            right: id(first + 1),
        };
        for child in [first, first + 1] {
            nodes.push(TreeNode::Leaf(Vec::new()));
            if depth + 1 < shape.depth {
                open.push((child, depth + 1));
            }
        }
    }
    for node in &mut nodes {
        if let TreeNode::Leaf(values) = node {
            *values = vec![0; shape.outputs];
            values[index % shape.outputs] = below(256) as i64;
        }
    }
    Tree { nodes }
}
