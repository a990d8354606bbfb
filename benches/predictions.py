#!/usr/bin/env python3
"""Predicted times beside measured ones, on a machine whose speed changes.

    benches/predictions.py [--peer FOLDER] [--tenebra BINARY] [--floor BINARY] [--rounds N] [--only NAME]

Every tree model of the peer's folder (as `peer_trees.py` finds them) is compiled for direct and for packed queries and evaluated, in turns with
single operations (`benches/floor.rs`), for which the planner counts a time as well. How many times that time they take is the machine's factor.
Speed that changes within seconds does so between an evaluation and its operations, too: what counts of either is its least round, when the machine
was quick; of a round, the median of its rows. Prints what is predicted, what is measured, their ratio, and the ratio with the factor taken out. FLOOR
is the newest `target/release/deps/floor-*`, which `cargo bench -p tenebra-benches --bench floor --no-run` builds. Nothing without the folder.
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
# What the rows of a round take, about: less than the machine keeps its speed for.
ROUND_MS = 300


def main():
    arguments = parser(__doc__)
    arguments.add_argument("--floor", type=pathlib.Path)
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
            predicted, taken, factor = measure(arguments, model, dataset, query)
            count += 1
            near += abs(predicted * factor / taken - 1) <= NEAR
            print(f"| {case} | {query} | {predicted:.2f} | {taken:.2f} | {predicted / taken:.2f} | {factor:.2f} | {predicted * factor / taken:.2f} |",
                  flush=True)
    print(f"\nwithin {NEAR:.0%} with the factor: {near} of {count}")
    return 0


def built_floor():
    built = [path for path in (ROOT / "target" / "release" / "deps").glob("floor-*") if os.access(path, os.X_OK) and not path.suffix]
    if not built:
        raise SystemExit("build it first: cargo bench -p tenebra-benches --bench floor --no-run")
    return max(built, key=lambda path: path.stat().st_mtime)


def measure(arguments, model, dataset, query):
    """Predicted milliseconds, measured ones, and the machine's factor."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(arguments, "import", model, "-o", folder / "model.json")
        report = run(arguments, "compile", folder / "model.json", "--calibrate", f"{dataset}_train.csv", "--target", "y", "--bins",
                     "thresholds", "--no-measure", "--query", query, "-o", folder / "compiled", "--json")
        predicted = report["predicted_evaluate_ms"]
        rows = round(min(max(ROUND_MS / predicted, 10), 100))
        taken, factors = [], []
        for _ in range(arguments.rounds):
            found = run(arguments, "eval", folder / "compiled", "--data", f"{dataset}_test.csv", "--target", "y", "--json",
                        "--mode", "encrypted", "--rows", rows)
            taken.append(found["evaluate_ms"]["median"])
            factors.append([of_operation(arguments.floor, operation) for operation in OPERATIONS[query]])
    return predicted, min(taken), statistics.mean(map(min, zip(*factors)))


def of_operation(floor, operation):
    """The row of `benches/floor.rs`'s table that the words choose."""
    table = subprocess.run([floor, operation], capture_output=True, text=True, check=True).stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")]
    cells = dict(zip(rows[0], rows[2]))
    return float(cells["µs"]) / float(cells["the planner's"])


if __name__ == "__main__":
    sys.exit(main())
