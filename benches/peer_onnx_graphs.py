#!/usr/bin/env python3
"""Generated ONNX graphs, imported, against what onnxruntime computes: equal or refused, never silently different.

    benches/peer_onnx_graphs.py [--graphs N] [--trees N] [--networks N] [--seed S] [--libraries K] [-o FILE] [--no-test] [MODEL.onnx…]

Needs numpy, onnx and onnxruntime, and for the graphs of libraries scikit-learn and skl2onnx (others are left out without them).
Writes the graphs, rows and onnxruntime's outputs to FILE (default: a temporary file) and runs the test `onnx_graphs` of tenebra-models on
it, which prints how many were equal and refused, and fails on any difference. `models/tests/data/onnx/graphs.json` is written by
`--graphs 140 --trees 60 --seed 1 -o` (and the test reads it by itself).
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto
from onnx_linear_graphs import SINGLE, TYPES, case, linear_graph
from onnx_network_graphs import network_graph
from onnx_tree_graphs import tree_graph

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--graphs", type=int, default=1000)
    arguments.add_argument("--trees", type=int, default=500)
    arguments.add_argument("--networks", type=int, default=300)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--libraries", type=int, default=1)
    arguments.add_argument("files", nargs="*", type=pathlib.Path)
    arguments.add_argument("-o", "--output", type=pathlib.Path)
    arguments.add_argument("--no-test", action="store_true")
    arguments = arguments.parse_args()
    cases = []
    for number, (kind, count) in enumerate([(linear_graph, arguments.graphs), (tree_graph, arguments.trees), (network_graph, arguments.networks)]):
        for at in range(count):
            found, tries = None, 0
            while found is None:
                rng = np.random.default_rng([arguments.seed, number, at, tries])
                try:
                    found = kind(rng)
                except Exception:
                    # Drawn from nothing, as from a tensor without columns, or no graph for every number of rows.
                    found = None
                tries += 1
            cases.append(dict(name=f"{kind.__name__} {at}.{tries - 1}", **found))
    cases += list(exported(arguments.seed))[:: arguments.libraries]
    for path in arguments.files:
        model = Exported(onnx.load(path))
        model.x = rows = model.rows(np.random.default_rng(arguments.seed))
        found = case(model, [o.name for o in model.written.graph.output], rows)
        cases.append(dict(name=path.stem if path.stem != "m" else path.parent.name, **(found or dict(onnx=path.read_bytes().hex(), rows=[], outputs=[]))))
    versions = dict(onnx=onnx.__version__, onnxruntime=onnxruntime.__version__)
    with tempfile.TemporaryDirectory() as folder:
        path = (arguments.output or pathlib.Path(folder) / "graphs.json").resolve()
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        path.write_text(f'{{"versions":{json.dumps(versions)},"cases":[\n{lines}\n]}}\n')
        print(f"{len(cases)} graphs, {path.stat().st_size} bytes", file=sys.stderr)
        if arguments.no_test:
            return 0
        command = ["cargo", "test", "--release", "-p", "tenebra-models", "--test", "onnx_graphs", "--", "--nocapture"]
        return subprocess.run(command, cwd=ROOT, env=dict(os.environ, TENEBRA_ONNX_GRAPHS=str(path))).returncode


def exported(seed):
    """Models of scikit-learn as skl2onnx writes them, in one and two precisions, with each form of probabilities."""
    try:
        import models_of_libraries
    except ImportError:
        return
    for name, model, x in models_of_libraries.all(seed):
        graph = Exported(model, x)
        found = case(graph, [o.name for o in model.graph.output], x)
        if found:
            yield dict(name=name, **found)


class Exported:
    """A graph as it was written."""

    def __init__(self, model, x=None):
        self.written, self.x = model, x

    def model(self, _):
        return self.written

    def rows(self, rng):
        """Random rows of all numbers that it takes."""
        given = {constant.name for constant in self.written.graph.initializer}
        types = [i.type.tensor_type for i in self.written.graph.input if i.name not in given]
        width = sum(t.shape.dim[1].dim_value for t in types if t.elem_type != TensorProto.STRING)
        dtype = next(k for k, v in TYPES.items() if v == types[0].elem_type) if len(types) == 1 else np.dtype(np.float32)
        rows = rng.normal(size=(12, width)) * 2
        return np.round(rows * 2).astype(dtype) if len(types) > 1 else rows.astype(dtype)

    def run(self, _, x):
        session = onnxruntime.InferenceSession(self.written.SerializeToString(), SINGLE, providers=["CPUExecutionProvider"])
        feed, at = {}, 0
        for given in session.get_inputs():
            if given.type == "tensor(string)":
                feed[given.name] = np.full((len(x), 1), "a")
                continue
            width = given.shape[1] if len(session.get_inputs()) > 1 else x.shape[1]
            kinds = {"tensor(int64)": np.int64, "tensor(double)": np.float64, "tensor(float16)": np.float16}
            feed[given.name] = x[:, at : at + width].astype(kinds.get(given.type, np.float32))
            at += width
        return session.run(None, feed)


if __name__ == "__main__":
    sys.exit(main())
