"""Estimators that do not run encrypted, each with the reason."""

from __future__ import annotations

_NEIGHBOURS = "it compares a row with all rows that it was fitted on, which the server would have to do encrypted for each"
_KERNEL = "it compares a row with the rows that it was fitted on, by a kernel that is not linear"
_CHAIN = "each of its estimators reads the decision of the one before, which is known where it is decrypted"

_REASONS = {
    "KNeighborsClassifier KNeighborsRegressor RadiusNeighborsClassifier RadiusNeighborsRegressor LocalOutlierFactor": _NEIGHBOURS,
    "GaussianProcessClassifier GaussianProcessRegressor KernelRidge LabelPropagation LabelSpreading": _KERNEL,
    "QuadraticDiscriminantAnalysis": "its scores are products of features, and there is no scheme for those yet; LinearDiscriminantAnalysis is linear",
    "ClassifierChain RegressorChain": _CHAIN,
    "OneVsOneClassifier OutputCodeClassifier": "pairs of classes vote, which is no sum of scores; OneVsRestClassifier has a score for each class",
    "DummyClassifier DummyRegressor": "it does not look at its features; there is nothing to encrypt",
    "IsotonicRegression": "it is a function of one feature that interpolates; a tree of that feature steps",
    "TransformedTargetRegressor": "what it does to the target is a function of Python; compile its `regressor_` and apply the inverse to what it predicts",
    "FixedThresholdClassifier TunedThresholdClassifierCV": "compile its `estimator_` and apply the threshold to its scores",
    "BisectingKMeans": "it walks down a tree of pairs of centers, each decided for itself; KMeans takes the nearest of all",
    "BernoulliRBM MultinomialHMM": "its hidden units are functions of sums",
}


def reason(name: str) -> str | None:
    """Why `library.Class` is refused, if it is known."""
    library, _, cls = name.partition(".")
    if library != "sklearn":
        return None
    return next((why for names, why in _REASONS.items() if cls in names.split()), None)
