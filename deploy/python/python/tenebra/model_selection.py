"""Scores of what is predicted encrypted, for the searches of scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from tenebra._model import Model
from tenebra.fitted import from_fitted

__all__ = ["simulated_score"]

Metric = Callable[[Any, Any], float]


def simulated_score(metric: Metric | None = None, **options: Any) -> Callable[[Any, Any, Any], float]:
    """For `scoring=`: compiles what was fitted, with its `n_bits`, and scores what the circuit says on clear integers.

    `n_bits` of an estimator changes nothing of what it says in the clear: a search over it needs this. Ranges are found on the rows that are
    scored, for a scorer meets no others.

    Args:
        metric: of targets and predictions, larger is better; by default the accuracy of classifiers, the determination (R²) of regressions.
        options: as `tenebra.compile`; noise is not measured unless `measure=True`.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from tenebra.model_selection import simulated_score
    >>> from tenebra.sklearn import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(LogisticRegression(max_iter=500), {"n_bits": [2, 8]}, scoring=simulated_score()).fit(X, y)
    >>> search.best_params_
    {'n_bits': 8}
    """

    def score(estimator: Any, X: Any, y: Any) -> float:
        model = from_fitted(estimator)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = model.compile(X, **({"measure": False} | _bits(estimator, model) | options))
            predicted = compiled.predict(X, fhe="simulate")
        return float((metric or _usual(compiled.classes_ is not None))(y, predicted))

    return score


def _bits(estimator: Any, model: Model) -> dict[str, Any]:
    """`n_bits` of the estimator, or of the last step of a pipeline, as its `compile` takes it."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    n_bits = getattr(last, "n_bits", None)
    if n_bits is None:
        return {}
    return {"n_bits": n_bits} | ({"bins": "uniform"} if model.of_trees else {})


def _usual(classifies: bool) -> Metric:
    from sklearn.metrics import accuracy_score, r2_score

    return accuracy_score if classifies else r2_score
