"""Linear estimators of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tenebra._model import Model
from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft, classifier


def _affine(estimator: Any) -> tuple[np.ndarray, np.ndarray]:
    coef = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
    intercept = np.broadcast_to(np.ravel(np.asarray(estimator.intercept_, dtype=np.float64)), (len(coef),))
    return coef, np.array(intercept)


def regression(estimator: Any, link: str = "identity") -> Draft:
    coef, intercept = _affine(estimator)
    one = np.ndim(estimator.coef_) == 2 and len(coef) == 1
    return Draft(coef=coef, intercept=intercept, link=link, one=one)


def _glm(estimator: Any) -> Draft:
    return regression(estimator, "exp")


def _tweedie(estimator: Any) -> Draft:
    identity = estimator.link == "identity" or (estimator.link == "auto" and estimator.power <= 0)
    return regression(estimator, "identity" if identity else "exp")


def _ransac(estimator: Any) -> Draft | Model:
    from tenebra.fitted import read

    return read(estimator.estimator_)


def _pls(estimator: Any) -> Draft:
    # X is centred in `predict`; `coef_` is that of the original scale.
    coef = np.atleast_2d(estimator.coef_)
    intercept = np.ravel(estimator.intercept_) - coef @ estimator._x_mean
    return Draft(coef=coef, intercept=intercept, one=not getattr(estimator, "_predict_1d", False) and len(coef) == 1)


def _logistic(estimator: Any) -> Draft:
    classes = estimator.classes_
    multi = getattr(estimator, "multi_class", "auto")
    if len(classes) == 2 and multi == "multinomial":
        coef, intercept = _affine(estimator)
        # Softmax of the scores -d and d.
        return classifier((2 * coef, 2 * intercept), classes, "softmax")
    rest = multi == "ovr" or estimator.solver == "liblinear"
    return classifier(_affine(estimator), classes, "sigmoid_normalized" if rest else "softmax")


def _scores(estimator: Any) -> Draft:
    return classifier(_affine(estimator), estimator.classes_)


def _ridge_classifier(estimator: Any) -> Draft:
    if getattr(estimator._label_binarizer, "y_type_", "").startswith("multilabel"):
        raise UnsupportedError("a classifier of several labels decides for each by itself", "fit one for each label")
    return _scores(estimator)


def _sgd(estimator: Any) -> Draft:
    link = "sigmoid_normalized" if estimator.loss == "log_loss" else "identity"
    return classifier(_affine(estimator), estimator.classes_, link)


def _discriminant(estimator: Any) -> Draft:
    return classifier(_affine(estimator), estimator.classes_, "softmax")


def _kernel_machine(estimator: Any) -> None:
    if estimator.kernel != "linear":
        raise UnsupportedError(
            f"{type(estimator).__name__} with the kernel {estimator.kernel!r} compares rows with its support vectors, "
            "of which only the linear kernel is a linear score",
            'fit it with `kernel="linear"`',
        )


def _svc(estimator: Any) -> Draft:
    _kernel_machine(estimator)
    if len(estimator.classes_) > 2:
        raise UnsupportedError(
            f"{type(estimator).__name__} of {len(estimator.classes_)} classes lets pairs of classes vote, which is no sum of scores",
            "LinearSVC, or OneVsRestClassifier around it, has a score for each class",
        )
    return classifier((_dense(estimator.coef_), estimator.intercept_), estimator.classes_)


def _svr(estimator: Any) -> Draft:
    _kernel_machine(estimator)
    return Draft(coef=np.atleast_2d(_dense(estimator.coef_)), intercept=np.ravel(estimator.intercept_))


def _one_class(estimator: Any) -> Draft:
    _kernel_machine(estimator)
    draft = classifier((_dense(estimator.coef_), _above(np.ravel(estimator.intercept_))), np.array([-1, 1]))
    return replace(draft, offset=float(np.ravel(estimator.offset_)[0]))


def _sgd_one_class(estimator: Any) -> Draft:
    draft = classifier((estimator.coef_, _above(-np.ravel(estimator.offset_))), np.array([-1, 1]))
    return replace(draft, offset=float(np.ravel(estimator.offset_)[0]))


def _above(intercept: np.ndarray) -> np.ndarray:
    """A score of 0 is an inlier: the least that makes it one above 0."""
    return np.nextafter(intercept, np.inf)


def _dense(coef: Any) -> np.ndarray:
    return np.asarray(coef.toarray() if hasattr(coef, "toarray") else coef)


def _centroid(estimator: Any) -> Draft:
    if estimator.metric != "euclidean":
        raise UnsupportedError(
            f"NearestCentroid with the metric {estimator.metric!r} has no linear score",
            'fit it with `metric="euclidean"`',
        )
    centroids = np.asarray(estimator.centroids_, dtype=np.float64)
    # Since scikit-learn 1.6.
    priors = np.asarray(getattr(estimator, "class_prior_", np.full(len(centroids), 1 / len(centroids))))
    if np.isclose(priors, 1 / len(priors)).all():
        # |x - c|^2 but for |x|^2, which all classes share, and times -1/2; scores and probabilities are of scaled features, and others.
        return replace(classifier((centroids, -0.5 * (centroids**2).sum(axis=1)), estimator.classes_), decided=None)
    deviation = np.where(estimator.within_class_std_dev_ != 0, estimator.within_class_std_dev_, 1.0)
    scaled = centroids / deviation
    intercept = 2 * np.log(priors) - (scaled**2).sum(axis=1)
    draft = classifier((2 * scaled / deviation, intercept), estimator.classes_, "softmax")
    # Of more than two classes, but for the length of a row.
    return draft if len(priors) == 2 else replace(draft, decided=None)


def _kmeans(estimator: Any) -> Draft:
    centers = np.asarray(estimator.cluster_centers_, dtype=np.float64)
    if len(centers) < 2:
        raise UnsupportedError("there is a single cluster", "every row belongs to it")
    return classifier((centers, -0.5 * (centers**2).sum(axis=1)), np.arange(len(centers), dtype=np.int32))


def _projection(estimator: Any) -> Draft:
    components = np.asarray(estimator.components_, dtype=np.float64)
    mean = np.asarray(getattr(estimator, "mean_", np.zeros(components.shape[1])), dtype=np.float64)
    scale = np.ones(len(components))
    if getattr(estimator, "whiten", False):
        scale = 1 / np.maximum(np.sqrt(estimator.explained_variance_), np.finfo(np.float64).eps)
    coef = components * scale[:, None]
    return Draft(coef=coef, intercept=-coef @ mean, one=True)


READERS: dict[str, Callable[[Any], Draft | Model]] = {
    f"sklearn.{name}": reader
    for names, reader in [
        (
            "LinearRegression Ridge RidgeCV Lasso LassoCV ElasticNet ElasticNetCV Lars LarsCV LassoLars LassoLarsCV LassoLarsIC "
            "OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV BayesianRidge ARDRegression HuberRegressor TheilSenRegressor "
            "QuantileRegressor MultiTaskLasso MultiTaskLassoCV MultiTaskElasticNet MultiTaskElasticNetCV LinearSVR SGDRegressor "
            "PassiveAggressiveRegressor",
            regression,
        ),
        ("PoissonRegressor GammaRegressor", _glm),
        ("TweedieRegressor", _tweedie),
        ("RANSACRegressor", _ransac),
        ("PLSRegression PLSCanonical CCA", _pls),
        ("LogisticRegression LogisticRegressionCV", _logistic),
        ("RidgeClassifier RidgeClassifierCV", _ridge_classifier),
        ("LinearSVC Perceptron PassiveAggressiveClassifier", _scores),
        ("SGDClassifier", _sgd),
        ("LinearDiscriminantAnalysis", _discriminant),
        ("NearestCentroid", _centroid),
        ("SVC NuSVC", _svc),
        ("SVR NuSVR", _svr),
        ("OneClassSVM", _one_class),
        ("SGDOneClassSVM", _sgd_one_class),
        ("KMeans MiniBatchKMeans", _kmeans),
        ("PCA IncrementalPCA TruncatedSVD", _projection),
    ]
    for name in names.split()
}
