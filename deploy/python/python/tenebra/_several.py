"""What a client makes of the scores of several estimators: means of probabilities, votes, classes of several targets, medians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: From a score to a probability: points of a curve, `("isotonic", x, y)`, or `("sigmoid", a, b)` of `1 / (1 + exp(a s + b))`.
Curve = tuple[str, Sequence[float], Sequence[float]]
LINKS = ("identity", "sigmoid", "sigmoid_normalized", "softmax", "halves", "probabilities", "vote")


@dataclass(frozen=True)
class Part:
    """A classifier among several, and what makes probabilities of its scores.

    Attributes:
        n_scores: how many: one of two classes, or one a class.
        link: from scores to what is calibrated: `identity`, `sigmoid`, `softmax`, `halves` of a difference of two probabilities,
            `probabilities`, which they are, or `vote`, 1 for the class that they decide on.
        curves: that calibrate, one a score.
        temperature: that calibrates all scores, inverse: `softmax(temperature * s)`.
        weight: in the mean.
    """

    n_scores: int
    link: str
    curves: Sequence[Curve] | None
    temperature: float | None = None
    weight: float = 1.0

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """One for each class, `(n_rows, n_classes)`."""
        values = _linked(scores, self.link)
        if self.temperature is not None:
            return _softmax(self.temperature * self._logits(values))
        if self.curves is None:
            return _of_all_classes(values)
        found = np.column_stack([_on(curve, values[:, place]) for place, curve in enumerate(self.curves)])
        return _of_all_classes(found) if found.shape[1] == 1 else _normalized(found)

    def _logits(self, values: np.ndarray) -> np.ndarray:
        # As scikit-learn: probabilities by their logarithms, one score of two classes on both sides of 0.
        if self.link == "identity":
            return np.hstack([-values, values]) if values.shape[1] == 1 else values
        return np.log(_of_all_classes(values) + 1e-12)

    def fields(self) -> dict[str, Any]:
        """The JSON form."""
        curves = None if self.curves is None else [[kind, _floats(first), _floats(second)] for kind, first, second in self.curves]
        return {"n_scores": self.n_scores, "link": self.link, "curves": curves, "temperature": self.temperature, "weight": self.weight}

    @staticmethod
    def from_fields(fields: dict[str, Any], n_classes: int) -> Part:
        """Of the JSON form.

        Raises:
            ValueError: it says something else.
        """
        n_scores, link, curves, temperature, weight = (fields[name] for name in ("n_scores", "link", "curves", "temperature", "weight"))
        if n_scores != (1 if n_classes == 2 else n_classes) or link not in LINKS or (link == "identity" and curves is None and temperature is None):
            raise ValueError("scores and link of a classifier do not go together")
        if not is_number(weight) or weight < 0:
            raise ValueError("a weight is no number of at least 0")
        if temperature is not None:
            if not is_number(temperature):
                raise ValueError("the temperature is no number")
            return Part(n_scores, link, None, temperature, weight)
        if curves is None:
            return Part(n_scores, link, None, None, weight)
        if len(curves) != n_scores:
            raise ValueError("there is not one curve a score")
        return Part(n_scores, link, [_checked(*curve) for curve in curves], None, weight)


@dataclass(frozen=True)
class Target:
    """A target among several: its classes, and the scores that decide on one; `link` is as of a `Part`, None if there are no probabilities."""

    classes: np.ndarray
    n_scores: int
    link: str | None

    def decide(self, scores: np.ndarray) -> np.ndarray:
        """Labels."""
        return np.asarray(self.classes[_decided(scores)])

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """One for each class, where there are."""
        assert self.link is not None
        return _of_all_classes(_linked(scores, self.link))


def columns(counts: Sequence[int], scores: np.ndarray) -> list[np.ndarray]:
    """The scores of each of several estimators, which are one beside the other."""
    return np.split(scores, np.cumsum(counts)[:-1], axis=1)


def weighted_median(weights: Sequence[float], values: np.ndarray) -> np.ndarray:
    """Of each row, the first value in order with half of the weight up to it (Drucker 1997, AdaBoost.R2)."""
    order = np.argsort(values, axis=1)
    below = np.cumsum(np.asarray(weights)[order], axis=1)
    place = (below >= 0.5 * below[:, -1:]).argmax(axis=1)
    rows = np.arange(len(values))
    return np.asarray(values[rows, order[rows, place]])


def mean_probabilities(parts: Sequence[Part], scores: np.ndarray) -> np.ndarray:
    """Of classifiers whose scores are one beside the other."""
    own = columns([part.n_scores for part in parts], scores)
    found = [part.weight * part.probabilities(each) for part, each in zip(parts, own, strict=True)]
    return np.asarray(sum(found[1:], start=found[0]) / sum(part.weight for part in parts))


def _on(curve: Curve, values: np.ndarray) -> np.ndarray:
    kind, first, second = curve
    if kind == "isotonic":
        return np.interp(values, first, second)
    return _sigmoid(-(first[0] * values + second[0]))


def _checked(kind: str, first: list[float], second: list[float]) -> Curve:
    numbers = np.array([*first, *second], dtype=np.float64)
    if kind not in ("isotonic", "sigmoid") or len(first) != len(second) or not first or not np.isfinite(numbers).all():
        raise ValueError("a curve is a kind and two lists of numbers")
    if np.any(np.diff(first) < 0):
        raise ValueError("the scores of a curve do not ascend")
    return kind, first, second


def _linked(scores: np.ndarray, link: str) -> np.ndarray:
    if link == "sigmoid":
        return _sigmoid(scores)
    if link == "softmax":
        return _softmax(scores)
    if link == "sigmoid_normalized":
        return _normalized(_sigmoid(scores))
    if link == "vote":
        return np.eye(max(2, scores.shape[1]))[_decided(scores)]
    return (1 + scores) / 2 if link == "halves" else scores


def _decided(scores: np.ndarray) -> np.ndarray:
    return (scores[:, 0] > 0).astype(np.intp) if scores.shape[1] == 1 else scores.argmax(axis=1)


def _of_all_classes(values: np.ndarray) -> np.ndarray:
    return np.hstack([1 - values, values]) if values.shape[1] == 1 else values


def _normalized(values: np.ndarray) -> np.ndarray:
    total = values.sum(axis=1, keepdims=True)
    # No class is likely: all are.
    even = np.full_like(values, 1 / values.shape[1])
    return np.divide(values, total, out=even, where=total != 0)


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a finite number."""
    return type(value) in (int, float) and bool(np.isfinite(value))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * values))


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _floats(values: Sequence[float]) -> list[float]:
    return [float(value) for value in values]
