#!/usr/bin/env python3
"""Tenebra beside Concrete ML 1.9.0, and of linear models TenSEAL 0.3.18: the same models, data and core, in one run, row by row in turn.

    benches/peer.py --venv FOLDER [--install WHEEL] [--only CASE,CASE] [--rows N] [--json FILE]

FOLDER is a virtual environment (Python 3.8 to 3.12) with concrete-ml, tenseal and tenebra; with `--install` it is made, and takes 7 GB. WHEEL is what
`.ci/python` builds (target/python/tenebra-*.whl). Everything runs in one process on one thread, on the core that `taskset` gives it.

A case trains Concrete ML's estimator and its float twin, of the same settings on the same rows, compiles both, and then takes N rows
(2, or as many as fit a minute). Each row goes through Concrete ML once, and through Tenebra before and after, direct and packed. The
stages are those of the FHE benchmarking suite (https://fhe-benchmarking.org): what the client does to a row, keys, encryption, what the
server prepares, its computation, decryption, what the client does to integers. Prints tables in Markdown, and writes all as JSON. The exit status is 1
if an encrypted result differs from the simulator's. TenSEAL (CKKS: results are approximate) has the parameters of its own tutorial on logistic
regression, and bytes are made and read inside of its stages, as they are in ours. Networks are not the same float model: each trains its own, on the same rows.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = {name: "1" for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"]}
STAGES = ["preprocess", "keygen", "encrypt", "prepare", "compute", "decrypt", "postprocess"]
# What a user waits for: bytes at 50 Mbit/s, and what is done for each row.
MBIT = 50
# name: (data, estimator of Concrete ML, its settings, settings of our own training).
CASES = {
    "logreg_bc": ("bc_std", "LogisticRegression", dict(n_bits=8, max_iter=500), {}),
    "dt5_bc": ("bc", "DecisionTreeClassifier", dict(n_bits=6, max_depth=5), {}),
    "xgb10d3_bc": ("bc", "XGBClassifier", dict(n_bits=6, n_estimators=10, max_depth=3), {}),
    "rf20d4_bc": ("bc", "RandomForestClassifier", dict(n_bits=6, n_estimators=20, max_depth=4), {}),
    "xgb50d4_bc": ("bc", "XGBClassifier", dict(n_bits=6, n_estimators=50, max_depth=4), {}),
    "xgb10d3_digits": ("digits", "XGBClassifier", dict(n_bits=6, n_estimators=10, max_depth=3), {}),
    "nn_digits": ("digits", "NeuralNetClassifier", dict(module__n_layers=2, max_epochs=100, module__n_hidden_neurons_multiplier=1),
                  dict(hidden_layer_sizes=32, n_bits=2, max_weights=30, output_bits=8)),
    "nn_iris": ("iris", "NeuralNetClassifier", dict(module__n_layers=2, max_epochs=100, module__n_hidden_neurons_multiplier=4), dict(hidden_layer_sizes=16)),
    "nn_wine": ("wine_std", "NeuralNetClassifier", dict(module__n_layers=2, max_epochs=100, module__n_hidden_neurons_multiplier=2), dict(hidden_layer_sizes=26)),
    "nn1_bc": ("bc_std", "NeuralNetClassifier", dict(module__n_layers=2, max_epochs=100, module__n_hidden_neurons_multiplier=1), dict(hidden_layer_sizes=30)),
    "nn_bc": ("bc_std", "NeuralNetClassifier", dict(module__n_layers=3, max_epochs=100, module__n_hidden_neurons_multiplier=1),
              dict(hidden_layer_sizes="32,16")),
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--venv", type=pathlib.Path, required=True)
    arguments.add_argument("--install", type=pathlib.Path, metavar="WHEEL")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--rows", type=int, default=2)
    arguments.add_argument("--json", type=pathlib.Path)
    arguments = arguments.parse_args()
    python = arguments.venv / "bin" / "python"
    if arguments.install:
        subprocess.run([sys.executable, "-m", "venv", arguments.venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "concrete-ml==1.9.0", "tenseal==0.3.18"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", arguments.install], check=True)
    # Libraries read these when they are loaded.
    if pathlib.Path(sys.prefix).resolve() != arguments.venv.resolve() or not THREADS.items() <= os.environ.items():
        command = [str(python), *sys.argv[:1], *[word for word in sys.argv[1:] if word != "--install" and word != str(arguments.install)]]
        os.execve(python, command, os.environ | THREADS)
    results, wrong = [], 0
    print(machine() + "\n", flush=True)
    for name in arguments.only.split(",") if arguments.only else CASES:
        result = measure(name, arguments.rows)
        results.append(result)
        wrong += sum(side["mismatches"] for side in result["tenebra"].values())
        print(table(result), flush=True)
    print(summary(results))
    if arguments.json:
        arguments.json.write_text(json.dumps(dict(machine=machine(), cases=results), indent=1))
    return 1 if wrong else 0


def machine():
    lines = open("/proc/cpuinfo").read().splitlines()
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown processor")
    wide = next(flag for flag in ["avx512f", "avx2", "sse2"] if any(flag in line for line in lines))
    git = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=pathlib.Path(__file__).parent, capture_output=True, text=True)
    return (f"{name} ({wide}), core {sorted(os.sched_getaffinity(0))}, one thread, Python {platform.python_version()}, "
            f"Concrete ML 1.9.0, Tenebra {git.stdout.strip()}, {time.strftime('%Y-%m-%d')}")


def data(name):
    import numpy as np
    from sklearn import datasets, model_selection, preprocessing

    loaders = dict(bc=datasets.load_breast_cancer, digits=datasets.load_digits, iris=datasets.load_iris, wine=datasets.load_wine)
    load = loaders[name.split("_")[0]]
    X, y = load(return_X_y=True)
    parts = model_selection.train_test_split(X.astype(np.float32), y, test_size=0.25, random_state=0, stratify=y)
    if name.endswith("_std"):
        scaler = preprocessing.StandardScaler().fit(parts[0])
        parts[:2] = [scaler.transform(part) for part in parts[:2]]
    return parts


class Clock:
    """Times of stages, in milliseconds."""

    def __init__(self):
        self.times = {}

    def run(self, stage, call):
        start = time.perf_counter()
        result = call()
        self.times.setdefault(stage, []).append((time.perf_counter() - start) * 1e3)
        return result

    def medians(self):
        return {stage: statistics.median(times) for stage, times in self.times.items()}


class Concrete:
    """Concrete ML's side of a case."""

    def __init__(self, estimator, settings, X, y):
        import concrete.ml.sklearn as cml
        import torch

        torch.manual_seed(0)
        self.clock, self.bytes = Clock(), {}
        network = estimator.startswith("NeuralNet")
        settings = dict(settings, **({"verbose": 0} if network else {"random_state": 0}))
        self.model, self.float = getattr(cml, estimator)(**settings).fit_benchmark(X, y)
        self.circuit = self.clock.run("compile", lambda: self.model.compile(X[:500]))
        self.clock.run("keygen", lambda: self.circuit.keygen(force=True))
        self.bytes["key"] = len(self.circuit.client.evaluation_keys.serialize())

    def warm(self, row):
        """The first run of a process decompresses the keys."""
        start = time.perf_counter()
        self.circuit.run(self.circuit.encrypt(self.model.quantize_input(row)))
        return time.perf_counter() - start

    def query(self, row):
        clock, circuit = self.clock, self.circuit
        codes = clock.run("preprocess", lambda: self.model.quantize_input(row))
        query = clock.run("encrypt", lambda: circuit.encrypt(codes))
        response = clock.run("compute", lambda: circuit.run(query))
        integers = clock.run("decrypt", lambda: circuit.decrypt(response))
        scores = lambda: self.model.post_processing(self.model.dequantize_output(integers))  # noqa: E731
        clock.run("postprocess", scores)
        queries = query if isinstance(query, tuple) else (query,)
        responses = response if isinstance(response, tuple) else (response,)
        self.bytes["query"] = sum(len(part.serialize()) for part in queries)
        self.bytes["response"] = sum(len(part.serialize()) for part in responses)

    def result(self, score):
        return dict(ms=self.clock.medians(), bytes=self.bytes, accuracy=score,
                    p_error=self.circuit.global_p_error, pbs=self.circuit.programmable_bootstrap_count)


class TenSeal:
    """TenSEAL's side of a linear case."""

    def __init__(self, model):
        import tenseal

        self.clock, self.bytes, self.library = Clock(), {}, tenseal
        self.weights, self.bias = model.coef_[0].tolist(), float(model.intercept_[0])
        self.context = self.clock.run("keygen", self.keys)
        public = self.context.serialize(save_secret_key=False)
        self.server = self.clock.run("prepare", lambda: tenseal.context_from(public))
        self.bytes["key"] = len(public)

    def keys(self):
        context = self.library.context(self.library.SCHEME_TYPE.CKKS, 4096, coeff_mod_bit_sizes=[40, 20, 40])
        context.global_scale = 2**20
        context.generate_galois_keys()
        return context

    def compute(self, query):
        vector = self.library.ckks_vector_from(self.server, query)
        return (vector.dot(self.weights) + self.bias).serialize()

    def query(self, row):
        """The score, which is near the model's."""
        clock, values = self.clock, row[0].tolist()
        query = clock.run("encrypt", lambda: self.library.ckks_vector(self.context, values).serialize())
        response = clock.run("compute", lambda: self.compute(query))
        self.bytes.update(query=len(query), response=len(response))
        return clock.run("decrypt", lambda: self.library.ckks_vector_from(self.context, response).decrypt()[0])

    def result(self, score):
        return dict(ms=self.clock.medians(), bytes=self.bytes, accuracy=score)


class Tenebra:
    """Ours, for one kind of query. `encrypt` and `decrypt` quantize and make scores, too; these are microseconds."""

    def __init__(self, model, X, query):
        import tenebra

        self.clock, self.bytes, self.mismatches = Clock(), {}, 0
        options = {} if query is None else dict(query=query)
        self.compiled = self.clock.run("compile", lambda: tenebra.compile(model, X, **options))
        self.client, self.server = self.compiled.client, self.compiled.server
        self.keys = self.clock.run("keygen", self.client.keygen)
        key = self.clock.run("keygen", lambda: self.keys.evaluation_key)
        self.key = key and self.clock.run("prepare", lambda: self.server.prepare_key(key))
        self.bytes["key"] = len(key or b"")

    def query(self, row):
        query = self.clock.run("encrypt", lambda: self.client.encrypt(self.keys, row))
        response = self.clock.run("compute", lambda: self.server.run(query, evaluation_key=self.key))
        outcome = self.clock.run("decrypt", lambda: self.client.decrypt(self.keys, response))
        simulated = self.compiled.evaluate(row, fhe="simulate")
        self.mismatches += int((outcome.scores != simulated.scores).any())
        self.bytes.update(query=len(query), response=len(response))

    def result(self, score):
        report = self.compiled.report
        times = self.clock.medians()
        times["keygen"] = sum(self.clock.times["keygen"])
        return dict(ms=times, bytes=self.bytes, accuracy=score, mismatches=self.mismatches, p_fail_log2=report["p_fail_log2"])


def network(X, y, options):
    """Ours, quantization-aware, as the command line trains it."""
    import numpy as np
    import tenebra

    binary = pathlib.Path(__file__).resolve().parent.parent / "target" / "release" / "tenebra"
    with tempfile.TemporaryDirectory() as folder:
        rows, model = pathlib.Path(folder) / "rows.csv", pathlib.Path(folder) / "model.json"
        header = ",".join([*(f"f{index}" for index in range(X.shape[1])), "y"])
        np.savetxt(rows, np.column_stack([X, y]), delimiter=",", header=header, comments="", fmt="%.9g")
        settings = [word for name, value in options.items() for word in ["--set", f"{name}={value}"]]
        command = [binary, "train", "MLPClassifier", "--data", rows, "--target", "y", "-o", model, *settings]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return tenebra.Model.from_json(model.read_text())


def measure(name, rows):
    import numpy as np

    dataset, estimator, settings, options = CASES[name]
    X, X_test, y, y_test = data(dataset)
    concrete = Concrete(estimator, settings, X, y)
    if estimator.startswith("NeuralNet"):
        model = network(X, y, options)
    else:
        model = concrete.float
    modes = [None] if estimator == "LogisticRegression" else ["direct", "packed"]
    ours = {mode or "linear": Tenebra(model, X, mode) for mode in modes}
    seal = TenSeal(model) if modes == [None] else None
    warm = concrete.warm(X_test[:1])
    rows = max(1, min(rows * (10 if warm < 1 else 1), int(60 / warm) or 1))
    for index in range(rows):
        row = X_test[index:index + 1]
        for repetition in range(21):
            if repetition == 10:
                concrete.query(row)
            for side in [*ours.values(), *([seal] if seal else [])]:
                side.query(row)
    accuracy = lambda predictions: float(np.mean(np.ravel(predictions) == y_test))  # noqa: E731
    peers = {}
    if seal:
        # All rows through the ciphertexts, for they are what is approximate.
        scores = [seal.query(X_test[index:index + 1]) for index in range(len(X_test))]
        peers["TenSEAL"] = seal.result(accuracy(model.classes_[(np.array(scores) > 0).astype(int)]))
    return dict(
        case=name, rows=rows, peers=peers,
        concrete=concrete.result(accuracy(concrete.model.predict(X_test))),
        tenebra={mode: side.result(accuracy(side.compiled.predict(X_test, fhe="simulate"))) for mode, side in ours.items()},
    )


def waits(side):
    """Milliseconds that a user waits for a row."""
    transfer = (side["bytes"]["query"] + side["bytes"]["response"]) * 8 / MBIT / 1e3
    return transfer + sum(side["ms"].get(stage, 0) for stage in STAGES if stage not in ["keygen", "prepare"])


def table(result):
    sides = {"Concrete ML": result["concrete"]} | result["peers"] | {f"Tenebra, {mode}": side for mode, side in result["tenebra"].items()}
    lines = [f"### {result['case']}, {result['rows']} rows", "", "| | " + " | ".join(sides) + " |", "|---|" + "---|" * len(sides)]
    row = lambda name, cell: lines.append(f"| {name} | " + " | ".join(cell(side) for side in sides.values()) + " |")  # noqa: E731
    for stage in ["compile", *STAGES]:
        row(f"{stage} ms", lambda side: f"{side['ms'][stage]:,.3f}" if stage in side["ms"] else "–")
    for part in ["key", "query", "response"]:
        row(f"{part} bytes", lambda side: f"{side['bytes'][part]:,}")
    row("a row with transfer at 50 Mbit/s, ms", lambda side: f"{waits(side):,.2f}")
    for count in [1, 100]:
        total = lambda side: side["bytes"]["key"] + count * (side["bytes"]["query"] + side["bytes"]["response"])  # noqa: E731
        row(f"bytes of {count} queries", lambda side: f"{total(side):,}")
    row("accuracy (all test rows; simulated, but for TenSEAL)", lambda side: f"{side['accuracy']:.3f}")
    error = lambda side: f"{side['p_error']:.1e}" if "p_error" in side else "approximate"  # noqa: E731
    row("p_fail", lambda side: f"2^{side['p_fail_log2']:.0f}" if "p_fail_log2" in side else error(side))
    row("encrypted differs from simulated", lambda side: str(side.get("mismatches", "not looked at")))
    return "\n".join(lines) + "\n"


def summary(results):
    lines = ["| case | query | than | compute, times faster | with transfer, times faster |", "|---|---|---|---|---|"]
    for result in results:
        for name, peer in ({"Concrete ML": result["concrete"]} | result["peers"]).items():
            for mode, side in result["tenebra"].items():
                compute = peer["ms"]["compute"] / side["ms"]["compute"]
                lines.append(f"| {result['case']} | {mode} | {name} | {compute:,.1f} | {waits(peer) / waits(side):,.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
