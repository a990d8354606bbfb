//! Small models, compiled in the test: no trained model is needed to hold the service to its contract.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tenebra_circuit::{
    CircuitBuilder, Forest, Hide, Interval, Matrix, Options, QueryMode, Tree, TreeNode, ValueId,
    Verified,
};
use tenebra_client::OwnedSpec;
use tenebra_client::{ClientKey, ClientSpec};
use tenebra_quant::{
    Affine, BitWidth, Codec, Decision, Input, Interface, InverseLink, Output, Readout,
};
use tenebra_tfhe::Program;
use tenebra_tfhe::server_program::ServerFile;

/// A compiled model and its circuit in the clear.
pub(crate) struct Compiled {
    /// `server.tnb`.
    pub(crate) server: Vec<u8>,
    /// `client.tnb`.
    pub(crate) client: Vec<u8>,
    pub(crate) circuit: Verified,
}

/// As large as logistic regression on the breast-cancer data: 30 columns, 8-bit codes and weights, batches. `bias` makes another
/// model of it, with another spec.
pub(crate) fn linear(bias: i64) -> Compiled {
    regression(bias, None)
}

/// The same, hidden from its clients, who send a public key.
pub(crate) fn hidden_linear(bias: i64) -> Compiled {
    regression(
        bias,
        Some(Hide {
            responses_log2: 10,
            advantage_bits: 10,
        }),
    )
}

fn regression(bias: i64, hide: Option<Hide>) -> Compiled {
    let options = Options {
        rows: 4096,
        hide,
        ..Options::default()
    };
    let weights = (0..30)
        .map(|column: i64| (column * 37 + 11) % 255 - 127)
        .collect();
    compile(30, 8, &options, |builder, input| {
        builder.linear(input, Matrix::dense(1, 30, weights), vec![bias])
    })
}

/// `trees` random trees of depth 4 over 12 columns of 4 bits.
pub(crate) fn forest(trees: usize, query: QueryMode) -> Compiled {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let trees = (0..trees).map(|_| tree(&mut rng)).collect();
    let forest = Forest {
        outputs: 1,
        trees,
        bias: vec![3],
    };
    let options = Options {
        query,
        ..Options::default()
    };
    compile(12, 4, &options, |builder, input| {
        builder.forest(input, forest)
    })
}

/// A tree over two columns of 16 bits.
pub(crate) fn wide_forest() -> Compiled {
    let split = |feature, threshold, left, right| TreeNode::Split {
        feature,
        threshold,
        left,
        right,
    };
    let leaf = |value| TreeNode::Leaf(vec![value]);
    let nodes = vec![
        split(0, 9, 1, 2),
        leaf(1),
        split(1, 99, 3, 4),
        leaf(2),
        leaf(3),
    ];
    let forest = Forest {
        outputs: 1,
        trees: vec![Tree { nodes }],
        bias: vec![3],
    };
    let options = Options {
        query: QueryMode::Direct,
        ..Options::default()
    };
    compile(2, 16, &options, |builder, input| {
        builder.forest(input, forest)
    })
}

/// Nodes 0 to 14 split, 15 to 30 are leaves; the children of `i` are `2i + 1` and `2i + 2`.
fn tree(rng: &mut ChaCha20Rng) -> Tree {
    let split = |index: u32, draw: u32| TreeNode::Split {
        feature: draw % 12,
        threshold: i64::from(draw / 12 % 15 + 1),
        left: 2 * index + 1,
        right: 2 * index + 2,
    };
    let leaf = |draw: u32| TreeNode::Leaf(vec![i64::from(draw % 101) - 50]);
    let mut node = |index| {
        let draw = rng.next_u32();
        if index < 15 {
            split(index, draw)
        } else {
            leaf(draw)
        }
    };
    Tree {
        nodes: (0..31).map(&mut node).collect(),
    }
}

fn compile(
    columns: usize,
    bits: u8,
    options: &Options,
    body: impl FnOnce(&mut CircuitBuilder, ValueId) -> ValueId,
) -> Compiled {
    let mut builder = CircuitBuilder::new();
    let codes = Interval::new(0, (1 << bits) - 1);
    let input = builder.input("x", vec![codes; columns]);
    let output = body(&mut builder, input);
    builder.output("y", output);
    let circuit = Verified::try_from(builder.finish()).unwrap();
    let program = Program::prepare(&circuit, options).unwrap();
    let codec = Affine::asymmetric(0.0, codes.max as f64, BitWidth::new(bits).unwrap()).unwrap();
    let ranges = circuit.output_ranges();
    let outputs = ranges.iter().map(|range| Output {
        min: range.min,
        max: range.max,
        scale: 0.01,
        offset: 0.0,
    });
    let inputs = (0..columns).map(|column| Input {
        column,
        codec: Codec::Affine(codec),
        missing: None,
    });
    let spec = OwnedSpec {
        p_fail_log2: options.p_fail_log2,
        scheme: program.spec_scheme(),
        interface: Interface {
            steps: Vec::new(),
            columns,
            inputs: inputs.collect(),
            readout: Readout {
                outputs: outputs.collect(),
                inverse_link: InverseLink::Sigmoid,
                decision: Decision::Threshold,
                classes: vec!["no".into(), "yes".into()],
            },
            column_names: Vec::new(),
            estimator: "Test".into(),
            words: vec![],
        },
    };
    let client = spec.encode().unwrap();
    let server = ServerFile {
        client: &client,
        circuit: &circuit.circuit().to_string(),
        model: "",
        report: "{}",
    };
    Compiled {
        server: server.encode().unwrap(),
        client,
        circuit,
    }
}

/// A data owner with a key for one model.
pub(crate) struct DataOwner {
    pub(crate) spec: Vec<u8>,
    pub(crate) key: ClientKey,
    rng: ChaCha20Rng,
}

impl DataOwner {
    pub(crate) fn new(spec: &[u8], seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = ClientKey::generate(&ClientSpec::parse(spec).unwrap(), &mut rng);
        Self {
            spec: spec.to_vec(),
            key,
            rng,
        }
    }

    pub(crate) fn spec(&self) -> ClientSpec<'_> {
        ClientSpec::parse(&self.spec).unwrap()
    }

    pub(crate) fn evaluation_key(&mut self) -> Option<Vec<u8>> {
        let spec = ClientSpec::parse(&self.spec).unwrap();
        spec.evaluation_key_file(&self.key, &mut self.rng).unwrap()
    }

    /// A query of random codes of `rows` rows, and the codes.
    pub(crate) fn query(&mut self, rows: usize) -> (Vec<u8>, Vec<i64>) {
        let spec = ClientSpec::parse(&self.spec).unwrap();
        let ranges: Vec<_> = spec.inputs().map(|input| input.code_range()).collect();
        let mut code = |(min, max): &(i64, i64)| {
            let span = (max - min + 1).cast_unsigned();
            min + (self.rng.next_u64() % span).cast_signed()
        };
        let codes: Vec<i64> = (0..rows)
            .flat_map(|_| ranges.iter().map(&mut code).collect::<Vec<_>>())
            .collect();
        let query = spec
            .encrypt_codes(&self.key, &codes, &mut self.rng)
            .unwrap();
        (query, codes)
    }

    /// Whether a response says what the circuit says of these codes.
    pub(crate) fn agrees(&self, circuit: &Verified, codes: &[i64], response: &[u8]) -> bool {
        let decrypted = self.spec().decrypt_rows(&self.key, response).unwrap();
        let rows = codes.chunks(self.spec().input_count());
        let expected: Vec<Vec<i64>> = rows
            .map(|row| tenebra_sim::run(circuit, row).unwrap())
            .collect();
        decrypted == expected
    }
}
