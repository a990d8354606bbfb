"""Data sets and output format shared by the make_*.py scripts."""
import json
import pathlib

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

HERE = pathlib.Path(__file__).parent
ROWS = 40  # rows recorded per case


def dataset(name):
    load = {"bc": load_breast_cancer, "iris": load_iris, "diabetes": load_diabetes}[name]
    if name == "diabetes":
        X, y = load(return_X_y=True, scaled=False)
    else:
        X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    return X[:-ROWS], y[:-ROWS], X[-ROWS:], y[-ROWS:]


def holes(X, seed, share=0.1, value=np.nan):
    """A copy with a share of the cells replaced."""
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) < share] = value
    return X


def on_thresholds(X, thresholds):
    """Puts the model's own thresholds into the first rows: `thresholds` is a list of (feature, value)."""
    X = X.copy()
    finite = [(feature, value) for feature, value in thresholds if np.isfinite(value)]
    for row, (feature, value) in enumerate(finite[: len(X) // 2]):
        X[row, feature] = value
    return X


def write(folder, case, X, **expected):
    """Rows and what the library says about them; NaN becomes null."""
    def plain(a):
        a = np.asarray(a)
        if a.dtype.kind in "iu":
            return a.tolist()
        a = a.astype(float)
        return np.where(np.isnan(a), None, a.astype(object)).tolist()
    record = {"rows": plain(X)} | {k: plain(v) for k, v in expected.items()}
    text = json.dumps(record, separators=(",", ":"))
    (HERE / folder / f"{case}.expected.json").write_text(text + "\n")
