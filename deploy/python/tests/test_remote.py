"""The service, where the command line was built."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tenebra
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).parents[3] / "target"))
BINARY = Path(os.environ.get("TENEBRA_BINARY", TARGET / "release" / "tenebra"))
pytestmark = pytest.mark.skipif(not BINARY.exists(), reason="`cargo build --release` makes target/release/tenebra")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with _serving(tmp_path, "--open") as url:
        yield url


@contextmanager
def _serving(tmp_path: Path, *how: str) -> Iterator[str]:
    log = tmp_path / "log"
    arguments = ["serve", *how, "--store", tmp_path / "store", "--listen", "127.0.0.1:0", "--log", "json"]
    with log.open("w") as stderr:
        server = subprocess.Popen([BINARY, *arguments], stderr=stderr)
    try:
        deadline = time.monotonic() + 60
        while (found := re.search('"address":"([^"]*)"', log.read_text())) is None:
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield f"http://{found[1]}"
    finally:
        server.terminate()
        server.wait()


def test_rows_are_scored_by_a_server(url: str, tmp_path: Path) -> None:
    X, y = load_iris(return_X_y=True)
    for name, estimator, query in [
        ("linear", LogisticRegression(max_iter=500), None),
        ("tree", DecisionTreeClassifier(max_depth=3, random_state=0), "packed"),
    ]:
        compiled = tenebra.compile(estimator.fit(X, y), X, query=query)
        compiled.save(tmp_path / name)
        subprocess.run([BINARY, "push", tmp_path / name, "--server", url, "--name", name], check=True)
        remote = tenebra.Remote(url)
        assert name in [model["model"] for model in remote.models()]
        wanted = compiled.evaluate(X, fhe="simulate")
        np.testing.assert_array_equal(remote.predict(name, X), wanted.labels)
        np.testing.assert_array_equal(remote.evaluate(name, X[:3]).scores, wanted.scores[:3])
        # A folder keeps keys and spec; the second time it is opened.
        for _ in range(2):
            np.testing.assert_array_equal(remote.predict(name, X[:5], keys=tmp_path / "keys" / name), wanted.labels[:5])
        with pytest.raises(tenebra.ServiceError):
            remote.predict(name, X[:1], version="0" * 64)
    with pytest.raises(tenebra.ServiceError, match="none"):
        tenebra.Remote(url).predict("none", X)


def _token(store: Path, name: str, role: str) -> str:
    done = subprocess.run([BINARY, "token", "add", name, "--role", role, "--store", store], check=True, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1].strip()


def test_a_server_asks_for_a_token(tmp_path: Path) -> None:
    X, y = load_iris(return_X_y=True)
    compiled = tenebra.compile(DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y), X, query="packed")
    compiled.save(tmp_path / "model")
    owner, client = (_token(tmp_path / "store", role, role) for role in ("owner", "client"))
    with _serving(tmp_path) as url:
        pushed = [BINARY, "push", tmp_path / "model", "--server", url, "--name", "model"]
        subprocess.run(pushed, check=True, env={**os.environ, "TENEBRA_TOKEN": owner})
        remote = tenebra.Remote(url, token=client)
        np.testing.assert_array_equal(remote.predict("model", X[:9]), compiled.predict(X[:9], fhe="simulate"))
        np.testing.assert_array_equal(remote.evaluate("model", X[:3]).scores, compiled.evaluate(X[:3], fhe="simulate").scores)
        for stranger in (tenebra.Remote(url), tenebra.Remote(url, token="0" * len(client))):
            with pytest.raises(tenebra.ServiceError) as caught:
                stranger.predict("model", X[:1])
            assert "token" in str(caught.value)
        assert client not in repr(remote)
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(remote)


def test_servers_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(tenebra.ServiceError, match="address"):
        tenebra.Remote("ftp://nowhere")
    with pytest.raises(tenebra.ServiceError):
        tenebra.Remote("http://127.0.0.1:9").models()
    with pytest.raises(ValueError, match="timeout"):
        tenebra.Remote("http://127.0.0.1:9", timeout=-1)
    assert "token" not in repr(tenebra.Remote("http://127.0.0.1:9", token="secret-token"))
