"""Float models and compiled ones."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tenebra import _readout_file, _tenebra
from tenebra._outcome import Prediction, Readout
from tenebra._parties import Client, Server
from tenebra._report import Report
from tenebra._rows import Matrix, absent_cell, matrix
from tenebra.errors import CompileWarning, InputError

#: By the float model; by the circuit on clear integers; by the circuit on ciphertexts.
Fhe = Literal["disable", "simulate", "execute"]
Progress = Callable[[int, int], object]


class Model:
    """A float model: linear, trees, additive or a network. Made by `from_fitted`, `import_model` or from its JSON form."""

    def __init__(self, inner: _tenebra.Model, readout: Readout | None = None, notes: Sequence[str] = ()) -> None:
        self._inner = inner
        self._readout = readout or Readout.of_labels(inner.classes, self.inverse_link)
        self.notes = list(notes)

    @classmethod
    def from_json(cls, text: str) -> Model:
        """From the JSON that `tenebra train`, `tenebra import` and `to_json` write."""
        return cls(_tenebra.Model(text))

    def to_json(self) -> str:
        """The JSON form, as `tenebra compile` takes it."""
        return self._inner.to_json()

    @property
    def estimator(self) -> str:
        """Name of the estimator it was fitted as."""
        return self._inner.estimator

    @property
    def kind(self) -> str:
        """`linear`, `forest`, `additive`, `network`, or `pipeline` of one of these behind steps of the client."""
        return self._inner.kind

    @property
    def inverse_link(self) -> str:
        """From scores to values: `identity`, `exp`, `sigmoid`, `sigmoid_normalized` or `softmax`."""
        return str(self._behind_steps()["inverse_link"])

    @property
    def of_trees(self) -> bool:
        """Whether codes are bins of split points, as those of trees and of steps are."""
        kind = self._behind_steps()["kind"] if self.kind == "pipeline" else self.kind
        return kind in ("forest", "additive")

    def _behind_steps(self) -> dict[str, Any]:
        """The JSON form, of a pipeline that of its model."""
        fields = json.loads(self.to_json())
        return dict(fields["model"] if fields["kind"] == "pipeline" else fields)

    @property
    def n_features_in_(self) -> int:
        return self._inner.n_features

    @property
    def feature_names(self) -> list[str] | None:
        """Of the columns, where they are known."""
        return self._inner.feature_names

    @property
    def classes_(self) -> np.ndarray | None:
        """Class labels; None of a regression."""
        return self._readout.classes

    def evaluate(self, X: ArrayLike | Any) -> Prediction:
        """Scores, values and classes of rows."""
        return self._readout.read(self._inner.predict(self._rows(X)))

    def _rows(self, X: ArrayLike | Any) -> Matrix:
        return matrix(X, self._inner.feature_names, absent=absent_cell(self.estimator))

    def predict(self, X: ArrayLike | Any) -> np.ndarray:
        """Labels or values."""
        return self.evaluate(X).labels

    def compile(self, X: ArrayLike | Any = None, *, progress: Progress | None = None, **options: Any) -> Compiled:
        """As `tenebra.compile` with this model."""
        return compile(self, X, progress=progress, **options)

    def __repr__(self) -> str:
        return f"<Model {self.estimator}: {self.kind}, {self.n_features_in_} features>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _model_of, (self.to_json(), self._readout, self.notes)


class Compiled:
    """A compiled model: both sides, and the float model where it is there. Pickled without keys."""

    def __init__(self, inner: _tenebra.Compiled, readout: Readout | None = None) -> None:
        self._inner = inner
        client = inner.client
        self._readout = readout or Readout.of_labels(client.classes, client.link)
        self._columns = (client.feature_names, client.words, absent_cell(client.estimator))
        #: The data owner's side.
        self.client = Client(client, self._readout)
        self.report = Report.from_json(inner.report())
        #: What calibration found worth saying.
        self.notes: list[str] = inner.notes

    @property
    def classes_(self) -> np.ndarray | None:
        """Class labels; None of a regression."""
        return self._readout.classes

    @property
    def server(self) -> Server:
        """The server's side, apart from this object."""
        return Server(_tenebra.Server(self._inner.server_bytes()))

    def evaluate(
        self,
        X: ArrayLike | Any,
        fhe: Fhe = "execute",
        *,
        threads: int = 1,
        progress: Progress | None = None,
    ) -> Prediction:
        """Scores, values and classes of rows.

        Args:
            X: rows; columns of frames are found by name where the model knows names.
            fhe: `"disable"` asks the float model, `"simulate"` the circuit on clear integers, `"execute"` encrypts,
                evaluates and decrypts under keys that are made the first time and stay in this object.
            threads: of the evaluation of a query.
            progress: hears, between queries, how many rows are done, of how many.
        """
        return self._readout.read(self._asked(X, fhe, threads, progress))

    def predict(
        self, X: ArrayLike | Any, fhe: Fhe = "execute", *, threads: int = 1, progress: Progress | None = None
    ) -> np.ndarray:
        """Labels or values; see `evaluate`."""
        return self._readout.labels(self._asked(X, fhe, threads, progress))

    def _asked(self, X: ArrayLike | Any, fhe: Fhe, threads: int, progress: Progress | None) -> _tenebra.Predictions:
        rows = matrix(X, *self._columns)
        if fhe == "execute":
            if not 1 <= threads <= 1024:
                raise InputError(f"`threads` is {threads}", "1 to 1024 are taken")
            return self._inner.execute(rows, threads, progress)
        if fhe == "simulate":
            return self._inner.simulate(rows)
        if fhe == "disable":
            return self._inner.clear(rows)
        raise InputError(f"`fhe` is {fhe!r}", 'it must be "disable", "simulate" or "execute"')

    def predict_proba(self, X: ArrayLike | Any, fhe: Fhe = "execute", **how: Any) -> np.ndarray:
        """A probability for each class, of classifiers that have them; see `evaluate`."""
        return self._readout.predict_proba(self.evaluate(X, fhe, **how))

    def decision_function(self, X: ArrayLike | Any, fhe: Fhe = "execute", **how: Any) -> np.ndarray:
        """Scores as scikit-learn gives them; see `evaluate`."""
        return self._readout.decision_function(self.evaluate(X, fhe, **how))

    def score_samples(self, X: ArrayLike | Any, fhe: Fhe = "execute", **how: Any) -> np.ndarray:
        """Of a detector of outliers: of an isolation forest the opposite of the anomaly score; see `evaluate`."""
        return self._readout.score_samples(self.evaluate(X, fhe, **how))

    def transform(self, X: ArrayLike | Any, fhe: Fhe = "execute", **how: Any) -> np.ndarray:
        """All outputs of rows, `(n_rows, n_outputs)`; see `evaluate`."""
        return self.evaluate(X, fhe, **how).values

    def save(self, folder: str | PathLike[str], *, replace: bool = False) -> None:
        """Writes `client.tnb`, `server.tnb` and, where it is there, `float_model.json`, as `tenebra compile` does.

        `readout.json` beside them is for the data's owner as well: labels and probabilities as the library that fitted the model gives
        them, where `client.tnb` cannot say how.
        """
        self._inner.save(fspath(folder), replace)
        _readout_file.write(Path(folder), self._inner.client, self._readout)

    def __repr__(self) -> str:
        return f"<Compiled model {self.client.spec_id}>\n{self.report!r}"

    def _repr_html_(self) -> str:
        return self.report._repr_html_()

    def __reduce__(self) -> tuple[Any, ...]:
        inner = self._inner
        return _compiled_of, (inner.client.to_bytes(), inner.server_bytes(), inner.model_json(), self._readout)


def _model_of(text: str, readout: Readout, notes: list[str]) -> Model:
    return Model(_tenebra.Model(text), readout, notes)


def _compiled_of(client: bytes, server: bytes, model: str | None, readout: Readout) -> Compiled:
    return Compiled(_tenebra.Compiled(client, server, model), readout)


def compile(
    model: Model | str | PathLike[str] | dict[str, Any] | Any,
    calibrate: ArrayLike | Any = None,
    *,
    n_bits: int | None = None,
    weight_bits: int | None = None,
    activation_bits: int | None = None,
    bins: Literal["thresholds", "uniform"] | None = None,
    range: Literal["without-outliers", "min-max", "least-error"] | float | None = None,
    decoy_bits: int | None = None,
    leaf_bits: int | None = None,
    query: Literal["auto", "direct", "packed"] | None = None,
    optimize: Literal["balanced", "first-query", "latency", "bandwidth", "throughput"] | None = None,
    p_fail: float | None = None,
    hide_model: int | None = None,
    hide_advantage: int | None = None,
    measure: bool | None = None,
    progress: Progress | None = None,
) -> Compiled:
    """Quantizes, verifies and plans a model, and measures the noise of the plan.

    Args:
        model: a `Model`; a fitted estimator; the path of a model's JSON, the JSON itself, or what it says as a dict.
        calibrate: rows like those that will be scored. Linear models need them; trees use them to choose leaf bits.
        n_bits: bits of a feature's code and of a weight, 2 to 16 (8); of trees with `bins="uniform"` alone; of networks bits of
            an input, 1 to 8.
        weight_bits: of networks: bits of a weight of hidden layers, 2 to 8.
        activation_bits: of networks: bits of a hidden result, 1 to 8.
        bins: codes of trees: `"thresholds"`, their own split points, which is exact, or `"uniform"` steps.
        range: how a linear model's ranges are found in the calibration rows; a number is a percentile, above 50 and up to 100.
        decoy_bits: hides split points among decoys, 0 to 4.
        leaf_bits: bits of a leaf, 1 to 24; by default the fewest that change no decision of the calibration rows, and 16 where the client
            decides by what it makes of several scores.
        query: whether queries are ready to use and large, or packed and need an evaluation key.
        optimize: what is least in the plan of trees and networks: the wait for an answer with a part of the evaluation key's transfer
            (`"balanced"`), with all of it or none, the bytes that are sent, or the time a row of many rows of one client (`"throughput"`: packed
            queries of trees hold up to 8 rows, with an evaluation key as many times as large).
        p_fail: log2 of the largest acceptable probability of a wrong result (-128).
        hide_model: hides a linear model's weights from its clients in so many responses.
        hide_advantage: log2 of the advantage with which these may tell two models apart, -1 to -64 (-16).
        measure: whether the noise of the plan is measured (True).
        progress: hears how many queries of the measurement are done, of how many.
    """
    options = {
        "n_bits": n_bits,
        "weight_bits": weight_bits,
        "activation_bits": activation_bits,
        "bins": bins,
        "range": range,
        "decoy_bits": decoy_bits,
        "leaf_bits": leaf_bits,
        "query": query,
        "optimize": optimize,
        "p_fail": p_fail,
        "hide_model": hide_model,
        "hide_advantage": hide_advantage,
        "measure": measure,
    }
    model = _as_model(model)
    inner = model._inner
    rows = None if calibrate is None else model._rows(calibrate)
    if model._readout.decides and model.of_trees and leaf_bits is None:
        # By functions of the scores that may be steep, and are not known where leaf bits are chosen.
        options["leaf_bits"] = 16
    made = _tenebra.compile(inner, rows, options, progress)
    for note in made.notes:
        warnings.warn(note, CompileWarning, stacklevel=2)
    return Compiled(made, model._readout)


def _as_model(model: Any) -> Model:
    if isinstance(model, Model):
        return model
    if isinstance(model, dict):
        return Model.from_json(json.dumps(model))
    if isinstance(model, str) and model.lstrip().startswith("{"):
        return Model.from_json(model)
    if isinstance(model, (str, PathLike)):
        return Model(_tenebra.Model.read(fspath(model)))
    from tenebra.fitted import from_fitted

    return from_fitted(model)


def import_model(source: str | PathLike[str] | bytes, *, iterations: str | int | None = None) -> Model:
    """A model that another library wrote: XGBoost's JSON or Universal Binary JSON, LightGBM's text, ONNX.

    Args:
        source: the path of the file, or its bytes.
        iterations: of a boosted model: `"best"`, `"all"`, or how many; by default those that its library predicts with.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    inner, notes = _tenebra.Model.from_foreign(data, None if iterations is None else str(iterations))
    return Model(inner, notes=notes)


def load(folder: str | PathLike[str]) -> Compiled:
    """The compiled model of a folder that `Compiled.save` or `tenebra compile` wrote."""
    inner = _tenebra.Compiled.load(fspath(folder))
    return Compiled(inner, _readout_file.read(Path(folder), inner.client))
