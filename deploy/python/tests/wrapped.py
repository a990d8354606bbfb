"""The estimators of `tenebra.sklearn`, each with parameters that make it small and fit to run encrypted."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import tenebra.sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

UNSUPERVISED = """KMeans MiniBatchKMeans PCA IncrementalPCA TruncatedSVD IsolationForest OneClassSVM SGDOneClassSVM""".split()
#: Small enough to check quickly.
_SMALL = {"n_estimators": 3, "n_init": 1, "max_subpopulation": 50, "max_depth": 4}
#: Other libraries than scikit-learn, by how their estimators begin.
OTHERS = {"XGB": "xgboost", "LGBM": "lightgbm", "CatBoost": "catboost", "Explainable": "interpret"}
_TREES, _MORE_TREES = DecisionTreeClassifier(max_depth=2, random_state=0), RandomForestClassifier(3, max_depth=2, random_state=0)
_LINES = [("a", Ridge()), ("b", Lasso(0.1))]
#: What estimators need to be fitted, or to be fitted to what runs encrypted.
_NEEDED: dict[str, dict[str, Any]] = {
    **{name: {"kernel": "linear"} for name in ("SVC", "SVR", "NuSVC", "NuSVR", "OneClassSVM")},
    "VotingClassifier": {"estimators": [("a", _TREES), ("b", _MORE_TREES)], "voting": "soft"},
    "VotingRegressor": {"estimators": _LINES},
    "StackingClassifier": {"estimators": [("a", _TREES), ("b", _MORE_TREES)]},
    "StackingRegressor": {"estimators": _LINES},
    "OneVsRestClassifier": {"estimator": LogisticRegression()},
    "MultiOutputClassifier": {"estimator": LogisticRegression()},
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


def few(name: str) -> dict[str, Any]:
    """Parameters."""
    made = _NEEDED.get(name, {})
    known = getattr(tenebra.sklearn, name)(**made).get_params()
    made = made | {key: value for key, value in _SMALL.items() if key in known}
    if name.startswith("ExtraTree") and not name.startswith("ExtraTrees"):
        # A single random tree of few splits is wrong about too much.
        made.pop("max_depth")
    if name.startswith("LGBM"):
        made["verbose"] = -1
    if name.startswith("CatBoost"):
        made |= {"verbose": False, "allow_writing_files": False, "random_seed": 0}
        made.pop("n_estimators", None), made.pop("max_depth", None)
    return made | ({"max_iter": 5} if name.startswith("Hist") else {})


def original(estimator: type) -> Any:
    """The class that is wrapped."""
    return next(each for each in estimator.__mro__ if not each.__module__.startswith("tenebra"))


def library(name: str) -> str | None:
    """Where an estimator is from, if it is not scikit-learn."""
    return next((library for start, library in OTHERS.items() if name.startswith(start)), None)


def elsewhere() -> list[str]:
    """Estimators of other libraries that are installed."""
    return [name for name in tenebra.sklearn.__all__ if (home := library(name)) and find_spec(home)]
