"""The service, where the command line was built."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
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
    log = tmp_path / "log"
    arguments = ["serve", "--open", "--store", tmp_path / "store", "--listen", "127.0.0.1:0", "--log", "json"]
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


def test_servers_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(tenebra.ServiceError, match="address"):
        tenebra.Remote("ftp://nowhere")
    with pytest.raises(tenebra.ServiceError):
        tenebra.Remote("http://127.0.0.1:9").models()
    with pytest.raises(ValueError, match="timeout"):
        tenebra.Remote("http://127.0.0.1:9", timeout=-1)
    assert "token" not in repr(tenebra.Remote("http://127.0.0.1:9", token="secret-token"))
