//! Convolutions and pooling, in one dimension and in more: sums over windows of a tensor `[rows, channels, sizes …]`.

use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::tensor::{Data, Dim, Tensor};

/// Where the windows of a tensor lie.
struct Windows {
    channels: usize,
    /// Sizes of the input behind the channels, of a window, of the result.
    input: Vec<usize>,
    kernel: Vec<usize>,
    output: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    /// Before the first element, by axis.
    pads: Vec<usize>,
}

impl Windows {
    fn new(call: &Call<'_>, x: &Tensor, kernel: Option<&[usize]>) -> Result<Self, OnnxError> {
        let [Dim::Rows, Dim::Fixed(channels), sizes @ ..] = x.dims.as_slice() else {
            return Err(call.refuse(format!(
                "its input has the shape {:?}; [rows, channels, sizes ...] is expected",
                x.sizes()
            )));
        };
        let input: Vec<usize> = sizes.iter().map(|dim| dim.stored()).collect();
        let axes = input.len();
        let list = |name: &str, preset: usize, len: usize| -> Result<Vec<usize>, OnnxError> {
            let given = call.node.ints(name);
            if given.is_empty() {
                return Ok(vec![preset; len]);
            }
            let values: Option<Vec<usize>> =
                given.iter().map(|&x| usize::try_from(x).ok()).collect();
            values.filter(|values| values.len() == len).ok_or_else(|| {
                call.refuse(format!("{name} {given:?} does not fit {axes} dimensions"))
            })
        };
        let kernel = match kernel {
            Some(kernel) => kernel.to_vec(),
            None => list("kernel_shape", 0, axes)?,
        };
        let (strides, dilations) = (list("strides", 1, axes)?, list("dilations", 1, axes)?);
        let mut pads = list("pads", 0, 2 * axes)?;
        let auto = call.node.string("auto_pad").unwrap_or_default();
        let mut output = Vec::with_capacity(axes);
        for axis in 0..axes {
            let reach = kernel[axis]
                .checked_sub(1)
                .map(|last| last.saturating_mul(dilations[axis]).saturating_add(1));
            let reach = reach.filter(|_| strides[axis] > 0 && dilations[axis] > 0);
            let reach =
                reach.ok_or_else(|| call.refuse("its window, strides or dilations are 0"))?;
            if matches!(auto.as_str(), "SAME_UPPER" | "SAME_LOWER") {
                let windows = input[axis].div_ceil(strides[axis]);
                let needed = (windows.saturating_sub(1) * strides[axis]).saturating_add(reach);
                let missing = needed.saturating_sub(input[axis]);
                pads[axis] = if auto == "SAME_UPPER" {
                    missing / 2
                } else {
                    missing.div_ceil(2)
                };
                pads[axes + axis] = missing - pads[axis];
            } else if !matches!(auto.as_str(), "" | "NOTSET" | "VALID") {
                return Err(call.refuse(format!("auto_pad {auto} is not known")));
            }
            let padded = input[axis]
                .saturating_add(pads[axis])
                .saturating_add(pads[axes + axis]);
            let room = padded.checked_sub(reach).ok_or_else(|| {
                call.refuse(format!(
                    "a window of {reach} does not fit {padded} elements"
                ))
            })?;
            output.push(room / strides[axis] + 1);
        }
        pads.truncate(axes);
        let count = |sizes: &[usize]| {
            sizes
                .iter()
                .try_fold(1_usize, |n, &size| n.checked_mul(size))
        };
        let work = count(&output)
            .zip(count(&kernel))
            .and_then(|(a, b)| a.checked_mul(b));
        call.work(1, work.unwrap_or(usize::MAX))?;
        Ok(Self {
            channels: *channels,
            input,
            kernel,
            output,
            strides,
            dilations,
            pads,
        })
    }

    fn positions(sizes: &[usize]) -> usize {
        sizes.iter().product()
    }

    /// `(place in the window, place in the input)` of the elements of window `at` that are no padding.
    fn elements(&self, at: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..Self::positions(&self.kernel)).filter_map(move |tap| {
            let (mut window, mut rest) = (at, tap);
            let (mut place, mut stride) = (0, 1);
            for axis in (0..self.input.len()).rev() {
                let first = window % self.output[axis] * self.strides[axis];
                let position = first + rest % self.kernel[axis] * self.dilations[axis];
                let position = position.checked_sub(self.pads[axis])?;
                if position >= self.input[axis] {
                    return None;
                }
                place += position * stride;
                stride *= self.input[axis];
                window /= self.output[axis];
                rest /= self.kernel[axis];
            }
            Some((tap, place))
        })
    }

    fn result(
        &self,
        call: &Call<'_>,
        x: &Tensor,
        forms: Vec<Form>,
    ) -> Result<Vec<Value>, OnnxError> {
        call.columns(forms.len())?;
        let channels = forms.len() / Self::positions(&self.output).max(1);
        let sizes = self.output.iter().map(|&size| Dim::Fixed(size));
        let dims = [Dim::Rows, Dim::Fixed(channels)].into_iter().chain(sizes);
        let cells = forms.into_iter().map(|form| Cell::new(Expr::Affine(form)));
        one(Tensor::cells(x.element, dims.collect(), cells.collect()))
    }
}

/// The elements of a tensor as forms.
fn forms(call: &Call<'_>, x: &Tensor) -> Result<Vec<Form>, OnnxError> {
    let Data::Cells(cells) = &x.data else {
        return Err(call.refuse("its input is not computed from the features"));
    };
    let cells = cells.iter();
    cells
        .map(|cell| call.affine(&cell.expr, x.element))
        .collect()
}

/// `Conv`: weights `[channels, channels of a group, sizes …]`.
pub(super) fn conv(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, weights) = (call.tensor(0)?, call.numbers(1)?);
    let shape = call.constant(1)?.sizes();
    let [outputs, inputs, kernel @ ..] = shape.as_slice() else {
        return Err(call.refuse(format!("weights of shape {shape:?} are no kernel")));
    };
    let named = call.node.ints("kernel_shape");
    if !named.is_empty()
        && !named
            .iter()
            .map(|&n| usize::try_from(n).ok())
            .eq(kernel.iter().map(|&n| Some(n)))
    {
        return Err(call.refuse(format!(
            "kernel_shape {named:?} is not that of its weights, {kernel:?}"
        )));
    }
    if kernel.len() + 2 != x.dims.len() {
        return Err(call.refuse(format!(
            "weights of shape {shape:?} do not fit an input of {:?}",
            x.sizes()
        )));
    }
    let windows = Windows::new(call, x, Some(kernel))?;
    let groups = usize::try_from(call.node.int("group").unwrap_or(1)).unwrap_or(0);
    let fits = groups > 0
        && inputs.checked_mul(groups) == Some(windows.channels)
        && outputs.is_multiple_of(groups);
    if !fits {
        return Err(call.refuse(format!(
            "weights of shape {shape:?} in {groups} groups do not fit {} channels",
            windows.channels
        )));
    }
    let bias = match call.optional(2)? {
        Some(_) => call.numbers(2)?,
        None => vec![0.0; *outputs],
    };
    if bias.len() != *outputs {
        return Err(call.refuse(format!("{} biases for {outputs} channels", bias.len())));
    }
    let x_forms = forms(call, x)?;
    let (taps, size) = (
        Windows::positions(kernel),
        Windows::positions(&windows.input),
    );
    let positions = Windows::positions(&windows.output);
    let heaviest = x_forms
        .iter()
        .map(|form| form.terms.len() + 1)
        .max()
        .unwrap_or(1);
    call.work(
        outputs.saturating_mul(positions),
        inputs.saturating_mul(taps).saturating_mul(heaviest),
    )?;
    let mut results = Vec::with_capacity(outputs * positions);
    for (output, &bias) in bias.iter().enumerate() {
        let first = output / (outputs / groups) * inputs;
        for at in 0..positions {
            let mut sum = Form::constant(bias);
            for (tap, place) in windows.elements(at) {
                for channel in 0..*inputs {
                    let weight = weights[(output * inputs + channel) * taps + tap];
                    if weight != 0.0 {
                        sum.add_scaled(&x_forms[(first + channel) * size + place], weight);
                    }
                }
            }
            results.push(sum);
        }
    }
    windows.result(call, x, results)
}

/// `AveragePool` and `GlobalAveragePool`.
pub(super) fn average_pool(call: &Call<'_>, global: bool) -> Result<Vec<Value>, OnnxError> {
    let padding_counts = call.node.int("count_include_pad").unwrap_or(0) != 0;
    pool(call, global, |elements, taps| {
        let count = if padding_counts { taps } else { elements.len() };
        let mut sum = Form::constant(0.0);
        elements
            .iter()
            .for_each(|form| sum.add_scaled(form, 1.0 / count as f64));
        sum
    })
}

/// `MaxPool` and `GlobalMaxPool`: `max(a, b) = a + relu(b - a)`, in pairs.
pub(super) fn max_pool(call: &Call<'_>, global: bool) -> Result<Vec<Value>, OnnxError> {
    if call.node.int("storage_order").unwrap_or(0) != 0 || call.node.outputs.len() > 1 {
        return Err(call.refuse("the places of the largest elements are not computed here"));
    }
    pool(call, global, |elements, _| {
        let mut neurons = call.run.neurons.borrow_mut();
        let mut left: Vec<Form> = elements.iter().map(|form| (*form).clone()).collect();
        while left.len() > 1 {
            let pairs = left.chunks(2);
            left = pairs
                .map(|pair| match pair {
                    [a, b] => neurons.larger(a, b),
                    _ => pair[0].clone(),
                })
                .collect();
        }
        left.pop().unwrap_or_else(|| Form::constant(0.0))
    })
}

fn pool(
    call: &Call<'_>,
    global: bool,
    of_window: impl Fn(&[&Form], usize) -> Form,
) -> Result<Vec<Value>, OnnxError> {
    if call.node.int("ceil_mode").unwrap_or(0) != 0 {
        return Err(call.refuse("ceil_mode is not supported; export it with ceil_mode = 0"));
    }
    let x = call.tensor(0)?;
    let whole: Vec<usize> = x.dims.iter().skip(2).map(|dim| dim.stored()).collect();
    let windows = Windows::new(call, x, global.then_some(&whole))?;
    let forms = forms(call, x)?;
    if let Some(form) = forms.iter().find(|form| !call.is_of_network(form)) {
        return Err(call.refuse(format!(
            "it pools what trees give, as {} terms",
            form.terms.len()
        )));
    }
    let (taps, size) = (
        Windows::positions(&windows.kernel),
        Windows::positions(&windows.input),
    );
    let heaviest = forms
        .iter()
        .map(|form| form.terms.len() + 1)
        .max()
        .unwrap_or(1);
    let positions = Windows::positions(&windows.output);
    call.work(
        windows.channels.saturating_mul(positions),
        taps.saturating_mul(heaviest),
    )?;
    let mut results = Vec::with_capacity(windows.channels * positions);
    for channel in 0..windows.channels {
        for at in 0..positions {
            let elements: Vec<&Form> = windows
                .elements(at)
                .map(|(_, place)| &forms[channel * size + place])
                .collect();
            results.push(of_window(&elements, taps));
        }
    }
    windows.result(call, x, results)
}

/// `Pad` with a constant.
pub(super) fn pad(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let mode = call.node.string("mode").unwrap_or_default();
    if !matches!(mode.as_str(), "" | "constant") {
        return Err(call.refuse(format!("the mode {mode} is not supported; constant is")));
    }
    if call.inputs.len() > 3 && call.optional(3)?.is_some() {
        return Err(call.refuse("axes are not supported; pad all dimensions"));
    }
    let value = match call.optional(2)? {
        Some(_) => call.numbers(2)?.first().copied().unwrap_or(0.0),
        None => call.node.float("value").unwrap_or(0.0),
    };
    let pads = call.integers(1, "pads")?.unwrap_or_default();
    let rank = x.dims.len();
    let pads: Option<Vec<usize>> = pads.iter().map(|&n| usize::try_from(n).ok()).collect();
    let pads = pads.filter(|pads| pads.len() == 2 * rank).ok_or_else(|| {
        call.refuse(format!(
            "its pads must be {} numbers that are not negative",
            2 * rank
        ))
    })?;
    let mut sizes = Vec::with_capacity(rank);
    for (axis, dim) in x.dims.iter().enumerate() {
        let more = pads[axis].saturating_add(pads[rank + axis]);
        if dim.has_rows() && more > 0 {
            return Err(call.refuse("it adds rows"));
        }
        sizes.push(dim.stored().saturating_add(more));
    }
    let count = sizes
        .iter()
        .try_fold(1_usize, |n, &size| n.checked_mul(size));
    let count = count.unwrap_or(usize::MAX);
    call.columns(count)?;
    let cells = x.to_cells().ok_or_else(|| call.refuse("it pads strings"))?;
    let source = |at: usize| -> Option<usize> {
        let (mut rest, mut place, mut stride) = (at, 0, 1);
        for axis in (0..rank).rev() {
            let own = x.dims[axis].stored();
            let position = (rest % sizes[axis]).checked_sub(pads[axis]);
            place += position.filter(|&p| p < own)? * stride;
            rest /= sizes[axis];
            stride *= own;
        }
        Some(place)
    };
    let cell =
        |at| source(at).map_or_else(|| Cell::new(Expr::constant(value)), |at| cells[at].clone());
    let padded: Vec<Cell> = (0..count).map(cell).collect();
    let dims = x.dims.iter().zip(sizes);
    let dims = dims.map(|(dim, size)| {
        if dim.has_rows() {
            *dim
        } else {
            Dim::Fixed(size)
        }
    });
    one(Tensor::cells(x.element, dims.collect(), padded))
}
