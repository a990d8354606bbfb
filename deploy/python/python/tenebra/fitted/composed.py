"""Estimators that are made of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tenebra._model import Model
from tenebra.errors import UnsupportedError
from tenebra.fitted import forests
from tenebra.fitted.draft import Draft, several


def plain(estimator: Any) -> Draft:
    """What an estimator within another computes."""
    from tenebra.fitted import read

    draft = read(estimator)
    if isinstance(draft, Model):
        raise UnsupportedError(
            f"{type(estimator).__name__} within another estimator is not supported", "use it by itself"
        )
    return draft


def _one_vs_rest(estimator: Any) -> Draft:
    if estimator.multilabel_:
        from tenebra.fitted.several import _labels

        return _labels(estimator)
    classes = several(estimator.classes_)
    drafts = [plain(each) for each in estimator.estimators_]
    if len(drafts) == 1:
        drafts[0].classes = classes
        return drafts[0]
    links = {draft.link for draft in drafts}
    if any(draft.decision != "threshold" for draft in drafts) or len(links) != 1:
        raise UnsupportedError("the estimators of OneVsRestClassifier do not have one score each", "see what each is by itself")
    link = "sigmoid_normalized" if links == {"sigmoid"} else "identity"
    stacked = stack(drafts)
    stacked.classes, stacked.decision, stacked.link = classes, "arg_max", link
    stacked.probabilities = "none" if link == "identity" else "values"
    return stacked


def _multi_output(estimator: Any) -> Draft:
    return stack([plain(each) for each in estimator.estimators_])


def stack(drafts: list[Draft]) -> Draft:
    """One output after the other."""
    first = drafts[0]
    if len({(draft.link, draft._kind(), draft.round_to_f32) for draft in drafts}) != 1:
        raise UnsupportedError("its estimators differ in kind or link", "they run encrypted one by one")
    if any(draft.several is not None or draft.curve is not None for draft in drafts):
        raise UnsupportedError("the client makes something of the scores of its estimators", "they run encrypted one by one")
    if len({draft.steps is None or repr(draft.steps.before(draft.features, None)) for draft in drafts}) != 1:
        raise UnsupportedError("its estimators do different things to a row first", "do them before, in a pipeline around it")
    alike: dict[str, Any] = {name: getattr(first, name) for name in ("link", "steps", "features", "n_features")}
    if first.coef is not None:
        coef = np.vstack([np.asarray(draft.coef) for draft in drafts])
        intercept = np.concatenate([np.asarray(draft.intercept) for draft in drafts])
        return Draft(coef=coef, intercept=intercept, **alike)
    trees, biases, output = [], [], 0
    for draft in drafts:
        if draft.bias is None or draft.terms is not None or draft.layers is not None:
            raise UnsupportedError("its estimators are neither linear nor trees", "they run encrypted one by one")
        trees += [tree.with_values(tree.values, tree.first_output + output) for tree in draft.trees]
        biases.append(draft.bias)
        output += len(draft.bias)
    return Draft(trees=trees, bias=np.concatenate(biases), round_to_f32=first.round_to_f32, **alike)


def _mean_regressor(estimator: Any) -> Draft:
    parts = [_maybe_linear(each) for each in estimator.estimators_]
    if any(part is None for part in parts):
        return forests._regressor(estimator)
    if hasattr(estimator, "estimators_features_"):
        # `bootstrap_features` draws a feature more than once.
        places = estimator.estimators_features_
    else:
        places = [np.arange(estimator.n_features_in_)] * len(parts)
    weights = np.full(len(parts), 1 / len(parts))
    if hasattr(estimator, "_weights_not_none"):
        weights = forests._weights(estimator)
    outputs = len(parts[0].intercept)
    coef, intercept = np.zeros((outputs, estimator.n_features_in_)), np.zeros(outputs)
    for part, features, weight in zip(parts, places, weights, strict=True):
        coef += weight * part.coef @ np.eye(estimator.n_features_in_)[features]
        intercept += weight * part.intercept
    return Draft(coef=coef, intercept=intercept)


def _maybe_linear(estimator: Any) -> Any:
    try:
        draft = plain(estimator)
    except UnsupportedError:
        return None
    return draft if draft.coef is not None and draft.link == "identity" else None


def _inner(name: str) -> Any:
    def read_inner(estimator: Any) -> Draft | Model:
        from tenebra.fitted import read

        inner = getattr(estimator, name)
        made = read(inner)
        return made if isinstance(made, Model) else replace(made, of=inner if made.of is None else made.of)

    return read_inner


READERS = {
    "sklearn.OneVsRestClassifier": _one_vs_rest,
    "sklearn.MultiOutputRegressor": _multi_output,
    "sklearn.BaggingRegressor": _mean_regressor,
    "sklearn.VotingRegressor": _mean_regressor,
    "sklearn.GridSearchCV": _inner("best_estimator_"),
    "sklearn.RandomizedSearchCV": _inner("best_estimator_"),
    "sklearn.HalvingGridSearchCV": _inner("best_estimator_"),
    "sklearn.HalvingRandomSearchCV": _inner("best_estimator_"),
    "sklearn.FrozenEstimator": _inner("estimator"),
    "sklearn.SelfTrainingClassifier": _inner("estimator_"),
}
