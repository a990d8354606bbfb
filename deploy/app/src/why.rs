//! Why a compiled model costs what it does, what its clients learn, and what would cost less.

mod disclosed;

use serde::Serialize;
use tenebra_circuit::{Options, QueryMode};
use tenebra_client::ClientSpec;
use tenebra_models::forest::BinsMode;
use tenebra_models::{Model, QuantizeOptions, quantize};
use tenebra_quant::{Codec, Numbers, RowStep};

use crate::predicted::Predicted;
use crate::report::Report;
use crate::rows::Columns;

pub use disclosed::Disclosed;

/// An input of the circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputCost {
    /// The column that it is made of, or the first of them; of a component, such as `pca0`, its own name, where the float model says it.
    pub column: String,
    /// Whether steps stand between the column and the code.
    pub derived: bool,
    /// Bits of its code: each is encrypted, and looked at by every decision on it.
    pub bits: u32,
    /// Cut points of its code; `None` for even steps.
    pub cut_points: Option<usize>,
}

/// What another way to compile would cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alternative {
    /// What to say to `compile`.
    pub option: String,
    /// What one row would cost, or why it cannot be.
    pub predicted: Result<Predicted, String>,
}

/// Why a model costs what it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// By bits, most first.
    pub inputs: Vec<InputCost>,
    /// What the client spec and responses say of the model, in words.
    pub client_learns: Vec<String>,
    /// What responses say, in numbers.
    pub responses: Disclosed,
    /// Other ways to compile the float model, without calibration data.
    pub alternatives: Vec<Alternative>,
}

impl Why {
    /// Of a compiled model; alternatives need the float model.
    #[must_use]
    pub fn new(spec: &ClientSpec<'_>, report: &Report, model: Option<&Model>) -> Self {
        let responses = Disclosed::of(spec);
        Self {
            inputs: inputs(spec, model),
            client_learns: client_learns(spec, report, responses),
            responses,
            alternatives: model
                .map(|model| alternatives(model, report))
                .unwrap_or_default(),
        }
    }
}

fn inputs(spec: &ClientSpec<'_>, model: Option<&Model>) -> Vec<InputCost> {
    let columns = Columns::of_spec(spec);
    let cost = |input: tenebra_client::Input<'_>| InputCost {
        column: model
            .and_then(|model| component(spec, model, input.column))
            .unwrap_or_else(|| columns.name(spec.column_of(input.column))),
        derived: input.column >= spec.columns(),
        bits: input.bits(),
        cut_points: match &input.codec {
            Codec::Affine(_) => None,
            Codec::Bins { .. } => {
                let (min, max) = input.codec.code_range();
                usize::try_from(max - min).ok()
            }
        },
    };
    let mut inputs: Vec<InputCost> = spec.inputs().map(cost).collect();
    inputs.sort_by_key(|input| core::cmp::Reverse(input.bits));
    inputs
}

/// What the float model calls the sum of columns that a value is made of, as a principal component is: no single column is behind it.
fn component(spec: &ClientSpec<'_>, model: &Model, value: usize) -> Option<String> {
    let Model::Pipeline(pipeline) = model else {
        return None;
    };
    let wanted = weights(value, spec.columns(), |at| spec.steps().nth(at))?;
    let before = &pipeline.before;
    let step = |at: usize| before.steps.get(at).cloned();
    let names = pipeline.model.feature_names()?;
    let mut features = names.iter().zip(&before.features);
    let found = features
        .find(|(_, value)| weights(**value, before.n_features, step).as_ref() == Some(&wanted));
    found.map(|(name, _)| name.clone())
}

/// The weights of the sum that a value is, but for functions of it alone.
fn weights<N: Numbers>(
    mut value: usize,
    columns: usize,
    step: impl Fn(usize) -> Option<RowStep<N>>,
) -> Option<Vec<f64>> {
    loop {
        match step(value.checked_sub(columns)?)? {
            RowStep::Dot { weights, .. } => {
                return Some((0..weights.count()).map(|at| weights.number(at)).collect());
            }
            other => value = other.operand()?,
        }
    }
}

fn client_learns(spec: &ClientSpec<'_>, report: &Report, responses: Disclosed) -> Vec<String> {
    let mut learns = vec![format!(
        "that the model is a {}, its {} columns{} and {} outputs",
        report.model,
        spec.columns(),
        if spec.column_names().next().is_some() {
            " by name"
        } else {
            ""
        },
        report.quantization.outputs,
    )];
    match &report.trees {
        Some(trees) => learns.push(trees.client_learns.clone()),
        None => learns.push(format!(
            "the range and the step of each of the {} features used",
            report.quantization.inputs
        )),
    }
    for (what, count) in steps(spec) {
        if count > 0 {
            learns.push(format!(
                "of the pipeline's steps, {what} ({count} values of a row)"
            ));
        }
    }
    learns.push("the scale and the offset of each score".to_owned());
    learns.push(format!("from responses, {responses}"));
    if let Disclosed::DigitSums { .. } = responses {
        learns.push(
            "from the scores of many chosen rows, what a model trained on them would say"
                .to_owned(),
        );
    }
    learns
}

/// What steps show, and how many there are of each kind.
fn steps(spec: &ClientSpec<'_>) -> [(&'static str, usize); 5] {
    let mut counts = [0_usize; 5];
    for step in spec.steps() {
        let kind = match step {
            RowStep::Affine { .. } | RowStep::Clip { .. } => 0,
            RowStep::Fill { .. } | RowStep::IsMissing { .. } => 1,
            RowStep::Code { .. } | RowStep::Equals { .. } => 2,
            RowStep::Bins { .. } | RowStep::Quantiles { .. } | RowStep::Power { .. } => 3,
            RowStep::Dot { .. } | RowStep::Product { .. } | RowStep::Constant { .. } => 4,
        };
        counts[kind] += 1;
    }
    let [scales, fills, categories, shapes, sums] = counts;
    [
        ("centres and scales", scales),
        ("what stands for missing values", fills),
        ("the categories", categories),
        (
            "intervals, quantiles and exponents of the training data",
            shapes,
        ),
        ("components and products", sums),
    ]
}

fn alternatives(model: &Model, report: &Report) -> Vec<Alternative> {
    let plan = Options {
        p_fail_log2: report.p_fail_log2.ceil().max(-128.0),
        ..Options::default()
    };
    let mut found = Vec::new();
    let mut add = |option: &str, quantize_options: &QuantizeOptions, plan: &Options| {
        let quantized = quantize(model, None, quantize_options).map_err(|e| e.to_string());
        let predicted = quantized
            .and_then(|quantized| Predicted::of(&quantized, plan).map_err(|e| e.to_string()));
        found.push(Alternative {
            option: option.to_owned(),
            predicted,
        });
    };
    let default = QuantizeOptions::default();
    match model.behind_steps() {
        Model::Linear(_) => {
            for bits in [4, 6, 8] {
                if let Ok(options) = QuantizeOptions::with_bits(bits) {
                    add(&format!("--n-bits {bits}"), &options, &plan);
                }
            }
        }
        Model::Network(_) => {}
        _ => {
            for bits in [3, 4, 6] {
                if let Ok(mut options) = QuantizeOptions::with_bits(bits) {
                    options.forest.bins = BinsMode::Uniform(options.input_bits);
                    add(&format!("--bins uniform --n-bits {bits}"), &options, &plan);
                }
            }
            for bits in [4, 8] {
                let mut options = default;
                options.forest.leaf_bits = Some(bits);
                add(&format!("--leaf-bits {bits}"), &options, &plan);
            }
        }
    }
    if !matches!(model.behind_steps(), Model::Linear(_)) {
        for (option, query) in [
            ("--query direct", QueryMode::Direct),
            ("--query packed", QueryMode::Packed),
        ] {
            let plan = Options {
                query,
                ..plan.clone()
            };
            add(option, &default, &plan);
        }
    }
    let plan = Options {
        p_fail_log2: -40.0,
        ..plan
    };
    add("--p-fail -40", &default, &plan);
    found
}
