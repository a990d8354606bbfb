"""Tables of other libraries as rows of float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tenebra.errors import InputError

#: Columns of categories whose cells are words: place, words, and whether others are missing values.
Words = Sequence[tuple[int, Sequence[str], bool]]


class Matrix(NamedTuple):
    """Rows as the extension takes them."""

    data: bytes
    n_columns: int
    names: list[str] | None


def absent_cell(estimator: str) -> float:
    """What a cell is that a sparse matrix leaves out: zero, but to XGBoost a missing value."""
    return float("nan") if estimator.startswith("XGBoost") else 0.0


def matrix(
    X: Any, feature_names: Sequence[str] | None = None, words: Words = (), absent: float = 0.0
) -> Matrix:
    """Rows of an array, a list, a frame of pandas or polars, a table of pyarrow, or a sparse matrix; one dimension is one row."""
    if type(X) is np.ndarray and X.dtype == np.float64:
        return _of_array(X, None)
    names = _column_names(X)
    if names is not None:
        places = {name: place for place, name in enumerate(feature_names or ())}
        of_words = {place: (known, others) for place, known, others in words}
        columns = [
            _numbers(values, name, of_words.get(places.get(name, -1)))
            for name, values in zip(names, _columns(X), strict=True)
        ]
        if not columns:
            raise InputError("the table has no columns", "one for each feature is needed")
        return _of_array(np.column_stack(columns), names)
    if hasattr(X, "index") and hasattr(X, "to_numpy") and getattr(X, "ndim", 0) == 1:
        # A row of a frame: `X.iloc[0]`.
        return _of_array(_array(X.to_numpy()), [str(name) for name in X.index])
    return _of_array(_array(X, absent), None)


def _of_array(values: np.ndarray, names: list[str] | None) -> Matrix:
    if values.ndim == 1:
        values = values.reshape(1, -1)
    if values.ndim != 2:
        raise InputError(
            f"the array has {values.ndim} dimensions", "rows and columns are two; a single row may have one"
        )
    if values.shape[0] == 0 or values.shape[1] == 0:
        rows, columns = values.shape
        raise InputError(f"the table has {rows} rows and {columns} columns", "at least one of each is needed")
    return Matrix(values.tobytes(), values.shape[1], names)


def _array(X: Any, absent: float = 0.0) -> np.ndarray:
    try:
        X = _dense(X, absent) if hasattr(X, "toarray") else X
        values = np.ma.filled(X.astype(np.float64), np.nan) if isinstance(X, np.ma.MaskedArray) else np.asarray(X)
    except Exception as error:
        # What rows of different lengths, arrays that are elsewhere, and sparse matrices beyond the memory raise.
        raise InputError(f"{_article(X)} could not be read as a table: {error}", "pass an array or a list of rows of one length, or a frame") from error
    if values.ndim == 0:
        raise InputError(f"{_article(X)} is no table of rows", "pass an array, a list of rows, a frame of pandas or polars, or a table of pyarrow")
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind in "OUS":
        return _parsed(values)
    raise InputError(f"an array of {values.dtype} is not one of numbers", "convert it to float64")


def _dense(X: Any, absent: float) -> np.ndarray:
    if absent == 0:
        return np.asarray(X.toarray())
    cells = X.tocoo()
    there = cells.coords if hasattr(cells, "coords") else (cells.row, cells.col)
    out = np.asarray(X.toarray(), dtype=np.float64)
    left_out = np.ones(X.shape, dtype=bool)
    left_out[there] = False
    out[left_out] = absent
    return out


def _article(X: Any) -> str:
    name = type(X).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


def _parsed(values: np.ndarray) -> np.ndarray:
    """Numbers among objects. Strings are none, though `float` would read them."""
    out = np.empty(values.shape, dtype=np.float64)
    for place, cell in np.ndenumerate(values):
        out[place] = _number(cell, place)
    return out


def _number(cell: Any, place: tuple[int, ...]) -> float:
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return float("nan")
    if not isinstance(cell, (str, bytes, complex)):
        try:
            return float(cell)
        except Exception:  # Whatever a cell's own `__float__` raises.
            pass
    row, column = (place[0] + 1, place[-1] + 1) if len(place) > 1 else (1, place[0] + 1)
    raise InputError(f"row {row}, column {column}: {_shown(cell)} is not a number", "encode words as numbers before")


def _shown(cell: Any) -> str:
    """A cell in a message."""
    try:
        text = repr(cell.item() if isinstance(cell, np.generic) else cell)
    except Exception:  # Whatever its own `__repr__` raises, and integers of thousands of digits.
        return f"a cell of {type(cell).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _column_names(X: Any) -> list[str] | None:
    """Names of the columns of a frame; None if it is none."""
    if hasattr(X, "collect") and hasattr(X, "sink_parquet"):
        raise InputError(f"{_article(X)} has no rows yet", "call its `collect()`")
    names = getattr(X, "column_names", None)
    if names is None:
        names = getattr(X, "columns", None)
    if names is None or callable(names):
        return None
    return [str(name) for name in names]


def _columns(X: Any) -> list[Any]:
    if hasattr(X, "iloc"):
        return [X.iloc[:, place] for place in range(X.shape[1])]
    if hasattr(X, "get_columns"):
        return list(X.get_columns())
    columns = X.columns
    return list(columns() if callable(columns) else columns)


def _numbers(column: Any, name: str, words: tuple[Sequence[str], bool] | None) -> np.ndarray:
    """A column as float64, missing cells as NaN."""
    if words is not None:
        return _codes(column, name, *words)
    dtype = getattr(column, "dtype", None)
    if dtype is not None and getattr(dtype, "kind", None) in tuple("biuf") and hasattr(column, "iloc"):
        # Nullable dtypes of pandas have `na_value`; the others have no missing cells but NaN.
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    values = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    if values.dtype.kind == "O":
        out = np.empty(len(values))
        for row, cell in enumerate(values):
            try:
                out[row] = _number(cell, (row, 0))
            except InputError:
                raise InputError(
                    f"row {row + 1}, column `{name}`: {_shown(cell)} is not a number",
                    "encode words as numbers before, or leave the column out",
                ) from None
        return out
    raise InputError(
        f"column `{name}` holds {values.dtype}, not numbers", "convert it, or leave the column out"
    )


def _codes(column: Any, name: str, words: Sequence[str], others_are_missing: bool) -> np.ndarray:
    """Places of words."""
    places = {word: float(place) for place, word in enumerate(words)}
    cells = column.tolist() if hasattr(column, "tolist") else column.to_pylist()
    out = np.empty(len(cells))
    for row, cell in enumerate(cells):
        missing = cell is None or cell != cell
        code = float("nan") if missing else places.get(str(cell))
        if code is None:
            if not others_are_missing:
                raise InputError(
                    f"row {row + 1}, column `{name}`: {cell!r} is none of the model's {len(words)} categories",
                    "the model was fitted without it",
                )
            code = float("nan")
        out[row] = code
    return out
