"""Writes training/*.json: what scikit-learn and XGBoost predict, for their training rows, after training with given parameters.

Usage: make_training.py
"""
import json

import numpy as np
import xgboost as xgb
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from common import HERE

DATA = HERE.parent
OUT = HERE / "training"
OUT.mkdir(exist_ok=True)


def read(file, target):
    with open(DATA / f"{file}.csv") as f:
        columns = f.readline().strip().split(",")
        cells = np.array([line.strip().split(",") for line in f])
    at = columns.index(target)
    y = cells[:, at]
    X = np.delete(cells, at, axis=1).astype(float)
    return X.astype(np.float32), y


def write(case, estimator, file, target, params, predictions):
    record = {"estimator": estimator, "file": file, "target": target, "params": params,
              "predictions": np.asarray(predictions, float).tolist()}
    (OUT / f"{case}.json").write_text(json.dumps(record, separators=(",", ":")) + "\n")


def tree(case, file, target, classes, **params):
    X, y = read(file, target)
    y = np.unique(y, return_inverse=True)[1] if classes else y.astype(float)
    model = (DecisionTreeClassifier if classes else DecisionTreeRegressor)(random_state=0, **params).fit(X, y)
    name = "DecisionTreeClassifier" if classes else "DecisionTreeRegressor"
    write(case, name, file, target, params, model.predict_proba(X) if classes else model.predict(X))


def boosting(case, file, target, objective, missing=False, **params):
    X, y = read(file, target)
    classes = not objective.startswith(("reg", "count"))
    y = np.unique(y, return_inverse=True)[1] if classes else y.astype(float)
    if missing:
        X[X == 0] = np.nan
    own = {"learning_rate": 0.3, "max_depth": 6} | params
    rounds = own.pop("n_estimators")
    extra = {"num_class": int(y.max()) + 1} if objective.startswith("multi") else {}
    # The exact search, and a starting margin that is the weighted mean as here.
    if objective == "binary:logistic" or not classes:
        extra["base_score"] = float(np.mean(y))
    model = xgb.train({"objective": objective, "tree_method": "exact", **own, **extra}, xgb.DMatrix(X, y), rounds)
    name = "GradientBoostingClassifier" if classes else "GradientBoostingRegressor"
    if not classes:
        params = params | {"objective": objective}
    write(case, name, file, target, params, model.predict(xgb.DMatrix(X)))


def main():
    tree("tree_diabetes", "diabetes", "y", False, max_depth=3)
    tree("tree_diabetes_leaf", "diabetes", "y", False, max_depth=6, min_samples_leaf=20)
    tree("tree_iris", "iris", "y", True, max_depth=2)
    tree("tree_pima", "pima", "diabetes", True, max_depth=3)
    boosting("boosting_diabetes", "diabetes", "y", "reg:squarederror", n_estimators=10, max_depth=3)
    boosting("boosting_diabetes_deep", "diabetes", "y", "reg:squarederror", n_estimators=5, gamma=1000.0, reg_lambda=5.0)
    boosting("boosting_pima", "pima", "diabetes", "binary:logistic", n_estimators=10, max_depth=3, min_child_weight=3.0)
    boosting("boosting_pima_missing", "pima", "diabetes", "binary:logistic", missing=True, n_estimators=5, max_depth=3)
    boosting("boosting_iris", "iris", "y", "multi:softprob", n_estimators=5, max_depth=2)
    boosting("boosting_gamma", "diabetes", "y", "reg:gamma", n_estimators=5, max_depth=2, learning_rate=0.1)


main()
