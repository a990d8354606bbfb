#!/usr/bin/env python3
"""Whether the plan that is chosen is the one that measures best.

    benches/choices.py [--peer FOLDER] [--tenebra BINARY] [--rows N] [--rounds N] [--only NAME]

Every tree model of the peer's folder (as `peer_trees.py` finds them) is compiled for each kind of query and for each aim of `--optimize`; the plans that
come out are measured in turn, and for each aim the measured cost of the plan that `--query auto` takes stands beside the least one: what is done
for a row, bytes at 50 Mbit/s, and the evaluation key's as far as the aim counts them. The medians of a round's rows, of which the least round counts:
the machine's speed may change in between. Prints a table in Markdown. Nothing without the folder.
"""
import pathlib
import sys
import tempfile

from peer_trees import ROOT, cases, machine, parser, run

# How much of the evaluation key's transfer counts: `key_share` of fhe-backend/tfhe/src/objective.rs.
AIMS = {"balanced": 0.03, "first-query": 1.0, "latency": 0.001}
MBIT = 50


def main():
    arguments = parser(__doc__)
    arguments.add_argument("--rows", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments = arguments.parse_args()
    arguments.threads = 1
    if not (arguments.peer / "models").is_dir():
        print(f"{arguments.peer} is not there: nothing to measure", file=sys.stderr)
        return 0
    print(machine(arguments))
    print("| case | plans | " + " | ".join(f"{aim}: chosen, best, ms" for aim in AIMS) + " |\n|" + "---|" * (2 + len(AIMS)))
    near = {aim: 0 for aim in AIMS}
    count = 0
    for case, model, dataset, _ in cases(arguments.peer):
        if arguments.only in case:
            count += 1
            cells, within = measure(arguments, model, dataset)
            for aim in AIMS:
                near[aim] += within[aim]
            print(f"| {case} | " + " | ".join(cells) + " |", flush=True)
    print("\nbest, or within 5 % of it: " + ", ".join(f"{aim} {near[aim]} of {count}" for aim in AIMS))
    return 0


def measure(arguments, model, dataset):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run(arguments, "import", model, "-o", folder / "model.json")
        plans, chosen = {}, {}
        for aim in [*AIMS, "bandwidth"]:
            for query in ["auto", "direct", "packed"]:
                place = folder / f"{aim}-{query}"
                report = run(arguments, "compile", folder / "model.json", "--calibrate", f"{dataset}_train.csv", "--target", "y",
                             "--bins", "thresholds", "--no-measure", "--query", query, "--optimize", aim, "-o", place, "--json")
                plan = (report["query_mode"], report["evaluation_key_bytes"], report["query_bytes"], report["external_products"],
                        str(report["parameters"]))
                plans.setdefault(plan, dict(place=place, report=report, ms=[]))
                if query == "auto":
                    chosen[aim] = plan
        for _ in range(arguments.rounds):
            for plan in plans.values():
                found = run(arguments, "eval", plan["place"], "--data", f"{dataset}_test.csv", "--target", "y", "--json",
                            "--mode", "encrypted", "--rows", arguments.rows)
                plan["ms"].append(sum(found[stage]["median"] for stage in ["encrypt_ms", "evaluate_ms", "decrypt_ms"]))
    cells, within = [str(len(plans))], {}
    for aim, share in AIMS.items():
        costs = {plan: cost(found, share) for plan, found in plans.items()}
        own, best = costs[chosen.get(aim)], min(costs.values())
        within[aim] = own <= 1.05 * best
        cells.append(f"{own:.1f}, {best:.1f}")
    return cells, within


def cost(plan, share):
    """Milliseconds."""
    report = plan["report"]
    sent = report["query_bytes"] + report["response_bytes"] + share * report["evaluation_key_bytes"]
    return min(plan["ms"]) + sent * 8 / MBIT / 1e3


if __name__ == "__main__":
    sys.exit(main())
