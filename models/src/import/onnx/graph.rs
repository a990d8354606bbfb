//! The graph behind its door: names resolved, attributes typed, tensors decoded.

use std::collections::HashMap;

use prost::Message;

use super::error::OnnxError;
use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto,
};

/// A decoded graph.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Inputs that are not initializers, in order.
    pub(crate) inputs: Vec<Input>,
    /// Initializers by name.
    pub(crate) constants: HashMap<String, Tensor>,
    /// In the order of the file, which ONNX requires to be an order of evaluation.
    pub(crate) nodes: Vec<Node>,
    /// Names of the outputs.
    pub(crate) outputs: Vec<String>,
}

/// A graph input of shape `[rows, width]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Input {
    pub(crate) name: String,
    /// Number of columns, where the file says it.
    pub(crate) width: Option<usize>,
    /// Type number of the elements, as in `TensorProto.DataType`; 0 where the file does not say it.
    pub(crate) element_type: i32,
}

/// One operation.
#[derive(Debug)]
pub(crate) struct Node {
    /// Name and position, for errors.
    pub(crate) label: String,
    /// Name of the operator, with its domain unless that is `ai.onnx`.
    pub(crate) operator: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    attributes: HashMap<String, AttributeProto>,
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Data,
}

/// The elements of a constant, the last dimension fastest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Data {
    Numbers(Vec<f64>),
    Strings(Vec<String>),
}

impl Graph {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, OnnxError> {
        let not_onnx = |message: &str| OnnxError::Decode {
            message: message.to_owned(),
        };
        let model = ModelProto::decode(bytes).map_err(|e| not_onnx(&e.to_string()))?;
        let graph = model.graph.ok_or_else(|| not_onnx("it has no graph"))?;
        if graph.node.is_empty() {
            return Err(not_onnx("its graph has no nodes"));
        }
        Self::new(graph)
    }

    fn new(graph: GraphProto) -> Result<Self, OnnxError> {
        let mut constants = HashMap::new();
        for tensor in graph.initializer {
            constants.insert(tensor.name.clone(), Tensor::new(tensor)?);
        }
        let inputs: Vec<ValueInfoProto> = graph
            .input
            .into_iter()
            .filter(|i| !constants.contains_key(&i.name))
            .collect();
        let nodes = graph
            .node
            .into_iter()
            .enumerate()
            .map(|(at, node)| Node::new(node, at))
            .collect();
        Ok(Self {
            inputs: inputs.into_iter().map(Input::new).collect(),
            constants,
            nodes,
            outputs: graph.output.into_iter().map(|output| output.name).collect(),
        })
    }
}

impl Input {
    fn new(info: ValueInfoProto) -> Self {
        let tensor_type = info.r#type.and_then(|t| t.tensor_type);
        let element_type = tensor_type.as_ref().map_or(0, |t| t.elem_type);
        let shape = tensor_type.and_then(|t| t.shape);
        let width = shape
            .filter(|shape| shape.dim.len() == 2)
            .and_then(|shape| shape.dim[1].dim_value);
        Self {
            name: info.name,
            width: width
                .and_then(|w| usize::try_from(w).ok())
                .filter(|&w| w > 0),
            element_type,
        }
    }
}

impl Node {
    fn new(node: NodeProto, at: usize) -> Self {
        let label = if node.name.is_empty() {
            format!("node {at}")
        } else {
            format!("node {at} `{}`", node.name)
        };
        let operator = match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type,
            domain => format!("{domain}.{}", node.op_type),
        };
        let attributes = node
            .attribute
            .into_iter()
            .map(|a| (a.name.clone(), a))
            .collect();
        Self {
            label,
            operator,
            inputs: node.input,
            outputs: node.output,
            attributes,
        }
    }

    /// An error about how this node uses its operator.
    pub(crate) fn refuse(&self, message: impl Into<String>) -> OnnxError {
        OnnxError::Usage {
            node: self.label.clone(),
            operator: self.operator.clone(),
            message: message.into(),
        }
    }

    /// An error that says that its operator is not supported.
    pub(crate) fn unsupported(&self) -> OnnxError {
        OnnxError::Operator {
            node: self.label.clone(),
            operator: self.operator.clone(),
        }
    }

    /// The attribute's numbers; empty if it is not there.
    pub(crate) fn floats(&self, name: &str) -> Vec<f64> {
        self.attributes
            .get(name)
            .map(|a| a.floats.iter().map(|&x| f64::from(x)).collect())
            .unwrap_or_default()
    }

    /// The attribute's integers; empty if it is not there.
    pub(crate) fn ints(&self, name: &str) -> &[i64] {
        self.attributes.get(name).map_or(&[], |a| &a.ints)
    }

    /// The attribute's strings; empty if it is not there.
    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.attributes
            .get(name)
            .map(|a| a.strings.iter().map(text).collect())
            .unwrap_or_default()
    }

    /// The attribute's integer, if it is there.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.attributes.get(name).map(|a| a.i)
    }

    /// The attribute's number, if it is there.
    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        self.attributes.get(name).map(|a| f64::from(a.f))
    }

    /// The attribute's string, if it is there.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        self.attributes
            .get(name)
            .map(|a| String::from_utf8_lossy(&a.s).into_owned())
    }

    /// The attribute's tensor, if it is there.
    pub(crate) fn tensor(&self, name: &str) -> Result<Option<Tensor>, OnnxError> {
        self.attributes
            .get(name)
            .and_then(|a| a.t.clone())
            .map(Tensor::new)
            .transpose()
    }

    /// Class labels as `classlabels_ints`, `classlabels_int64s` or `classlabels_strings` give them.
    pub(crate) fn class_labels(&self) -> Vec<String> {
        let ints = ["classlabels_ints", "classlabels_int64s"]
            .iter()
            .flat_map(|name| self.ints(name));
        let mut labels: Vec<String> = ints.map(i64::to_string).collect();
        labels.extend(self.strings("classlabels_strings"));
        labels
    }
}

impl Tensor {
    fn new(proto: TensorProto) -> Result<Self, OnnxError> {
        let name = proto.name.clone();
        let refuse = |message: String| OnnxError::Tensor {
            name: name.clone(),
            message,
        };
        if proto.data_location != 0 {
            return Err(refuse(
                "its data is in another file; save the model as one file".to_owned(),
            ));
        }
        let shape: Option<Vec<usize>> = proto
            .dims
            .iter()
            .map(|&d| usize::try_from(d).ok())
            .collect();
        let shape = shape
            .ok_or_else(|| refuse(format!("the shape {:?} has a negative size", proto.dims)))?;
        let data = data(&proto).map_err(refuse)?;
        let found = match &data {
            Data::Numbers(values) => values.len(),
            Data::Strings(values) => values.len(),
        };
        let expected = shape
            .iter()
            .try_fold(1_usize, |size, &d| size.checked_mul(d));
        if expected != Some(found) {
            return Err(refuse(format!(
                "{found} elements do not fill the shape {shape:?}"
            )));
        }
        Ok(Self { shape, data })
    }

    pub(crate) fn vector(values: Vec<f64>) -> Self {
        Self {
            shape: vec![values.len()],
            data: Data::Numbers(values),
        }
    }

    /// The elements, if they are numbers.
    pub(crate) fn numbers(&self) -> Option<&[f64]> {
        match &self.data {
            Data::Numbers(values) => Some(values),
            Data::Strings(_) => None,
        }
    }

    /// The elements as integers, if they are.
    pub(crate) fn integers(&self) -> Option<Vec<i64>> {
        #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^53")]
        let integer = |x: &f64| (x.fract() == 0.0 && x.abs() < 9e15).then_some(*x as i64);
        self.numbers()?.iter().map(integer).collect()
    }

    /// The elements as class labels.
    pub(crate) fn labels(&self) -> Option<Vec<String>> {
        match &self.data {
            Data::Strings(labels) => Some(labels.clone()),
            Data::Numbers(_) => Some(self.integers()?.iter().map(i64::to_string).collect()),
        }
    }
}

/// Elements from whichever field holds them. Type numbers are those of `TensorProto.DataType`.
fn data(proto: &TensorProto) -> Result<Data, String> {
    const STRING: i32 = 8;
    if proto.data_type == STRING {
        let strings = proto
            .string_data
            .iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        return Ok(Data::Strings(strings.collect()));
    }
    if let Some(raw) = &proto.raw_data {
        return raw_numbers(raw, proto.data_type).map(Data::Numbers);
    }
    let numbers = match proto.data_type {
        1 => proto.float_data.iter().map(|&x| f64::from(x)).collect(),
        2 | 3 | 4 | 5 | 6 | 9 => proto.int32_data.iter().map(|&x| f64::from(x)).collect(),
        7 => proto.int64_data.iter().map(|&x| x as f64).collect(),
        11 => proto.double_data.clone(),
        other => {
            return Err(format!(
                "elements of type {other} are not supported; use float, double or integers"
            ));
        }
    };
    Ok(Data::Numbers(numbers))
}

fn raw_numbers(raw: &[u8], data_type: i32) -> Result<Vec<f64>, String> {
    fn each<const N: usize>(raw: &[u8], read: impl Fn([u8; N]) -> f64) -> Result<Vec<f64>, String> {
        let (elements, rest) = raw.as_chunks::<N>();
        if !rest.is_empty() {
            return Err(format!(
                "{} raw bytes are no whole number of elements of {N}",
                raw.len()
            ));
        }
        Ok(elements.iter().map(|bytes| read(*bytes)).collect())
    }
    match data_type {
        1 => each(raw, |b| f64::from(f32::from_le_bytes(b))),
        2 | 9 => each(raw, |[b]| f64::from(b)),
        3 => each(raw, |b| f64::from(i8::from_le_bytes(b))),
        4 => each(raw, |b| f64::from(u16::from_le_bytes(b))),
        5 => each(raw, |b| f64::from(i16::from_le_bytes(b))),
        6 => each(raw, |b| f64::from(i32::from_le_bytes(b))),
        7 => each(raw, |b| i64::from_le_bytes(b) as f64),
        11 => each(raw, f64::from_le_bytes),
        other => Err(format!(
            "elements of type {other} are not supported; use float, double or integers"
        )),
    }
}
