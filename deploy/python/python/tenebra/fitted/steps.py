"""Transformers as steps that the client does to a row before it is encrypted.

Value `n_features + i` of a row is that of step `i`; each step is one function of values before it, as `models/src/pipeline` runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenebra.errors import UnsupportedError

Values = list[int]


class Steps:
    """Steps in the making. Methods that add one return the place of its value."""

    def __init__(self, n_features: int) -> None:
        self.n_features = n_features
        self.steps: list[dict[str, Any]] = []

    def add(self, op: str, **fields: Any) -> int:
        self.steps.append({"op": op, **fields})
        return self.n_features + len(self.steps) - 1

    def affine(self, value: int, center: float, scale: float) -> int:
        return self.add("affine", **{"from": value}, center=float(center), scale=float(scale))

    def square(self, value: int) -> int:
        return self.add("product", left=value, right=value)

    def times(self, value: int, factor: float) -> int:
        return self.add("dot", first=value, weights=[float(factor)])

    def before(self, features: Values, names: Sequence[str] | None) -> dict[str, Any]:
        """As the JSON form has it."""
        return {
            "n_features": self.n_features,
            "feature_names": None if names is None else [str(name) for name in names],
            "steps": self.steps,
            "features": features,
        }


def transform(steps: Steps, name: str, transformer: Any, values: Values) -> Values:
    """The values of a fitted transformer of these values."""
    if transformer is None or transformer == "passthrough":
        return values
    if transformer == "drop":
        return []
    for cls in type(transformer).__mro__:
        known = _KNOWN.get(cls.__name__) if cls.__module__.startswith("sklearn.") else None
        if known is not None:
            return known(steps, name, transformer, values)
    if hasattr(transformer, "get_support"):
        return [values[place] for place in transformer.get_support(indices=True)]
    raise UnsupportedError(
        f"the step `{name}` ({type(transformer).__name__}) is not known",
        f"known: {', '.join(_KNOWN)}, and steps that select features",
    )


def _standard(steps: Steps, name: str, of: Any, values: Values) -> Values:
    centers = np.zeros(len(values)) if of.mean_ is None or not of.with_mean else of.mean_
    scales = np.ones(len(values)) if of.scale_ is None else of.scale_
    return [steps.affine(*each) for each in zip(values, centers, scales, strict=True)]


def _robust(steps: Steps, name: str, of: Any, values: Values) -> Values:
    centers = np.zeros(len(values)) if of.center_ is None else of.center_
    scales = np.ones(len(values)) if of.scale_ is None else of.scale_
    return [steps.affine(*each) for each in zip(values, centers, scales, strict=True)]


def _max_abs(steps: Steps, name: str, of: Any, values: Values) -> Values:
    return [steps.affine(value, 0.0, scale) for value, scale in zip(values, of.scale_, strict=True)]


def _min_max(steps: Steps, name: str, of: Any, values: Values) -> Values:
    # `x * scale + min`, in this order.
    scaled = [steps.times(value, scale) for value, scale in zip(values, of.scale_, strict=True)]
    made = [steps.affine(value, -low, 1.0) for value, low in zip(scaled, of.min_, strict=True)]
    if of.clip:
        low, high = of.feature_range
        made = [steps.add("clip", **{"from": value}, min=float(low), max=float(high)) for value in made]
    return made


def _impute(steps: Steps, name: str, of: Any, values: Values) -> Values:
    if not (isinstance(of.missing_values, float) and np.isnan(of.missing_values)):
        raise UnsupportedError(f"the step `{name}` imputes {of.missing_values!r}", "missing values are nan")
    statistics = np.asarray(of.statistics_)
    if statistics.dtype.kind not in "fiu" or np.isnan(statistics.astype(np.float64)).any():
        raise UnsupportedError(f"the step `{name}` imputes words, or has columns without values", "impute numbers")
    made = [
        steps.add("fill", **{"from": value}, value=float(number)) for value, number in zip(values, statistics, strict=True)
    ]
    if of.indicator_ is not None:
        made += [steps.add("is_missing", **{"from": values[place]}) for place in of.indicator_.features_]
    return made


def _binarize(steps: Steps, name: str, of: Any, values: Values) -> Values:
    cut = float(np.nextafter(of.threshold, np.inf))
    return [steps.add("bins", **{"from": value}, cuts=[cut]) for value in values]


def _discretize(steps: Steps, name: str, of: Any, values: Values) -> Values:
    made: Values = []
    for value, edges in zip(values, of.bin_edges_, strict=True):
        place = steps.add("bins", **{"from": value}, cuts=[float(edge) for edge in edges[1:-1]])
        if of.encode == "ordinal":
            made.append(place)
        else:
            made += [steps.add("equals", **{"from": place}, value=float(bin_)) for bin_ in range(len(edges) - 1)]
    return made


def _one_hot(steps: Steps, name: str, of: Any, values: Values) -> Values:
    if of.handle_unknown == "infrequent_if_exist" or getattr(of, "_infrequent_enabled", False):
        raise UnsupportedError(f"the step `{name}` gathers infrequent categories", "gather them before")
    made: Values = []
    for place, (value, categories) in enumerate(zip(values, of.categories_, strict=True)):
        numbers = _numbers(name, categories)
        if of.handle_unknown == "error":
            # Refuses what was not there when fitting.
            value = steps.add("code", **{"from": value}, categories=numbers, unknown="refuse", missing="refuse")
            numbers = [float(code) for code in range(len(numbers))]
        dropped = None if of.drop_idx_ is None else of.drop_idx_[place]
        made += [
            steps.add("equals", **{"from": value}, value=number) for code, number in enumerate(numbers) if code != dropped
        ]
    return made


def _ordinal(steps: Steps, name: str, of: Any, values: Values) -> Values:
    if of.handle_unknown == "error":
        unknown: Any = "refuse"
    else:
        unknown = "missing" if np.isnan(of.unknown_value) else {"value": float(of.unknown_value)}
    return [
        steps.add("code", **{"from": value}, categories=_numbers(name, categories), unknown=unknown, missing="missing")
        for value, categories in zip(values, of.categories_, strict=True)
    ]


def _numbers(name: str, categories: Any) -> list[float]:
    categories = np.asarray(categories)
    if categories.dtype.kind not in "biuf" or not np.isfinite(categories.astype(np.float64)).all():
        raise UnsupportedError(
            f"the step `{name}` encodes categories that are words or missing", "encode words as numbers before the pipeline"
        )
    return [float(category) for category in categories]


def _power(steps: Steps, name: str, of: Any, values: Values) -> Values:
    if of.method != "yeo-johnson":
        raise UnsupportedError(f"the step `{name}` transforms by the method {of.method!r}", "yeo-johnson is known")
    made = [
        steps.add("power", **{"from": value}, **{"lambda": float(power)})
        for value, power in zip(values, of.lambdas_, strict=True)
    ]
    return _standard(steps, name, of._scaler, made) if of.standardize else made


def _polynomial(steps: Steps, name: str, of: Any, values: Values) -> Values:
    made: Values = []
    for powers in of.powers_:
        factors = [values[place] for place, power in enumerate(powers) for _ in range(power)]
        if not factors:
            made.append(steps.add("constant", value=1.0))
            continue
        product = factors[0]
        for factor in factors[1:]:
            product = steps.add("product", left=product, right=factor)
        made.append(product)
    return made


def _projection(steps: Steps, name: str, of: Any, values: Values) -> Values:
    from tenebra.fitted.linear import _projection as read

    draft = read(of)
    coef, intercept = np.asarray(draft.coef), np.asarray(draft.intercept)
    # A product reads values that stand in a row.
    row = [steps.affine(value, 0.0, 1.0) for value in values]
    sums = [steps.add("dot", first=row[0], weights=weights.tolist()) for weights in coef]
    return [steps.affine(value, -offset, 1.0) for value, offset in zip(sums, intercept, strict=True)]


def _function(steps: Steps, name: str, of: Any, values: Values) -> Values:
    if of.func is not None:
        raise UnsupportedError(f"the step `{name}` is a function of Python", "apply it before the pipeline")
    return values


def _columns(steps: Steps, name: str, of: Any, values: Values) -> Values:
    made: Values = []
    for own, transformer, _ in of.transformers_:
        inputs = [values[place] for place in of._transformer_to_input_indices[own]]
        if len(inputs) > 0:
            made += transform(steps, own, transformer, inputs)
    return made


def _union(steps: Steps, name: str, of: Any, values: Values) -> Values:
    if of.transformer_weights:
        raise UnsupportedError(f"the step `{name}` weighs its transformers", "scale them by themselves")
    return [value for own, each in of.transformer_list for value in transform(steps, own, each, values)]


def _chain(steps: Steps, name: str, of: Any, values: Values) -> Values:
    for own, each in of.steps:
        values = transform(steps, own, each, values)
    return values


_KNOWN: dict[str, Callable[[Steps, str, Any, Values], Values]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "SimpleImputer": _impute,
    "Binarizer": _binarize,
    "KBinsDiscretizer": _discretize,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "PowerTransformer": _power,
    "PolynomialFeatures": _polynomial,
    "PCA": _projection,
    "IncrementalPCA": _projection,
    "TruncatedSVD": _projection,
    "FunctionTransformer": _function,
    "ColumnTransformer": _columns,
    "FeatureUnion": _union,
    "Pipeline": _chain,
}
