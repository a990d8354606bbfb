"""What is read of each estimator says what it says: in the clear, on integers, and encrypted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tenebra
from estimators import CASES, Case, data


def _original(estimator: Any, X: np.ndarray) -> np.ndarray:
    wanted = estimator.predict(X) if hasattr(estimator, "predict") else estimator.transform(X)
    return np.asarray(wanted[0] if isinstance(wanted, tuple) else wanted)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_agrees_with_the_original(case: Case) -> None:
    of = data(case.data)
    estimator = case.make().fit(of.X_train, of.y_train)
    compiled = tenebra.from_fitted(estimator).compile(of.X_train, measure=False)
    wanted = _original(estimator, of.X_test)
    if compiled.classes_ is not None and wanted.ndim == 2 and wanted.shape[1] == len(compiled.classes_):
        # statsmodels says probabilities.
        wanted = compiled.classes_[wanted.argmax(axis=1)]
    clear = compiled.evaluate(of.X_test, fhe="disable")
    simulated = compiled.evaluate(of.X_test, fhe="simulate")
    if compiled.classes_ is None:
        values = wanted.reshape(clear.values.shape)
        unit = np.abs(values).max()
        np.testing.assert_allclose(clear.values, values, rtol=1e-5, atol=1e-6 * unit)
    else:
        np.testing.assert_array_equal(clear.labels, np.ravel(wanted))
    # Scores: what the report says that quantization loses of the calibration rows, and half as much of others; of networks,
    # whose hidden results saturate where no calibration row was, as much again and a half.
    lost = compiled.report["quantization"]
    network = hasattr(estimator, "coefs_")
    factor, least_inside = (2.5, 0.3) if network else (1.5, 0.6)
    error = factor * (lost["max_score_error"] or 0) + 1e-9
    inside = ~_clipped(compiled, of.X_test)
    assert inside.sum() > least_inside * len(inside)
    differences = np.abs(clear.scores - simulated.scores).max(axis=1)
    assert differences[inside].max() <= error
    if compiled.classes_ is not None:
        decided = _margins(clear.scores) > 2 * error
        assert (clear.labels == simulated.labels)[decided & inside].all()
        if case.exact or network:
            assert (clear.labels == simulated.labels).mean() > (0.99 if case.exact else 0.9)
    # Ciphertexts: the same to the bit.
    encrypted = compiled.evaluate(of.X_test[:20], fhe="execute")
    np.testing.assert_array_equal(encrypted.scores, simulated.scores[:20])


@pytest.mark.parametrize("classes", [2, 3])
def test_ties_go_to_the_first_class(classes: int) -> None:
    """Even numbers of trees with pure leaves, and leaves of as many rows of each class, tie exactly."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, size=(400, 3)).astype(float)
    y = rng.integers(0, classes, size=400)
    ties = 0
    for estimator in (
        RandomForestClassifier(n_estimators=4, random_state=0),
        RandomForestClassifier(n_estimators=6, max_depth=2, random_state=0),
        DecisionTreeClassifier(random_state=0),
    ):
        estimator.fit(np.vstack([X, X]), np.concatenate([y, (y + 1) % classes]))
        compiled = tenebra.from_fitted(estimator).compile(X, measure=False)
        ordered = np.sort(estimator.predict_proba(X), axis=1)
        ties += int((ordered[:, -1] == ordered[:, -2]).sum())
        np.testing.assert_array_equal(compiled.predict(X, fhe="simulate"), estimator.predict(X))
        np.testing.assert_allclose(compiled.predict_proba(X, fhe="disable"), estimator.predict_proba(X), atol=1e-3)
    assert ties > 0


def _clipped(compiled: tenebra.Compiled, X: np.ndarray) -> np.ndarray:
    """Rows beyond the calibrated ranges."""
    import warnings

    found = np.zeros(len(X), dtype=bool)
    for row in range(len(X)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            compiled.evaluate(X[row], fhe="simulate")
        found[row] = any(issubclass(each.category, tenebra.ClippingWarning) for each in caught)
    return found


def _margins(scores: np.ndarray) -> np.ndarray:
    if scores.shape[1] == 1:
        return np.abs(scores[:, 0])
    ordered = np.sort(scores, axis=1)
    return ordered[:, -1] - ordered[:, -2]
