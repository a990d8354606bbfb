"""Boosted trees of scikit-learn's histograms, XGBoost, LightGBM and CatBoost."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tenebra import _tenebra
from tenebra._model import Model
from tenebra._outcome import Readout, label_text
from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft, several
from tenebra.fitted.trees import Tree

_LINKS = {"IdentityLink": "identity", "LogLink": "exp", "LogitLink": "sigmoid", "MultinomialLogit": "softmax"}


def _histograms(estimator: Any) -> Draft:
    if estimator.is_categorical_ is not None and np.any(estimator.is_categorical_):
        raise UnsupportedError(
            f"{type(estimator).__name__} with categorical features splits on sets of categories",
            "encode them as numbers, or use LightGBM or XGBoost, whose sets are read",
        )
    link = _LINKS[type(estimator._loss.link).__name__]
    trees = []
    for stage in estimator._predictors:
        for output, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            tree = Tree(
                feature=nodes["feature_idx"].astype(np.int64),
                threshold=nodes["num_threshold"],
                left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
                right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
                values=nodes["value"].reshape(-1, 1),
                missing=nodes["missing_go_to_left"].astype(bool),
                first_output=output,
            )
            trees.append(tree)
    bias = np.ravel(estimator._baseline_prediction).astype(np.float64)
    draft = Draft(trees=trees, bias=bias, link=link, round_to_f32=False)
    return _decided(draft, estimator)


def _decided(draft: Draft, estimator: Any) -> Draft:
    """As a classifier, where the estimator is one."""
    if hasattr(estimator, "classes_"):
        assert draft.bias is not None
        draft.classes = several(estimator.classes_)
        draft.decision = "threshold" if len(draft.bias) == 1 else "arg_max"
        draft.probabilities = "values"
    return draft


def _xgboost(estimator: Any) -> Model:
    missing = getattr(estimator, "missing", None)
    if missing is not None and not math.isnan(missing):
        raise UnsupportedError(
            f"{type(estimator).__name__} takes {missing} for a missing value",
            "fit it with `missing=nan`, the default, and missing values that are nan",
        )
    booster = estimator if hasattr(estimator, "save_raw") else estimator.get_booster()
    inner, notes = _tenebra.Model.from_foreign(bytes(booster.save_raw("json")), None)
    return _labelled(inner, getattr(estimator, "classes_", None), notes)


def _lightgbm(estimator: Any) -> Model:
    booster = getattr(estimator, "booster_", estimator)
    inner, notes = _tenebra.Model.from_foreign(booster.model_to_string().encode(), None)
    names = inner.feature_names
    if names == [f"Column_{place}" for place in range(inner.n_features)]:
        # What LightGBM calls columns without names.
        fields = json.loads(inner.to_json())
        fields["feature_names"] = None
        inner = _tenebra.Model(json.dumps(fields))
    return _labelled(inner, getattr(estimator, "classes_", None), notes)


def _labelled(inner: _tenebra.Model, classes: Any, notes: list[str]) -> Model:
    """With the labels that the estimator has for the library's class numbers."""
    if classes is None or not inner.is_classifier:
        return Model(inner, notes=notes)
    classes = several(classes)
    fields = json.loads(inner.to_json())
    fields["classes"] = [label_text(label) for label in classes]
    made = _tenebra.Model(json.dumps(fields))
    readout = Readout(classes=classes, probabilities=fields["inverse_link"] != "identity")
    return Model(made, readout, notes)


#: Of the losses whose scores are not what `predict` gives.
_CATBOOST_LINKS = {
    "Logloss": "sigmoid",
    "CrossEntropy": "sigmoid",
    "MultiClass": "softmax",
    "Poisson": "exp",
    "Tweedie": "exp",
}
_CATBOOST_IDENTITY = ("RMSE", "MAE", "Quantile", "MAPE", "Huber", "Expectile", "LogLinQuantile", "Lq", "MultiRMSE", "LogCosh")
#: They order rows by their scores.
_CATBOOST_RANKING = (
    *("YetiRank", "YetiRankPairwise", "PairLogit", "PairLogitPairwise", "QueryRMSE", "QuerySoftMax", "QueryCrossEntropy"),
    *("StochasticRank", "StochasticFilter", "LambdaMart"),
)


def _catboost(estimator: Any) -> Draft:
    loss = estimator.get_all_params()["loss_function"].split(":")[0]
    link = _CATBOOST_LINKS.get(loss, "identity" if loss in (*_CATBOOST_IDENTITY, *_CATBOOST_RANKING) else None)
    if link is None:
        raise UnsupportedError(f"CatBoost's loss {loss} is not known", f"known: {', '.join((*_CATBOOST_LINKS, *_CATBOOST_IDENTITY, *_CATBOOST_RANKING))}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        model = json.loads(path.read_text())
    info = model["features_info"]
    if info.get("categorical_features") or info.get("text_features") or info.get("embedding_features"):
        raise UnsupportedError(
            "CatBoost with categorical, text or embedding features computes statistics of them while predicting",
            "encode them as numbers before",
        )
    if "oblivious_trees" not in model:
        raise UnsupportedError(
            "CatBoost's trees are not oblivious", 'fit it with `grow_policy="SymmetricTree"`, the default'
        )
    floats = {feature["feature_index"]: feature for feature in info["float_features"]}
    scale, bias = model["scale_and_bias"]
    outputs = len(bias)
    trees = [_oblivious(tree, floats, outputs, scale) for tree in model["oblivious_trees"]]
    n_features = 1 + max(feature["flat_feature_index"] for feature in floats.values())
    draft = Draft(
        trees=trees, bias=np.asarray(bias, dtype=np.float64), link=link, n_features=n_features
    )
    if loss in ("Logloss", "CrossEntropy", "MultiClass"):
        return _decided(draft, estimator)
    return draft


def _oblivious(tree: dict[str, Any], floats: dict[int, Any], outputs: int, scale: float) -> Tree:
    """A tree that asks the same at each depth: bit `i` of a leaf's number is whether split `i` holds."""
    splits = tree.get("splits") or []
    depth = len(splits)
    inner = 2**depth - 1
    count = inner + 2**depth
    leaves = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(2**depth, outputs) * scale
    node = np.arange(count)
    feature, threshold = np.zeros(count, dtype=np.int64), np.zeros(count)
    missing: np.ndarray | None = np.zeros(count, dtype=bool)
    for level, split in enumerate(splits):
        if split["split_type"] != "FloatFeature":
            raise UnsupportedError(f"CatBoost's splits of type {split['split_type']} are not known", "encode categories as numbers")
        own = floats[split["float_feature_index"]]
        level_nodes = slice(2**level - 1, 2 ** (level + 1) - 1)
        feature[level_nodes] = own["flat_feature_index"]
        threshold[level_nodes] = split["border"]
        treatment = own["nan_value_treatment"]
        if treatment == "AsIs":
            missing = None
        elif missing is not None:
            missing[level_nodes] = treatment == "AsFalse"
    values = np.zeros((count, outputs))
    for place in range(2**depth):
        # The path to the leaf at this place takes split `i` by bit `depth - 1 - i`; left is where it does not hold.
        number = sum(1 << level for level in range(depth) if place >> (depth - 1 - level) & 1)
        values[inner + place] = leaves[number]
    left = np.where(node < inner, 2 * node + 1, -1)
    return Tree(feature, threshold, left, np.where(node < inner, 2 * node + 2, -1), values, missing)


READERS = {
    "sklearn.HistGradientBoostingClassifier": _histograms,
    "sklearn.HistGradientBoostingRegressor": _histograms,
    "xgboost.XGBModel": _xgboost,
    "xgboost.Booster": _xgboost,
    "lightgbm.LGBMModel": _lightgbm,
    "lightgbm.Booster": _lightgbm,
    "catboost.CatBoost": _catboost,
}
