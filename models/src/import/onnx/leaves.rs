//! The trees of a graph, and functions of them that are taken leaf by leaf.
//!
//! Every number that a tree gives is a column: one value for each of its leaves. A function of columns of one and the same
//! tree is a column of it again, whatever the function; so what follows a single tree need not be affine.

use std::collections::HashMap;

use super::cell::{Curve, Expr, Function, Labels, Link};
use super::chain::Chain;
use super::element::Element;
use super::form::{Budget, Form};
use super::tensor::Data;
use crate::forest::{Node, Tree};

/// All trees and their columns.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    /// Number of features, which is the variable of the first column.
    pub(super) n_features: usize,
    /// Their leaves are empty, and `feature` of a split is an index into `chains`.
    pub(super) trees: Vec<Tree>,
    pub(super) chains: Vec<Chain>,
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    tree: usize,
    /// One per leaf, in the order of the tree's nodes.
    values: Vec<f64>,
}

/// Columns of one tree, each with its coefficient.
pub(super) type Terms<'a> = Vec<(&'a [f64], f64)>;

impl Leaves {
    pub(super) fn new(n_features: usize) -> Self {
        Self {
            n_features,
            ..Self::default()
        }
    }

    /// A new column, as a form.
    pub(super) fn column(&mut self, tree: usize, values: Vec<f64>) -> Form {
        self.columns.push(Column { tree, values });
        Form::variable(self.n_features + self.columns.len() - 1)
    }

    fn get(&self, variable: usize) -> Option<&Column> {
        self.columns.get(variable.checked_sub(self.n_features)?)
    }

    /// The form's terms by tree, none if it has features in it.
    pub(super) fn by_tree(&self, form: &Form) -> Option<HashMap<usize, Terms<'_>>> {
        let mut trees: HashMap<usize, Terms<'_>> = HashMap::new();
        for (&variable, &coefficient) in form.terms.iter().filter(|(_, w)| **w != 0.0) {
            let column = self.get(variable)?;
            let terms = trees.entry(column.tree).or_default();
            terms.push((&column.values, coefficient));
        }
        Some(trees)
    }

    /// The least and the greatest value of the form, none if it has features in it.
    pub(super) fn range(&self, form: &Form) -> Option<(f64, f64)> {
        let mut range = (form.intercept, form.intercept);
        for terms in self.by_tree(form)?.values() {
            let leaves = terms.first().map_or(0, |(values, _)| values.len());
            let value = |leaf: usize| terms.iter().map(|(v, w)| v[leaf] * w).sum::<f64>();
            let values = (0..leaves).map(value);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
            range = (range.0 + low, range.1 + high);
        }
        Some(range)
    }

    /// Whether the expression is nowhere negative.
    pub(super) fn is_nonnegative(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Affine(form) => self.range(form).is_some_and(|(low, _)| low >= 0.0),
            Expr::Curve(curve) => curve.scale >= 0.0 && curve.shift >= 0.0,
            Expr::Share(..) | Expr::Positive | Expr::Rows => true,
            Expr::Total(members) => members.iter().all(|member| self.is_nonnegative(member)),
            Expr::Label(_)
            | Expr::Pieces(_)
            | Expr::Traced(_)
            | Expr::Word(_)
            | Expr::Opaque(_) => false,
        }
    }

    /// Whether the expression is at least 1 for every row: a sum of `k` exponentials is no less than `k` times the
    /// exponential of the mean exponent (Jensen).
    pub(super) fn is_at_least_one(&self, expr: &Expr) -> bool {
        let Expr::Total(members) = expr else {
            return false;
        };
        let mut sum = Form::constant(0.0);
        for member in members.iter() {
            match member {
                Expr::Curve(Curve {
                    function: Function::Exp,
                    form,
                    scale,
                    shift,
                }) if *scale >= 1.0 && *shift >= 0.0 => sum.add_scaled(form, 1.0),
                _ => return false,
            }
        }
        let count = members.len() as f64;
        self.range(&sum)
            .is_some_and(|(low, _)| count * (low / count).exp() >= 1.0)
    }

    /// The one tree that all expressions depend on.
    fn tree_of(&self, exprs: &[&Expr]) -> Option<usize> {
        let mut tree = None;
        let mut forms = Vec::new();
        exprs
            .iter()
            .try_for_each(|expr| forms_of(expr, &mut forms))?;
        for form in forms {
            for variable in form.terms.keys() {
                let own = self.get(*variable)?.tree;
                if *tree.get_or_insert(own) != own {
                    return None;
                }
            }
        }
        tree
    }

    /// `function` of the expressions, leaf by leaf, if all depend on one tree and it has a value everywhere. Values are
    /// rounded to the types of the expressions before.
    pub(super) fn map(
        &mut self,
        exprs: &[(&Expr, Element)],
        budget: &Budget,
        function: impl Fn(&[f64]) -> Option<f64>,
    ) -> Option<Expr> {
        let only: Vec<&Expr> = exprs.iter().map(|(expr, _)| *expr).collect();
        let tree = self.tree_of(&only)?;
        let leaves = self.trees[tree].leaves().count();
        let work: usize = only.iter().map(|expr| expr.size()).sum();
        if !budget.spend(leaves, work) {
            return None;
        }
        let value = |leaf: usize| {
            let operands: Option<Vec<f64>> = exprs
                .iter()
                .map(|(expr, element)| Some(element.round(self.value(expr, leaf)?)))
                .collect();
            function(&operands?)
        };
        let values: Option<Vec<f64>> = (0..leaves).map(value).collect();
        Some(Expr::Affine(self.column(tree, values?)))
    }

    fn form_value(&self, form: &Form, leaf: usize) -> Option<f64> {
        let mut sum = form.intercept;
        for (&variable, w) in &form.terms {
            sum += w * self.get(variable)?.values.get(leaf)?;
        }
        Some(sum)
    }

    /// The value at a leaf of the one tree that the expression depends on.
    fn value(&self, expr: &Expr, leaf: usize) -> Option<f64> {
        match expr {
            Expr::Affine(form) => self.form_value(form, leaf),
            Expr::Curve(curve) => {
                let z = self.form_value(&curve.form, leaf)?;
                Some(curve.scale * curve.function.value(z) + curve.shift)
            }
            Expr::Share(group, at) => {
                let forms = group.forms.iter().map(|form| self.form_value(form, leaf));
                let mut values: Vec<f64> = forms.collect::<Option<_>>()?;
                for value in &mut values {
                    *value = match group.link {
                        Link::Softmax => value.exp(),
                        Link::SigmoidNormalized => Function::Sigmoid.value(*value),
                        _ => *value,
                    };
                }
                Some(values.get(*at)? / values.iter().sum::<f64>())
            }
            Expr::Total(members) => members.iter().map(|member| self.value(member, leaf)).sum(),
            Expr::Label(labels) => self.label(labels, leaf),
            Expr::Positive
            | Expr::Rows
            | Expr::Pieces(_)
            | Expr::Traced(_)
            | Expr::Word(_)
            | Expr::Opaque(_) => None,
        }
    }

    fn label(&self, labels: &Labels, leaf: usize) -> Option<f64> {
        let scores = labels.scores.iter();
        let scores = scores.map(|score| Some(labels.element.round(self.value(score, leaf)?)));
        let scores: Vec<f64> = scores.collect::<Option<_>>()?;
        let class = if let [score] = scores.as_slice() {
            usize::from(*score > 0.0)
        } else {
            let better = |best: usize, at: usize| if scores[at] > scores[best] { at } else { best };
            (1..scores.len()).fold(0, better)
        };
        match &labels.classes {
            Data::Integers(classes) => classes.get(class).map(|&class| class as f64),
            Data::Numbers(classes) => classes.get(class).copied(),
            Data::Strings(_) | Data::Cells(_) => None,
        }
    }
}

/// Every form in the expression; none if it is opaque.
fn forms_of<'a>(expr: &'a Expr, forms: &mut Vec<&'a Form>) -> Option<()> {
    match expr {
        Expr::Affine(form) | Expr::Curve(Curve { form, .. }) => forms.push(form),
        Expr::Share(group, _) => forms.extend(&group.forms),
        Expr::Total(members) => {
            return members
                .iter()
                .try_for_each(|member| forms_of(member, forms));
        }
        Expr::Label(labels) => {
            return labels
                .scores
                .iter()
                .try_for_each(|score| forms_of(score, forms));
        }
        Expr::Positive
        | Expr::Rows
        | Expr::Pieces(_)
        | Expr::Traced(_)
        | Expr::Word(_)
        | Expr::Opaque(_) => {
            return None;
        }
    }
    Some(())
}

impl Function {
    pub(super) fn value(self, z: f64) -> f64 {
        match self {
            Self::Exp => z.exp(),
            Self::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        }
    }
}

impl Leaves {
    /// A tree's leaves, in the order of its nodes, given by a function of their index.
    pub(super) fn filled(&self, tree: usize, mut leaf: impl FnMut(usize) -> Vec<f64>) -> Vec<Node> {
        let mut next = 0;
        let fill = |node: &Node| match node {
            Node::Split(split) => Node::Split(*split),
            Node::Leaf(_) => {
                next += 1;
                Node::Leaf(leaf(next - 1))
            }
        };
        self.trees[tree].nodes.iter().map(fill).collect()
    }
}
