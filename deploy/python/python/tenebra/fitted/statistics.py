"""Results of statsmodels that predict by a linear score."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenebra._outcome import Readout
from tenebra.errors import UnsupportedError
from tenebra.fitted.draft import Draft, classifier
from tenebra.fitted.steps import Steps

#: By model, the inverse link; None of those that say their own.
_LINKS = {
    **dict.fromkeys(("OLS", "WLS", "GLS", "GLSAR", "RLM", "QuantReg"), "identity"),
    **dict.fromkeys(("Poisson", "NegativeBinomial", "NegativeBinomialP", "GeneralizedPoisson"), "exp"),
    "Logit": "sigmoid",
    "MNLogit": "softmax",
    "GLM": None,
    "GEE": None,
}
_LINKS_OF_FAMILIES = {"Identity": "identity", "Log": "exp", "Logit": "sigmoid"}


def _results(results: Any) -> Draft:
    """Rows are those that `predict` takes, a column of ones with them; of a formula its variables."""
    model = results.model
    kind = next((cls.__name__ for cls in type(model).__mro__ if cls.__name__ in _LINKS), None)
    if kind is None or type(model).__name__ not in _LINKS:
        raise UnsupportedError(
            f"{type(model).__name__} of statsmodels does not predict by one linear score and a link that is known",
            f"known: {', '.join(_LINKS)}",
        )
    link = _LINKS[kind] or _link_of_family(model)
    for name in ("offset", "exposure"):
        if getattr(model, name, None) is not None and np.any(getattr(model, name)):
            raise UnsupportedError(f"the {kind} of statsmodels was fitted with an `{name}`, which rows do not have", "fit it without, or as a feature")
    width = np.shape(model.exog)[1]
    params = np.asarray(results.params, dtype=np.float64)[:width].reshape(width, -1)
    terms = _Terms(model, width)
    coef, intercept = terms.scores(params.T)
    if kind == "MNLogit":
        names = [str(model._ynames_map[place]) for place in sorted(model._ynames_map)]
        classes = Readout.of_labels(names, "softmax").classes
        # The first class is the one that others are compared with: its score is 0.
        draft = classifier((np.vstack([np.zeros(coef.shape[1]), coef]), np.append(0.0, intercept)), classes, "softmax")
    else:
        draft = Draft(coef=coef, intercept=intercept, link=link)
    draft.steps, draft.features = terms.steps, terms.features
    draft.n_features, draft.names, draft.constants = terms.n_features, terms.names, terms.constants
    return draft


def _link_of_family(model: Any) -> str:
    name = type(model.family.link).__name__
    if name not in _LINKS_OF_FAMILIES:
        raise UnsupportedError(
            f"the link {name} of statsmodels is not known", f"known: {', '.join(_LINKS_OF_FAMILIES)}; all run with another link"
        )
    return _LINKS_OF_FAMILIES[name]


class _Terms:
    """What the columns of a model's design are made of."""

    def __init__(self, model: Any, width: int) -> None:
        self._constant = model.data.const_idx
        self.steps: Steps | None = None
        self.features: list[int] = []
        #: Features that are always the same.
        self.constants: dict[int, float] = {}
        frame = getattr(model.data, "frame", None) if getattr(model, "formula", None) is not None else None
        if frame is None:
            self._terms = [[place] for place in range(width)]
            self.n_features = width
            named = hasattr(model.data.orig_exog, "columns")
            self.names = [str(name) for name in model.data.orig_exog.columns] if named else None
            if self._constant is not None:
                self.constants = {int(self._constant): float(np.asarray(model.exog)[0, self._constant])}
            return
        products = [[] if name == "Intercept" else name.split(":") for name in model.exog_names]
        for name in (name for product in products for name in product):
            if name not in frame.columns:
                raise UnsupportedError(
                    f"the term `{name}` of the formula {model.formula!r} is not a column of numbers",
                    "formulas of columns and their products run; compute others before, as columns",
                )
        self.names = sorted({name for product in products for name in product}, key=list(frame.columns).index)
        self.n_features = len(self.names)
        self._terms = [[self.names.index(name) for name in product] for product in products]
        if any(len(term) > 1 for term in self._terms):
            self._multiply()

    def _multiply(self) -> None:
        """The client multiplies."""
        self.steps = Steps(self.n_features)
        for place, term in enumerate(self._terms):
            if not term:
                continue
            product = term[0]
            for factor in term[1:]:
                product = self.steps.add("product", left=product, right=factor)
            self._terms[place] = [len(self.features)]
            self.features.append(product)

    def scores(self, params: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of the features and intercepts, of those of the design, `(n_outputs, n_columns)`."""
        width = len(self.features) or self.n_features
        coef, intercept = np.zeros((len(params), width)), np.zeros(len(params))
        for column, term in enumerate(self._terms):
            if not term:
                intercept += params[:, column]
            elif column in self.constants:
                intercept += params[:, column] * self.constants[column]
            else:
                coef[:, term[0]] += params[:, column]
        return coef, intercept


READERS = {"statsmodels.ResultsWrapper": _results, "statsmodels.Results": _results}
