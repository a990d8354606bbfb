//! Tensors on symbols: columns of affine forms behind one link.

use super::error::OnnxError;
use super::form::{Budget, Form, MAX_COLUMNS};
use super::graph::{Node, Tensor};

/// What a name of the graph stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// The same for every row.
    Constant(Tensor),
    /// One column per form.
    Scores(Scores),
    /// The sum over the columns.
    Sum(Scores),
    /// True for every row: a sum of positive numbers as a truth value.
    True,
    /// The label of the largest column.
    Labels(Labels),
    /// An optional input or output that is not used.
    Absent,
}

/// `[rows, forms.len()]`: `link(form(x))`, column by column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scores {
    pub(super) forms: Vec<Form>,
    pub(super) link: Link,
}

/// The label of the first of the largest scores; with one score, whether it is above 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Labels {
    pub(super) scores: Scores,
    /// One per score, or two for one score.
    pub(super) classes: Vec<String>,
    /// Whether `classes` are only indices so far, to be looked up in the real labels.
    pub(super) indices: bool,
}

/// What has been done to the forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// `z`
    Identity,
    /// `exp(z)`
    Exp,
    /// `1 + exp(z)`, on the way to a sigmoid
    OnePlusExp,
    /// `1 / (1 + exp(-z))`
    Sigmoid,
    /// Sigmoids divided by their sum
    SigmoidNormalized,
    /// Exponentials divided by their sum
    Softmax,
}

impl Value {
    /// Numbers in it.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Constant(tensor) => tensor.numbers().map_or(1, <[f64]>::len),
            Self::Scores(scores) | Self::Sum(scores) => scores.terms(),
            Self::Labels(labels) => labels.scores.terms(),
            _ => 1,
        }
    }
}

impl Scores {
    pub(super) fn identity(forms: Vec<Form>) -> Self {
        Self {
            forms,
            link: Link::Identity,
        }
    }

    pub(super) fn terms(&self) -> usize {
        self.forms.iter().map(|form| form.terms.len() + 1).sum()
    }

    /// The forms, if nothing has been done to them.
    pub(super) fn affine(&self, node: &Node) -> Result<&[Form], OnnxError> {
        if self.link == Link::Identity {
            Ok(&self.forms)
        } else {
            Err(node.refuse("it takes the result of a nonlinear function, and only affine functions can follow another operator here"))
        }
    }

    /// Applies a function to untouched forms.
    pub(super) fn linked(self, link: Link, node: &Node) -> Result<Self, OnnxError> {
        self.affine(node)?;
        Ok(Self {
            forms: self.forms,
            link,
        })
    }

    /// The columns `indices`, which may count from the end.
    pub(super) fn select(&self, indices: &[i64], node: &Node) -> Result<Self, OnnxError> {
        let n = self.forms.len();
        let place = |&index: &i64| {
            let index = if index < 0 {
                index.checked_add_unsigned(n as u64)?
            } else {
                index
            };
            usize::try_from(index).ok().filter(|&index| index < n)
        };
        if indices.len() > MAX_COLUMNS {
            return Err(node.refuse(format!(
                "more than {MAX_COLUMNS} columns are too large to fold"
            )));
        }
        let places: Option<Vec<usize>> = indices.iter().map(place).collect();
        let places = places
            .ok_or_else(|| node.refuse(format!("columns {indices:?} of {n} are not all there")))?;
        if matches!(self.link, Link::Softmax | Link::SigmoidNormalized) && places.len() < n {
            return match (self.link, places.as_slice(), self.forms.as_slice()) {
                // exp(a) / (exp(a) + exp(b)) is the sigmoid of a - b.
                (Link::Softmax, &[chosen], [a, b]) => {
                    let (own, other) = if chosen == 0 { (a, b) } else { (b, a) };
                    Ok(Self {
                        forms: vec![own.plus(&other.scaled(-1.0))],
                        link: Link::Sigmoid,
                    })
                }
                _ => Err(node.refuse("it picks columns of normalized scores; keep them all")),
            };
        }
        Ok(Self {
            forms: places.into_iter().map(|j| self.forms[j].clone()).collect(),
            link: self.link,
        })
    }

    /// `x W` for a matrix of as many rows as there are columns here.
    pub(super) fn product(
        &self,
        weights: &[f64],
        columns: usize,
        budget: &Budget,
        node: &Node,
    ) -> Result<Self, OnnxError> {
        let forms = self.affine(node)?;
        let rows = forms.len();
        if columns == 0 || weights.len() != rows * columns {
            return Err(node.refuse(format!(
                "{} weights do not fit {rows} columns",
                weights.len()
            )));
        }
        if !budget.spend(columns, self.terms()) {
            return Err(node.refuse(
                "the product is too large to fold; export the model as one matrix product",
            ));
        }
        let column = |j: usize| {
            let mut sum = Form::constant(0.0);
            for (form, w) in forms.iter().zip(weights.iter().skip(j).step_by(columns)) {
                if *w != 0.0 {
                    sum.add_scaled(form, *w);
                }
            }
            sum
        };
        Ok(Self::identity((0..columns).map(column).collect()))
    }

    /// `f(form, constant)` with the constant broadcast over the columns; a single column is repeated.
    pub(super) fn with_constant(
        &self,
        constant: &Tensor,
        node: &Node,
        f: impl Fn(&Form, f64) -> Form,
    ) -> Result<Self, OnnxError> {
        let values = row(constant, node)?;
        let n = self.forms.len();
        let forms: Vec<Form> = match values.len() {
            1 => self.forms.iter().map(|form| f(form, values[0])).collect(),
            k if k == n => self
                .forms
                .iter()
                .zip(values)
                .map(|(form, x)| f(form, *x))
                .collect(),
            k if n == 1 => {
                let _ = k;
                values.iter().map(|x| f(&self.forms[0], *x)).collect()
            }
            k => return Err(node.refuse(format!("{k} constants do not fit {n} columns"))),
        };
        Ok(Self {
            forms,
            link: self.link,
        })
    }
}

/// The elements of a constant that is the same for every row: of shape `[]`, `[k]` or `[1, .., k]`.
pub(super) fn row<'a>(constant: &'a Tensor, node: &Node) -> Result<&'a [f64], OnnxError> {
    let values = constant
        .numbers()
        .ok_or_else(|| node.refuse("it takes strings where numbers are needed"))?;
    let leading = constant
        .shape
        .split_last()
        .map_or(&[][..], |(_, leading)| leading);
    if leading.iter().any(|&d| d != 1) || values.is_empty() {
        return Err(node.refuse(format!(
            "a constant of shape {:?} is not one row",
            constant.shape
        )));
    }
    Ok(values)
}
