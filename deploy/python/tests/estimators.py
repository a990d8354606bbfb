"""The estimators that are known, by the data that they are fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn import (
    calibration,
    cluster,
    compose,
    cross_decomposition,
    datasets,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    impute,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.model_selection import GridSearchCV, train_test_split


@dataclass(frozen=True)
class Data:
    """Rows to fit on and rows to predict."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray


@cache
def data(name: str) -> Data:
    X, y = _load(name)
    return Data(*train_test_split(X, y, test_size=0.3, random_state=0))


def _load(name: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    if name == "breast_cancer":
        return datasets.load_breast_cancer(return_X_y=True)
    if name == "wine":
        X, y = datasets.load_wine(return_X_y=True)
        return X, np.array(["barolo", "grignolino", "barbera"])[y]
    if name == "wine_of_numbers":
        return datasets.load_wine(return_X_y=True)
    if name == "diabetes":
        return datasets.load_diabetes(return_X_y=True)
    if name == "scaled_wine":
        X, y = datasets.load_wine(return_X_y=True)
        return preprocessing.scale(X), y
    if name == "scaled_cancer":
        X, y = datasets.load_breast_cancer(return_X_y=True)
        return preprocessing.scale(X), y
    if name == "targets":
        X, y = datasets.load_diabetes(return_X_y=True)
        return X, np.column_stack([y, y * X[:, 0], X[:, 1] - X[:, 2]])
    if name == "gaps":
        X, y = datasets.load_breast_cancer(return_X_y=True)
        X = X.copy()
        X[rng.random(X.shape) < 0.1] = np.nan
        return X, y
    if name == "counts":
        X, y = datasets.load_digits(return_X_y=True)
        return X, y
    if name == "categories":
        X = rng.integers(0, 5, size=(300, 4))
        return X, (X[:, 0] + X[:, 1] + rng.integers(0, 3, 300) > 5).astype(int)
    raise KeyError(name)


@dataclass(frozen=True)
class Case:
    """An estimator, what it is fitted on, and whether it is exact: classes equal, numbers to the leaves' precision."""

    name: str
    make: Callable[[], Any]
    data: str
    exact: bool
    options: dict[str, Any] | None = None


def _cases() -> list[Case]:
    lm, en, nb = linear_model, ensemble, naive_bayes
    cases: list[Case] = []

    def linear(data: str, *made: Any) -> None:
        cases.extend(Case(f"{_name(each)}-{data}", lambda each=each: each, data, False) for each in made)

    def trees(data: str, *made: Any) -> None:
        cases.extend(Case(f"{_name(each)}-{data}", lambda each=each: each, data, True) for each in made)

    linear(
        "diabetes",
        *(lm.LinearRegression(), lm.Ridge(), lm.RidgeCV(), lm.Lasso(0.1), lm.LassoCV(), lm.ElasticNet(0.01), lm.ElasticNetCV()),
        *(lm.Lars(), lm.LarsCV(), lm.LassoLars(0.1), lm.LassoLarsCV(), lm.LassoLarsIC(), lm.OrthogonalMatchingPursuit()),
        *(lm.OrthogonalMatchingPursuitCV(), lm.BayesianRidge(), lm.ARDRegression(), lm.HuberRegressor(max_iter=2000)),
        *(lm.RANSACRegressor(random_state=0), lm.TheilSenRegressor(random_state=0, max_subpopulation=200), lm.QuantileRegressor(alpha=0)),
        *(lm.PoissonRegressor(alpha=1e-6), lm.GammaRegressor(alpha=1e-6), lm.TweedieRegressor(power=1.5, alpha=1e-6), lm.TweedieRegressor(power=0)),
        *(lm.SGDRegressor(random_state=0), lm.PassiveAggressiveRegressor(random_state=0), svm.LinearSVR(C=10, max_iter=20000)),
        *(svm.SVR(kernel="linear", C=10), svm.NuSVR(kernel="linear", C=10), cross_decomposition.PLSRegression(3)),
        en.BaggingRegressor(lm.Ridge(), max_features=0.5, random_state=0),
        en.VotingRegressor([("a", lm.Ridge()), ("b", lm.Lasso(0.1))], weights=[1, 3]),
        pipeline.make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(5), lm.Ridge()),
        pipeline.make_pipeline(preprocessing.MinMaxScaler(), feature_selection.SelectKBest(k=5), lm.Lasso(0.1)),
        GridSearchCV(lm.Ridge(), {"alpha": [0.1, 1]}),
    )
    linear(
        "targets",
        *(lm.LinearRegression(), lm.MultiTaskLasso(0.01), lm.MultiTaskLassoCV(), lm.MultiTaskElasticNet(0.01), lm.MultiTaskElasticNetCV()),
        *(cross_decomposition.PLSRegression(3), cross_decomposition.PLSCanonical(), cross_decomposition.CCA()),
        multioutput.MultiOutputRegressor(lm.Ridge()),
    )
    for name in ("scaled_cancer", "scaled_wine"):
        linear(
            name,
            *(lm.LogisticRegression(), lm.LogisticRegression(solver="liblinear") if name == "scaled_cancer" else lm.LogisticRegression(C=10)),
            *(lm.LogisticRegressionCV(), lm.RidgeClassifier(), lm.RidgeClassifierCV(), lm.Perceptron(), lm.PassiveAggressiveClassifier()),
            *(lm.SGDClassifier(random_state=0), lm.SGDClassifier(loss="log_loss", random_state=0), svm.LinearSVC()),
            *(discriminant_analysis.LinearDiscriminantAnalysis(), neighbors.NearestCentroid()),
            *(neighbors.NearestCentroid(priors="empirical"), multiclass.OneVsRestClassifier(lm.LogisticRegression())),
            *(multiclass.OneVsRestClassifier(svm.LinearSVC()), cluster.KMeans(3, random_state=0), cluster.MiniBatchKMeans(3, random_state=0)),
            *(decomposition.PCA(3), decomposition.PCA(3, whiten=True), decomposition.TruncatedSVD(3), nb.BernoulliNB(binarize=0.0)),
        )
    linear(
        "scaled_cancer",
        *(svm.SVC(kernel="linear"), svm.NuSVC(kernel="linear"), svm.OneClassSVM(kernel="linear"), lm.SGDOneClassSVM()),
        calibration.CalibratedClassifierCV(svm.LinearSVC(), ensemble=False),
    )
    linear("breast_cancer", pipeline.make_pipeline(preprocessing.StandardScaler(), lm.LogisticRegression()))
    linear("counts", nb.MultinomialNB(), nb.ComplementNB())
    trees("categories", nb.CategoricalNB(), nb.BernoulliNB(binarize=2))
    for name in ("breast_cancer", "wine"):
        trees(
            name,
            *(tree.DecisionTreeClassifier(random_state=0), tree.DecisionTreeClassifier(max_depth=3, random_state=0)),
            *(tree.ExtraTreeClassifier(random_state=0), en.RandomForestClassifier(n_estimators=15, max_depth=4, random_state=0)),
            *(en.ExtraTreesClassifier(n_estimators=10, max_depth=4, random_state=0), en.GradientBoostingClassifier(n_estimators=8, random_state=0)),
            *(en.HistGradientBoostingClassifier(max_iter=8), en.AdaBoostClassifier(n_estimators=10, random_state=0)),
            en.BaggingClassifier(tree.DecisionTreeClassifier(max_depth=3), 5, max_features=0.7, random_state=0),
            en.VotingClassifier(
                [("a", tree.DecisionTreeClassifier(max_depth=3)), ("b", en.RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0))],
                voting="soft",
            ),
            en.VotingClassifier([(str(d), tree.DecisionTreeClassifier(max_depth=d, random_state=d)) for d in (1, 2, 3)]),
            multiclass.OneVsRestClassifier(en.GradientBoostingClassifier(n_estimators=3, random_state=0)),
            pipeline.make_pipeline(feature_selection.SelectKBest(k=6), tree.DecisionTreeClassifier(max_depth=4, random_state=0)),
        )
    trees(
        "breast_cancer",
        en.GradientBoostingClassifier(loss="exponential", n_estimators=5, random_state=0),
        en.IsolationForest(n_estimators=10, max_samples=64, random_state=0),
        en.IsolationForest(n_estimators=10, max_samples=64, contamination=0.1, max_features=0.5, random_state=0),
    )
    trees("gaps", en.HistGradientBoostingClassifier(max_iter=8), en.RandomForestClassifier(n_estimators=8, max_depth=4, random_state=0), tree.DecisionTreeClassifier(max_depth=4, random_state=0))
    trees(
        "diabetes",
        *(tree.DecisionTreeRegressor(max_depth=5, random_state=0), tree.ExtraTreeRegressor(max_depth=5, random_state=0)),
        *(en.RandomForestRegressor(n_estimators=10, max_depth=4, random_state=0), en.ExtraTreesRegressor(n_estimators=10, max_depth=4, random_state=0)),
        *(en.GradientBoostingRegressor(n_estimators=10, random_state=0), en.GradientBoostingRegressor(loss="huber", n_estimators=5, random_state=0)),
        *(en.HistGradientBoostingRegressor(max_iter=8), en.HistGradientBoostingRegressor(loss="poisson", max_iter=8)),
        en.BaggingRegressor(tree.DecisionTreeRegressor(max_depth=3), 5, max_features=0.5, random_state=0),
        en.VotingRegressor([("a", tree.DecisionTreeRegressor(max_depth=3)), ("b", en.RandomForestRegressor(n_estimators=4, max_depth=3, random_state=0))]),
    )
    trees("targets", tree.DecisionTreeRegressor(max_depth=4, random_state=0), en.RandomForestRegressor(n_estimators=4, max_depth=4, random_state=0), multioutput.MultiOutputRegressor(en.GradientBoostingRegressor(n_estimators=4, random_state=0)))
    made, pre = pipeline.make_pipeline, preprocessing
    trees(
        "wine",
        made(pre.StandardScaler(), en.RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0)),
        made(pre.MinMaxScaler(clip=True), tree.DecisionTreeClassifier(max_depth=4, random_state=0)),
        made(pre.KBinsDiscretizer(4, encode="ordinal"), tree.DecisionTreeClassifier(max_depth=4, random_state=0)),
        made(
            compose.ColumnTransformer([("s", pre.RobustScaler(), [0, 3]), ("b", pre.Binarizer(threshold=2), [5]), ("p", "passthrough", [9, 6])]),
            en.GradientBoostingClassifier(n_estimators=4, random_state=0),
        ),
    )
    trees("gaps", made(impute.SimpleImputer(add_indicator=True), tree.DecisionTreeClassifier(max_depth=4, random_state=0)))
    linear("gaps", made(impute.SimpleImputer(strategy="median"), pre.StandardScaler(), lm.LogisticRegression()))
    linear(
        "categories",
        made(pre.OneHotEncoder(), lm.LogisticRegression()),
        made(pre.OneHotEncoder(handle_unknown="ignore", drop="first"), lm.LogisticRegression()),
    )
    trees("categories", made(pre.OrdinalEncoder(), tree.DecisionTreeClassifier(max_depth=4, random_state=0)))
    linear(
        "diabetes",
        made(feature_selection.SelectKBest(k=4), pre.PolynomialFeatures(2), lm.Ridge(0.01)),
        made(pre.PowerTransformer(), lm.Ridge()),
        made(pipeline.FeatureUnion([("a", pre.StandardScaler()), ("b", decomposition.PCA(2))]), lm.Ridge()),
    )
    for name in ("scaled_cancer", "scaled_wine"):
        linear(name, nb.GaussianNB())
    cases.extend(_others())
    return cases


def _others() -> list[Case]:
    """Of other libraries, as far as they are installed."""
    cases = []
    try:
        import xgboost as xgb

        few = {"n_estimators": 6, "max_depth": 3}
        for data, made in [
            ("breast_cancer", [xgb.XGBClassifier(**few), xgb.XGBRFClassifier(**few), xgb.XGBClassifier(**few, booster="dart")]),
            ("scaled_wine", [xgb.XGBClassifier(**few)]),
            ("wine_of_numbers", [pipeline.make_pipeline(preprocessing.StandardScaler(), xgb.XGBClassifier(**few))]),
            ("gaps", [xgb.XGBClassifier(**few)]),
            ("diabetes", [xgb.XGBRegressor(**few), xgb.XGBRegressor(**few, objective="count:poisson"), xgb.XGBRFRegressor(**few)]),
            ("targets", [xgb.XGBRegressor(**few)]),
        ]:
            cases += [Case(f"{_name(each)}-{data}", lambda each=each: each, data, True) for each in made]
    except ImportError:
        pass
    try:
        import lightgbm as lgb

        few = {"n_estimators": 6, "max_depth": 3, "verbose": -1}
        for data, made in [
            ("breast_cancer", [lgb.LGBMClassifier(**few)]),
            ("wine", [lgb.LGBMClassifier(**few)]),
            ("gaps", [lgb.LGBMClassifier(**few)]),
            ("diabetes", [lgb.LGBMRegressor(**few), lgb.LGBMRegressor(**few, objective="poisson")]),
        ]:
            cases += [Case(f"{_name(each)}-{data}", lambda each=each: each, data, True) for each in made]
    except ImportError:
        pass
    try:
        import catboost as cat

        few = {"iterations": 6, "depth": 3, "verbose": False, "allow_writing_files": False}
        for data, made in [
            ("breast_cancer", [cat.CatBoostClassifier(**few)]),
            ("wine", [cat.CatBoostClassifier(**few)]),
            ("gaps", [cat.CatBoostClassifier(**few)]),
            ("diabetes", [cat.CatBoostRegressor(**few), cat.CatBoostRegressor(**few, loss_function="Poisson")]),
            ("targets", [cat.CatBoostRegressor(**few, loss_function="MultiRMSE")]),
        ]:
            cases += [Case(f"{_name(each)}-{data}", lambda each=each: each, data, True) for each in made]
    except ImportError:
        pass
    return cases


def _name(estimator: Any) -> str:
    text = repr(estimator) if hasattr(estimator, "fit_transform") or hasattr(estimator, "predict") else str(estimator)
    return type(estimator).__name__ if len(text) > 60 else " ".join(text.split())


CASES = _cases()
