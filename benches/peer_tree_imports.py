#!/usr/bin/env python3
"""Generated tree models of XGBoost, LightGBM, CatBoost and scikit-learn, imported and simulated, against the library's own scores.

    benches/peer_tree_imports.py [--models N] [--first SEED] [--tenebra BINARY] [--only LIBRARY] [--keep FOLDER]

Needs xgboost, lightgbm, catboost, scikit-learn, skl2onnx, onnxruntime and pandas. Model SEED is drawn from its seed: library, objective,
size, missing values, categories. It is scored on rows of its data and on edge rows: a threshold of the model, a step of single or
double precision beside it, zeros of both signs, numbers around zero, 1e38, codes that training did not have, missing values.

A model passes if on every row the integers of `eval --mode simulate` are an affine function of the library's raw scores to within the
bound of the compile report, the predictions agree with the library's, and classes are the same where scores are not tied. A model
that `import` or `compile` refuses is counted by its message, and fails nothing. scikit-learn and CatBoost go through ONNX: where
onnxruntime itself differs from the library that wrote the graph, onnxruntime is the measure, and the model is counted as such.
Prints a table in Markdown; exit status 1 if a model differs.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np

from tree_models import MAKERS, Untrained

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEAF_BITS = 18
# XGBoost and onnxruntime add leaves in single precision.
SINGLE = 4e-6


class Refused(Exception):
    """tenebra said no."""


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--models", type=int, default=600)
    arguments.add_argument("--first", type=int, default=0)
    arguments.add_argument("--tenebra", type=pathlib.Path, default=ROOT / "target" / "release" / "tenebra")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--keep", type=pathlib.Path)
    arguments = arguments.parse_args()
    warnings.simplefilter("ignore")
    draw = ["xgboost"] * 4 + ["lightgbm"] * 4 + ["scikit-learn"] * 2 + ["catboost"]
    count = collections.defaultdict(collections.Counter)
    refusals = collections.Counter()
    for seed in range(arguments.first, arguments.first + arguments.models):
        rng = np.random.default_rng(seed)
        library = draw[rng.integers(len(draw))]
        if arguments.only not in library:
            continue
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            try:
                case = MAKERS[library](rng, folder)
                outcome, text = measure(arguments, case, folder)
            except Refused as refused:
                outcome, text = "refused", str(refused)
                refusals[f"{library}: {text}"] += 1
            except Untrained as failed:
                outcome, text = "not trained", str(failed)
            count[library][outcome] += 1
            count[library]["rows"] += len(case.rows) if outcome == "same" else 0
            if outcome == "differs":
                print(f"{seed} {library} {case.kind}: {text}", flush=True)
            if outcome in ("differs", "refused") and arguments.keep:
                shutil.copytree(folder, arguments.keep / f"{seed}_{library}", dirs_exist_ok=True)
    table(count, refusals)
    return 1 if any(counter["differs"] for counter in count.values()) else 0


def table(count, refusals):
    print("| library | models | same | by onnxruntime | refused | not trained | differ | rows of those that are the same |\n|" + "---|" * 8)
    for library, c in sorted(count.items()):
        models = sum(c[k] for k in ["same", "same as onnxruntime", "refused", "differs"])
        print(f"| {library} | {models} | {c['same']} | {c['same as onnxruntime']} | {c['refused']} | {c['not trained']} | {c['differs']} | {c['rows']} |")
    for text, times in refusals.most_common():
        print(f"\nrefused {times} times: {text}")


def run(arguments, *command):
    done = subprocess.run([arguments.tenebra, *map(str, command)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(done.stderr.strip().splitlines()[0].split(": ", 2)[-1] if done.stderr.strip() else f"exit {done.returncode}")
    return json.loads(done.stdout) if "--json" in command else None


def write_rows(path, case):
    with open(path, "w") as file:
        file.write(",".join(case.names) + "\n")
        for row in case.rows:
            # A line without a cell is no row to CSV.
            missing = "" if len(row) > 1 else "nan"
            file.write(",".join(missing if x != x else x if isinstance(x, str) else repr(float(x)) for x in row) + "\n")


def measure(arguments, case, folder):
    write_rows(folder / "rows.csv", case)
    run(arguments, "import", case.path, *case.options, "-o", folder / "model.json")
    report = run(arguments, "compile", folder / "model.json", "--leaf-bits", LEAF_BITS, "-o", folder / "compiled", "--json")
    found = run(arguments, "eval", folder / "compiled", "--data", folder / "rows.csv", "--mode", "simulate", "--raw", "--json")
    bound = max((report.get("trees") or {}).get("leaf_error_bound") or [0.0])
    text = compare(case, case.scores, case.predictions, found, bound)
    if text and case.ort:
        scores, predictions = case.ort()
        if compare(case, scores, predictions, found, bound) is None:
            return "same as onnxruntime", text
    return ("differs", text) if text else ("same", "")


def compare(case, scores, predictions, found, bound):
    """What differs, or None."""
    if found["rows"] != len(case.rows):
        return f"{found['rows']} rows of {len(case.rows)}"
    tied = np.zeros(len(case.rows), bool)
    if scores is not None:
        scores = np.asarray(scores, float).reshape(len(case.rows), -1)
        largest = np.abs(scores).max()
        tolerance = 2 * bound + (SINGLE if case.single else 1e-9) * max(1.0, largest)
        ordered = np.sort(scores, axis=1)
        gap = np.abs(scores[:, 0]) if scores.shape[1] == 1 else ordered[:, -1] - ordered[:, -2]
        tied = gap <= 4 * tolerance
        raw = np.array(found["raw"], float).reshape(len(case.rows), -1)
        if scores.shape[1] == 1 and raw.shape[1] == 2:
            raw = raw[:, 1:] - raw[:, :1]
        if raw.shape != scores.shape:
            return f"{raw.shape[1]} outputs instead of {scores.shape[1]}"
        for output in range(raw.shape[1]):
            x, y = raw[:, output], scores[:, output]
            slope, offset = affine(x, y)
            error = np.abs(slope * x + offset - y)
            if error.max() > 2 * tolerance:
                row = int(error.argmax())
                return f"row {row}, output {output}: {slope * x[row] + offset} instead of {y[row]}, tolerance {tolerance}"
    else:
        tolerance = 2 * bound + 1e-5
    if case.kind == "class":
        got = np.array([str(x) for x in found["predictions"]])
        want = np.array([str(x) for x in predictions])
        wrong = np.flatnonzero((got != want) & ~tied)
        return f"row {wrong[0]}: class {got[wrong[0]]} instead of {want[wrong[0]]}" if len(wrong) else None
    got = np.array(found["predictions"], float).reshape(len(case.rows), -1)
    want = np.asarray(predictions, float).reshape(len(case.rows), -1)
    if got.shape != want.shape:
        return f"{got.shape[1]} predictions instead of {want.shape[1]}"
    error = np.abs(got - want) / np.maximum(1.0, np.abs(want))
    if error.max() > 4 * tolerance:
        row = int(error.max(axis=1).argmax())
        return f"row {row}: predicted {got[row]} instead of {want[row]}, tolerance {4 * tolerance}"
    return None


def affine(x, y):
    """The line through the rows with the least and the largest integer."""
    low, high = int(x.argmin()), int(x.argmax())
    if x[low] == x[high]:
        return 0.0, float(np.median(y))
    slope = (y[high] - y[low]) / (x[high] - x[low])
    return slope, y[low] - slope * x[low]


if __name__ == "__main__":
    sys.exit(main())
