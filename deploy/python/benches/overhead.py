"""What Python costs: over the call of the extension, at import, and from a wheel to a first encrypted prediction.

    python benches/overhead.py [WHEEL]

With a wheel, it is installed in a clean environment (numpy from pip's cache or the network). Ends with status 1 where a figure is missed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tenebra
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tenebra._rows import matrix

#: Of rows, the most that may be added to the extension's time.
MOST = {1: 0.05, 1000: 0.01}
ROUNDS = {1: 4000, 1000: 60}

FIRST = """
import time, sys
start = time.perf_counter()
import tenebra
imported = time.perf_counter() - start
compiled = tenebra.load(sys.argv[1])
print(imported, compiled.predict([[float(x) for x in sys.argv[2].split(",")]], fhe="execute")[0])
"""


def overhead(compiled: tenebra.Compiled, X: np.ndarray) -> bool:
    """`predict` against the extension's call of the same rows, turn by turn; medians."""
    fine = True
    for count, most in MOST.items():
        rows = np.ascontiguousarray(np.resize(X, (count, X.shape[1])))
        made = matrix(rows, *compiled._columns)
        calls: dict[str, Callable[[], Any]] = {
            "extension": lambda: compiled._inner.execute(made, 1, None),
            "predict": lambda: compiled.predict(rows, fhe="execute"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for call in calls.values():
            call()
        for turn in range(ROUNDS[count]):
            for name in sorted(calls, reverse=turn % 2 == 1):
                start = time.perf_counter()
                calls[name]()
                seconds[name].append(time.perf_counter() - start)
        # The lower quartile: others use the machine as well.
        of = {name: statistics.quantiles(times, n=4)[0] for name, times in seconds.items()}
        added = of["predict"] / of["extension"] - 1
        fine &= added <= most
        print(f"{count} rows: extension {of['extension'] * 1e6:.1f} us, predict {of['predict'] * 1e6:.1f} us: {added:+.2%}, at most {most:.0%}")
    return fine


def imports() -> bool:
    """`import tenebra` in a new interpreter, the least of ten."""
    script = "import time; start = time.perf_counter(); import tenebra; print(time.perf_counter() - start)"
    seconds = min(float(subprocess.check_output([sys.executable, "-c", script])) for _ in range(10))
    print(f"import {seconds:.3f} s, at most 0.2")
    return seconds <= 0.2


def install(wheel: str, compiled: tenebra.Compiled, row: np.ndarray) -> bool:
    """From a wheel to a first encrypted prediction in a clean environment."""
    with tempfile.TemporaryDirectory() as folder:
        compiled.save(Path(folder) / "model")
        start = time.perf_counter()
        venv.create(Path(folder) / "venv", with_pip=True)
        made = time.perf_counter()
        python = Path(folder) / "venv" / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], check=True)
        script = [python, "-c", FIRST, Path(folder) / "model", ",".join(map(str, row))]
        said = subprocess.check_output(script, text=True).split()
        done = time.perf_counter()
        assert float(said[1]) == compiled.predict(row, fhe="simulate")[0]
        packages = next((Path(folder) / "venv" / "lib").glob("python*")) / "site-packages"
        sizes = {name: _size(packages / name) for name in ("tenebra", "numpy", "numpy.libs") if (packages / name).exists()}
    print(f"environment {made - start:.1f} s; install and first prediction {done - made:.1f} s, at most 10; on the disk, MB: {sizes}")
    return done - made <= 10


def _size(folder: Path) -> float:
    return round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6, 1)


def main() -> int:
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    compiled = tenebra.from_fitted(LogisticRegression().fit(X, y)).compile(X)
    fine = [overhead(compiled, X), imports()]
    for wheel in sys.argv[1:]:
        fine.append(install(str(Path(wheel).resolve()), compiled, X[0]))
    return int(not all(fine))


if __name__ == "__main__":
    sys.exit(main())
