"""Who owns the data, who computes, and the service between them."""

from __future__ import annotations

import json
import warnings
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tenebra import _readout_file, _tenebra
from tenebra._outcome import Prediction, Readout
from tenebra._report import Report
from tenebra._rows import Matrix, absent_cell, matrix
from tenebra.errors import ClippingWarning, InputError


class Keys:
    """A data owner's keys for one model: the secret key, and the evaluation key where the model needs one.

    They print redacted and are not pickled. Once a response did not decrypt, they are used no more.
    """

    __slots__ = ("_inner", "_client")

    def __init__(self, inner: _tenebra.Keys, client: _tenebra.Client) -> None:
        self._inner = inner
        self._client = client

    @property
    def evaluation_key(self) -> bytes | None:
        """What the server needs, once; None where the model needs none."""
        return self._inner.evaluation_key

    def save(self, folder: str | PathLike[str], *, replace: bool = False) -> None:
        """Writes `secret.key` (mode 0600), `evaluation.key` and `client.tnb`, as `tenebra predict` keeps them."""
        self._client.save_keys(self._inner, fspath(folder), replace)

    def secret_key_bytes(self) -> bytes:
        """The **secret** key, as the bytes of `secret.key`: whoever has it can decrypt every query made with it."""
        return self._client.secret_key(self._inner)

    def __repr__(self) -> str:
        return repr(self._inner)

    def __reduce__(self) -> Any:
        raise TypeError("secret keys are not pickled; `keys.save(folder)` keeps them in a folder of yours")


class Client:
    """The data owner's side of a model: `client.tnb`, which is public."""

    def __init__(self, inner: _tenebra.Client, readout: Readout | None = None) -> None:
        self._inner = inner
        self._readout = readout or Readout.of_labels(inner.classes, inner.link)
        self._columns = (inner.feature_names, inner.words, absent_cell(inner.estimator))

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Client:
        """Reads `client.tnb`, and `readout.json` of the same model beside it, which `Compiled.save` writes.

        They are hostile until then: parameters under 128 bits of security are refused.
        """
        inner = _tenebra.Client.open(fspath(path))
        return cls(inner, _readout_file.read(Path(path).parent, inner))

    @classmethod
    def from_bytes(cls, data: bytes) -> Client:
        """As `open`, of the bytes of the file."""
        return cls(_tenebra.Client(data))

    def to_bytes(self) -> bytes:
        """The bytes of `client.tnb`."""
        return self._inner.to_bytes()

    def keygen(self) -> Keys:
        """Makes keys, from the randomness of the operating system."""
        return Keys(self._inner.keygen(), self._inner)

    def load_keys(self, folder: str | PathLike[str]) -> Keys:
        """The keys of a folder that `Keys.save`, `tenebra keygen` or `tenebra predict` wrote."""
        return Keys(self._inner.load_keys(fspath(folder)), self._inner)

    def encrypt(self, keys: Keys, X: ArrayLike | Any) -> bytes:
        """Quantizes and encrypts rows, `max_rows` at most, into one query."""
        query, clipped = self._inner.encrypt(keys._inner, self._rows(X))
        if clipped is not None:
            warnings.warn(clipped, ClippingWarning, stacklevel=2)
        return query

    def decrypt(self, keys: Keys, response: bytes) -> Prediction:
        """What the response says of the rows of its query."""
        return self._readout.read(self._inner.decrypt(keys._inner, response))

    def _rows(self, X: ArrayLike | Any) -> Matrix:
        return matrix(X, *self._columns)

    @property
    def spec_id(self) -> str:
        """Name of the model on every message."""
        return self._inner.spec_id

    @property
    def estimator(self) -> str:
        """Name of the estimator."""
        return self._inner.estimator

    @property
    def n_features_in_(self) -> int:
        """Columns of a row."""
        return self._inner.n_features

    @property
    def feature_names_in_(self) -> list[str] | None:
        """Their names, where the model knows them."""
        return self._inner.feature_names

    @property
    def classes_(self) -> np.ndarray | None:
        """Class labels; None of a regression."""
        return self._readout.classes

    @property
    def max_rows(self) -> int:
        """Most rows of a query."""
        return self._inner.max_rows

    @property
    def needs_evaluation_key(self) -> bool:
        """Whether the server needs `Keys.evaluation_key`."""
        return self._inner.needs_evaluation_key

    def __repr__(self) -> str:
        return f"<Client of model {self.spec_id}: {self.estimator}, {self.n_features_in_} features>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _client_of, (self.to_bytes(), self._readout)


def _client_of(data: bytes, readout: Readout) -> Client:
    return Client(_tenebra.Client(data), readout)


class Server:
    """The server's side of a model: `server.tnb`. It never meets a secret key."""

    def __init__(self, inner: _tenebra.Server) -> None:
        self._inner = inner
        self._last: tuple[bytes, _tenebra.PreparedKey] | None = None
        self.report = Report.from_json(inner.report())

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Server:
        """Reads `server.tnb`, verifies its circuit and prepares it."""
        return cls(_tenebra.Server.open(fspath(path)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Server:
        """As `open`, of the bytes of the file."""
        return cls(_tenebra.Server(data))

    def prepare_key(self, evaluation_key: bytes) -> _tenebra.PreparedKey:
        """Prepares an evaluation key, once for all queries made with its secret key."""
        return self._inner.prepare_key(evaluation_key)

    def run(
        self,
        query: bytes,
        evaluation_key: bytes | _tenebra.PreparedKey | None = None,
        *,
        threads: int = 1,
    ) -> bytes:
        """Evaluates a query into a response: the server's whole work.

        The evaluation key is prepared when it is first seen; a server of many clients keeps what `prepare_key` returns.
        """
        if not 1 <= threads <= 1024:
            raise InputError(f"`threads` is {threads}", "1 to 1024 are taken")
        key = self._prepared(evaluation_key) if isinstance(evaluation_key, bytes) else evaluation_key
        return self._inner.run(query, key, threads)

    def _prepared(self, evaluation_key: bytes) -> _tenebra.PreparedKey:
        last = self._last
        if last is None or last[0] != evaluation_key:
            last = evaluation_key, self._inner.prepare_key(evaluation_key)
            self._last = last
        return last[1]

    @property
    def spec_id(self) -> str:
        """Name of the model on every message."""
        return self._inner.spec_id

    @property
    def needs_evaluation_key(self) -> bool:
        """Whether queries need the evaluation key of who made them."""
        return self._inner.needs_evaluation_key

    def __repr__(self) -> str:
        return f"<Server of model {self.spec_id}: {self.report['model']}>"


class Remote:
    """A Tenebra server (`tenebra serve`), and who asks it.

    The client spec of a model is trusted on first use: a server that replaces it later can refuse queries, not change how they
    are made.

    Args:
        url: as `https://host:8443`.
        token: what it asks for, if anything.
        ca: path of certificates (PEM) that the server's is held to, instead of the public web's.
        cert: paths of the chain of a certificate to show, and of its private key.
        timeout: seconds that a request may take (600).
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        ca: str | PathLike[str] | None = None,
        cert: tuple[str | PathLike[str], str | PathLike[str]] | None = None,
        timeout: float | None = None,
    ) -> None:
        self.url = url
        trusted = None if ca is None else Path(ca).read_bytes()
        shown = None if cert is None else (Path(cert[0]).read_bytes(), Path(cert[1]).read_bytes())
        self._inner = _tenebra.Remote(url, token, trusted, shown, timeout)
        self._sessions: dict[str, tuple[Client, Keys]] = {}

    def models(self) -> list[dict[str, Any]]:
        """What the server has."""
        return json.loads(self._inner.models())

    def client(self, model: str) -> Client:
        """The data owner's side of a model, fetched and checked."""
        return Client(self._inner.client(model))

    def evaluate(
        self,
        model: str,
        X: ArrayLike | Any,
        *,
        keys: str | PathLike[str] | None = None,
        version: str | None = None,
    ) -> Prediction:
        """Encrypts rows here, has them evaluated there, and decrypts here.

        Args:
            model: its name on the server.
            X: rows.
            keys: folder that keeps keys and client spec, made the first time; without it both stay in this object.
            version: SHA-256 of the server program; another version is refused.
        """
        client, held = self._session(model, keys)
        inner = self._inner if version is None else self._inner.pinned(version)
        raw = inner.predict(model, client._inner, held._inner, client._rows(X))
        return client._readout.read(raw)

    def predict(self, model: str, X: ArrayLike | Any, **how: Any) -> np.ndarray:
        """Labels or values; see `evaluate`."""
        return self.evaluate(model, X, **how).labels

    def predict_proba(self, model: str, X: ArrayLike | Any, **how: Any) -> np.ndarray:
        """A probability for each class, of classifiers that have them; see `evaluate`."""
        prediction = self.evaluate(model, X, **how)
        return self._session(model, how.get("keys"))[0]._readout.predict_proba(prediction)

    def _session(self, model: str, folder: str | PathLike[str] | None) -> tuple[Client, Keys]:
        if folder is not None:
            path = Path(folder)
            if (path / "secret.key").exists() and (path / "client.tnb").exists():
                client = Client.open(path / "client.tnb")
                return client, client.load_keys(path)
            client = self.client(model)
            if (path / "secret.key").exists():
                # Of `tenebra keygen`, which keeps no spec.
                return client, client.load_keys(path)
            keys = client.keygen()
            keys.save(path)
            return client, keys
        session = self._sessions.get(model)
        if session is None:
            client = self.client(model)
            session = client, client.keygen()
            self._sessions[model] = session
        return session

    def __repr__(self) -> str:
        return f"<Remote {self.url}>"

    def __reduce__(self) -> Any:
        raise TypeError("a Remote holds a token and keys, and is not pickled")
