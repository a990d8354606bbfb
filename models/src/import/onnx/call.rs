//! A node with its inputs, among the values that the run has so far.

use alloc::rc::Rc;
use core::cell::RefCell;
use std::collections::HashMap;

use super::cell::{Cell, Expr};
use super::compared::pieces;
use super::element::Element;
use super::error::OnnxError;
use super::form::{Budget, Form, MAX_COLUMNS};
use super::graph::{Graph, Node};
use super::leaves::Leaves;
use super::neurons::Neurons;
use super::steps::Steps;
use super::tensor::{Data, Dim, Tensor};
use super::trace::Trace;

/// What a name of the graph stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Tensor(Tensor),
    /// An optional input or output that is not used.
    Absent,
}

/// What the nodes left behind.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) graph: &'a Graph,
    pub(super) values: HashMap<String, Result<Rc<Value>, OnnxError>>,
    pub(super) budget: Budget,
    pub(super) leaves: RefCell<Leaves>,
    pub(super) neurons: RefCell<Neurons>,
    pub(super) steps: RefCell<Steps>,
    pub(super) trace: RefCell<Trace>,
    /// What whoever imports should know.
    pub(super) notes: RefCell<Vec<String>>,
    /// The names that each `ZipMap` gives to columns.
    pub(super) zip_maps: RefCell<Vec<Vec<String>>>,
    /// Per input, the number of its columns; none for one of strings that nothing reads.
    pub(super) widths: Vec<usize>,
}

/// The values of an operator with one output.
pub(super) fn one(tensor: Tensor) -> Result<Vec<Value>, OnnxError> {
    Ok(vec![Value::Tensor(tensor)])
}

impl Run<'_> {
    /// The value of a name.
    pub(super) fn value(&self, name: &str) -> Result<Rc<Value>, OnnxError> {
        if name.is_empty() {
            return Ok(Rc::new(Value::Absent));
        }
        self.values.get(name).cloned().unwrap_or_else(|| {
            Err(OnnxError::Graph {
                message: format!("`{name}` is read but never defined"),
            })
        })
    }
}

/// One node with its inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) node: &'a Node,
    pub(super) inputs: &'a [Rc<Value>],
    pub(super) run: &'a Run<'a>,
}

impl<'a> Call<'a> {
    pub(super) fn refuse(&self, message: impl Into<String>) -> OnnxError {
        self.node.refuse(message)
    }

    pub(super) fn spend(&self, value: &Value) -> Result<(), OnnxError> {
        let size = match value {
            Value::Tensor(tensor) => tensor.size(),
            _ => 1,
        };
        self.work(1, size)
    }

    /// Takes `times * size` from the budget.
    pub(super) fn work(&self, times: usize, size: usize) -> Result<(), OnnxError> {
        if self.run.budget.spend(times, size) {
            Ok(())
        } else {
            Err(self.refuse("the graph is too large to fold into one model; export the model as one matrix product"))
        }
    }

    /// The elements at `places`, which are in range, if there is work left to copy them.
    pub(super) fn gather(&self, data: &Data, places: &[usize]) -> Result<Data, OnnxError> {
        self.work(places.len(), data.heaviest())?;
        Ok(data.gather(places))
    }

    /// Refuses a tensor of more columns than are folded.
    pub(super) fn columns(&self, columns: usize) -> Result<(), OnnxError> {
        if columns <= MAX_COLUMNS {
            Ok(())
        } else {
            Err(self.refuse(format!(
                "more than {MAX_COLUMNS} columns are too large to fold"
            )))
        }
    }

    /// Input `at`, counted from 0.
    pub(super) fn tensor(&self, at: usize) -> Result<&'a Tensor, OnnxError> {
        match self.inputs.get(at).map(Rc::as_ref) {
            Some(Value::Tensor(tensor)) => Ok(tensor),
            Some(Value::Absent) | None => {
                Err(self.refuse(format!("its input {} is missing", at + 1)))
            }
        }
    }

    /// Input `at`, if it is there.
    pub(super) fn optional(&self, at: usize) -> Result<Option<&'a Tensor>, OnnxError> {
        match self.inputs.get(at).map(Rc::as_ref) {
            Some(Value::Absent) | None => Ok(None),
            Some(_) => self.tensor(at).map(Some),
        }
    }

    /// Input `at`, which must be the same for every row.
    pub(super) fn constant(&self, at: usize) -> Result<&'a Tensor, OnnxError> {
        let tensor = self.tensor(at)?;
        if tensor.data.is_constant() && !tensor.has_rows() {
            Ok(tensor)
        } else {
            Err(self.refuse(format!("its input {} must be a constant", at + 1)))
        }
    }

    /// The numbers of a constant input.
    pub(super) fn numbers(&self, at: usize) -> Result<Vec<f64>, OnnxError> {
        let tensor = self.constant(at)?;
        tensor
            .numbers()
            .ok_or_else(|| self.refuse(format!("its input {} holds no numbers", at + 1)))
    }

    /// Integers from an input or, as older versions have it, an attribute.
    pub(super) fn integers(
        &self,
        at: usize,
        attribute: &str,
    ) -> Result<Option<Vec<i64>>, OnnxError> {
        match self.optional(at)? {
            None if self.node.has(attribute) => Ok(Some(self.node.ints(attribute).to_vec())),
            None => Ok(None),
            Some(_) => {
                let integers = self.constant(at)?.integers();
                integers
                    .map(|values| Some(values.to_vec()))
                    .ok_or_else(|| self.refuse(format!("its input {} holds no integers", at + 1)))
            }
        }
    }

    /// An axis of a tensor of `rank` dimensions, which may count from the end.
    pub(super) fn axis(&self, axis: i64, rank: usize) -> Result<usize, OnnxError> {
        let place = if axis < 0 {
            axis.checked_add_unsigned(rank as u64)
        } else {
            Some(axis)
        };
        let place = place.and_then(|axis| usize::try_from(axis).ok());
        place
            .filter(|&axis| axis < rank)
            .ok_or_else(|| self.refuse(format!("axis {axis} of {rank} dimensions")))
    }

    /// A function of expressions that depend on one tree, leaf by leaf.
    pub(super) fn map_leaves(
        &self,
        exprs: &[(&Expr, Element)],
        function: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Expr> {
        let mut leaves = self.run.leaves.borrow_mut();
        leaves.map(exprs, &self.run.budget, function)
    }

    /// The columns of a tensor `[rows, columns]`, which must be affine.
    pub(super) fn affine_columns(&self, tensor: &Tensor) -> Result<Vec<Form>, OnnxError> {
        let cells = match (tensor.dims.as_slice(), &tensor.data) {
            ([Dim::Rows, Dim::Fixed(_)], Data::Cells(cells)) => cells,
            (_, Data::Cells(_)) => {
                return Err(self.refuse("its input must have the shape [rows, columns]"));
            }
            _ => return Err(self.refuse("its input is not computed from the features")),
        };
        cells
            .iter()
            .map(|cell| self.form_of(cell, tensor.element))
            .collect()
    }

    /// An element as a form: of what compares a value with constants, by steps.
    pub(super) fn form_of(&self, cell: &Cell, element: Element) -> Result<Form, OnnxError> {
        let cell = &self.settled(cell, element)?;
        self.affine(&cell.expr, element).or_else(|error| {
            let form = pieces(cell).and_then(|p| p.form(&mut self.run.steps.borrow_mut()));
            form.ok_or(error)
        })
    }

    pub(super) fn affine(&self, expr: &Expr, element: Element) -> Result<Form, OnnxError> {
        if let Expr::Affine(form) = expr {
            return Ok(form.clone());
        }
        if let Some(Expr::Affine(form)) = self.map_leaves(&[(expr, element)], |x| Some(x[0])) {
            return Ok(form);
        }
        if let Some(form) = self.neural(expr) {
            return Ok(form);
        }
        Err(match expr {
            Expr::Opaque(error) => OnnxError::clone(error),
            Expr::Label(_) => self.refuse("it computes with predicted labels"),
            Expr::Traced(at) => self.run.trace.borrow().refused(*at),
            _ => self.refuse("it takes the result of a nonlinear function, and only affine functions can follow another operator here"),
        })
    }
}
