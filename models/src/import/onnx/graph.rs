//! The graph behind its door: names resolved, attributes typed, tensors decoded.

use std::collections::HashMap;

use prost::Message;

use super::element::Element;
use super::error::OnnxError;
use super::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto};
use super::tensor::Tensor;

/// A decoded graph.
#[derive(Debug)]
pub(super) struct Graph {
    /// Inputs that are not initializers, in order.
    pub(super) inputs: Vec<Input>,
    /// Initializers by name.
    pub(super) constants: HashMap<String, Tensor>,
    /// In the order of the file, which ONNX requires to be an order of evaluation.
    pub(super) nodes: Vec<Node>,
    /// Names of the outputs.
    pub(super) outputs: Vec<String>,
    /// The program that wrote the file.
    pub(super) producer: String,
}

/// A graph input of shape `[rows, width]`, or `[rows, sizes …]` of so many columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) name: String,
    /// Number of columns, where the file says it.
    pub(super) width: Option<usize>,
    /// Its sizes behind the rows, if there are several.
    pub(super) shape: Vec<usize>,
    /// Type of the elements; single precision where the file does not say it.
    pub(super) element: Element,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Node {
    /// Name and position, for errors.
    pub(super) label: String,
    /// Name of the operator, with its domain unless that is `ai.onnx`.
    pub(super) operator: String,
    /// Version of the operators of its domain, if the file says it.
    pub(super) version: Option<i64>,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    attributes: HashMap<String, AttributeProto>,
    /// Attributes that are graphs.
    bodies: HashMap<String, Result<Graph, OnnxError>>,
}

/// The version of each operator set that the file means.
type Versions<'a> = HashMap<&'a str, Option<i64>>;

impl Graph {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, OnnxError> {
        let not_onnx = |message: &str| OnnxError::Decode {
            message: message.to_owned(),
        };
        let model = ModelProto::decode(bytes).map_err(|e| not_onnx(&e.to_string()))?;
        let graph = model.graph.ok_or_else(|| not_onnx("it has no graph"))?;
        if graph.node.is_empty() {
            return Err(not_onnx("its graph has no nodes"));
        }
        if let Some(function) = model.functions.first() {
            let message = format!(
                "it defines an operator of its own, `{}`; inline it (onnx.inliner.inline_local_functions)",
                function.name
            );
            return Err(OnnxError::Graph { message });
        }
        let versions = model.opset_import.iter();
        let versions = versions.map(|set| (domain(&set.domain), set.version));
        Self::new(graph, &versions.collect(), model.producer_name, Input::new)
    }

    fn new(
        graph: GraphProto,
        versions: &Versions<'_>,
        producer: String,
        input: fn(ValueInfoProto) -> Result<Input, OnnxError>,
    ) -> Result<Self, OnnxError> {
        let mut constants = HashMap::new();
        for tensor in &graph.initializer {
            if constants
                .insert(tensor.name.clone(), Tensor::new(tensor)?)
                .is_some()
            {
                let message = format!("the initializer `{}` is there twice", tensor.name);
                return Err(OnnxError::Graph { message });
            }
        }
        let inputs = graph
            .input
            .into_iter()
            .filter(|i| !constants.contains_key(&i.name));
        let nodes = graph.node.into_iter().enumerate();
        let nodes = nodes.map(|(at, node)| Node::new(node, at, versions));
        Ok(Self {
            inputs: inputs.map(input).collect::<Result<_, _>>()?,
            nodes: nodes.collect::<Result<_, _>>()?,
            constants,
            outputs: graph.output.into_iter().map(|output| output.name).collect(),
            producer,
        })
    }
}

/// The name of a domain; empty stands for `ai.onnx`.
fn domain(name: &str) -> &str {
    if name.is_empty() { "ai.onnx" } else { name }
}

impl Input {
    /// Of the body of a loop, which is called with tensors.
    fn of_body(info: ValueInfoProto) -> Result<Self, OnnxError> {
        Ok(Self {
            name: info.name,
            width: None,
            shape: Vec::new(),
            element: Element::Float32,
        })
    }

    fn new(info: ValueInfoProto) -> Result<Self, OnnxError> {
        let name = info.name;
        let refuse = |message: String| OnnxError::Graph {
            message: format!("the input `{name}` {message}"),
        };
        let tensor_type = info.r#type.and_then(|t| t.tensor_type);
        let element = match tensor_type.as_ref().map_or(0, |t| t.elem_type) {
            0 => Element::Float32,
            number => Element::from_number(number.into()).ok_or_else(|| {
                refuse(format!(
                    "has elements of type {number}, which are no features; export it with float32"
                ))
            })?,
        };
        let shape = tensor_type.and_then(|t| t.shape);
        if let Some(shape) = shape.as_ref().filter(|shape| shape.dim.len() == 1) {
            return Err(refuse(format!(
                "has {} dimensions; export it with a shape [None, columns]",
                shape.dim.len()
            )));
        }
        let dims = shape.map(|shape| shape.dim).unwrap_or_default();
        let sizes = dims.iter().skip(1).map(|dim| dim.dim_value);
        let sizes = sizes.map(|size| usize::try_from(size?).ok().filter(|&size| size > 0));
        let sizes: Vec<Option<usize>> = sizes.collect();
        if sizes.len() > 1 {
            let shape: Option<Vec<usize>> = sizes.iter().copied().collect();
            let shape = shape.ok_or_else(|| {
                refuse("has sizes that are not fixed; export it with only the number of rows left open".to_owned())
            })?;
            let width = shape
                .iter()
                .try_fold(1_usize, |n, &size| n.checked_mul(size));
            return Ok(Self {
                width: Some(width.unwrap_or(usize::MAX)),
                shape,
                name,
                element,
            });
        }
        let width = sizes.first().copied().flatten();
        Ok(Self {
            width,
            shape: Vec::new(),
            name,
            element,
        })
    }
}

impl Node {
    fn new(node: NodeProto, at: usize, versions: &Versions<'_>) -> Result<Self, OnnxError> {
        let version = versions.get(domain(&node.domain)).copied().flatten();
        let label = if node.name.is_empty() {
            format!("node {at}")
        } else {
            format!("node {at} `{}`", node.name)
        };
        let operator = match domain(&node.domain) {
            "ai.onnx" => node.op_type,
            domain => format!("{domain}.{}", node.op_type),
        };
        let mut attributes = HashMap::new();
        let mut bodies = HashMap::new();
        let mut twice = None;
        for mut attribute in node.attribute {
            let name = attribute.name.clone();
            if let Some(body) = attribute.g.take() {
                let body = Graph::new(body, versions, String::new(), Input::of_body);
                bodies.insert(name.clone(), body);
            }
            if attributes.insert(name.clone(), attribute).is_some() {
                twice = Some(name);
            }
        }
        let node = Self {
            label,
            operator,
            version,
            inputs: node.input,
            outputs: node.output,
            attributes,
            bodies,
        };
        match twice {
            None => Ok(node),
            Some(name) => Err(node.refuse(format!("the attribute {name} is there twice"))),
        }
    }

    /// An error about how this node uses its operator.
    pub(super) fn refuse(&self, message: impl Into<String>) -> OnnxError {
        OnnxError::Usage {
            node: self.label.clone(),
            operator: self.operator.clone(),
            message: message.into(),
        }
    }

    /// An error that says that its operator is not supported.
    pub(super) fn unsupported(&self) -> OnnxError {
        OnnxError::Operator {
            node: self.label.clone(),
            operator: self.operator.clone(),
        }
    }

    /// The attribute's numbers; empty if it is not there.
    pub(super) fn floats(&self, name: &str) -> Vec<f64> {
        self.attributes
            .get(name)
            .map(|a| a.floats.iter().map(|&x| f64::from(x)).collect())
            .unwrap_or_default()
    }

    /// The attribute's integers; empty if it is not there.
    pub(super) fn ints(&self, name: &str) -> &[i64] {
        self.attributes.get(name).map_or(&[], |a| &a.ints)
    }

    /// The attribute's strings; empty if it is not there.
    pub(super) fn strings(&self, name: &str) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.attributes
            .get(name)
            .map(|a| a.strings.iter().map(text).collect())
            .unwrap_or_default()
    }

    /// The attribute's integer, if it is there.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.attributes.get(name).map(|a| a.i)
    }

    /// The attribute's number, if it is there.
    pub(super) fn float(&self, name: &str) -> Option<f64> {
        self.attributes.get(name).map(|a| f64::from(a.f))
    }

    /// The attribute's string, if it is there.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.attributes
            .get(name)
            .map(|a| String::from_utf8_lossy(&a.s).into_owned())
    }

    /// The attribute's tensor, if it is there.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<Tensor>, OnnxError> {
        self.attributes
            .get(name)
            .and_then(|a| a.t.as_ref())
            .map(Tensor::new)
            .transpose()
    }

    /// The attribute's graph, if it is there.
    pub(super) fn body(&self, name: &str) -> Result<Option<&Graph>, OnnxError> {
        let body = self.bodies.get(name).map(Result::as_ref);
        body.transpose().map_err(OnnxError::clone)
    }

    /// Attributes that are graphs.
    pub(super) fn graphs(&self) -> impl Iterator<Item = &Graph> {
        self.bodies.values().filter_map(|body| body.as_ref().ok())
    }

    /// Names of the attributes and their `AttributeType`, 0 where the file leaves it out.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, i32)> {
        self.attributes
            .iter()
            .map(|(name, a)| (name.as_str(), a.r#type))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    /// Class labels as `classlabels_ints`, `classlabels_int64s` or `classlabels_strings` give them.
    pub(super) fn class_labels(&self) -> Vec<String> {
        let ints = ["classlabels_ints", "classlabels_int64s"]
            .iter()
            .flat_map(|name| self.ints(name));
        let mut labels: Vec<String> = ints.map(i64::to_string).collect();
        labels.extend(self.strings("classlabels_strings"));
        labels
    }
}
