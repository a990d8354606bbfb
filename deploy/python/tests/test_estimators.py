"""What is read of each estimator says what it says: in the clear, on integers, and encrypted."""

from __future__ import annotations

from pathlib import Path
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
def test_agrees_with_the_original(case: Case, tmp_path: Path) -> None:
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
        _assert_scores_are_the_originals(compiled, estimator, of.X_test)
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
    # From its files: the same, labels of the same type.
    compiled.save(tmp_path)
    loaded = tenebra.load(tmp_path).evaluate(of.X_test, fhe="simulate")
    np.testing.assert_array_equal(loaded.values, simulated.values)
    np.testing.assert_array_equal(loaded.labels, simulated.labels)
    assert loaded.labels.dtype == simulated.labels.dtype


#: Scores that need the length of a row, or are of other features than those by which the original decides.
_OTHER_SCORES = ("NearestCentroid",)


def _assert_scores_are_the_originals(compiled: tenebra.Compiled, estimator: Any, X: np.ndarray) -> None:
    for method in ("predict_proba", "decision_function", "score_samples"):
        if not hasattr(estimator, method):
            continue
        wanted = getattr(estimator, method)(X)
        try:
            found = getattr(compiled, method)(X, fhe="disable")
        except tenebra.UnsupportedError:
            assert type(estimator).__name__ in _OTHER_SCORES
            continue
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())


def test_boosted_trees_without_a_split_are_of_the_class_that_their_library_takes() -> None:
    """Of as many rows of each class, all scores are 0: scikit-learn's gradient boosting alone takes the second class there."""
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
    from xgboost import XGBClassifier

    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    y = np.arange(40) % 2
    for estimator in (
        GradientBoostingClassifier(min_samples_split=1000),
        HistGradientBoostingClassifier(min_samples_leaf=1000),
        LGBMClassifier(min_child_samples=1000, verbose=-1),
        XGBClassifier(gamma=1e9),
        XGBClassifier(gamma=1e9, base_score=0.7, n_estimators=100),
    ):
        estimator.fit(X, y)
        compiled = tenebra.from_fitted(estimator).compile(X, measure=False)
        np.testing.assert_array_equal(compiled.predict(X, fhe="disable"), estimator.predict(X))
        np.testing.assert_array_equal(compiled.predict(X, fhe="simulate"), estimator.predict(X))


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
        np.testing.assert_allclose(compiled.predict_proba(X, fhe="disable"), estimator.predict_proba(X), atol=1e-9)
    assert ties > 0


@pytest.mark.filterwarnings("ignore")
def test_machines_of_words_and_missing_values() -> None:
    """EBM reads categories that are words; words that it does not know count as missing values."""
    glassbox = pytest.importorskip("interpret.glassbox")
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"colour": rng.choice(["red", "green", "blue"], 400), "size": rng.normal(size=400)})
    frame.loc[::17, "size"] = np.nan
    y = (frame["colour"] == "red") ^ (frame["size"] > 0)
    machine = glassbox.ExplainableBoostingClassifier(interactions=[(0, 1)], max_rounds=50, n_jobs=1, outer_bags=2, random_state=0).fit(frame, y)
    compiled = tenebra.from_fitted(machine).compile(measure=False, leaf_bits=16)
    rows = pd.concat([frame, pd.DataFrame({"colour": ["violet", "red"], "size": [0.3, np.nan]})], ignore_index=True)
    np.testing.assert_array_equal(compiled.predict(rows, fhe="simulate"), machine.predict(rows))
    np.testing.assert_allclose(compiled.decision_function(rows, fhe="simulate"), machine.decision_function(rows), atol=1e-3)
    np.testing.assert_array_equal(compiled.predict(rows[-9:], fhe="execute"), machine.predict(rows[-9:]))


@pytest.mark.filterwarnings("ignore")
def test_formulas_find_their_variables_by_name() -> None:
    pytest.importorskip("statsmodels")
    import pandas as pd
    import statsmodels.formula.api as smf

    X, y = data("diabetes").X_train, data("diabetes").y_train
    frame = pd.DataFrame(X[:, :4], columns=["age", "sex", "bmi", "bp"]).assign(y=y)
    results = smf.ols("y ~ bmi * age + bp", frame).fit()
    compiled = tenebra.from_fitted(results).compile(frame, n_bits=12, measure=False)
    shuffled = frame[["y", "bp", "age", "bmi"]]
    np.testing.assert_allclose(compiled.predict(shuffled, fhe="disable"), results.predict(frame), rtol=1e-9)
    np.testing.assert_allclose(compiled.predict(shuffled[:20]), results.predict(frame[:20]), atol=1.0)
    for formula, reason in (("y ~ np.exp(bmi)", "np.exp"), ("y ~ C(sex)", "C(sex)")):
        with pytest.raises(tenebra.UnsupportedError, match="is not a column of numbers") as caught:
            tenebra.from_fitted(smf.ols(formula, frame).fit())
        assert reason in str(caught.value)


@pytest.mark.filterwarnings("ignore")
def test_what_is_no_sum_is_refused_with_the_reason() -> None:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import StackingClassifier, StackingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import KBinsDiscretizer
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    cancer, wine, diabetes = data("scaled_cancer"), data("scaled_wine"), data("diabetes")
    stump = DecisionTreeRegressor(max_depth=2)
    for of, estimator, reason in (
        (cancer, StackingClassifier([("a", LogisticRegression())]), "probabilities, which are no sum"),
        (cancer, StackingClassifier([("a", LinearSVC())], DecisionTreeClassifier()), "no linear function"),
        (diabetes, StackingRegressor([("a", Ridge()), ("b", stump)]), "linear scores and trees"),
        (diabetes, StackingRegressor([("a", stump)], passthrough=True), "linear scores and trees"),
        (cancer, CalibratedClassifierCV(MLPClassifier((2,)), cv=2), "neither linear nor sums of trees"),
        (cancer, CalibratedClassifierCV(make_pipeline(KBinsDiscretizer(3), LinearSVC()), cv=2), "neither linear nor sums of trees"),
        (wine, SVC(kernel="linear"), "pairs of classes vote"),
        (cancer, SVC(), "linear kernel"),
    ):
        with pytest.raises(tenebra.UnsupportedError, match=reason):
            tenebra.from_fitted(estimator.fit(of.X_train, of.y_train))
    sm = pytest.importorskip("statsmodels.api")
    ones = data("ones_binary")
    for fit in (
        lambda: sm.Probit(ones.y_train, ones.X_train).fit(disp=0),
        lambda: sm.GLM(ones.y_train, ones.X_train, family=sm.families.Binomial(sm.families.links.Probit())).fit(),
        lambda: sm.GLM(ones.y_train, ones.X_train, family=sm.families.Poisson(), offset=ones.X_train[:, 1]).fit(),
    ):
        with pytest.raises(tenebra.UnsupportedError, match="statsmodels"):
            tenebra.from_fitted(fit())


def test_a_search_has_the_name_of_what_it_found() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    of = data("diabetes")
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1]}).fit(of.X_train, of.y_train)
    assert tenebra.from_fitted(search).estimator == "Ridge"
    assert tenebra.from_fitted(make_pipeline(search).fit(of.X_train, of.y_train)).estimator == "Ridge"


def test_categories_that_were_not_there_are_refused() -> None:
    from sklearn.naive_bayes import CategoricalNB

    X = np.random.default_rng(0).integers(0, 4, size=(100, 2))
    compiled = tenebra.from_fitted(CategoricalNB().fit(X, X[:, 0] > 1)).compile(X, measure=False)
    for row in ([4.0, 0.0], [-1.0, 0.0], [0.5, 0.0], [np.nan, 0.0]):
        for fhe in ("disable", "simulate", "execute"):
            with pytest.raises(tenebra.TenebraError, match="row 1"):
                compiled.predict(row, fhe=fhe)


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
