//! The operators: their names, the attributes that are read, the inputs they take, and what evaluates them.
//!
//! An attribute that is not listed is an error, for it might change what the operator computes.

mod activation;
mod convolution;
mod elementwise;
mod folding;
pub(super) mod linear;
mod lookup;
mod movement;
mod reduce;
mod scaling;
mod shape;
mod svm;
mod unary;

use super::call::{Call, Value};
use super::error::OnnxError;
use super::trees;
use crate::network::Activation;
use folding::Binary;
use reduce::Reduction;
use unary::Unary;

/// What evaluates a node: the values of its outputs, in order.
type Evaluate = fn(&Call<'_>) -> Result<Vec<Value>, OnnxError>;

/// Kinds of attributes, as `AttributeProto.AttributeType` numbers them.
#[derive(Clone, Copy)]
enum Kind {
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Floats = 6,
    Ints = 7,
    Strings = 8,
}

struct Operator {
    name: &'static str,
    attributes: &'static [(&'static str, Kind)],
    /// Most inputs.
    inputs: usize,
    evaluate: Evaluate,
}

use Kind::{Float, Floats, Int, Ints, String as Text, Strings, Tensor as Constant};

const ANY: usize = usize::MAX;
const NONE: &[(&str, Kind)] = &[];
const AXIS: &[(&str, Kind)] = &[("axis", Int)];
const AXES: &[(&str, Kind)] = &[("axes", Ints)];
const REDUCE: &[(&str, Kind)] = &[
    ("axes", Ints),
    ("keepdims", Int),
    ("noop_with_empty_axes", Int),
];

const fn operator(
    name: &'static str,
    attributes: &'static [(&'static str, Kind)],
    inputs: usize,
    evaluate: Evaluate,
) -> Operator {
    Operator {
        name,
        attributes,
        inputs,
        evaluate,
    }
}

const WINDOWS: &[(&str, Kind)] = &[
    ("auto_pad", Text),
    ("ceil_mode", Int),
    ("count_include_pad", Int),
    ("dilations", Ints),
    ("kernel_shape", Ints),
    ("pads", Ints),
    ("storage_order", Int),
    ("strides", Ints),
];

/// An activation without parameters.
macro_rules! fixed {
    ($name:literal, $activation:ident) => {
        operator($name, NONE, 1, |call| {
            activation::evaluate(call, Activation::$activation, 1.0)
        })
    };
}

const OPERATORS: &[Operator] = &[
    operator("Abs", NONE, 1, |call| unary::evaluate(call, Unary::Abs)),
    operator("Add", NONE, 2, |call| {
        elementwise::binary(call, Binary::Add)
    }),
    operator(
        "ArgMax",
        &[("axis", Int), ("keepdims", Int), ("select_last_index", Int)],
        1,
        reduce::arg_max,
    ),
    operator("AveragePool", WINDOWS, 1, |call| {
        convolution::average_pool(call, false)
    }),
    operator(
        "BatchNormalization",
        &[
            ("epsilon", Float),
            ("momentum", Float),
            ("training_mode", Int),
        ],
        5,
        linear::batch_normalization,
    ),
    operator("Cast", &[("to", Int), ("saturate", Int)], 1, unary::cast),
    operator("CastLike", &[("saturate", Int)], 2, unary::cast_like),
    operator("Clip", &[("min", Float), ("max", Float)], 3, scaling::clip),
    operator("Concat", AXIS, ANY, movement::concat),
    operator(
        "Constant",
        &[
            ("value", Constant),
            ("value_float", Float),
            ("value_floats", Floats),
            ("value_int", Int),
            ("value_ints", Ints),
            ("value_string", Text),
            ("value_strings", Strings),
        ],
        0,
        shape::constant,
    ),
    operator(
        "ConstantOfShape",
        &[("value", Constant)],
        1,
        shape::constant_of_shape,
    ),
    operator(
        "Conv",
        &[
            ("auto_pad", Text),
            ("dilations", Ints),
            ("group", Int),
            ("kernel_shape", Ints),
            ("pads", Ints),
            ("strides", Ints),
        ],
        3,
        convolution::conv,
    ),
    operator("Div", NONE, 2, |call| {
        elementwise::binary(call, Binary::Div)
    }),
    operator(
        "Dropout",
        &[("ratio", Float), ("seed", Int)],
        3,
        shape::dropout,
    ),
    operator("Elu", &[("alpha", Float)], 1, activation::elu),
    operator("Equal", NONE, 2, |call| {
        elementwise::binary(call, Binary::Equal)
    }),
    fixed!("Erf", Erf),
    operator("Exp", NONE, 1, |call| unary::evaluate(call, Unary::Exp)),
    operator("Flatten", AXIS, 1, shape::flatten),
    operator("Gather", AXIS, 2, lookup::gather),
    operator("Gelu", &[("approximate", Text)], 1, activation::gelu),
    operator(
        "Gemm",
        &[
            ("alpha", Float),
            ("beta", Float),
            ("transA", Int),
            ("transB", Int),
        ],
        3,
        linear::gemm,
    ),
    operator("GlobalAveragePool", NONE, 1, |call| {
        convolution::average_pool(call, true)
    }),
    operator("GlobalMaxPool", NONE, 1, |call| {
        convolution::max_pool(call, true)
    }),
    operator("Greater", NONE, 2, |call| {
        elementwise::binary(call, Binary::Greater)
    }),
    operator("GreaterOrEqual", NONE, 2, |call| {
        elementwise::binary(call, Binary::GreaterOrEqual)
    }),
    operator(
        "HardSigmoid",
        &[("alpha", Float), ("beta", Float)],
        1,
        activation::hard_sigmoid,
    ),
    fixed!("HardSwish", HardSwish),
    operator("Identity", NONE, 1, shape::identity),
    operator("LeakyRelu", &[("alpha", Float)], 1, activation::leaky_relu),
    operator("Less", NONE, 2, |call| {
        elementwise::binary(call, Binary::Less)
    }),
    operator("LessOrEqual", NONE, 2, |call| {
        elementwise::binary(call, Binary::LessOrEqual)
    }),
    operator("Log", NONE, 1, |call| unary::evaluate(call, Unary::Log)),
    operator(
        "LpNormalization",
        &[("axis", Int), ("p", Int)],
        1,
        reduce::lp_normalization,
    ),
    operator("MatMul", NONE, 2, linear::mat_mul),
    operator("Max", NONE, ANY, |call| {
        elementwise::variadic(call, Binary::Max)
    }),
    operator("MaxPool", WINDOWS, 1, |call| {
        convolution::max_pool(call, false)
    }),
    operator("Mean", NONE, ANY, elementwise::mean),
    operator("Min", NONE, ANY, |call| {
        elementwise::variadic(call, Binary::Min)
    }),
    fixed!("Mish", Mish),
    operator("Mul", NONE, 2, |call| {
        elementwise::binary(call, Binary::Mul)
    }),
    operator("Neg", NONE, 1, |call| unary::evaluate(call, Unary::Neg)),
    operator("Not", NONE, 1, |call| unary::evaluate(call, Unary::Not)),
    operator("PRelu", NONE, 2, activation::p_relu),
    operator(
        "Pad",
        &[("mode", Text), ("pads", Ints), ("value", Float)],
        4,
        convolution::pad,
    ),
    operator("Pow", NONE, 2, |call| {
        elementwise::binary(call, Binary::Pow)
    }),
    operator("Reciprocal", NONE, 1, |call| {
        unary::evaluate(call, Unary::Reciprocal)
    }),
    operator("ReduceMean", REDUCE, 2, |call| {
        reduce::reduce(call, Reduction::Mean)
    }),
    operator("ReduceSum", REDUCE, 2, |call| {
        reduce::reduce(call, Reduction::Sum)
    }),
    fixed!("Relu", Relu),
    operator("Reshape", &[("allowzero", Int)], 2, shape::reshape),
    operator(
        "Selu",
        &[("alpha", Float), ("gamma", Float)],
        1,
        activation::selu,
    ),
    operator("Shape", NONE, 1, shape::shape),
    operator("Sigmoid", NONE, 1, |call| {
        unary::evaluate(call, Unary::Sigmoid)
    }),
    fixed!("Sign", Sign),
    operator(
        "Slice",
        &[("starts", Ints), ("ends", Ints), ("axes", Ints)],
        5,
        movement::slice,
    ),
    operator("Softmax", AXIS, 1, reduce::softmax),
    fixed!("Softplus", Softplus),
    fixed!("Softsign", Softsign),
    operator(
        "Split",
        &[("axis", Int), ("split", Ints), ("num_outputs", Int)],
        2,
        movement::split,
    ),
    operator("Sqrt", NONE, 1, |call| unary::evaluate(call, Unary::Sqrt)),
    operator("Squeeze", AXES, 2, shape::squeeze),
    operator("Sub", NONE, 2, |call| {
        elementwise::binary(call, Binary::Sub)
    }),
    operator("Sum", NONE, ANY, |call| {
        elementwise::variadic(call, Binary::Add)
    }),
    fixed!("Tanh", Tanh),
    operator("Transpose", &[("perm", Ints)], 1, movement::transpose),
    operator("Unsqueeze", AXES, 2, shape::unsqueeze),
    operator("Where", NONE, 3, elementwise::select),
    operator(
        "ai.onnx.ml.ArrayFeatureExtractor",
        NONE,
        2,
        lookup::array_feature_extractor,
    ),
    operator(
        "ai.onnx.ml.Binarizer",
        &[("threshold", Float)],
        1,
        scaling::binarizer,
    ),
    operator(
        "ai.onnx.ml.FeatureVectorizer",
        &[("inputdimensions", Ints)],
        ANY,
        movement::feature_vectorizer,
    ),
    operator(
        "ai.onnx.ml.LabelEncoder",
        &[
            ("keys_int64s", Ints),
            ("keys_floats", Floats),
            ("keys_strings", Strings),
            ("values_int64s", Ints),
            ("values_floats", Floats),
            ("values_strings", Strings),
            ("default_int64", Int),
            ("default_float", Float),
            ("default_string", Text),
        ],
        1,
        lookup::label_encoder,
    ),
    operator(
        "ai.onnx.ml.LinearClassifier",
        &[
            ("classlabels_ints", Ints),
            ("classlabels_strings", Strings),
            ("coefficients", Floats),
            ("intercepts", Floats),
            ("multi_class", Int),
            ("post_transform", Text),
        ],
        1,
        linear::linear_classifier,
    ),
    operator(
        "ai.onnx.ml.LinearRegressor",
        &[
            ("coefficients", Floats),
            ("intercepts", Floats),
            ("post_transform", Text),
            ("targets", Int),
        ],
        1,
        linear::linear_regressor,
    ),
    operator(
        "ai.onnx.ml.Normalizer",
        &[("norm", Text)],
        1,
        reduce::normalizer,
    ),
    operator(
        "ai.onnx.ml.Scaler",
        &[("offset", Floats), ("scale", Floats)],
        1,
        scaling::scaler,
    ),
    operator(
        "ai.onnx.ml.SVMClassifier",
        &[
            ("classlabels_ints", Ints),
            ("classlabels_strings", Strings),
            ("coefficients", Floats),
            ("kernel_params", Floats),
            ("kernel_type", Text),
            ("post_transform", Text),
            ("prob_a", Floats),
            ("prob_b", Floats),
            ("rho", Floats),
            ("support_vectors", Floats),
            ("vectors_per_class", Ints),
        ],
        1,
        svm::classifier,
    ),
    operator(
        "ai.onnx.ml.SVMRegressor",
        &[
            ("coefficients", Floats),
            ("kernel_params", Floats),
            ("kernel_type", Text),
            ("n_supports", Int),
            ("one_class", Int),
            ("post_transform", Text),
            ("rho", Floats),
            ("support_vectors", Floats),
        ],
        1,
        svm::regressor,
    ),
    operator(
        "ai.onnx.ml.TreeEnsemble",
        &[
            ("aggregate_function", Int),
            ("leaf_targetids", Ints),
            ("leaf_weights", Constant),
            ("n_targets", Int),
            ("nodes_falseleafs", Ints),
            ("nodes_falsenodeids", Ints),
            ("nodes_featureids", Ints),
            ("nodes_hitrates", Constant),
            ("nodes_missing_value_tracks_true", Ints),
            ("nodes_modes", Constant),
            ("nodes_splits", Constant),
            ("nodes_trueleafs", Ints),
            ("nodes_truenodeids", Ints),
            ("post_transform", Int),
            ("tree_roots", Ints),
        ],
        1,
        |call| trees::evaluate(call, trees::ensemble),
    ),
    operator(
        "ai.onnx.ml.TreeEnsembleClassifier",
        &[
            ("base_values", Floats),
            ("base_values_as_tensor", Constant),
            ("class_ids", Ints),
            ("class_nodeids", Ints),
            ("class_treeids", Ints),
            ("class_weights", Floats),
            ("class_weights_as_tensor", Constant),
            ("classlabels_int64s", Ints),
            ("classlabels_strings", Strings),
            ("nodes_falsenodeids", Ints),
            ("nodes_featureids", Ints),
            ("nodes_hitrates", Floats),
            ("nodes_hitrates_as_tensor", Constant),
            ("nodes_missing_value_tracks_true", Ints),
            ("nodes_modes", Strings),
            ("nodes_nodeids", Ints),
            ("nodes_treeids", Ints),
            ("nodes_truenodeids", Ints),
            ("nodes_values", Floats),
            ("nodes_values_as_tensor", Constant),
            ("post_transform", Text),
        ],
        1,
        |call| trees::evaluate(call, trees::classes),
    ),
    operator(
        "ai.onnx.ml.TreeEnsembleRegressor",
        &[
            ("aggregate_function", Text),
            ("base_values", Floats),
            ("base_values_as_tensor", Constant),
            ("n_targets", Int),
            ("nodes_falsenodeids", Ints),
            ("nodes_featureids", Ints),
            ("nodes_hitrates", Floats),
            ("nodes_hitrates_as_tensor", Constant),
            ("nodes_missing_value_tracks_true", Ints),
            ("nodes_modes", Strings),
            ("nodes_nodeids", Ints),
            ("nodes_treeids", Ints),
            ("nodes_truenodeids", Ints),
            ("nodes_values", Floats),
            ("nodes_values_as_tensor", Constant),
            ("post_transform", Text),
            ("target_ids", Ints),
            ("target_nodeids", Ints),
            ("target_treeids", Ints),
            ("target_weights", Floats),
            ("target_weights_as_tensor", Constant),
        ],
        1,
        |call| trees::evaluate(call, trees::regressor),
    ),
    operator(
        "ai.onnx.ml.ZipMap",
        &[
            ("classlabels_int64s", Ints),
            ("classlabels_strings", Strings),
        ],
        1,
        lookup::zip_map,
    ),
];

/// Evaluates a node.
pub(super) fn evaluate(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let node = call.node;
    let operator = OPERATORS
        .iter()
        .find(|operator| operator.name == node.operator)
        .ok_or_else(|| match node.operator.as_str() {
            "ai.onnx.ml.Imputer" => call.refuse("missing values are not filled in here; fill them in before, and export the model that stands behind the imputer"),
            "ai.onnx.ml.OneHotEncoder" | "ai.onnx.ml.CategoryMapper" | "ai.onnx.ml.DictVectorizer" => {
                call.refuse("categories are not encoded here; encode them as columns of numbers before, and export the model that stands behind the encoder")
            }
            _ => node.unsupported(),
        })?;
    for (name, kind) in node.attributes() {
        let known = operator.attributes.iter().find(|(known, _)| *known == name);
        match known {
            Some((_, expected)) if kind == 0 || kind == *expected as i32 => {}
            Some((_, expected)) => {
                return Err(call.refuse(format!(
                    "the attribute {name} is of kind {kind}, {} is expected",
                    *expected as i32
                )));
            }
            None => {
                return Err(call.refuse(format!(
                    "the attribute {name} is not supported, and may change what it computes; export the model with a current exporter"
                )));
            }
        }
    }
    if node.inputs.len() > operator.inputs {
        return Err(call.refuse(format!(
            "{} inputs; at most {} are supported",
            node.inputs.len(),
            operator.inputs
        )));
    }
    (operator.evaluate)(call)
}
