"""Folds and rounds of scikit-learn 1.9: `python make.py > splits.json`."""

import json

import numpy as np
import sklearn
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, HalvingGridSearchCV, KFold, ParameterGrid, StratifiedKFold, TimeSeriesSplit

rng = np.random.default_rng(3)
splits = []
for name, make in [("KFold", KFold), ("StratifiedKFold", StratifiedKFold), ("GroupKFold", GroupKFold), ("TimeSeriesSplit", TimeSeriesSplit)]:
    for rows in [7, 12, 33, 50]:
        for count in [2, 3, 5]:
            if name == "StratifiedKFold":
                labels = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
                while np.bincount(labels).min() < 1:
                    labels = rng.choice(3, rows, p=[0.5, 0.3, 0.2])
            else:
                # Groups of different sizes: of equal ones, scikit-learn's order is that of an unstable sort.
                sizes = [s for s in range(1, 12) if s * (s + 1) // 2 <= rows]
                labels = np.concatenate([[s] * s for s in sizes] + [[99] * (rows - sum(sizes))])
                rng.shuffle(labels)
            try:
                folds = list(make(count).split(np.zeros((rows, 1)), labels, groups=labels))
            except ValueError:
                continue
            splits.append({"split": name, "folds": count, "labels": [str(v) for v in labels.tolist()], "test": [t.tolist() for _, t in folds], "train": [t.tolist() for t, _ in folds]})

rounds = []
for candidates, rows, factor, min_rows, classes in [
    (30, 768, 3, "exhaust", 2), (30, 768, 2, "exhaust", 2), (5, 100, 3, "exhaust", 2), (30, 100, 3, 20, 2), (9, 90, 3, "exhaust", 3), (27, 1000, 3, "exhaust", 2), (64, 500, 4, "exhaust", 2), (1, 100, 3, "exhaust", 2),
]:
    X = rng.normal(size=(rows, 2))
    y = np.arange(rows) % classes
    search = HalvingGridSearchCV(LogisticRegression(), {"C": np.linspace(0.1, 1, candidates).tolist()}, factor=factor, min_resources=min_rows, cv=5, random_state=0).fit(X, y)
    rounds.append({"candidates": candidates, "rows": rows, "factor": factor, "min_rows": None if min_rows == "exhaust" else min_rows, "classes": classes, "n_candidates": search.n_candidates_, "n_resources": search.n_resources_})

grid = {"b": ["1", "2", "3"], "a": ["x", "y"], "C": ["0.5"]}
print(json.dumps({"scikit-learn": sklearn.__version__, "splits": splits, "rounds": rounds, "grid": {"values": grid, "candidates": list(ParameterGrid(grid))}}))
