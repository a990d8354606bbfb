//! The cases behind the files in `tests/data`.

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use tenebra_client::branching::{BranchingLayout, Digits, OwnedBranching, Radix};
use tenebra_client::hiding::Hiding;
use tenebra_client::linear::{LinearLayout, OwnedLinear};
use tenebra_client::network::{NetworkLayout, OwnedNetwork};
use tenebra_client::packing::{MAX_SPLITS, Packing, SwitchGadget};
use tenebra_client::params::GlweParams;
use tenebra_client::{OwnedScheme, OwnedSpec};
use tenebra_quant::{
    Affine, BitWidth, Codec, Decision, Input, Interface, InverseLink, Output, Readout,
};

/// What the server of a case computes.
pub(crate) enum Model {
    Linear(Linear),
    /// A forest or network that answers every query with these digit sums.
    DigitSums(Vec<u64>),
}

/// `y = weights · x + bias`.
pub(crate) struct Linear {
    pub(crate) weights: Vec<Vec<i64>>,
    pub(crate) bias: Vec<i64>,
}

/// One query of a case, with what it asks.
pub(crate) struct Query {
    /// Its files are `NAME.query.tnb` and `NAME.response.tnb`.
    pub(crate) name: &'static str,
    /// Seeds the generator that encrypts.
    pub(crate) seed: u8,
    pub(crate) rows: Vec<Vec<f64>>,
    /// What each row is quantized to.
    pub(crate) codes: Vec<Vec<i64>>,
    /// What each row's result decrypts to.
    pub(crate) integers: Vec<Vec<i64>>,
}

/// A model with its spec and queries; its folder in `tests/data` holds `client.tnb` and `secret.tnb` as well.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Seeds the generator that draws the key.
    pub(crate) key_seed: u8,
    pub(crate) spec: OwnedSpec,
    pub(crate) model: Model,
    pub(crate) queries: Vec<Query>,
}

/// Seeds the generator that draws the evaluation key of a case that has one.
pub(crate) const EVALUATION_SEED: u8 = 10;
/// Seeds what the server of a hidden model draws for a response.
pub(crate) const HIDING_SEED: u8 = 14;

/// The generator of a seed: ChaCha20 with a key of 32 times that byte.
pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// `y = 3a − 2b + 10` for two 4-bit codes, the worked example of `docs/wire-format.md`. The layout is the planner's.
pub(crate) fn single() -> Case {
    let code = |column| Input {
        column,
        codec: Codec::Affine(Affine::from_parts(0.5, 0, 0, 15).unwrap()),
        missing: None,
    };
    let spec = OwnedSpec {
        p_fail_log2: -128.0,
        scheme: OwnedScheme::Linear(OwnedLinear::plain(vec![LinearLayout {
            glwe: GlweParams {
                glwe_dimension: 3,
                polynomial_size: 256,
                noise_bound_log2: 49,
            },
            plaintext_bits: 7,
            body_bits: 18,
            response_bits: 15,
            features: 2,
            outputs: 1,
            group: 1,
            blocks: 1,
            max_rows: 1,
        }])),
        interface: Interface {
            steps: Vec::new(),
            columns: 2,
            inputs: vec![code(0), code(1)],
            readout: Readout {
                outputs: vec![Output {
                    min: -20,
                    max: 55,
                    scale: 0.25,
                    offset: 0.0,
                }],
                inverse_link: InverseLink::Identity,
                decision: Decision::None,
                classes: vec![],
            },
            column_names: vec!["a".into(), "b".into()],
            estimator: "LinearRegression".into(),
            words: vec![],
        },
    };
    Case {
        name: "single",
        key_seed: 1,
        spec,
        model: Model::Linear(Linear {
            weights: vec![vec![3, -2]],
            bias: vec![10],
        }),
        // 1.9 / 0.5 = 3.8 -> 4, 7.5 / 0.5 = 15; 3·4 − 2·15 + 10 = −8.
        queries: vec![Query {
            name: "row",
            seed: 2,
            rows: vec![vec![1.9, 7.5]],
            codes: vec![vec![4, 15]],
            integers: vec![vec![-8]],
        }],
    }
}

/// Three scores of five inputs: two plans, groups of unequal size, two blocks, signed codes, bins, a missing value.
pub(crate) fn classes() -> Case {
    let glwe = |glwe_dimension, polynomial_size| GlweParams {
        glwe_dimension,
        polynomial_size,
        noise_bound_log2: 43,
    };
    let row = LinearLayout {
        glwe: glwe(4, 256),
        plaintext_bits: 8,
        body_bits: 24,
        response_bits: 18,
        features: 5,
        outputs: 3,
        group: 2,
        blocks: 2,
        max_rows: 1,
    };
    let batch = LinearLayout {
        glwe: glwe(2, 512),
        group: 3,
        blocks: 1,
        max_rows: 4,
        ..row
    };
    let output = |min, max, offset| Output {
        min,
        max,
        scale: 0.0625,
        offset,
    };
    let spec = OwnedSpec {
        p_fail_log2: -40.0,
        scheme: OwnedScheme::Linear(OwnedLinear::plain(vec![row, batch])),
        interface: Interface {
            steps: Vec::new(),
            columns: 6,
            inputs: inputs_of_classes(),
            readout: Readout {
                outputs: vec![
                    output(-119, 72, 0.5),
                    output(-46, 151, 0.0),
                    output(-47, 125, -0.25),
                ],
                inverse_link: InverseLink::Softmax,
                decision: Decision::ArgMax,
                classes: vec!["setosa".into(), "versicolor".into(), "virginica".into()],
            },
            column_names: vec![],
            estimator: "LogisticRegression".into(),
            words: vec![],
        },
    };
    Case {
        name: "classes",
        key_seed: 3,
        spec,
        model: Model::Linear(Linear {
            weights: vec![
                vec![7, -3, 5, 0, 4],
                vec![-7, 6, -2, 1, 0],
                vec![1, -6, 3, -7, 7],
            ],
            bias: vec![-20, 9, 60],
        }),
        queries: queries_of_classes(),
    }
}

/// The same model hidden from its clients: zeros are encrypted under a key of four mask polynomials, and one of two.
pub(crate) fn hidden() -> Case {
    let Case {
        mut spec, queries, ..
    } = classes();
    let OwnedScheme::Linear(scheme) = &mut spec.scheme else {
        panic!("classes is linear")
    };
    // Bounds as the planner would have them for four responses and an advantage of a half.
    scheme.hiding = Some(Hiding {
        responses_log2: 2,
        advantage_bits: 1,
        noise_bits: [53, 54],
    });
    let seeded = |query: Query| Query {
        seed: query.seed + 8,
        ..query
    };
    Case {
        name: "hidden",
        key_seed: 11,
        spec,
        queries: queries.into_iter().map(seeded).collect(),
        ..classes()
    }
}

fn inputs_of_classes() -> Vec<Input<Vec<f64>>> {
    let input = |column, codec, missing| Input {
        column,
        codec,
        missing,
    };
    let bits = |bits| BitWidth::new(bits).unwrap();
    let bins = |cuts: &[f64], round_to_f32| Codec::Bins {
        cuts: cuts.to_vec(),
        round_to_f32,
    };
    vec![
        // Codes −7..=7, 0.5 a code.
        input(
            0,
            Codec::Affine(Affine::symmetric(3.5, bits(4)).unwrap()),
            None,
        ),
        // Codes 0..=15, 1 a code, 0 at code 5.
        input(
            1,
            Codec::Affine(Affine::asymmetric(-5.0, 10.0, bits(4)).unwrap()),
            None,
        ),
        // Codes 0..=3; −1 for a missing value.
        input(2, bins(&[0.1, 0.2, 0.3], true), Some(-1)),
        // The same column again, codes 0..=1; column 3 is not used.
        input(2, bins(&[0.25], false), Some(1)),
        // Codes 0..=7.
        input(
            5,
            Codec::Affine(Affine::asymmetric(0.0, 7.0, bits(3)).unwrap()),
            None,
        ),
    ]
}

fn queries_of_classes() -> Vec<Query> {
    let nan = f64::NAN;
    vec![
        Query {
            name: "row",
            seed: 4,
            rows: vec![vec![-1.2, 3.4, 0.2, 99.0, 99.0, 6.6]],
            // −2.4 -> −2, 3.4 -> 3 + 5, 0.2 as f32 is above 0.2: bin 2, 0.2 < 0.25: bin 0, 7.
            codes: vec![vec![-2, 8, 2, 0, 7]],
            // −14 − 24 + 10 + 0 + 28 − 20; 14 + 48 − 4 + 0 + 0 + 9; −2 − 48 + 6 − 0 + 49 + 60.
            integers: vec![vec![-20, 67, 65]],
        },
        Query {
            name: "batch",
            seed: 5,
            rows: vec![
                vec![-9.0, -9.0, nan, 0.0, 0.0, -9.0],
                vec![9.0, 99.0, 0.3, 0.0, 0.0, 99.0],
                vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            ],
            codes: vec![
                vec![-7, 0, -1, 1, 0],
                vec![7, 15, 3, 1, 7],
                vec![0, 5, 0, 0, 0],
            ],
            // −49 − 0 − 5 + 0 + 0 − 20; 49 + 0 + 2 + 1 + 0 + 9; −7 − 0 − 3 − 7 + 0 + 60; second row, first output:
            // 49 − 45 + 15 + 0 + 28 − 20; third: −15 − 20, 30 + 9, −30 + 60.
            integers: vec![vec![-74, 61, 43], vec![27, 45, 28], vec![-35, 39, 30]],
        },
    ]
}

/// A forest with direct queries.
pub(crate) fn forest() -> Case {
    let layout = BranchingLayout {
        glwe: GlweParams {
            glwe_dimension: 8,
            polynomial_size: 64,
            noise_bound_log2: 56,
        },
        base_log: 3,
        level_count: 2,
        body_bits: 11,
        plaintext_bits: 6,
        response_bits: 12,
        input_bits: 3,
        coefficients: 3,
        packing: None,
        max_rows: 1,
        packed_bits: 0,
    };
    branching("forest", 6, 7, layout)
}

/// The same forest with packed queries: six slots in 512 coefficients, an evaluation key.
pub(crate) fn packed() -> Case {
    let gadget = |base_log, level_count| SwitchGadget {
        base_log,
        level_count,
    };
    let mut splits = [gadget(5, 1); MAX_SPLITS];
    splits[0] = gadget(4, 2);
    let layout = BranchingLayout {
        glwe: GlweParams {
            glwe_dimension: 1,
            polynomial_size: 512,
            noise_bound_log2: 56,
        },
        base_log: 3,
        level_count: 2,
        body_bits: 20,
        plaintext_bits: 6,
        response_bits: 12,
        input_bits: 3,
        coefficients: 3,
        packing: Some(Packing {
            splits,
            scheme_switch: gadget(4, 2),
        }),
        max_rows: 1,
        packed_bits: 0,
    };
    branching("packed", 8, 9, layout)
}

/// The same with queries of up to two rows, of two bits a ciphertext: two ciphertexts of four and two slots a row.
pub(crate) fn rows() -> Case {
    let OwnedScheme::Branching(mut scheme) = packed().spec.scheme else {
        panic!("packed is branching")
    };
    scheme.layout.max_rows = 2;
    scheme.layout.packed_bits = 2;
    let mut case = branching("rows-packed", 19, 20, scheme.layout);
    let query = &mut case.queries[0];
    query.name = "rows";
    query.rows.push(vec![1.75, 1.0]);
    query.codes.push(vec![1, 1]);
    query.integers.push(query.integers[0].clone());
    case
}

/// Neurons of two hidden layers on the same inputs: direct queries of a network, with an evaluation key, and digit sums apart.
pub(crate) fn network() -> Case {
    layered("network", 15, 16, 0)
}

/// The same with packed queries: two bits in a ciphertext of four slots, the third in another.
pub(crate) fn network_packed() -> Case {
    layered("network-packed", 17, 18, 2)
}

fn layered(name: &'static str, key_seed: u8, seed: u8, packed_bits: u16) -> Case {
    let mut case = packed();
    let OwnedScheme::Branching(OwnedBranching {
        mut layout,
        radix,
        digits,
    }) = case.spec.scheme
    else {
        panic!("packed is branching")
    };
    let layout = NetworkLayout {
        keys: layout.packing.take(),
        branching: layout,
        stride: 100,
        packed_bits,
    };
    case.spec.scheme = OwnedScheme::Network(OwnedNetwork {
        layout,
        radix,
        digits,
    });
    case.spec.interface.estimator = "MLPRegressor".into();
    case.queries[0].seed = seed;
    Case {
        name,
        key_seed,
        ..case
    }
}

/// A forest of three input bits and two outputs with this layout.
fn branching(name: &'static str, key_seed: u8, seed: u8, layout: BranchingLayout) -> Case {
    let output = |min, max| Output {
        min,
        max,
        scale: 0.5,
        offset: 1.0,
    };
    let input = |column, cuts: &[f64], missing| Input {
        column,
        codec: Codec::Bins {
            cuts: cuts.to_vec(),
            round_to_f32: true,
        },
        missing,
    };
    let spec = OwnedSpec {
        p_fail_log2: -20.0,
        scheme: OwnedScheme::Branching(OwnedBranching {
            layout,
            radix: Radix {
                log: 3,
                parts_log: 0,
            },
            digits: vec![
                Digits {
                    count: 2,
                    base: -10,
                },
                Digits { count: 1, base: 5 },
            ],
        }),
        interface: Interface {
            steps: Vec::new(),
            columns: 2,
            // Codes −1..=2 in two bits, and 0..=1 in one.
            inputs: vec![input(0, &[1.5, 2.5], Some(-1)), input(1, &[0.0], None)],
            readout: Readout {
                outputs: vec![output(-10, 553), output(5, 68)],
                inverse_link: InverseLink::Exp,
                decision: Decision::None,
                classes: vec![],
            },
            column_names: vec![],
            estimator: "RandomForestRegressor".into(),
            words: vec![],
        },
    };
    Case {
        name,
        key_seed,
        spec,
        model: Model::DigitSums(vec![5, 2, 63]),
        // −10 + 5 + 8·2 = 11; 5 + 63 = 68.
        queries: vec![Query {
            name: "row",
            seed,
            rows: vec![vec![2.5, -0.5]],
            codes: vec![vec![2, 0]],
            integers: vec![vec![11, 68]],
        }],
    }
}

pub(crate) fn all() -> Vec<Case> {
    vec![
        single(),
        classes(),
        hidden(),
        forest(),
        packed(),
        rows(),
        network(),
        network_packed(),
    ]
}
