"""Trees as arrays, and sums of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

#: The largest number: JSON has no infinity, and a split there sends every number left.
LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Tree:
    """Nodes in arrays; node 0 is the root and `left == -1` marks leaves.

    A row goes left where `x <= threshold`; `values` are `(n_nodes, n_outputs)`, of which those of leaves count. `missing` says where
    a missing value goes: `"refused"`, or an array that is true where it goes left.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    values: np.ndarray
    missing: np.ndarray | None = None
    first_output: int = 0
    comparison: str = "less_or_equal"

    def scaled(self, factor: float) -> Tree:
        return replace(self, values=self.values * factor)

    def with_values(self, values: np.ndarray, first_output: int = 0) -> Tree:
        return replace(self, values=values, first_output=first_output)

    def of_features(self, features: Any) -> Tree:
        """Whose features are these of a wider row."""
        feature = np.where(self.left < 0, 0, np.asarray(features)[np.maximum(self.feature, 0)])
        return replace(self, feature=feature)

    def fields(self) -> dict[str, Any]:
        """As the JSON form has it."""
        nodes: list[dict[str, Any]] = []
        thresholds = np.clip(self.threshold, -LARGEST, LARGEST)
        for node in range(len(self.feature)):
            if self.left[node] < 0:
                nodes.append({"leaf": self.values[node].tolist()})
                continue
            missing = "refused"
            if self.missing is not None:
                missing = "left" if self.missing[node] else "right"
            nodes.append(
                {
                    "split": {
                        "feature": int(self.feature[node]),
                        "threshold": float(thresholds[node]),
                        "comparison": self.comparison,
                        "missing": missing,
                        "left": int(self.left[node]),
                        "right": int(self.right[node]),
                    }
                }
            )
        return {"first_output": self.first_output, "nodes": nodes}


def of_sklearn(tree: Any, values: np.ndarray | None = None, *, missing: bool = True) -> Tree:
    """A tree of scikit-learn (`estimator.tree_`), with its own values unless others are given."""
    state = tree.__getstate__()["nodes"]
    directions = None
    if missing and "missing_go_to_left" in (state.dtype.names or ()):
        directions = state["missing_go_to_left"].astype(bool)
    if values is None:
        own = tree.value
        # `(n_nodes, n_outputs, 1)` of regressions, `(n_nodes, 1, n_classes)` of classifiers of one target.
        values = own[:, :, 0] if own.shape[2] == 1 else own[:, 0, :]
    return Tree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        values=np.asarray(values, dtype=np.float64),
        missing=directions,
    )


def one_hot(values: np.ndarray) -> np.ndarray:
    """1 for the first of the largest of a node, 0 elsewhere."""
    hot = np.zeros_like(values)
    hot[np.arange(len(values)), np.argmax(values, axis=1)] = 1.0
    return hot


def spread(values: np.ndarray, columns: np.ndarray, width: int) -> np.ndarray:
    """Values of some classes among those of all."""
    if values.shape[1] == width and np.array_equal(columns, np.arange(width)):
        return values
    wide = np.zeros((len(values), width))
    wide[:, columns] = values
    return wide
