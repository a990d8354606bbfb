"""Writes many rows at and around the thresholds of larger models, for the tests of `models/tests/import_trees` on request:

    adversarial.py FOLDER && TENEBRA_FOREST_CASES=FOLDER cargo test --release -p tenebra-models --test import_trees -- recorded

FOLDER gets xgboost/, lightgbm/ and onnx/ in the form of the folders here; nothing of it is kept in the repository.
"""
import json
import pathlib
import sys
import warnings

import lightgbm as lgb
import numpy as np
import onnxruntime as ort
import xgboost as xgb
from onnx import helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import (ExtraTreesClassifier, GradientBoostingClassifier, GradientBoostingRegressor, HistGradientBoostingClassifier,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import common
from common import dataset, holes, write

warnings.filterwarnings("ignore")
common.HERE = pathlib.Path(sys.argv[1])
for folder in ["xgboost", "lightgbm", "onnx"]:
    (common.HERE / folder).mkdir(parents=True, exist_ok=True)
ORT = ort.SessionOptions()
ORT.intra_op_num_threads = 1
ROWS = 2000


def around(X, thresholds, seed, missing=True, single=False):
    """ROWS rows of which half the cells stand at a threshold of their feature, or so few steps from it."""
    rng = np.random.default_rng(seed)
    X = X[rng.integers(len(X), size=ROWS)].copy()
    by_feature = {}
    for feature, value in thresholds:
        if abs(value) < 1e30:
            by_feature.setdefault(feature, []).append(float(value))
    for feature, values in by_feature.items():
        for row in np.flatnonzero(rng.random(ROWS) < 0.6):
            t = values[rng.integers(len(values))]
            s = np.float32(t)
            up, down = np.nextafter(s, np.float32(np.inf)), np.nextafter(s, np.float32(-np.inf))
            X[row, feature] = rng.choice(np.array([
                t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf), s, up, down,
                # Ties of single precision, and their neighbours.
                (float(s) + float(up)) / 2, (float(s) + float(down)) / 2,
                np.nextafter((float(s) + float(up)) / 2, np.inf), np.nextafter((float(s) + float(down)) / 2, -np.inf),
                0.0, -0.0, 1e-36, -1e-36, 1e-40]))
    if missing:
        X = holes(X, seed + 1, 0.05)
    return X.astype(np.float32).astype(float) if single else X


def xgboost_thresholds(booster):
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    model = model.get("model") or model["gbtree"]["model"]
    return [(f, v) for t in model["trees"] for f, v, l in zip(t["split_indices"], t["split_conditions"], t["left_children"]) if l != -1]


def save_xgboost(case, data, objective, rounds=30, missing=True, label=lambda y: y, **params):
    X, y, _, _ = dataset(data)
    if missing:
        X = holes(X, 1)
    params = {"max_depth": 5, "eta": 0.2, "seed": 0, "nthread": 1, "objective": objective} | params
    booster = xgb.train(params, xgb.DMatrix(X, label(y)), rounds)
    rows = around(X, xgboost_thresholds(booster), 5)
    d = xgb.DMatrix(rows)
    for kind in ["json", "ubj"]:
        booster.save_model(common.HERE / "xgboost" / f"{case}.{kind}")
    write("xgboost", case, rows, margins=booster.predict(d, output_margin=True), predictions=booster.predict(d),
          leaves=booster.predict(d, pred_leaf=True).reshape(len(rows), -1).astype(int))
    print("xgboost", case, len(rows))


def save_lightgbm(case, data, objective, rounds=30, hole=np.nan, label=lambda y: y, shift=False, **params):
    X, y, _, _ = dataset(data)
    if shift:
        X = X - np.median(X, axis=0)
    X = holes(X, 1, 0.15, hole)
    params = {"num_leaves": 15, "verbose": -1, "seed": 0, "num_threads": 1, "deterministic": True, "min_data_in_leaf": 5,
              "objective": objective} | params
    booster = lgb.train(params, lgb.Dataset(X, label(y)), rounds)
    found = []
    def walk(node):
        if "split_feature" in node:
            found.append((node["split_feature"], node["threshold"]))
            walk(node["left_child"])
            walk(node["right_child"])
    for tree in booster.dump_model()["tree_info"]:
        walk(tree["tree_structure"])
    rows = around(X, found, 6)
    booster.save_model(common.HERE / "lightgbm" / f"{case}.txt")
    write("lightgbm", case, rows, margins=booster.predict(rows, raw_score=True), predictions=booster.predict(rows),
          leaves=booster.predict(rows, pred_leaf=True).reshape(len(rows), -1).astype(int))
    print("lightgbm", case, len(rows))


def onnx_thresholds(model):
    found = []
    for node in model.graph.node:
        a = {x.name: helper.get_attribute_value(x) for x in node.attribute}
        if "nodes_featureids" in a and "nodes_values" in a:
            found += [(f, v) for f, v, m in zip(a["nodes_featureids"], a["nodes_values"], a["nodes_modes"]) if m != b"LEAF"]
    return found


def save_onnx(case, model, X, missing, library=None):
    rows = around(X, onnx_thresholds(model), 7, missing, single=True)
    session = ort.InferenceSession(model.SerializeToString(), ORT, providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: rows.astype(np.float32)})
    scores = [list(row.values()) for row in outputs[-1]] if isinstance(outputs[-1], list) else outputs[-1]  # ZipMap
    expected = {"margins": np.asarray(scores)}
    if len(outputs) > 1:
        expected["labels"] = outputs[0]
    if library is not None:
        expected["library"] = library(rows)
    (common.HERE / "onnx" / f"{case}.onnx").write_bytes(model.SerializeToString())
    write("onnx", case, rows, **expected)
    print("onnx", case, len(rows))


def sklearn(case, estimator, data):
    X, y, _, _ = dataset(data)
    estimator.fit(X.astype(np.float32), y)
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else {}
    model = to_onnx(estimator, X[:1].astype(np.float32), options=options, target_opset={"": 18, "ai.onnx.ml": 3})
    # scikit-learn's trees in the models are double, onnxruntime's are single: labels are compared where the library agrees with it.
    save_onnx(case, model, X, False, estimator.predict)


def converted(case, estimator, data, convert, missing):
    X, y, _, _ = dataset(data)
    X = X.astype(np.float32).astype(float)
    estimator.fit(holes(X, 1) if missing else X, y)
    model = convert(estimator, initial_types=[("X", FloatTensorType([None, X.shape[1]]))])
    save_onnx(case, model, X, missing)


def main():
    counts = lambda y: np.floor(y / 50)
    for method in ["exact", "hist"]:
        save_xgboost(f"binary_{method}", "bc", "binary:logistic", tree_method=method)
        save_xgboost(f"multi_{method}", "iris", "multi:softprob", tree_method=method, num_class=3)
        save_xgboost(f"squarederror_{method}", "diabetes", "reg:squarederror", tree_method=method)
    save_xgboost("poisson", "diabetes", "count:poisson", label=counts)
    save_xgboost("gamma", "diabetes", "reg:gamma")
    save_xgboost("tweedie", "diabetes", "reg:tweedie", tweedie_variance_power=1.4)
    save_xgboost("base_score", "bc", "binary:logistic", base_score=0.2)
    save_xgboost("centred", "bc", "binary:logistic", missing=False, label=lambda y: y)
    save_lightgbm("binary", "bc", "binary")
    save_lightgbm("multiclass", "iris", "multiclass", num_class=3)
    save_lightgbm("regression", "diabetes", "regression")
    save_lightgbm("poisson", "diabetes", "poisson", label=counts)
    save_lightgbm("gamma", "diabetes", "gamma")
    save_lightgbm("tweedie", "diabetes", "tweedie")
    save_lightgbm("zero_as_missing", "bc", "binary", hole=0.0, shift=True, zero_as_missing=True)
    save_lightgbm("no_missing", "bc", "binary", hole=0.0, shift=True, use_missing=False)
    T = {"random_state": 0}
    sklearn("tree", DecisionTreeClassifier(**T), "bc")
    sklearn("tree_multi", DecisionTreeClassifier(**T), "iris")
    sklearn("tree_regression", DecisionTreeRegressor(max_depth=8, **T), "diabetes")
    sklearn("forest", RandomForestClassifier(20, max_depth=6, **T), "bc")
    sklearn("forest_multi", RandomForestClassifier(20, max_depth=6, **T), "iris")
    sklearn("forest_regression", RandomForestRegressor(20, max_depth=6, **T), "diabetes")
    sklearn("extra_trees", ExtraTreesClassifier(20, max_depth=6, **T), "bc")
    sklearn("boosting", GradientBoostingClassifier(n_estimators=30, **T), "bc")
    sklearn("boosting_multi", GradientBoostingClassifier(n_estimators=10, **T), "iris")
    sklearn("boosting_regression", GradientBoostingRegressor(n_estimators=30, **T), "diabetes")

    params = {"n_estimators": 20, "random_state": 0}
    for case, data, classes in [("binary", "bc", 2), ("multi", "iris", 3), ("regression", "diabetes", 0)]:
        model = (xgb.XGBClassifier if classes else xgb.XGBRegressor)(max_depth=4, base_score=0.5, **params)
        converted(f"xgboost_{case}", model, data, convert_xgboost, True)
        model = (lgb.LGBMClassifier if classes else lgb.LGBMRegressor)(num_leaves=9, verbose=-1, **params)
        converted(f"lightgbm_{case}", model, data, convert_lightgbm, True)


main()
