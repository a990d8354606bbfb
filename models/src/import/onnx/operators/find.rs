//! From a node to the operator that it means, in the version and with the attributes that are read.

use super::{DOMAINS, Domain, Evaluate, Operator};
use crate::import::onnx::call::{Call, Value};
use crate::import::onnx::error::OnnxError;

/// Evaluates a node, by an operator of these domains if there is one, and by a function instead of the importer's own.
pub(crate) fn evaluate_with(
    call: &Call<'_>,
    domains: &[Domain],
    instead: Option<Evaluate>,
) -> Result<Vec<Value>, OnnxError> {
    let operator = find(call, domains)?;
    check_attributes(call, operator)?;
    if call.node.inputs.len() > operator.inputs {
        return Err(call.refuse(format!(
            "{} inputs; at most {} are supported",
            call.node.inputs.len(),
            operator.inputs
        )));
    }
    instead.unwrap_or(operator.evaluate)(call)
}

/// The operator of a node, in the version that the file imports.
fn find<'a>(call: &Call<'_>, domains: &'a [Domain]) -> Result<&'a Operator, OnnxError> {
    let node = call.node;
    let (domain, name) = node
        .operator
        .rsplit_once('.')
        .unwrap_or(("ai.onnx", &node.operator));
    let all = || domains.iter().chain(&DOMAINS);
    let known = all().filter(|known| known.name == domain);
    let mut found = known.flat_map(|domain| {
        let named = domain.operators.iter().filter(|known| known.name == name);
        named.map(move |operator| (domain, operator))
    });
    let (domain, operator) = found.next().ok_or_else(|| match node.operator.as_str() {
        "ai.onnx.ml.CategoryMapper" | "ai.onnx.ml.DictVectorizer" => {
            call.refuse("categories are not encoded here; encode them as columns of numbers before, and export the model that stands behind the encoder")
        }
        _ => node.unsupported(),
    })?;
    let (first, last) = (operator.since, domain.latest);
    match node.version {
        Some(version) if (first..=last).contains(&version) => Ok(operator),
        Some(version) => Err(call.refuse(format!(
            "version {version} of the operators of {}; {first} to {last} are known for this one: convert the file \
             (onnx.version_converter) or export it with such a version",
            domain.name
        ))),
        None => Err(call.refuse(format!(
            "the file does not say which version of the operators of {} it means (opset_import)",
            domain.name
        ))),
    }
}

fn check_attributes(call: &Call<'_>, operator: &Operator) -> Result<(), OnnxError> {
    for (name, kind) in call.node.attributes() {
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
    Ok(())
}
