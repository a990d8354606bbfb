//! The network as a graph of tensors that gradients flow back through.
//!
//! Forward, all is as the circuit computes it: integer weights, integer codes, tables by [`Layer::code`]. Backward, rounding is
//! taken for the identity within the range of the codes (straight-through, Bengio et al. 2013), and the step between codes
//! gets the gradient of LSQ (Esser et al. 2020), which is what that makes of it.

use candle_core::{
    CpuStorage, CustomOp1, DType, Device, Layout, Result, Shape, Tensor, Var, backprop::GradStore,
};

use super::state::{ActivationState, Gradients, LayerState, State};
use super::weights::IntegerRow;
use crate::network::{Activation, ActivationCodes, Layer};

/// What takes these values forward and lets the gradient through backward, where its argument lies in a range.
struct Straight {
    values: Vec<f64>,
    range: Option<(f64, f64)>,
}

impl CustomOp1 for Straight {
    fn name(&self) -> &'static str {
        "straight-through"
    }

    fn cpu_fwd(&self, _: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F64(self.values.clone()), layout.shape().clone()))
    }

    fn bwd(&self, arg: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let Some((min, max)) = self.range else {
            return Ok(Some(grad.clone()));
        };
        let inside = (arg.ge(min)?.to_dtype(DType::F64)? * arg.le(max)?.to_dtype(DType::F64)?)?;
        Ok(Some((grad * inside)?))
    }
}

/// The variables of a layer.
pub(super) struct Variables {
    weights: Var,
    bias: Var,
    /// Logarithm of the activations' range, where it is learned.
    range: Option<Var>,
}

/// A network for which gradients can be taken.
pub(super) struct Graph {
    variables: Vec<Variables>,
    /// The layers as they are compiled.
    pub(super) layers: Vec<Layer>,
    /// Per layer, gain and bias as tensors, and integers.
    tensors: Vec<LayerTensors>,
}

struct LayerTensors {
    /// Transposed: `inputs x neurons`.
    weights: Tensor,
    gain: Tensor,
    bias: Tensor,
    low: f64,
    /// Activation per code, a scalar.
    step: Option<Tensor>,
}

impl Graph {
    /// The graph of `state` with these integers for weights.
    pub(super) fn new(state: &State, rows: &[Vec<IntegerRow>]) -> Result<Self> {
        let mut graph = Self {
            variables: Vec::new(),
            layers: Vec::new(),
            tensors: Vec::new(),
        };
        // The real value of a code of the inputs.
        let mut step = Tensor::full(1.0 / state.input_max, (), &Device::Cpu)?;
        for (layer, rows) in state.layers.iter().zip(rows) {
            let next = graph.push(layer, rows, &step)?;
            if let Some(next) = next {
                step = next;
            }
        }
        Ok(graph)
    }

    fn push(
        &mut self,
        state: &LayerState,
        rows: &[IntegerRow],
        step: &Tensor,
    ) -> Result<Option<Tensor>> {
        let (neurons, inputs) = (state.neurons, state.inputs);
        let device = Device::Cpu;
        let weights = Var::from_slice(&state.weights.values, (neurons, inputs), &device)?;
        let bias = Var::from_slice(&state.bias.values, neurons, &device)?;
        let scales: Vec<f64> = rows.iter().map(|row| row.scale).collect();
        let scales = Tensor::from_vec(scales, neurons, &device)?;
        let integers = rows
            .iter()
            .flat_map(|row| row.weights.iter().map(|&w| f64::from(w)));
        let straight = Straight {
            values: integers.collect(),
            range: None,
        };
        let real = weights.broadcast_div(&scales.reshape((neurons, 1))?)?;
        let tensor = real.apply_op1(straight)?.t()?;
        let gain = scales.broadcast_mul(step)?;
        let (range, output) = match &state.activation {
            None => (None, None),
            Some(activation) => outputs(activation)?,
        };
        let codes = match (&state.activation, &output) {
            (Some(activation), Some((low, step))) => Some(ActivationCodes::new(
                *low,
                step.to_scalar()?,
                activation.bits,
            )),
            _ => None,
        };
        self.layers.push(Layer {
            weights: rows.iter().map(sparse).collect(),
            scale: gain.to_vec1()?,
            bias: state.bias.values.clone(),
            activation: state
                .activation
                .as_ref()
                .map_or(Activation::Identity, |activation| activation.function),
            activations: Vec::new(),
            codes,
            own_codes: Vec::new(),
        });
        let (low, step) = output.map_or((0.0, None), |(low, step)| (low, Some(step)));
        self.tensors.push(LayerTensors {
            weights: tensor,
            gain,
            bias: bias.as_tensor().clone(),
            low,
            step: step.clone(),
        });
        self.variables.push(Variables {
            weights,
            bias,
            range,
        });
        Ok(step)
    }

    /// The scores of rows of codes, `rows x outputs`.
    pub(super) fn scores(&self, codes: &Tensor) -> Result<Tensor> {
        let mut x = codes.clone();
        for (layer, tensors) in self.layers.iter().zip(&self.tensors) {
            let sums = x.matmul(&tensors.weights)?;
            let z = sums
                .broadcast_mul(&tensors.gain)?
                .broadcast_add(&tensors.bias)?;
            let Some(step) = &tensors.step else {
                return Ok(z);
            };
            let activation = match layer.activation {
                Activation::Relu => z.relu()?,
                Activation::Tanh => z.tanh()?,
                Activation::Logistic => (z.neg()?.exp()? + 1.0)?.recip()?,
                _ => z,
            };
            let straight = straight_codes(layer, &sums)?;
            let real = (activation - tensors.low)?.broadcast_div(step)?;
            x = real.apply_op1(straight)?;
        }
        Ok(x)
    }

    /// The gradients of a scalar that was computed with this graph.
    pub(super) fn gradients(&self, loss: &Tensor) -> Result<Vec<Gradients>> {
        let store = loss.backward()?;
        let layer = |variables: &Variables| {
            Ok(Gradients {
                weights: gradient(&store, &variables.weights)?,
                bias: gradient(&store, &variables.bias)?,
                range: match &variables.range {
                    Some(range) => Some(gradient(&store, range)?[0]),
                    None => None,
                },
            })
        };
        self.variables.iter().map(layer).collect()
    }
}

/// The variable that holds the range of the codes, if it is learned, the activation of code 0, and that per code.
type Outputs = (Option<Var>, Option<(f64, Tensor)>);

fn outputs(activation: &ActivationState) -> Result<Outputs> {
    let codes = f64::from((1 << activation.bits) - 1);
    let (low, high) = activation.unit();
    let Some(range) = &activation.log_range else {
        let step = Tensor::full((high - low) / codes, (), &Device::Cpu)?;
        return Ok((None, Some((low, step))));
    };
    let range = Var::from_slice(&range.values, (), &Device::Cpu)?;
    let width = range.exp()?;
    let step = (&width * ((high - low) / codes))?;
    let low = low * width.to_scalar::<f64>()?;
    Ok((Some(range), Some((low, step))))
}

fn gradient(store: &GradStore, variable: &Var) -> Result<Vec<f64>> {
    match store.get(variable) {
        Some(gradient) => gradient.flatten_all()?.to_vec1(),
        None => Ok(vec![0.0; variable.elem_count()]),
    }
}

fn sparse(row: &IntegerRow) -> Vec<(u32, f64)> {
    let entries = (0_u32..).zip(&row.weights).filter(|(_, w)| **w != 0);
    entries.map(|(j, &w)| (j, f64::from(w))).collect()
}

/// The codes of sums, by the arithmetic of the tables.
fn straight_codes(layer: &Layer, sums: &Tensor) -> Result<Straight> {
    let invalid = |e: &dyn core::fmt::Display| candle_core::Error::Msg(e.to_string());
    let Some(codes) = layer.codes else {
        return Err(invalid(&"a layer without codes"));
    };
    let affine = codes.affine().map_err(|e| invalid(&e))?;
    let sums: Vec<f64> = sums.flatten_all()?.to_vec1()?;
    let neurons = layer.scale.len();
    let code = |(at, &sum): (usize, &f64)| {
        let code = layer.code(at % neurons, sum, &affine);
        code.map(f64::from).map_err(|e| invalid(&e))
    };
    Ok(Straight {
        values: sums.iter().enumerate().map(code).collect::<Result<_>>()?,
        range: Some((0.0, f64::from(codes.max_code()))),
    })
}

#[cfg(test)]
mod tests;
