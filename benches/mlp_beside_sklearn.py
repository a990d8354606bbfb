#!/usr/bin/env python3
"""Networks of one hidden layer as `train` makes them without settings, beside scikit-learn's float MLP of the same shape.

    benches/mlp_beside_sklearn.py WORK [--tenebra target/release/tenebra] [--data ../shared/peer/data] [--seeds 3] [--folds K [--splits] [--first-seed 0]] [--set KEY=VALUE]… [--only NAME]…

For iris, wine, breast cancer and digits: the accuracy on all test rows of scikit-learn's MLPClassifier(32) with its defaults but
`max_iter` 2000, of `train MLPClassifier` with the defaults, simulated, and encrypted on all rows (seed 0), packed and direct, with the
number of rows whose decrypted integers differ from the simulated ones. With --folds, the accuracies alone, on all rows, a K-th at a time and
trained on the others, for each seed; with --splits each seed draws its own folds, too.
Needs scikit-learn.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier

from folds import splits, written

DATA = ["iris", "wine_std", "bc_std", "bc", "digits"]


def rows(path):
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    return table[:, :-1], table[:, -1]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stderr}")
    return json.loads(done.stdout)


def simulated(a, folder, train, test, seed):
    """The accuracy of `train` with its defaults, on the test rows."""
    model, compiled = folder / f"{seed}.json", folder / str(seed)
    settings = [part for setting in [f"random_state={seed}", *a.set] for part in ("--set", setting)]
    run(a.tenebra, "-q", "train", "MLPClassifier", "--data", train, "--target", "y", *settings, "-o", model, "--json")
    run(a.tenebra, "-q", "compile", model, "--no-measure", "--force", "-o", compiled, "--json")
    return run(a.tenebra, "eval", compiled, "--data", test, "--target", "y", "--mode", "simulate", "--json")["metric"]["value"]


def scikit_learn(train, test, seed):
    model = MLPClassifier((32,), max_iter=2000, random_state=seed).fit(*rows(train))
    return model.score(*rows(test))


def crossed(a, name, files):
    """A line: float and simulated accuracies by seed, the mean of the difference and its standard error by folds and seeds."""
    beside, found = np.zeros((a.seeds, a.folds)), np.zeros((a.seeds, a.folds))
    for at, seed in enumerate(range(a.first_seed, a.first_seed + a.seeds)):
        for fold, lines in enumerate(splits(*files, a.folds, seed if a.splits else 0)):
            folder = a.work / f"{name}_fold{fold}"
            paths = written(folder, *lines)
            beside[at, fold] = scikit_learn(*paths, seed)
            found[at, fold] = simulated(a, folder, *paths, seed)
    lost = beside - found
    listed = ["; ".join(f"{value:.4f}" for value in values.mean(1)) for values in (beside, found)]
    print(f"| {name} | {listed[0]} | {listed[1]} | {lost.mean():.4f} ± {lost.std(ddof=1) / lost.size ** 0.5:.4f} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("--tenebra", default="target/release/tenebra")
    p.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/peer/data"))
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--first-seed", type=int, default=0, help="for --folds")
    p.add_argument("--folds", type=int, default=0)
    p.add_argument("--splits", action="store_true", help="other folds for each seed")
    p.add_argument("--set", action="append", default=[], help="a hyper-parameter of `train`, for --folds")
    p.add_argument("--only", action="append")
    a = p.parse_args()
    warnings.filterwarnings("ignore")
    a.work.mkdir(parents=True, exist_ok=True)
    if a.folds:
        print("| data | float of scikit-learn, by seed | simulated, by seed | lost |\n|---|---|---|---|")
        for name in a.only or DATA:
            crossed(a, name, [a.data / f"{name}_{part}.csv" for part in ("train", "test")])
        return
    print("| data, test rows | float of scikit-learn, by seed | simulated, by seed | query | encrypted, all rows | rows that differ | ms | query bytes | key bytes |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in a.only or DATA:
        files = train, test = [a.data / f"{name}_{part}.csv" for part in ("train", "test")]
        (a.work / name).mkdir(exist_ok=True)
        by_seed = [(scikit_learn(*files, seed), simulated(a, a.work / name, *files, seed)) for seed in range(a.seeds)]
        listed = ["; ".join(f"{value:.4f}" for value in values) for values in zip(*by_seed)]
        for query in ("packed", "direct"):
            folder = a.work / name / query
            plan = run(a.tenebra, "-q", "compile", a.work / name / "0.json", "--query", query, "--force", "-o", folder, "--json")
            found = run(a.tenebra, "eval", folder, "--data", test, "--target", "y", "--mode", "encrypted", "--json")
            print(f"| {name}, {len(rows(test)[1])} | {listed[0]} | {listed[1]} | {query} | {found['metric']['value']:.4f} | {found['mismatches']} "
                  f"| {found['evaluate_ms']['median']:.1f} | {plan['query_bytes']:,} | {plan['evaluation_key_bytes']:,} |", flush=True)


if __name__ == "__main__":
    main()
