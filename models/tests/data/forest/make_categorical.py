"""Writes models with categorical splits, xgboost/categorical_* and lightgbm/categorical_*, and xgboost/{gblinear,multi_label}.

Usage: make_categorical.py

Rows hold codes, fractions, negative and huge numbers, and missing values: whatever a column of categories may hold. Where a
model was trained on words, rows hold their places among the words.
"""
import json

import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb

from common import HERE, dataset, write

ODD = [-0.0, -0.25, -1.0, -0.999, 0.5, 2.999999999, 3.0000001, 31.0, 32.0, 33.5, 40.0, 64.0, 255.0, 1e6, 2.0**24, 1e9, 2.0**31, 2.0**32 + 3,
       1e38, -1e38, np.nan]


def table(rows, categories, missing, seed):
    """Two columns of codes and two of numbers, and a target that depends on all."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(0, categories, rows), rng.integers(0, 4, rows), rng.normal(size=(rows, 2))]).astype(float)
    effect = rng.normal(size=categories)
    y = effect[X[:, 0].astype(int)] + (X[:, 1] == 2) * (X[:, 2] > 0) + 0.5 * X[:, 3]
    X[rng.random(X.shape) < missing] = np.nan
    return X, y


def rows_to_record(X):
    X = X[:40].copy()
    for at, odd in enumerate(ODD):
        X[at, at % 2] = odd
    return X


def save_xgb(case, booster, X, types):
    X = rows_to_record(X)
    for suffix in ["json", "ubj"]:
        booster.save_model(HERE / "xgboost" / f"{case}.{suffix}")
    d = xgb.DMatrix(X, feature_types=types, feature_names=booster.feature_names)
    leaves = booster.predict(d, pred_leaf=True).reshape(len(X), -1)
    write("xgboost", case, X, margins=booster.predict(d, output_margin=True), predictions=booster.predict(d), leaves=leaves.astype(int))


def save_lgb(case, booster, X):
    X = rows_to_record(X)
    booster.save_model(HERE / "lightgbm" / f"{case}.txt")
    write("lightgbm", case, X, margins=booster.predict(X, raw_score=True), predictions=booster.predict(X),
          leaves=booster.predict(X, pred_leaf=True).astype(int))


def frame(X, words):
    kinds = np.array(words)[np.nan_to_num(X[:, 0]).astype(int) % len(words)]
    return pd.DataFrame({"word": pd.Categorical(kinds, categories=words), "number": pd.Categorical(X[:, 1].astype(int)), "x": X[:, 2], "y": X[:, 3]})


def main():
    types = ["c", "c", "float", "float"]
    for case, categories, missing, onehot in [("one", 5, 0, 100), ("partition", 40, 0, 1), ("missing", 40, 0.2, 4)]:
        X, y = table(500, categories, missing, 1)
        params = {"max_depth": 4, "eta": 0.5, "max_cat_to_onehot": onehot, "seed": 0}
        save_xgb(f"categorical_{case}", xgb.train(params, xgb.DMatrix(X, y, feature_types=types), 4), X, types)
        fine = {"num_leaves": 8, "learning_rate": 0.5, "verbose": -1, "min_data_per_group": 2, "min_data_in_leaf": 3, "cat_smooth": 1,
                "cat_l2": 0.1, "max_cat_to_onehot": 5 if onehot > 1 else 1, "num_threads": 1, "deterministic": True, "seed": 0}
        save_lgb(f"categorical_{case}", lgb.train(fine | {"objective": "regression"}, lgb.Dataset(X, y, categorical_feature=[0, 1]), 4), X)
    # XGBoost 3.2 cuts words that are not ASCII.
    words = ["a b", "blue", "green", "red"]
    X, y = table(500, 4, 0, 2)
    data = frame(X, words)
    d = xgb.DMatrix(data, y + data.word.cat.codes, enable_categorical=True)
    save_xgb("categorical_words", xgb.train({"max_depth": 3, "eta": 0.5}, d, 3), X, types)
    save_lgb("categorical_words", lgb.train(fine | {"objective": "regression"}, lgb.Dataset(data, y + data.word.cat.codes), 3), X)
    # A linear booster, and several labels.
    X, y, Xt, _ = dataset("iris")
    booster = xgb.train({"booster": "gblinear", "objective": "multi:softprob", "num_class": 3}, xgb.DMatrix(X, y), 3)
    booster.save_model(HERE / "xgboost" / "gblinear.json")
    d = xgb.DMatrix(Xt)
    record = {"rows": Xt.tolist(), "margins": booster.predict(d, output_margin=True).tolist(), "predictions": booster.predict(d).tolist()}
    (HERE / "xgboost" / "gblinear.linear.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")
    labels = np.column_stack([y == 0, X[:, 2] > 4]).astype(float)
    booster = xgb.train({"max_depth": 2, "objective": "binary:logistic"}, xgb.DMatrix(X, labels), 3)
    save_xgb("multi_label", booster, Xt, None)


main()
