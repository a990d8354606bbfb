"""Tables of every make, and errors that say what, where, the limit and the mend."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import tenebra
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeRegressor


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return load_diabetes(as_frame=True).data


@pytest.fixture(scope="module")
def compiled(frame: pd.DataFrame) -> tenebra.Compiled:
    return tenebra.compile(Ridge().fit(frame, load_diabetes().target), frame)


def test_every_make_of_table_is_the_same_rows(compiled: tenebra.Compiled, frame: pd.DataFrame) -> None:
    wanted = compiled.predict(frame.to_numpy(), fhe="simulate")
    shuffled = frame[list(reversed(frame.columns))].assign(name="x")
    tables = [
        frame,
        shuffled,
        frame.convert_dtypes(),
        pl.from_pandas(frame),
        pl.from_pandas(frame).select(pl.all().reverse()).select(pl.all().reverse()),
        pa.Table.from_pandas(frame, preserve_index=False),
        frame.to_numpy().tolist(),
        np.asfortranarray(frame.to_numpy()),
        frame.to_numpy()[::-1][::-1],
        scipy.sparse.csr_matrix(frame.to_numpy()),
    ]
    tables[1] = shuffled.drop(columns="name")
    for table in tables:
        np.testing.assert_array_equal(compiled.predict(table, fhe="simulate"), wanted)
    assert compiled.predict(frame.iloc[3], fhe="simulate") == wanted[3]
    assert compiled.predict(frame.to_numpy()[3], fhe="execute") == wanted[3]
    ints = frame.to_numpy().round().astype(np.int32)
    np.testing.assert_array_equal(
        compiled.predict(ints, fhe="simulate"), compiled.predict(ints.astype(float), fhe="simulate")
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.drop(columns="bmi"), "`bmi`"),
        (lambda f: f.assign(bmi="heavy"), "row 1, column `bmi`: 'heavy' is not a number"),
        (lambda f: f.assign(bmi=np.where(f.index == 4, np.nan, f.bmi)), "row 5, column `bmi`"),
        (lambda f: f.assign(bmi=np.where(f.index == 2, np.inf, f.bmi)), "row 3"),
        (lambda f: f.assign(bmi=pd.Timestamp("2026-01-01")), "column `bmi` holds datetime64"),
        (lambda f: f.iloc[:0], "0 rows"),
        (lambda f: f.to_numpy()[:, :3], "3"),
        (lambda f: f.to_numpy()[None], "3 dimensions"),
        (lambda f: f.to_numpy().astype(complex), "complex128"),
        (lambda f: [["1", "2"]], "row 1, column 1: np.str_('1') is not a number"),
        (lambda f: pl.from_pandas(f).rename({"bmi": "mass"}), "`bmi`"),
        (lambda f: None, "0 dimensions"),
    ],
)
def test_bad_rows_are_named(compiled: tenebra.Compiled, frame: pd.DataFrame, spoil: Any, message: str) -> None:
    with pytest.raises(tenebra.InputError) as caught:
        compiled.predict(spoil(frame), fhe="simulate")
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bits": 17}, "`n_bits` is 17; it must be 2 to 16"),
        ({"n_bits": 1}, "`n_bits` is 1"),
        ({"n_bits": -3}, "`n_bits` is -3"),
        ({"n_bits": 2.5}, "n_bits"),
        ({"leaf_bits": 3}, "`leaf_bits` has no effect"),
        ({"bins": "even"}, '`bins` is "even"; it must be one of thresholds, uniform'),
        ({"range": 20}, "50 to 100"),
        ({"query": "packed"}, "`query` has no effect"),
        ({"p_fail": 3.0}, "p_fail"),
        ({"hide_advantage": -8}, "`hide_advantage` has no effect"),
    ],
)
def test_bad_settings_are_named(frame: pd.DataFrame, options: dict[str, Any], message: str) -> None:
    model = Ridge().fit(frame, load_diabetes().target)
    with pytest.raises((tenebra.CompileError, ValueError, TypeError)) as caught:
        tenebra.compile(model, frame, **options)
    assert message in str(caught.value)


def test_models_come_in_many_forms(frame: pd.DataFrame, tmp_path: Path) -> None:
    target = load_diabetes().target
    model = tenebra.from_fitted(DecisionTreeRegressor(max_depth=3, random_state=0).fit(frame, target))
    text = model.to_json()
    path = tmp_path / "model.json"
    path.write_text(text)
    wanted = model.compile(measure=False).predict(frame, fhe="simulate")
    for source in (text, json.loads(text), path, str(path), tenebra.Model.from_json(text)):
        made = tenebra.compile(source, measure=False)
        np.testing.assert_array_equal(made.predict(frame, fhe="simulate"), wanted)
    for bad, error in [
        ('{"format": "other"}', tenebra.ModelError),
        (tmp_path / "none.json", tenebra.FileError),
        (b"x", tenebra.UnsupportedError),
        (object(), tenebra.UnsupportedError),
        (Ridge(), tenebra.NotFittedError),
        (Ridge, tenebra.UnsupportedError),
    ]:
        with pytest.raises(error):
            tenebra.compile(bad)
    with pytest.raises(tenebra.ModelError, match="calibrat"):
        tenebra.compile(Ridge().fit(frame, target))


def test_reports(compiled: tenebra.Compiled) -> None:
    report = compiled.report
    assert report["security_bits"] >= 128 and report["p_fail_log2"] <= -128
    fields = report.to_dict()
    fields["scheme"] = "changed"
    assert report["scheme"] == "linear"
    assert set(report) == set(fields)
    html = report._repr_html_()
    assert html.count("<svg") == 2 and html.count("<table>") == 1 and "security" in repr(report)


def test_other_threads_run_while_it_computes(frame: pd.DataFrame) -> None:
    target = load_diabetes().target
    model = tenebra.from_fitted(DecisionTreeRegressor(max_depth=6, random_state=0).fit(frame, target))
    counted = []
    done = threading.Event()

    def count() -> None:
        while not done.is_set():
            counted.append(time.perf_counter())
            time.sleep(0.001)

    compiled = model.compile(frame, measure=False)
    compiled.predict(frame[:1])
    thread = threading.Thread(target=count)
    thread.start()
    start = time.perf_counter()
    heard: list[tuple[int, int]] = []
    compiled.predict(frame[:20], progress=lambda *done: heard.append(done))
    end = time.perf_counter()
    done.set()
    thread.join()
    assert heard[-1] == (20, 20)
    assert sum(start < moment < end for moment in counted) >= 5


def test_an_exception_in_progress_is_raised(compiled: tenebra.Compiled, frame: pd.DataFrame) -> None:
    def fail(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compiled.predict(frame, progress=fail)
    with pytest.raises(KeyboardInterrupt):
        tenebra.compile(Ridge().fit(frame, load_diabetes().target), frame, progress=fail)
