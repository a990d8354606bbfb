"""Calibrated classifiers: functions of the scores of others, which the client computes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tenebra._several import Curve, Part
from tenebra.errors import UnsupportedError
from tenebra.fitted import forests
from tenebra.fitted.bayes import gaussian
from tenebra.fitted.composed import plain, stack
from tenebra.fitted.draft import Draft, several

_MEANS = (*forests.SINGLE, *forests.FORESTS, "BaggingClassifier", "VotingClassifier")


def _calibrated(estimator: Any) -> Draft:
    classes = several(estimator.classes_)
    parts = estimator.calibrated_classifiers_
    one = len(parts) == 1 and hasattr(parts[0].estimator, "decision_function")
    if one and estimator.method == "sigmoid":
        return _sigmoid(_scores(parts[0].estimator, classes)[0], parts[0].calibrators, classes)
    if one and estimator.method == "isotonic" and len(classes) == 2 and _crosses(parts[0].calibrators[0]):
        return _isotonic(_scores(parts[0].estimator, classes)[0], parts[0].calibrators[0], classes)
    # The client has all scores, and decides by what it makes of them.
    drafts, made = [], []
    for part in parts:
        draft, link = _scores(part.estimator, classes, parts[0].estimator)
        drafts.append(replace(draft, link="identity"))
        made.append(_part(part, link, 1 if len(classes) == 2 else len(classes)))
    try:
        stacked = stack(drafts)
    except UnsupportedError as error:
        raise UnsupportedError(
            f"CalibratedClassifierCV of classifiers that do not go together: {error.message}", "calibrate one with `ensemble=False`"
        ) from error
    stacked.several = {"classes": classes, "probabilities": True, "parts": tuple(made)}
    return stacked


def _scores(estimator: Any, classes: np.ndarray, first: Any = None) -> tuple[Draft, str]:
    """What is calibrated: the draft whose outputs are its scores, one of two classes, and the link from scores to it."""
    name = type(estimator).__name__
    if len(several(estimator.classes_)) != len(classes):
        raise UnsupportedError(f"a {name} that is calibrated knows {len(estimator.classes_)} of {len(classes)} classes", "more rows of each, or fewer folds")
    if hasattr(estimator, "decision_function"):
        draft, link = plain(estimator), "identity"
        if draft.decided is None:
            raise UnsupportedError(f"scores of {name} are not those by which it decides", "it runs encrypted by itself")
        if draft.decided != 1:
            factor = np.full(1 if len(classes) == 2 else len(classes), draft.decided)
            draft = replace(_scaled(draft, factor, np.zeros(len(factor))), decided=1.0)
    elif forests.is_a(estimator, _MEANS):
        draft, link = plain(estimator), "halves" if len(classes) == 2 else "probabilities"
    elif forests.is_a(estimator, ("GaussianNB",)):
        # One frame for all of them, so that the client's steps are the same.
        draft = plain(estimator) if first is None else gaussian(estimator, first)
        link = draft.link
    else:
        draft = plain(estimator)
        link = draft.link
    odd = draft.layers is not None or draft.terms is not None or draft.several is not None or draft.curve is not None
    if odd or (draft.steps is not None and not forests.is_a(estimator, ("GaussianNB",))):
        raise UnsupportedError(
            f"scores of {name} are neither linear nor sums of trees of the features themselves",
            "calibrate one whose are; it runs encrypted by itself",
        )
    return draft, link


def _part(part: Any, link: str, n_scores: int) -> Part:
    if part.method == "temperature":
        return Part(n_scores, link, None, float(part.calibrators[0].beta_))
    if len(part.calibrators) != n_scores:
        raise UnsupportedError(f"there are {len(part.calibrators)} calibrators for {n_scores} scores", "fit it again")
    return Part(n_scores, link, [_curve(each, part.method) for each in part.calibrators])


def _curve(calibrator: Any, method: str) -> Curve:
    if method == "isotonic":
        return "isotonic", _list(calibrator.X_thresholds_), _list(calibrator.y_thresholds_)
    if method == "sigmoid":
        return "sigmoid", [float(calibrator.a_)], [float(calibrator.b_)]
    raise UnsupportedError(f"calibration by {method} is not known", "sigmoid, isotonic and temperature are")


def _list(values: Any) -> list[float]:
    return np.asarray(values, dtype=np.float64).tolist()


def _sigmoid(draft: Draft, calibrators: list[Any], classes: np.ndarray) -> Draft:
    # 1 / (1 + exp(a s + b)) of each class; of more than two, divided by their sum.
    factor = np.array([-each.a_ for each in calibrators])
    offset = np.array([-each.b_ for each in calibrators])
    link = "sigmoid" if len(classes) == 2 else "sigmoid_normalized"
    return replace(_scaled(draft, factor, offset), classes=classes, link=link, probabilities="values")


def _scaled(draft: Draft, factor: np.ndarray, offset: np.ndarray) -> Draft:
    """With each score times a factor, and an offset."""
    if draft.coef is not None and draft.intercept is not None:
        return replace(draft, coef=factor[:, None] * draft.coef, intercept=factor * draft.intercept + offset)
    assert draft.bias is not None
    trees = [
        tree.with_values(tree.values * factor[tree.first_output : tree.first_output + tree.values.shape[1]], tree.first_output)
        for tree in draft.trees
    ]
    return replace(draft, trees=trees, bias=factor * draft.bias + offset)


def _crosses(curve: Any) -> bool:
    """Whether the probability passes a half; else one class is predicted whatever the score."""
    return bool(curve.y_thresholds_[0] <= 0.5 < curve.y_thresholds_[-1])


def _isotonic(draft: Draft, curve: Any, classes: np.ndarray) -> Draft:
    """The class is that of a score above where the probability crosses a half; the client reads the probability off the curve."""
    x, y = (np.asarray(part, dtype=np.float64) for part in (curve.X_thresholds_, curve.y_thresholds_))
    below = int(np.flatnonzero(y <= 0.5)[-1])
    half = x[below] + (0.5 - y[below]) * (x[below + 1] - x[below]) / (y[below + 1] - y[below])
    made = _scaled(draft, np.ones(1), np.array([-half]))
    return replace(made, classes=classes, link="identity", probabilities="curve", curve=(x - half, y))


READERS = {"sklearn.CalibratedClassifierCV": _calibrated}
