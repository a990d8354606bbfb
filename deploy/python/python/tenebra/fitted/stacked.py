"""Stacking, and calibrated classifiers: a linear function of the scores of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tenebra.errors import UnsupportedError
from tenebra.fitted import forests
from tenebra.fitted.composed import plain
from tenebra.fitted.draft import Draft, classifier, several

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


def _calibrated(estimator: Any) -> Draft:
    if len(estimator.calibrated_classifiers_) != 1:
        raise UnsupportedError(
            "CalibratedClassifierCV takes the mean of the calibrated probabilities of several classifiers, which is no sum of scores",
            "fit it with `ensemble=False`, or around a FrozenEstimator, which calibrate one",
        )
    calibrated = estimator.calibrated_classifiers_[0]
    draft = plain(calibrated.estimator)
    if draft.decision == "none" or draft.steps is not None or not hasattr(calibrated.estimator, "decision_function"):
        raise UnsupportedError("the calibrated classifier has no scores that are linear, or sums of trees", "calibrate one with `decision_function`")
    draft = _score(draft, calibrated.estimator)
    classes = several(estimator.classes_)
    if estimator.method == "isotonic" and len(classes) == 2:
        return _isotonic(draft, calibrated.calibrators[0], classes)
    if estimator.method != "sigmoid":
        raise UnsupportedError(
            f"CalibratedClassifierCV by {estimator.method} of {len(classes)} classes compares functions of the scores with each other",
            'of more than two classes fit it with `method="sigmoid", ensemble=False`',
        )
    # 1 / (1 + exp(a s + b)) of each class; of more than two, divided by their sum.
    factor = np.array([-each.a_ for each in calibrated.calibrators])
    offset = np.array([-each.b_ for each in calibrated.calibrators])
    link = "sigmoid" if len(classes) == 2 else "sigmoid_normalized"
    return replace(_scaled(draft, factor, offset), classes=classes, link=link, probabilities="values")


def _score(draft: Draft, estimator: Any) -> Draft:
    """The draft whose scores are those of `decision_function`."""
    if forests.is_a(estimator, ("GradientBoostingClassifier",)):
        trees, bias = forests.boosted(estimator)
        return forests.complete(replace(draft, trees=trees, bias=bias), estimator)
    return draft


def _scaled(draft: Draft, factor: np.ndarray, offset: np.ndarray) -> Draft:
    """With each score times a factor, and an offset."""
    if draft.coef is not None and draft.intercept is not None:
        return replace(draft, coef=factor[:, None] * draft.coef, intercept=factor * draft.intercept + offset)
    if draft.bias is None or draft.layers is not None or draft.terms is not None:
        raise UnsupportedError("the calibrated classifier is neither linear nor trees", "use it by itself")
    trees = [
        tree.with_values(tree.values * factor[tree.first_output : tree.first_output + tree.values.shape[1]], tree.first_output)
        for tree in draft.trees
    ]
    return replace(draft, trees=trees, bias=factor * draft.bias + offset)


def _isotonic(draft: Draft, curve: Any, classes: np.ndarray) -> Draft:
    """The class is that of a score above where the probability crosses a half; the client reads the probability off the curve."""
    x, y = (np.asarray(part, dtype=np.float64) for part in (curve.X_thresholds_, curve.y_thresholds_))
    if not y[0] <= 0.5 < y[-1]:
        raise UnsupportedError("the calibrated probability never crosses a half", "it predicts one class; there is nothing to encrypt")
    below = int(np.flatnonzero(y <= 0.5)[-1])
    half = x[below] + (0.5 - y[below]) * (x[below + 1] - x[below]) / (y[below + 1] - y[below])
    made = _scaled(draft, np.ones(1), np.array([-half]))
    return replace(made, classes=classes, link="identity", probabilities="curve", curve=(x - half, y))


READERS = {
    "sklearn.StackingClassifier": _stacking,
    "sklearn.StackingRegressor": _stacking,
    "sklearn.CalibratedClassifierCV": _calibrated,
}
