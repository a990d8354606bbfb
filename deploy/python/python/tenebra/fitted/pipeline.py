"""Pipelines: affine steps fold into a linear model behind them, others are done to a row before it is encrypted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tenebra import _tenebra
from tenebra._model import Model
from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft, behind
from tenebra.fitted.steps import Steps, transform


def _pipeline(estimator: Any) -> Draft | Model:
    from tenebra.fitted import read

    if not estimator.steps or estimator.steps[-1][1] in (None, "passthrough"):
        raise UnsupportedError("the pipeline ends without an estimator", "a model must be its last step")
    *before, (_, last) = estimator.steps
    before = [(name, step) for name, step in before if step is not None and step != "passthrough"]
    draft = read(last)
    if not before:
        return draft
    n_features = int(estimator.n_features_in_)
    if isinstance(draft, Draft) and draft.steps is None:
        if draft.coef is not None and all(_folds(step) for _, step in before):
            for name, step in reversed(before):
                draft = _folded(draft, name, step)
            draft.n_features = n_features
            return draft
        draft.steps = Steps(n_features)
        draft.features = _values(draft.steps, before)
        draft.n_features = n_features
        return draft
    if isinstance(draft, Draft):
        raise UnsupportedError(
            f"{type(last).__name__} behind other steps is not supported", "fit it on the features themselves"
        )
    steps = Steps(n_features)
    features = _values(steps, before)
    inner = json.loads(draft.to_json())
    inner["feature_names"] = None
    fields = behind(steps, features, getattr(estimator, "feature_names_in_", None), inner)
    return Model(_tenebra.Model(json.dumps(fields)), draft._readout, draft.notes)


def _values(steps: Steps, before: list[tuple[str, Any]]) -> list[int]:
    values = list(range(steps.n_features))
    for name, step in before:
        values = transform(steps, name, step, values)
    return values


def _folds(step: Any) -> bool:
    return _kind(step) is not None and not getattr(step, "clip", False) or hasattr(step, "get_support")


def _kind(step: Any) -> str | None:
    names = (cls.__name__ for cls in type(step).__mro__ if cls.__module__.startswith("sklearn."))
    return next((name for name in names if name in _STEPS), None)


def _folded(draft: Draft, name: str, step: Any) -> Draft:
    """The linear model of the features before a step."""
    matrix, offset = affine(name, step)
    # coef (M x + o) + intercept.
    assert draft.coef is not None and draft.intercept is not None
    draft.intercept = draft.intercept + draft.coef @ offset
    draft.coef = draft.coef @ matrix
    return draft


def affine(name: str, step: Any) -> tuple[np.ndarray, np.ndarray]:
    """`M` and `o` of a transformer that is `M x + o`."""
    kind = _kind(step)
    if kind is not None:
        return _STEPS[kind](step)
    kept = step.get_support(indices=True)
    return np.eye(int(step.n_features_in_))[kept], np.zeros(len(kept))


def _diagonal(scale: Any, offset: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.diag(np.asarray(scale, dtype=np.float64)), np.asarray(offset, dtype=np.float64)


def _standard(step: Any) -> tuple[np.ndarray, np.ndarray]:
    n = int(step.n_features_in_)
    scale = np.ones(n) if step.scale_ is None else 1 / step.scale_
    mean = np.zeros(n) if step.mean_ is None or not step.with_mean else step.mean_
    return _diagonal(scale, -mean * scale)


def _min_max(step: Any) -> tuple[np.ndarray, np.ndarray]:
    return _diagonal(step.scale_, step.min_)


def _max_abs(step: Any) -> tuple[np.ndarray, np.ndarray]:
    return _diagonal(1 / step.scale_, np.zeros(len(step.scale_)))


def _robust(step: Any) -> tuple[np.ndarray, np.ndarray]:
    n = int(step.n_features_in_)
    scale = np.ones(n) if step.scale_ is None else 1 / step.scale_
    center = np.zeros(n) if step.center_ is None else step.center_
    return _diagonal(scale, -center * scale)


def _projection(step: Any) -> tuple[np.ndarray, np.ndarray]:
    from tenebra.fitted.linear import _projection as read

    draft = read(step)
    assert draft.coef is not None and draft.intercept is not None
    return draft.coef, draft.intercept


_STEPS = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "PCA": _projection,
    "IncrementalPCA": _projection,
    "TruncatedSVD": _projection,
}

READERS = {"sklearn.Pipeline": _pipeline}
