//! What people call estimators.

use super::{EstimatorInfo, TrainError, estimators};
use crate::data::TargetColumn;

/// Most distinct integers of a target that are taken for classes.
const MAX_INTEGER_CLASSES: usize = 20;

/// A kind of model that there is for classes and for numbers.
#[derive(Debug)]
pub struct Family {
    /// What it is called, in lower case with hyphens.
    pub names: &'static [&'static str],
    /// The estimator for classes.
    pub classifier: &'static str,
    /// The estimator for numbers.
    pub regressor: &'static str,
}

/// The families: names that stand for either estimator, as the target asks for it.
pub const FAMILIES: &[Family] = &[
    Family {
        names: &["decision-tree"],
        classifier: "DecisionTreeClassifier",
        regressor: "DecisionTreeRegressor",
    },
    Family {
        names: &["random-forest"],
        classifier: "RandomForestClassifier",
        regressor: "RandomForestRegressor",
    },
    Family {
        names: &["gradient-boosting"],
        classifier: "GradientBoostingClassifier",
        regressor: "GradientBoostingRegressor",
    },
    Family {
        names: &["network", "mlp"],
        classifier: "MLPClassifier",
        regressor: "MLPRegressor",
    },
    Family {
        names: &["additive-model", "gam"],
        classifier: "AdditiveClassifier",
        regressor: "AdditiveRegressor",
    },
];

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum EstimatorName {
    /// One estimator.
    One(&'static EstimatorInfo),
    /// A classifier or a regressor.
    Family(&'static Family),
}

impl EstimatorName {
    /// Reads a name. Case, `-` and `_` do not matter.
    ///
    /// # Errors
    /// [`TrainError::UnknownEstimator`] lists the names there are.
    pub fn parse(name: &str) -> Result<Self, TrainError> {
        let plain = plain(name);
        let one = estimators().find(|info| self::plain(info.name) == plain);
        let family = || {
            let called =
                |family: &&Family| family.names.iter().any(|name| self::plain(name) == plain);
            FAMILIES.iter().find(called)
        };
        one.map(Self::One)
            .or_else(|| family().map(Self::Family))
            .ok_or_else(|| unknown(name))
    }

    /// The estimator itself, or that of the family which suits the targets.
    #[must_use]
    pub fn estimator_for(&self, targets: &[TargetColumn]) -> &'static EstimatorInfo {
        match self {
            Self::One(info) => info,
            Self::Family(family) => family.estimator_for(targets),
        }
    }
}

impl Family {
    /// The estimator that suits the targets: the classifier for a single column of words, or of at most 20 distinct integers.
    ///
    /// # Panics
    /// Never: a test holds [`FAMILIES`] to name estimators that there are.
    #[must_use]
    pub fn estimator_for(&self, targets: &[TargetColumn]) -> &'static EstimatorInfo {
        let [classifier, regressor] = self.estimators();
        if matches!(targets, [only] if has_classes(only)) {
            classifier
        } else {
            regressor
        }
    }

    /// The classifier and the regressor.
    pub(crate) fn estimators(&self) -> [&'static EstimatorInfo; 2] {
        [self.classifier, self.regressor].map(|name| {
            estimators()
                .find(|info| info.name == name)
                .expect("families name estimators that there are")
        })
    }
}

fn has_classes(target: &TargetColumn) -> bool {
    target.to_classes().is_ok_and(|classes| {
        let words = classes
            .labels
            .iter()
            .any(|label| label.parse::<i64>().is_err());
        words || classes.labels.len() <= MAX_INTEGER_CLASSES
    })
}

pub(super) fn unknown(name: &str) -> TrainError {
    let families = FAMILIES.iter().flat_map(|family| family.names);
    let known = estimators().map(|info| info.name).chain(families.copied());
    TrainError::UnknownEstimator {
        name: name.to_owned(),
        known: known.map(str::to_owned).collect(),
    }
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_'));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(cells: &[&str]) -> TargetColumn {
        TargetColumn {
            name: "y".into(),
            cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        for name in [
            "DecisionTreeClassifier",
            "decision-tree-classifier",
            "DECISION_TREE_CLASSIFIER",
        ] {
            let parsed = EstimatorName::parse(name).unwrap();
            let EstimatorName::One(info) = parsed else {
                panic!("{name} is one estimator");
            };
            assert_eq!(info.name, "DecisionTreeClassifier");
        }
        for name in ["gam", "AdditiveModel", "additive-model"] {
            let parsed = EstimatorName::parse(name).unwrap();
            assert!(
                matches!(parsed, EstimatorName::Family(family) if family.regressor == "AdditiveRegressor")
            );
        }
        assert!(EstimatorName::parse("decision tree").is_err());
    }

    #[test]
    fn targets_decide_between_classes_and_numbers() {
        let many: Vec<String> = (0..21).map(|x| x.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (cells, classes) in [
            (&["a", "b", "a"][..], true),
            (&["0", "1", "1"], true),
            (&["1.0", "2.0"], true),
            (&["0.5", "1"], false),
            (&many, false),
            (&many[..20], true),
        ] {
            let name = FAMILIES[0].estimator_for(&[target(cells)]).name;
            assert_eq!(name == "DecisionTreeClassifier", classes, "{cells:?}");
        }
        let two = [target(&["0"]), target(&["1"])];
        assert_eq!(
            FAMILIES[0].estimator_for(&two).name,
            "DecisionTreeRegressor"
        );
    }

    #[test]
    fn every_family_names_two_estimators() {
        for family in FAMILIES {
            assert_eq!(
                family.estimator_for(&[target(&["a"])]).name,
                family.classifier
            );
            assert_eq!(
                family.estimator_for(&[target(&["0.5"])]).name,
                family.regressor
            );
        }
    }
}
