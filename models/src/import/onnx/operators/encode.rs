//! Operators that prepare features on the client: numbers for missing values, and codes for categories.

use tenebra_quant::{Other, RowStep};

use crate::forest::Comparison;
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr};
use crate::import::onnx::chain::{Chain, Operation};
use crate::import::onnx::compared::{cut, pieces};
use crate::import::onnx::element::{Element, integer};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::form::Form;
use crate::import::onnx::pieces::Pieces;
use crate::import::onnx::tensor::{Data, Dim, Tensor};
use crate::import::onnx::trace::Hint;

/// A number for each missing value, or for each of another number that stands for one.
pub(super) fn imputer(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, node) = (call.tensor(0)?, call.node);
    let (imputed, replaced) = if x.element.is_float() {
        let replaced = node.float("replaced_value_float").unwrap_or(0.0);
        (node.floats("imputed_value_floats"), replaced)
    } else {
        let imputed = node.ints("imputed_value_int64s").iter().map(|&x| x as f64);
        let replaced = node.int("replaced_value_int64").unwrap_or(0) as f64;
        (imputed.collect(), replaced)
    };
    let Data::Cells(cells) = &x.data else {
        return Err(call.refuse("its input is not computed from the features"));
    };
    if !(imputed.len() == 1 || imputed.len() == cells.len()) {
        return Err(call.refuse(format!(
            "{} numbers for missing values of {} columns; one each for every column or for all is expected",
            imputed.len(),
            cells.len()
        )));
    }
    let cell = |(at, cell): (usize, &Cell)| {
        let value = imputed[if imputed.len() == 1 { 0 } else { at }];
        let replaces = move |x: f64| {
            if replaced.is_nan() {
                x.is_nan()
            } else {
                x == replaced
            }
        };
        let fill = move |x: &[f64]| Some(if replaces(x[0]) { value } else { x[0] });
        if let Some(expr) = call.traced(&[cell], false, Hint::None, fill) {
            return Ok(Cell::new(expr));
        }
        if !value.is_finite() {
            return Err(call.refuse(format!("it fills column {} with {value}", at + 1)));
        }
        let from = call.row_value(cell, x.element)?;
        let mut steps = call.run.steps.borrow_mut();
        if replaced.is_nan() {
            let filled = steps.push(RowStep::Fill { from, value });
            return Ok(steps.cell(filled, x.element));
        }
        // Numbers beyond those that singles hold exactly would have to be rounded before they are compared.
        if integer(replaced).is_none_or(|whole| whole.abs() > 1 << 24) {
            return Err(call.refuse(format!(
                "it replaces {replaced}; missing values (NaN) and whole numbers are supported"
            )));
        }
        let flag = steps.push(RowStep::Equals {
            from,
            value: replaced,
        });
        let mut sum = steps.form(from);
        sum.add_scaled(&steps.form(flag), value - replaced);
        Ok(Cell::new(Expr::Affine(sum)))
    };
    let cells = cells.iter().enumerate().map(cell);
    one(Tensor::cells(
        x.element,
        x.dims.clone(),
        cells.collect::<Result<_, _>>()?,
    ))
}

/// A column of 1 and 0 for each category.
pub(super) fn one_hot_encoder(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, node) = (call.tensor(0)?, call.node);
    let keys = if node.has("cats_strings") {
        Data::Strings(node.strings("cats_strings"))
    } else {
        Data::Integers(node.ints("cats_int64s").to_vec())
    };
    let Data::Cells(cells) = &x.data else {
        return Err(call.refuse("its input is not computed from the features"));
    };
    if x.element.is_float() {
        return Err(call.refuse("its categories of floats are cut off after the point by some versions of onnxruntime; cast them to int64 first"));
    }
    call.columns(cells.len().saturating_mul(keys.len()))?;
    call.work(cells.len(), keys.len())?;
    let other = if node.int("zeros").unwrap_or(1) == 0 {
        Other::Refuse
    } else {
        Other::Value(-1.0)
    };
    let mut found = Vec::new();
    for cell in cells {
        found.extend(flags(call, cell, x.element, &keys, other)?);
    }
    let mut dims = x.dims.clone();
    dims.push(Dim::Fixed(keys.len()));
    one(Tensor::cells(Element::Float32, dims, found))
}

fn flags(
    call: &Call<'_>,
    cell: &Cell,
    element: Element,
    keys: &Data,
    other: Other,
) -> Result<Vec<Cell>, OnnxError> {
    if let (Some(pieces), Data::Integers(keys)) = (pieces(cell), keys) {
        let known = |x: &f64| integer(*x).is_some_and(|x| keys.contains(&x));
        if other == Other::Refuse && !pieces.numbers.iter().all(known) {
            return Err(call.refuse("some rows have none of its categories"));
        }
        let flag = |&key: &i64| {
            let is = |x: &[f64]| Some(f64::from(u8::from(integer(x[0]) == Some(key))));
            Pieces::map(&[&pieces], is).map(|flag| Cell::new(Expr::Pieces(flag.into())))
        };
        let flags = keys.iter().map(flag).collect::<Option<_>>();
        return flags.ok_or_else(|| call.refuse("it has too many categories"));
    }
    let (code, order) = code(call, cell, element, keys, other)?;
    let mut steps = call.run.steps.borrow_mut();
    let flag = |key: usize| {
        let place = order.iter().position(|&at| at == key).unwrap_or(0);
        let flag = steps.push(RowStep::Equals {
            from: code,
            value: place as f64,
        });
        steps.cell(flag, Element::Float32)
    };
    Ok((0..keys.len()).map(flag).collect())
}

/// The number of each key, as [`label_encoder`](super::lookup::label_encoder) has them, of an element that is made of features.
pub(super) fn by_keys(
    call: &Call<'_>,
    cell: &Cell,
    element: Element,
    keys: &Data,
    values: &[f64],
    default: f64,
) -> Result<Cell, OnnxError> {
    if let (Some(pieces), Some(keys)) = (pieces(cell), keys.numbers()) {
        let value = |x: &[f64]| {
            let place = keys.iter().position(|key| *key == x[0]);
            Some(place.map_or(default, |at| values[at]))
        };
        let chosen = Pieces::map(&[&pieces], value);
        return chosen
            .map(|pieces| Cell::new(Expr::Pieces(pieces.into())))
            .ok_or_else(|| call.refuse("it has too many keys"));
    }
    let count = keys.len();
    let last = count as f64;
    // What has no key has a place of its own, where its value is on no line with the others.
    let (code, order) = code(call, cell, element, keys, Other::Value(last))?;
    let in_order: Vec<f64> = order.iter().map(|&key| values[key]).collect();
    let mut steps = call.run.steps.borrow_mut();
    let line = |at: usize| in_order[0] + at as f64 * (in_order[1] - in_order[0]);
    let is_line = count > 2 && in_order.iter().enumerate().all(|(at, &x)| x == line(at));
    let slope = if is_line {
        in_order[1] - in_order[0]
    } else {
        1.0
    };
    if is_line && slope != 0.0 {
        // The code of what has no key is then the one that the line brings to the default.
        let other = match (default - in_order[0]) / slope {
            code if code.is_finite() => Other::Value(code),
            _ => Other::Missing,
        };
        let recoded = match steps.list[code - steps.columns].clone() {
            RowStep::Code {
                from, categories, ..
            } => steps.code(from, categories, other),
            _ => code,
        };
        if slope == 1.0 && in_order[0] == 0.0 {
            return Ok(steps.cell(recoded, Element::Float32));
        }
        let form = steps.form(recoded).scaled(slope).shifted(in_order[0]);
        return Ok(Cell::new(Expr::Affine(form)));
    }
    if !default.is_finite() {
        return Err(call.refuse(format!("it gives {default} for what has no key")));
    }
    let numbers: Vec<f64> = in_order.into_iter().chain([default]).collect();
    let form = steps.chosen(code, 0, &numbers);
    Ok(Cell::new(Expr::Affine(form)))
}

/// The place of an element among the keys in increasing order, as a value of the row, and this order: place by place the key.
fn code(
    call: &Call<'_>,
    cell: &Cell,
    element: Element,
    keys: &Data,
    other: Other,
) -> Result<(usize, Vec<usize>), OnnxError> {
    let (numbers, from) = match (&cell.expr, keys) {
        (Expr::Word(column), Data::Strings(keys)) => {
            let mut steps = call.run.steps.borrow_mut();
            if other != Other::Refuse {
                steps.tolerate(*column);
            }
            (steps.codes_of_words(*column, keys), Some(*column))
        }
        (Expr::Word(_), _) | (_, Data::Strings(_)) => {
            return Err(call.refuse("its keys and its input do not go together"));
        }
        _ => {
            let numbers = keys.numbers();
            (
                numbers.ok_or_else(|| call.refuse("its keys are too large"))?,
                None,
            )
        }
    };
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let sorted: Vec<f64> = order.iter().map(|&key| numbers[key]).collect();
    if sorted.is_empty() || sorted.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(call.refuse("its keys are none, or not all different"));
    }
    if !sorted.iter().all(|key| key.is_finite()) {
        return Err(call.refuse("a key is no finite number; fill missing values in before"));
    }
    let by_intervals = from.is_none() && !compares_as_is(cell, &sorted);
    let (from, categories) = if by_intervals && let Some(chain) = &cell.chain {
        intervals(call, chain, &sorted)?
    } else {
        let from = from.map_or_else(|| call.row_value(cell, element), Ok)?;
        (from, sorted)
    };
    let mut steps = call.run.steps.borrow_mut();
    Ok((steps.code(from, categories, other), order))
}

/// Whether an element can be compared with these numbers without rounding it: whole numbers, and nothing done to the feature.
fn compares_as_is(cell: &Cell, numbers: &[f64]) -> bool {
    let exact = |x: &f64| integer(*x).is_some_and(|x| x.abs() <= 1 << 24);
    let untouched = |chain: &Chain| chain.steps.iter().all(|s| s.operation == Operation::Round);
    cell.chain.as_ref().is_none_or(untouched) && numbers.iter().all(exact)
}

/// In which of the intervals of reals that a chain brings to these numbers a value is: the value of a step, and the places of
/// the intervals.
fn intervals(
    call: &Call<'_>,
    chain: &Chain,
    numbers: &[f64],
) -> Result<(usize, Vec<f64>), OnnxError> {
    let refuse = || call.refuse("what its keys are compared with cannot be followed");
    let mut bounds = Vec::with_capacity(numbers.len());
    for &number in numbers {
        // The comparison's left side is below; a chain that falls turns it.
        let start = cut(chain, number, Comparison::Less).ok_or_else(refuse)?;
        let end = cut(chain, number, Comparison::LessOrEqual).ok_or_else(refuse)?;
        let (Some(a), Some(b)) = (start.0, end.0) else {
            return Err(refuse());
        };
        bounds.push((a.min(b), a.max(b)));
    }
    let mut cuts: Vec<f64> = bounds.iter().flat_map(|&(a, b)| [a, b]).collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let place = |&(start, _): &(f64, f64)| {
        let place = cuts.iter().position(|cut| *cut == start).unwrap_or(0);
        (place + 1) as f64
    };
    let places: Vec<f64> = bounds.iter().map(place).collect();
    // A falling chain has its numbers in falling order; codes are of increasing ones.
    if places.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(refuse());
    }
    let mut steps = call.run.steps.borrow_mut();
    let from = steps.value_of(chain.feature).ok_or_else(refuse)?;
    let bins = steps.push(RowStep::Bins { from, cuts });
    Ok((bins, places))
}

impl Call<'_> {
    /// The value of a row that an element is, by steps where it is none yet.
    pub(crate) fn row_value(&self, cell: &Cell, element: Element) -> Result<usize, OnnxError> {
        let form: Form = self.form_of(cell, element)?;
        self.work(1, form.terms.len() + 1)?;
        let value = self.run.steps.borrow_mut().value(&form);
        value.ok_or_else(|| {
            self.refuse("it prepares what is not computed from the features alone; prepare features before the model")
        })
    }

    /// A function of comparisons of one value with constants, and of constants.
    pub(crate) fn map_pieces(
        &self,
        cells: &[&Cell],
        function: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Expr> {
        let known = cells.iter().find_map(|cell| pieces(cell))?;
        let all: Option<Vec<Pieces>> = cells
            .iter()
            .map(|cell| match cell.expr.as_constant() {
                Some(number) => Some(known.constant(number)),
                None => pieces(cell),
            })
            .collect();
        let all = all?;
        let size: usize = all.iter().map(|p| p.numbers.len()).sum();
        self.work(size, size).ok()?;
        let operands: Vec<&Pieces> = all.iter().collect();
        Pieces::map(&operands, function).map(|pieces| Expr::Pieces(pieces.into()))
    }
}
