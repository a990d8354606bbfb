"""Multi-layer perceptrons."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft, several

_ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "logistic": "logistic", "identity": "identity"}


def _perceptron(estimator: Any) -> Draft:
    activation = _ACTIVATIONS[estimator.activation]
    layers = []
    last = len(estimator.coefs_) - 1
    for place, (weights, bias) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        rows = np.asarray(weights, dtype=np.float64).T
        layers.append(
            {
                "weights": [[[int(j), float(row[j])] for j in np.flatnonzero(row)] for row in rows],
                "scale": [1.0] * len(rows),
                "bias": np.asarray(bias, dtype=np.float64).tolist(),
                "activation": {"name": "identity" if place == last else activation},
            }
        )
    out = estimator.out_activation_
    if not hasattr(estimator, "classes_"):
        if out not in ("identity", "exp"):
            raise UnsupportedError(f"the output activation {out} of a regression is not known", "identity is")
        return Draft(layers=layers, link=out)
    if getattr(estimator._label_binarizer, "y_type_", "").startswith("multilabel"):
        raise UnsupportedError("a classifier of several labels decides for each by itself", "fit one for each label")
    return Draft(
        layers=layers,
        classes=several(estimator.classes_),
        link="sigmoid" if out == "logistic" else "softmax",
        decision="threshold" if out == "logistic" else "arg_max",
        probabilities="values",
    )


READERS = {"sklearn.MLPClassifier": _perceptron, "sklearn.MLPRegressor": _perceptron}
