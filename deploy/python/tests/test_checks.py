"""scikit-learn's own checks over `tenebra.sklearn`: some on every change, all with `TENEBRA_ALL_CHECKS=1`, which takes twenty minutes."""

from __future__ import annotations

import os
from typing import Any
from unittest import SkipTest

import checks
import pytest
import tenebra.sklearn
from sklearn.utils.estimator_checks import parametrize_with_checks
from wrapped import elsewhere, few, library, original

EVERY = bool(os.environ.get("TENEBRA_ALL_CHECKS"))
#: One of each way in which estimators are wrapped.
CHECKED = """LinearRegression Ridge LassoCV LogisticRegression SGDClassifier LinearSVC PLSRegression KMeans PCA NearestCentroid
    DecisionTreeClassifier DecisionTreeRegressor ExtraTreeRegressor HistGradientBoostingRegressor CategoricalNB BernoulliNB
    OneVsRestClassifier""".split()
CHECKED_ELSEWHERE = ("XGBClassifier", "CatBoostRegressor")


def _made(names: Any) -> list[Any]:
    return [getattr(tenebra.sklearn, name)(**few(name)) for name in names]


def _of_sklearn() -> list[Any]:
    return _made([name for name in tenebra.sklearn.__all__ if library(name) is None] if EVERY else CHECKED)


def _of_others() -> list[Any]:
    return _made([name for name in elsewhere() if EVERY or name in CHECKED_ELSEWHERE])


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(_of_sklearn(), expected_failed_checks=lambda estimator: checks.SKLEARN.get(type(estimator).__name__, {}))
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(_of_others())
def test_what_fails_of_other_libraries_fails_of_the_original_with_a_reason(estimator: Any, check: Any) -> None:
    failure = _failure(check, estimator)
    if failure is None:
        return
    name = type(estimator).__name__
    theirs = _failure(check, original(type(estimator))(**few(name)))
    assert type(theirs) is type(failure), f"ours: {failure!r}; the original's: {theirs!r}"
    reason = checks.reason(name, check.func.__name__)
    assert reason is not None, f"{check.func.__name__} fails of {name} for no reason that `checks.py` lists: {failure!r}"
    pytest.xfail(reason)


def _failure(check: Any, estimator: Any) -> Exception | None:
    try:
        check(estimator)
    except Exception as error:
        return None if isinstance(error, SkipTest) else error
    return None
