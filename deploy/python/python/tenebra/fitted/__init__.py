"""Fitted estimators of other libraries as models.

`from_fitted` reads the attributes of an estimator, and then asks both, the estimator and what was made of it, about the same random
rows: what does not agree is refused, whatever the reason.
"""

from __future__ import annotations

from typing import Any

from tenebra._model import Model
from tenebra.errors import ModelError, NotFittedError, UnsupportedError
from tenebra.fitted import refusals
from tenebra.fitted.draft import Draft
from tenebra.fitted.probe import check

__all__ = ["from_fitted"]


def from_fitted(estimator: Any) -> Model:
    """The model of a fitted estimator.

    Takes estimators of scikit-learn whose scores are linear or sums of trees, those of XGBoost, LightGBM, CatBoost
    and interpret (EBM); the package's
    README lists them; and results of statsmodels, whose rows are those that their `predict` takes. The estimator is not changed.

    Args:
        estimator: as its library fitted it, or a `Model`, which is returned.

    Raises:
        UnsupportedError: it does not run encrypted; the message says why.
        NotFittedError: it was not fitted.

    >>> import tenebra
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> tree = DecisionTreeClassifier().fit([[0.0], [1.0], [2.0]], ["low", "low", "high"])
    >>> tenebra.from_fitted(tree)
    <Model DecisionTreeClassifier: forest, 1 features>
    """
    if isinstance(estimator, Model):
        return estimator
    made = read(estimator)
    model = made if isinstance(made, Model) else made.model(estimator)
    check(estimator, model, {} if isinstance(made, Model) else made.constants)
    return model


def read(estimator: Any) -> Draft | Model:
    """What an estimator computes, unchecked."""
    for cls in type(estimator).__mro__:
        name = f"{cls.__module__.split('.')[0]}.{cls.__name__}"
        reader = _readers().get(name)
        if reader is not None:
            _check_fitted(estimator, cls.__name__)
            try:
                return reader(estimator)
            except ModelError:
                raise
            except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
                raise UnsupportedError(
                    f"{cls.__name__} could not be read: {type(error).__name__}: {error}",
                    "is it fitted, and by a version of its library that this package knows?",
                ) from error
        reason = refusals.reason(name)
        if reason is not None:
            raise UnsupportedError(f"{cls.__name__} does not run encrypted: {reason}")
    raise UnsupportedError(
        f"{type(estimator).__name__} is not known", "the package's README lists the estimators that are"
    )


def _readers() -> dict[str, Any]:
    """By library and class; made when first needed, for the modules import each other."""
    global _KNOWN
    if _KNOWN is None:
        from tenebra.fitted import additive, bayes, boosted, calibrated, composed, forests, linear, network, pipeline, several, stacked, statistics

        _KNOWN = {}
        for module in (additive, linear, bayes, forests, boosted, calibrated, composed, network, pipeline, several, stacked, statistics):
            _KNOWN.update(module.READERS)
    return _KNOWN


_KNOWN: dict[str, Any] | None = None


def _check_fitted(estimator: Any, name: str) -> None:
    fitted = getattr(estimator, "__sklearn_is_fitted__", None)
    if fitted is not None:
        known = bool(fitted())
    else:
        known = any(attribute.endswith("_") and not attribute.startswith("_") for attribute in vars(estimator))
        known = known or not hasattr(estimator, "get_params") or hasattr(estimator, "tree_count_")
    if not known:
        raise NotFittedError(f"this {name} is not fitted", "call `fit` first")
