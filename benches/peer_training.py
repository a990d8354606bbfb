#!/usr/bin/env python3
"""Coefficients that `tenebra train` finds, at its default tolerance, against the minimizers that scikit-learn finds at a tight one.

    benches/peer_training.py [--peer FOLDER] [--tenebra BINARY] [--only TEXT]

Needs scikit-learn and pandas. FOLDER (default ../shared/peer beside the repository) holds data/SET_train.csv; without it there is
nothing to do, and the exit status is 0. Each configuration is trained without sample weights and with weights 1, 2, 3, 1, ...; the
distance is the largest difference of a coefficient or an intercept, in units of the largest coefficient where that exceeds 1.
Prints a table in Markdown; exit status 1 if any distance exceeds 1e-4.

scikit-learn's default solver of LogisticRegression (lbfgs) may stop short of the minimum: its own distance is the last column.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT = 1e-4
SMOOTH = dict(tol=1e-12, max_iter=10_000)
DESCENT = dict(tol=1e-12, max_iter=1_000_000)
DUAL = dict(tol=1e-12, max_iter=10_000_000)
CLASSES = ["bc_std", "digits", "iris", "wine_std", "log2d", "log30d"]
NUMBERS = ["diabetes", "diabetes_std", "lin1d"]
POSITIVE = ["claims_freq", "diabetes"]


def configurations():
    """(data sets, estimator, parameters of both, parameters of scikit-learn alone)."""
    newton = SMOOTH | {"solver": "newton-cg"}
    cholesky = SMOOTH | {"solver": "newton-cholesky"}
    yield CLASSES, "LogisticRegression", {}, newton
    yield CLASSES, "LogisticRegression", {"C": 0.1, "class_weight": "balanced"}, newton
    yield CLASSES, "LinearSVC", {"C": 0.1}, DUAL | {"dual": False}
    yield NUMBERS, "LinearRegression", {}, {}
    yield NUMBERS, "Ridge", {"alpha": 0.5}, {}
    yield NUMBERS, "Lasso", {"alpha": 0.1, **DESCENT}, {}
    yield NUMBERS, "ElasticNet", {"alpha": 0.01, **DESCENT}, {}
    yield NUMBERS, "LinearSVR", {"loss": "squared_epsilon_insensitive", "epsilon": 0.1}, DUAL | {"dual": False}
    yield POSITIVE, "PoissonRegressor", {"alpha": 0.01}, cholesky
    yield ["diabetes"], "GammaRegressor", {"alpha": 0.001}, cholesky
    yield POSITIVE, "TweedieRegressor", {"power": 1.5, "alpha": 0.01}, cholesky


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--peer", type=pathlib.Path, default=ROOT.parent / "shared" / "peer")
    arguments.add_argument("--tenebra", type=pathlib.Path, default=ROOT / "target" / "release" / "tenebra")
    arguments.add_argument("--only", default="")
    arguments = arguments.parse_args()
    if not (arguments.peer / "data").is_dir():
        print(f"{arguments.peer} is not there: nothing to compare with", file=sys.stderr)
        return 0
    import sklearn

    print(f"scikit-learn {sklearn.__version__}\n")
    print("| data | estimator | parameters | weights | distance | scikit-learn's default solver |\n|" + "---|" * 6)
    compared, beyond = 0, 0
    for sets, estimator, parameters, tight in configurations():
        for name in sets:
            for weighted in [False, True]:
                if arguments.only not in f"{name} {estimator}":
                    continue
                distance, default = compare(arguments, name, estimator, parameters, tight, weighted)
                shown = ", ".join(f"{key}={value}" for key, value in parameters.items())
                default = "" if default is None else f"{default:.1e}"
                print(f"| {name} | {estimator} | {shown} | {'yes' if weighted else 'no'} | {distance:.1e} | {default} |", flush=True)
                compared += 1
                beyond += not distance <= LIMIT
    print(f"\n{compared} compared, {beyond} beyond {LIMIT}")
    return 1 if beyond else 0


def compare(arguments, name, estimator, parameters, tight, weighted):
    import pandas

    frame = pandas.read_csv(arguments.peer / "data" / f"{name}_train.csv").drop(columns="w", errors="ignore")
    weights = [1.0 + row % 3 for row in range(len(frame))] if weighted else None
    ours = tenebra(arguments, frame, estimator, parameters, weights)
    theirs = scikit_learn(frame, estimator, parameters | tight, weights)
    default = None
    if estimator == "LogisticRegression":
        default = between(scikit_learn(frame, estimator, parameters | {"max_iter": 10_000}, weights), theirs)
    return between(ours, theirs), default


def tenebra(arguments, frame, estimator, parameters, weights):
    with tempfile.TemporaryDirectory() as folder:
        data, model = pathlib.Path(folder) / "data.csv", pathlib.Path(folder) / "model.json"
        (frame if weights is None else frame.assign(weight=weights)).to_csv(data, index=False)
        command = [arguments.tenebra, "train", estimator, "--data", data, "--target", "y", "-o", model]
        command += ["--weight", "weight"] if weights else []
        for key, value in parameters.items():
            command += ["--set", f"{key}={value}"]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
        sys.stderr.writelines(f"{line}\n" for line in report.splitlines() if line.startswith("warning"))
        model = json.loads(model.read_text())
    return model["coef"], model["intercept"]


def scikit_learn(frame, estimator, parameters, weights):
    import numpy
    from sklearn import linear_model, svm

    model = getattr(linear_model, estimator, None) or getattr(svm, estimator)
    model = model(**parameters)
    x, y = frame.drop(columns="y").to_numpy(float), frame["y"].to_numpy()
    with warnings.catch_warnings():
        # The tolerance is out of reach of floats: every solver here says so and keeps the best point.
        warnings.simplefilter("ignore")
        model.fit(x, y, sample_weight=weights)
    return numpy.atleast_2d(model.coef_), numpy.atleast_1d(model.intercept_)


def between(ours, theirs):
    import numpy

    worst = 0.0
    for a, b in zip(ours, theirs):
        a, b = numpy.array(a, float), numpy.array(b, float)
        assert a.shape == b.shape, (a.shape, b.shape)
        worst = max(worst, float(abs(a - b).max()) / max(1.0, float(abs(b).max())))
    return worst


if __name__ == "__main__":
    sys.exit(main())
