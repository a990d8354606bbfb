"""Kernel machines, nearest neighbours and Gaussian processes of scikit-learn on three features of five bits, tabulated: float and
encrypted score on all test rows, times and bytes; and, because a row of the smallest test set is 0.022 of its score, means over ten splits,
float and simulated.

    python benches/tabulated.py TENEBRA FOLDER

needs scikit-learn, skl2onnx and numpy; TENEBRA is the program, FOLDER takes models and tables. Prints Markdown.
"""
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

warnings.filterwarnings("ignore")
tenebra, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
DATA = {
    "breast cancer": (load_breast_cancer, [27, 20, 21]),
    "iris": (load_iris, [1, 2, 3]),
    "wine": (load_wine, [6, 9, 12]),
    "diabetes": (load_diabetes, [2, 8, 3]),
}
CASES = [
    ("SVC", lambda: SVC(), "breast cancer"),
    ("SVC", lambda: SVC(), "iris"),
    ("SVC", lambda: SVC(), "wine"),
    ("KNeighborsClassifier", lambda: KNeighborsClassifier(), "breast cancer"),
    ("KNeighborsClassifier", lambda: KNeighborsClassifier(15), "wine"),
    ("GaussianProcessClassifier", lambda: GaussianProcessClassifier(1.0 * RBF(1.0)), "breast cancer"),
    ("SVR", lambda: SVR(C=100), "diabetes"),
    ("KNeighborsRegressor", lambda: KNeighborsRegressor(20), "diabetes"),
    ("GaussianProcessRegressor", lambda: GaussianProcessRegressor(1.0 * RBF(2.0) + WhiteKernel(1.0), normalize_y=True), "diabetes"),
]


def run(*arguments):
    done = subprocess.run([tenebra, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return done.stdout


def table(path, X, y):
    header = ",".join(["a", "b", "c", "y"])
    path.write_text("\n".join([header, *(",".join(map(repr, [*map(float, x), t])) for x, t in zip(X, y.tolist()))]) + "\n")


def split(name, make, data, seed):
    """Fits on one split: float model, its files, the truth of its test rows."""
    load, columns = DATA[data]
    X, y = load(return_X_y=True)
    X = X[:, columns]
    regression = name.endswith("Regressor") or name == "SVR"
    train, test, of_train, of_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=None if regression else y)
    model = make_pipeline(StandardScaler(), make()).fit(train, of_train)
    options = {"zipmap": False} if hasattr(model, "predict_proba") else None
    graph = to_onnx(model, train[:1].astype(np.float32), options=options, target_opset={"": 17, "ai.onnx.ml": 3})
    stem = folder / f"{name}_{data}_{seed}".replace(" ", "_")
    stem.with_suffix(".onnx").write_bytes(graph.SerializeToString())
    table(stem.with_suffix(".train.csv"), train, of_train)
    table(stem.with_suffix(".test.csv"), test, of_test)
    return stem, model.score(test, of_test)


def tabulated(stem, query, mode, *options):
    """What `eval` says of the tabulated model."""
    out = stem.with_suffix("." + query)
    run("compile", stem.with_suffix(".onnx"), "--tabulate", "--n-bits", 5, "--calibrate", stem.with_suffix(".train.csv"), "--target", "y", "--query", query, "--force", "-o", out, *options)
    return json.loads(run("eval", out, "--data", stem.with_suffix(".test.csv"), "--target", "y", "--mode", mode, "--json"))


print("| model | data | score, float | encrypted | mean of ten splits, float | simulated | mismatches | direct, ms | packed, ms | query, direct / packed | evaluation key, packed |")
print("|---|---|---|---|---|---|---|---|---|---|---|")
for name, make, data in CASES:
    try:
        stem, score = split(name, make, data, 0)
    except Exception as error:
        print(f"| {name} | {data} | not exported: {str(error).splitlines()[0][:80]} |")
        continue
    direct, packed = (tabulated(stem, query, "encrypted") for query in ("direct", "packed"))
    means = []
    for seed in range(10):
        of_seed, of_float = split(name, make, data, seed)
        of_table = tabulated(of_seed, "direct", "simulate", "--no-measure")
        means.append((of_float, of_table["metric"]["value"]))
    of_float, of_table = np.mean(means, axis=0)
    print(
        f"| {name} | {data} | {score:.4f} | {direct['metric']['value']:.4f} | {of_float:.4f} | {of_table:.4f}"
        f" | {direct['mismatches'] + packed['mismatches']} of {2 * direct['rows']}"
        f" | {direct['evaluate_ms']['median']:.1f} | {packed['evaluate_ms']['median']:.1f}"
        f" | {direct['query_bytes'] / 1e3:.0f} kB / {packed['query_bytes']} B | {(packed['evaluation_key_bytes'] or 0) / 1e6:.2f} MB |",
        flush=True,
    )
