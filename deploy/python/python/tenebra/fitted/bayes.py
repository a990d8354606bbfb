"""Naive Bayes: the log-likelihoods of the features add up."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenebra.fitted.draft import Draft, classifier, several
from tenebra.fitted.steps import Steps


def _counts(estimator: Any) -> Draft:
    return classifier((estimator.feature_log_prob_, estimator.class_log_prior_), estimator.classes_, "softmax")


def _complement(estimator: Any) -> Draft:
    coef = estimator.feature_log_prob_
    return classifier((coef, np.zeros(len(coef))), estimator.classes_, "softmax")


def _bernoulli(estimator: Any) -> Draft:
    present = np.asarray(estimator.feature_log_prob_)
    absent = np.log1p(-np.exp(present))
    if estimator.binarize is None:
        scores = present - absent, estimator.class_log_prior_ + absent.sum(axis=1)
        return classifier(scores, estimator.classes_, "softmax")
    # 1 where x is above the threshold: a step.
    cut = float(np.nextafter(estimator.binarize, np.inf))
    tables = [np.stack([absent[:, j], present[:, j]]) for j in range(present.shape[1])]
    return _additive(estimator, [[cut]] * len(tables), tables)


def _categorical(estimator: Any) -> Draft:
    tables = [np.asarray(table).T for table in estimator.feature_log_prob_]
    cuts = [[code - 0.5 for code in range(1, len(table))] for table in tables]
    draft = _additive(estimator, cuts, tables)
    # Categories that it does not know are refused, as the original refuses them.
    draft.n_features = len(tables)
    draft.steps = Steps(draft.n_features)
    for feature, table in enumerate(tables):
        known = [float(code) for code in range(len(table))]
        draft.features.append(draft.steps.add("code", **{"from": feature}, categories=known, unknown="refuse", missing="refuse"))
    return draft


def _additive(estimator: Any, cuts: list[list[float]], tables: list[np.ndarray]) -> Draft:
    """Steps of each feature, `(n_steps, n_classes)`; of two classes the difference."""
    classes = several(estimator.classes_)
    bias = np.asarray(estimator.class_log_prior_)
    binary = len(classes) == 2
    if binary:
        tables = [table[:, 1:] - table[:, :1] for table in tables]
        bias = bias[1:] - bias[:1]
    terms = [
        {"feature": feature, "cuts": cut, "values": table.tolist()}
        for feature, (cut, table) in enumerate(zip(cuts, tables, strict=True))
    ]
    return Draft(
        terms=terms,
        bias=bias,
        round_to_f32=False,
        classes=classes,
        link="sigmoid" if binary else "softmax",
        decision="threshold" if binary else "arg_max",
        probabilities="values",
    )


def gaussian(estimator: Any, of: Any = None) -> Draft:
    """The draft; with `of`, its features are centered and scaled as those of that one."""
    variance, mean = np.asarray(estimator.var_), np.asarray(estimator.theta_)
    prior = np.log(estimator.class_prior_)
    if of is None and np.allclose(variance, variance[0], rtol=1e-9, atol=0):
        return classifier((mean / variance, prior - 0.5 * (mean**2 / variance).sum(axis=1)), estimator.classes_, "softmax")
    # Quadratic in each feature: linear in z = (x - center) / scale and z^2, which the client computes.
    center, scale = _frame(estimator if of is None else of)
    n_features = mean.shape[1]
    steps = Steps(n_features)
    scaled = [steps.affine(*each) for each in zip(range(n_features), center, scale, strict=True)]
    squares = [steps.square(value) for value in scaled]
    coef = np.hstack([scale * (mean - center) / variance, -0.5 * scale**2 / variance])
    constant = -0.5 * ((mean - center) ** 2 / variance + np.log(2 * np.pi * variance)).sum(axis=1)
    draft = classifier((coef, prior + constant), estimator.classes_, "softmax")
    draft.steps, draft.features, draft.n_features = steps, scaled + squares, n_features
    return draft


def _frame(estimator: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each feature, whatever the class."""
    center = estimator.class_prior_ @ estimator.theta_
    return center, np.sqrt(estimator.class_prior_ @ (estimator.var_ + (estimator.theta_ - center) ** 2))


READERS = {
    "sklearn.MultinomialNB": _counts,
    "sklearn.ComplementNB": _complement,
    "sklearn.BernoulliNB": _bernoulli,
    "sklearn.CategoricalNB": _categorical,
    "sklearn.GaussianNB": gaussian,
}
