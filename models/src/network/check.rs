//! The door of networks.

use std::collections::HashSet;

use tenebra_quant::{Bins, Codec, Decision, InverseLink};

use super::{Activation, ActivationCodes, Layer, NetworkParts};
use crate::model::ModelError;

/// The most weights that are not 0, over all layers.
const MAX_WEIGHTS: usize = 1 << 24;
/// The most neurons of a layer, and features.
const MAX_WIDTH: usize = 1 << 20;
/// The largest integer weight.
const MAX_WEIGHT: f64 = 32_767.0;
/// The most values that the sums of a hidden neuron of a quantized network may take: a table has an entry for each.
pub(super) const MAX_SUMS: i64 = 1 << 16;
/// The largest magnitude of weights, scales, biases and levels: what a network computes of features of that size stays finite.
const MAX_REAL: f64 = 1e100;

pub(super) fn check(parts: &NetworkParts) -> Result<(), ModelError> {
    let n = parts.n_features;
    if n == 0 || parts.layers.is_empty() {
        let layers = parts.layers.len();
        return shape(format!(
            "{n} features and {layers} layers; at least one of each is needed"
        ));
    }
    if n > MAX_WIDTH {
        return shape(format!("{n} features, at most {MAX_WIDTH} are accepted"));
    }
    check_names(parts)?;
    check_inputs(parts)?;
    let weights: usize = parts
        .layers
        .iter()
        .flat_map(|l| &l.weights)
        .map(Vec::len)
        .sum();
    if weights > MAX_WEIGHTS {
        return shape(format!(
            "{weights} weights that are not 0, at most {MAX_WEIGHTS} are accepted"
        ));
    }
    let quantized = !parts.inputs.is_empty();
    let mut widths: Vec<i64> = parts
        .inputs
        .iter()
        .map(|input| {
            let (min, max) = input.code_range();
            min.abs().max(max.abs()).max(max - min)
        })
        .collect();
    if !quantized {
        widths = vec![0; n];
    }
    let last = parts.layers.len() - 1;
    for (at, layer) in parts.layers.iter().enumerate() {
        check_layer(layer, at, widths.len())?;
        if at == last
            && (layer.activation != Activation::Identity
                || !layer.activations.is_empty()
                || layer.codes.is_some()
                || !layer.own_codes.is_empty())
        {
            return shape(format!(
                "layer {} is the last: its scores are sums, without activation and codes; the inverse link comes after",
                at + 1
            ));
        }
        if at < last && quantized != layer.codes.is_some() {
            return shape(format!(
                "layer {}: codes of the inputs and of all hidden layers come together",
                at + 1
            ));
        }
        if quantized {
            check_integers(layer, at, &widths, at < last)?;
        }
        widths = layer.max_codes();
    }
    check_decision(parts, widths.len())
}

fn shape<T>(message: String) -> Result<T, ModelError> {
    Err(ModelError::Shape { message })
}

fn check_names(parts: &NetworkParts) -> Result<(), ModelError> {
    let outputs = parts.layers.last().map_or(0, |layer| layer.weights.len());
    let lists = [
        (&parts.feature_names, "feature", parts.n_features),
        (&parts.target_names, "target", outputs),
    ];
    for (names, what, expected) in lists {
        let Some(names) = names else { continue };
        let distinct: HashSet<&String> = names.iter().collect();
        if names.len() != expected || distinct.len() != expected {
            let (found, distinct) = (names.len(), distinct.len());
            return shape(format!(
                "{found} {what} names ({distinct} distinct) for {expected} {what}s"
            ));
        }
    }
    if parts.target_names.is_some() && !parts.classes.is_empty() {
        return shape("a classifier has no target names".to_owned());
    }
    Ok(())
}

fn check_inputs(parts: &NetworkParts) -> Result<(), ModelError> {
    for (at, input) in parts.inputs.iter().enumerate() {
        if input.column >= parts.n_features {
            let (column, n) = (input.column, parts.n_features);
            return shape(format!(
                "input {} is column {column} of {n} features, which count from 0",
                at + 1
            ));
        }
        if at > 0 && input.column <= parts.inputs[at - 1].column {
            return shape(format!(
                "input {}: columns ascend, each occurs once",
                at + 1
            ));
        }
        if input.missing.is_some() {
            return shape(format!(
                "input {}: a network has no code for missing values",
                at + 1
            ));
        }
        if let Codec::Bins { cuts, .. } = &input.codec
            && let Err(error) = Bins::new(cuts.as_slice())
        {
            return shape(format!("input {}: {error}", at + 1));
        }
    }
    Ok(())
}

fn finite(place: impl FnOnce() -> String, value: f64) -> Result<(), ModelError> {
    if value.abs() <= MAX_REAL {
        return Ok(());
    }
    let place = place();
    if value.is_finite() {
        return shape(format!(
            "{place} is {value:e}, at most {MAX_REAL:e} is accepted"
        ));
    }
    Err(ModelError::NotFinite { place, value })
}

fn check_layer(layer: &Layer, at: usize, inputs: usize) -> Result<(), ModelError> {
    let (number, neurons) = (at + 1, layer.weights.len());
    if neurons == 0 || neurons > MAX_WIDTH {
        return shape(format!(
            "layer {number} has {neurons} neurons; 1 to {MAX_WIDTH} are accepted"
        ));
    }
    for (list, what) in [(&layer.scale, "scales"), (&layer.bias, "biases")] {
        if list.len() != neurons {
            let found = list.len();
            return shape(format!(
                "layer {number} has {found} {what} for {neurons} neurons"
            ));
        }
    }
    for (neuron, weights) in layer.weights.iter().enumerate() {
        let place = || format!("layer {number}, neuron {}", neuron + 1);
        finite(|| place() + ": the scale", layer.scale[neuron])?;
        finite(|| place() + ": the bias", layer.bias[neuron])?;
        if layer.scale[neuron] < f64::MIN_POSITIVE {
            let scale = layer.scale[neuron];
            return shape(format!(
                "{}: the scale is {scale}, it must be positive",
                place()
            ));
        }
        for (index, &(j, weight)) in weights.iter().enumerate() {
            let place = || format!("{}: the weight of input {}", place(), j + 1);
            finite(place, weight)?;
            if j as usize >= inputs || weight == 0.0 || (index > 0 && weights[index - 1].0 >= j) {
                return shape(format!(
                    "{} is {weight}; weights are not 0 and ascend in inputs, of which there are {inputs}",
                    place()
                ));
            }
        }
    }
    let own = layer.activations.len();
    if own != 0 && own != layer.weights.len() {
        let neurons = layer.weights.len();
        return shape(format!(
            "layer {number} has {own} activations for {neurons} neurons"
        ));
    }
    let all = core::iter::once(&layer.activation).chain(&layer.activations);
    if let Some(fault) = all.into_iter().find_map(|activation| activation.fault()) {
        return shape(format!("layer {number}: {fault}"));
    }
    let own = layer.own_codes.len();
    if own != 0 && (own != neurons || layer.codes.is_none()) {
        return shape(format!(
            "layer {number} has {own} codes of their own for {neurons} neurons, beside those of the layer"
        ));
    }
    layer
        .codes
        .iter()
        .chain(&layer.own_codes)
        .try_for_each(|codes| check_codes(codes, number))
}

fn check_codes(codes: &ActivationCodes, number: usize) -> Result<(), ModelError> {
    finite(
        || format!("layer {number}: the activation of code 0"),
        codes.of_zero(),
    )?;
    if !(1..=8).contains(&codes.bits) {
        let bits = codes.bits;
        return shape(format!(
            "layer {number}: activations of {bits} bits; 1 to 8 are accepted"
        ));
    }
    if let Some(largest) = codes.largest
        && (largest == 0 || u32::from(largest) >= 1 << codes.bits)
    {
        let bits = codes.bits;
        return shape(format!(
            "layer {number}: the largest code is {largest}, codes of {bits} bits are accepted"
        ));
    }
    match codes.affine() {
        Ok(_) => Ok(()),
        Err(error) => shape(format!("layer {number}: {error}")),
    }
}

/// Integers for weights, sums that a table holds, and rounding that none of the arithmetic can meet.
fn check_integers(
    layer: &Layer,
    at: usize,
    widths: &[i64],
    hidden: bool,
) -> Result<(), ModelError> {
    for (neuron, weights) in layer.weights.iter().enumerate() {
        let place = || format!("layer {}, neuron {}", at + 1, neuron + 1);
        let mut reach: i64 = 0;
        for &(j, weight) in weights {
            if weight.fract() != 0.0 || weight.abs() > MAX_WEIGHT {
                return shape(format!(
                    "{}: the weight of input {} is {weight}; a quantized network has integers of at most {MAX_WEIGHT}",
                    place(),
                    j + 1
                ));
            }
            #[expect(clippy::cast_possible_truncation, reason = "a small integer")]
            let weight = weight.abs() as i64;
            reach = reach.saturating_add(weight.saturating_mul(widths[j as usize]));
        }
        if hidden && reach >= MAX_SUMS {
            return shape(format!(
                "{}: its sums reach over {reach}, a table over at most {MAX_SUMS} values; prune it, or use fewer bits",
                place()
            ));
        }
    }
    Ok(())
}

fn check_decision(parts: &NetworkParts, outputs: usize) -> Result<(), ModelError> {
    let classes = parts.classes.len();
    let (fits, wanted) = match parts.decision {
        Decision::None => (classes == 0, "none for a regression"),
        Decision::Threshold => (
            classes == 2 && outputs == 1,
            "2 and 1 output for a threshold",
        ),
        Decision::ArgMax => (
            classes == outputs && classes > 1,
            "one per output and at least 2",
        ),
    };
    if !fits {
        return shape(format!(
            "{classes} classes and {outputs} outputs; expected {wanted}"
        ));
    }
    let distinct: HashSet<&String> = parts.classes.iter().collect();
    if distinct.len() != classes {
        return shape("two classes have the same label".to_owned());
    }
    let fits = match parts.inverse_link {
        InverseLink::Identity | InverseLink::Sigmoid => true,
        InverseLink::Exp => parts.decision == Decision::None,
        InverseLink::SigmoidNormalized | InverseLink::Softmax => parts.decision == Decision::ArgMax,
    };
    if fits {
        return Ok(());
    }
    let (link, decision) = (parts.inverse_link, parts.decision);
    shape(format!(
        "the inverse link {link:?} does not go with {decision:?}"
    ))
}
