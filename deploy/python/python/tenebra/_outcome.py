"""What a model's scores say, as the library that fitted it would."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tenebra import _tenebra
from tenebra._several import Part, Target, columns, mean_probabilities, weighted_median
from tenebra.errors import ClippingWarning, MessageError, UnsupportedError

_INDEX = np.dtype(np.int64)


class Prediction:
    """What a model says of rows.

    Attributes:
        scores: `(n_rows, n_outputs)`, before the link (`decision_function`).
        values: `(n_rows, n_outputs)`, behind it: predicted numbers or probabilities.
        classes: `(n_rows,)`, index of the predicted class; None of a regression.
        labels: `(n_rows,)`, labels of these classes; of a regression the values.
    """

    def __init__(self, raw: _tenebra.Predictions, labels: np.ndarray | None = None, *, one: bool = False) -> None:
        self._raw = raw
        self._classes_known = labels
        self._one = one

    # Made when they are asked for.
    @cached_property
    def scores(self) -> np.ndarray:
        return np.frombuffer(self._raw.scores).reshape(-1, self._raw.n_outputs)

    @cached_property
    def values(self) -> np.ndarray:
        return np.frombuffer(self._raw.values).reshape(-1, self._raw.n_outputs)

    @cached_property
    def classes(self) -> np.ndarray | None:
        return None if self._raw.classes is None else np.frombuffer(self._raw.classes, _INDEX)

    @cached_property
    def labels(self) -> np.ndarray:
        if self.classes is not None and self._classes_known is not None:
            return self._classes_known[self.classes]
        values = self.values
        return values if self._one or values.shape[1] > 1 else values[:, 0]

    def __reduce__(self) -> tuple[Any, ...]:
        names = ("scores", "values", "classes", "labels")
        return _prediction_of, tuple((name, getattr(self, name)) for name in names)

    def __repr__(self) -> str:
        return f"<Prediction of {len(self)} rows: {self.labels!r}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.scores, dtype=dtype)

    def __len__(self) -> int:
        return len(self.scores)


def _prediction_of(*arrays: tuple[str, Any]) -> Prediction:
    """Of arrays that were pickled."""
    made = Prediction.__new__(Prediction)
    vars(made).update(arrays)
    return made


def label_text(label: Any) -> str:
    """A class label in the files of a model."""
    return str(label.item() if hasattr(label, "item") else label)


@dataclass(frozen=True)
class Readout:
    """How predictions are to be given.

    Attributes:
        classes: class labels in the order of their indices; None of a regression.
        probabilities: whether the values are the classes' probabilities.
        halves: whether the single score of two classes is the difference of their probabilities.
        decision: from scores to those of `decision_function`, a factor; None if those are others.
        isolation: of an isolation forest, its `offset_`.
        offset: of other detectors of outliers, what `score_samples` is above `decision_function`.
        one: whether a single output has a dimension of its own.
        curve: of a classifier whose probability is read off one: scores, ascending, and the probability of the second class at each.
        parts: classifiers whose scores these are; the mean of the probabilities that are made of them decides.
        targets: each with classes and scores of its own.
        indicator: whether targets are labels, each there or not, whose probabilities are those of the second class.
        median: weights of regressions whose scores these are; their median is what is predicted.
    """

    classes: np.ndarray | None = None
    probabilities: bool = False
    halves: bool = False
    decision: float | None = 1.0
    isolation: float | None = None
    offset: float | None = None
    one: bool = False
    curve: tuple[np.ndarray, np.ndarray] | None = None
    parts: tuple[Part, ...] | None = None
    targets: tuple[Target, ...] | None = None
    indicator: bool = False
    median: tuple[float, ...] | None = None

    @staticmethod
    def of_labels(labels: list[str], link: str) -> Readout:
        """Of a model that knows its labels as words: whole numbers are taken for what they are."""
        if not labels:
            return Readout()
        numbers = [label for label in labels if label.lstrip("-").isdecimal() and str(int(label)) == label]
        classes = np.array([int(label) for label in labels] if len(numbers) == len(labels) else labels)
        return Readout(classes=classes, probabilities=link != "identity")

    def with_classes(self, classes: np.ndarray) -> Readout:
        return replace(self, classes=classes)

    def read(self, raw: _tenebra.Predictions) -> Prediction:
        """Arrays of what the extension returns."""
        if raw.clipped is not None:
            warnings.warn(raw.clipped, ClippingWarning, stacklevel=3)
        counts = self._counts()
        if counts is not None:
            if raw.n_outputs != sum(counts):
                raise MessageError(f"the model has {raw.n_outputs} scores, and its predictions are made of {sum(counts)}", "`readout.json` is of another model; without it, predictions are scores")
            return self._of_several(np.frombuffer(raw.scores).reshape(-1, raw.n_outputs), counts)
        return Prediction(raw, self.classes, one=self.one)

    @property
    def decides(self) -> bool:
        """Whether it decides on classes itself, and not as the spec says."""
        return self.parts is not None or self.targets is not None

    def _counts(self) -> list[int] | None:
        """Scores of each of several estimators; None if the client makes nothing of them but what the spec says."""
        if self.median is not None:
            return [1] * len(self.median)
        several = self.targets if self.targets is not None else self.parts
        return None if several is None else [each.n_scores for each in several]

    def _of_several(self, scores: np.ndarray, counts: list[int]) -> Prediction:
        if self.median is not None:
            values = weighted_median(self.median, scores)
            return _prediction_of(("scores", scores), ("values", values[:, None]), ("classes", None), ("labels", values))
        if self.targets is not None:
            decided = [target.decide(own) for target, own in zip(self.targets, columns(counts, scores), strict=True)]
            return _prediction_of(("scores", scores), ("values", scores), ("classes", None), ("labels", np.column_stack(decided)))
        assert self.parts is not None and self.classes is not None
        values = mean_probabilities(self.parts, scores)
        classes = values.argmax(axis=1)
        return _prediction_of(("scores", scores), ("values", values), ("classes", classes), ("labels", self.classes[classes]))

    def labels(self, raw: _tenebra.Predictions) -> np.ndarray:
        """Labels or values alone: of a single row, all the arrays take as long as a part of the encryption."""
        if raw.classes is None or self.classes is None or raw.clipped is not None:
            return self.read(raw).labels
        return self.classes[np.frombuffer(raw.classes, _INDEX)]

    def decision_function(self, prediction: Prediction) -> np.ndarray:
        """As scikit-learn's: one column of two classes, one a class of more."""
        if self.isolation is not None:
            return self.score_samples(prediction) - self.isolation
        if self.indicator:
            return np.array(prediction.scores)
        if self._counts() is not None:
            raise UnsupportedError("what is made of the scores of several estimators has no scores of its own", "use `predict_proba`, or `evaluate` for theirs")
        if self.decision is None:
            raise UnsupportedError("the scores by which this classifier decides are not those of its `decision_function`", "`evaluate` gives scores")
        scores = prediction.scores if self.decision == 1 else self.decision * prediction.scores
        if self.classes is not None and len(self.classes) == 2 and scores.shape[1] == 2:
            return scores[:, 1] - scores[:, 0]
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def score_samples(self, prediction: Prediction) -> np.ndarray:
        """Of a detector of outliers: of an isolation forest the opposite of the anomaly score."""
        if self.offset is not None:
            return self.decision_function(prediction) + self.offset
        if self.isolation is None:
            raise UnsupportedError("only detectors of outliers score samples", "`decision_function` gives scores")
        # Scores are -depth - log2(-offset), so that outliers have those above 0.
        return -np.exp2(np.log2(-self.isolation) + prediction.scores[:, 0])

    def predict_proba(self, prediction: Prediction) -> Any:
        """A probability for each class; of several targets a list of these."""
        if self.targets is not None:
            if any(target.link is None for target in self.targets):
                raise UnsupportedError("the classifier of a target has scores and no probabilities", "`evaluate` gives scores")
            own = columns([target.n_scores for target in self.targets], prediction.scores)
            found = [target.probabilities(each) for target, each in zip(self.targets, own, strict=True)]
            return np.column_stack([each[:, 1] for each in found]) if self.indicator else found
        if self.classes is None:
            raise UnsupportedError("a regression has no probabilities", "use `predict`")
        if not self.probabilities:
            raise UnsupportedError(
                "this classifier has scores and no probabilities", "use `decision_function`"
            )
        if self.parts is not None:
            return np.array(prediction.values)
        if self.curve is not None:
            second = np.interp(prediction.scores, *self.curve)
            return np.hstack([1 - second, second])
        values = (1 + prediction.values) / 2 if self.halves else prediction.values
        return np.hstack([1 - values, values]) if values.shape[1] == 1 else np.array(values)
