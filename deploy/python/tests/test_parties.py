"""Client, server and keys: what they exchange, what they refuse, and what they never show."""

from __future__ import annotations

import os
import pickle
import resource
import stat
import traceback
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tenebra
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression


@pytest.fixture(scope="module")
def linear() -> tuple[tenebra.Compiled, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    model = LogisticRegression(max_iter=300, solver="liblinear").fit(X, np.array(["malignant", "benign"])[y])
    return tenebra.compile(model, X), X


@pytest.fixture(scope="module")
def forest() -> tuple[tenebra.Compiled, np.ndarray]:
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(n_estimators=5, max_depth=3, random_state=0).fit(X, y)
    return tenebra.compile(model, X, query="packed"), X


@pytest.mark.parametrize("of", ["linear", "forest"])
def test_from_files_alone(of: str, request: Any, tmp_path: Path) -> None:
    compiled, X = request.getfixturevalue(of)
    compiled.save(tmp_path / "model")
    client = tenebra.Client.open(tmp_path / "model" / "client.tnb")
    server = tenebra.Server.open(tmp_path / "model" / "server.tnb")
    keys = client.keygen()
    assert client.needs_evaluation_key == server.needs_evaluation_key == (keys.evaluation_key is not None)
    rows = X[: client.max_rows][:7]
    response = server.run(client.encrypt(keys, rows), evaluation_key=keys.evaluation_key)
    found = client.decrypt(keys, response)
    wanted = compiled.evaluate(rows, fhe="simulate")
    np.testing.assert_array_equal(found.scores, wanted.scores)
    np.testing.assert_array_equal(found.labels, wanted.labels)
    np.testing.assert_array_equal(np.asarray(found), wanted.scores)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.values, wanted.values)
    np.testing.assert_array_equal(again.labels, wanted.labels)
    loaded = tenebra.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(rows, fhe="disable"), compiled.predict(rows, fhe="disable"))
    with pytest.raises(tenebra.FileError, match="exists") as caught:
        compiled.save(tmp_path / "model")
    assert "replace=True" in str(caught.value)
    compiled.save(tmp_path / "model", replace=True)


def test_keys_are_kept_in_a_folder(forest: Any, tmp_path: Path) -> None:
    compiled, X = forest
    client = compiled.client
    keys = client.keygen()
    query = client.encrypt(keys, X[0])
    keys.save(tmp_path / "keys")
    assert stat.S_IMODE(os.stat(tmp_path / "keys" / "secret.key").st_mode) == 0o600
    again = client.load_keys(tmp_path / "keys")
    response = compiled.server.run(query, again.evaluation_key)
    assert client.decrypt(again, response).labels == compiled.predict(X[:1], fhe="simulate")
    with pytest.raises(tenebra.FileError, match="exists"):
        keys.save(tmp_path / "keys")
    assert (tmp_path / "keys" / "secret.key").read_bytes() == keys.secret_key_bytes()


def _traceback(client: tenebra.Client, keys: tenebra.Keys) -> str:
    try:
        client.decrypt(keys, b"nonsense" * 9)
    except tenebra.TenebraError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    raise AssertionError("nonsense was decrypted")


def test_secrets_do_not_show(linear: Any) -> None:
    compiled, X = linear
    keys = compiled.client.keygen()
    secret = keys.secret_key_bytes()
    shown = repr(keys) + str(keys) + repr(keys._inner) + repr(vars(type(keys))) + _traceback(compiled.client, keys)
    assert "secret" in repr(keys)
    # Neither the bytes, nor their hexadecimal, nor as Python would print them.
    payload = secret[60:-4]
    for at in range(0, len(payload) - 8, 8):
        piece = payload[at : at + 8]
        assert piece.hex() not in shown and repr(piece)[2:-1] not in shown
    for each in (keys, keys._inner):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(each)
    pickled = pickle.dumps(compiled)
    compiled.predict(X[:2])
    # The keys that predictions are made with stay out as well.
    assert pickle.dumps(compiled) == pickled
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.predict(X[:9]), compiled.predict(X[:9], fhe="simulate"))
    np.testing.assert_array_equal(again.predict(X[:9], fhe="disable"), compiled.predict(X[:9], fhe="disable"))
    assert pickle.loads(pickle.dumps(compiled.client)).spec_id == compiled.client.spec_id


def test_a_response_that_does_not_decrypt_retires_the_keys(linear: Any, tmp_path: Path) -> None:
    compiled, X = linear
    client = compiled.client
    keys, other = client.keygen(), client.keygen()
    keys.save(tmp_path)
    response = compiled.server.run(client.encrypt(keys, X[0]), keys.evaluation_key)
    with pytest.raises(tenebra.MessageError):
        client.decrypt(other, response)
    assert client.decrypt(keys, response).labels.shape == (1,)
    # Random ciphertexts behind a right header and checksum: what a server would send that computes something else. About a third
    # of them decrypt to numbers that the model cannot have.
    with pytest.raises(tenebra.DecryptionError):
        for _ in range(100):
            forged = response[:60] + os.urandom(len(response) - 64)
            client.decrypt(keys, forged + zlib.crc32(forged).to_bytes(4, "little"))
    for action in (
        lambda: client.encrypt(keys, X[0]),
        lambda: client.decrypt(keys, response),
        lambda: keys.secret_key_bytes(),
        lambda: client.load_keys(tmp_path),
    ):
        with pytest.raises(tenebra.DecryptionError, match="used no more"):
            action()


def test_foreign_and_damaged_messages_are_refused(linear: Any, forest: Any, tmp_path: Path) -> None:
    compiled, X = linear
    client, server = compiled.client, compiled.server
    keys = client.keygen()
    query = client.encrypt(keys, X[:3])
    other, _ = forest
    for action in (
        lambda: server.run(query[:-1]),
        lambda: server.run(b""),
        lambda: server.run(keys.secret_key_bytes()),
        lambda: other.server.run(query),
        lambda: other.client.encrypt(keys, load_iris().data[:1]),
        lambda: other.server.prepare_key(query),
        lambda: tenebra.Client.from_bytes(query),
        lambda: tenebra.Server.from_bytes(client.to_bytes()),
        lambda: client.decrypt(keys, query),
    ):
        with pytest.raises(tenebra.MessageError) as caught:
            action()
        assert str(caught.value)
    with pytest.raises(tenebra.MessageError, match="evaluation_key=keys.evaluation_key"):
        owner = other.client.keygen()
        other.server.run(other.client.encrypt(owner, load_iris().data[0]))
    with pytest.raises(tenebra.FileError):
        tenebra.Client.open(tmp_path / "none")
    with pytest.raises(OSError):
        tenebra.load(tmp_path / "none")
    with pytest.raises(tenebra.InputError, match="max_rows"):
        client.encrypt(keys, X[: client.max_rows + 1])


def test_memory_stays_flat(linear: Any) -> None:
    compiled, X = linear
    client, server = compiled.client, compiled.server
    keys = client.keygen()

    def some(count: int) -> None:
        for _ in range(count):
            client.decrypt(keys, server.run(client.encrypt(keys, X[0])))
            compiled.predict(X[:1], fhe="simulate")
            with pytest.raises(tenebra.InputError):
                compiled.predict([[1.0]])

    some(200)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    some(int(os.environ.get("TENEBRA_LEAK_CALLS", "34000")))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096, "kilobytes"


def test_the_version_is_that_of_the_package() -> None:
    assert tenebra.__version__ == version("tenebra")
