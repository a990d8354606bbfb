use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// One stump on feature 1: `x < 2.5` adds -1, else 3; missing goes left.
fn stump() -> Value {
    json!({"learner": {
        "attributes": {}, "feature_names": [], "feature_types": [],
        "gradient_booster": {"name": "gbtree", "model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"},
            "tree_info": [0],
            "trees": [{
                "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [1, 0, 0],
                "split_conditions": [2.5, -1, 3], "default_left": [1, 0, 0], "split_type": [0, 0, 0],
                "tree_param": {"size_leaf_vector": "1"},
            }],
        }},
        "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "reg:squarederror"},
    }})
}

fn read_value(value: &Value) -> Result<ForestModel, XgboostError> {
    let imported = read(value.to_string().as_bytes(), Iterations::Library)?;
    match imported.model {
        Model::Forest(forest) => Ok(forest),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stump_by_hand() {
    let model = read_value(&stump()).unwrap();
    // base score 0.5 plus the leaf
    let scores = [2.4999, 2.5, f64::NAN].map(|x| model.decision_function(&[0.0, x]).unwrap()[0]);
    assert_eq!(scores, [-0.5, 3.5, -0.5]);
}

#[test]
fn versions_before_1_3_have_booleans_and_no_split_type() {
    let mut old = stump();
    let tree = &mut old["learner"]["gradient_booster"]["model"]["trees"][0];
    tree["default_left"] = json!([true, false, false]);
    tree.as_object_mut().unwrap().remove("split_type");
    assert_eq!(read_value(&old).unwrap(), read_value(&stump()).unwrap());
}

#[test]
fn what_is_wrong_is_named() {
    let cases: [(&str, Value, &str); 20] = [
        (
            "/learner/gradient_booster/name",
            json!("gblinear"),
            "the model claims 1 outputs, but has 0 weights",
        ),
        (
            "/learner/gradient_booster/name",
            json!("dart"),
            "the file has no model for the booster `dart`; it may be cut or made by hand",
        ),
        (
            "/learner/gradient_booster/name",
            json!("gbother"),
            "booster `gbother` is not supported; train with `gbtree`, `dart` or `gblinear`",
        ),
        (
            "/learner/objective/name",
            json!("my:own"),
            "objective `my:own` is not supported; of an objective of one's own, the link is unknown: train with one of XGBoost's, such as `reg:squarederror`, `binary:logistic` or `multi:softprob`",
        ),
        (
            "/learner/objective/name",
            json!("reg:expectileerror"),
            "objective `reg:expectileerror` is not supported; train with `reg:quantileerror` or `reg:squarederror`",
        ),
        (
            "/learner/learner_model_param/base_score",
            json!("[1,2]"),
            "the model claims 1 outputs, but has 2 base scores",
        ),
        (
            "/learner/learner_model_param/base_score",
            json!("x"),
            "base_score is `x`, which is not a number that it can be",
        ),
        (
            "/learner/learner_model_param/base_score",
            json!("nan"),
            "base_score is `nan`, which is not a number that it can be",
        ),
        (
            "/learner/learner_model_param/num_feature",
            json!("-1"),
            "num_feature is `-1`, which is not a number that it can be",
        ),
        (
            "/learner/learner_model_param/num_feature",
            json!("1"),
            "tree 0, node 0: feature 1, counted from 0, is out of range; the model has 1 features",
        ),
        (
            "/learner/learner_model_param/num_class",
            json!("4000000000"),
            "the model claims 4000000000 outputs, but has 1 trees",
        ),
        (
            "/learner/gradient_booster/model/tree_info",
            json!([4_000_000_000_u32]),
            "tree 0 adds to outputs 4000000000 to 4000000000; the model has 1 outputs, counted from 0",
        ),
        (
            "/learner/gradient_booster/model/trees",
            json!([]),
            "the model was trained for 0 rounds: it has no trees, and the same score for every row; train it for one at least (`n_estimators`, `num_boost_round`)",
        ),
        (
            "/learner/gradient_booster/model/trees/0/split_type",
            json!([1, 0, 0]),
            "tree 0, node 0: the categories of the split are missing, overlap those of another, or reach beyond the list",
        ),
        (
            "/learner/attributes",
            json!({"best_iteration": "x"}),
            "best_iteration is `x`, which is not a number that it can be",
        ),
        (
            "/learner/gradient_booster/model/trees/0/default_left",
            json!([1]),
            "tree 0: `default_left` has 1 entries, the nodes need 3",
        ),
        (
            "/learner/gradient_booster/model/trees/0/right_children",
            json!([-2, -1, -1]),
            "tree 0, node 0: child -2 does not exist; the tree has 3 nodes",
        ),
        (
            "/learner/gradient_booster/model/trees/0/right_children",
            json!([9, -1, -1]),
            "tree 0, node 0: child 9 does not exist; the tree has 3 nodes",
        ),
        (
            "/learner/gradient_booster/model/trees/0/left_children",
            json!([0, -1, -1]),
            "tree 0, node 0: child 0 is also an ancestor of this node; a tree must not have cycles",
        ),
        (
            "/learner/gradient_booster/model/trees/0/tree_param/size_leaf_vector",
            json!("3"),
            "the model claims 1 outputs, but has 0 leaf values",
        ),
    ];
    for (place, value, expected) in cases {
        let mut model = stump();
        *model.pointer_mut(place).unwrap() = value;
        assert_eq!(
            read_value(&model).unwrap_err().to_string(),
            expected,
            "{place}"
        );
    }
}

/// As XGBoost 3.2.0 and 1.6.2 predict with `base_margin`: in single precision, these margins are probabilities of 1/2.
#[test]
fn probabilities_of_one_half_are_the_first_class() {
    let unit = 0.5_f64.powi(24);
    for (margin, class) in [
        (0.0, 0),
        (1.0, 0),
        (1.5, 0),
        (1.625, 1),
        (4.0, 1),
        (-1.0, 0),
    ] {
        let mut model = stump();
        model["learner"]["objective"]["name"] = json!("binary:logistic");
        let path = "/learner/gradient_booster/model/trees/0/split_conditions";
        *model.pointer_mut(path).unwrap() = json!([0.5, margin * unit, margin * unit]);
        let model = read_value(&model).unwrap();
        assert_eq!(
            model.predict(&[0.0; 2]).unwrap().class,
            Some(class),
            "{margin}"
        );
    }
}

#[test]
fn other_files_are_refused() {
    for bytes in [
        &b""[..],
        b"{",
        b"binf\x00\x01",
        b"{\"learner\": {}}",
        b"{L",
        b"[]",
        b"null",
    ] {
        assert!(
            matches!(
                read(bytes, Iterations::Library),
                Err(XgboostError::Json(_) | XgboostError::Ubjson(_))
            ),
            "{bytes:?}"
        );
    }
}

proptest! {
    /// A model with one number or string replaced is read or refused, and never panics; what is read also predicts.
    #[test]
    fn damaged_models_never_panic(
        place in prop::sample::select(vec![
            "trees/0/left_children/0", "trees/0/right_children/0", "trees/0/split_indices/0", "trees/0/split_conditions/0",
            "trees/0/split_conditions/1", "trees/0/tree_param/size_leaf_vector", "tree_info/0", "gbtree_model_param/num_parallel_tree",
        ]),
        value in prop_oneof![
            any::<i64>().prop_map(Value::from), any::<f32>().prop_map(Value::from), "[-0-9e]{0,20}".prop_map(Value::from), Just(Value::Null),
        ],
        best in "[0-9]{1,20}",
    ) {
        let mut model = stump();
        model["learner"]["attributes"]["best_iteration"] = json!(best);
        *model.pointer_mut(&format!("/learner/gradient_booster/model/{place}")).unwrap() = value;
        if let Ok(model) = read_value(&model) {
            prop_assert!(model.decision_function(&[0.0; 2]).is_ok());
        }
    }
}
