#!/usr/bin/env python3
"""Networks of one hidden layer as `train` makes them without settings, beside scikit-learn's float MLP of the same shape.

    benches/mlp_beside_sklearn.py WORK [--tenebra target/release/tenebra] [--data ../shared/peer/data] [--seeds 3] [--only NAME]…

For iris, wine, breast cancer and digits: the accuracy on all test rows of scikit-learn's MLPClassifier(32) with its defaults but
`max_iter` 2000, of `train MLPClassifier` with the defaults, simulated, and encrypted on all rows (seed 0), packed and direct, with the
number of rows whose decrypted integers differ from the simulated ones. Needs scikit-learn.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier

DATA = ["iris", "wine_std", "bc_std", "bc", "digits"]


def rows(path):
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    return table[:, :-1], table[:, -1]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stderr}")
    return json.loads(done.stdout)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("--tenebra", default="target/release/tenebra")
    p.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/peer/data"))
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--only", action="append")
    a = p.parse_args()
    warnings.filterwarnings("ignore")
    a.work.mkdir(parents=True, exist_ok=True)
    print("| data, test rows | float of scikit-learn, by seed | simulated, by seed | query | encrypted, all rows | rows that differ | ms | query bytes | key bytes |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in a.only or DATA:
        train, test = (a.data / f"{name}_{part}.csv" for part in ("train", "test"))
        (x, y), (tx, ty) = rows(train), rows(test)
        beside, simulated = [], []
        for seed in range(a.seeds):
            beside.append(MLPClassifier((32,), max_iter=2000, random_state=seed).fit(x, y).score(tx, ty))
            model, folder = a.work / f"{name}_{seed}.json", a.work / f"{name}_{seed}"
            run(a.tenebra, "-q", "train", "MLPClassifier", "--data", train, "--target", "y", "--set", f"random_state={seed}", "-o", model, "--json")
            run(a.tenebra, "-q", "compile", model, "--force", "-o", folder, "--json")
            simulated.append(run(a.tenebra, "eval", folder, "--data", test, "--target", "y", "--mode", "simulate", "--json")["metric"]["value"])
        listed = ["; ".join(f"{value:.4f}" for value in values) for values in (beside, simulated)]
        for query in ("packed", "direct"):
            folder = a.work / f"{name}_{query}"
            plan = run(a.tenebra, "-q", "compile", a.work / f"{name}_0.json", "--query", query, "--force", "-o", folder, "--json")
            found = run(a.tenebra, "eval", folder, "--data", test, "--target", "y", "--mode", "encrypted", "--json")
            print(f"| {name}, {len(ty)} | {listed[0]} | {listed[1]} | {query} | {found['metric']['value']:.4f} | {found['mismatches']} "
                  f"| {found['evaluate_ms']['median']:.1f} | {plan['query_bytes']:,} | {plan['evaluation_key_bytes']:,} |", flush=True)


if __name__ == "__main__":
    main()
