#!/usr/bin/env python3
"""Every number of README.md's figures, derived again: says which moved, or puts the new ones in their place.

    benches/readme.py [--only PART,...] [--venv FOLDER] [--peer FILE] [--within TIMES] [--write]

The parts stand in README.md between `<!-- figures: PART -->` and `<!-- end -->`:

    demo     `tenebra demo`, and runs of its models in processes of their own: the built command line and nothing else
    peer     benches/peer.py in the environment FOLDER (it says how to make one), half an hour; or FILE, what it wrote with --json
    device   deploy/embedded/run (Debian's compiler and QEMU, see deploy/embedded/README.md)

Prints a table of the numbers that are not what README.md has. Exit status 1 if one is more than TIMES (1.1) as large or as small: times depend on
the machine and its neighbours, ratios less, bytes, instructions and differing results not at all. Run it on one core: `taskset -c 1 benches/readme.py`.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
TENEBRA = ROOT / "target" / "release" / "tenebra"
DATA = ROOT / "deploy" / "cli" / "data"
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default="demo,peer,device")
    arguments.add_argument("--venv", type=pathlib.Path)
    arguments.add_argument("--peer", type=pathlib.Path)
    arguments.add_argument("--within", type=float, default=1.1)
    arguments.add_argument("--write", action="store_true")
    arguments = arguments.parse_args()
    text, far, rows = README.read_text(), 0, []
    for part in arguments.only.split(","):
        start, end = f"<!-- figures: {part} -->\n", "<!-- end -->"
        if start not in text:
            sys.exit(f"error: README.md has no figures named {part}\nhint: those of {start.strip()} … {end}")
        head, rest = text.split(start)
        before, tail = rest.split(end, 1)
        now = PARTS[part](arguments)
        for where, old, new in different(before, now):
            times = new / old if old and new else float("inf")
            moved = not 1 / arguments.within <= times <= arguments.within
            far += moved
            rows.append(f"| {part}: {where} | {old:,g} | {new:,g} | {times:.2f}{', moved' if moved else ''} |")
        text = head + start + now + end + tail
    print("| number | README.md | now | times |\n|---|---|---|---|")
    print("\n".join(rows))
    if arguments.write:
        README.write_text(text)
    return int(far > 0)


def different(before, now):
    """Numbers in the place of others: cells by the names of their row and column, of what is no table the whole line."""
    old, new = cells(before), cells(now)
    for where in [*old, *(where for where in new if where not in old)]:
        pair = [numbers(text.get(where, "")) for text in [old, new]]
        for index in range(max(map(len, pair))):
            a, b = [found[index] if index < len(found) else float("nan") for found in pair]
            if a != b:
                yield where, a, b


def cells(text):
    found, header = {}, []
    for line in text.splitlines():
        if line.startswith("|---"):
            continue
        if line.startswith("|"):
            row = [cell.strip() for cell in line.strip("|").split("|")]
            if not header:
                header = row
                continue
            for name, cell in zip(header[1:], row[1:]):
                found[f"{row[0]}, {name}"] = cell
        else:
            header = []
            if line:
                found[line.split(":")[0]] = line
    return found


def numbers(text):
    """Without dates."""
    text = re.sub(r"\d{4}-\d\d-\d\d", "", text)
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


def bytes_of(count):
    if count < 10_000:
        return f"{count:,} B"
    return f"{count / 1e3:,.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"


def ms(value):
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def machine():
    lines = open("/proc/cpuinfo").read().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    wide = next(name for flag, name in [("avx512f", "AVX-512"), ("avx2", "AVX2"), ("", "no AVX2")] if any(flag in line for line in lines))
    return f"{re.sub(r'[(](R|TM)[)]', '', name)} with {wide}, one thread, {time.strftime('%Y-%m-%d')}"


def tenebra(*words):
    subprocess.run([TENEBRA, *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def demo(_):
    """Of its three models, and what single processes take with the same."""
    found = json.loads(subprocess.run([TENEBRA, "demo", "--json"], check=True, capture_output=True, text=True).stdout)["cases"]
    names = ["logistic regression", "50 boosted trees, direct queries", "50 boosted trees, packed queries"]
    processes = [alone(*kind) for kind in [("LogisticRegression", None), ("GradientBoostingClassifier", "direct"), ("GradientBoostingClassifier", "packed")]]
    lines = ["| | " + " | ".join(names) + " |", "|---|---|---|---|"]
    row = lambda name, cell: lines.append(f"| {name} | " + " | ".join(cell(case, process) for case, process in zip(found, processes)) + " |")  # noqa: E731
    median = lambda stage: lambda case, _: ms(case[stage]["median"])  # noqa: E731
    row("accuracy, float and encrypted", lambda case, _: f"{case['metric']['float']:.4f}, {case['metric']['encrypted']:.4f}")
    row("encrypted rows that differ from simulated ones", lambda case, _: f"{case['mismatches']} of {case['rows']}")
    row("train, compile (noise measured)", lambda case, _: f"{ms(case['train_ms'])}, {ms(case['compile_ms'])}")
    row("make keys, once", lambda case, _: ms(case["keygen_ms"]))
    row("evaluation key, once", lambda case, _: bytes_of(case["evaluation_key_bytes"]) if case["evaluation_key_bytes"] else "none")
    row("query, response", lambda case, _: f"{bytes_of(case['query_bytes'])}, {bytes_of(case['response_bytes'])}")
    row("encrypt", median("encrypt_ms"))
    row("evaluate", median("evaluate_ms"))
    row("evaluate, HTTP on loopback included", median("round_trip_ms"))
    row("decrypt", median("decrypt_ms"))
    row("a process from its start to the response", lambda _, process: ms(process["first"]))
    row("256 rows in one process, a row", lambda _, process: ms(process["many"]))
    row("its memory, for one row", lambda _, process: f"{process['memory'] / 1e6:.0f} MB")
    return f"{machine()}.\n\n" + "\n".join(lines) + "\n"


def alone(estimator, query):
    """`tenebra run` of one row and of 256: milliseconds, and bytes of memory."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rows = ["--data", DATA / "breast_cancer_train.csv", "--target", "diagnosis"]
        tenebra("train", estimator, *rows, *(["--set", "n_estimators=50", "--set", "max_depth=4"] if query else []), "-o", folder / "model.json")
        options = ["--query", query] if query else []
        tenebra("compile", folder / "model.json", "--calibrate", *rows[1:], *options, "--no-measure", "-o", folder / "model")
        tenebra("keygen", folder / "model", "-o", folder / "keys")
        encrypt = ["encrypt", folder / "model", "--keys", folder / "keys", *rows]
        tenebra(*encrypt, "--row", "0", "-o", folder / "one")
        tenebra(*encrypt, "--rows", "0..256", "-o", folder / "many")
        key = folder / "keys" / "evaluation.key"
        run = ["run", folder / "model", *(["--evaluation-key", key] if key.exists() else []), "-o", folder / "response"]
        first, many = timed([*run, folder / "one"], 15), timed([*run, folder / "many"], 3)
        return dict(first=first, many=many / 256, memory=memory([*run, folder / "one"]))


def timed(words, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        tenebra(*words)
        times.append((time.perf_counter() - start) * 1e3)
    return statistics.median(times)


def memory(words):
    """The largest set of pages of a process that does nothing but start this one."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=-3, stderr=-3); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    out = subprocess.run([sys.executable, "-c", code, TENEBRA, *map(str, words)], check=True, capture_output=True, text=True).stdout
    return int(out) * 1024


def peer(arguments):
    """The table of `benches/peer.py`, a line for each kind of query."""
    if not arguments.peer and not arguments.venv:
        sys.exit("error: the figures of peer need --venv or --peer\nhint: --only demo,device leaves them out")
    with tempfile.TemporaryDirectory() as folder:
        file = arguments.peer or pathlib.Path(folder) / "peer.json"
        if not arguments.peer:
            command = [sys.executable, ROOT / "benches" / "peer.py", "--venv", arguments.venv, "--json", file]
            if subprocess.run(command, stdout=sys.stderr).returncode:
                sys.exit("error: benches/peer.py failed, or results differ; see above")
        found = json.loads(file.read_text())
    lines = ["| | Concrete ML computes | Tenebra computes | times | with transfer, times | encrypt, decrypt | evaluation key | query + response | accuracy, all test rows | differ |",
             "|" + "---|" * 10]
    for case in found["cases"]:
        for mode, side in case["tenebra"].items():
            lines.append(peer_row(case, mode, side))
    for case in found["cases"]:
        for name, other in case["peers"].items():
            times = other["ms"]["compute"] / case["tenebra"]["linear"]["ms"]["compute"]
            sizes = f"a key of {bytes_of(other['bytes']['key'])} and {bytes_of(other['bytes']['query'] + other['bytes']['response'])} a row"
            lines += ["", f"`{case['case']}` by {name} (CKKS): {times:,.0f} times as long as ours in the same run, with {sizes}."]
    return found["machine"] + ".\n\n" + "\n".join(lines) + "\n"


def peer_row(case, mode, side):
    concrete = case["concrete"]

    def waits(of):
        transfer = (of["bytes"]["query"] + of["bytes"]["response"]) * 8 / 50 / 1e3
        return transfer + sum(of["ms"].get(stage, 0) for stage in ["preprocess", "encrypt", "compute", "decrypt", "postprocess"])

    both = lambda cell: f"{cell(concrete)} / {cell(side)}"  # noqa: E731
    columns = [
        ms(concrete["ms"]["compute"]), ms(side["ms"]["compute"]),
        f"{concrete['ms']['compute'] / side['ms']['compute']:,.0f}", f"{waits(concrete) / waits(side):,.0f}",
        f"{ms(side['ms']['encrypt'])}, {ms(side['ms']['decrypt'])}",
        both(lambda of: bytes_of(of["bytes"]["key"]) if of["bytes"]["key"] else "none"),
        both(lambda of: f"{bytes_of(of['bytes']['query'])} + {bytes_of(of['bytes']['response'])}"),
        both(lambda of: f"{of['accuracy']:.3f}"), str(side["mismatches"]),
    ]
    return f"| `{case['case']}`, {mode} | " + " | ".join(columns) + " |"


def device(_):
    """Instructions of a row, flash and memory of each firmware."""
    out = subprocess.run([ROOT / "deploy" / "embedded" / "run"], check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in out.splitlines() if line.startswith("|")]
    found = {(row[0], row[1]): row[2:] for row in rows[2:]}
    lines = ["| model | encrypt a row, instructions | decrypt | flash | RAM |", "|---|---|---|---|---|"]
    for name, what in [("linear", "linear"), ("packed", "boosted trees, packed queries"), ("network", "neural network, packed queries")]:
        encrypt, decrypt = found[name, "encrypt"], found[name, "decrypt"]
        ram = max(int(encrypt[4]), int(decrypt[4]))
        million = lambda count: f"{int(count) / 1e6:.1f} million"  # noqa: E731
        lines.append(f"| {what} | {million(encrypt[0])} | {million(decrypt[0])} | {bytes_of(int(encrypt[1]))} | {bytes_of(ram)} |")
    return "\n".join(lines) + "\n"


PARTS = dict(demo=demo, peer=peer, device=device)

if __name__ == "__main__":
    sys.exit(main())
