"""Machine learning on encrypted data.

A model is fitted by the library that it comes from, read by `from_fitted`, and compiled to two files: `client.tnb` for who owns the
data, `server.tnb` for who computes. What the simulator says is, bit for bit, what the encrypted run returns.

>>> import numpy as np
>>> import tenebra
>>> from sklearn.linear_model import LogisticRegression
>>> X = np.random.default_rng(0).normal(size=(200, 4)); y = X[:, 0] > X[:, 1]
>>> compiled = tenebra.from_fitted(LogisticRegression().fit(X, y)).compile(X)
>>> bool((compiled.predict(X[:5], fhe="execute") == compiled.predict(X[:5], fhe="simulate")).all())
True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tenebra.errors import (
    ClippingWarning,
    CompileError,
    CompileWarning,
    DecryptionError,
    FileError,
    InputError,
    MessageError,
    ModelError,
    NotFittedError,
    ServiceError,
    TenebraError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from tenebra._model import Compiled, Model, compile, import_model, load
    from tenebra._outcome import Prediction
    from tenebra._parties import Client, Keys, Remote, Server
    from tenebra._report import Report
    from tenebra.fitted import from_fitted
    from tenebra._tabulate import tabulate

    __version__: str

__all__ = [
    "Client",
    "ClippingWarning",
    "CompileError",
    "CompileWarning",
    "Compiled",
    "DecryptionError",
    "FileError",
    "InputError",
    "Keys",
    "MessageError",
    "Model",
    "ModelError",
    "NotFittedError",
    "Prediction",
    "Remote",
    "Report",
    "Server",
    "ServiceError",
    "TenebraError",
    "UnsupportedError",
    "compile",
    "from_fitted",
    "import_model",
    "load",
    "tabulate",
]

# Names that need numpy are imported when they are first used: importing it takes longer than all the rest.
_HOMES = {
    "Client": "tenebra._parties",
    "Compiled": "tenebra._model",
    "Keys": "tenebra._parties",
    "Model": "tenebra._model",
    "Prediction": "tenebra._outcome",
    "Remote": "tenebra._parties",
    "Report": "tenebra._report",
    "Server": "tenebra._parties",
    "compile": "tenebra._model",
    "from_fitted": "tenebra.fitted",
    "import_model": "tenebra._model",
    "load": "tenebra._model",
    "tabulate": "tenebra._tabulate",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("tenebra")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tenebra' has no attribute '{name}'")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
