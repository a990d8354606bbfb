//! What a plan costs, known before any key exists.

use tenebra_client::branching::{BranchingLayout, ValidBranching};
use tenebra_client::frame_len;
use tenebra_client::linear::ValidLinear;
use tenebra_client::network::ValidNetwork;
use tenebra_client::packing::Packing;

use crate::branching::packed;
use crate::branching::plan::{BranchingPlan, evaluate_us};
use crate::linear;
use crate::linear::flood::Hidden;
use crate::linear::plan::LinearPlan;
use crate::network::cost::Work;
use crate::network::plan::NetworkPlan;
use crate::network::report::{LayerReport, layers};
use crate::program::{Program, Scheme};

/// Security of the parameters in bits: the TUniform bound of tfhe-rs, fitted to the lattice estimator at 132 bits.
pub const SECURITY_BITS: u32 = 132;

/// The facts of one plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanReport {
    /// Parameters and layout.
    pub(crate) layout: PlanLayout,
    /// log2 of the probability that any output of one query is wrong.
    pub p_fail_log2: f64,
    /// log2 of the predicted standard deviation of the output noise, without what hides a model, as a fraction of the torus.
    pub noise_std_log2: f64,
    /// log2 of how far that noise may go: half a step, less the bound of what hides a model.
    pub room_log2: f64,
    /// How the model is hidden from its clients, if it is.
    pub hidden: Option<Hidden>,
    /// Most rows of one query.
    pub rows: usize,
    /// Bits of the codes of one row.
    pub input_bits: u32,
    /// External products of one evaluation.
    pub external_products: usize,
    /// Key switches of one evaluation: they unpack a packed query, all rows at once.
    pub key_switches: usize,
    /// Bytes of a framed query of so many rows.
    pub query_bytes: usize,
    /// Bytes of a framed response.
    pub response_bytes: usize,
    /// Predicted time of the evaluation of such a query on one core, milliseconds.
    pub predicted_evaluate_ms: f64,
    /// The layers of a network; none of others.
    pub layers: Vec<LayerReport>,
}

/// The layout of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PlanLayout {
    Linear(ValidLinear),
    Branching(ValidBranching),
    /// With the bytes that an evaluation works in.
    Network(ValidNetwork, u64),
}

/// A parameter of a plan, to be printed.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// A number.
    Number(u32),
    /// log2 of one.
    Log2(f64),
    /// Base bits and levels of the gadgets of the evaluation key, if there is one.
    Gadgets(Option<Vec<[u8; 2]>>),
}

impl PlanReport {
    /// Name of the scheme.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self.layout {
            PlanLayout::Linear(_) => "linear",
            PlanLayout::Branching(_) => "branching",
            PlanLayout::Network(..) => "network",
        }
    }

    /// `direct`: queries are evaluated as they are; `packed`: an evaluation key unpacks them.
    #[must_use]
    pub fn query_mode(&self) -> &'static str {
        match self.layout {
            PlanLayout::Linear(_) => "direct",
            PlanLayout::Branching(layout) => match layout.layout().packing {
                Some(_) => "packed",
                None => "direct",
            },
            PlanLayout::Network(layout, _) => match layout.layout().packed_bits {
                0 => "direct",
                _ => "packed",
            },
        }
    }

    /// The parameters by name.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, Parameter)> {
        use Parameter::{Log2, Number};
        let (glwe, mut parameters) = match &self.layout {
            PlanLayout::Linear(layout) => {
                let layout = layout.layout();
                let own = vec![
                    ("plaintext_bits", Number(layout.plaintext_bits.into())),
                    ("query_body_bits", Number(layout.body_bits.into())),
                    ("response_bits", Number(layout.response_bits.into())),
                    ("outputs_per_ciphertext", Number(layout.group)),
                    ("query_ciphertexts", Number(layout.blocks)),
                ];
                (layout.glwe, own)
            }
            PlanLayout::Branching(layout) => {
                let layout = layout.layout();
                let mut own = of_branching(layout, layout.packing);
                if layout.packed_bits > 0 {
                    own.push(("bits_per_ciphertext", Number(layout.packed_bits.into())));
                }
                (layout.glwe, own)
            }
            PlanLayout::Network(layout, _) => {
                let layout = layout.layout();
                let mut own = of_branching(&layout.branching, layout.keys);
                own.push(("stride", Number(layout.stride.into())));
                own.push(("bits_per_ciphertext", Number(layout.packed_bits.into())));
                (layout.branching.glwe, own)
            }
        };
        parameters.extend([
            ("glwe_dimension", Number(glwe.glwe_dimension.into())),
            ("polynomial_size", Number(glwe.polynomial_size.into())),
            ("noise_bound_log2", Number(glwe.noise_bound_log2.into())),
            ("output_noise_std_log2", Log2(self.noise_std_log2)),
        ]);
        parameters
    }
}

impl Program {
    /// The facts of each plan, that of single rows first; of packed queries of several rows, which have the same plan, those of the largest follow.
    #[must_use]
    pub fn report(&self) -> Vec<PlanReport> {
        let input_bits = self.input_ranges().iter().map(|range| range.bits()).sum();
        match &self.scheme {
            Scheme::Linear(programs) => programs
                .iter()
                .map(|program| linear_report(&program.plan, input_bits))
                .collect(),
            Scheme::Branching(program) => {
                let plan = &program.plan;
                let most = plan.layout.max_rows();
                let of_many = (most > 1).then_some(most);
                let rows = core::iter::once(1).chain(of_many);
                rows.map(|rows| branching_report(plan, rows, input_bits))
                    .collect()
            }
            Scheme::Network(program) => vec![network_report(&program.plan, input_bits)],
        }
    }
}

fn linear_report(plan: &LinearPlan, input_bits: u32) -> PlanReport {
    let rows = usize::from(plan.layout.layout().max_rows);
    PlanReport {
        layout: PlanLayout::Linear(plan.layout),
        p_fail_log2: plan.p_fail_log2,
        noise_std_log2: std_log2(plan.noise_variance),
        room_log2: plan.room().log2() - 64.0,
        hidden: plan.hidden,
        rows,
        input_bits,
        external_products: 0,
        key_switches: 0,
        query_bytes: frame_len(plan.layout.query_len(rows)),
        response_bytes: frame_len(plan.layout.response_len(rows)),
        predicted_evaluate_ms: linear::plan::evaluate_us(plan, rows) / 1000.0,
        layers: Vec::new(),
    }
}

/// Of queries of so many rows.
fn branching_report(plan: &BranchingPlan, rows: usize, input_bits: u32) -> PlanReport {
    PlanReport {
        layout: PlanLayout::Branching(plan.layout),
        p_fail_log2: plan.p_fail_log2,
        noise_std_log2: std_log2(plan.noise_variance),
        room_log2: -1.0 - f64::from(plan.layout.layout().plaintext_bits),
        hidden: None,
        rows,
        input_bits,
        external_products: rows * (plan.diagram.cmuxes + plan.diagram.clear_cmuxes),
        key_switches: packed::key_switches(&plan.layout),
        query_bytes: frame_len(plan.layout.query_len(rows)),
        response_bytes: frame_len(plan.layout.response_len(rows)),
        predicted_evaluate_ms: evaluate_us(&plan.layout, &plan.diagram, rows) / 1000.0,
        layers: Vec::new(),
    }
}

fn network_report(plan: &NetworkPlan, input_bits: u32) -> PlanReport {
    let layout = plan.layout.layout();
    let work = Work::of(&plan.layers, &plan.bits, plan.exact);
    PlanReport {
        layout: PlanLayout::Network(plan.layout, plan.working_bytes()),
        p_fail_log2: plan.p_fail_log2,
        noise_std_log2: std_log2(plan.noise_variance),
        room_log2: -1.0 - f64::from(layout.branching.plaintext_bits),
        hidden: None,
        rows: 1,
        input_bits,
        external_products: work.products(),
        key_switches: work.key_switches(&plan.layout, &plan.gadgets),
        query_bytes: frame_len(plan.layout.query_len()),
        response_bytes: frame_len(plan.layout.response_len()),
        predicted_evaluate_ms: work.evaluate_us(layout, &plan.gadgets) / 1000.0,
        layers: layers(plan),
    }
}

/// Parameters of a layout of encrypted bits, and of its evaluation key.
fn of_branching(layout: &BranchingLayout, keys: Option<Packing>) -> Vec<(&'static str, Parameter)> {
    use Parameter::{Gadgets, Number};
    let size = layout.glwe.polynomial_size.into();
    let gadgets = |packing: Packing| {
        let gadgets = packing.gadgets(size);
        gadgets.map(|g| [g.base_log, g.level_count]).collect()
    };
    vec![
        ("base_log", Number(layout.base_log.into())),
        ("level_count", Number(layout.level_count.into())),
        ("plaintext_bits", Number(layout.plaintext_bits.into())),
        ("query_body_bits", Number(layout.body_bits.into())),
        ("response_bits", Number(layout.response_bits.into())),
        ("packing", Gadgets(keys.map(gadgets))),
    ]
}

fn std_log2(variance: f64) -> f64 {
    variance.log2() / 2.0 - 64.0
}
