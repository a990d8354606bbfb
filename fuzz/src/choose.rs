//! Models and rows from a stream of choices.

use arbitrary::{Result, Unstructured};
use tenebra_models::additive::Term;
use tenebra_models::forest::{Comparison, Decoys, ForestOptions, Missing, Node, Split, Tree};
use tenebra_models::{AdditiveParts, ForestParts};
use tenebra_quant::{Decision, InverseLink};

/// Numbers that thresholds and rows are often made of: around zero, around single precision, and the ends.
const CORNERS: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    0.5,
    16_777_217.0,
    1e-45,
    -1e-45,
    1e-310,
    3.4e38,
    -3.4e38,
    f64::MAX,
    f64::MIN,
];

/// A number, often one that rounding treats badly.
pub fn number(u: &mut Unstructured<'_>) -> Result<f64> {
    Ok(match u.int_in_range(0_u8..=4)? {
        0 => *u.choose(&CORNERS)?,
        1 => f64::from(u.arbitrary::<i8>()?) / 4.0,
        2 => f64::from(u.arbitrary::<f32>()?),
        3 => f64::from(u.arbitrary::<i8>()?) / 10.0,
        _ => u.arbitrary()?,
    })
}

fn leaf(u: &mut Unstructured<'_>, width: usize) -> Result<Vec<f64>> {
    (0..width)
        .map(|_| Ok(f64::from(u.arbitrary::<i16>()?) / 64.0))
        .collect()
}

/// A tree, grown by turning leaves into splits; thresholds come from a small pool, so that splits of a path repeat them.
pub fn tree(
    u: &mut Unstructured<'_>,
    n_features: usize,
    first_output: usize,
    width: usize,
    pool: &[f64],
) -> Result<Tree> {
    let missing = [
        Missing::Refused,
        Missing::Left,
        Missing::Right,
        Missing::AsZero,
    ];
    let mut nodes = vec![Node::Leaf(leaf(u, width)?)];
    let mut leaves = vec![0];
    for _ in 0..u.int_in_range(0..=9)? {
        let at = leaves.swap_remove(u.choose_index(leaves.len())?);
        let children = [nodes.len(), nodes.len() + 1];
        for child in children {
            nodes.push(Node::Leaf(leaf(u, width)?));
            leaves.push(child);
        }
        let [left, right] = children.map(|child| u32::try_from(child).expect("trees are small"));
        nodes[at] = Node::Split(Split {
            feature: u32::try_from(u.choose_index(n_features)?).expect("there are few features"),
            threshold: *u.choose(pool)?,
            comparison: if u.arbitrary()? {
                Comparison::Less
            } else {
                Comparison::LessOrEqual
            },
            missing: *u.choose(&missing)?,
            left,
            right,
        });
    }
    Ok(Tree {
        first_output,
        nodes,
    })
}

/// Numbers that thresholds are taken from.
pub fn pool(u: &mut Unstructured<'_>) -> Result<Vec<f64>> {
    (0..u.int_in_range(1..=8)?).map(|_| number(u)).collect()
}

/// What the scores of so many outputs are turned into.
fn head(u: &mut Unstructured<'_>, outputs: usize) -> Result<(InverseLink, Decision, Vec<String>)> {
    let labels = |count: usize| (0..count).map(|label| label.to_string()).collect();
    Ok(match (outputs, u.arbitrary()?) {
        (1, true) => (InverseLink::Sigmoid, Decision::Threshold, labels(2)),
        (_, true) => (InverseLink::Softmax, Decision::ArgMax, labels(outputs)),
        (_, false) => (InverseLink::Identity, Decision::None, Vec::new()),
    })
}

/// A forest, which its door may refuse.
pub fn forest(u: &mut Unstructured<'_>, pool: &[f64]) -> Result<ForestParts> {
    let (n_features, outputs) = (u.int_in_range(1..=4)?, u.int_in_range(1..=3)?);
    let (inverse_link, decision, classes) = head(u, outputs)?;
    let mut trees = Vec::new();
    for _ in 0..u.int_in_range(1..=5)? {
        let first = u.choose_index(outputs)?;
        let width = u.int_in_range(1..=outputs - first)?;
        trees.push(tree(u, n_features, first, width, pool)?);
    }
    Ok(ForestParts {
        estimator: "fuzzed".into(),
        feature_names: None,
        n_features,
        round_to_f32: u.arbitrary()?,
        trees,
        bias: leaf(u, outputs)?,
        inverse_link,
        decision,
        classes,
        categories: Default::default(),
        params: Default::default(),
    })
}

/// An additive model, which its door may refuse.
pub fn additive(u: &mut Unstructured<'_>, pool: &[f64]) -> Result<AdditiveParts> {
    let (n_features, outputs) = (u.int_in_range(1..=4)?, u.int_in_range(1..=3)?);
    let (inverse_link, decision, classes) = head(u, outputs)?;
    let mut terms = Vec::new();
    for feature in 0..u.int_in_range(1..=n_features)? {
        let mut cuts = pool[..u.int_in_range(0..=pool.len())?].to_vec();
        cuts.sort_by(f64::total_cmp);
        cuts.dedup();
        let values = (0..=cuts.len())
            .map(|_| leaf(u, outputs))
            .collect::<Result<_>>()?;
        let missing = if u.arbitrary()? {
            Some(leaf(u, outputs)?)
        } else {
            None
        };
        terms.push(Term {
            feature,
            cuts,
            values,
            missing,
        });
    }
    Ok(AdditiveParts {
        estimator: "fuzzed".into(),
        feature_names: None,
        n_features,
        round_to_f32: u.arbitrary()?,
        terms,
        bias: leaf(u, outputs)?,
        inverse_link,
        decision,
        classes,
        params: Default::default(),
    })
}

/// Options for exact bins.
pub fn options(u: &mut Unstructured<'_>) -> Result<ForestOptions> {
    let decoys = Decoys {
        bits: u.int_in_range(0..=2)?,
        seed: u.arbitrary()?,
    };
    Ok(ForestOptions {
        leaf_bits: Some(u.int_in_range(1..=16)?),
        missing: u.arbitrary()?,
        decoys: u.arbitrary::<bool>()?.then_some(decoys),
        ..ForestOptions::default()
    })
}

/// Rows of thresholds, their neighbours in either precision, and missing values.
pub fn rows(u: &mut Unstructured<'_>, n_features: usize, pool: &[f64]) -> Result<Vec<Vec<f64>>> {
    let mut cell = || -> Result<f64> {
        let threshold = *u.choose(pool)?;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "neighbours in single precision are wanted"
        )]
        let single = threshold as f32;
        Ok(match u.int_in_range(0_u8..=8)? {
            0 => threshold.next_up(),
            1 => threshold.next_down(),
            2 => f64::from(single),
            3 => f64::from(single.next_up()),
            4 => f64::from(single.next_down()),
            5 => f64::NAN,
            6 => number(u)?,
            // Half a step of single precision away: a tie.
            7 => f64::from(single).midpoint(f64::from(single.next_up())),
            _ => threshold,
        })
    };
    (0..8)
        .map(|_| (0..n_features).map(|_| cell()).collect())
        .collect()
}
