//! Elements by their index, and numbers and labels by others.

use alloc::rc::Rc;

use super::elementwise::finish;
use super::movement::{places, take};
use crate::import::onnx::call::{Call, Value, one};
use crate::import::onnx::cell::{Cell, Expr, Labels};
use crate::import::onnx::element::{Element, integer};
use crate::import::onnx::error::OnnxError;
use crate::import::onnx::tensor::{Data, Dim, Tensor};
use crate::import::onnx::trace::{Hint, place};

pub(super) fn gather(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?);
    let axis = call.axis(call.node.int("axis").unwrap_or(0), x.dims.len())?;
    let dims = [&x.dims[..axis], &indices.dims, &x.dims[axis + 1..]].concat();
    one(picked(call, x, axis, indices, dims)?)
}

/// Places of the last axis.
pub(super) fn array_feature_extractor(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, indices) = (call.tensor(0)?, call.tensor(1)?);
    let Some(axis) = x.dims.len().checked_sub(1) else {
        return Err(call.refuse("its input has no dimension"));
    };
    let count = match (indices.has_rows(), indices.data.len()) {
        (true, 1) => Dim::Rows,
        (true, count) => Dim::RowsOf(count),
        (false, count) => Dim::Fixed(count),
    };
    let mut dims = x.dims[..axis].to_vec();
    if dims.is_empty() {
        dims.push(Dim::Fixed(1));
    }
    dims.push(count);
    one(picked(call, x, axis, indices, dims)?)
}

fn picked(
    call: &Call<'_>,
    x: &Tensor,
    axis: usize,
    indices: &Tensor,
    dims: Vec<Dim>,
) -> Result<Tensor, OnnxError> {
    if !matches!(indices.element, Element::Int64 | Element::Int32) {
        return Err(call.refuse("its indices are no integers"));
    }
    if dims.iter().filter(|dim| dim.has_rows()).count() > 1 {
        return Err(call.refuse("it combines every row with every other"));
    }
    match &indices.data {
        Data::Integers(values) => {
            let places = places(call, values, x.sizes()[axis])?;
            let taken = take(call, x, axis, &places)?;
            Ok(Tensor { dims, ..taken })
        }
        Data::Cells(cells) if x.data.is_constant() && !x.has_rows() => {
            let (size, inner) = (x.sizes()[axis], x.sizes()[axis + 1..].iter().product());
            let outer: usize = x.sizes()[..axis].iter().product();
            let tables = outer.saturating_mul(inner);
            call.work(tables, cells.len().saturating_add(size))?;
            let along = |table: usize| {
                let first = table / inner * size * inner + table % inner;
                let places: Vec<usize> = (0..size).map(|j| first + j * inner).collect();
                Table::new(x.data.gather(&places), x.element)
            };
            let tables: Vec<Table> = (0..tables).map(along).collect();
            let mut found = Vec::new();
            for tables in tables.chunks(inner.max(1)) {
                for index in cells {
                    for table in tables {
                        found.push(table.looked_up(call, index, indices.element)?);
                    }
                }
            }
            call.columns(found.len())?;
            Ok(Tensor::cells(x.element, dims, found))
        }
        _ => Err(call.refuse("its indices depend on the features in a way that is not supported; labels and single trees may choose among constants")),
    }
}

/// Constants that an index chooses from.
struct Table {
    values: Data,
    /// As numbers, if they are.
    numbers: Option<Rc<[f64]>>,
}

impl Table {
    fn new(values: Data, element: Element) -> Self {
        let numbers = values.numbers();
        let numbers = numbers.map(|numbers| numbers.iter().map(|x| element.round(*x)).collect());
        Self { values, numbers }
    }

    /// The value whose index a label, a tree or a function of a feature gives.
    fn looked_up(
        &self,
        call: &Call<'_>,
        index: &Cell,
        element: Element,
    ) -> Result<Cell, OnnxError> {
        let at = |x: f64| place(x, self.values.len());
        let number = |numbers: &[f64], x: f64| numbers.get(place(x, numbers.len())?).copied();
        let expr = match (&index.expr, &self.numbers) {
            (Expr::Label(labels), _) => relabelled(
                labels,
                |class| match class {
                    Key::Integer(x) => at(x as f64),
                    Key::Number(x) => at(x),
                    Key::Text(_) => None,
                },
                &self.values,
            ),
            (_, None) => None,
            (expr, Some(numbers)) => match expr.as_constant() {
                Some(x) => number(numbers, x).map(Expr::constant),
                None => call
                    .map_leaves(&[(expr, element)], |x| number(numbers, x[0]))
                    .or_else(|| {
                        let (hint, numbers) = (Hint::Table(Rc::clone(numbers)), Rc::clone(numbers));
                        call.traced(&[index], true, hint, move |x| number(&numbers, x[0]))
                    }),
            },
        };
        finish(
            call,
            expr,
            None,
            &[index],
            "its indices are no predicted labels, or out of range",
        )
    }
}

/// A class or a key.
enum Key<'a> {
    Integer(i64),
    Number(f64),
    Text(&'a str),
}

/// Labels whose classes are the values at the places that a function of the old ones gives.
fn relabelled(
    labels: &Labels,
    place: impl Fn(Key<'_>) -> Option<usize>,
    values: &Data,
) -> Option<Expr> {
    let places: Option<Vec<usize>> = match &labels.classes {
        Data::Integers(classes) => classes.iter().map(|&x| place(Key::Integer(x))).collect(),
        Data::Numbers(classes) => classes.iter().map(|&x| place(Key::Number(x))).collect(),
        Data::Strings(classes) => classes.iter().map(|x| place(Key::Text(x))).collect(),
        Data::Cells(_) => None,
    };
    Some(Expr::Label(Rc::new(Labels {
        classes: values.gather(&places?),
        ..labels.clone()
    })))
}

/// Values by their keys.
pub(super) fn label_encoder(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let (x, node) = (call.tensor(0)?, call.node);
    let side = |name: &str| {
        if node.has(&format!("{name}_int64s")) {
            Some((
                Element::Int64,
                Data::Integers(node.ints(&format!("{name}_int64s")).to_vec()),
            ))
        } else if node.has(&format!("{name}_floats")) {
            Some((
                Element::Float32,
                Data::Numbers(node.floats(&format!("{name}_floats"))),
            ))
        } else if node.has(&format!("{name}_strings")) {
            Some((
                Element::String,
                Data::Strings(node.strings(&format!("{name}_strings"))),
            ))
        } else {
            None
        }
    };
    let (Some((from, keys)), Some((to, values))) = (side("keys"), side("values")) else {
        return Err(call.refuse("it has no keys or no values"));
    };
    if keys.len() != values.len() || from != x.element {
        return Err(call.refuse("its keys, values and input do not go together"));
    }
    let Data::Cells(cells) = &x.data else {
        return Err(call.refuse("its input is a constant"));
    };
    call.work(cells.len(), keys.len())?;
    let default = match to {
        Element::Int64 => node.int("default_int64").unwrap_or(-1) as f64,
        _ => node.float("default_float").unwrap_or(-0.0),
    };
    let place = |key: Key<'_>| match (&keys, key) {
        (Data::Integers(keys), Key::Integer(x)) => keys.iter().position(|key| *key == x),
        (Data::Numbers(keys), Key::Number(x)) => keys.iter().position(|key| *key == x),
        (Data::Strings(keys), Key::Text(x)) => keys.iter().position(|key| key == x),
        _ => None,
    };
    let number = |x: &[f64]| {
        let place = match keys {
            Data::Integers(_) => place(Key::Integer(integer(x[0])?))?,
            _ => place(Key::Number(x[0]))?,
        };
        match &values {
            Data::Integers(values) => Some(values[place] as f64),
            Data::Numbers(values) => Some(values[place]),
            _ => None,
        }
    };
    let cell = |cell: &Cell| {
        let expr = match &cell.expr {
            Expr::Label(labels) => relabelled(labels, place, &values),
            expr => call.map_leaves(&[(expr, from)], number),
        };
        if let (None, Some(numbers)) = (&expr, values.numbers()) {
            return super::encode::by_keys(call, cell, from, &keys, &numbers, default);
        }
        finish(
            call,
            expr,
            None,
            &[cell],
            "it is supported for predicted labels and behind single trees, where every label has a key",
        )
    };
    let cells = cells.iter().map(cell).collect::<Result<_, _>>()?;
    one(Tensor::cells(to, x.dims.clone(), cells))
}

/// Names for columns, which stay as they are.
pub(super) fn zip_map(call: &Call<'_>) -> Result<Vec<Value>, OnnxError> {
    let x = call.tensor(0)?;
    let names = call.node.class_labels();
    if x.data.len() != names.len() {
        return Err(call.refuse(format!(
            "{} names for {} columns",
            names.len(),
            x.data.len()
        )));
    }
    call.run.zip_maps.borrow_mut().push(names);
    one(x.clone())
}

/// The labels of a classifier, as its attributes give them.
pub(crate) fn class_data(call: &Call<'_>) -> (Element, Data) {
    let ints = ["classlabels_ints", "classlabels_int64s"];
    let ints: Vec<i64> = ints
        .iter()
        .flat_map(|name| call.node.ints(name))
        .copied()
        .collect();
    if ints.is_empty() {
        let strings = call.node.strings("classlabels_strings");
        (Element::String, Data::Strings(strings))
    } else {
        (Element::Int64, Data::Integers(ints))
    }
}
