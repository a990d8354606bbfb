//! Quantizers: what tools of quantization-aware training export.
//!
//! `QuantizeLinear` and `DequantizeLinear` as ONNX defines them, and `Quant` as Brevitas and QONNX do:
//! `(round(clamp(x / scale + zero_point, min, max)) - zero_point) * scale`.

use super::activation::broadcast;
use super::elementwise::finish;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr};
use crate::import::onnx::coded::Levels;
use crate::import::onnx::element::Element;
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Data, Tensor};

/// One scale and zero point per element, repeated along the dimensions that they lack.
struct Scales {
    scales: Vec<f64>,
    zero_points: Vec<f64>,
    shape: Vec<usize>,
    sizes: Vec<usize>,
}

impl Scales {
    /// From inputs 1 and 2 of a node that has an `axis`.
    fn along_axis(call: &Call<'_>, x: &Tensor) -> Result<Self, OnnxError> {
        if call.node.int("block_size").unwrap_or(0) != 0 {
            return Err(
                call.refuse("scales of blocks are not supported; export one per tensor or axis")
            );
        }
        let sizes = x.sizes();
        let scales = call.numbers(1)?;
        let mut shape = Vec::new();
        if call.constant(1)?.sizes().len() == 1 && scales.len() != 1 {
            let axis = call.axis(call.node.int("axis").unwrap_or(1), sizes.len())?;
            shape = vec![1; sizes.len() - axis];
            shape[0] = scales.len();
        }
        let zero_points = match call.optional(2)? {
            None => vec![0.0; scales.len()],
            Some(_) => call.numbers(2)?,
        };
        Self::new(call, scales, zero_points, shape, sizes)
    }

    fn new(
        call: &Call<'_>,
        scales: Vec<f64>,
        mut zero_points: Vec<f64>,
        shape: Vec<usize>,
        sizes: Vec<usize>,
    ) -> Result<Self, OnnxError> {
        if let Some(scale) = scales.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            return Err(call.refuse(format!("the scale {scale}; scales must be positive")));
        }
        if zero_points.len() == 1 {
            zero_points = vec![zero_points[0]; scales.len()];
        }
        if let Some(zero) = zero_points
            .iter()
            .find(|z| z.fract() != 0.0 || z.abs() > 65_536.0)
        {
            return Err(call.refuse(format!("the zero point {zero} is no small integer")));
        }
        if zero_points.len() != scales.len() || scales.len() != shape.iter().product::<usize>() {
            return Err(call.refuse(format!(
                "{} scales and {} zero points do not go together",
                scales.len(),
                zero_points.len()
            )));
        }
        Ok(Self {
            scales,
            zero_points,
            shape,
            sizes,
        })
    }

    /// Scale and zero point of element `at`.
    fn at(&self, call: &Call<'_>, at: usize) -> Result<(f64, f64), OnnxError> {
        let place = broadcast(&self.shape, &self.sizes, at).ok_or_else(|| {
            call.refuse(format!(
                "scales of shape {:?} do not fit {:?}",
                self.shape, self.sizes
            ))
        })?;
        Ok((self.scales[place], self.zero_points[place]))
    }
}

/// Least and greatest integer of a type.
fn bounds(element: Element) -> Option<(f64, f64)> {
    Some(match element {
        Element::Int8 => (-128.0, 127.0),
        Element::Uint8 => (0.0, 255.0),
        Element::Int16 => (-32_768.0, 32_767.0),
        Element::Uint16 => (0.0, 65_535.0),
        _ => return None,
    })
}

/// `saturate(round(x / scale) + zero_point)`
pub(super) fn quantize_linear(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let asked = call.node.int("output_dtype").filter(|dtype| *dtype != 0);
    let to = match (call.optional(2)?, asked) {
        (Some(zero_points), _) => zero_points.element,
        (None, Some(dtype)) => Element::from_number(dtype)
            .ok_or_else(|| call.refuse(format!("codes of type {dtype} are not supported")))?,
        (None, None) => Element::Uint8,
    };
    let (least, greatest) = bounds(to)
        .ok_or_else(|| call.refuse(format!("codes of type {} are not supported", to.name())))?;
    let scales = Scales::along_axis(call, x)?;
    let code = |x: f64, scale: f64, zero: f64| {
        let code = Element::Float32.round(x / scale).round_ties_even() + zero;
        code.clamp(least, greatest)
    };
    each(call, x, to, |at, cell| {
        let (scale, zero) = scales.at(call, at)?;
        Ok(match cell {
            Operand::Number(x) => Some(Expr::constant(code(x, scale, zero))),
            Operand::Expr(expr) => coded(
                call,
                expr,
                &Levels {
                    scale,
                    low: 0.0,
                    zero,
                    least,
                    greatest,
                },
            )
            .and_then(|value| value.scaled(1.0 / scale, zero)),
        })
    })
}

/// `(x - zero_point) * scale`
pub(super) fn dequantize_linear(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    if !x.element.is_integer() {
        return Err(call.refuse(format!(
            "its input is of type {}, integers are expected",
            x.element.name()
        )));
    }
    let scales = Scales::along_axis(call, x)?;
    let to = call.constant(1)?.element;
    each(call, x, to, |at, cell| {
        let (scale, zero) = scales.at(call, at)?;
        Ok(match cell {
            Operand::Number(x) => Some(Expr::constant(to.round((x - zero) * scale))),
            Operand::Expr(expr) => {
                let form = call.neural(expr);
                form.map(|form| Expr::Affine(form.shifted(-zero).scaled(scale)))
            }
        })
    })
}

/// `Quant` of Brevitas.
pub(super) fn brevitas_quant(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let mode = call.node.string("rounding_mode");
    if let Some(mode) = mode.filter(|mode| mode != "ROUND") {
        return Err(call.refuse(format!(
            "the rounding mode `{mode}` is not supported; `ROUND` is"
        )));
    }
    let bits = call.numbers(3)?;
    let &[bits] = bits.as_slice() else {
        return Err(call.refuse("its bit width must be a single number"));
    };
    if !(1.0..=16.0).contains(&bits) || bits.fract() != 0.0 {
        return Err(call.refuse(format!("a bit width of {bits}; 1 to 16 are accepted")));
    }
    let flag = |name, preset| call.node.int(name).unwrap_or(preset) != 0;
    let (signed, narrow) = (flag("signed", 1), flag("narrow", 0));
    let narrowed = f64::from(u8::from(narrow));
    let (least, greatest) = if signed {
        let half = (bits - 1.0).exp2();
        (narrowed - half, half - 1.0)
    } else {
        (0.0, bits.exp2() - 1.0 - narrowed)
    };
    let shape = call.constant(1)?.sizes();
    let scales = Scales::new(call, call.numbers(1)?, call.numbers(2)?, shape, x.sizes())?;
    let element = x.element;
    let value = |x: f64, scale: f64, zero: f64| {
        let code = element.round(element.round(x / scale) + zero);
        let code = code.clamp(least, greatest).round_ties_even();
        element.round((code - zero) * scale)
    };
    each(call, x, element, |at, cell| {
        let (scale, zero) = scales.at(call, at)?;
        Ok(match cell {
            Operand::Number(x) => Some(Expr::constant(value(x, scale, zero))),
            Operand::Expr(expr) => coded(
                call,
                expr,
                &Levels {
                    scale,
                    low: -zero * scale,
                    zero: 0.0,
                    least,
                    greatest,
                },
            ),
        })
    })
}

/// An element of the input.
enum Operand<'a> {
    Number(f64),
    Expr(&'a Expr),
}

/// What the nearest of the levels to an expression stands for; none if the expression is nothing that a network computes.
fn coded(call: &Call<'_>, expr: &Expr, levels: &Levels) -> Option<Expr> {
    let form = call.neural(expr)?;
    call.work(2, form.terms.len()).ok()?;
    let form = call.run.neurons.borrow_mut().coded(&form, levels)?;
    Some(Expr::Affine(form))
}

fn each(
    call: &Call<'_>,
    x: &Tensor,
    to: Element,
    function: impl Fn(usize, Operand<'_>) -> Result<Option<Expr>, OnnxError>,
) -> Result<Vec<Value>, OnnxError> {
    const REFUSED: &str = "it quantizes what is no sum or function of one, or to more than 8 bits";
    let constant = |at: usize, x: f64| {
        if x.is_nan() {
            return Err(call.refuse(format!("element {} of a constant is NaN", at + 1)));
        }
        let expr = function(at, Operand::Number(x))?;
        expr.and_then(|expr| expr.as_constant())
            .ok_or_else(|| call.refuse(REFUSED))
    };
    let numbers = |values: Vec<f64>| {
        let values = values.into_iter().enumerate();
        let values = values.map(|(at, x)| constant(at, x));
        values.collect::<Result<Vec<f64>, OnnxError>>()
    };
    let data = match &x.data {
        Data::Strings(_) => return Err(call.refuse("it takes no strings")),
        Data::Cells(cells) => {
            let cell = |(at, cell): (usize, &Cell)| {
                let expr = match cell.expr.as_constant() {
                    Some(x) => function(at, Operand::Number(x))?,
                    None => function(at, Operand::Expr(&cell.expr))?,
                };
                finish(call, expr, None, &[cell], REFUSED)
            };
            let cells = cells.iter().enumerate().map(cell);
            Data::Cells(cells.collect::<Result<_, _>>()?)
        }
        Data::Numbers(values) => super::elementwise::typed(to, numbers(values.clone())?),
        Data::Integers(values) => {
            let values = values.iter().map(|&x| x as f64).collect();
            super::elementwise::typed(to, numbers(values)?)
        }
    };
    one(Tensor {
        element: to,
        dims: x.dims.clone(),
        data,
    })
}
