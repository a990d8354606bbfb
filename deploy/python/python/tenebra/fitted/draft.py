"""A model in the making: the parts of its JSON form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tenebra import _tenebra
from tenebra._model import Model
from tenebra._outcome import Readout, label_text
from tenebra.errors import UnsupportedError
from tenebra.fitted.steps import Steps
from tenebra.fitted.trees import Tree

#: Whose estimators are known.
LIBRARIES = ("sklearn", "xgboost", "lightgbm", "catboost", "interpret", "statsmodels")


@dataclass
class Draft:
    """What an estimator computes: `coef x + intercept`, or `bias` and the sum of trees; then link and decision.

    `outputs` are one a class for `arg_max`, one for `threshold`.
    """

    link: str = "identity"
    decision: str = "none"
    classes: np.ndarray | None = None
    #: What values say of classes: nothing, each its probability, one score from -1 to 1 the difference of two, or where to look
    #: on the curve.
    probabilities: str = "none"
    coef: np.ndarray | None = None
    intercept: np.ndarray | None = None
    trees: list[Tree] = field(default_factory=list)
    bias: np.ndarray | None = None
    round_to_f32: bool = True
    terms: list[dict[str, Any]] | None = None
    layers: list[dict[str, Any]] | None = None
    n_features: int = 0
    #: As `Readout` has them.
    decided: float | None = 1.0
    isolation: float | None = None
    offset: float | None = None
    one: bool = False
    #: Scores, and the probability of the second class at each.
    curve: tuple[np.ndarray, np.ndarray] | None = None
    #: What the client makes of the outputs, which are scores of several estimators, as `Readout` has it.
    several: dict[str, Any] | None = None
    #: Of features whose cells are words, these in the order of their codes; other words count as missing values.
    categories: dict[int, list[str]] = field(default_factory=dict)
    #: Of the features, where the estimator keeps them elsewhere than in `feature_names_in_`.
    names: Any = ()
    #: Features that have the same value in every row; their part of the score is in the intercept.
    constants: dict[int, float] = field(default_factory=dict)
    #: The estimator that was found, or is wrapped, whose name the model takes.
    of: Any = None
    #: What is done to a row before, and which values are the features then.
    steps: Steps | None = None
    features: list[int] = field(default_factory=list)

    def model(self, estimator: Any) -> Model:
        """The model, checked."""
        if not np.all(np.isfinite(self.numbers())):
            raise UnsupportedError(
                f"{_original_name(estimator)} holds numbers that are not finite", "fit it again on finite data"
            )
        fields = self.fields(estimator)
        return Model(_tenebra.Model(json.dumps(fields, allow_nan=False)), self.readout())

    def fields(self, estimator: Any) -> dict[str, Any]:
        """The JSON form."""
        n_features = self.n_features or int(estimator.n_features_in_)
        names = getattr(estimator, "feature_names_in_", None) if self.names == () else self.names
        if names is not None and len(names) != n_features:
            names = None
        if self.steps is not None:
            return behind(self.steps, self.features, names, self._own_fields(estimator, len(self.features), None))
        return self._own_fields(estimator, n_features, names)

    def _own_fields(self, estimator: Any, n_features: int, names: Any) -> dict[str, Any]:
        """Without steps before it."""
        labels = [] if self.classes is None else [label_text(label) for label in self.classes]
        fields: dict[str, Any] = {
            "format": "tenebra-model",
            "version": 1,
            "kind": self._kind(),
            "estimator": _original_name(estimator if self.of is None else self.of),
            "feature_names": None if names is None else [str(name) for name in names],
            "n_features": n_features,
            "inverse_link": self.link,
            "decision": self.decision,
            "classes": labels,
        }
        if self.coef is not None:
            fields["coef"] = np.asarray(self.coef, dtype=np.float64).tolist()
            fields["intercept"] = np.asarray(self.intercept, dtype=np.float64).tolist()
            return fields
        if self.layers is not None:
            fields["layers"] = self.layers
            return fields
        fields["bias"] = np.asarray(self.bias, dtype=np.float64).tolist()
        fields["round_to_f32"] = self.round_to_f32
        if self.terms is not None:
            fields["terms"] = self.terms
        else:
            fields["trees"] = [tree.fields() for tree in self.trees]
            if self.categories:
                fields["categories"] = {str(feature): {"words": words, "others_are_missing": True} for feature, words in self.categories.items()}
        return fields

    def _kind(self) -> str:
        if self.coef is not None:
            return "linear"
        if self.layers is not None:
            return "network"
        return "additive" if self.terms is not None else "forest"

    def numbers(self) -> np.ndarray:
        """What must be finite."""
        if self.coef is not None and self.intercept is not None:
            return np.concatenate([np.ravel(self.coef), np.ravel(self.intercept)])
        if self.bias is None:
            return np.zeros(0)
        return np.concatenate([np.ravel(self.bias), *(np.ravel(tree.values) for tree in self.trees)])

    def readout(self) -> Readout:
        """How its predictions are to be given."""
        if self.several is not None:
            return Readout(**self.several)
        return Readout(
            classes=self.classes,
            probabilities=self.probabilities != "none",
            halves=self.probabilities == "halves",
            decision=self.decided,
            isolation=self.isolation,
            offset=self.offset,
            one=self.one,
            curve=self.curve,
        )


def behind(steps: Steps, features: list[int], names: Any, model: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of a model whose features are values of steps."""
    return {
        "format": "tenebra-model",
        "version": 1,
        "kind": "pipeline",
        "before": steps.before(features, names),
        "model": model,
    }


def classifier(
    scores: tuple[Any, Any], classes: Any, link: str = "identity"
) -> Draft:
    """A linear classifier of `(coef, intercept)`; of two classes with a score each, their difference is one score.

    `link` is that of one score a class: `softmax`, of two classes, is the sigmoid of the difference.
    """
    coef, intercept = (np.asarray(part, dtype=np.float64) for part in scores)
    coef = np.atleast_2d(coef)
    intercept = np.broadcast_to(np.atleast_1d(intercept), (len(coef),))
    classes = several(classes)
    if len(classes) == 2 and len(coef) == 2:
        coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
    binary = len(coef) == 1
    if binary and link in ("softmax", "sigmoid_normalized"):
        link = "sigmoid"
    return Draft(
        coef=coef,
        intercept=np.array(intercept),
        classes=classes,
        link=link,
        decision="threshold" if binary else "arg_max",
        probabilities="none" if link == "identity" else "values",
    )


def several(classes: Any) -> np.ndarray:
    """Class labels, two at least."""
    if isinstance(classes, list) and classes and isinstance(classes[0], np.ndarray):
        raise UnsupportedError(
            "a classifier of several targets decides for each by itself", "MultiOutputClassifier fits one for each"
        )
    labels = np.asarray(classes)
    if len(labels) < 2:
        raise UnsupportedError("the classifier knows a single class", "it predicts that one; there is nothing to encrypt")
    return labels


def _original_name(estimator: Any) -> str:
    """The class that the library has, of a subclass; of statsmodels the model that was fitted."""
    if type(estimator).__module__.startswith("statsmodels."):
        return type(estimator.model).__name__
    for cls in type(estimator).__mro__:
        if cls.__module__.split(".")[0] in LIBRARIES:
            return cls.__name__
    return type(estimator).__name__
