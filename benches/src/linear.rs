//! Linear models in the shapes of real ones.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tenebra_circuit::{CircuitBuilder, Hide, Interval, Matrix, Options, Verified, verify};
use tenebra_client::ClientKey;
use tenebra_client::{ClientSpec, OwnedSpec};
use tenebra_tfhe::{EvaluationKey, PlanReport, Program};

/// A linear model of 8-bit inputs and weights, planned for a number of rows, with a key and rows to score.
#[derive(Debug)]
pub struct LinearCase {
    /// Shape and parameters, the last part of a bench's id.
    pub name: String,
    /// What it computes.
    pub circuit: Verified,
    /// What the server runs.
    pub program: Program,
    /// The facts of the plan that is measured.
    pub report: PlanReport,
    /// The bytes of the client spec.
    pub spec_file: Vec<u8>,
    /// Rows of features, as many as the plan holds.
    pub rows: Vec<Vec<f64>>,
}

impl LinearCase {
    /// A model called `model` of random weights; `rows` is how many rows a query may hold at most.
    ///
    /// # Panics
    ///
    /// If the model cannot be planned, which depends on the arguments alone.
    #[must_use]
    pub fn new(model: &str, features: u32, outputs: u32, rows: usize) -> Self {
        Self::planned(model, features, outputs, rows, None)
    }

    /// The same, hidden from its clients as `tenebra compile --hide-model` does.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[must_use]
    pub fn hidden(model: &str, features: u32, outputs: u32, rows: usize) -> Self {
        let model = format!("{model}_hidden");
        Self::planned(&model, features, outputs, rows, Some(Hide::default()))
    }

    #[expect(
        clippy::unwrap_used,
        reason = "the cases are ours, and a bench that cannot start should stop"
    )]
    fn planned(model: &str, features: u32, outputs: u32, rows: usize, hide: Option<Hide>) -> Self {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let circuit = circuit(features as usize, outputs as usize, &mut rng);
        let options = Options {
            rows,
            hide,
            ..Options::default()
        };
        let program = Program::prepare(&circuit, &options).unwrap();
        let report = program.report().pop().unwrap();
        let glwe = program.layouts().last().unwrap().glwe();
        let name = format!(
            "{model}-{features}x{outputs}-{}row-k{}-N{}",
            report.rows,
            glwe.glwe_dimension(),
            glwe.polynomial_size()
        );
        let mut value = || f64::from(rng.next_u32() % 2560) / 10.0;
        let rows = (0..report.rows).map(|_| (0..features).map(|_| value()).collect());
        Self {
            name,
            rows: rows.collect(),
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

    /// What the server needs of that key: a public key, where the model is hidden.
    ///
    /// # Panics
    ///
    /// Never: the key is one of this model's.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "the key is one of this model's")]
    pub fn public_key(&self, key: &ClientKey) -> Option<EvaluationKey> {
        let mut rng = ChaCha20Rng::from_seed([10; 32]);
        let file = self.spec().evaluation_key_file(key, &mut rng).unwrap()?;
        Some(self.program.prepare_key(self.spec().id(), &file).unwrap())
    }

    /// The plan in one line.
    #[must_use]
    pub fn plan(&self) -> String {
        let report = &self.report;
        format!(
            "{}: p_fail 2^{:.0}, noise 2^{:.1}, query {} B, response {} B, evaluate predicted {:.3} ms",
            self.name,
            report.p_fail_log2,
            report.noise_std_log2,
            report.query_bytes,
            report.response_bytes,
            report.predicted_evaluate_ms
        )
    }
}

#[expect(clippy::unwrap_used, reason = "8-bit numbers overflow nothing")]
fn circuit(features: usize, outputs: usize, rng: &mut impl Rng) -> Verified {
    let mut weight = || i64::from(rng.next_u32() % 255) - 127;
    let weights = (0..features * outputs).map(|_| weight()).collect();
    let bias = (0..outputs).map(|_| 100 * weight()).collect();
    let mut builder = CircuitBuilder::new();
    let x = builder.input("x", vec![Interval::new(0, 255); features]);
    let y = builder.linear(x, Matrix::dense(outputs, features, weights), bias);
    builder.output("y", y);
    verify(&builder.finish()).unwrap()
}

/// A spec whose features are codes already.
///
/// # Panics
///
/// If an input has codes of more than 16 bits.
#[must_use]
#[expect(clippy::unwrap_used, reason = "codes of up to 16 bits are sound")]
pub fn spec(program: &Program) -> OwnedSpec {
    OwnedSpec {
        p_fail_log2: Options::default().p_fail_log2,
        scheme: program.spec_scheme(),
        interface: program.interface_of_codes().unwrap(),
    }
}
