"""`readout.json` beside `client.tnb`: how predictions are given where the library that fitted the model gives them otherwise than the spec can say.

That are class labels other than words and whole numbers, probabilities that are no link of the scores, calibration, and what is made of the scores
of several estimators. Without the file
predictions are as the spec says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tenebra._several import LINKS, Part, Target, is_number
from tenebra._outcome import Readout, label_text
from tenebra.errors import FileError, MessageError

if TYPE_CHECKING:
    from tenebra import _tenebra

NAME = "readout.json"
_FORMAT = "tenebra-readout"
#: Bytes; a curve has a point a distinct score at most.
_LARGEST = 64 << 20
_NUMBERS = ("decision", "isolation", "offset")
_SWITCHES = ("probabilities", "halves", "one", "indicator")


def write(folder: Path, client: _tenebra.Client, readout: Readout) -> None:
    """Writes the file if it says more than the spec, and removes one that was there if not."""
    path = folder / NAME
    fields = _fields(readout)
    if fields == _fields(Readout.of_labels(client.classes, client.link)):
        fields = None
    try:
        if fields is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(json.dumps({"format": _FORMAT, "version": 1, "spec_id": client.spec_id, **fields}, allow_nan=False))
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error


def read(folder: Path, client: _tenebra.Client) -> Readout | None:
    """What the file says; None if there is none, or one of another model."""
    path = folder / NAME
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
    except OSError:
        return None
    try:
        if len(text) > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} bytes")
        fields = json.loads(text)
        if (fields["format"], fields["version"]) != (_FORMAT, 1):
            raise ValueError("it is of another format or version")
        return _readout(fields, client) if fields["spec_id"] == client.spec_id else None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise MessageError(f"{path} is damaged: {error}", "without it, predictions are given as `client.tnb` says") from error


def _fields(readout: Readout) -> dict[str, Any] | None:
    """The JSON form; None of labels that it cannot say."""
    labels = None if readout.classes is None else _said(readout.classes)
    targets = None if readout.targets is None else [[_said(each.classes), each.n_scores, each.link] for each in readout.targets]
    if (readout.classes is not None and labels is None) or any(said is None for said, *_ in targets or ()):
        return None
    return {
        "classes": labels,
        **{name: getattr(readout, name) for name in (*_NUMBERS, *_SWITCHES)},
        "curve": None if readout.curve is None else [np.asarray(part, dtype=np.float64).tolist() for part in readout.curve],
        "parts": None if readout.parts is None else [part.fields() for part in readout.parts],
        "targets": targets,
        "median": None if readout.median is None else list(readout.median),
    }


def _said(labels: np.ndarray) -> dict[str, Any] | None:
    """Labels with their type; None of those that JSON cannot say."""
    kind, values = labels.dtype.kind, labels.tolist()
    if kind not in "biufUO" or any(type(value) not in (bool, int, float, str) for value in values):
        return None
    if any(type(value) is float and not np.isfinite(value) for value in values):
        return None
    return {"dtype": "object" if kind == "O" else labels.dtype.str, "values": values}


def _readout(fields: dict[str, Any], client: _tenebra.Client) -> Readout:
    classes = None if fields["classes"] is None else _labels(fields["classes"])
    curve = None
    parts, targets, median = _of_several(fields, classes, client)
    if parts is targets is median is None and [label_text(label) for label in ([] if classes is None else classes)] != client.classes:
        raise ValueError("its classes are not those of the spec")
    if fields["curve"] is not None:
        x, y = (np.array(part, dtype=np.float64) for part in fields["curve"])
        points = np.concatenate([x, y])
        if client.decision != "threshold" or x.ndim != 1 or x.shape != y.shape or not len(x) or not np.isfinite(points).all() or np.any(np.diff(x) < 0):
            raise ValueError("its curve is none of a score of two classes")
        curve = x, y
    for name in _NUMBERS:
        if fields[name] is not None and not is_number(fields[name]):
            raise ValueError(f"`{name}` is no number")
    if fields["isolation"] is not None and not fields["isolation"] < 0:
        raise ValueError("`isolation` is not below 0")
    for name in _SWITCHES:
        if type(fields[name]) is not bool:
            raise ValueError(f"`{name}` is neither true nor false")
    if fields["indicator"] and not (targets and all(len(target.classes) == 2 for target in targets)):
        raise ValueError("a label is there or not")
    plain = {name: fields[name] for name in (*_NUMBERS, *_SWITCHES)}
    return Readout(classes=classes, curve=curve, parts=parts, targets=targets, median=median, **plain)


def _of_several(fields: dict[str, Any], classes: np.ndarray | None, client: _tenebra.Client) -> tuple[Any, Any, Any]:
    """Parts, targets, or weights of a median."""
    given = [name for name in ("parts", "targets", "median") if fields[name] is not None]
    if not given:
        return None, None, None
    if len(given) > 1 or client.classes or not isinstance(fields[given[0]], list) or not fields[given[0]]:
        raise ValueError("scores of several estimators are one kind, of a model without classes of its own")
    if (classes is not None and len(classes) >= 2) != (given == ["parts"]):
        raise ValueError("a mean of probabilities goes with classes")
    if given == ["parts"]:
        parts = tuple(Part.from_fields(part, len(classes)) for part in fields["parts"]) if classes is not None else ()
        if not sum(part.weight for part in parts) > 0:
            raise ValueError("no part has a weight")
        return parts, None, None
    if given == ["targets"]:
        targets = tuple(Target(_labels(said), n_scores, link) for said, n_scores, link in fields["targets"])
        for target in targets:
            if target.n_scores != (1 if len(target.classes) == 2 else max(3, len(target.classes))) or target.link not in (None, *LINKS):
                raise ValueError("classes and scores of a target do not go together")
        return None, targets, None
    if not all(is_number(weight) and weight >= 0 for weight in fields["median"]):
        raise ValueError("a weight is no number of at least 0")
    return None, None, tuple(fields["median"])


def _labels(fields: dict[str, Any]) -> np.ndarray:
    dtype, values = fields["dtype"], fields["values"]
    if not isinstance(values, list) or any(type(value) not in (bool, int, float, str) for value in values):
        raise ValueError("labels are words and numbers")
    if dtype == "object":
        labels = np.empty(len(values), dtype=object)
        labels[:] = values
        return labels
    kind = np.dtype(dtype)
    if kind.kind not in "biufU" or kind.itemsize > 1 << 16:
        raise ValueError(f"labels of {kind} are not known")
    made = np.array(values, dtype=kind)
    if made.tolist() != values:
        raise ValueError(f"the labels are not {kind}")
    return made
