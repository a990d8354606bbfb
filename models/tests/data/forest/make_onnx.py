"""Writes onnx/*: tree ensembles exported from scikit-learn, XGBoost and LightGBM, and made by hand for every node mode.

`margins` are onnxruntime's scores (probabilities where the model gives them), `predictions` its labels or values, and
`library` what the library that trained the model predicts.

Usage: make_onnx.py
"""
import warnings

import lightgbm as lgb
import numpy as np
import onnx
import onnxruntime as ort
import xgboost as xgb
from onnx import TensorProto, helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.ensemble import (ExtraTreesClassifier, ExtraTreesRegressor, GradientBoostingClassifier, GradientBoostingRegressor,
                              RandomForestClassifier, RandomForestRegressor)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from common import HERE, dataset, holes, on_thresholds, write

warnings.filterwarnings("ignore")
OUT = HERE / "onnx"
OUT.mkdir(exist_ok=True)
ORT = ort.SessionOptions()
ORT.intra_op_num_threads = 1


def thresholds(model):
    found = []
    for node in model.graph.node:
        a = {x.name: helper.get_attribute_value(x) for x in node.attribute}
        if "nodes_featureids" in a and "nodes_values" in a:
            found += [(f, v) for f, v, m in zip(a["nodes_featureids"], a["nodes_values"], a["nodes_modes"]) if m != b"LEAF"]
    return found


def save(case, model, X, dtype, library=None):
    X = on_thresholds(X, thresholds(model)).astype(dtype)
    (OUT / f"{case}.onnx").write_bytes(model.SerializeToString())
    expected = {}
    if dtype == np.float32:  # onnxruntime refuses the declared types of skl2onnx's double models
        session = ort.InferenceSession(model.SerializeToString(), ORT, providers=["CPUExecutionProvider"])
        outputs = session.run(None, {session.get_inputs()[0].name: X})
        scores = outputs[-1]
        if isinstance(scores, list):  # ZipMap
            scores = [list(row.values()) for row in scores]
        expected["margins"] = np.asarray(scores)
        if len(outputs) > 1 and outputs[0].dtype.kind in "iu":
            expected["labels"] = outputs[0]
    if library is not None:
        library = library(X)
        if library.dtype.kind in "iuf":
            expected["library"] = library
    write("onnx", case, X, **expected)
    print(case, (OUT / f"{case}.onnx").stat().st_size)


def sklearn(case, estimator, data, dtype=np.float32, missing=False, label=lambda y: y, zipmap=False):
    X, y, Xt, _ = dataset(data)
    if missing:
        # skl2onnx writes no directions for missing values (and infinite thresholds): rows that have all are exact.
        X = holes(X, 1)
    estimator.fit(X.astype(np.float32), label(y))
    options = {} if zipmap or not hasattr(estimator, "classes_") else {id(estimator): {"zipmap": False}}
    # A column that arrives as double is compared as double by onnxruntime, as single by scikit-learn: rows that are
    # single-precision numbers get the same answers.
    model = to_onnx(estimator, X[:1].astype(dtype), options=options, target_opset={"": 18, "ai.onnx.ml": 3})
    save(case, model, Xt.astype(np.float32), dtype, estimator.predict)


def boosters():
    float_input = lambda X: [("X", FloatTensorType([None, X.shape[1]]))]
    for case, data, classes in [("binary", "bc", 2), ("multi", "iris", 3), ("regression", "diabetes", 0)]:
        X, y, Xt, _ = dataset(data)
        X, Xt = X.astype(np.float32).astype(float), Xt.astype(np.float32).astype(float)
        xgb_params = {"n_estimators": 4, "max_depth": 3, "base_score": 0.5, "random_state": 0}
        model = (xgb.XGBClassifier if classes else xgb.XGBRegressor)(**xgb_params).fit(X, y)
        save(f"xgboost_{case}", convert_xgboost(model, initial_types=float_input(X)), Xt, np.float32, model.predict)
        params = {"n_estimators": 4, "num_leaves": 5, "verbose": -1, "random_state": 0}
        for hole in [None, np.nan]:
            Xl = X if hole is None else holes(X, 1)
            model = (lgb.LGBMClassifier if classes else lgb.LGBMRegressor)(**params).fit(Xl, y)
            name = f"lightgbm_{case}" + ("_missing" if hole is not None else "")
            # Thresholds are rounded to single precision on the way, so LightGBM's own answers may differ.
            save(name, convert_lightgbm(model, initial_types=float_input(X)), Xt if hole is None else holes(Xt, 2), np.float32)
    X, y, Xt, _ = dataset("diabetes")
    model = lgb.LGBMRegressor(n_estimators=3, num_leaves=4, verbose=-1, objective="poisson").fit(X, y)
    save("lightgbm_poisson", convert_lightgbm(model, initial_types=float_input(X)), Xt.astype(np.float32), np.float32)


MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
GRID = np.array([[a, b] for a in [-1, 0, 1, 2, np.nan] for b in [-1, 0, 1, 2, np.nan]])


def by_hand(case, op, dtype, tracks, seed, version=3, **attributes):
    """Complete trees of depth 3 over two features with few values, every mode somewhere."""
    rng = np.random.default_rng(seed)
    trees, depth = 3, 3
    inner, count = 2**depth - 1, 2 ** (depth + 1) - 1
    a = {k: [] for k in ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids", "missing_value_tracks_true"]}
    kind, targets = ("class", 3) if op == "TreeEnsembleClassifier" else ("target", attributes.pop("targets", 2))
    leaf = {k: [] for k in ["treeids", "nodeids", "ids", "weights"]}
    for t in range(trees):
        for n in range(count):
            split = n < inner
            for k, v in [("treeids", t), ("nodeids", n), ("featureids", int(rng.integers(2))),
                         ("modes", MODES[(t * inner + n) % 6] if split else "LEAF"), ("values", float(rng.integers(-1, 3))),
                         ("truenodeids", 2 * n + 1 if split else 0), ("falsenodeids", 2 * n + 2 if split else 0),
                         ("missing_value_tracks_true", int(rng.integers(2)) if tracks and split else 0)]:
                a[k].append(v)
            if not split:
                for c in range(targets):
                    for k, v in [("treeids", t), ("nodeids", n), ("ids", c), ("weights", round(float(rng.normal()), 2))]:
                        leaf[k].append(v)
    if not tracks and version > 1:
        del a["missing_value_tracks_true"]
    attributes |= {f"nodes_{k}": v for k, v in a.items()} | {f"{kind}_{k}": v for k, v in leaf.items()}
    if dtype == np.float64:
        for k in ["nodes_values", f"{kind}_weights", "base_values"]:
            if k in attributes:
                v = attributes.pop(k)
                attributes[f"{k}_as_tensor"] = helper.make_tensor(k, TensorProto.DOUBLE, [len(v)], v)
    if kind == "class":
        attributes["classlabels_int64s"] = [10, 20, 30]
    else:
        attributes["n_targets"] = targets
    number = TensorProto.DOUBLE if dtype == np.float64 else TensorProto.FLOAT
    outputs = ["scores"] if kind == "target" else ["label", "scores"]
    node = helper.make_node(op, ["X"], outputs, domain="ai.onnx.ml", **attributes)
    info = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, targets])]
    if kind == "class":
        info.insert(0, helper.make_tensor_value_info("label", TensorProto.INT64, [None]))
    graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("X", number, [None, 2])], info)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", version)], ir_version=8)
    rows = GRID if tracks else GRID[~np.isnan(GRID).any(1)]
    (OUT / f"{case}.onnx").write_bytes(model.SerializeToString())
    if case.startswith("refused"):
        return
    session = ort.InferenceSession(model.SerializeToString(), ORT, providers=["CPUExecutionProvider"])
    got = session.run(None, {"X": rows.astype(dtype)})
    expected = {"margins": got[-1]} | ({"labels": got[0]} if kind == "class" else {})
    write("onnx", case, rows, **expected)
    print(case, (OUT / f"{case}.onnx").stat().st_size)


def version_5(case, dtype, aggregate, post, tracks):
    """The operator of ai.onnx.ml 5: nodes and leaves numbered through two trees, every mode."""
    tensor = TensorProto.DOUBLE if dtype == np.float64 else TensorProto.FLOAT
    modes = [0, 1, 2, 3, 4, 5]
    t = lambda name, kind, values: helper.make_tensor(name, kind, [len(values)], values)
    attributes = dict(
        n_targets=2, tree_roots=[0, 3], aggregate_function=aggregate, post_transform=post,
        nodes_modes=t("m", TensorProto.UINT8, modes), nodes_featureids=[0, 1, 0, 1, 0, 1],
        nodes_splits=t("s", tensor, [0.0, 1.0, 1.0, 0.0, 2.0, -1.0]),
        nodes_truenodeids=[1, 0, 2, 4, 4, 6], nodes_trueleafs=[0, 1, 1, 0, 1, 1],
        nodes_falsenodeids=[2, 1, 3, 5, 5, 7], nodes_falseleafs=[0, 1, 1, 0, 1, 1],
        leaf_targetids=[0, 1, 0, 1, 1, 0, 1, 0], leaf_weights=t("w", tensor, [0.5, -1.5, 2.0, 0.25, 1.0, -2.0, 3.0, 0.75]))
    if tracks:
        attributes["nodes_missing_value_tracks_true"] = [1, 0, 1, 0, 1, 0]
    def model(**changed):
        node = helper.make_node("TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", **(attributes | changed))
        graph = helper.make_graph([node], "g", [helper.make_tensor_value_info("X", tensor, [None, 2])],
                                  [helper.make_tensor_value_info("Y", tensor, [None, 2])])
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    rows = GRID if tracks else GRID[~np.isnan(GRID).any(1)]
    (OUT / f"{case}.onnx").write_bytes(model())
    # onnxruntime 1.32 takes 1 for LOGISTIC and 2 for SOFTMAX, the specification the other way round.
    session = ort.InferenceSession(model(post_transform=0), ORT, providers=["CPUExecutionProvider"])
    scores = session.run(None, {"X": rows.astype(dtype)})[0]
    if post == 1:
        scores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    write("onnx", case, rows, margins=scores)
    print(case, (OUT / f"{case}.onnx").stat().st_size)


def main():
    T = {"random_state": 0}
    two = lambda y: np.stack([y, np.sqrt(y)], axis=1)
    words = lambda y: np.array(["ash", "birch", "cedar"])[y]
    sklearn("tree_binary", DecisionTreeClassifier(max_depth=4, **T), "bc")
    sklearn("tree_binary_double", DecisionTreeClassifier(max_depth=4, **T), "bc", dtype=np.float64)
    sklearn("tree_binary_zipmap", DecisionTreeClassifier(max_depth=3, **T), "bc", zipmap=True)
    sklearn("tree_multi_words", DecisionTreeClassifier(max_depth=3, **T), "iris", label=words)
    sklearn("tree_missing", DecisionTreeClassifier(max_depth=4, **T), "bc", missing=True)
    sklearn("tree_regression", DecisionTreeRegressor(max_depth=4, **T), "diabetes")
    sklearn("forest_binary", RandomForestClassifier(5, max_depth=3, **T), "bc")
    sklearn("forest_multi", RandomForestClassifier(5, max_depth=3, **T), "iris")
    sklearn("forest_missing", RandomForestClassifier(5, max_depth=3, **T), "iris", missing=True)
    sklearn("forest_regression", RandomForestRegressor(4, max_depth=3, **T), "diabetes")
    sklearn("forest_targets", RandomForestRegressor(4, max_depth=3, **T), "diabetes", label=two)
    sklearn("extra_trees_binary", ExtraTreesClassifier(4, max_depth=3, **T), "bc")
    sklearn("extra_trees_regression", ExtraTreesRegressor(4, max_depth=3, **T), "diabetes")
    sklearn("boosting_binary", GradientBoostingClassifier(n_estimators=5, max_depth=3, **T), "bc")
    sklearn("boosting_multi", GradientBoostingClassifier(n_estimators=4, max_depth=2, **T), "iris")
    sklearn("boosting_regression", GradientBoostingRegressor(n_estimators=5, max_depth=3, **T), "diabetes")
    boosters()
    by_hand("modes_classifier", "TreeEnsembleClassifier", np.float32, False, 1)
    by_hand("modes_classifier_tracks", "TreeEnsembleClassifier", np.float32, True, 2, base_values=[0.5, -0.25, 0.0])
    by_hand("modes_classifier_softmax", "TreeEnsembleClassifier", np.float32, True, 3, post_transform="SOFTMAX")
    by_hand("modes_classifier_logistic", "TreeEnsembleClassifier", np.float64, True, 4, post_transform="LOGISTIC")
    by_hand("modes_regressor", "TreeEnsembleRegressor", np.float32, False, 5, base_values=[1.0, 2.0])
    by_hand("modes_regressor_average", "TreeEnsembleRegressor", np.float64, True, 6, aggregate_function="AVERAGE", base_values=[1.0, 2.0])
    by_hand("modes_regressor_logistic", "TreeEnsembleRegressor", np.float32, True, 7, post_transform="LOGISTIC")  # with one target onnxruntime leaves the function out
    version_5("v5_sum", np.float32, 1, 0, False)
    version_5("v5_average_tracks", np.float64, 0, 0, True)
    version_5("v5_softmax", np.float32, 1, 1, True)
    # Refused: a minimum over trees, a softmax that leaves zeros alone.
    X, y, _, _ = dataset("iris")
    by_hand("refused_minimum", "TreeEnsembleRegressor", np.float32, False, 8, aggregate_function="MIN")
    by_hand("refused_softmax_zero", "TreeEnsembleClassifier", np.float32, False, 9, post_transform="SOFTMAX_ZERO")


main()
