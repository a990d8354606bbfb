"""Calibrated classifiers: what a client makes of their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: From a score to a probability: points of a curve, `("isotonic", x, y)`, or `("sigmoid", a, b)` of `1 / (1 + exp(a s + b))`.
Curve = tuple[str, Sequence[float], Sequence[float]]
LINKS = ("identity", "sigmoid", "softmax", "halves", "probabilities")


@dataclass(frozen=True)
class Calibrated:
    """A classifier, and what makes probabilities of its scores.

    Attributes:
        n_scores: how many: one of two classes, or one a class.
        link: from scores to what is calibrated: `identity`, `sigmoid`, `softmax`, `halves` of a difference of two probabilities, or
            `probabilities`, which they are.
        curves: one a score; None where `temperature` is given.
        temperature: of all scores, inverse: `softmax(temperature * s)`.
    """

    n_scores: int
    link: str
    curves: Sequence[Curve] | None
    temperature: float | None = None

    def probabilities(self, scores: np.ndarray) -> np.ndarray:
        """One for each class, `(n_rows, n_classes)`."""
        values = _linked(scores, self.link)
        if self.temperature is not None:
            return _softmax(self.temperature * self._logits(values))
        assert self.curves is not None
        found = np.column_stack([_on(curve, values[:, place]) for place, curve in enumerate(self.curves)])
        if found.shape[1] == 1:
            return np.hstack([1 - found, found])
        total = found.sum(axis=1, keepdims=True)
        # No class is likely: all are.
        even = np.full_like(found, 1 / found.shape[1])
        return np.divide(found, total, out=even, where=total != 0)

    def _logits(self, values: np.ndarray) -> np.ndarray:
        # As scikit-learn: probabilities by their logarithms, one score of two classes on both sides of 0.
        if self.link == "identity":
            return np.hstack([-values, values]) if values.shape[1] == 1 else values
        both = np.hstack([1 - values, values]) if values.shape[1] == 1 else values
        return np.log(both + 1e-12)

    def fields(self) -> dict[str, Any]:
        """The JSON form."""
        curves = None if self.curves is None else [[kind, _floats(first), _floats(second)] for kind, first, second in self.curves]
        return {"n_scores": self.n_scores, "link": self.link, "curves": curves, "temperature": self.temperature}

    @staticmethod
    def from_fields(fields: dict[str, Any], n_classes: int) -> Calibrated:
        """Of the JSON form.

        Raises:
            ValueError: it says something else.
        """
        n_scores, link, curves, temperature = (fields[name] for name in ("n_scores", "link", "curves", "temperature"))
        if n_scores != (1 if n_classes == 2 else n_classes) or link not in LINKS:
            raise ValueError("scores and link of a calibrated classifier do not go together")
        if temperature is not None:
            if type(temperature) is not float or not np.isfinite(temperature):
                raise ValueError("the temperature is no number")
            return Calibrated(n_scores, link, None, temperature)
        if len(curves) != n_scores:
            raise ValueError("there is not one curve a score")
        return Calibrated(n_scores, link, [_checked(*curve) for curve in curves])


def mean_probabilities(parts: Sequence[Calibrated], scores: np.ndarray) -> np.ndarray:
    """Of classifiers whose scores are one beside the other."""
    ends = np.cumsum([part.n_scores for part in parts])
    found = [part.probabilities(own) for part, own in zip(parts, np.split(scores, ends[:-1], axis=1), strict=True)]
    return np.asarray(sum(found[1:], start=found[0]) / len(parts))


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
    return (1 + scores) / 2 if link == "halves" else scores


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * values))


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _floats(values: Sequence[float]) -> list[float]:
    return [float(value) for value in values]
