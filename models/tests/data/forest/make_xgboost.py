"""Writes xgboost/*: models as `save_model` writes them, rows, margins, predictions and leaf indices.

Usage: make_xgboost.py [PREFIX]; PREFIX tells the files of older versions apart (v1_7, v2_1).
"""
import sys

import numpy as np
import xgboost as xgb

from common import HERE, dataset, holes, on_thresholds, write

PREFIX = sys.argv[1] + "_" if len(sys.argv) > 1 else ""
OUT = HERE / "xgboost"
OUT.mkdir(exist_ok=True)
SMALL = {"max_depth": 3, "eta": 0.5, "seed": 0}


def thresholds(booster):
    """(feature, threshold) of the splits of the first trees."""
    import json
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    model = model.get("model") or model["gbtree"]["model"]
    return [(f, v) for t in model["trees"] for f, v, l in
            zip(t["split_indices"], t["split_conditions"], t["left_children"]) if l != -1]


def save(case, booster, X, ubj=False):
    X = on_thresholds(X, thresholds(booster))
    d = xgb.DMatrix(X)
    rounds = (0, int(booster.attr("best_iteration")) + 1) if booster.attr("best_iteration") else (0, 0)
    kw = {"iteration_range": rounds}
    booster.save_model(OUT / f"{PREFIX}{case}.json")
    if ubj:
        booster.save_model(OUT / f"{PREFIX}{case}.ubj")
    leaves = booster.predict(d, pred_leaf=True, **kw).reshape(len(X), -1)
    write("xgboost", f"{PREFIX}{case}", X, margins=booster.predict(d, output_margin=True, **kw),
          predictions=booster.predict(d, **kw), leaves=leaves.astype(int))
    print(case, (OUT / f"{PREFIX}{case}.json").stat().st_size)


def train(case, data, objective, rounds=5, missing=False, label=lambda y: y, ubj=False, **params):
    X, y, Xt, _ = dataset(data)
    if missing:
        X, Xt = holes(X, 1), holes(Xt, 2)
    params = SMALL | {"objective": objective} | params
    booster = xgb.train(params, xgb.DMatrix(X, label(y)), rounds)
    save(case, booster, Xt, ubj)
    return booster


def main():
    three = {"num_class": 3}
    unit = lambda y: (y - y.min()) / (y.max() - y.min())
    train("binary_logistic", "bc", "binary:logistic", ubj=True)
    train("binary_missing", "bc", "binary:logistic", missing=True, ubj=True)
    train("multi_softprob", "iris", "multi:softprob", ubj=True, **three)
    train("reg_squarederror", "diabetes", "reg:squarederror", ubj=True)
    train("count_poisson", "diabetes", "count:poisson", missing=True, label=lambda y: np.floor(y / 50))
    train("dart", "bc", "binary:logistic", booster="dart", rate_drop=0.5, max_depth=2)
    # Early stopping: the file holds more rounds than best_iteration.
    X, y, Xt, yt = dataset("iris")
    flip = np.random.default_rng(3).random(len(y)) < 0.3
    y = np.where(flip, (y + 1) % 3, y)
    params = SMALL | three | {"objective": "multi:softprob", "num_parallel_tree": 2, "subsample": 0.5, "eta": 1.0}
    booster = xgb.train(params, xgb.DMatrix(X[:80], y[:80]), 9, evals=[(xgb.DMatrix(X[80:], y[80:]), "v")],
                        early_stopping_rounds=2, verbose_eval=False)
    assert booster.best_iteration + 1 < booster.num_boosted_rounds(), "early stopping must leave rounds over"
    save("early_stopping_parallel", booster, Xt)
    if PREFIX:
        return
    train("multi_softmax", "iris", "multi:softmax", **three)
    train("binary_logitraw", "bc", "binary:logitraw", max_depth=2)
    train("binary_hinge", "bc", "binary:hinge", max_depth=2)
    train("reg_logistic", "diabetes", "reg:logistic", label=unit, max_depth=2)
    train("reg_gamma", "diabetes", "reg:gamma", max_depth=2)
    train("reg_tweedie", "diabetes", "reg:tweedie", max_depth=2, tweedie_variance_power=1.3)
    train("reg_absoluteerror", "diabetes", "reg:absoluteerror", max_depth=2)
    train("reg_pseudohubererror", "diabetes", "reg:pseudohubererror", label=unit, max_depth=2)
    train("reg_squaredlogerror", "diabetes", "reg:squaredlogerror", max_depth=2)
    train("reg_quantileerror", "diabetes", "reg:quantileerror", max_depth=2, quantile_alpha=[0.1, 0.5, 0.9])
    train("survival_cox", "diabetes", "survival:cox", max_depth=2)
    train("base_score", "bc", "binary:logistic", rounds=2, max_depth=2, base_score=0.3)
    train("rank_pairwise", "iris", "rank:pairwise", rounds=2, max_depth=2)
    X, y, Xt, _ = dataset("diabetes")
    both = np.stack([y, X[:, 2] * 3 - y], axis=1)
    for strategy in ["one_output_per_tree", "multi_output_tree"]:
        params = SMALL | {"objective": "reg:squarederror", "multi_strategy": strategy, "tree_method": "hist"}
        save(f"targets_{strategy}", xgb.train(params, xgb.DMatrix(X, both), 3), Xt)
    X, y, Xt, _ = dataset("iris")
    params = SMALL | three | {"objective": "multi:softprob", "multi_strategy": "multi_output_tree"}
    save("multi_output_tree", xgb.train(params, xgb.DMatrix(X, y), 3), Xt, ubj=True)


main()
