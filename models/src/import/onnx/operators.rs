//! The operators: their names, the versions and attributes that are read, the inputs they take, and what evaluates them.
//!
//! An attribute that is not listed is an error, for it might change what the operator computes; so is a version before the
//! one that gave the operator its present meaning, or behind the last one that is known.

mod activation;
mod broadcast;
mod convolution;
mod elementwise;
mod encode;
mod find;
mod folding;
pub(super) mod linear;
mod lookup;
mod ml;
mod movement;
mod product;
mod quantize;
mod reduce;
mod scaling;
mod shape;
mod svm;
mod unary;

use super::call::{Call, Value};
use super::error::OnnxError;
use crate::network::Activation;
pub(super) use broadcast::broadcast;
pub(super) use elementwise::{apply, typed};
pub(super) use find::evaluate_with;
pub(super) use folding::Binary;
pub(super) use lookup::class_data;
use reduce::Reduction;
use unary::Unary;
pub(super) use unary::converted;

/// What evaluates a node: the values of its outputs, in order.
pub(super) type Evaluate = fn(&Call<'_>) -> Result<Vec<Value>, OnnxError>;

/// Kinds of attributes, as `AttributeProto.AttributeType` numbers them.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Float = 1,
    Int = 2,
    String = 3,
    Tensor = 4,
    Graph = 5,
    Floats = 6,
    Ints = 7,
    Strings = 8,
}

pub(super) struct Operator {
    name: &'static str,
    /// First version of the operator set in which a node with these attributes, or without them, means what is evaluated here.
    since: i64,
    attributes: &'static [(&'static str, Kind)],
    /// Most inputs.
    inputs: usize,
    evaluate: Evaluate,
}

use Kind::{Float, Floats, Int, Ints, String as Text, Strings, Tensor as Constant};

const ANY: usize = usize::MAX;
pub(super) const NONE: &[(&str, Kind)] = &[];
pub(super) const AXIS: &[(&str, Kind)] = &[("axis", Int)];
const AXES: &[(&str, Kind)] = &[("axes", Ints)];
pub(super) const GEMM: &[(&str, Kind)] = &[
    ("alpha", Float),
    ("beta", Float),
    ("transA", Int),
    ("transB", Int),
];
pub(super) const REDUCE: &[(&str, Kind)] = &[
    ("axes", Ints),
    ("keepdims", Int),
    ("noop_with_empty_axes", Int),
];

pub(super) const fn operator(
    name: &'static str,
    since: i64,
    attributes: &'static [(&'static str, Kind)],
    inputs: usize,
    evaluate: Evaluate,
) -> Operator {
    Operator {
        name,
        since,
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
    ($name:literal, $since:literal, $activation:ident) => {
        operator($name, $since, NONE, 1, |call| {
            activation::evaluate(call, Activation::$activation, 1.0)
        })
    };
}

const OPERATORS: &[Operator] = &[
    operator("Abs", 1, NONE, 1, |call| unary::evaluate(call, Unary::Abs)),
    operator("Add", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Add)
    }),
    operator("And", 7, NONE, 2, |call| {
        elementwise::binary(call, Binary::And)
    }),
    operator(
        "ArgMax",
        1,
        &[("axis", Int), ("keepdims", Int), ("select_last_index", Int)],
        1,
        reduce::arg_max,
    ),
    operator("AveragePool", 1, WINDOWS, 1, |call| {
        convolution::average_pool(call, false)
    }),
    operator(
        "BatchNormalization",
        7,
        &[
            ("epsilon", Float),
            ("momentum", Float),
            ("training_mode", Int),
        ],
        5,
        linear::batch_normalization,
    ),
    operator("Cast", 6, &[("to", Int), ("saturate", Int)], 1, unary::cast),
    operator("CastLike", 15, &[("saturate", Int)], 2, unary::cast_like),
    operator(
        "Clip",
        1,
        &[("min", Float), ("max", Float)],
        3,
        scaling::clip,
    ),
    operator("Concat", 4, AXIS, ANY, movement::concat),
    operator(
        "Constant",
        1,
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
        9,
        &[("value", Constant)],
        1,
        shape::constant_of_shape,
    ),
    operator(
        "Conv",
        1,
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
    operator("Div", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Div)
    }),
    operator(
        "DequantizeLinear",
        10,
        &[("axis", Int), ("block_size", Int)],
        3,
        quantize::dequantize_linear,
    ),
    operator(
        "Dropout",
        7,
        &[("ratio", Float), ("seed", Int)],
        3,
        shape::dropout,
    ),
    operator("Elu", 1, &[("alpha", Float)], 1, activation::elu),
    operator("Equal", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Equal)
    }),
    fixed!("Erf", 9, Erf),
    operator("Exp", 1, NONE, 1, |call| unary::evaluate(call, Unary::Exp)),
    operator("Flatten", 1, AXIS, 1, shape::flatten),
    operator("Gather", 1, AXIS, 2, lookup::gather),
    operator("Gelu", 20, &[("approximate", Text)], 1, activation::gelu),
    operator("Gemm", 1, GEMM, 3, linear::gemm),
    operator("GlobalAveragePool", 1, NONE, 1, |call| {
        convolution::average_pool(call, true)
    }),
    operator("GlobalMaxPool", 1, NONE, 1, |call| {
        convolution::max_pool(call, true)
    }),
    operator("Greater", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Greater)
    }),
    operator("GreaterOrEqual", 12, NONE, 2, |call| {
        elementwise::binary(call, Binary::GreaterOrEqual)
    }),
    operator(
        "HardSigmoid",
        1,
        &[("alpha", Float), ("beta", Float)],
        1,
        activation::hard_sigmoid,
    ),
    fixed!("HardSwish", 14, HardSwish),
    operator("IsNaN", 9, NONE, 1, |call| {
        unary::evaluate(call, Unary::IsNaN)
    }),
    operator("Identity", 1, NONE, 1, shape::identity),
    operator(
        "LeakyRelu",
        1,
        &[("alpha", Float)],
        1,
        activation::leaky_relu,
    ),
    operator("Less", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Less)
    }),
    operator("LessOrEqual", 12, NONE, 2, |call| {
        elementwise::binary(call, Binary::LessOrEqual)
    }),
    operator("Log", 1, NONE, 1, |call| unary::evaluate(call, Unary::Log)),
    operator(
        "LpNormalization",
        1,
        &[("axis", Int), ("p", Int)],
        1,
        reduce::lp_normalization,
    ),
    operator("MatMul", 1, NONE, 2, linear::mat_mul),
    operator("Max", 1, NONE, ANY, |call| {
        elementwise::variadic(call, Binary::Max)
    }),
    operator("MaxPool", 1, WINDOWS, 1, |call| {
        convolution::max_pool(call, false)
    }),
    operator("Mean", 1, NONE, ANY, elementwise::mean),
    operator("Min", 1, NONE, ANY, |call| {
        elementwise::variadic(call, Binary::Min)
    }),
    fixed!("Mish", 18, Mish),
    operator("Mod", 10, &[("fmod", Int)], 2, elementwise::remainder),
    operator("Mul", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Mul)
    }),
    operator("Neg", 1, NONE, 1, |call| unary::evaluate(call, Unary::Neg)),
    operator("Not", 1, NONE, 1, |call| unary::evaluate(call, Unary::Not)),
    operator("Or", 7, NONE, 2, |call| {
        elementwise::binary(call, Binary::Or)
    }),
    operator("PRelu", 7, NONE, 2, activation::p_relu),
    operator(
        "Pad",
        2,
        &[("mode", Text), ("pads", Ints), ("value", Float)],
        4,
        convolution::pad,
    ),
    operator("Pow", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Pow)
    }),
    operator(
        "QuantizeLinear",
        10,
        &[
            ("axis", Int),
            ("block_size", Int),
            ("output_dtype", Int),
            ("saturate", Int),
        ],
        3,
        quantize::quantize_linear,
    ),
    operator("Reciprocal", 1, NONE, 1, |call| {
        unary::evaluate(call, Unary::Reciprocal)
    }),
    operator("ReduceMean", 1, REDUCE, 2, |call| {
        reduce::reduce(call, Reduction::Mean)
    }),
    operator("ReduceProd", 1, REDUCE, 2, product::reduce),
    operator("ReduceSum", 1, REDUCE, 2, |call| {
        reduce::reduce(call, Reduction::Sum)
    }),
    fixed!("Relu", 1, Relu),
    operator("Reshape", 5, &[("allowzero", Int)], 2, shape::reshape),
    operator(
        "Selu",
        6,
        &[("alpha", Float), ("gamma", Float)],
        1,
        activation::selu,
    ),
    operator("Shape", 1, NONE, 1, shape::shape),
    operator("Sigmoid", 1, NONE, 1, |call| {
        unary::evaluate(call, Unary::Sigmoid)
    }),
    fixed!("Sign", 9, Sign),
    operator(
        "Slice",
        1,
        &[("starts", Ints), ("ends", Ints), ("axes", Ints)],
        5,
        movement::slice,
    ),
    operator("Softmax", 1, AXIS, 1, reduce::softmax),
    fixed!("Softplus", 1, Softplus),
    fixed!("Softsign", 1, Softsign),
    operator(
        "Split",
        1,
        &[("axis", Int), ("split", Ints), ("num_outputs", Int)],
        2,
        movement::split,
    ),
    operator("Sqrt", 1, NONE, 1, |call| {
        unary::evaluate(call, Unary::Sqrt)
    }),
    operator("Squeeze", 1, AXES, 2, shape::squeeze),
    operator("Sub", 1, NONE, 2, |call| {
        elementwise::binary(call, Binary::Sub)
    }),
    operator("Sum", 1, NONE, ANY, |call| {
        elementwise::variadic(call, Binary::Add)
    }),
    fixed!("Tanh", 1, Tanh),
    operator("Transpose", 1, &[("perm", Ints)], 1, movement::transpose),
    operator("Unsqueeze", 1, AXES, 2, shape::unsqueeze),
    operator("Where", 9, NONE, 3, elementwise::select),
    operator("Xor", 7, NONE, 2, |call| {
        elementwise::binary(call, Binary::Xor)
    }),
];

/// An operator set: its domain, the last version that is known, and its operators.
pub(super) struct Domain {
    name: &'static str,
    latest: i64,
    operators: &'static [Operator],
}

/// Versions as of ONNX 1.23.
const DOMAINS: [Domain; 5] = [
    Domain {
        name: "ai.onnx",
        latest: 28,
        operators: OPERATORS,
    },
    Domain {
        name: "ai.onnx.ml",
        latest: 5,
        operators: ml::OPERATORS,
    },
    quantizers("onnx.brevitas"),
    quantizers("qonnx.custom_op.general"),
    quantizers("finn.custom_op.general"),
];

/// A domain with operators beside those of the importer.
pub(super) const fn domain(name: &'static str, operators: &'static [Operator]) -> Domain {
    let latest = match name.as_bytes() {
        b"ai.onnx" => 28,
        b"ai.onnx.ml" => 5,
        _ => 1,
    };
    Domain {
        name,
        latest,
        operators,
    }
}

/// A domain in which Brevitas and QONNX have had one and the same operator.
const fn quantizers(name: &'static str) -> Domain {
    const OPERATORS: &[Operator] = &[operator(
        "Quant",
        1,
        &[("narrow", Int), ("rounding_mode", Text), ("signed", Int)],
        4,
        quantize::brevitas_quant,
    )];
    Domain {
        name,
        latest: 2,
        operators: OPERATORS,
    }
}

/// Evaluates a node.
pub(super) fn evaluate(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    evaluate_with(call, &[], None)
}

#[cfg(test)]
mod tests;
