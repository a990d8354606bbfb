"""Models of scikit-learn, LightGBM, XGBoost and CatBoost in ONNX, as their exporters write them, for `peer_onnx_graphs.py`."""
import tempfile
import warnings

import numpy as np
import onnx
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import (AdaBoostClassifier, BaggingClassifier, BaggingRegressor, ExtraTreesClassifier, ExtraTreesRegressor, GradientBoostingClassifier,
                              GradientBoostingRegressor, IsolationForest, RandomForestClassifier, RandomForestRegressor, StackingRegressor, VotingClassifier,
                              VotingRegressor)
from sklearn.linear_model import (ElasticNet, LinearRegression, LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier, SGDClassifier, TweedieRegressor)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.simplefilter("ignore")


def classifiers(seed):
    tree = lambda depth=2: DecisionTreeClassifier(max_depth=depth, random_state=seed)
    forest = lambda: RandomForestClassifier(3, max_depth=3, random_state=seed)
    few = dict(n_estimators=3, random_state=seed)
    yield from [LogisticRegression(), RidgeClassifier(), LinearSVC(), SGDClassifier(), SGDClassifier(loss="log_loss"), OneVsRestClassifier(LogisticRegression()),
                SVC(kernel="linear"), tree(), tree(5), forest(), ExtraTreesClassifier(max_depth=3, **few), GradientBoostingClassifier(max_depth=2, **few),
                AdaBoostClassifier(tree(1), **few), AdaBoostClassifier(tree(), **few), BaggingClassifier(tree(), **few), BaggingClassifier(tree(), max_features=2, **few),
                BaggingClassifier(LogisticRegression(), **few), OneVsRestClassifier(tree()), OneVsRestClassifier(forest()), MultiOutputClassifier(tree()),
                CalibratedClassifierCV(tree(), cv=2), CalibratedClassifierCV(tree(), method="isotonic", cv=2), CalibratedClassifierCV(LogisticRegression(), cv=2),
                VotingClassifier([("a", tree()), ("b", forest())], voting="soft", flatten_transform=False),
                VotingClassifier([("a", tree()), ("b", tree(3))], weights=[1, 2], flatten_transform=False),
                VotingClassifier([("a", tree()), ("b", LogisticRegression())], voting="soft", flatten_transform=False)]
    yield from [GradientBoostingClassifier(loss="exponential", **few)]
    yield from [MLPClassifier((4, 3), activation, max_iter=50, random_state=seed) for activation in ["relu", "tanh", "logistic", "identity"]]


def regressors(seed):
    tree = lambda depth=2: DecisionTreeRegressor(max_depth=depth, random_state=seed)
    few = dict(n_estimators=3, random_state=seed)
    yield from [LinearRegression(), Ridge(), ElasticNet(), SVR(kernel="linear"), LinearSVR(), tree(), tree(4), RandomForestRegressor(max_depth=3, **few),
                ExtraTreesRegressor(max_depth=3, **few), GradientBoostingRegressor(max_depth=2, **few), BaggingRegressor(tree(), max_features=2, **few),
                BaggingRegressor(Ridge(), max_features=2, **few), MultiOutputRegressor(tree()), MultiOutputRegressor(Ridge()),
                VotingRegressor([("a", tree()), ("b", RandomForestRegressor(max_depth=2, **few))], weights=np.array([1.0, 2.0])),
                VotingRegressor([("a", Ridge()), ("b", LinearRegression())]), VotingRegressor([("a", Ridge()), ("b", tree())]),
                StackingRegressor([("a", tree()), ("b", tree(3))], Ridge()), TweedieRegressor(power=0)]
    yield from [MLPRegressor((5,), activation, max_iter=50, random_state=seed) for activation in ["relu", "tanh", "logistic"]]


def scalers():
    return [None, StandardScaler(), MinMaxScaler(), MinMaxScaler(clip=True), MaxAbsScaler(), RobustScaler(), PCA(2), PCA(2, whiten=True), Binarizer(threshold=0.2),
            ColumnTransformer([("a", StandardScaler(), [0, 2]), ("b", MinMaxScaler(), [1])], remainder="passthrough")]


def all(seed):
    """Names, models and rows."""
    rng = np.random.default_rng(seed)
    for classes in [2, 3]:
        x, y = make_classification(150, 4, n_informative=3, n_redundant=0, n_classes=classes, random_state=seed)
        for at, model in enumerate(classifiers(seed)):
            target = np.c_[y, y] if isinstance(model, MultiOutputClassifier) else y
            yield from exports(f"{classes} classes {at} {type(model).__name__}", model, x * 3 + 1, target, rng)
    x, y = make_regression(150, 4, n_targets=2, random_state=seed)
    for at, model in enumerate(regressors(seed)):
        yield from exports(f"regression {at} {type(model).__name__}", model, x, y / 100 if isinstance(model, MultiOutputRegressor) else y[:, 0] / 100, rng)
    for model in [PoissonRegressor(), IsolationForest(n_estimators=3, max_samples=20, random_state=seed)]:
        yield from exports(type(model).__name__, model, x, np.abs(y[:, 0]) / 100, rng)
    yield from boosted(seed)


def exports(name, model, x, y, rng):
    choices = scalers()
    for scaler in [choices[0], *(choices[1 + int(i)] for i in rng.choice(len(choices) - 1, size=2, replace=False))]:
        pipeline = make_pipeline(scaler, model) if scaler is not None else model
        dtype = np.float64 if rng.random() < 0.25 else np.float32
        zip_map = [True, False, "columns"][int(rng.integers(0, 3))]
        try:
            rows = x.astype(dtype)
            pipeline.fit(rows, y)
            options = {id(pipeline): {"zipmap": zip_map}} if hasattr(pipeline, "predict_proba") else None
            opset = {"": int(rng.choice([13, 15, 18, 21])), ML: 3}
            written = to_onnx(pipeline, rows[:1], options=options, target_opset=opset)
        except Exception:
            # Not every exporter knows every model and option.
            continue
        yield f"{name} behind {type(scaler).__name__}, {np.dtype(dtype).name}, zipmap {zip_map}", written, rows[:40]


ML = "ai.onnx.ml"


def boosted(seed):
    try:
        import catboost
        import lightgbm
        import xgboost
        from onnxmltools import convert_lightgbm, convert_xgboost
        from onnxmltools.convert.common.data_types import FloatTensorType
    except ImportError:
        return
    few = dict(n_estimators=3, max_depth=3, random_state=seed)
    x, y = make_classification(200, 4, n_informative=3, n_redundant=0, n_classes=3, random_state=seed)
    x = x.astype(np.float32)
    holes = x.copy()
    holes[::7, 1] = np.nan
    targets = {"binary": (y > 0).astype(int), "multi": y, "regression": x @ np.arange(4.0), "counts": np.abs(np.round(x[:, 0]))}
    for rows, kind in [(rows, kind) for rows in [x, holes] for kind in targets]:
        classes = kind in ["binary", "multi"]
        lgbm = (lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor)(**few, verbose=-1, **({"objective": "poisson"} if kind == "counts" else {}))
        xgb = (xgboost.XGBClassifier if classes else xgboost.XGBRegressor)(**few, **({"objective": "count:poisson"} if kind == "counts" else {}))
        cat = (catboost.CatBoostClassifier if classes else catboost.CatBoostRegressor)(iterations=3, depth=3, random_seed=seed, verbose=False, allow_writing_files=False)
        initial = [("input", FloatTensorType([None, 4]))]
        for name, model, convert in [("LightGBM", lgbm, convert_lightgbm), ("XGBoost", xgb, convert_xgboost), ("CatBoost", cat, None)]:
            for zip_map in [True, False] if name == "LightGBM" and classes else [None]:
                try:
                    model.fit(rows, targets[kind])
                    if convert is None:
                        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
                            model.save_model(file.name, format="onnx")
                            written = onnx.load(file.name)
                    else:
                        written = convert(model, initial_types=initial, **({} if zip_map is None else {"zipmap": zip_map}))
                except Exception:
                    continue
                yield f"{name} {kind}{' with holes' if rows is holes else ''}, zipmap {zip_map}", written, rows[:40]
