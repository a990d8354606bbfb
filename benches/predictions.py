#!/usr/bin/env python3
"""Predicted times beside measured ones, on a machine whose speed changes.

    benches/predictions.py [--peer FOLDER] [--tenebra BINARY] [--floor BINARY] [--rows N] [--rounds N] [--only NAME]

Every tree model of the peer's folder (as `peer_trees.py` finds them) is compiled for direct and for packed queries and evaluated, in turns with
single operations (`benches/floor.rs`), for which the planner counts a time as well. How many times that time they take is the machine's factor at
the moment. Prints what is predicted, what is measured, their ratio, and the ratio with the factor taken out: medians of the rounds. FLOOR is the
newest `target/release/deps/floor-*`, which `cargo bench -p tenebra-benches --bench floor --no-run` builds. Nothing without the folder.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from peer_trees import ROOT, cases, machine, parser, run

# What evaluations are made of: the case of `benches/floor.rs`.
OPERATIONS = {"direct": ["CMUX 1024 15,2"], "packed": ["CMUX 1024 15,2", "key switch, split 2048 8,6"]}
NEAR = 0.2


def main():
    arguments = parser(__doc__)
    arguments.add_argument("--floor", type=pathlib.Path)
    arguments.add_argument("--rows", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments = arguments.parse_args()
    arguments.threads = 1
    if not (arguments.peer / "models").is_dir():
        print(f"{arguments.peer} is not there: nothing to measure", file=sys.stderr)
        return 0
    arguments.floor = arguments.floor or built_floor()
    print(machine(arguments))
    print("| case | queries | predicted ms | measured ms | predicted / measured | machine's factor | with the factor |\n|" + "---|" * 7)
    near, count = 0, 0
    for case, model, dataset, _ in cases(arguments.peer):
        for query in OPERATIONS if arguments.only in case else []:
            predicted, taken, factors = measure(arguments, model, dataset, query)
            plain = predicted / statistics.median(taken)
            scaled = statistics.median(predicted * factor / ms for ms, factor in zip(taken, factors))
            count += 1
            near += abs(scaled - 1) <= NEAR
            print(f"| {case} | {query} | {predicted:.2f} | {statistics.median(taken):.2f} | {plain:.2f} | {statistics.median(factors):.2f} "
                  f"| {scaled:.2f} |", flush=True)
    print(f"\nwithin {NEAR:.0%} with the factor: {near} of {count}")
    return 0


def built_floor():
    built = [path for path in (ROOT / "target" / "release" / "deps").glob("floor-*") if os.access(path, os.X_OK) and not path.suffix]
    if not built:
        raise SystemExit("build it first: cargo bench -p tenebra-benches --bench floor --no-run")
    return max(built, key=lambda path: path.stat().st_mtime)


def measure(arguments, model, dataset, query):
    """Predicted milliseconds, measured ones of each round, and the machine's factor beside each."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(arguments, "import", model, "-o", folder / "model.json")
        report = run(arguments, "compile", folder / "model.json", "--calibrate", f"{dataset}_train.csv", "--target", "y", "--bins",
                     "thresholds", "--no-measure", "--query", query, "-o", folder / "compiled", "--json")
        taken, factors = [], []
        before = factor(arguments, query)
        for _ in range(arguments.rounds):
            found = run(arguments, "eval", folder / "compiled", "--data", f"{dataset}_test.csv", "--target", "y", "--json",
                        "--mode", "encrypted", "--rows", arguments.rows)
            taken.append(found["evaluate_ms"]["median"])
            after = factor(arguments, query)
            factors.append((before + after) / 2)
            before = after
    return report["predicted_evaluate_ms"], taken, factors


def factor(arguments, query):
    """Measured over counted: the mean of the operations."""
    return statistics.mean(of_operation(arguments.floor, operation) for operation in OPERATIONS[query])


def of_operation(floor, operation):
    """The row of `benches/floor.rs`'s table that the words choose."""
    table = subprocess.run([floor, operation], capture_output=True, text=True, check=True).stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
    cells = dict(zip(rows[0], rows[2]))
    return float(cells["µs"]) / float(cells["the planner's"])


if __name__ == "__main__":
    sys.exit(main())
