"""Writes lightgbm/*: text models as `save_model` writes them, rows, raw scores, predictions and leaf indices.

Usage: make_lightgbm.py
"""
import lightgbm as lgb
import numpy as np

from common import HERE, dataset, holes, on_thresholds, write

OUT = HERE / "lightgbm"
OUT.mkdir(exist_ok=True)
SMALL = {"num_leaves": 7, "learning_rate": 0.3, "verbose": -1, "seed": 0, "deterministic": True, "num_threads": 1,
         "force_col_wise": True}


def thresholds(booster):
    """(feature, threshold) of the splits of all trees."""
    found = []
    def walk(node):
        if "split_feature" in node:
            found.append((node["split_feature"], node["threshold"]))
            walk(node["left_child"])
            walk(node["right_child"])
    for tree in booster.dump_model()["tree_info"]:
        walk(tree["tree_structure"])
    return found


def save(case, booster, X):
    X = on_thresholds(X, thresholds(booster))
    booster.save_model(OUT / f"{case}.txt")
    write("lightgbm", case, X, margins=booster.predict(X, raw_score=True), predictions=booster.predict(X),
          leaves=booster.predict(X, pred_leaf=True).astype(int))
    print(case, (OUT / f"{case}.txt").stat().st_size)


def train(case, data, objective, rounds=5, hole=None, label=lambda y: y, names="auto", **params):
    X, y, Xt, _ = dataset(data)
    if hole is not None:
        X, Xt = holes(X, 1, value=hole), holes(Xt, 2, value=hole)
    train_set = lgb.Dataset(X, label(y), feature_name=names)
    booster = lgb.train(SMALL | {"objective": objective} | params, train_set, rounds)
    if hole is not None:
        # Zeros and missing values meet every rule, whatever the model was trained on.
        Xt = holes(holes(Xt, 3, 0.05, 0.0), 4, 0.05, np.nan)
    save(case, booster, Xt)


def main():
    unit = lambda y: (y - y.min()) / (y.max() - y.min())
    centred = lambda X: X - np.median(X, axis=0)
    train("binary", "bc", "binary")
    train("binary_nan", "bc", "binary", hole=np.nan)
    train("binary_no_missing", "bc", "binary", hole=np.nan, use_missing=False)
    train("binary_sigmoid", "bc", "binary", sigmoid=2.5, num_leaves=3)
    train("binary_random_forest", "bc", "binary", boosting="rf", bagging_freq=1, bagging_fraction=0.5, num_leaves=4)
    train("binary_dart", "bc", "binary", boosting="dart", drop_rate=0.5, num_leaves=3)
    train("multiclass", "iris", "multiclass", num_class=3, min_data_in_leaf=5, names=["a", "b", "c", "d"])
    train("multiclassova", "iris", "multiclassova", num_class=3, num_leaves=3)
    train("regression", "diabetes", "regression")
    train("regression_l1", "diabetes", "regression_l1", num_leaves=3)
    train("huber", "diabetes", "huber", num_leaves=3)
    train("quantile", "diabetes", "quantile", alpha=0.8, num_leaves=3)
    train("poisson", "diabetes", "poisson", num_leaves=3, hole=np.nan)
    train("gamma", "diabetes", "gamma", num_leaves=3)
    train("tweedie", "diabetes", "tweedie", num_leaves=3)
    train("cross_entropy", "diabetes", "cross_entropy", num_leaves=3, label=unit)
    train("single_leaf", "iris", "regression", rounds=1, min_data_in_leaf=1000)
    # Zeros are missing: on data around 0, so that thresholds lie on both sides.
    X, y, Xt, _ = dataset("bc")
    middle = np.median(X, axis=0)
    X, Xt = holes(X - middle, 1, 0.3, 0.0), holes(Xt - middle, 2, 0.3, 0.0)
    params = SMALL | {"objective": "binary", "zero_as_missing": True, "min_data_in_leaf": 5}
    save("binary_zero", lgb.train(params, lgb.Dataset(X, y), 8), holes(Xt, 4, 0.05))
    # Refused.
    X, y, _, _ = dataset("iris")
    data = lambda **kw: lgb.Dataset(np.floor(X * 2), y == 1, **kw)
    lgb.train(SMALL | {"objective": "regression", "linear_tree": True}, data(params={"linear_tree": True}), 1).save_model(OUT / "refused_linear.txt")
    lgb.train(SMALL | {"objective": "regression", "reg_sqrt": True}, data(), 1).save_model(OUT / "refused_sqrt.txt")


main()
