"""What was read, asked against the estimator it was read from."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from tenebra._model import Model
from tenebra._outcome import Prediction
from tenebra._several import columns
from tenebra.errors import UnsupportedError

_ROWS = 48
#: Boosting libraries add up in single precision.
_RELATIVE = 2e-5


def check(estimator: Any, model: Model, constants: dict[int, float]) -> None:
    """Refuses a model that says other things of random rows, with these constants, than the estimator it was made of."""
    rows = _rows(model)
    for feature, value in constants.items():
        rows[:, feature] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = _asked(estimator, rows, model)
        except Exception as error:
            raise UnsupportedError(
                f"{type(estimator).__name__} could not be asked about random rows, to hold what was read of it to: {error}",
                "does its `predict` take rows like those that it was fitted on?",
            ) from error
    if wanted is None:
        return
    found = model.evaluate(rows)
    if model._readout.targets is not None:
        _check_targets(estimator, model, found, np.asarray(wanted))
        return
    if model.classes_ is not None:
        scores = found.scores if model._readout.parts is None else found.values
        margins = _margins(scores)
        decided = margins > 1e-4 * (1 + np.abs(scores).max(axis=1))
        if model.inverse_link == "sigmoid_normalized":
            # Larger sigmoids are 1 in floating point, and then equal.
            decided &= np.abs(found.scores).max(axis=1) < 30
        labels = np.ravel(wanted)
        if labels.shape == (len(rows),) and np.array_equal(labels[decided], found.labels[decided]):
            _check_scores(estimator, model, rows)
            return
    else:
        values = np.asarray(wanted, dtype=np.float64).reshape(len(rows), -1)
        unit = np.abs(values).max() + 1e-9
        if values.shape == found.values.shape and np.allclose(values, found.values, rtol=_RELATIVE, atol=_RELATIVE * unit):
            return
    raise _otherwise(estimator)


def _otherwise(estimator: Any) -> UnsupportedError:
    return UnsupportedError(
        f"{type(estimator).__name__} predicts otherwise than its fitted attributes say",
        "a subclass that overrides `predict`, or a version of its library that this package does not know, may do so",
    )


def _check_targets(estimator: Any, model: Model, found: Prediction, wanted: np.ndarray) -> None:
    targets = model._readout.targets or ()
    if wanted.shape != found.labels.shape:
        raise _otherwise(estimator)
    for place, scores in enumerate(columns([target.n_scores for target in targets], found.scores)):
        decided = _margins(scores) > 1e-4 * (1 + np.abs(scores).max(axis=1))
        if not np.array_equal(wanted[decided, place], found.labels[decided, place]):
            raise _otherwise(estimator)


def _check_scores(estimator: Any, model: Model, rows: np.ndarray) -> None:
    """Takes probabilities and scores from a model whose are not those of its estimator."""
    if _library(type(estimator)) == "statsmodels":
        return
    found, asked = model.evaluate(rows), _table(estimator, rows, model)
    for method, without in (("predict_proba", {"probabilities": False}), ("decision_function", {"decision": None})):
        original = getattr(_original(type(estimator)), method, None)
        if original is None or not hasattr(estimator, method):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                own = getattr(model._readout, method)(found)
            except UnsupportedError:
                continue
            wanted = np.asarray(original(estimator, asked), dtype=np.float64)
        if own.shape != wanted.shape or not np.allclose(own, wanted, rtol=_RELATIVE, atol=_RELATIVE * np.abs(wanted).max()):
            model._readout = replace(model._readout, **without)


def _margins(scores: np.ndarray) -> np.ndarray:
    """How far each row is from another class."""
    if scores.shape[1] == 1:
        return np.abs(scores[:, 0])
    ordered = np.sort(scores, axis=1)
    return ordered[:, -1] - ordered[:, -2]


def _asked(estimator: Any, rows: np.ndarray, model: Model) -> Any:
    if type(estimator).__module__.startswith("xgboost") and type(estimator).__name__ == "Booster":
        return None
    if _library(type(estimator)) == "statsmodels":
        return _asked_results(estimator, rows, model)
    cls = _original(type(estimator))
    method = getattr(cls, "predict", None) or getattr(cls, "transform", None)
    if method is None:
        return None
    wanted = method(estimator, _table(estimator, rows, model))
    return wanted[0] if isinstance(wanted, tuple) else wanted


def _original(cls: type) -> type:
    """Without what `tenebra.sklearn` makes of it."""
    return next((each for each in cls.__mro__ if _library(each) != "tenebra"), cls)


def _table(estimator: Any, rows: np.ndarray, model: Model) -> Any:
    """The rows, in a frame where names are known: some estimators warn about missing names, and some insist on them."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or len(names) != rows.shape[1]:
        return rows
    try:
        import pandas as pd
    except ImportError:
        return rows
    return _with_words(pd.DataFrame(rows, columns=names), model)


def _with_words(frame: Any, model: Model) -> Any:
    """Words in the columns that hold codes of them."""
    for feature, known in json.loads(model.to_json()).get("categories", {}).items():
        if known["words"]:
            column = frame.columns[int(feature)]
            frame[column] = [None if np.isnan(code) else known["words"][int(code)] for code in frame[column]]
    return frame


def _asked_results(results: Any, rows: np.ndarray, model: Model) -> Any:
    """Of statsmodels, whose formulas need frames, and whose classifiers say probabilities, of large scores nan."""
    asked: Any = rows
    if getattr(results.model, "formula", None) is not None:
        import pandas as pd

        asked = pd.DataFrame(rows, columns=model.feature_names)
    if model.classes_ is None:
        return results.predict(asked)
    scores = np.asarray(results.predict(asked, which="linear"))
    return model.classes_[scores.argmax(axis=1)]


def _library(cls: type) -> str:
    return cls.__module__.split(".")[0]


def _rows(model: Model) -> np.ndarray:
    """Random rows on both sides of every split, or of the size at which a linear model's terms are alike."""
    rng = np.random.default_rng(0)
    fields = json.loads(model.to_json())
    n = model.n_features_in_
    if fields["kind"] == "pipeline":
        return _before_steps(fields["before"], rng)
    if fields["kind"] == "linear":
        rows = rng.normal(size=(_ROWS, n)) * rng.choice([0.1, 1, 30], size=(_ROWS, 1))
    elif fields["kind"] == "network":
        rows = rng.normal(size=(_ROWS, n))
    elif fields["kind"] == "additive":
        rows = np.zeros((_ROWS, n))
        for term in fields["terms"]:
            if not term["cuts"]:
                # It adds the same whatever the feature.
                continue
            most = len(term["cuts"])
            whole = all(cut % 1 == 0.5 for cut in term["cuts"])
            places = rng.integers(0, most + 1, size=_ROWS)
            cuts = np.array([term["cuts"][0] - 1, *term["cuts"]])
            rows[:, term["feature"]] = places if whole else cuts[places] + 0.25
    else:
        rows = _around_splits(fields, n, rng)
    if fields["estimator"] in ("MultinomialNB", "ComplementNB"):
        rows = np.abs(rows)
    if fields["estimator"] == "BernoulliNB" and fields["kind"] == "linear":
        rows = (rows > 0).astype(np.float64)
    return rows


def _before_steps(before: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Rows of the size that the steps were fitted on, of categories that they know."""
    n = before["n_features"]
    rows = rng.normal(size=(_ROWS, n))
    equal: dict[int, list[float]] = {}
    for step in before["steps"]:
        column = step.get("from", step.get("first", n))
        if column >= n:
            continue
        if step["op"] == "affine":
            rows[:, column] = step["center"] + step["scale"] * rows[:, column]
        elif step["op"] == "dot" and len(step["weights"]) == 1:
            rows[:, column] = rng.random(_ROWS) / (step["weights"][0] or 1)
        elif step["op"] == "code":
            rows[:, column] = rng.choice(step["categories"], size=_ROWS)
        elif step["op"] == "equals":
            equal.setdefault(column, []).append(step["value"])
        elif step["op"] == "bins" and step["cuts"]:
            rows[:, column] = rng.choice(step["cuts"], size=_ROWS) + rng.choice([-1e-3, 0, 1e-3], size=_ROWS)
        elif step["op"] == "fill":
            rows[:, column] = np.where(rng.random(_ROWS) < 0.2, np.nan, step["value"] * (1 + 0.1 * rows[:, column]))
    for column, values in equal.items():
        rows[:, column] = rng.choice(values, size=_ROWS)
    return rows


def _around_splits(fields: dict[str, Any], n: int, rng: np.random.Generator) -> np.ndarray:
    thresholds: dict[int, list[float]] = {}
    refused: set[int] = set()
    for tree in fields["trees"]:
        for node in tree["nodes"]:
            split = node.get("split")
            if split is not None:
                thresholds.setdefault(split["feature"], []).append(split["threshold"])
                if split["missing"] == "refused":
                    refused.add(split["feature"])
    rows = rng.normal(size=(_ROWS, n))
    categories = {int(feature) for feature in fields.get("categories", {})}
    for feature, known in thresholds.items():
        finite = np.array([t for t in known if abs(t) < 1e30] or [0.0])
        drawn = rng.choice(finite, size=_ROWS)
        if feature in categories:
            rows[:, feature] = np.maximum(0, np.round(drawn))
        else:
            rows[:, feature] = drawn + rng.choice([-1, 0, 1], size=_ROWS) * (1e-3 * np.abs(drawn) + 1e-6)
        if feature not in refused and feature not in categories:
            rows[rng.random(_ROWS) < 0.1, feature] = np.nan
    return rows
