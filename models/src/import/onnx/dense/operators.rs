//! The operators that are evaluated on numbers alone, or otherwise than on symbols.

use super::reduce::Reduction;
use super::{elements, kernel, ml, neighbours, product, reduce, scan};
use crate::import::onnx::call::{Call, Value};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::operators::{
    self, AXIS, Domain, GEMM, Kind, NONE, Operator, REDUCE, operator,
};
use Kind::{Float, Graph, Int, Ints, String as Text};

const ARG: &[(&str, Kind)] = &[("axis", Int), ("keepdims", Int), ("select_last_index", Int)];
const LABELS: &[(&str, Kind)] = &[
    ("classlabels_int64s", Ints),
    ("classlabels_strings", Kind::Strings),
];

macro_rules! reduction {
    ($name:literal, $reduction:ident) => {
        operator($name, 1, REDUCE, 2, |call| {
            reduce::reduce(call, Reduction::$reduction)
        })
    };
}

/// A function of one number.
macro_rules! function {
    ($name:literal, $since:literal, $function:expr) => {
        operator($name, $since, NONE, 1, |call| {
            elements::function(call, $function)
        })
    };
}

const PLAIN: &[Operator] = &[
    operator("ArgMax", 1, ARG, 1, |call| reduce::arg(call, |a, b| a > b)),
    operator("ArgMin", 1, ARG, 1, |call| reduce::arg(call, |a, b| a < b)),
    function!("Atan", 7, f64::atan),
    function!("Ceil", 1, f64::ceil),
    function!("Cos", 7, f64::cos),
    operator(
        "CumSum",
        11,
        &[("exclusive", Int), ("reverse", Int)],
        2,
        reduce::cumulative_sum,
    ),
    operator("Expand", 8, NONE, 2, elements::expand),
    function!("Floor", 1, f64::floor),
    operator("GatherElements", 11, AXIS, 2, neighbours::gather_elements),
    operator("Gemm", 1, GEMM, 3, product::gemm),
    operator("LogSoftmax", 1, AXIS, 1, |call| reduce::softmax(call, true)),
    operator("MatMul", 1, NONE, 2, product::mat_mul),
    operator("Pow", 1, NONE, 2, elements::power),
    reduction!("ReduceL1", L1),
    reduction!("ReduceL2", L2),
    reduction!("ReduceLogSum", LogSum),
    reduction!("ReduceLogSumExp", LogSumExp),
    reduction!("ReduceMax", Max),
    reduction!("ReduceMean", Mean),
    reduction!("ReduceMin", Min),
    reduction!("ReduceProd", Product),
    reduction!("ReduceSum", Sum),
    reduction!("ReduceSumSquare", SumSquare),
    function!("Round", 11, f64::round_ties_even),
    operator(
        "Scan",
        9,
        &[
            ("body", Graph),
            ("num_scan_inputs", Int),
            ("scan_input_axes", Ints),
            ("scan_input_directions", Ints),
            ("scan_output_axes", Ints),
            ("scan_output_directions", Ints),
        ],
        usize::MAX,
        scan::scan,
    ),
    function!("Sin", 7, f64::sin),
    operator("Softmax", 1, AXIS, 1, |call| reduce::softmax(call, false)),
    function!("Tan", 7, f64::tan),
    operator(
        "TopK",
        10,
        &[("axis", Int), ("largest", Int), ("sorted", Int)],
        2,
        neighbours::top_k,
    ),
    operator("Where", 9, NONE, 3, elements::select),
];

const ML: &[Operator] = &[
    operator("Binarizer", 1, &[("threshold", Float)], 1, ml::binarizer),
    operator("Normalizer", 1, &[("norm", Text)], 1, ml::normalizer),
    operator("ZipMap", 1, LABELS, 1, ml::zip_map),
];

/// Of onnxruntime.
const CONTRIBUTED: &[Operator] = &[operator(
    "CDist",
    1,
    &[("metric", Text)],
    2,
    neighbours::distances,
)];

const DOMAINS: [Domain; 3] = [
    operators::domain("ai.onnx", PLAIN),
    operators::domain("ai.onnx.ml", ML),
    operators::domain("com.microsoft", CONTRIBUTED),
];

/// Evaluates a node.
pub(super) fn evaluate(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    // Operators of the importer, whose attributes it knows.
    let same: Option<operators::Evaluate> = match call.node.operator.as_str() {
        "ai.onnx.ml.LabelEncoder" => Some(ml::label_encoder),
        "ai.onnx.ml.LinearClassifier" => Some(ml::linear_classifier),
        "ai.onnx.ml.LinearRegressor" => Some(ml::linear_regressor),
        "ai.onnx.ml.SVMClassifier" => Some(kernel::classifier),
        "ai.onnx.ml.SVMRegressor" => Some(kernel::regressor),
        _ => None,
    };
    operators::evaluate_with(call, &DOMAINS, same)
}
