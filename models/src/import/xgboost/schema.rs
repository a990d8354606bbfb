//! The parts of XGBoost's model schema that prediction needs, for all versions since 1.0.

use alloc::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::non_finite::Single;

#[derive(Deserialize)]
pub(super) struct File {
    pub(super) learner: Learner,
}

#[derive(Deserialize)]
pub(super) struct Learner {
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) feature_names: Vec<String>,
    pub(super) gradient_booster: Booster,
    pub(super) learner_model_param: ModelParam,
    pub(super) objective: Objective,
    /// What only a configuration has, as `save_config` writes it: parameters of training in place of a model.
    #[serde(default)]
    pub(super) generic_param: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Objective {
    pub(super) name: String,
}

/// Numbers in strings, as XGBoost writes its parameters.
#[derive(Deserialize)]
pub(super) struct ModelParam {
    pub(super) base_score: String,
    #[serde(default)]
    pub(super) num_class: Option<String>,
    pub(super) num_feature: String,
    #[serde(default)]
    pub(super) num_target: Option<String>,
}

/// `gbtree` and `gblinear` have `model`; `dart` wraps it in `gbtree` and adds a weight per tree.
#[derive(Deserialize)]
pub(super) struct Booster {
    pub(super) name: String,
    #[serde(default)]
    pub(super) model: Option<GbTree>,
    #[serde(default)]
    pub(super) gbtree: Option<Dart>,
    #[serde(default)]
    pub(super) weight_drop: Option<Vec<f32>>,
}

#[derive(Deserialize)]
pub(super) struct Dart {
    pub(super) model: GbTree,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GbTree {
    pub(super) gbtree_model_param: GbTreeParam,
    /// The output of each tree.
    pub(super) tree_info: Vec<u32>,
    pub(super) trees: Vec<TreeArrays>,
    pub(super) cats: Cats,
    /// Of `gblinear`: the coefficients of each feature for each output, feature after feature, then the intercepts.
    pub(super) weights: Vec<Single>,
}

/// Since version 3.1, what the columns of a data frame held for the codes of its categories.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Cats {
    /// One per feature; empty for one without.
    pub(super) enc: Vec<CatsOfFeature>,
}

/// Numbers, or the bytes of words one after the other.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CatsOfFeature {
    pub(super) values: Vec<f64>,
    /// Where each word begins, and where the last one ends; absent for numbers.
    pub(super) offsets: Option<Vec<usize>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct GbTreeParam {
    pub(super) num_parallel_tree: Option<String>,
}

/// A tree as arrays over its nodes.
#[derive(Deserialize)]
pub(super) struct TreeArrays {
    pub(super) left_children: Vec<i32>,
    pub(super) right_children: Vec<i32>,
    pub(super) split_indices: Vec<u32>,
    /// The threshold of a split, the value of a scalar leaf.
    pub(super) split_conditions: Vec<Single>,
    #[serde(deserialize_with = "flags")]
    pub(super) default_left: Vec<bool>,
    /// 1 for a categorical split; absent before version 1.3.
    #[serde(default)]
    pub(super) split_type: Vec<u8>,
    /// The nodes with categorical splits, and for each where its categories begin in `categories` and how many they are.
    #[serde(default)]
    pub(super) categories_nodes: Vec<usize>,
    #[serde(default)]
    pub(super) categories_segments: Vec<usize>,
    #[serde(default)]
    pub(super) categories_sizes: Vec<usize>,
    /// The categories that go right.
    #[serde(default)]
    pub(super) categories: Vec<u32>,
    #[serde(default)]
    pub(super) tree_param: TreeParam,
    /// Vector leaves up to version 3.0: `size_leaf_vector` values per node.
    #[serde(default)]
    pub(super) base_weights: Vec<Single>,
    /// Vector leaves since version 3.1: `size_leaf_vector` values per leaf, at the index in `right_children`.
    #[serde(default)]
    pub(super) leaf_weights: Option<Vec<Single>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TreeParam {
    pub(super) size_leaf_vector: Option<String>,
}

/// Booleans before version 1.3, 0 and 1 since.
fn flags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Number(u8),
    }
    let flags = Vec::<Flag>::deserialize(deserializer)?;
    let to_bool = |flag| match flag {
        Flag::Bool(flag) => flag,
        Flag::Number(number) => number != 0,
    };
    Ok(flags.into_iter().map(to_bool).collect())
}
