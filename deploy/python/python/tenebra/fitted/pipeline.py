"""Pipelines whose steps are affine: they fold into the linear model behind them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenebra._model import Model
from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft
from tenebra.fitted.forests import complete


def _pipeline(estimator: Any) -> Draft | Model:
    from tenebra.fitted import read

    steps = [step for _, step in estimator.steps]
    if len(steps) == 0:
        raise UnsupportedError("the pipeline has no steps")
    names = [name for name, _ in estimator.steps]
    *before, last = steps
    if last is None or last == "passthrough":
        raise UnsupportedError("the pipeline ends without an estimator", "a model must be its last step")
    draft = read(last)
    if not before:
        return draft
    if isinstance(draft, Model):
        raise UnsupportedError(
            f"{type(last).__name__} behind other steps is not supported", "fit it on the features themselves"
        )
    for name, step in zip(reversed(names[:-1]), reversed(before), strict=True):
        if step is None or step == "passthrough":
            continue
        draft = _folded(draft, name, step)
    draft.n_features = int(getattr(estimator, "n_features_in_", draft.n_features))
    return draft


def _folded(draft: Draft, name: str, step: Any) -> Draft:
    """The model of the features before a step."""
    if draft.coef is None and draft.terms is None and draft.layers is None and hasattr(step, "get_support"):
        kept = step.get_support(indices=True)
        draft.trees = [tree.of_features(kept) for tree in draft.trees]
        draft.n_features = int(step.n_features_in_)
        return complete(draft, step)
    if draft.coef is None:
        raise UnsupportedError(
            f"the step `{name}` ({type(step).__name__}) stands before a model that is not linear",
            "trees do not need scaling: fit them on the features themselves; only steps that select features may stand before them",
        )
    matrix, offset = affine(name, step)
    # coef (M x + o) + intercept.
    draft.intercept = draft.intercept + draft.coef @ offset
    draft.coef = draft.coef @ matrix
    return draft


def affine(name: str, step: Any) -> tuple[np.ndarray, np.ndarray]:
    """`M` and `o` of a transformer that is `M x + o`."""
    kind = next(
        (cls.__name__ for cls in type(step).__mro__ if cls.__module__.startswith("sklearn.") and cls.__name__ in _STEPS), None
    )
    if kind is None:
        if hasattr(step, "get_support"):
            kept = step.get_support(indices=True)
            return np.eye(int(step.n_features_in_))[kept], np.zeros(len(kept))
        raise UnsupportedError(
            f"the step `{name}` ({type(step).__name__}) is not affine",
            f"these are, and fold into a linear model: {', '.join(_STEPS)}, and steps that select features",
        )
    return _STEPS[kind](step)


def _diagonal(scale: Any, offset: Any) -> tuple[np.ndarray, np.ndarray]:
    return np.diag(np.asarray(scale, dtype=np.float64)), np.asarray(offset, dtype=np.float64)


def _standard(step: Any) -> tuple[np.ndarray, np.ndarray]:
    n = int(step.n_features_in_)
    scale = np.ones(n) if step.scale_ is None else 1 / step.scale_
    mean = np.zeros(n) if step.mean_ is None or not step.with_mean else step.mean_
    return _diagonal(scale, -mean * scale)


def _min_max(step: Any) -> tuple[np.ndarray, np.ndarray]:
    if step.clip:
        raise UnsupportedError("MinMaxScaler with `clip=True` is not affine", "leave `clip` out")
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
