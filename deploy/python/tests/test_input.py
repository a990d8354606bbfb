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
        frame.to_numpy().astype(">f8"),
        frame.to_numpy().astype(np.longdouble),
        frame.to_numpy().astype(object),
        frame.astype(pd.SparseDtype("float", 0.0)),
        frame.convert_dtypes(dtype_backend="pyarrow"),
        pa.RecordBatch.from_pandas(frame, preserve_index=False),
        tuple(map(tuple, frame.to_numpy())),
        memoryview(frame.to_numpy()),
        np.repeat(np.repeat(frame.to_numpy(), 2, axis=0), 2, axis=1)[::2, ::2],
        scipy.sparse.coo_array(frame.to_numpy()),
        frame.to_numpy()[::-1][::-1],
        scipy.sparse.csr_matrix(frame.to_numpy()),
    ]
    tables.append(frame.to_numpy().copy())
    tables[-1].flags.writeable = False
    tables[1] = shuffled.drop(columns="name")
    for table in tables:
        np.testing.assert_array_equal(compiled.predict(table, fhe="simulate"), wanted)
    assert compiled.predict(frame.iloc[3], fhe="simulate") == wanted[3]
    assert compiled.predict(frame.to_numpy()[3], fhe="execute") == wanted[3]
    ints = frame.to_numpy().round().astype(np.int32)
    np.testing.assert_array_equal(
        compiled.predict(ints, fhe="simulate"), compiled.predict(ints.astype(float), fhe="simulate")
    )


class _Unreadable:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("elsewhere")


class _NoNumber:
    def __float__(self) -> float:
        raise ZeroDivisionError

    def __repr__(self) -> str:
        raise ZeroDivisionError


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
        (lambda f: [["1", "2"]], "row 1, column 1: '1' is not a number"),
        (lambda f: pl.from_pandas(f).rename({"bmi": "mass"}), "`bmi`"),
        (lambda f: None, "a NoneType is no table of rows"),
        (lambda f: "rows", "a str is no table of rows"),
        (lambda f: {"bmi": [1.0]}, "a dict is no table of rows"),
        (lambda f: (row for row in [[1.0]]), "a generator is no table of rows"),
        (lambda f: object(), "an object is no table of rows"),
        (lambda f: [[1.0, 2.0], [3.0]], "a list could not be read as a table"),
        (lambda f: _Unreadable(), "could not be read as a table: elsewhere"),
        (lambda f: scipy.sparse.csr_matrix((10**7, 10**7)), "could not be read as a table"),
        (lambda f: pl.from_pandas(f).lazy(), "a LazyFrame has no rows yet; call its `collect()`"),
        (lambda f: f.astype(object).assign(bmi=10**400), "row 1, column `bmi`: 1000"),
        (lambda f: [[10**400] * 10], "row 1, column 1: 1000"),
        (lambda f: [[_NoNumber()] * 10], "row 1, column 1: a cell of _NoNumber is not a number"),
        (lambda f: [["x" * 999] * 10], "xxx... is not a number"),
        (lambda f: f.to_numpy()[:, :9], "the rows have 9 columns, and the model takes 10"),
        (lambda f: f.to_numpy()[:, 0], "the rows have 442 columns, and the model takes 10"),
        (lambda f: f.assign(bmi=pd.Categorical(["a"] * len(f))), "row 1, column `bmi`: 'a' is not a number"),
        (lambda f: pd.concat([f, f[["bmi"]]], axis=1), "column `bmi` occurs twice"),
    ],
)
def test_bad_rows_are_named(compiled: tenebra.Compiled, frame: pd.DataFrame, spoil: Any, message: str) -> None:
    with pytest.raises(tenebra.InputError) as caught:
        compiled.predict(spoil(frame), fhe="simulate")
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_cells_that_sparse_matrices_leave_out_are_what_the_library_takes_them_for() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5)) * (rng.random((200, 5)) < 0.5)
    y = X[:, 0] - X[:, 1] + (X[:, 2] == 0)
    sparse = scipy.sparse.csr_matrix(X)
    sparse.data[3] = 0.0  # a zero that is there
    for library, name in (("xgboost", "XGBRegressor"), ("lightgbm", "LGBMRegressor"), ("sklearn.ensemble", "RandomForestRegressor")):
        module = pytest.importorskip(library)
        few = {"verbose": -1} if library == "lightgbm" else {}
        estimator = getattr(module, name)(n_estimators=4, max_depth=3, **few).fit(sparse, y)
        compiled = tenebra.from_fitted(estimator).compile(sparse, measure=False)
        for each in (sparse, scipy.sparse.coo_matrix(sparse)):
            np.testing.assert_allclose(compiled.predict(each, fhe="disable"), estimator.predict(sparse), rtol=1e-5, atol=1e-6)


def test_masked_cells_are_missing(frame: pd.DataFrame, compiled: tenebra.Compiled) -> None:
    rows = np.ma.masked_array(frame.to_numpy().copy(), mask=False)
    wanted = compiled.predict(frame.to_numpy(), fhe="simulate")
    np.testing.assert_array_equal(compiled.predict(rows, fhe="simulate"), wanted)
    rows[1, 2] = np.ma.masked
    with pytest.raises(tenebra.InputError, match="row 2, column `bmi` is missing"):
        compiled.predict(rows, fhe="simulate")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_bits": 17}, "`n_bits` is 17; it must be 2 to 16"),
        ({"n_bits": 1}, "`n_bits` is 1"),
        ({"n_bits": -3}, "`n_bits` is -3"),
        ({"n_bits": 2.5}, "n_bits"),
        ({"leaf_bits": 3}, "`leaf_bits` has no effect"),
        ({"bins": "even"}, '`bins` is "even"; it must be one of thresholds, uniform'),
        ({"range": 20}, "must be above 50"),
        ({"range": 50}, "must be above 50"),
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
