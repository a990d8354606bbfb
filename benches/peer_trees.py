#!/usr/bin/env python3
"""Every float tree model of a folder of peer models, encrypted, against what the library that trained it predicts.

    benches/peer_trees.py [--peer FOLDER] [--tenebra BINARY] [--rows N] [--only NAME] [--threads T]

FOLDER (default ../shared/peer beside the repository) holds models/CASE/float_xgb.json or float.onnx, the float predictions in
predictions/CASE.csv or models/CASE/float_predictions.csv, and data/SET_{train,test}.csv. Without it there is nothing to do, and the
exit status is 0. Prints a table in Markdown; exit status 1 if any encrypted integer differs from the simulator's, any class
from the library's, or any R² by more than 0.01.
"""
import argparse
import csv
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETS = {"bc": "bc", "bcpca5": "bc_pca5", "iris": "iris", "digits": "digits", "diabetes": "diabetes"}


class Failed(Exception):
    """A command of tenebra failed."""


def main():
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=0)
    arguments.add_argument("--threads", type=int, default=1)
    arguments = arguments.parse_args()
    if not (arguments.peer / "models").is_dir():
        print(f"{arguments.peer} is not there: nothing to compare with", file=sys.stderr)
        return 0
    print(machine(arguments))
    print("| case | scores | trees | splits | queries | rows | mismatches | float's classes | float | encrypted | p_fail | CMUX | key B "
          "| query B | response B | encrypt ms | evaluate ms (predicted) | decrypt ms |")
    print("|" + "---|" * 18)
    wrong = 0
    for case, model, dataset, predictions in cases(arguments.peer):
        if arguments.only in case:
            for query in ["direct", "packed"]:
                try:
                    wrong += measure(arguments, case, model, dataset, predictions, query)
                except Failed as failed:
                    print(f"\n{case}, {query}: {failed}\n", flush=True)
                    wrong += 1
    print(f"\n{wrong} wrong")
    return 1 if wrong else 0


def parser(doc):
    """What commands that measure tree models are given."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=pathlib.Path, default=ROOT.parent / "shared" / "peer")
    parser.add_argument("--tenebra", type=pathlib.Path, default=ROOT / "target" / "release" / "tenebra")
    parser.add_argument("--only", default="")
    return parser


def machine(arguments):
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return f"{names[0] if names else 'unknown processor'}, {arguments.threads} thread(s) used, commit {commit}, medians over all rows\n"


def cases(peer):
    """Distinct float models: settings of the peer that change only its own quantization share them."""
    seen = set()
    for folder in sorted((peer / "models").iterdir()):
        for name in ["float_xgb.json", "float.onnx"]:
            model = folder / name
            if not model.exists():
                continue
            digest = hashlib.sha256(model.read_bytes()).digest()
            words = folder.name.split("_")
            dataset = next((SETS[word] for word in words[1:] if word in SETS), None)
            trees = words[0].startswith(("dt", "rf", "xgb"))
            if digest in seen or dataset is None or not trees:
                continue
            seen.add(digest)
            predictions = folder / "float_predictions.csv"
            if not predictions.exists():
                predictions = peer / "predictions" / f"{folder.name}.csv"
            yield folder.name, model, peer / "data" / dataset, predictions


def run(arguments, *command):
    done = subprocess.run([arguments.tenebra, *map(str, command)], capture_output=True, text=True)
    # Mismatches are an exit status of 1, too, with the results printed.
    if done.returncode != 0 and not done.stdout:
        raise Failed(f"tenebra {' '.join(map(str, command))}: {done.stderr.strip()}")
    return json.loads(done.stdout) if "--json" in command else None


def measure(arguments, case, model, dataset, predictions, query):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(arguments, "import", model, "-o", folder / "model.json")
        report = run(arguments, "compile", folder / "model.json", "--calibrate", f"{dataset}_train.csv", "--target", "y", "--bins",
                     "thresholds", "--query", query, "-o", folder / "compiled", "--json")
        data = ["--data", f"{dataset}_test.csv", "--target", "y", "--json"]
        if arguments.rows:
            data += ["--rows", arguments.rows]
        clear = run(arguments, "eval", folder / "compiled", *data, "--mode", "clear")
        found = run(arguments, "eval", folder / "compiled", *data, "--mode", "encrypted", "--threads", arguments.threads)
    with open(predictions) as file:
        rows = list(csv.DictReader(file))
    want = [float(row["float"] if "float" in row else row["prediction"]) for row in rows][: found["rows"]]
    if len(want) != found["rows"]:
        raise SystemExit(f"{case}: {len(want)} predictions for {found['rows']} rows")
    got = [float(x) for x in found["predictions"]]
    regression = found["metric"]["name"] != "accuracy"
    if regression:
        # The float library adds in single precision; the circuit rounds leaves.
        spread = max(want) - min(want)
        same = f"within {max(abs(a - b) for a, b in zip(got, want)) / spread:.1e} of the range"
        other = abs(found["metric"]["value"] - clear["metric"]["value"]) > 0.01
        wrong = int(other)
    else:
        wrong = sum(a != b for a, b in zip(got, want))
        same = f"{len(want) - wrong} of {len(want)}"
    trees = report.get("trees") or {}
    key = report["evaluation_key_bytes"]
    print(f"| {case} | {report['quantization']['outputs']} | {trees.get('trees', '')} | {trees.get('splits', '')} | {report['query_mode']} "
          f"| {found['rows']} | {found['mismatches']} | {same} | {clear['metric']['value']:.4f} | {found['metric']['value']:.4f} "
          f"| 2^{report['p_fail_log2']:.0f} | {report['external_products']:,} | {key or '–':{',' if key else ''}} | {found['query_bytes']:,} "
          f"| {found['response_bytes']:,} | {found['encrypt_ms']['median']:.2f} "
          f"| {found['evaluate_ms']['median']:.2f} ({report['predicted_evaluate_ms']:.2f}) | {found['decrypt_ms']['median']:.3f} |", flush=True)
    return wrong + found["mismatches"]


if __name__ == "__main__":
    sys.exit(main())
