//! What an element of a tensor is as a function of a row: an affine form, a curve of one, a share of a sum, or a label.

use alloc::rc::Rc;

use super::chain::{Chain, Operation};
use super::element::Element;
use super::error::OnnxError;
use super::form::Form;
use super::pieces::Pieces;
use super::tensor::Data;

/// An element of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) expr: Expr,
    /// How onnxruntime computes it, where it is a function of a single feature that trees can compare.
    pub(super) chain: Option<Chain>,
}

/// A function of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Affine(Form),
    Curve(Curve),
    /// One of the positive numbers of a group, divided by their sum.
    Share(Rc<Group>, usize),
    /// A sum of expressions that are not affine.
    Total(Rc<Vec<Expr>>),
    /// An integer of at least 1.
    Positive,
    /// The number of rows.
    Rows,
    Label(Rc<Labels>),
    /// What changes at some points of one value of a row.
    Pieces(Rc<Pieces>),
    /// A function of one value of a row that is none of the others.
    Traced(usize),
    /// The string of a column.
    Word(usize),
    /// Nothing that can be said here; why not.
    Opaque(Rc<OnnxError>),
}

/// `scale * function(form) + shift`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    pub(super) function: Function,
    pub(super) form: Form,
    pub(super) scale: f64,
    pub(super) shift: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Exp,
    /// `1 / (1 + exp(-z))`
    Sigmoid,
}

/// What shares are of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub(super) link: Link,
    pub(super) forms: Vec<Form>,
}

/// What has been done to all of several forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Identity,
    Exp,
    Sigmoid,
    /// Sigmoids divided by their sum
    SigmoidNormalized,
    /// Exponentials divided by their sum
    Softmax,
    /// The forms themselves, none of them negative, divided by their sum
    Proportion,
}

/// The class of the first of the largest scores; with one score, the second class iff it is above 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Labels {
    pub(super) scores: Vec<Expr>,
    pub(super) classes: Data,
    /// Type of the scores.
    pub(super) element: Element,
    /// Whether an operator that is made to classify gave it.
    pub(super) classifier: bool,
}

impl Cell {
    pub(super) fn new(expr: Expr) -> Self {
        Self { expr, chain: None }
    }

    /// A feature as the graph receives it.
    pub(super) fn feature(feature: usize, element: Element) -> Self {
        let chain = Chain {
            feature,
            steps: Vec::new(),
        };
        // Doubles and integers arrive as they are.
        let rounded = if matches!(element, Element::Float32 | Element::Float16) {
            chain.then(Operation::Round, 0.0, element)
        } else {
            Some(chain)
        };
        Self {
            expr: Expr::Affine(Form::variable(feature)),
            chain: rounded,
        }
    }

    pub(super) fn size(&self) -> usize {
        8 + self.expr.size() + self.chain.as_ref().map_or(0, |chain| chain.steps.len())
    }
}

impl Expr {
    pub(super) fn constant(x: f64) -> Self {
        Self::Affine(Form::constant(x))
    }

    pub(super) fn sigmoid(form: Form) -> Self {
        Self::curve(Function::Sigmoid, form)
    }

    pub(super) fn curve(function: Function, form: Form) -> Self {
        Self::Curve(Curve {
            function,
            form,
            scale: 1.0,
            shift: 0.0,
        })
    }

    pub(super) fn size(&self) -> usize {
        1 + match self {
            Self::Affine(form) | Self::Curve(Curve { form, .. }) => form.terms.len(),
            Self::Pieces(pieces) => pieces.numbers.len(),
            _ => 0,
        }
    }

    pub(super) fn affine(&self) -> Option<&Form> {
        match self {
            Self::Affine(form) => Some(form),
            _ => None,
        }
    }

    pub(super) fn as_constant(&self) -> Option<f64> {
        self.affine()?.as_constant()
    }

    /// `by * self + shift`
    pub(super) fn scaled(&self, by: f64, shift: f64) -> Option<Self> {
        match self {
            Self::Affine(form) => {
                let scaled = if by == 1.0 {
                    form.clone()
                } else {
                    form.scaled(by)
                };
                Some(Self::Affine(scaled.shifted(shift)))
            }
            Self::Curve(curve) => {
                let (scale, shift) = (by * curve.scale, by * curve.shift + shift);
                // s sigmoid(z) - s = -s sigmoid(-z)
                if curve.function == Function::Sigmoid && scale == -shift {
                    return Some(Self::Curve(Curve {
                        form: curve.form.scaled(-1.0),
                        scale: shift,
                        shift: 0.0,
                        ..*curve
                    }));
                }
                Some(Self::Curve(Curve {
                    scale,
                    shift,
                    ..curve.clone()
                }))
            }
            Self::Share(..) if (by, shift) != (1.0, 0.0) => self.of_two()?.scaled(by, shift),
            Self::Share(..) | Self::Total(_) => ((by, shift) == (1.0, 0.0)).then(|| self.clone()),
            Self::Positive
            | Self::Rows
            | Self::Label(_)
            | Self::Pieces(_)
            | Self::Traced(_)
            | Self::Word(_)
            | Self::Opaque(_) => None,
        }
    }

    /// A softmax of two as a sigmoid: `exp(a) / (exp(a) + exp(b))` is that of `a - b`. The sigmoids of `a` and `-a` have the
    /// sum 1 already.
    pub(super) fn of_two(&self) -> Option<Self> {
        let Self::Share(group, at) = self else {
            return None;
        };
        match (group.link, group.forms.as_slice(), at) {
            (Link::Softmax, [own, other], 0) | (Link::Softmax, [other, own], 1) => {
                Some(Self::sigmoid(own.plus(&other.scaled(-1.0))))
            }
            (Link::SigmoidNormalized, [a, b], at) if a.is_negative_of(b) => {
                group.forms.get(*at).cloned().map(Self::sigmoid)
            }
            _ => None,
        }
    }

    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Affine(a), Self::Affine(b)) => Some(Self::Affine(a.plus(b))),
            _ => match (self.as_constant(), other.as_constant()) {
                (_, Some(c)) => self.scaled(1.0, c),
                (Some(c), _) => other.scaled(1.0, c),
                _ => None,
            },
        }
    }

    pub(super) fn times(&self, other: &Self) -> Option<Self> {
        match (self.as_constant(), other.as_constant()) {
            (_, Some(c)) => self.scaled(c, 0.0),
            (Some(c), _) => other.scaled(c, 0.0),
            _ => None,
        }
    }

    pub(super) fn over(&self, other: &Self) -> Option<Self> {
        if let Some(c) = other.as_constant() {
            return if c == 1.0 {
                Some(self.clone())
            } else {
                self.scaled(1.0 / c, 0.0).filter(|_| c != 0.0)
            };
        }
        match (self.as_constant(), other) {
            // c / (t + s exp(z)) = c/t sigmoid(-(z + ln(s/t)))
            (Some(c), Self::Curve(curve))
                if curve.function == Function::Exp && curve.scale > 0.0 && curve.shift > 0.0 =>
            {
                let form = curve.form.clone().shifted((curve.scale / curve.shift).ln());
                Self::sigmoid(form.scaled(-1.0)).scaled(c / curve.shift, 0.0)
            }
            (_, Self::Total(members)) => {
                let at = members.iter().position(|member| member == self)?;
                Some(Self::Share(Rc::new(Group::new(members)?), at))
            }
            _ => None,
        }
    }

    pub(super) fn exp(&self) -> Option<Self> {
        let form = self.affine()?.clone();
        Some(Self::curve(Function::Exp, form))
    }
}

impl Group {
    /// The group of such members, if all are positive in the same way.
    pub(super) fn new(members: &[Expr]) -> Option<Self> {
        let (forms, link) = linked(members)?;
        let link = match link {
            Link::Exp => Link::Softmax,
            Link::Sigmoid => Link::SigmoidNormalized,
            // Shares of a whole have the sum 1.
            Link::Softmax | Link::SigmoidNormalized | Link::Proportion => link,
            Link::Identity => return None,
        };
        Some(Self { link, forms })
    }
}

/// The forms and the link of expressions that have one in common: all of a group, in order, if they are shares.
pub(super) fn linked(exprs: &[Expr]) -> Option<(Vec<Form>, Link)> {
    let first = exprs.first()?;
    let all = |link: Link, form: &dyn Fn(&Expr) -> Option<Form>| {
        let forms: Option<Vec<Form>> = exprs.iter().map(form).collect();
        forms.map(|forms| (forms, link))
    };
    match first {
        Expr::Affine(_) => all(Link::Identity, &|expr| expr.affine().cloned()),
        Expr::Curve(Curve {
            function: Function::Exp,
            ..
        }) => all(Link::Exp, &|expr| match expr {
            Expr::Curve(curve)
                if curve.function == Function::Exp && curve.scale > 0.0 && curve.shift == 0.0 =>
            {
                // s exp(z) = exp(z + ln s)
                Some(curve.form.clone().shifted(curve.scale.ln()))
            }
            _ => None,
        }),
        Expr::Curve(_) => all(Link::Sigmoid, &|expr| match expr {
            Expr::Curve(curve)
                if curve.function == Function::Sigmoid
                    && (curve.scale, curve.shift) == (1.0, 0.0) =>
            {
                Some(curve.form.clone())
            }
            Expr::Share(..) => match expr.of_two()? {
                Expr::Curve(curve) => Some(curve.form),
                _ => None,
            },
            _ => None,
        }),
        Expr::Share(group, _) => {
            let whole = exprs.len() == group.forms.len()
                && exprs.iter().enumerate().all(
                    |(at, expr)| matches!(expr, Expr::Share(other, i) if *i == at && (Rc::ptr_eq(other, group) || other == group)),
                );
            if whole {
                return Some((group.forms.clone(), group.link));
            }
            let sigmoids: Option<Vec<Expr>> = exprs.iter().map(Expr::of_two).collect();
            linked(&sigmoids?)
        }
        _ => None,
    }
}
