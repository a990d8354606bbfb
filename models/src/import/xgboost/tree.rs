//! A tree, from arrays over its nodes.

use super::error::XgboostError;
use super::non_finite::Single;
use super::schema::{Cats, CatsOfFeature, TreeArrays};
use crate::forest::{Comparison, Missing, Node, Split, Tree};
use crate::import::categories::{Children, Levels, borders, split};

/// Categories from here on do not exist, whatever their number (`OutOfRangeCat` of XGBoost).
const CATEGORIES: u32 = 1 << 24;

/// What the columns of the features held for their categories, where the file says so.
pub(super) fn levels(cats: &Cats) -> Result<Vec<Levels>, XgboostError> {
    cats.enc
        .iter()
        .enumerate()
        .map(|(feature, of_feature)| {
            levels_of(of_feature).ok_or(XgboostError::CategoryNames { feature })
        })
        .collect()
}

/// `None` for words that are not ASCII, of which XGBoost counts characters and keeps as many bytes, and for numbers beyond what
/// single precision tells apart.
fn levels_of(cats: &CatsOfFeature) -> Option<Levels> {
    let Some(offsets) = &cats.offsets else {
        let limit = f64::from(CATEGORIES);
        let fine = cats.values.iter().all(|number| number.abs() < limit);
        return fine.then(|| Levels::of_numbers(cats.values.clone()));
    };
    if offsets.len() < 2 {
        return Some(Levels::Codes);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "signed bytes or unsigned ones, whole numbers either way"
    )]
    let bytes: Vec<u8> = cats.values.iter().map(|byte| *byte as i64 as u8).collect();
    let word = |ends: &[usize]| {
        let word = bytes.get(ends[0]..ends[1]).filter(|word| word.is_ascii())?;
        String::from_utf8(word.to_vec()).ok()
    };
    let words = offsets.windows(2).map(word).collect::<Option<Vec<_>>>()?;
    Some(Levels::Words(words))
}

pub(super) fn tree(
    index: usize,
    arrays: &TreeArrays,
    levels: &[Levels],
    output: usize,
    weight: f64,
) -> Result<Tree, XgboostError> {
    check_lengths(index, arrays)?;
    let count = arrays.left_children.len();
    let categories = categories(index, arrays)?;
    let mut nodes = vec![Node::Leaf(Vec::new()); count];
    for node in 0..count {
        nodes[node] = if arrays.left_children[node] < 0 {
            let values = leaf(index, arrays, node)?;
            Node::Leaf(values.iter().map(|v| weight * f64::from(v.0)).collect())
        } else if arrays.split_type.get(node) == Some(&1) {
            let set = categories[node].ok_or(XgboostError::Categories { tree: index, node })?;
            let split = categorical(index, arrays, node, set, levels, &mut nodes)?;
            Node::Split(split)
        } else {
            Node::Split(numerical(index, arrays, node)?)
        };
    }
    Ok(Tree {
        first_output: output,
        nodes,
    })
}

fn check_lengths(tree: usize, arrays: &TreeArrays) -> Result<(), XgboostError> {
    let expected = arrays.left_children.len();
    let lengths = [
        ("right_children", arrays.right_children.len()),
        ("split_indices", arrays.split_indices.len()),
        ("split_conditions", arrays.split_conditions.len()),
        ("default_left", arrays.default_left.len()),
        // Absent in files of versions before 1.3.
        (
            "split_type",
            if arrays.split_type.is_empty() {
                expected
            } else {
                arrays.split_type.len()
            },
        ),
    ];
    match lengths.into_iter().find(|(_, found)| *found != expected) {
        None => Ok(()),
        Some((array, found)) => Err(XgboostError::ArrayLength {
            tree,
            array,
            found,
            expected,
        }),
    }
}

/// The categories of each node that splits on a set.
fn categories(tree: usize, arrays: &TreeArrays) -> Result<Vec<Option<&[u32]>>, XgboostError> {
    let mut of_node = vec![None; arrays.left_children.len()];
    let expected = arrays.categories_nodes.len();
    let lengths = [
        ("categories_segments", arrays.categories_segments.len()),
        ("categories_sizes", arrays.categories_sizes.len()),
    ];
    if let Some((array, found)) = lengths.into_iter().find(|(_, found)| *found != expected) {
        return Err(XgboostError::ArrayLength {
            tree,
            array,
            found,
            expected,
        });
    }
    let segments = arrays
        .categories_segments
        .iter()
        .zip(&arrays.categories_sizes);
    // Each segment follows the one before, so that a file does not describe more than it holds.
    let mut end = 0;
    for (&node, (&from, &size)) in arrays.categories_nodes.iter().zip(segments) {
        let error = || XgboostError::Categories { tree, node };
        let to = from.checked_add(size).filter(|_| from >= end);
        let set = to.and_then(|to| arrays.categories.get(from..to));
        *of_node.get_mut(node).ok_or_else(error)? = Some(set.ok_or_else(error)?);
        end = from + size;
    }
    Ok(of_node)
}

/// A value of the set goes right, any other to the left.
fn categorical(
    tree: usize,
    arrays: &TreeArrays,
    node: usize,
    set: &[u32],
    levels: &[Levels],
    nodes: &mut Vec<Node>,
) -> Result<Split, XgboostError> {
    let feature = arrays.split_indices[node];
    let levels = levels.get(feature as usize).unwrap_or(&Levels::Codes);
    let existing = set.iter().copied().filter(|code| *code < CATEGORIES);
    let [left, right] = children(tree, arrays, node)?;
    let children = Children {
        inside: right,
        outside: left,
        missing: if arrays.default_left[node] {
            left
        } else {
            right
        },
    };
    let borders = borders(existing, levels, None);
    Ok(split(feature, &borders, children, nodes))
}

fn numerical(tree: usize, arrays: &TreeArrays, node: usize) -> Result<Split, XgboostError> {
    let [left, right] = children(tree, arrays, node)?;
    Ok(Split {
        feature: arrays.split_indices[node],
        threshold: f64::from(arrays.split_conditions[node].0),
        comparison: Comparison::Less,
        missing: if arrays.default_left[node] {
            Missing::Left
        } else {
            Missing::Right
        },
        left,
        right,
    })
}

/// The children of a split. Each is a node of the file.
fn children(tree: usize, arrays: &TreeArrays, node: usize) -> Result<[u32; 2], XgboostError> {
    let nodes = arrays.left_children.len();
    let child = |child: i32| {
        let index = u32::try_from(child).ok();
        // Those that categorical splits add are none of the file's.
        let index = index.filter(|index| (*index as usize) < nodes);
        index.ok_or(XgboostError::Child {
            tree,
            node,
            child,
            nodes,
        })
    };
    Ok([
        child(arrays.left_children[node])?,
        child(arrays.right_children[node])?,
    ])
}

/// Values per leaf; `None` where the parameter is not a number. 0 (before version 2.0) and 1 are scalar leaves.
pub(super) fn leaf_width(arrays: &TreeArrays) -> Option<usize> {
    let width = arrays
        .tree_param
        .size_leaf_vector
        .as_deref()
        .map_or(Ok(1), str::parse::<usize>);
    width.ok().map(|width| width.max(1))
}

/// The values of a leaf: one, or the vector of a tree with several outputs.
fn leaf(tree: usize, arrays: &TreeArrays, node: usize) -> Result<&[Single], XgboostError> {
    let width = leaf_width(arrays).ok_or_else(|| XgboostError::Parameter {
        parameter: "size_leaf_vector",
        text: arrays
            .tree_param
            .size_leaf_vector
            .clone()
            .unwrap_or_default(),
    })?;
    if width == 1 {
        return Ok(&arrays.split_conditions[node..=node]);
    }
    let (array, values) = leaf_values(arrays);
    let at = match arrays.leaf_weights {
        Some(_) => usize::try_from(arrays.right_children[node]).unwrap_or(usize::MAX),
        None => node,
    };
    let from = at.saturating_mul(width);
    let expected = from.saturating_add(width);
    let found = values.len();
    values.get(from..expected).ok_or(XgboostError::ArrayLength {
        tree,
        array,
        found,
        expected,
    })
}

/// The array that holds vector leaves, with its name.
pub(super) fn leaf_values(arrays: &TreeArrays) -> (&'static str, &[Single]) {
    match &arrays.leaf_weights {
        Some(weights) => ("leaf_weights", weights),
        None => ("base_weights", &arrays.base_weights),
    }
}
