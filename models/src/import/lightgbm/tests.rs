use proptest::prelude::*;

use super::*;

/// One stump on feature 1: `x <= 2.5` adds -1, else 3; missing values go left.
const STUMP: &str = "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n\
objective=regression\nfeature_names=a b\n\nTree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=1\nthreshold=2.5\n\
decision_type=10\nleft_child=-1\nright_child=-2\nleaf_value=-1 3\nis_linear=0\n\n\nend of trees\n\nparameters:\n";

/// The model alone, as the other tests want it.
fn read(text: &str) -> Result<ForestModel, LightgbmError> {
    match super::read(text, Iterations::Library)?.model {
        Model::Forest(forest) => Ok(forest),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stump_by_hand() {
    let model = read(STUMP).unwrap();
    let scores =
        [2.5, 2.5_f64.next_up(), f64::NAN].map(|x| model.decision_function(&[0.0, x]).unwrap());
    assert_eq!(scores, [[-1.0], [3.0], [-1.0]]);
    assert_eq!(
        model.feature_names.as_deref(),
        Some(&["a".to_owned(), "b".to_owned()][..])
    );
}

#[test]
fn windows_line_ends_are_read() {
    assert_eq!(read(&STUMP.replace('\n', "\r\n")), read(STUMP));
}

#[test]
fn random_forests_average() {
    let forest = STUMP.replace("feature_names", "average_output\nfeature_names");
    let (head, rest) = forest.split_at(forest.find("Tree=0").unwrap());
    let (tree, tail) = rest.split_at(rest.find("end of trees").unwrap());
    let forest = [head, tree, &tree.replace("=-1 3", "=5 6"), tail].concat();
    // (-1 + 5) / 2
    assert_eq!(
        read(&forest).unwrap().decision_function(&[0.0, 0.0]),
        Ok(vec![2.0])
    );
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        (
            "tree\nv",
            "tre\nv",
            "not a LightGBM model in text form, whose first line is `tree`",
        ),
        (
            "end of trees",
            "",
            "the file has no line `end of trees`; it may be cut off",
        ),
        (
            "num_class=1",
            "",
            "line 1: the block that begins here has no `num_class`",
        ),
        (
            "num_leaves=2",
            "",
            "line 10: the block that begins here has no `num_leaves`",
        ),
        (
            "threshold=2.5",
            "threshold=2.5x",
            "line 10: in the block that begins here, `threshold` has `2.5x`, which is not a number that it can be",
        ),
        (
            "threshold=2.5",
            "threshold=nan",
            "tree 0, node 0: the threshold is not a number",
        ),
        (
            "leaf_value=-1 3",
            "leaf_value=-1 inf",
            "tree 0, node 2: leaf value inf is not finite",
        ),
        (
            "leaf_value=-1 3",
            "leaf_value=-1",
            "tree 0: `leaf_value` has 1 entries, 2 are expected for 2 leaves",
        ),
        (
            "num_leaves=2",
            "num_leaves=4000000000",
            "tree 0: `leaf_value` has 2 entries, 4000000000 are expected for 4000000000 leaves",
        ),
        (
            "left_child=-1",
            "left_child=0",
            "tree 0, node 0: child 0 is also an ancestor of this node; a tree must not have cycles",
        ),
        (
            "left_child=-1",
            "left_child=-9",
            "tree 0, node 0: child 9 does not exist; the tree has 3 nodes",
        ),
        (
            "left_child=-1",
            "left_child=1",
            "tree 0, node 0: child 4294967295 does not exist; the tree has 3 nodes",
        ),
        (
            "split_feature=1",
            "split_feature=2",
            "tree 0, node 0: feature 2, counted from 0, is out of range; the model has 2 features",
        ),
        (
            "decision_type=10",
            "decision_type=1",
            "tree 0, node 0: the categories of the split are missing or those of another",
        ),
        (
            "version=v4",
            "version=v5",
            "the text form is of version `v5`, not v2, v3 or v4; load the model in LightGBM 2.2 or later and write it by `save_model` again",
        ),
        (
            "decision_type=10",
            "decision_type=12",
            "tree 0, node 0: decision type 12 is unknown",
        ),
        (
            "is_linear=0",
            "is_linear=1",
            "tree 0 has linear leaves, which are not supported; train with `linear_tree=false`",
        ),
        (
            "objective=regression",
            "objective=regression sqrt",
            "objective `regression sqrt` is not supported; train with `reg_sqrt=false`, or on square roots that you take yourself",
        ),
        (
            "objective=regression",
            "objective=cross_entropy_lambda",
            "objective `cross_entropy_lambda` is not supported; train with `cross_entropy`",
        ),
        (
            "num_tree_per_iteration=1",
            "num_tree_per_iteration=0",
            "1 trees do not make whole rounds of 0 trees for 1 classes",
        ),
        (
            "num_tree_per_iteration=1",
            "num_tree_per_iteration=2",
            "1 trees do not make whole rounds of 2 trees for 1 classes",
        ),
        (
            "num_class=1",
            "num_class=3",
            "1 trees do not make whole rounds of 1 trees for 3 classes",
        ),
        (
            "feature_names=a b",
            "feature_names=a",
            "1 feature names for 2 features; give one for each or none",
        ),
    ];
    for (old, new, expected) in cases {
        assert!(STUMP.contains(old), "{old}");
        let found = read(&STUMP.replacen(old, new, 1)).unwrap_err();
        assert_eq!(found.to_string(), expected, "{new}");
    }
}

proptest! {
    /// A model with a piece of it replaced is read or refused, and never panics; what is read also predicts.
    #[test]
    fn damaged_models_never_panic(
        from in 0..STUMP.len(), length in 0_usize..20, new in "[-0-9=. e\n_a-z]{0,12}",
    ) {
        let to = (from + length).min(STUMP.len());
        let text = [&STUMP[..from], &new, &STUMP[to..]].concat();
        if let Ok(model) = read(&text) {
            let row = vec![0.0; model.n_features.min(1000)];
            prop_assert_eq!(model.decision_function(&row).is_ok(), model.n_features <= 1000);
        }
    }
}
