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
    frozen,
    impute,
    linear_model,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    semi_supervised,
    svm,
    tree,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV, train_test_split


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
    if name.startswith("ones_"):
        # Of statsmodels, whose rows hold a column of ones; two thirds of the targets are those of the data.
        X, y = datasets.load_diabetes(return_X_y=True)
        y = np.where(rng.random(len(y)) < 0.3, rng.permutation(y), y)
        X = np.column_stack([np.ones(len(X)), 20 * X])
        return X, {"ones_numbers": y, "ones_counts": y // 10, "ones_binary": (y > 140).astype(int), "ones_classes": (y // 100).astype(int)}[name]
    if name == "one_category":
        # A column that never varies.
        X, y = _load("categories")
        X[:, 2] = 0
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


def _fitted(estimator: Any, name: str) -> Any:
    of = data(name)
    return estimator.fit(of.X_train, of.y_train)


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
        *(search(lm.Ridge(), {"alpha": [0.1, 1]}) for search in (GridSearchCV, HalvingGridSearchCV)),
        RandomizedSearchCV(lm.Ridge(), {"alpha": [0.1, 1]}, n_iter=2),
        HalvingRandomSearchCV(lm.Ridge(), {"alpha": [0.1, 1]}, n_candidates=2),
        frozen.FrozenEstimator(_fitted(lm.Ridge(), "diabetes")),
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
        calibration.CalibratedClassifierCV(svm.LinearSVC(), ensemble=False, method="isotonic"),
        calibration.CalibratedClassifierCV(lm.LogisticRegression(), ensemble=False, method="isotonic"),
    )
    for name in ("scaled_cancer", "scaled_wine"):
        linear(
            name,
            calibration.CalibratedClassifierCV(frozen.FrozenEstimator(_fitted(svm.LinearSVC(), name))),
            en.StackingClassifier([("a", lm.LogisticRegression()), ("b", svm.LinearSVC())], stack_method="decision_function"),
            en.StackingClassifier(
                [("a", lm.RidgeClassifier())], lm.RidgeClassifier(), stack_method="decision_function", passthrough=True
            ),
        )
    networks = neural_network.MLPClassifier
    linear("scaled_cancer", semi_supervised.SelfTrainingClassifier(lm.LogisticRegression()))
    linear("scaled_cancer", networks((4,), max_iter=500, random_state=0))
    linear(
        "scaled_wine",
        *(networks((8,), max_iter=500, random_state=0), networks((4, 4), activation="tanh", max_iter=500, random_state=0)),
        *(networks((8,), activation="logistic", max_iter=900, random_state=0), networks((4,), activation="identity", random_state=0)),
    )
    linear(
        "diabetes",
        en.StackingRegressor([("a", lm.Ridge()), ("b", svm.LinearSVR(C=10))]),
        en.StackingRegressor([("a", lm.Ridge()), ("b", lm.Lasso(0.1))], lm.PoissonRegressor(alpha=1e-3), passthrough=True),
        neural_network.MLPRegressor(hidden_layer_sizes=(6,), max_iter=3000, random_state=0),
    )
    linear("breast_cancer", pipeline.make_pipeline(preprocessing.StandardScaler(), lm.LogisticRegression()))
    linear("counts", nb.MultinomialNB(), nb.ComplementNB())
    trees("one_category", nb.CategoricalNB(), nb.CategoricalNB(min_categories=7))
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
            en.StackingClassifier([("a", tree.DecisionTreeClassifier(max_depth=3, random_state=0)), ("b", en.RandomForestClassifier(5, max_depth=3, random_state=0))]),
            en.StackingClassifier([("a", en.GradientBoostingClassifier(n_estimators=3, random_state=0))], stack_method="decision_function"),
            calibration.CalibratedClassifierCV(en.GradientBoostingClassifier(n_estimators=3, random_state=0), ensemble=False),
            pipeline.make_pipeline(feature_selection.SelectKBest(k=6), tree.DecisionTreeClassifier(max_depth=4, random_state=0)),
        )
    trees(
        "breast_cancer",
        en.GradientBoostingClassifier(loss="exponential", n_estimators=5, random_state=0),
        en.StackingClassifier([("a", en.GradientBoostingClassifier(loss="exponential", n_estimators=3, random_state=0))], stack_method="decision_function"),
        calibration.CalibratedClassifierCV(en.GradientBoostingClassifier(loss="exponential", n_estimators=3, random_state=0), ensemble=False, method="isotonic"),
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
        en.StackingRegressor([("a", tree.DecisionTreeRegressor(max_depth=3, random_state=0)), ("b", en.GradientBoostingRegressor(n_estimators=4, random_state=0))]),
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
    try:
        from interpret import glassbox

        few = {"max_rounds": 60, "max_bins": 32, "max_interaction_bins": 8, "outer_bags": 2, "n_jobs": 1, "random_state": 0}
        ebm, ebr = glassbox.ExplainableBoostingClassifier, glassbox.ExplainableBoostingRegressor
        for data, made in [
            ("breast_cancer", [ebm(**few, interactions=3), ebm(**few, interactions=0)]),
            ("wine", [ebm(**few, interactions=2)]),
            ("gaps", [ebm(**few, interactions=3)]),
            ("diabetes", [ebr(**few, interactions=4), ebr(**few, interactions=[(0, 1, 2)]), ebr(**few, interactions=2, objective="poisson_deviance")]),
        ]:
            cases += [Case(f"{type(each).__name__}-{place}-{data}", lambda each=each: each, data, True) for place, each in enumerate(made)]
    except ImportError:
        pass
    return cases + _statistics()


class Fits:
    """What is fitted by a function of rows and targets."""

    def __init__(self, fit: Callable[[np.ndarray, np.ndarray], Any]) -> None:
        self.fit = fit


def _statistics() -> list[Case]:
    try:
        import statsmodels.api as sm
    except ImportError:
        return []
    links, families = sm.families.links, sm.families
    made: list[tuple[str, str, Callable[[np.ndarray, np.ndarray], Any]]] = [
        *((name, "numbers", lambda X, y, name=name: getattr(sm, name)(y, X).fit()) for name in ("OLS", "WLS", "GLS", "GLSAR", "RLM", "QuantReg")),
        ("OLS regularized", "numbers", lambda X, y: sm.OLS(y, X).fit_regularized(alpha=0.01)),
        ("GEE", "numbers", lambda X, y: sm.GEE(y, X, groups=np.arange(len(y)) // 2).fit()),
        *((name, "counts", lambda X, y, name=name: getattr(sm, name)(y, X).fit(disp=0)) for name in ("Poisson", "NegativeBinomial", "GeneralizedPoisson")),
        ("Logit", "binary", lambda X, y: sm.Logit(y, X).fit(disp=0)),
        ("Logit regularized", "binary", lambda X, y: sm.Logit(y, X).fit_regularized(disp=0, alpha=1.0)),
        ("MNLogit", "classes", lambda X, y: sm.MNLogit(y, X).fit(disp=0)),
        ("GLM Gaussian", "numbers", lambda X, y: sm.GLM(y, X).fit()),
        ("GLM Binomial", "binary", lambda X, y: sm.GLM(y, X, family=families.Binomial()).fit()),
        *(
            (f"GLM {family.__name__}", "counts", lambda X, y, family=family: sm.GLM(y + 1, X, family=family(links.Log())).fit())
            for family in (families.Poisson, families.Gamma, families.Tweedie, families.NegativeBinomial)
        ),
    ]
    return [Case(f"{name}-ones_{data}", lambda fit=fit: Fits(fit), f"ones_{data}", False) for name, data, fit in made]


def _name(estimator: Any) -> str:
    text = repr(estimator) if hasattr(estimator, "fit_transform") or hasattr(estimator, "predict") else str(estimator)
    return type(estimator).__name__ if len(text) > 60 else " ".join(text.split())


CASES = _cases()
