"""The names of Concrete ML's deployment, over client and server: a script of theirs changes its imports and little else.

>>> import tempfile
>>> from sklearn.datasets import load_iris
>>> from tenebra.deployment import FHEModelClient, FHEModelDev, FHEModelServer
>>> from tenebra.sklearn import LogisticRegression
>>> X, y = load_iris(return_X_y=True)
>>> model = LogisticRegression(max_iter=500).fit(X, y)
>>> report = model.compile(X)
>>> with tempfile.TemporaryDirectory() as folder:
...     FHEModelDev(folder, model).save()
...     client, server = FHEModelClient(folder), FHEModelServer(folder)
...     keys = client.get_serialized_evaluation_keys()
...     response = server.run(client.quantize_encrypt_serialize(X[:1]), keys)
...     client.deserialize_decrypt_dequantize(response).shape
(1, 3)

The files are those of the rest of this package, `client.tnb` and `server.tnb`, and not theirs.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tenebra._model import Compiled
from tenebra._parties import Client, Keys, Server
from tenebra.errors import NotFittedError

__all__ = ["FHEModelClient", "FHEModelDev", "FHEModelServer"]


class FHEModelDev:
    """Writes a compiled model. `model` is an estimator of `tenebra.sklearn`, or a `tenebra.Compiled`."""

    def __init__(self, path_dir: str | PathLike[str], model: Any) -> None:
        compiled = model if isinstance(model, Compiled) else getattr(model, "compiled_", None)
        if compiled is None:
            raise NotFittedError(f"this {type(model).__name__} is not compiled", "call `compile(X)` after `fit`")
        self.path_dir = Path(path_dir)
        self.model: Compiled = compiled

    def save(self, *, replace: bool = False) -> None:
        """Writes `client.tnb` and `server.tnb`, and the float model beside them."""
        self.model.save(self.path_dir, replace=replace)


class FHEModelClient:
    """The data owner: keys, encryption, decryption. Keys are made when they are first needed, and kept in `key_dir` if it is given."""

    def __init__(self, path_dir: str | PathLike[str], key_dir: str | PathLike[str] | None = None) -> None:
        self.path_dir = Path(path_dir)
        self.key_dir = None if key_dir is None else Path(key_dir)
        self._keys: Keys | None = None
        self.load()

    def load(self) -> None:
        """Reads `client.tnb`."""
        self.client = Client.open(self.path_dir / "client.tnb")

    def generate_private_and_evaluation_keys(self, force: bool = False) -> None:
        """Makes keys, or reads those of `key_dir`; `force` makes others."""
        if self.key_dir is not None and (self.key_dir / "secret.key").exists() and not force:
            self._keys = self.client.load_keys(self.key_dir)
            return
        keys = self.client.keygen()
        if self.key_dir is not None:
            keys.save(self.key_dir, replace=force)
        self._keys = keys

    def _own(self) -> Keys:
        if self._keys is None:
            self.generate_private_and_evaluation_keys()
        assert self._keys is not None
        return self._keys

    def get_serialized_evaluation_keys(self) -> bytes:
        """What the server needs; empty where the model needs none."""
        return self._own().evaluation_key or b""

    def quantize_encrypt_serialize(self, x: ArrayLike) -> bytes:
        """A query of rows."""
        return self.client.encrypt(self._own(), x)

    def deserialize_decrypt_dequantize(self, serialized_encrypted_quantized_result: bytes) -> np.ndarray:
        """Probabilities of classes where the model has them, else values."""
        prediction = self.client.decrypt(self._own(), serialized_encrypted_quantized_result)
        readout = self.client._readout
        if readout.classes is not None and readout.probabilities:
            return readout.predict_proba(prediction)
        return prediction.values


class FHEModelServer:
    """Who computes."""

    def __init__(self, path_dir: str | PathLike[str]) -> None:
        self.path_dir = Path(path_dir)
        self.load()

    def load(self) -> None:
        """Reads `server.tnb`."""
        self.server = Server.open(self.path_dir / "server.tnb")

    def run(self, serialized_encrypted_quantized_data: bytes, serialized_evaluation_keys: bytes = b"") -> bytes:
        """Evaluates a query into a response."""
        return self.server.run(serialized_encrypted_quantized_data, serialized_evaluation_keys or None)
