"""`tenebra.sklearn`: scikit-learn's own checks, and what people do with estimators."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import tenebra
import tenebra.sklearn
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

#: Checks that the originals fail as well, each with why; all others pass (`TENEBRA_ALL_CHECKS=1` runs them all).
WEIGHTS = "weights do not count as repetitions, for rows are drawn, or the solver stops early or is not exact"
WEIGHTED = """BaggingClassifier BaggingRegressor GradientBoostingClassifier GradientBoostingRegressor HuberRegressor IsolationForest
    KMeans LassoCV LinearSVC LinearSVR MiniBatchKMeans NuSVR OneClassSVM Perceptron RANSACRegressor RandomForestClassifier
    RandomForestRegressor SGDClassifier SGDOneClassSVM SGDRegressor SVC SVR""".split()
EXPECTED: dict[str, dict[str, str]] = {
    **{
        name: {f"check_sample_weight_equivalence_on_{kind}_data": WEIGHTS for kind in ("dense", "sparse")}
        for name in WEIGHTED
    },
    **{
        name: {"check_non_transformer_estimators_n_iter": "solvers that do not iterate have no `n_iter_`"}
        for name in ("Ridge", "RidgeClassifier")
    },
    "CalibratedClassifierCV": {"check_supervised_y_2d": "the isotonic curve of one row has no second column"},
    "LassoLarsIC": {"check_fit2d_1sample": "the message about one row says otherwise than the check expects"},
    "LogisticRegressionCV": {
        "check_sparsify_coefficients": "the check has fewer rows of a class than folds",
        "check_non_transformer_estimators_n_iter": "`n_iter_` is of each fold",
    },
    "MLPRegressor": {"check_regressors_train": "eight neurons fit the check's data not well enough"},
    "NuSVC": {
        check: "no solution at this `nu` for the check's weights"
        for check in (
            *("check_sample_weights_pandas_series", "check_sample_weights_not_an_array", "check_class_weight_classifiers"),
            *("check_classifiers_one_label_sample_weights", "check_sample_weight_equivalence_on_dense_data"),
            "check_sample_weight_equivalence_on_sparse_data",
        )
    },
}
UNSUPERVISED = """KMeans MiniBatchKMeans PCA IncrementalPCA TruncatedSVD IsolationForest OneClassSVM SGDOneClassSVM""".split()
#: Small enough to check quickly.
SMALL = {"n_estimators": 3, "n_init": 1, "max_subpopulation": 50, "max_depth": 4}
#: Libraries that do not claim to pass scikit-learn's checks; their originals fail many.
OTHERS = {"XGB": "xgboost", "LGBM": "lightgbm", "CatBoost": "catboost", "Explainable": "interpret"}
_TREES, _MORE_TREES = DecisionTreeClassifier(max_depth=2, random_state=0), RandomForestClassifier(3, max_depth=2, random_state=0)
_LINES = [("a", Ridge()), ("b", Lasso(0.1))]
#: What estimators need to be fitted, or to be fitted to what runs encrypted.
NEEDED: dict[str, dict[str, Any]] = {
    **{name: {"kernel": "linear"} for name in ("SVC", "SVR", "NuSVC", "NuSVR", "OneClassSVM")},
    "VotingClassifier": {"estimators": [("a", _TREES), ("b", _MORE_TREES)], "voting": "soft"},
    "VotingRegressor": {"estimators": _LINES},
    "StackingClassifier": {"estimators": [("a", _TREES), ("b", _MORE_TREES)]},
    "StackingRegressor": {"estimators": _LINES},
    "OneVsRestClassifier": {"estimator": LogisticRegression()},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "CalibratedClassifierCV": {"estimator": LinearSVC(), "ensemble": False, "method": "isotonic"},
    "GradientBoostingRegressor": {"learning_rate": 0.5},
    "PLSCanonical": {"n_components": 1},
    "CCA": {"n_components": 1},
    "MLPClassifier": {"hidden_layer_sizes": (8,), "max_iter": 200},
    "MLPRegressor": {"hidden_layer_sizes": (8,), "max_iter": 200},
    "CatBoostClassifier": {"iterations": 3, "depth": 3},
    "CatBoostRegressor": {"iterations": 3, "depth": 3},
    "CatBoostRanker": {"iterations": 3, "depth": 3, "loss_function": "YetiRank"},
    "ExplainableBoostingClassifier": {"max_bins": 16, "max_interaction_bins": 4, "max_rounds": 20, "outer_bags": 1, "n_jobs": 1, "interactions": 0},
    "ExplainableBoostingRegressor": {"max_bins": 16, "max_interaction_bins": 4, "max_rounds": 20, "outer_bags": 1, "n_jobs": 1, "interactions": 2},
}
#: One of each way in which estimators are wrapped; `TENEBRA_ALL_CHECKS=1` checks all, which takes a quarter of an hour.
CHECKED = """LinearRegression Ridge LassoCV LogisticRegression SGDClassifier LinearSVC PLSRegression KMeans PCA NearestCentroid
    DecisionTreeClassifier DecisionTreeRegressor ExtraTreeRegressor HistGradientBoostingRegressor CategoricalNB BernoulliNB
    OneVsRestClassifier""".split()


def _few(name: str) -> dict[str, Any]:
    few = NEEDED.get(name, {})
    known = getattr(tenebra.sklearn, name)(**few).get_params()
    few = few | {key: value for key, value in SMALL.items() if key in known}
    if name.startswith("ExtraTree") and not name.startswith("ExtraTrees"):
        # A single random tree of few splits is wrong about too much.
        few.pop("max_depth")
    if name.startswith("LGBM"):
        few["verbose"] = -1
    if name.startswith("CatBoost"):
        few |= {"verbose": False, "allow_writing_files": False, "random_seed": 0}
        few.pop("n_estimators", None), few.pop("max_depth", None)
    return few | ({"max_iter": 5} if name.startswith("Hist") else {})


def _small(name: str) -> Any:
    return getattr(tenebra.sklearn, name)(**_few(name))


def _checked() -> list[Any]:
    import os

    every = [name for name in tenebra.sklearn.__all__ if not name.startswith(tuple(OTHERS))]
    return [_small(name) for name in (every if os.environ.get("TENEBRA_ALL_CHECKS") else CHECKED)]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(_checked(), expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator).__name__, {}))
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", tenebra.sklearn.__all__)
def test_fits_as_the_original_does_and_predicts_encrypted(name: str) -> None:
    for start, library in OTHERS.items():
        if name.startswith(start):
            pytest.importorskip(library)
    cls = getattr(tenebra.sklearn, name)
    original = next(each for each in cls.__mro__ if not each.__module__.startswith("tenebra"))
    assert name == original.__name__ and cls.__module__ == "tenebra.sklearn"
    X, y = _data(name)
    extra: dict[str, Any] = {"group": [len(X)]} if name.endswith("Ranker") else {}
    if name == "CatBoostRanker":
        extra = {"group_id": np.arange(len(X)) // 20}
    few = _few(name)
    if "random_state" in cls(**few).get_params():
        few["random_state"] = 0
    if name == "TheilSenRegressor":
        few["n_subsamples"] = 30
    model = cls(**few).fit(X, y, **extra)
    wanted = original(**few).fit(X, y, **extra)
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
    from tenebra.sklearn import DecisionTreeClassifier, LogisticRegression  # noqa: F811

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


def test_stubs_name_every_estimator() -> None:
    from pathlib import Path

    stubs = Path(tenebra.sklearn.__file__).with_suffix(".pyi").read_text()
    named = [line.split("(")[0].removeprefix("class ") for line in stubs.splitlines() if line.startswith("class ")]
    assert named == tenebra.sklearn.__all__
