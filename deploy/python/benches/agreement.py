"""Every estimator on three data sets: simulated against the original on all test rows, encrypted against simulated on 20.

    python benches/agreement.py [NAME ...] > table.md

Of classifiers the table counts rows of another class, of all it has the largest error of a score in parts of the scores' span, and beside
both what the report says of the calibration rows. It ends with status 1 if an encrypted score differs from the simulated one, or trees say
another class than the original.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tenebra
import tenebra.sklearn
from sklearn import datasets, preprocessing
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from wrapped import UNSUPERVISED, few  # noqa: E402


def _classes(name: str) -> tuple[np.ndarray, np.ndarray]:
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return (X, y) if name == "digits" else (preprocessing.scale(X), y)


def _numbers(name: str) -> tuple[np.ndarray, np.ndarray]:
    if name == "diabetes":
        return datasets.load_diabetes(return_X_y=True)
    if name == "friedman":
        return datasets.make_friedman1(600, noise=1.0, random_state=0)
    X, _ = datasets.load_wine(return_X_y=True)
    return preprocessing.scale(X[:, 1:]), X[:, 0]


CLASSES = {name: _classes(name) for name in ("breast_cancer", "wine", "digits")}
NUMBERS = {name: _numbers(name) for name in ("diabetes", "friedman", "alcohol")}
#: Pairs of classes vote in SVC, and steps of more classes than two are compared.
OF_TWO = ("SVC", "NuSVC", "CalibratedClassifierCV")
COUNTS = ("MultinomialNB", "ComplementNB")


def _sets(name: str) -> dict[str, tuple[np.ndarray, Any]]:
    cls = getattr(tenebra.sklearn, name)
    if name.startswith(("MultiTask", "MultiOutput")):
        return {of: (X, np.column_stack([y, X[:, 0] * y])) for of, (X, y) in NUMBERS.items()}
    if name.endswith("Ranker"):
        return {of: (X, np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75]))) for of, (X, y) in NUMBERS.items()}
    from sklearn.base import is_regressor

    if name not in UNSUPERVISED and (name.endswith("Regressor") or is_regressor(cls(**few(name)))):
        if name in ("PoissonRegressor", "GammaRegressor", "TweedieRegressor"):
            return {of: (X, y - y.min() + 1) for of, (X, y) in NUMBERS.items()}
        return dict(NUMBERS)
    if name == "CategoricalNB":
        return {of: (np.floor(4 * preprocessing.minmax_scale(X) * 0.999).astype(int), y) for of, (X, y) in CLASSES.items()}
    if name in COUNTS:
        return {of: (preprocessing.minmax_scale(X), y) for of, (X, y) in CLASSES.items()}
    if name in OF_TWO:
        return {of: (X, y > np.median(y) if of == "digits" else y > 0) for of, (X, y) in CLASSES.items()}
    return dict(CLASSES)


def _row(name: str, of: str, X: np.ndarray, y: np.ndarray) -> tuple[str, bool]:
    X_train, X_test, y_train, _ = train_test_split(X, y, test_size=0.3, random_state=0)
    extra: dict[str, Any] = {}
    if name.endswith("Ranker"):
        groups = np.arange(len(X_train)) // 20
        extra = {"group_id": groups} if name.startswith("Cat") else {"group": np.bincount(groups)}
    parameters = few(name)
    known = getattr(tenebra.sklearn, name)(**parameters).get_params()
    if "random_state" in known:
        parameters["random_state"] = 0
    if name.startswith("MLP"):
        parameters["max_iter"] = 1000
    if name == "CategoricalNB":
        parameters["min_categories"] = 4
    if name == "NuSVC":
        parameters["nu"] = 0.1
    model = getattr(tenebra.sklearn, name)(**parameters)
    model.fit(X_train, y_train, **extra)
    method = "predict" if hasattr(model, "predict") else "transform"
    trees = tenebra.from_fitted(model).of_trees
    # Leaves take as few bits as change no decision of the calibration rows; these are for others as well, and cost 1 % of the time.
    model.compile(X_train, measure=False, **({"leaf_bits": 16} if trees else {}))
    compiled = model.compiled_
    wanted = np.asarray(getattr(model, method)(X_test))
    clear, simulated = compiled.evaluate(X_test, "disable"), compiled.evaluate(X_test, "simulate")
    encrypted = compiled.evaluate(X_test[:20], "execute")
    mismatches = int((encrypted.scores != simulated.scores[:20]).any(axis=1).sum())
    clipped = _clipped(compiled, X_test)
    errors = np.abs(clear.scores - simulated.scores).max(axis=1)[~clipped]
    span = float(np.ptp(clear.scores)) or 1.0
    reported = compiled.report["quantization"]["max_score_error"] or 0.0
    bad = mismatches > 0
    if compiled.classes_ is not None:
        differ = np.ravel(wanted) != simulated.labels
        clear_differ = int((np.ravel(wanted) != clear.labels).sum())
        said = f"{int(differ.sum())} of {len(differ)}"
        agreed = f"{1 - compiled.report['quantization']['class_agreement']:.1%}"
        bad |= clear_differ > 0
        bad |= trees and bool(differ.any())
    else:
        said, agreed = "-", "-"
        values = wanted.reshape(clear.values.shape)
        bad |= not np.allclose(values, clear.values, rtol=1e-5, atol=1e-6 * np.abs(values).max())
    kept = "exact inputs" if trees else "quantized"
    cells = (name, of, kept, said, agreed, str(int(clipped.sum())), f"{errors.max(initial=0) / span:.2%}", f"{reported / span:.2%}", f"{mismatches} of 20")
    return "| " + " | ".join(cells) + " |", bad


def _clipped(compiled: tenebra.Compiled, X: np.ndarray) -> np.ndarray:
    """Rows beyond the ranges of the calibration rows, of which predictions warn."""
    found = np.zeros(len(X), dtype=bool)
    for row in range(len(X)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            compiled.evaluate(X[row], fhe="simulate")
        found[row] = any(issubclass(each.category, tenebra.ClippingWarning) for each in caught)
    return found


def main() -> int:
    warnings.simplefilter("ignore")
    names = sys.argv[1:] or tenebra.sklearn.__all__
    print(
        "| estimator | data | inputs | other class than the original | reported of the calibration rows | rows that warn of clipping "
        "| largest score error of the others | reported of the calibration rows | encrypted differs |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    failed = False
    for name in names:
        for of, (X, y) in _sets(name).items():
            try:
                line, bad = _row(name, of, X, y)
            except Exception as error:  # The table goes on.
                line, bad = f"| {name} | {of} | {type(error).__name__}: {error} |", True
            failed |= bad
            print(line + (" **bad**" if bad else ""), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
