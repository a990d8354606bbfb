"""Estimators with the names, parameters and attributes of their originals, whose predictions can be made encrypted.

>>> from tenebra.sklearn import LogisticRegression
>>> from sklearn.datasets import load_iris
>>> X, y = load_iris(return_X_y=True)
>>> model = LogisticRegression(max_iter=500, n_bits=10).fit(X, y)
>>> report = model.compile(X)
>>> report["security_bits"]
132
>>> bool((model.predict(X, fhe="execute") == model.predict(X, fhe="simulate")).all())
True

Each class is a subclass of the original, of scikit-learn, XGBoost, LightGBM, CatBoost or interpret, which does the fitting. `predict`, `predict_proba`,
`decision_function`, `score_samples` and `transform` take `fhe`: `"disable"`, the default, asks the original; `"simulate"` and
`"execute"` need `compile` first.
"""

from __future__ import annotations

from typing import Any

from tenebra.sklearn._names import HOMES
from tenebra.sklearn._wrap import wrap

__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tenebra.sklearn' has no attribute '{name}'")
    cls = wrap(name, home)
    globals()[name] = cls
    return cls


def __dir__() -> list[str]:
    return list(__all__)
