//! Networks whose file says how every value is quantized: taken as they are, integer by integer.

use alloc::collections::{BTreeMap, BTreeSet};

use tenebra_quant::{Affine, Bins, Codec};

use super::form::Form;
use super::layers::{Held, layers, needed, variables};
use super::neurons::{Neuron, neuron_of, variable_of};
use crate::network::{Activation, ActivationCodes, Layer};
use crate::quantized::InputCodec;

/// Largest integer that a weight of a quantizer is taken for.
const MAX_INTEGER: f64 = 32_767.0;
/// Largest integer of the smallest weight of a neuron.
const MAX_SMALLEST: u32 = 255;
/// Largest sum of the integers of an output whose weights are no multiples of one step.
const OUTPUT_REACH: f64 = 4_095.0;

/// Inputs and layers: those of the file's quantizers, else, with a note, a float network.
pub(super) fn network_layers(
    neurons: &[Neuron],
    outputs: &[Form],
    n_features: usize,
    notes: &mut Vec<String>,
) -> (Vec<InputCodec>, Vec<Layer>) {
    if neurons.iter().all(|neuron| neuron.codes.is_none()) {
        let features = (0..n_features).map(|j| (j, j)).collect();
        return (Vec::new(), layers(neurons, outputs, features));
    }
    match quantized(neurons, outputs) {
        Ok((inputs, layers, rounded)) => {
            if rounded {
                notes.push("the weights of the last layer are not quantized in the file; they are rounded to integers".to_owned());
            }
            (inputs, layers)
        }
        Err(reason) => {
            notes.push(format!(
                "the file's quantizers are left out, for {reason}: the network is read with float weights, and `compile` quantizes it on calibration rows"
            ));
            let (neurons, outputs) = without_codes(neurons, outputs);
            let features = (0..n_features).map(|j| (j, j)).collect();
            (Vec::new(), layers(&neurons, &outputs, features))
        }
    }
}

/// The same network without rounding; what only rounds is no neuron any more.
fn without_codes(neurons: &[Neuron], outputs: &[Form]) -> (Vec<Neuron>, Vec<Form>) {
    let mut forms: BTreeMap<usize, Form> = BTreeMap::new();
    let read = |form: &Form, forms: &BTreeMap<usize, Form>| {
        let mut sum = Form::constant(form.intercept);
        for (&variable, &weight) in &form.terms {
            match forms.get(&variable) {
                Some(inner) => sum.add_scaled(inner, weight),
                None => sum.add_scaled(&Form::variable(variable), weight),
            }
        }
        sum
    };
    let mut kept = Vec::with_capacity(neurons.len());
    for (at, neuron) in neurons.iter().enumerate() {
        let form = read(&neuron.form, &forms);
        if neuron.codes.is_some() && neuron.activation == Activation::Identity {
            forms.insert(variable_of(at), form.clone());
        }
        kept.push(Neuron {
            activation: neuron.activation,
            form,
            codes: None,
        });
    }
    let outputs = outputs.iter().map(|form| read(form, &forms)).collect();
    (kept, outputs)
}

/// Inputs, layers of integers, and whether weights of the last layer were rounded.
type Quantized = (Vec<InputCodec>, Vec<Layer>, bool);

fn quantized(neurons: &[Neuron], outputs: &[Form]) -> Result<Quantized, String> {
    let inputs = input_neurons(neurons, outputs)?;
    let columns: Vec<(usize, usize)> = inputs.iter().map(|(&column, &at)| (column, at)).collect();
    let held: Held = columns
        .iter()
        .enumerate()
        .map(|(place, &(_, at))| (variable_of(at), place))
        .collect();
    let codes = columns.iter().map(|&(_, at)| neurons[at].codes);
    let mut codes: Vec<ActivationCodes> = codes.flatten().collect();
    let inputs = columns
        .iter()
        .map(|&(column, at)| input(column, &neurons[at]))
        .collect::<Option<Vec<_>>>()
        .ok_or("a quantizer of the features has no codes here")?;
    let mut layers = layers(neurons, outputs, held);
    let last = layers.len() - 1;
    let mut rounded = false;
    for (at, layer) in layers.iter_mut().enumerate() {
        let own = (0..layer.weights.len()).map(|neuron| layer.codes_of(neuron));
        let own: Vec<Option<ActivationCodes>> = own.collect();
        if at < last && own.contains(&None) {
            return Err(format!("layer {} has a neuron without a quantizer", at + 1));
        }
        rounded |= integers(layer, at, at == last, &codes)?;
        codes = own.into_iter().flatten().collect();
    }
    Ok((inputs, layers, rounded))
}

/// By column, the neuron that quantizes a feature and nothing else.
fn input_neurons(neurons: &[Neuron], outputs: &[Form]) -> Result<BTreeMap<usize, usize>, String> {
    let all = needed(neurons, outputs, &Held::new());
    let mut inputs = BTreeMap::new();
    let mut others = BTreeSet::new();
    for &at in &all {
        let neuron = &neurons[at];
        let mut read = variables(&neuron.form);
        let alone = match (read.next(), read.next()) {
            (Some(variable), None) if neuron_of(variable).is_none() => Some(variable),
            _ => None,
        };
        match alone {
            Some(column) if neuron.activation == Activation::Identity && neuron.codes.is_some() => {
                if inputs.insert(column, at).is_some() {
                    return Err(format!("feature {} has two quantizers", column + 1));
                }
            }
            _ => others.extend(variables(&neuron.form)),
        }
    }
    others.extend(outputs.iter().flat_map(variables));
    match others
        .into_iter()
        .find(|&variable| neuron_of(variable).is_none())
    {
        Some(column) => Err(format!(
            "feature {} is read without a quantizer",
            column + 1
        )),
        None => Ok(inputs),
    }
}

/// The codec of a feature: `code = round((a x + b - low) / step) + zero_point`.
fn input(column: usize, neuron: &Neuron) -> Option<InputCodec> {
    let codes = neuron.codes?;
    let slope = neuron.form.terms.get(&column).copied()?;
    let (scale, start) = (
        codes.step / slope,
        (codes.low - neuron.form.intercept) / slope,
    );
    if scale.is_nan() || scale <= 0.0 {
        return None;
    }
    let codec = if start == 0.0 {
        Codec::Affine(Affine::from_parts(scale, codes.zero_point, 0, codes.max_code()).ok()?)
    } else {
        let cut = |code: i32| {
            let steps = code - codes.zero_point;
            let cut = start + (f64::from(steps) - 0.5) * scale;
            // Half a step above an even number of them belongs below.
            if steps % 2 == 0 { cut } else { cut.next_up() }
        };
        let cuts: Vec<f64> = (1..=codes.max_code()).map(cut).collect();
        Bins::new(cuts.as_slice()).ok()?;
        Codec::Bins {
            cuts,
            round_to_f32: false,
        }
    };
    Some(InputCodec {
        column,
        codec,
        missing: None,
    })
}

/// Replaces real weights of values by integers of their codes; whether some were rounded.
fn integers(
    layer: &mut Layer,
    at: usize,
    last: bool,
    codes: &[ActivationCodes],
) -> Result<bool, String> {
    let mut rounded = false;
    for neuron in 0..layer.weights.len() {
        let row = &mut layer.weights[neuron];
        let steps: Vec<f64> = row
            .iter()
            .map(|&(j, w)| w * codes[j as usize].step)
            .collect();
        layer.bias[neuron] += row
            .iter()
            .map(|&(j, w)| w * codes[j as usize].of_zero())
            .sum::<f64>();
        let (scale, integers) = match multiples(&steps) {
            Some(found) => found,
            None if last => {
                rounded = true;
                let widths = row.iter().map(|&(j, _)| codes[j as usize].max_code());
                nearest(&steps, widths)
            }
            None => {
                return Err(format!(
                    "the weights of layer {}, neuron {}, are no multiples of one step",
                    at + 1,
                    neuron + 1
                ));
            }
        };
        layer.scale[neuron] = scale;
        for ((_, w), integer) in row.iter_mut().zip(integers) {
            *w = integer;
        }
        row.retain(|(_, w)| *w != 0.0);
    }
    Ok(rounded)
}

/// The largest step that all numbers are multiples of, to within the single precision that exporters round to, and the multiples.
fn multiples(numbers: &[f64]) -> Option<(f64, Vec<f64>)> {
    const NEAR: f64 = 1e-6;
    let smallest = numbers
        .iter()
        .fold(f64::INFINITY, |least, x| least.min(x.abs()));
    if smallest.is_infinite() {
        return Some((1.0, Vec::new()));
    }
    for divisor in 1..=MAX_SMALLEST {
        let step = smallest / f64::from(divisor);
        if step < f64::MIN_POSITIVE {
            break;
        }
        let multiple = |x: &f64| {
            let ratio = x / step;
            let whole = ratio.round();
            let close = (ratio - whole).abs() <= NEAR * whole.abs().max(f64::from(divisor));
            (close && whole.abs() <= MAX_INTEGER).then_some(whole)
        };
        let Some(whole) = numbers.iter().map(multiple).collect::<Option<Vec<f64>>>() else {
            continue;
        };
        let exact = numbers.iter().zip(&whole).all(|(x, n)| step * n == *x);
        if exact {
            return Some((step, whole));
        }
        // Rounding errors of all numbers even out.
        let square: f64 = whole.iter().map(|n| n * n).sum();
        let cross: f64 = numbers.iter().zip(&whole).map(|(x, n)| x * n).sum();
        return Some((cross / square, whole));
    }
    None
}

/// The nearest integers whose sums keep to a range.
fn nearest(numbers: &[f64], widths: impl Iterator<Item = i32>) -> (f64, Vec<f64>) {
    let reach: f64 = numbers
        .iter()
        .zip(widths)
        .map(|(x, width)| x.abs() * f64::from(width))
        .sum();
    let largest = numbers.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let step = (reach / OUTPUT_REACH)
        .max(largest / 127.0)
        .max(f64::MIN_POSITIVE);
    let whole = numbers.iter().map(|x| (x / step).round_ties_even());
    (step, whole.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Integers come back from their products with a step in single precision, but for a common factor.
        #[test]
        fn integers_come_back(step in 1e-4_f32..10.0, whole in prop::collection::vec(-127_i32..=127, 1..40)) {
            let whole: Vec<i32> = whole.into_iter().filter(|n| *n != 0).collect();
            prop_assume!(!whole.is_empty());
            #[expect(clippy::cast_precision_loss, reason = "the rounding is the point")]
            let numbers: Vec<f64> = whole.iter().map(|&n| f64::from(n as f32 * step)).collect();
            let (found, multiples) = multiples(&numbers).unwrap();
            let factor = f64::from(whole[0]) / multiples[0];
            prop_assert!(factor >= 1.0 - 1e-9 && (factor - factor.round()).abs() < 1e-9);
            for (n, multiple) in whole.iter().zip(&multiples) {
                prop_assert!((f64::from(*n) - factor * multiple).abs() < 1e-6);
            }
            prop_assert!((found / (f64::from(step) * factor) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_on_no_grid_is_told() {
        assert_eq!(multiples(&[1.0, core::f64::consts::SQRT_2, 0.377]), None);
        assert_eq!(multiples(&[0.5, -1.25]), Some((0.25, vec![2.0, -5.0])));
        assert_eq!(multiples(&[]), Some((1.0, Vec::new())));
    }
}
