"""Estimators of several others: what the client makes of their scores is what the original predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tenebra
from estimators import data
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

_LINE, _MACHINE = LogisticRegression(), LinearSVC()
_BOOSTED = GradientBoostingClassifier(n_estimators=3, random_state=0)
_FOREST = RandomForestClassifier(3, max_depth=3, random_state=0)
#: Of one target; of two; of labels that are each there or not.
CLASSIFIERS: list[tuple[Any, str]] = [
    (VotingClassifier([("a", _LINE), ("b", RidgeClassifier())]), "one"),
    (VotingClassifier([("a", _LINE), ("b", LogisticRegression(C=0.01))], voting="soft", weights=[1, 3]), "one"),
    (VotingClassifier([("a", _BOOSTED), ("b", _FOREST)], voting="soft"), "one"),
    (BaggingClassifier(_LINE, 4, max_features=0.5, random_state=0), "one"),
    (BaggingClassifier(_MACHINE, 4, random_state=0), "one"),
    (BaggingClassifier(_BOOSTED, 3, max_features=0.5, random_state=0), "one"),
    (MultiOutputClassifier(_LINE), "two"),
    (MultiOutputClassifier(_MACHINE), "two"),
    (MultiOutputClassifier(_FOREST), "two"),
    (MultiOutputClassifier(make_pipeline(StandardScaler(), _LINE)), "two"),
    (OneVsRestClassifier(_LINE), "labels"),
    (OneVsRestClassifier(_MACHINE), "labels"),
    (OneVsRestClassifier(_BOOSTED), "labels"),
]


def _targets(y: np.ndarray, kind: str) -> np.ndarray:
    if kind == "two":
        return np.column_stack([y, np.roll(y, 3)])
    return y if kind == "one" else (y[:, None] == np.unique(y)).astype(int)


@pytest.mark.parametrize(("estimator", "kind"), CLASSIFIERS, ids=[f"{type(each).__name__}-{place}" for place, (each, _) in enumerate(CLASSIFIERS)])
@pytest.mark.parametrize("of", ["scaled_cancer", "scaled_wine"])
def test_classes_and_probabilities(of: str, estimator: Any, kind: str, tmp_path: Any) -> None:
    rows = data(of)
    estimator.fit(rows.X_train, _targets(rows.y_train, kind))
    compiled = tenebra.from_fitted(estimator).compile(rows.X_train, measure=False)
    wanted = estimator.predict(rows.X_test)
    clear = compiled.predict(rows.X_test, fhe="disable")
    np.testing.assert_array_equal(clear, wanted)
    assert clear.dtype == wanted.dtype
    simulated = compiled.evaluate(rows.X_test, fhe="simulate")
    assert (simulated.labels == wanted).mean() > 0.97
    encrypted = compiled.evaluate(rows.X_test[:3])
    np.testing.assert_array_equal(encrypted.scores, simulated.scores[:3])
    np.testing.assert_array_equal(encrypted.labels, simulated.labels[:3])
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method) and not (method == "decision_function" and kind == "one"):
            found = getattr(compiled, method)(rows.X_test, fhe="disable")
            np.testing.assert_allclose(np.asarray(found), np.asarray(getattr(estimator, method)(rows.X_test)), rtol=1e-7, atol=1e-9)
    if not hasattr(estimator, "predict_proba"):
        with pytest.raises(tenebra.UnsupportedError, match="scores and no probabilities"):
            compiled.predict_proba(rows.X_test)
    compiled.save(tmp_path)
    np.testing.assert_array_equal(tenebra.load(tmp_path).predict(rows.X_test, fhe="simulate"), simulated.labels)


@pytest.mark.parametrize("of_trees", [True, False])
def test_the_weighted_median_of_regressions(of_trees: bool, tmp_path: Any) -> None:
    rows = data("diabetes")
    inner = GradientBoostingRegressor(n_estimators=3, random_state=0) if of_trees else Ridge()
    for estimator in (AdaBoostRegressor(inner, n_estimators=5, random_state=0), AdaBoostRegressor(n_estimators=6, loss="exponential", random_state=0)):
        estimator.fit(rows.X_train, rows.y_train)
        compiled = tenebra.from_fitted(estimator).compile(rows.X_train, measure=False)
        wanted = estimator.predict(rows.X_test)
        np.testing.assert_allclose(compiled.predict(rows.X_test, fhe="disable"), wanted, rtol=1e-9)
        simulated = compiled.predict(rows.X_test, fhe="simulate")
        assert np.abs(simulated - wanted).max() <= 1.5 * compiled.report["quantization"]["max_score_error"] + 1e-9
        np.testing.assert_array_equal(compiled.predict(rows.X_test[:3]), simulated[:3])
        compiled.save(tmp_path, replace=True)
        np.testing.assert_array_equal(tenebra.load(tmp_path).predict(rows.X_test, fhe="simulate"), simulated)


def test_what_does_not_go_together_is_refused() -> None:
    cancer, wine = data("scaled_cancer"), data("scaled_wine")
    histograms = HistGradientBoostingClassifier(max_iter=2)
    for of, estimator, reason in (
        (cancer, VotingClassifier([("a", _LINE), ("b", DecisionTreeClassifier(max_depth=2))]), "do not go together"),
        (cancer, VotingClassifier([("a", _BOOSTED), ("b", histograms)], voting="soft"), "do not go together"),
        (wine, BaggingClassifier(GaussianNB(), 3), "do something to a row first"),
        (wine, OneVsRestClassifier(GaussianNB()), "different things to a row"),
        (cancer, RandomForestClassifier(3), "MultiOutputClassifier"),
    ):
        y = _targets(of.y_train, "two") if isinstance(estimator, RandomForestClassifier) else of.y_train
        with pytest.raises(tenebra.UnsupportedError, match=reason):
            tenebra.from_fitted(estimator.fit(of.X_train, y))
