//! XGBoost models as `save_model` writes them: JSON and Universal Binary JSON, versions 1.0 to 3.x.
//!
//! A split goes left iff `(f32) x < threshold`, or iff the category `x` is none of its set, and a missing value where the
//! split's default direction says; the margin is the base score's margin plus the leaves
//! (<https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html>). Class labels are not in the file: the
//! classes are named `0`, `1`, …. `gblinear` is read as a linear model.
//!
//! A category is the code that its column was trained on, or what a data frame held for it, where the file says so
//! (version 3.1 and later). XGBoost refuses a data frame with a category that training did not have; here one counts as
//! none of the set, as codes beyond those of the training data do.
//!
//! Where training stopped early, XGBoost's scikit-learn interface takes the trees up to `best_iteration`, and its own
//! interface all trees; [`Iterations::Library`] does what the interface does that wrote the file.
//!
//! Not read: the old binary format.

mod error;
mod linear;
mod non_finite;
mod objective;
mod schema;
mod tree;
mod ubjson;

use alloc::collections::{BTreeMap, BTreeSet};

pub use error::XgboostError;
use non_finite::Single;
use objective::Objective;
use schema::{File, GbTree, Learner, ModelParam};
use tenebra_quant::Decision;
pub use ubjson::UbjsonError;

use super::iterations::{Iterations, IterationsError, Rounds};
use super::{Imported, categories::Levels};
use crate::data::Words;
use crate::forest::{ForestModel, ForestParts};
use crate::model::Model;

/// Reads a model that XGBoost saved, JSON or Universal Binary JSON.
///
/// # Errors
///
/// See [`XgboostError`]. Arbitrary bytes are an error at worst; memory is proportional to their number.
pub fn read(bytes: &[u8], iterations: Iterations) -> Result<Imported, XgboostError> {
    let file: File = if is_ubjson(bytes) {
        serde_json::from_value(ubjson::parse(bytes)?)?
    } else {
        serde_json::from_slice(&non_finite::quoted(bytes))?
    };
    model(file.learner, iterations)
}

/// A UBJSON object goes on with the integer type of its first key's length, which JSON text cannot.
fn is_ubjson(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{', b'i' | b'U' | b'I' | b'l' | b'L', ..])
}

fn model(learner: Learner, iterations: Iterations) -> Result<Imported, XgboostError> {
    let configuration = learner.generic_param.is_some();
    if configuration && learner.gradient_booster.model.is_none() {
        return Err(XgboostError::Configuration);
    }
    let booster = Booster::new(learner.gradient_booster)?;
    let head = Head {
        name: learner.objective.name,
        param: learner.learner_model_param,
        feature_names: learner.feature_names,
    };
    let rule = head.rule(&booster)?;
    let note = rule.note();
    let mut imported = match booster {
        Booster::Linear(weights) => {
            if iterations != Iterations::Library {
                return Err(IterationsError::NotTrees.into());
            }
            Imported::new(linear::model(head, rule, &weights)?)
        }
        Booster::Trees(model, weights) => {
            let early_stopping = EarlyStopping::new(&learner.attributes)?;
            forest(head, rule, (model, weights), early_stopping, iterations)?
        }
    };
    imported.notes.extend(note);
    Ok(imported)
}

/// What the file says of early stopping.
struct EarlyStopping {
    /// Iterations up to the best one.
    best: Option<usize>,
    /// Whether the interface that wrote the file predicts with these.
    takes_best: bool,
}

impl EarlyStopping {
    fn new(attributes: &BTreeMap<String, String>) -> Result<Self, XgboostError> {
        let best = attributes.get("best_iteration");
        let best = best.map(|best| number("best_iteration", Some(best)));
        Ok(Self {
            best: best.transpose()?.map(|best| best.saturating_add(1)),
            takes_best: attributes.contains_key("scikit_learn"),
        })
    }
}

fn forest(
    head: Head,
    rule: Rule,
    (mut model, weights): (GbTree, Option<Vec<f32>>),
    early_stopping: EarlyStopping,
    iterations: Iterations,
) -> Result<Imported, XgboostError> {
    if model.trees.is_empty() {
        return Err(XgboostError::NoRounds);
    }
    let vector_leaves = has_vector_leaves(&model);
    let parallel = &model.gbtree_model_param.num_parallel_tree;
    let parallel = number("num_parallel_tree", parallel.as_deref())?.max(1);
    let round = parallel.saturating_mul(if vector_leaves { 1 } else { rule.outputs });
    let rounds = Rounds {
        total: model.trees.len().div_ceil(round),
        best: early_stopping.best,
        takes_best: early_stopping.takes_best,
    };
    let (taken, note) = rounds.take(iterations)?;
    model.trees.truncate(taken.saturating_mul(round));
    let levels = tree::levels(&model.cats)?;
    let trees = (0..).zip(&model.trees).map(|(index, arrays)| {
        let weight = weights.as_ref().and_then(|w| w.get(index));
        let output = if vector_leaves {
            0
        } else {
            model.tree_info.get(index).copied().unwrap_or(0)
        };
        let weight = f64::from(weight.copied().unwrap_or(1.0));
        tree::tree(index, arrays, &levels, output as usize, weight)
    });
    let forest = ForestModel::new(ForestParts {
        trees: trees.collect::<Result<_, _>>()?,
        estimator: head.estimator(),
        n_features: head.n_features()?,
        feature_names: head.feature_names(),
        round_to_f32: true,
        bias: rule.bias,
        inverse_link: rule.objective.inverse_link,
        decision: rule.objective.decision,
        classes: rule.classes,
        categories: category_words(&model, &levels),
        params: BTreeMap::new(),
    })?;
    let mut imported = Imported::new(Model::Forest(forest));
    imported.notes.extend(note);
    Ok(imported)
}

/// The features with categorical splits, and those whose columns hold words.
fn category_words(model: &GbTree, levels: &[Levels]) -> BTreeMap<u32, Words> {
    let categorical = model.trees.iter().flat_map(|tree| {
        let nodes = tree.categories_nodes.iter();
        nodes.filter_map(|node| tree.split_indices.get(*node).copied())
    });
    let columns = (0..)
        .zip(levels)
        .filter(|(_, levels)| matches!(levels, Levels::Words(_)));
    let columns = columns.map(|(feature, _)| feature);
    let features: BTreeSet<u32> = categorical.chain(columns).collect();
    // XGBoost refuses a category that training did not have.
    let words = |feature: u32| {
        let levels = levels.get(feature as usize).unwrap_or(&Levels::Codes);
        (feature, levels.words(false))
    };
    features.into_iter().map(words).collect()
}

/// What all boosters have.
struct Head {
    /// Of the objective.
    name: String,
    param: ModelParam,
    feature_names: Vec<String>,
}

/// From margins to predictions.
struct Rule {
    objective: Objective,
    outputs: usize,
    /// Several labels a row, with a probability each.
    multi_label: bool,
    bias: Vec<f64>,
    classes: Vec<String>,
}

impl Head {
    fn estimator(&self) -> String {
        format!("XGBoost {}", self.name)
    }

    fn n_features(&self) -> Result<usize, XgboostError> {
        number("num_feature", Some(&self.param.num_feature))
    }

    fn feature_names(&self) -> Option<Vec<String>> {
        (!self.feature_names.is_empty()).then(|| self.feature_names.clone())
    }

    fn rule(&self, booster: &Booster) -> Result<Rule, XgboostError> {
        let name = || self.name.clone();
        let objective = Objective::from_name(&self.name).map_err(|instead| {
            let name = name();
            XgboostError::Objective { name, instead }
        })?;
        let classes = number("num_class", self.param.num_class.as_deref())?;
        let targets = number("num_target", self.param.num_target.as_deref())?;
        let outputs = classes.max(targets).max(1);
        booster.check_outputs(outputs)?;
        let multi_label = targets > 1 && objective.decision != Decision::None;
        let objective = if multi_label {
            let objective = objective.of_labels();
            let refused = || XgboostError::MultiLabel {
                objective: name(),
                targets,
            };
            objective.ok_or_else(refused)?
        } else {
            objective
        };
        let labels = match objective.decision {
            Decision::None => 0,
            Decision::Threshold => 2,
            Decision::ArgMax => outputs,
        };
        Ok(Rule {
            bias: bias(&self.param.base_score, objective, outputs)?,
            classes: (0..labels).map(|label| label.to_string()).collect(),
            objective,
            outputs,
            multi_label,
        })
    }
}

impl Rule {
    fn note(&self) -> Option<String> {
        let labels = self.outputs;
        self.multi_label.then(|| {
            format!(
                "{labels} labels a row: a number is predicted for each, and XGBoost takes those whose probability is above 0.5"
            )
        })
    }
}

/// What a margin is made of.
enum Booster {
    /// Trees, and for `dart` the weight of each.
    Trees(GbTree, Option<Vec<f32>>),
    /// `gblinear`: coefficients.
    Linear(Vec<Single>),
}

impl Booster {
    fn new(booster: schema::Booster) -> Result<Self, XgboostError> {
        let name = booster.name;
        match (name.as_str(), booster.model, booster.gbtree) {
            ("gbtree", Some(model), _) => Ok(Self::Trees(model, None)),
            ("dart", _, Some(dart)) => {
                let weights = booster.weight_drop.unwrap_or_default();
                let (expected, found) = (dart.model.trees.len(), weights.len());
                if found != expected {
                    let (outputs, what) = (expected, "entries in `weight_drop`, one per tree");
                    return Err(XgboostError::Outputs {
                        outputs,
                        what,
                        found,
                    });
                }
                Ok(Self::Trees(dart.model, Some(weights)))
            }
            ("gblinear", Some(model), _) => Ok(Self::Linear(model.weights)),
            ("gbtree" | "dart" | "gblinear", ..) => Err(XgboostError::NoModel { name }),
            _ => Err(XgboostError::Booster { name }),
        }
    }

    /// Each output has a tree, a value in the first leaf, or an intercept: a claim of more would ask for memory that
    /// nothing in the file backs.
    fn check_outputs(&self, outputs: usize) -> Result<(), XgboostError> {
        let (found, what) = match self {
            Self::Linear(weights) => (weights.len(), "weights"),
            Self::Trees(model, _) => match model.trees.first() {
                Some(tree) if has_vector_leaves(model) => {
                    (tree::leaf_values(tree).1.len(), "leaf values")
                }
                _ => (model.trees.len().max(1), "trees"),
            },
        };
        if outputs <= found {
            return Ok(());
        }
        Err(XgboostError::Outputs {
            outputs,
            what,
            found,
        })
    }
}

fn has_vector_leaves(model: &GbTree) -> bool {
    let first = model.trees.first();
    first.is_some_and(|tree| tree::leaf_width(tree) != Some(1))
}

fn number(parameter: &'static str, text: Option<&str>) -> Result<usize, XgboostError> {
    let Some(text) = text else { return Ok(0) };
    text.parse().map_err(|_| XgboostError::Parameter {
        parameter,
        text: text.to_owned(),
    })
}

/// One margin per output, from a number or (since version 3.1) a list of one or one per output.
fn bias(text: &str, objective: Objective, outputs: usize) -> Result<Vec<f64>, XgboostError> {
    let list = text.trim().trim_start_matches('[').trim_end_matches(']');
    let parse = |part: &str| {
        let score = part.trim().parse().ok();
        let margin = score
            .map(|score| objective.margin(score))
            .filter(|margin| margin.is_finite());
        let text = part.to_owned();
        margin.ok_or(XgboostError::Parameter {
            parameter: "base_score",
            text,
        })
    };
    let margins = list
        .split(',')
        .map(parse)
        .collect::<Result<Vec<f64>, _>>()?;
    match margins.as_slice() {
        [margin] => Ok(vec![*margin; outputs]),
        many if many.len() == outputs => Ok(margins),
        many => Err(XgboostError::Outputs {
            outputs,
            what: "base scores",
            found: many.len(),
        }),
    }
}

#[cfg(test)]
mod tests;
