"""Estimators of several others of which the client makes what they predict: means of probabilities, votes, several targets, medians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tenebra._several import Part, Target
from tenebra.errors import UnsupportedError
from tenebra.fitted import forests
from tenebra.fitted.composed import plain, stack
from tenebra.fitted.draft import Draft, several

_ONE_BY_ONE = "they run encrypted one by one"


def _mean_classifier(estimator: Any) -> Draft:
    try:
        return forests._classifier(estimator)
    except UnsupportedError:
        # Not a sum of trees.
        return _mean(estimator)


def _mean(estimator: Any) -> Draft:
    name, classes, count = type(estimator).__name__, several(estimator.classes_), len(estimator.estimators_)
    weights = forests._weights(estimator) if hasattr(estimator, "_weights_not_none") else np.full(count, 1 / count)
    votes = getattr(estimator, "voting", "soft") == "hard"
    n_features = int(estimator.n_features_in_)
    subsets = getattr(estimator, "estimators_features_", [None] * count)
    drafts, parts = [], []
    for each, features, weight in zip(estimator.estimators_, subsets, weights, strict=True):
        draft = _read(each, name)
        if draft.classes is None or len(draft.classes) != len(classes):
            raise UnsupportedError(f"a {type(each).__name__} of {name} knows other classes than it", "more rows of each, or fewer estimators")
        link = _link(draft)
        if link is None and not votes and hasattr(each, "predict_proba"):
            raise UnsupportedError(f"probabilities of {type(each).__name__} within {name} are not those of a link", _ONE_BY_ONE)
        parts.append(Part(_width(classes), "vote" if votes or link is None else link, None, None, float(weight)))
        drafts.append(draft if features is None else _of_features(draft, features, n_features))
    made = _together(estimator, drafts)
    made.several = {"classes": classes, "probabilities": not votes, "parts": tuple(parts)}
    return made


def _targets(estimator: Any) -> Draft:
    name = type(estimator).__name__
    drafts = [_read(each, name) for each in estimator.estimators_]
    made = _together(estimator, drafts)
    targets = [Target(several(draft.classes), _width(several(draft.classes)), _link(draft)) for draft in drafts]
    made.several = {"targets": tuple(targets)}
    return made


def _labels(estimator: Any) -> Draft:
    """Of OneVsRestClassifier, whose labels are each there or not."""
    name = type(estimator).__name__
    drafts = [_read(each, name) for each in estimator.estimators_]
    made = _together(estimator, drafts)
    made.several = {"targets": tuple(Target(np.array([0, 1]), 1, _link(draft)) for draft in drafts), "indicator": True}
    return made


def _median(estimator: Any) -> Draft:
    name = type(estimator).__name__
    drafts = [_read(each, name) for each in estimator.estimators_]
    if any(draft.classes is not None or draft.link != "identity" for draft in drafts):
        raise UnsupportedError(f"estimators of {name} have a link of their own", _ONE_BY_ONE)
    made = _together(estimator, drafts)
    weights = estimator.estimator_weights_[: len(drafts)]
    made.several = {"median": tuple(float(weight) for weight in weights)}
    return made


def _read(estimator: Any, name: str) -> Draft:
    draft = plain(estimator)
    if draft.several is not None or draft.curve is not None:
        raise UnsupportedError(f"the client makes something of the scores of a {type(estimator).__name__} within {name}", _ONE_BY_ONE)
    return draft


def _link(draft: Draft) -> str | None:
    """From scores to probabilities, as a `Part` has it; None if there are none."""
    if draft.probabilities == "values":
        return "probabilities" if draft.link == "identity" else draft.link
    return "halves" if draft.probabilities == "halves" else None


def _width(classes: np.ndarray) -> int:
    return 1 if len(classes) == 2 else len(classes)


def _together(estimator: Any, drafts: Sequence[Draft]) -> Draft:
    """Scores beside each other."""
    name = type(estimator).__name__
    try:
        made = stack([replace(draft, link="identity") for draft in drafts])
        return forests.complete(made, estimator)
    except UnsupportedError as error:
        raise UnsupportedError(f"{name} of estimators that do not go together: {error.message}", _ONE_BY_ONE) from error


def _of_features(draft: Draft, features: np.ndarray, n_features: int) -> Draft:
    """A draft of some of the features, of all."""
    if draft.steps is not None:
        raise UnsupportedError("estimators of some of the features do something to a row first", "do it before, in a pipeline around them")
    if draft.coef is not None:
        return replace(draft, coef=draft.coef @ np.eye(n_features)[features], n_features=n_features)
    return replace(draft, trees=[tree.of_features(features) for tree in draft.trees], n_features=n_features)


READERS = {
    "sklearn.BaggingClassifier": _mean_classifier,
    "sklearn.VotingClassifier": _mean_classifier,
    "sklearn.MultiOutputClassifier": _targets,
    "sklearn.AdaBoostRegressor": _median,
}
