"""Any model of few features, as the table of what it says at every combination of their codes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tenebra import _tenebra
from tenebra._model import Model
from tenebra._outcome import Readout, label_text
from tenebra._rows import matrix
from tenebra.errors import InputError, UnsupportedError

#: Most bits of the codes of all features together.
MAX_BITS = 20
#: Most numbers of a table.
MAX_VALUES = 1 << 22
#: Points that are evaluated at a time.
_BATCH = 4096


def tabulate(
    model: Any,
    X: ArrayLike | Any,
    n_bits: int = 5,
    *,
    progress: Callable[[int, int], object] | None = None,
) -> Model:
    """The table of a model over a grid: kernel machines, nearest neighbours, Gaussian processes, whatever predicts.

    Every feature is rounded to one of at most `2**n_bits` levels, and the model asked at every combination of them. Encrypted, that is
    one table, looked up by the joint code: some 10 ms at 15 bits together, doubling with each bit.

    Args:
        model: a fitted estimator with `predict` (and `predict_proba` or `decision_function`, if the class follows it), or a function from
            an array `(n_rows, n_features)` to numbers `(n_rows,)` or `(n_rows, n_outputs)`, or to labels that are strings or truth values.
        X: rows like those that will be scored. Features with at most `2**n_bits` values have these as levels; others have levels
            near their values, with the least squared distance.
        n_bits: bits of a feature's code, 1 to 16; all features together have 20 at most.
        progress: called with the points that are done, and of how many.

    >>> import numpy as np
    >>> import tenebra
    >>> X = np.random.default_rng(0).uniform(0, 4, size=(300, 2))
    >>> model = tenebra.tabulate(lambda X: np.sin(X[:, 0]) * X[:, 1], X, n_bits=4)
    >>> compiled = model.compile(X)
    >>> bool((compiled.predict(X[:3], fhe="execute") == compiled.predict(X[:3], fhe="simulate")).all())
    True
    """
    rows = matrix(X)
    values = np.frombuffer(rows.data).reshape(-1, rows.n_columns)
    if not 1 <= n_bits <= 16:
        raise InputError(f"n_bits is {n_bits}", "it must be 1 to 16")
    axes = [_Axis(column, n_bits, place) for place, column in enumerate(values.T)]
    _check_bits(axes)
    function, classes = _scores(model, rows.names)
    points = int(np.prod([len(axis.levels) for axis in axes]))
    known = list(_evaluated(function, axes, points, progress))
    outcome = _Outcome.of(known, classes)
    if points * outcome.scores.shape[1] > MAX_VALUES:
        raise UnsupportedError(f"{points} points of {outcome.scores.shape[1]} scores are more than {MAX_VALUES} numbers", "take fewer bits")
    readout = Readout(classes=outcome.classes, probabilities=outcome.probabilities, halves=outcome.halves)
    return Model(_tenebra.Model(_json(model, axes, outcome, rows.names)), readout)


class _Axis:
    """The levels of a feature, and the cuts between them."""

    def __init__(self, column: np.ndarray, n_bits: int, place: int) -> None:
        if not np.all(np.isfinite(column)):
            raise InputError(f"column {place + 1} has values that are missing or not finite", "tabulated models need numbers")
        most = 1 << n_bits
        self.levels = np.unique(column)
        if len(self.levels) > most:
            self.levels = _least_squares(np.sort(column), most)
        self.cuts = self.levels[:-1] / 2 + self.levels[1:] / 2

    @property
    def bits(self) -> int:
        return (len(self.levels) - 1).bit_length()


def _least_squares(values: np.ndarray, most: int) -> np.ndarray:
    """Levels from which sorted values have the least squared distance, about: the quantizer of Lloyd 1982 (method I), from levels between
    those of equal steps and those of equal shares."""
    shares = (np.arange(most) + 0.5) / most
    levels = (values[0] + (values[-1] - values[0]) * shares) / 2 + np.quantile(values, shares) / 2
    for _ in range(100):
        ends = np.searchsorted(values, levels[:-1] / 2 + levels[1:] / 2)
        counts = np.diff(ends, prepend=0, append=len(values))
        sums = np.diff(np.concatenate([[0.0], np.cumsum(values)])[np.concatenate([[0], ends, [len(values)]])])
        following = np.where(counts > 0, sums / np.maximum(counts, 1), levels)
        if np.array_equal(following, levels):
            break
        levels = following
    return np.unique(levels)


def _check_bits(axes: list[_Axis]) -> None:
    joint = sum(axis.bits for axis in axes)
    if joint <= MAX_BITS:
        return
    of_each = ", ".join(str(axis.bits) for axis in axes[:8]) + (", ..." if len(axes) > 8 else "")
    raise UnsupportedError(
        f"the codes of the features have {joint} bits together ({of_each}): 2^{joint} entries, at least"
        f" {16e-6 * 2.0**joint:.0f} MB and {2e-5 * 2.0**joint:.0f} ms a query; up to {MAX_BITS} bits are tabulated",
        "take fewer bits, or fewer features",
    )


#: Scores by name, and labels, of rows.
_Found = tuple[dict[str, np.ndarray], "np.ndarray | None"]


def _scores(model: Any, names: list[str] | None) -> tuple[Callable[[np.ndarray], _Found], Any]:
    """What to ask of rows, and the classes, if the model has some."""
    classes = getattr(model, "classes_", None)
    if not hasattr(model, "predict"):
        if not callable(model):
            raise UnsupportedError(f"{type(model).__name__} has no `predict` and is no function", "give a fitted estimator or a function")
        return (lambda X: ({"values": np.asarray(model(X))}, None)), None

    def framed(X: np.ndarray) -> Any:
        if names is None or getattr(model, "feature_names_in_", None) is None:
            return X
        import pandas

        return pandas.DataFrame(X, columns=names)

    def asked(X: np.ndarray) -> _Found:
        X = framed(X)
        labels = np.asarray(model.predict(X))
        if classes is None:
            return {"values": labels}, None
        scores = {}
        for name in ("predict_proba", "decision_function"):
            # Such as an SVC without probabilities.
            if hasattr(model, name):
                scores[name] = np.asarray(getattr(model, name)(X))
        return scores, labels

    return asked, classes


def _evaluated(
    function: Callable[[np.ndarray], _Found], axes: list[_Axis], points: int, progress: Callable[[int, int], object] | None
) -> Iterator[_Found]:
    for first in range(0, points, _BATCH):
        places = np.arange(first, min(first + _BATCH, points))
        columns = []
        rest = places
        for axis in axes:
            columns.append(axis.levels[rest % len(axis.levels)])
            rest = rest // len(axis.levels)
        yield function(np.column_stack(columns))
        if progress is not None:
            progress(int(places[-1]) + 1, points)


class _Outcome:
    """Scores of all points, and how they decide."""

    def __init__(self, scores: np.ndarray, decision: str = "none", classes: Any = None, *, probabilities: bool = False, halves: bool = False) -> None:
        self.scores = np.asarray(scores, dtype=np.float64).reshape(len(scores), -1)
        if not np.all(np.isfinite(self.scores)):
            raise UnsupportedError("the model gives numbers that are not finite", "give rows that it can score, or fewer levels")
        self.decision = decision
        self.classes = classes
        self.probabilities = probabilities
        self.halves = halves

    @staticmethod
    def of(found: list[_Found], classes: Any) -> _Outcome:
        names = found[0][0]
        scores = {name: np.concatenate([part[name] for part, _ in found]) for name in names}
        if found[0][1] is None:
            return _Outcome._of_values(scores["values"])
        labels = np.concatenate([labels for _, labels in found if labels is not None])
        classes = np.asarray(classes)
        if labels.ndim != 1 or classes.ndim != 1:
            raise UnsupportedError("the model predicts several labels", "tabulate one model for each")
        places = np.searchsorted(classes, labels)
        if "predict_proba" in scores and np.array_equal(np.argmax(scores["predict_proba"], axis=1), places):
            shares = scores["predict_proba"]
            if shares.shape[1] == 2:
                return _Outcome(shares[:, 1] - shares[:, 0], "threshold", classes, probabilities=True, halves=True)
            return _Outcome(shares, "arg_max", classes, probabilities=True)
        if "decision_function" in scores:
            margin = scores["decision_function"]
            if margin.ndim == 1 and np.array_equal(margin > 0, places == 1):
                return _Outcome(margin, "threshold", classes)
            if margin.ndim == 2 and margin.shape[1] == len(classes) and np.array_equal(np.argmax(margin, axis=1), places):
                return _Outcome(margin, "arg_max", classes)
        return _Outcome._of_labels(classes, places)

    @staticmethod
    def _of_values(values: np.ndarray) -> _Outcome:
        if values.ndim not in (1, 2):
            raise UnsupportedError(f"the model gives an array of {values.ndim} dimensions", "numbers or labels of rows are needed")
        if values.dtype.kind in "OUSb":
            classes, places = np.unique(values.ravel(), return_inverse=True)
            return _Outcome._of_labels(classes, places)
        return _Outcome(values)

    @staticmethod
    def _of_labels(classes: np.ndarray, places: np.ndarray) -> _Outcome:
        if len(classes) == 1:
            raise UnsupportedError("the model predicts one class alone", "there is nothing to compute")
        if len(classes) == 2:
            return _Outcome(np.where(places == 1, 1.0, -1.0), "threshold", classes)
        return _Outcome(np.eye(len(classes))[places], "arg_max", classes)


def _json(model: Any, axes: list[_Axis], outcome: _Outcome, names: list[str] | None) -> str:
    """The JSON form of a forest of one tree, whose leaves are the points."""

    estimator = getattr(model, "__name__", "function") if not hasattr(model, "predict") else type(model).__name__
    fields = {
        "format": "tenebra-model",
        "version": 1,
        "kind": "forest",
        "estimator": f"tabulated {estimator}",
        "feature_names": names,
        "n_features": len(axes),
        "inverse_link": "identity",
        "decision": outcome.decision,
        "classes": [] if outcome.classes is None else [label_text(label) for label in outcome.classes],
        "bias": [0.0] * outcome.scores.shape[1],
        "round_to_f32": False,
    }
    nodes: list[str] = []
    _grow(nodes, axes, [(0, len(axis.levels)) for axis in axes], outcome.scores)
    head = json.dumps(fields, allow_nan=False)
    return f'{head[:-1]}, "trees": [{{"first_output": 0, "nodes": [{",".join(nodes)}]}}]}}'


def _grow(nodes: list[str], axes: list[_Axis], ranges: list[tuple[int, int]], scores: np.ndarray) -> int:
    """Adds the subtree of the points in these ranges of levels, no deeper than codes have bits; its root's place."""
    place = len(nodes)
    open_axes = [feature for feature, (low, high) in enumerate(ranges) if high - low > 1]
    if not open_axes:
        index = 0
        for (low, _), axis in zip(reversed(ranges), reversed(axes), strict=True):
            index = index * len(axis.levels) + low
        nodes.append(f'{{"leaf": {scores[index].tolist()}}}')
        return place
    feature = open_axes[-1]
    nodes.append("")
    low, high = ranges[feature]
    middle = (low + high) // 2
    ranges[feature] = (low, middle)
    left = _grow(nodes, axes, ranges, scores)
    ranges[feature] = (middle, high)
    right = _grow(nodes, axes, ranges, scores)
    ranges[feature] = (low, high)
    cut = float(axes[feature].cuts[middle - 1])
    nodes[place] = (
        f'{{"split": {{"feature": {feature}, "threshold": {cut!r}, "comparison": "less", "missing": "refused",'
        f' "left": {left}, "right": {right}}}}}'
    )
    return place
