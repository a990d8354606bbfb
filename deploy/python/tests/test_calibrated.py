"""Calibrated classifiers: probabilities that the client makes of the scores of one or several."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tenebra
from estimators import data
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from tenebra.deployment import FHEModelClient, FHEModelDev, FHEModelServer

BASES: dict[str, Any] = {
    "LinearSVC": make_pipeline(StandardScaler(), LinearSVC()),
    "LogisticRegression": make_pipeline(StandardScaler(), LogisticRegression()),
    "GaussianNB": GaussianNB(),
    "RandomForest": RandomForestClassifier(5, max_depth=3, random_state=0),
    "GradientBoosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "HistGradientBoosting": HistGradientBoostingClassifier(max_iter=3),
    "AdaBoost": AdaBoostClassifier(n_estimators=4, random_state=0),
}


#: All methods of one that is linear and one of trees; of the others, what differs is where their scores come from.
WAYS = [
    (base, method, ensemble)
    for base in BASES
    for method in ("sigmoid", "isotonic", "temperature")
    for ensemble in (True, False)
    if base in ("LinearSVC", "RandomForest") or (ensemble and method == "isotonic")
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("base", "method", "ensemble"), WAYS)
@pytest.mark.parametrize("of", ["breast_cancer", "wine"])
def test_probabilities_are_the_originals(of: str, base: str, method: str, ensemble: bool, tmp_path: Path) -> None:
    rows = data(of)
    try:
        estimator = CalibratedClassifierCV(BASES[base], method=method, ensemble=ensemble, cv=3).fit(rows.X_train, rows.y_train)
    except ValueError:
        pytest.skip("temperature is newer")
    compiled = tenebra.from_fitted(estimator).compile(rows.X_train, measure=False)
    wanted = estimator.predict_proba(rows.X_test)
    # Sums of squares differ in their last bits, and isotonic curves are steep.
    np.testing.assert_allclose(compiled.predict_proba(rows.X_test, fhe="disable"), wanted, atol=1e-4 if base == "GaussianNB" else 1e-9)
    np.testing.assert_array_equal(compiled.predict(rows.X_test, fhe="disable"), estimator.predict(rows.X_test))
    simulated = compiled.evaluate(rows.X_test, fhe="simulate")
    assert (simulated.labels == estimator.predict(rows.X_test)).mean() > 0.97
    encrypted = compiled.evaluate(rows.X_test[:2])
    np.testing.assert_array_equal(encrypted.scores, simulated.scores[:2])
    np.testing.assert_array_equal(encrypted.values, simulated.values[:2])
    np.testing.assert_array_equal(encrypted.labels, simulated.labels[:2])
    # Calibration goes to the client with its files, and with what is pickled.
    proba = compiled.predict_proba(rows.X_test, fhe="simulate")
    again = pickle.loads(pickle.dumps(compiled))
    np.testing.assert_array_equal(again.predict_proba(rows.X_test, fhe="simulate"), proba)
    FHEModelDev(tmp_path, compiled).save()
    client, server = FHEModelClient(tmp_path), FHEModelServer(tmp_path)
    keys = client.get_serialized_evaluation_keys()
    response = server.run(client.quantize_encrypt_serialize(rows.X_test[:1]), keys)
    np.testing.assert_array_equal(client.deserialize_decrypt_dequantize(response), proba[:1])


def _saved(folder: Path) -> tuple[tenebra.Compiled, np.ndarray]:
    rows = data("scaled_wine")
    compiled = tenebra.from_fitted(CalibratedClassifierCV(LinearSVC(), cv=2).fit(rows.X_train, rows.y_train)).compile(rows.X_train, measure=False)
    compiled.save(folder)
    return compiled, rows.X_test


def test_without_its_file_predictions_are_scores(tmp_path: Path) -> None:
    compiled, X = _saved(tmp_path)
    (tmp_path / "readout.json").unlink()
    loaded = tenebra.load(tmp_path)
    assert loaded.classes_ is None and compiled.classes_ is not None
    np.testing.assert_array_equal(loaded.predict(X, fhe="simulate"), compiled.evaluate(X, fhe="simulate").scores)
    assert loaded.predict(X, fhe="simulate").shape == (len(X), 6)


def test_a_file_of_another_model_says_nothing(tmp_path: Path) -> None:
    compiled, _ = _saved(tmp_path)
    fields = json.loads((tmp_path / "readout.json").read_text())
    (tmp_path / "readout.json").write_text(json.dumps(fields | {"spec_id": "0" * 32}))
    assert tenebra.load(tmp_path).classes_ is None
    # One that needs no file removes it.
    rows = data("scaled_wine")
    tenebra.compile(LinearSVC().fit(rows.X_train, rows.y_train), rows.X_train, measure=False).save(tmp_path, replace=True)
    assert not (tmp_path / "readout.json").exists()


SPOILED: list[tuple[str, Any]] = [
    ("format", "other"),
    ("version", 2),
    ("classes", None),
    ("classes", {"dtype": "<i8", "values": [0]}),
    ("classes", {"dtype": "<i8", "values": [0, 1, 2.5]}),
    ("classes", {"dtype": "O", "values": [0, 1, []]}),
    ("classes", {"dtype": "<U999999999", "values": ["a", "b", "c"]}),
    ("classes", {"dtype": "nothing", "values": [0, 1, 2]}),
    ("classes", 7),
    ("parts", []),
    ("parts", [{}]),
    ("parts", [{"n_scores": 1, "link": "identity", "curves": [["sigmoid", [1.0], [1.0]]], "temperature": None, "weight": 1.0}]),
    ("parts", [{"n_scores": 3, "link": "log", "curves": None, "temperature": 1.0, "weight": 1.0}]),
    ("parts", [{"n_scores": 3, "link": "identity", "curves": None, "temperature": float("nan"), "weight": 1.0}]),
    ("parts", [{"n_scores": 3, "link": "identity", "curves": [["isotonic", [1.0, 0.0], [0.0, 1.0]]] * 3, "temperature": None, "weight": 1.0}]),
    ("parts", [{"n_scores": 3, "link": "identity", "curves": [["isotonic", [], []]] * 3, "temperature": None, "weight": 1.0}]),
    ("parts", [{"n_scores": 3, "link": "identity", "curves": [["sigmoid", ["1"], [1.0]]] * 3, "temperature": None, "weight": 1.0}]),
    ("parts", [{"n_scores": 3, "link": "identity", "curves": None, "temperature": None, "weight": 1.0}]),
    ("parts", [{"n_scores": 3, "link": "vote", "curves": None, "temperature": None, "weight": -1.0}]),
    ("parts", [{"n_scores": 3, "link": "vote", "curves": None, "temperature": None, "weight": 0}] * 2),
    ("median", [1.0]),
    ("targets", [[{"dtype": "<i8", "values": [0, 1]}, 1, None]]),
    ("indicator", True),
    ("curve", [[0.0, 1.0], [0.0, 1.0]]),
    ("decision", "one"),
    ("isolation", 1.0),
    ("one", 1),
]


@pytest.mark.parametrize(("name", "value"), SPOILED)
def test_a_damaged_file_is_named(name: str, value: Any, tmp_path: Path) -> None:
    _saved(tmp_path)
    path = tmp_path / "readout.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    for action in (lambda: tenebra.load(tmp_path), lambda: tenebra.Client.open(tmp_path / "client.tnb")):
        with pytest.raises(tenebra.MessageError, match=r"readout.json is damaged"):
            action()


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "7", "null", "\xff"])
def test_nonsense_is_named(text: str, tmp_path: Path) -> None:
    _saved(tmp_path)
    (tmp_path / "readout.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(tenebra.MessageError, match=r"readout.json is damaged"):
        tenebra.load(tmp_path)


def test_a_calibration_of_more_classifiers_than_there_are_is_refused(tmp_path: Path) -> None:
    _, X = _saved(tmp_path)
    path = tmp_path / "readout.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"parts": fields["parts"] * 2}))
    with pytest.raises(tenebra.MessageError, match="6 scores, and its predictions are made of 12"):
        tenebra.load(tmp_path).predict(X, fhe="simulate")
