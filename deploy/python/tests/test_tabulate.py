"""Models of few features that are no sums: asked at every point of a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tenebra
from sklearn.datasets import load_diabetes, load_iris
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC

IRIS, KINDS = load_iris(return_X_y=True)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)


@pytest.mark.parametrize(
    "estimator", [SVC(), KNeighborsClassifier(), GaussianProcessClassifier(random_state=0)], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("words", [False, True])
def test_classes(estimator: Any, words: bool) -> None:
    y = np.array(["setosa", "versicolor", "virginica"])[KINDS] if words else KINDS
    X = IRIS[:, [0, 2, 3]]
    fitted = estimator.fit(X, y)
    compiled = tenebra.tabulate(fitted, X, n_bits=4).compile(X)
    found = compiled.predict(X, fhe="simulate")
    assert found.dtype == fitted.predict(X).dtype
    assert abs(np.mean(found == y) - fitted.score(X, y)) <= 0.03
    np.testing.assert_array_equal(compiled.predict(X[::30], fhe="execute"), found[::30])


@pytest.mark.parametrize(
    "estimator",
    [KNeighborsRegressor(10), GaussianProcessRegressor(RBF(0.1) + WhiteKernel(1.0), normalize_y=True)],
    ids=lambda e: type(e).__name__,
)
def test_numbers(estimator: Any) -> None:
    X = DIABETES[:, [2, 8, 3]]
    fitted = estimator.fit(X, PROGRESSION)
    compiled = tenebra.tabulate(fitted, X).compile(X)
    found = compiled.predict(X, fhe="simulate")
    assert np.corrcoef(found, fitted.predict(X))[0, 1] > 0.97
    np.testing.assert_array_equal(compiled.predict(X[::100], fhe="execute"), found[::100])


def test_functions_of_few_values_are_exact() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 4, size=(200, 3)).astype(float)
    calls = []
    model = tenebra.tabulate(lambda X: np.column_stack([X[:, 0] * X[:, 1], X[:, 2] ** 2]), X, n_bits=2, progress=lambda *of: calls.append(of))
    assert calls == [(64, 64)]
    np.testing.assert_array_equal(model.evaluate(X).values, np.column_stack([X[:, 0] * X[:, 1], X[:, 2] ** 2]))
    words = tenebra.tabulate(lambda X: np.where(X[:, 0] > X[:, 1], "more", "less"), X, n_bits=2)
    np.testing.assert_array_equal(words.predict(X), np.where(X[:, 0] > X[:, 1], "more", "less"))


def test_what_is_refused_says_why() -> None:
    X = np.random.default_rng(0).normal(size=(300, 3))
    with pytest.raises(tenebra.UnsupportedError, match=r"24 bits together \(8, 8, 8\).*268 MB.*up to 20"):
        tenebra.tabulate(lambda X: X[:, 0], X, n_bits=8)
    with pytest.raises(tenebra.InputError, match="n_bits is 0"):
        tenebra.tabulate(lambda X: X[:, 0], X, n_bits=0)
    with pytest.raises(tenebra.InputError, match="column 2"):
        tenebra.tabulate(lambda X: X[:, 0], np.array([[1.0, np.nan]]))
    with pytest.raises(tenebra.UnsupportedError, match="not finite"), np.errstate(invalid="ignore"):
        tenebra.tabulate(lambda X: np.log(X[:, 0]), X)
    with pytest.raises(tenebra.UnsupportedError, match="no `predict`"):
        tenebra.tabulate(3, X)
