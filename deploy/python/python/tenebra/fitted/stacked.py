"""Stacking: a linear function of the scores of others."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenebra.errors import UnsupportedError
from tenebra.fitted import forests
from tenebra.fitted.composed import plain
from tenebra.fitted.draft import Draft, several

_SCORES = 'fit it with `stack_method="decision_function"`, or of regressions'


def _stacking(estimator: Any) -> Draft:
    name = type(estimator).__name__
    final = plain(estimator.final_estimator_)
    if final.coef is None or final.intercept is None or final.steps is not None:
        raise UnsupportedError(
            f"the last estimator of {name}, {type(estimator.final_estimator_).__name__}, is no linear function of the predictions of the others",
            "those are known where they are decrypted; with a linear `final_estimator` the whole is one sum",
        )
    binary = hasattr(estimator, "classes_") and len(several(estimator.classes_)) == 2
    parts = [
        _columns(each, method, binary) for each, method in zip(estimator.estimators_, estimator.stack_method_, strict=True)
    ]
    if estimator.passthrough:
        n_features = int(estimator.n_features_in_)
        parts.append(Draft(coef=np.eye(n_features), intercept=np.zeros(n_features)))
    made = _combined(name, parts, np.asarray(final.coef), np.asarray(final.intercept))
    made.link, made.decision, made.probabilities = final.link, final.decision, final.probabilities
    made.classes = estimator.classes_ if final.classes is not None else None
    # One that refuses missing values makes the stack refuse them.
    return forests.complete(made, estimator)


def _columns(estimator: Any, method: str, binary: bool) -> Draft:
    """What an estimator tells the last one, as scores without a link."""
    name = type(estimator).__name__
    if method == "predict_proba":
        if not forests.is_a(estimator, (*forests.SINGLE, *forests.FORESTS)):
            raise UnsupportedError(f"{name} tells the last estimator probabilities, which are no sum", _SCORES)
        trees = forests.class_trees(estimator)
        if binary:
            trees = [tree.with_values(tree.values[:, 1:]) for tree in trees]
        return Draft(trees=trees, bias=np.zeros(trees[0].values.shape[1]))
    if forests.is_a(estimator, ("GradientBoostingClassifier",)) and method == "decision_function":
        trees, bias = forests.boosted(estimator)
        return Draft(trees=trees, bias=bias)
    draft = plain(estimator)
    if draft.layers is not None or draft.terms is not None or draft.steps is not None:
        raise UnsupportedError(f"{name} within a stack is neither linear nor trees", "they run encrypted one by one")
    if method == "predict" and (draft.classes is not None or draft.link != "identity"):
        raise UnsupportedError(f"{name} tells the last estimator what it predicts, which is no sum", _SCORES)
    if forests.is_a(estimator, ("AdaBoostClassifier", "IsolationForest")):
        raise UnsupportedError(f"scores of {name} are not known within a stack", "they run encrypted one by one")
    return draft


def _combined(name: str, parts: list[Draft], coef: np.ndarray, intercept: np.ndarray) -> Draft:
    """`coef` of all scores of the parts, one after the other."""
    total, first, made, trees = np.array(intercept), 0, np.zeros(0), []
    linear = {part.coef is not None for part in parts}
    if len(linear) > 1 or len({part.round_to_f32 for part in parts}) > 1:
        raise UnsupportedError(
            f"{name} adds up linear scores and trees, or trees of different libraries, which are circuits of different kinds",
            "stack linear estimators with each other, or trees of one library without `passthrough`",
        )
    for part in parts:
        own = np.asarray(part.intercept if part.bias is None else part.bias)
        weights = coef[:, first : first + len(own)]
        first += len(own)
        total = total + weights @ own
        if part.coef is not None:
            made = weights @ part.coef + (made if made.size else 0.0)
        for tree in part.trees:
            outputs = slice(tree.first_output, tree.first_output + tree.values.shape[1])
            trees.append(tree.with_values(tree.values @ weights[:, outputs].T))
    if first != coef.shape[1]:
        raise UnsupportedError(f"the last estimator of {name} reads {coef.shape[1]} columns, and the others tell {first}", "see what each is by itself")
    if trees:
        return Draft(trees=trees, bias=total, round_to_f32=parts[0].round_to_f32)
    return Draft(coef=made, intercept=total)


READERS = {
    "sklearn.StackingClassifier": _stacking,
    "sklearn.StackingRegressor": _stacking,
}
