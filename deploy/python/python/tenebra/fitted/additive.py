"""Explainable boosting machines of `interpret`: tables of one feature, of pairs, and of more, that add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft, several
from tenebra.fitted.trees import LARGEST, Tree

_LINKS = {"identity": "identity", "log": "exp", "logit": "sigmoid", "mlogit": "softmax", "vlogit": "sigmoid_normalized"}


def _machine(estimator: Any) -> Draft:
    link = _LINKS.get(estimator.link_)
    if link is None:
        raise UnsupportedError(f"the link {estimator.link_!r} of an explainable boosting machine is not known", f"known: {', '.join(_LINKS)}")
    outputs = np.size(estimator.intercept_)
    features = _Features(estimator)
    trees = []
    for of, scores in zip(estimator.term_features_, estimator.term_scores_, strict=True):
        table = np.asarray(scores, dtype=np.float64).reshape(*np.shape(scores)[: len(of)], outputs)
        trees.append(table_tree(of, [features.cuts(place, len(of)) for place in of], features.without_unknown(of, table)))
    draft = Draft(
        trees=trees,
        bias=np.ravel(estimator.intercept_).astype(np.float64),
        link=link,
        round_to_f32=False,
        categories=features.words,
        # What the library calls columns without names.
        names=None if all(name == f"feature_{place:04}" for place, name in enumerate(estimator.feature_names_in_)) else estimator.feature_names_in_,
    )
    if hasattr(estimator, "classes_"):
        draft.classes = several(estimator.classes_)
        draft.decision = "threshold" if outputs == 1 else "arg_max"
        draft.probabilities = "values"
    return draft


class _Features:
    """How features fall into bins. Bin 0 is of missing values, the last of what is unknown."""

    def __init__(self, estimator: Any) -> None:
        self._bins = estimator.bins_
        self._names = estimator.feature_names_in_
        #: Of features that are words: these, in the order of their codes.
        self.words: dict[int, list[str]] = {}
        for feature in sorted({feature for term in estimator.term_features_ for feature in term}):
            levels = self._bins[feature]
            if not isinstance(levels[0], dict):
                continue
            if any(sorted(level.values()) != list(range(1, len(level) + 1)) for level in levels) or any(level != levels[0] for level in levels):
                raise UnsupportedError(
                    f"the categories of the feature `{self._names[feature]}` share bins, or have others in pairs", "merge them before fitting"
                )
            self.words[feature] = sorted(levels[0], key=levels[0].__getitem__)

    def cuts(self, feature: int, n_features: int) -> np.ndarray:
        """Where the bins of a term of so many features end: bin `i + 1` begins at cut `i`."""
        if feature in self.words:
            return np.arange(len(self.words[feature]) - 1) + 0.5
        levels = self._bins[feature]
        return np.asarray(levels[min(len(levels), n_features) - 1], dtype=np.float64)

    def without_unknown(self, of: Sequence[int], table: np.ndarray) -> np.ndarray:
        """Without the bins of what is unknown: no number is, and an unknown word counts as a missing value."""
        for axis, feature in enumerate(of):
            last = table.shape[axis] - 1
            missing, unknown = np.take(table, 0, axis=axis), np.take(table, last, axis=axis)
            if feature in self.words and not np.array_equal(missing, unknown):
                raise UnsupportedError(
                    f"the feature `{self._names[feature]}` scores words that it does not know otherwise than missing values",
                    "fit it without missing values, or give them a word",
                )
            table = np.take(table, range(last), axis=axis)
        return table


def table_tree(features: Sequence[int], cuts: Sequence[np.ndarray], table: np.ndarray) -> Tree:
    """A table of bins, `(n_bins of features[0], …, n_outputs)` with missing values in bin 0, as a diagram of decisions.

    Equal parts of the table are one node, and bins that do not differ are not told apart.
    """
    return _Diagram(features, cuts).tree(table)


class _Diagram:
    """Nodes in the making; equal ones are made once."""

    def __init__(self, features: Sequence[int], cuts: Sequence[np.ndarray]) -> None:
        self._features = features
        self._cuts = cuts
        self._places: dict[tuple[Any, ...], int] = {}
        #: Feature, threshold, left, right and values of each.
        self._nodes: list[tuple[int, float, int, int, np.ndarray]] = []

    def tree(self, table: np.ndarray) -> Tree:
        root = self._part(0, table)
        # The root comes first.
        order = np.arange(len(self._nodes))[::-1]
        new = np.argsort(order)
        assert order[0] == root
        nodes = [self._nodes[place] for place in order]
        feature, threshold, left, right, values = (list(part) for part in zip(*nodes, strict=True))
        width = table.shape[-1]
        return Tree(
            feature=np.array(feature),
            threshold=np.array(threshold),
            left=np.array([-1 if place < 0 else new[place] for place in left]),
            right=np.array([-1 if place < 0 else new[place] for place in right]),
            values=np.array([np.zeros(width) if value is None else value for value in values]),
            missing=np.ones(len(nodes), dtype=bool),
            comparison="less",
        )

    def _part(self, axis: int, table: np.ndarray) -> int:
        if axis == len(self._features):
            return self._node(("leaf", table.tobytes()), (0, 0.0, -1, -1, table))
        missing, *bins = (self._part(axis + 1, part) for part in table)
        cuts = [(cut, bins[place + 1]) for place, cut in enumerate(self._cuts[axis]) if bins[place] != bins[place + 1]]
        feature = self._features[axis]
        node = self._between(feature, bins[0], cuts)
        if missing == bins[0]:
            return node
        # No number is below the least, and missing values go left.
        return self._split(feature, -LARGEST, missing, node)

    def _between(self, feature: int, first: int, cuts: list[tuple[float, int]]) -> int:
        if not cuts:
            return first
        middle = len(cuts) // 2
        cut, after = cuts[middle]
        return self._split(feature, cut, self._between(feature, first, cuts[:middle]), self._between(feature, after, cuts[middle + 1 :]))

    def _split(self, feature: int, threshold: float, left: int, right: int) -> int:
        return left if left == right else self._node((feature, threshold, left, right), (feature, threshold, left, right, None))

    def _node(self, key: tuple[Any, ...], node: Any) -> int:
        if key not in self._places:
            self._places[key] = len(self._nodes)
            self._nodes.append(node)
        return self._places[key]


READERS = {"interpret.EBMModel": _machine}
