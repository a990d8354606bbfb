//! Activations: functions of one number that the neurons of a network have.

use super::elementwise::finish;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::neurons::neuron_of;
use crate::import::onnx::steps::is_step;
use crate::import::onnx::tensor::{Data, Tensor};
use crate::network::Activation;

/// `scale * activation` of each element.
pub(super) fn evaluate(
    call: &Call<'_>,
    activation: Activation,
    scale: f64,
) -> Result<Vec<Value>, OnnxError> {
    one(each(call, call.tensor(0)?, |_| Ok((activation, scale)))?)
}

/// An attribute, or its default in single precision.
fn float(call: &Call<'_>, name: &str, preset: f32) -> f64 {
    call.node.float(name).unwrap_or(f64::from(preset))
}

pub(super) fn leaky_relu(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let alpha = float(call, "alpha", 0.01);
    evaluate(call, Activation::LeakyRelu { alpha }, 1.0)
}

pub(super) fn elu(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let alpha = float(call, "alpha", 1.0);
    evaluate(call, Activation::Elu { alpha }, 1.0)
}

pub(super) fn selu(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (alpha, gamma) = (
        float(call, "alpha", 1.673_263_2),
        float(call, "gamma", 1.050_701),
    );
    evaluate(call, Activation::Elu { alpha }, gamma)
}

pub(super) fn hard_sigmoid(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (alpha, beta) = (float(call, "alpha", 0.2), float(call, "beta", 0.5));
    evaluate(call, Activation::HardSigmoid { alpha, beta }, 1.0)
}

pub(super) fn gelu(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let activation = match call.node.string("approximate").as_deref() {
        None | Some("none") => Activation::Gelu,
        Some("tanh") => Activation::GeluTanh,
        Some(other) => {
            return Err(call.refuse(format!("the approximation `{other}` is not known")));
        }
    };
    evaluate(call, activation, 1.0)
}

/// `x` where it is positive, `slope * x` elsewhere; slopes are constants, one for each channel or for all.
pub(super) fn p_relu(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, slopes) = (call.tensor(0)?, call.numbers(1)?);
    let shape = call.constant(1)?.sizes();
    let sizes = x.sizes();
    one(each(call, x, |at| {
        let place = broadcast(&shape, &sizes, at).ok_or_else(|| {
            call.refuse(format!("slopes of shape {shape:?} do not fit {sizes:?}"))
        })?;
        let alpha = slopes[place];
        Ok((Activation::LeakyRelu { alpha }, 1.0))
    })?)
}

/// The place, in a tensor of a shape that is repeated to fill `sizes`, of element `at`; none if it does not.
pub(super) fn broadcast(shape: &[usize], sizes: &[usize], at: usize) -> Option<usize> {
    let missing = sizes.len().checked_sub(shape.len())?;
    let (mut rest, mut place, mut stride) = (at, 0, 1);
    for axis in (0..sizes.len()).rev() {
        let index = rest % sizes[axis];
        rest /= sizes[axis];
        let own = axis.checked_sub(missing).map_or(1, |axis| shape[axis]);
        if own != 1 && own != sizes[axis] {
            return None;
        }
        place += if own == 1 { 0 } else { index * stride };
        stride *= own;
    }
    Some(place)
}

/// A function of each element, by its place.
fn each(
    call: &Call<'_>,
    x: &Tensor,
    function: impl Fn(usize) -> Result<(Activation, f64), OnnxError>,
) -> Result<Tensor, OnnxError> {
    let element = x.element;
    if !element.is_float() {
        return Err(call.refuse(format!("it is not defined for the type {}", element.name())));
    }
    let value =
        |(activation, scale): (Activation, f64), x: f64| element.round(scale * activation.apply(x));
    let data = match &x.data {
        Data::Numbers(values) => {
            let values = values.iter().enumerate();
            let values = values.map(|(at, &x)| Ok(value(function(at)?, x)));
            Data::Numbers(values.collect::<Result<_, OnnxError>>()?)
        }
        Data::Integers(_) | Data::Strings(_) => return Err(call.refuse("it takes floats alone")),
        Data::Cells(cells) => {
            let cell = |(at, x): (usize, &Cell)| {
                let function = function(at)?;
                let leafwise =
                    || call.map_leaves(&[(&x.expr, element)], |x| Some(value(function, x[0])));
                let neural = || {
                    let form = call.neural(&x.expr)?;
                    Some(Expr::Affine(
                        call.neuron(function.0, form)?.scaled(function.1),
                    ))
                };
                let expr = match x.expr.as_constant() {
                    Some(x) => Some(Expr::constant(value(function, x))),
                    None => leafwise().or_else(neural),
                };
                finish(
                    call,
                    expr,
                    None,
                    &[x],
                    "it is a function of more than one sum",
                )
            };
            let cells = cells.iter().enumerate().map(cell);
            Data::Cells(cells.collect::<Result<_, _>>()?)
        }
    };
    Ok(Tensor {
        element,
        dims: x.dims.clone(),
        data,
    })
}

impl Call<'_> {
    /// The expression as a form of features and neurons, if a network computes it and no tree is in it.
    pub(crate) fn neural(&self, expr: &Expr) -> Option<Form> {
        let form = self.run.neurons.borrow_mut().form(expr)?;
        self.is_of_network(&form).then_some(form)
    }

    /// `activation(form)`, if there is work left for it and no tree is in it.
    pub(crate) fn neuron(&self, activation: Activation, form: Form) -> Option<Form> {
        let allowed = self.is_of_network(&form) && self.work(2, form.terms.len()).is_ok();
        allowed.then(|| self.run.neurons.borrow_mut().add(activation, form))
    }

    /// No columns of leaves are in the form.
    pub(crate) fn is_of_network(&self, form: &Form) -> bool {
        let features = self.run.leaves.borrow().n_features;
        let leaves = |variable: &usize| {
            let made = neuron_of(*variable).is_some() || is_step(*variable);
            *variable >= features && !made
        };
        !form.terms.keys().any(leaves)
    }
}
