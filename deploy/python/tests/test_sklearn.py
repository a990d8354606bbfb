"""`tenebra.sklearn`: what people do with estimators."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import tenebra
import tenebra.sklearn
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from wrapped import UNSUPERVISED, few, library, original


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", tenebra.sklearn.__all__)
def test_fits_as_the_original_does_and_predicts_encrypted(name: str) -> None:
    if home := library(name):
        pytest.importorskip(home)
    cls = getattr(tenebra.sklearn, name)
    assert name == original(cls).__name__ and cls.__module__ == "tenebra.sklearn"
    X, y = _data(name)
    extra: dict[str, Any] = {"group": [len(X)]} if name.endswith("Ranker") else {}
    if name == "CatBoostRanker":
        extra = {"group_id": np.arange(len(X)) // 20}
    parameters = few(name)
    if "random_state" in cls(**parameters).get_params():
        parameters["random_state"] = 0
    if name == "TheilSenRegressor":
        parameters["n_subsamples"] = 30
    model = cls(**parameters).fit(X, y, **extra)
    wanted = original(cls)(**parameters).fit(X, y, **extra)
    method = "transform" if not hasattr(model, "predict") else "predict"
    np.testing.assert_array_equal(getattr(model, method)(X), getattr(wanted, method)(X))
    with pytest.raises(tenebra.NotFittedError, match="compile"):
        getattr(model, method)(X, fhe="simulate")
    model.compile(X, measure=False)
    simulated = getattr(model, method)(X, fhe="simulate")
    encrypted = getattr(model, method)(X[:3], fhe="execute")
    np.testing.assert_array_equal(encrypted, np.asarray(simulated)[:3].reshape(encrypted.shape))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(getattr(again, method)(X, fhe="simulate"), simulated)
    assert again.n_bits == clone(model).n_bits == model.n_bits and not hasattr(clone(model), "compiled_")
    assert not hasattr(model.fit(X, y, **extra), "compiled_")


def _data(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "CategoricalNB":
        X = np.random.default_rng(0).integers(0, 4, size=(100, 3))
        return X, X[:, 0] > X[:, 1]
    if name == "MultiOutputClassifier":
        X, y = load_iris(return_X_y=True)
        return X, np.column_stack([y, y > 0])
    if name.startswith(("MultiTask", "MultiOutput")):
        X, y = load_diabetes(return_X_y=True)
        return X, np.column_stack([y, X[:, 0]])
    if name in ("SVC", "NuSVC", "CalibratedClassifierCV"):
        X, y = load_iris(return_X_y=True)
        return X, y > 0
    classifies = name.endswith(("Classifier", "SVC", "NB", "Perceptron", "Centroid", "Analysis")) or name.startswith("LogisticReg")
    if classifies or name in UNSUPERVISED:
        return load_iris(return_X_y=True)
    X, y = load_diabetes(return_X_y=True)
    return X, (y // 80 if name.endswith("Ranker") else y)


def test_people_do_with_them_what_they_do_with_others() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    from tenebra.sklearn import DecisionTreeClassifier, LogisticRegression

    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0], "n_bits": [6, 10]}).fit(X, y)
    best = search.best_estimator_
    assert best.compile(X)["quantization"]["class_agreement"] > 0.95
    assert (best.predict(X, fhe="execute") == best.predict(X)).mean() > 0.97
    assert best.predict_proba(X[:4], fhe="simulate").shape == (4, 2)
    again = pickle.loads(pickle.dumps(best))
    np.testing.assert_array_equal(again.predict(X[:50], fhe="execute"), best.predict(X[:50], fhe="simulate"))
    assert clone(best).get_params() == best.get_params() and not hasattr(clone(best), "compiled_")
    assert cross_val_score(make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=3)), X, y).mean() > 0.9
    exact = DecisionTreeClassifier(max_depth=3).fit(X, y)
    exact.compile(X)
    np.testing.assert_array_equal(exact.predict(X, fhe="simulate"), exact.predict(X))
    uniform = DecisionTreeClassifier(max_depth=3, n_bits=5).fit(X, y)
    uniform.compile(X)
    assert (uniform.predict(X, fhe="simulate") == uniform.predict(X)).mean() > 0.9
    with pytest.raises(tenebra.InputError, match='must be "disable", "simulate" or "execute"'):
        exact.predict(X, fhe="maybe")
    with pytest.raises(tenebra.CompileError, match="no option `n_bits`"):
        exact.compile(X, n_bits=3)
    # A method that depends on parameters still does.
    from tenebra.sklearn import SGDClassifier

    assert not hasattr(SGDClassifier(), "predict_proba") and hasattr(SGDClassifier(loss="log_loss"), "predict_proba")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in tenebra.sklearn.__all__ if library(name) is None])
def test_all_that_takes_fhe_says_what_the_original_says_or_refuses(name: str) -> None:
    cls = getattr(tenebra.sklearn, name)
    X, y = _data(name)
    parameters = few(name)
    if "random_state" in cls(**parameters).get_params():
        parameters["random_state"] = 0
    model = cls(**parameters).fit(X, y)
    model.compile(X, measure=False, **({"leaf_bits": 16} if tenebra.from_fitted(model).of_trees else {}))
    for method in ("predict", "predict_proba", "decision_function", "score_samples", "transform"):
        if not hasattr(model, method):
            continue
        wanted = getattr(model, method)(X)
        try:
            found = getattr(model, method)(X, fhe="simulate")
        except tenebra.UnsupportedError:
            assert method != "predict"
            continue
        if isinstance(wanted, list):
            # Of several targets.
            wanted, found = np.hstack(wanted), np.hstack(found)
        wanted, found = np.asarray(wanted[0] if isinstance(wanted, tuple) else wanted), np.asarray(found)
        assert found.shape == wanted.shape or method == "predict" and found.size == wanted.size, method
        if method == "predict" and model.compiled_.classes_ is not None:
            assert (found == np.ravel(wanted)).mean() > 0.9
        elif wanted.dtype.kind == "f":
            # A tenth of the spread: what bits lose is far below, what is another thing is not.
            assert np.median(np.abs(found.reshape(wanted.shape) - wanted)) <= 0.1 * np.ptp(wanted) + 1e-9, method


@pytest.mark.filterwarnings("ignore")
def test_a_search_sees_what_bits_lose() -> None:
    from tenebra.model_selection import simulated_score
    from tenebra.sklearn import LogisticRegression, RandomForestClassifier, Ridge

    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = GridSearchCV(pipeline, {"logisticregression__n_bits": [2, 10]}, scoring=simulated_score()).fit(X, y)
    few, many = search.cv_results_["mean_test_score"]
    assert few < many - 0.02 and search.best_params_ == {"logisticregression__n_bits": 10}
    forest = RandomForestClassifier(5, max_depth=4, random_state=0)
    scores = GridSearchCV(forest, {"n_bits": [2, None]}, scoring=simulated_score(), cv=3).fit(X, y).cv_results_["mean_test_score"]
    assert scores[0] < scores[1] and abs(scores[1] - cross_val_score(forest, X, y, cv=3).mean()) < 0.01
    X, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(Ridge(0.1), {"n_bits": [3, 12]}, scoring=simulated_score(lambda y, found: -np.abs(y - found).mean())).fit(X, y)
    assert search.best_params_ == {"n_bits": 12}


def test_stubs_name_every_estimator() -> None:
    from pathlib import Path

    stubs = Path(tenebra.sklearn.__file__).with_suffix(".pyi").read_text()
    named = [line.split("(")[0].removeprefix("class ") for line in stubs.splitlines() if line.startswith("class ")]
    assert named == tenebra.sklearn.__all__
