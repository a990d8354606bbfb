//! An oracle of code that we did not write: decisions by `tfhe`'s own external products, on the bits that the deployed client
//! encrypts, and decrypted by `tfhe`. It shares neither schedule nor kernel nor digits with ours.
#![allow(dead_code, reason = "each test takes what it needs")]

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tenebra_circuit::dev::{Limits, Oracle, Refusal};
use tenebra_circuit::{
    ErrorKind, Interval, Op, OpKind, Options, Planner, QueryMode, RoleError, Table, Tree, TreeNode,
    Verified,
};
use tenebra_client::bits::BitReader;
use tenebra_client::branching::ValidBranching;
use tenebra_client::random::MaskStream;
use tenebra_client::{Client, Frame, Kind};
use tenebra_tfhe::TfhePlanner;
use tfhe::core_crypto::fft_impl::fft64::c64;
use tfhe::core_crypto::prelude::*;

use super::ciphertexts::{glwe, phases, tfhe_key};

type FourierGgsw = FourierGgswCiphertext<aligned_vec::ABox<[c64]>>;

/// Decisions on inputs by CMUX trees of `tfhe`.
pub(crate) struct Foreign;

impl Oracle for Foreign {
    fn name(&self) -> &str {
        "tfhe's own products"
    }

    fn limits(&self) -> Limits {
        Limits {
            ops: 2,
            len: 3,
            kinds: vec![OpKind::Forest, OpKind::Lookup],
            trees: 3,
            splits: 6,
            ..Limits::decisions_on_inputs()
        }
    }

    fn run(
        &self,
        circuit: &Verified,
        rows: &[Vec<i64>],
        seed: [u8; 32],
    ) -> Result<Vec<Vec<i64>>, Refusal> {
        let declined = |why: &str| Refusal::Declined(why.into());
        let failed = |error: &dyn core::fmt::Display| Refusal::Failed(error.to_string());
        let decisions = decisions(circuit).ok_or_else(|| declined("more than decisions"))?;
        let options = Options {
            query: QueryMode::Direct,
            ..Options::default()
        };
        let planned = TfhePlanner.plan(circuit, &options);
        let planned = planned.map_err(|error| match error.kind() {
            ErrorKind::DoesNotFit | ErrorKind::Unsupported => declined(&error.to_string()),
            _ => failed(&error),
        })?;
        let mut rng = ChaCha20Rng::from_seed(seed);
        let client = Client::generate(&planned.spec, &mut rng).map_err(|e| failed(&e))?;
        let spec = client.spec();
        let branching = spec
            .scheme()
            .branching()
            .ok_or_else(|| declined("linear"))?;
        let layout = branching.layout();
        let key = client.key().plan_key(0).ok_or_else(|| declined("no key"))?;
        let mut answers = Vec::new();
        for codes in rows {
            let query = spec.encrypt_codes(client.key(), codes, &mut rng);
            let query = query.map_err(|e| failed(&e))?;
            let frame = Frame::parse_for(&query, Kind::Query, spec.id());
            let payload = frame.map_err(|e| failed(&e))?.payload;
            let bits = query_ggsws(layout, payload).iter().map(fourier).collect();
            let key = layout.key_of(key, payload);
            let key = key.ok_or_else(|| declined("no key"))?;
            let row = EncryptedRow {
                layout,
                key: tfhe_key(&key),
                ranges: circuit.input_ranges(),
                bits,
            };
            answers.push(decisions.iter().flat_map(|op| row.decide(op)).collect());
        }
        Ok(answers)
    }
}

/// A decision on inputs.
struct Decision<'c> {
    op: &'c Op,
    /// The first of its features among all inputs.
    first: usize,
}

/// The outputs of a circuit, if they are nothing but decisions on inputs.
fn decisions(circuit: &Verified) -> Option<Vec<Decision<'_>>> {
    let circuit = circuit.circuit();
    let decision = |output: &tenebra_circuit::Output| {
        let op = &circuit.ops[output.value.index()];
        let (Op::Forest { input, .. } | Op::Lookup { input, .. }) = op else {
            return None;
        };
        let before = &circuit.ops[..input.index()];
        let lengths = before.iter().map(|op| match op {
            Op::Input(port) => port.ranges.len(),
            _ => 0,
        });
        let first = lengths.sum();
        matches!(circuit.ops[input.index()], Op::Input(_)).then_some(Decision { op, first })
    };
    circuit.outputs.iter().map(decision).collect()
}

/// The bits of one row, encrypted.
struct EncryptedRow<'l> {
    layout: &'l ValidBranching,
    key: GlweSecretKeyOwned<u64>,
    ranges: Vec<Interval>,
    bits: Vec<FourierGgsw>,
}

impl EncryptedRow<'_> {
    fn decide(&self, decision: &Decision<'_>) -> Vec<i64> {
        match decision.op {
            Op::Forest { forest, .. } => {
                let mut sums = forest.bias.clone();
                for tree in &forest.trees {
                    let leaves = Leaves::of(
                        self.plaintext_bits(),
                        tree.nodes.iter().filter_map(|node| match node {
                            TreeNode::Leaf(values) => Some(values.as_slice()),
                            TreeNode::Split { .. } => None,
                        }),
                    );
                    let result = self.node(tree, 0, decision.first, &leaves);
                    let values = leaves.values(&phases(&self.key, &result));
                    sums.iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
                }
                sums
            }
            Op::Lookup { tables, .. } => {
                let looked_up = |(at, table)| self.look_up(decision.first + at, table);
                tables.iter().enumerate().map(looked_up).collect()
            }
            _ => Vec::new(),
        }
    }

    fn plaintext_bits(&self) -> u32 {
        self.layout.layout().plaintext_bits.into()
    }

    /// The bits of an input, lowest first.
    fn bits_of(&self, input: usize) -> &[FourierGgsw] {
        let bits = |range: &Interval| range.bits() as usize;
        let first: usize = self.ranges[..input].iter().map(bits).sum();
        &self.bits[first..first + bits(&self.ranges[input])]
    }

    /// What the tree reaches from a node.
    fn node(
        &self,
        tree: &Tree,
        at: usize,
        first: usize,
        leaves: &Leaves,
    ) -> GlweCiphertextOwned<u64> {
        match &tree.nodes[at] {
            TreeNode::Leaf(values) => self.clear(leaves, values),
            TreeNode::Split {
                feature,
                threshold,
                left,
                right,
            } => {
                let input = first + *feature as usize;
                let left = self.node(tree, *left as usize, first, leaves);
                let right = self.node(tree, *right as usize, first, leaves);
                self.below(input, *threshold, &left, right)
            }
        }
    }

    /// `left` where the code is below the threshold, else `right`: bit by bit, from the lowest, as people compare numbers.
    fn below(
        &self,
        input: usize,
        threshold: i64,
        left: &GlweCiphertextOwned<u64>,
        right: GlweCiphertextOwned<u64>,
    ) -> GlweCiphertextOwned<u64> {
        let bits = self.bits_of(input);
        let threshold = threshold - self.ranges[input].min;
        if threshold >= 1 << bits.len() {
            return left.clone();
        }
        let mut equal = right.clone();
        if threshold <= 0 {
            return right;
        }
        for (place, bit) in bits.iter().enumerate() {
            let (mut zero, mut one) = if threshold >> place & 1 == 1 {
                (left.clone(), equal)
            } else {
                (equal, right.clone())
            };
            cmux_assign(&mut zero, &mut one, bit);
            equal = zero;
        }
        equal
    }

    fn look_up(&self, input: usize, table: &Table) -> i64 {
        let bits = self.bits_of(input);
        let min = self.ranges[input].min;
        // Codes that fill the bits up are never sent.
        let entry = |code: i64| [table.value(min + code).unwrap_or(table.values[0])];
        let entries: Vec<[i64; 1]> = (0..1i64 << bits.len()).map(entry).collect();
        let leaves = Leaves::of(
            self.plaintext_bits(),
            entries.iter().map(<[i64; 1]>::as_slice),
        );
        let clear = entries.iter().map(|entry| self.clear(&leaves, entry));
        let mut layer: Vec<GlweCiphertextOwned<u64>> = clear.collect();
        for bit in bits {
            let chosen = layer.chunks_exact_mut(2).map(|pair| {
                let (zero, one) = pair.split_at_mut(1);
                cmux_assign(&mut zero[0], &mut one[0], bit);
                zero[0].clone()
            });
            layer = chosen.collect();
        }
        leaves.values(&phases(&self.key, &layer[0]))[0]
    }

    /// Values in the clear, as a ciphertext.
    fn clear(&self, leaves: &Leaves, values: &[i64]) -> GlweCiphertextOwned<u64> {
        let params = self.layout.glwe();
        let digits = leaves.digits(values).into_iter();
        let scale = 64 - leaves.plaintext_bits;
        let body = digits.map(|digit| digit << scale);
        glwe(params, vec![0; params.dimension()], body)
    }
}

/// How the values of leaves are cut into digits of as many bits as a coefficient holds.
struct Leaves {
    plaintext_bits: u32,
    /// Of each output.
    least: Vec<i64>,
    digits: u32,
}

impl Leaves {
    fn of<'v>(plaintext_bits: u32, leaves: impl Iterator<Item = &'v [i64]> + Clone) -> Self {
        let outputs = leaves.clone().next().map_or(0, <[i64]>::len);
        let ends = |output: usize| {
            let values = leaves.clone().map(move |values| values[output]);
            let least = values.clone().min().unwrap_or(0);
            (least, values.max().unwrap_or(0).abs_diff(least))
        };
        let (least, widths): (Vec<i64>, Vec<u64>) = (0..outputs).map(ends).unzip();
        let width = widths.into_iter().max().unwrap_or(0);
        let bits = (64 - width.leading_zeros()).max(1);
        Self {
            plaintext_bits,
            least,
            digits: bits.div_ceil(plaintext_bits),
        }
    }

    fn digits(&self, values: &[i64]) -> Vec<u64> {
        let of_value = |(value, least): (&i64, &i64)| {
            let offset = value.abs_diff(*least);
            let digit = move |digit: u32| {
                let shifted = offset >> (digit * self.plaintext_bits);
                shifted & ((1 << self.plaintext_bits) - 1)
            };
            (0..self.digits).map(digit).collect::<Vec<u64>>()
        };
        values.iter().zip(&self.least).flat_map(of_value).collect()
    }

    fn values(&self, phases: &[u64]) -> Vec<i64> {
        let round = |phase: &u64| {
            let half = 1 << (63 - self.plaintext_bits);
            phase.wrapping_add(half) >> (64 - self.plaintext_bits)
        };
        let value = |(least, digits): (&i64, &[u64])| {
            let digits = (0..).zip(digits);
            let digits =
                digits.map(|(at, phase): (u32, &u64)| round(phase) << (at * self.plaintext_bits));
            least.wrapping_add_unsigned(digits.sum())
        };
        let digits = phases.chunks(self.digits as usize);
        self.least.iter().zip(digits).map(value).collect()
    }
}

/// The input bits of a query as `tfhe`'s ciphertexts, which hold the last level first.
pub(crate) fn query_ggsws(
    layout: &ValidBranching,
    payload: &[u8],
) -> Vec<GgswCiphertextOwned<u64>> {
    let (seed, packed) = layout.read_query(payload).expect("a query of this layout");
    let (mut masks, mut reader) = (MaskStream::new(seed), BitReader::new(packed));
    let (params, kept) = (layout.glwe(), u32::from(layout.layout().body_bits));
    let ggsw = |_| {
        let mut row = |_| {
            let mut words = vec![0; params.dimension()];
            masks.fill(&mut words);
            let body = (0..params.polynomial_size()).map(|_| reader.read(kept) << (64 - kept));
            glwe(params, words, body).into_container()
        };
        let rows = params.glwe_dimension() + 1;
        let levels = layout.layout().level_count;
        let level = |_| (0..rows).flat_map(&mut row).collect::<Vec<u64>>();
        let mut levels: Vec<Vec<u64>> = (0..levels).map(level).collect();
        levels.reverse();
        GgswCiphertextOwned::from_container(
            levels.concat(),
            GlweDimension(params.glwe_dimension()).to_glwe_size(),
            PolynomialSize(params.polynomial_size()),
            DecompositionBaseLog(usize::from(layout.layout().base_log)),
            CiphertextModulus::new_native(),
        )
    };
    (0..layout.layout().input_bits).map(ggsw).collect()
}

pub(crate) fn fourier(ggsw: &GgswCiphertextOwned<u64>) -> FourierGgsw {
    let mut fourier = FourierGgswCiphertext::new(
        ggsw.glwe_size(),
        ggsw.polynomial_size(),
        ggsw.decomposition_base_log(),
        ggsw.decomposition_level_count(),
    );
    convert_standard_ggsw_ciphertext_to_fourier(ggsw, &mut fourier);
    fourier
}
