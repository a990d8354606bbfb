"""Trees of scikit-learn, and means, votes and boosted sums of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft, several
from tenebra.fitted.trees import Tree, of_sklearn, one_hot, spread

SINGLE = ("DecisionTreeClassifier", "ExtraTreeClassifier")
FORESTS = ("RandomForestClassifier", "ExtraTreesClassifier")
SINGLE_REGRESSORS = ("DecisionTreeRegressor", "ExtraTreeRegressor")
FOREST_REGRESSORS = ("RandomForestRegressor", "ExtraTreesRegressor")


def is_a(estimator: Any, names: tuple[str, ...]) -> bool:
    """Whether an estimator is of one of these classes of scikit-learn."""
    return any(
        cls.__name__ in names and cls.__module__.startswith("sklearn.") for cls in type(estimator).__mro__
    )


def class_trees(estimator: Any) -> list[Tree]:
    """Trees whose values, `(n_nodes, n_classes)`, add up to the probabilities of the classes that `estimator` knows."""
    if is_a(estimator, SINGLE):
        several(estimator.classes_)
        values = estimator.tree_.value[:, 0, :]
        return [of_sklearn(estimator.tree_, values / values.sum(axis=1, keepdims=True))]
    if is_a(estimator, FORESTS):
        several(estimator.classes_)
        share = 1 / len(estimator.estimators_)
        return [tree.scaled(share) for each in estimator.estimators_ for tree in class_trees(each)]
    if is_a(estimator, ("BaggingClassifier",)):
        return _bagged(estimator)
    if is_a(estimator, ("VotingClassifier",)):
        return _voted(estimator)
    raise UnsupportedError(
        f"{type(estimator).__name__} is not a sum of trees whose leaves are probabilities",
        "means and votes run encrypted where all their estimators are decision trees or forests of them",
    )


def _bagged(estimator: Any) -> list[Tree]:
    width = len(several(estimator.classes_))
    share = 1 / len(estimator.estimators_)
    trees = []
    for each, features in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        # Their labels are indices of the outer classes.
        columns = np.asarray(each.classes_, dtype=np.intp)
        for tree in class_trees(each):
            tree = tree.with_values(spread(tree.values, columns, width) * share)
            trees.append(tree.of_features(features))
    return trees


def _voted(estimator: Any) -> list[Tree]:
    weights = _weights(estimator)
    trees = []
    for each, weight in zip(estimator.estimators_, weights, strict=True):
        if estimator.voting == "soft":
            trees += [tree.scaled(weight) for tree in class_trees(each)]
        else:
            trees.append(vote(each).scaled(weight))
    return trees


def _weights(estimator: Any) -> np.ndarray:
    """Of the estimators that voted, adding up to 1."""
    weights = estimator._weights_not_none
    weights = np.ones(len(estimator.estimators_)) if weights is None else np.asarray(weights, dtype=np.float64)
    return weights / weights.sum()


def vote(estimator: Any) -> Tree:
    """A single tree that adds 1 to the class it predicts."""
    if not is_a(estimator, SINGLE):
        raise UnsupportedError(
            f"{type(estimator).__name__} votes for a class, which is known where its scores are decrypted",
            'single decision trees can vote; `voting="soft"` adds the probabilities of forests',
        )
    (tree,) = class_trees(estimator)
    return tree.with_values(one_hot(tree.values))


def mean_trees(estimator: Any) -> tuple[list[Tree], np.ndarray]:
    """Trees and bias whose sum is what a regression predicts."""
    if is_a(estimator, SINGLE_REGRESSORS):
        tree = of_sklearn(estimator.tree_)
        return [tree], np.zeros(tree.values.shape[1])
    if is_a(estimator, FOREST_REGRESSORS):
        return _mean([mean_trees(each) for each in estimator.estimators_])
    if is_a(estimator, ("BaggingRegressor",)):
        parts = []
        for each, features in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
            trees, bias = mean_trees(each)
            parts.append(([tree.of_features(features) for tree in trees], bias))
        return _mean(parts)
    if is_a(estimator, ("VotingRegressor",)):
        return _mean([mean_trees(each) for each in estimator.estimators_], _weights(estimator))
    if is_a(estimator, ("GradientBoostingRegressor",)):
        trees, bias = boosted(estimator)
        return trees, bias
    raise UnsupportedError(
        f"{type(estimator).__name__} is not a sum of trees",
        "means run encrypted where all their estimators are regression trees, or all are linear",
    )


def _mean(parts: list[tuple[list[Tree], np.ndarray]], weights: Any = None) -> tuple[list[Tree], np.ndarray]:
    if weights is None:
        weights = np.full(len(parts), 1 / len(parts))
    trees = [tree.scaled(weight) for (own, _), weight in zip(parts, weights, strict=True) for tree in own]
    bias = sum(weight * own for (_, own), weight in zip(parts, weights, strict=True))
    return trees, np.asarray(bias)


def boosted(estimator: Any) -> tuple[list[Tree], np.ndarray]:
    init = estimator.init_
    if not (isinstance(init, str) or type(init).__name__ in ("DummyClassifier", "DummyRegressor")):
        raise UnsupportedError(
            f"{type(estimator).__name__} starts from the predictions of a {type(init).__name__}, which are no constant",
            "leave `init` out when fitting",
        )
    bias = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))[0]
    trees = []
    for stage in estimator.estimators_:
        for output, each in enumerate(stage):
            tree = of_sklearn(each.tree_)
            trees.append(tree.with_values(tree.values * estimator.learning_rate, output))
    return trees, np.asarray(bias, dtype=np.float64)


def complete(draft: Draft, estimator: Any) -> Draft:
    """Refuses missing values where the estimator does."""
    if not _takes_missing(estimator):
        draft.trees = [tree if tree.missing is None else _refusing(tree) for tree in draft.trees]
    return draft


def _takes_missing(estimator: Any) -> bool:
    try:
        from sklearn.utils import get_tags
    except ImportError:  # before scikit-learn 1.6
        return bool(estimator._get_tags()["allow_nan"])
    return bool(get_tags(estimator).input_tags.allow_nan)


def _refusing(tree: Tree) -> Tree:
    from dataclasses import replace

    return replace(tree, missing=None)


def class_sum(trees: list[Tree], classes: Any, *, probabilities: bool) -> Draft:
    """A classifier of trees with a value a class; of two classes the difference is one score."""
    classes = several(classes)
    if len(classes) == 2:
        trees = [tree.with_values(tree.values[:, 1:] - tree.values[:, :1]) for tree in trees]
    outputs = 1 if len(classes) == 2 else len(classes)
    return Draft(
        trees=trees,
        bias=np.zeros(outputs),
        classes=classes,
        decision="threshold" if outputs == 1 else "arg_max",
        probabilities="none" if not probabilities else "halves" if outputs == 1 else "values",
    )


def _classifier(estimator: Any) -> Draft:
    probabilities = getattr(estimator, "voting", "soft") == "soft"
    return complete(class_sum(class_trees(estimator), estimator.classes_, probabilities=probabilities), estimator)


def _regressor(estimator: Any) -> Draft:
    trees, bias = mean_trees(estimator)
    return complete(Draft(trees=trees, bias=bias), estimator)


def _gradient_classifier(estimator: Any) -> Draft:
    trees, bias = boosted(estimator)
    binary, decided = len(bias) == 1, 1.0
    if binary and estimator.loss == "exponential":
        # Its probability is the sigmoid of twice the score.
        trees, bias = [tree.scaled(2) for tree in trees], 2 * bias
        decided = 0.5
    draft = Draft(
        trees=trees,
        bias=_above(bias, trees) if binary else bias,
        classes=several(estimator.classes_),
        link="sigmoid" if binary else "softmax",
        decision="threshold" if binary else "arg_max",
        probabilities="values",
        decided=decided,
    )
    return complete(draft, estimator)


def _above(bias: np.ndarray, trees: list[Tree]) -> np.ndarray:
    """scikit-learn takes a score of 0 for the second class: above what a forest takes for 0, `2^-40` of the largest sum that there may be."""
    leaves = [tree.values[tree.left < 0] for tree in trees]
    largest = np.abs(bias).max() + sum(float(np.abs(values).max()) for values in leaves)
    return bias + max(largest / 2**39, float(np.finfo(np.float32).tiny))


def _ada(estimator: Any) -> Draft:
    classes = several(estimator.classes_)
    width = len(classes)
    weights = estimator.estimator_weights_[: len(estimator.estimators_)]
    weights = weights / estimator.estimator_weights_.sum()
    trees = []
    for each, weight in zip(estimator.estimators_, weights, strict=True):
        tree = vote(each)
        columns = np.searchsorted(classes, each.classes_)
        hot = spread(tree.values, columns, width)
        trees.append(tree.with_values(np.where(hot > 0, weight, -weight / (width - 1))))
    if width == 2:
        draft = class_sum(trees, classes, probabilities=False)
        draft.link = "sigmoid"
    else:
        draft = class_sum([tree.scaled(1 / (width - 1)) for tree in trees], classes, probabilities=False)
        draft.link, draft.decided = "softmax", float(width - 1)
    draft.probabilities = "values"
    return complete(draft, estimator)


def _isolation(estimator: Any) -> Draft:
    from sklearn.ensemble._iforest import _average_path_length

    count = len(estimator.estimators_)
    unit = count * float(_average_path_length([estimator._max_samples])[0])
    if unit == 0:
        raise UnsupportedError("the isolation forest was fitted on a single row", "fit it on more")
    trees = []
    for place, (each, features) in enumerate(
        zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    ):
        depths = estimator._decision_path_lengths[place] + estimator._average_path_length_per_tree[place] - 1.0
        trees.append(of_sklearn(each.tree_, depths.reshape(-1, 1) / unit).of_features(features))
    # -2^-depth - offset < 0 is an outlier: depth + log2(-offset) < 0. At equality it is none, as the first of two classes is.
    draft = Draft(
        trees=[tree.scaled(-1) for tree in trees],
        bias=-np.array([np.log2(-estimator.offset_)]),
        classes=np.array([1, -1]),
        decision="threshold",
        isolation=float(estimator.offset_),
    )
    return complete(draft, estimator)


READERS = {
    **{f"sklearn.{name}": _classifier for name in (*SINGLE, *FORESTS)},
    **{f"sklearn.{name}": _regressor for name in (*SINGLE_REGRESSORS, *FOREST_REGRESSORS, "GradientBoostingRegressor")},
    "sklearn.GradientBoostingClassifier": _gradient_classifier,
    "sklearn.AdaBoostClassifier": _ada,
    "sklearn.IsolationForest": _isolation,
}
