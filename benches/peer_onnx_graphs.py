#!/usr/bin/env python3
"""Generated ONNX graphs, imported, against what onnxruntime computes: equal or refused, never silently different.

    benches/peer_onnx_graphs.py [--graphs N] [--trees N] [--seed S] [--libraries K] [-o FILE] [--no-test] [MODEL.onnx…]

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
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = 11
ML = "ai.onnx.ml"
TYPES = {np.dtype(k): v for k, v in {
    np.float32: 1, np.float64: 11, np.float16: 10, np.int64: 7, np.int32: 6, np.bool_: 9, np.int8: 3, np.uint8: 2}.items()}
onnxruntime.set_default_logger_severity(4)
SINGLE = onnxruntime.SessionOptions()
SINGLE.intra_op_num_threads = SINGLE.inter_op_num_threads = 1


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--graphs", type=int, default=1000)
    arguments.add_argument("--trees", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--libraries", type=int, default=1)
    arguments.add_argument("files", nargs="*", type=pathlib.Path)
    arguments.add_argument("-o", "--output", type=pathlib.Path)
    arguments.add_argument("--no-test", action="store_true")
    arguments = arguments.parse_args()
    cases = []
    for kind, count in [(linear_graph, arguments.graphs), (tree_graph, arguments.trees)]:
        for at in range(count):
            found, tries = None, 0
            while found is None:
                rng = np.random.default_rng([arguments.seed, kind is tree_graph, at, tries])
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


class Graph:
    """A graph on `x` that grows a node at a time, as far as onnxruntime takes it."""

    def __init__(self, rng, x, opset, constant_rows=False):
        self.rng, self.x, self.opset = rng, x, opset
        self.nodes, self.constants, self.values, self.count = [], {}, {"x": x}, 0

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def constant(self, value):
        value = np.asarray(value)
        name = self.name()
        if self.rng.random() < 0.2:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name)))
        else:
            self.constants[name] = value
        self.values[name] = value
        return name

    def model(self, outputs):
        # Of no type: onnxruntime infers it.
        graph = helper.make_graph(
            self.nodes, "generated", [helper.make_tensor_value_info("x", TYPES[self.x.dtype], [None, self.x.shape[1]])],
            [onnx.ValueInfoProto(name=name) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid(ML, 3)], ir_version=8)

    def session(self, outputs):
        return onnxruntime.InferenceSession(self.model(outputs).SerializeToString(), SINGLE, providers=["CPUExecutionProvider"])

    def run(self, outputs, x=None):
        return self.session(outputs).run(None, {"x": self.x if x is None else x})

    def add(self, operator, inputs, outputs=1, domain="", **attributes):
        """The names of the outputs, or None if onnxruntime does not take the node."""
        names = [self.name() for _ in range(outputs)]
        try:
            node = helper.make_node(operator, inputs, names, domain=domain, name=f"{operator}_{self.count}", **attributes)
        except ValueError:
            return None
        self.nodes.append(node)
        try:
            values = self.run(names)
        except Exception:
            self.nodes.pop()
            return None
        self.values.update(zip(names, values))
        return names


def case(graph, outputs, rows):
    try:
        values = graph.run(outputs, rows)
        doubled = graph.run(outputs, np.concatenate([rows, rows]))
    except Exception:
        return None
    recorded = []
    for name, value, twice in zip(outputs, values, doubled):
        if isinstance(value, list):
            joined = lambda rows: np.array([list(row.values()) for row in rows]) if isinstance(rows[0], dict) else np.concatenate(rows, axis=1)
            value, twice = joined(value), joined(twice)
        value = np.asarray(value)
        if value.size == 0 or value.size % len(rows):
            return None
        if value.dtype.kind == "f" and not np.isfinite(value.astype(np.float64)).all():
            return None
        # The dimension that grows with the rows.
        grown = [axis for axis, (a, b) in enumerate(zip(value.shape, np.shape(twice))) if a != b]
        if len(grown) != 1 or value.shape[grown[0]] != len(rows):
            return None
        flat = np.moveaxis(value, grown[0], 0).reshape(len(rows), -1)
        kind = {"f": "half" if value.dtype == np.float16 else "number", "i": "integer", "u": "integer", "b": "integer"}.get(value.dtype.kind, "word")
        recorded.append(dict(name=name, kind=kind, values=[[plain(v) for v in row] for row in flat]))
    listed = [[None if np.isnan(v) else float(v) for v in row] for row in rows.astype(np.float64)]
    return dict(onnx=graph.model(outputs).SerializeToString().hex(), rows=listed, outputs=recorded)


def plain(value):
    return str(value) if isinstance(value, str) else int(value) if isinstance(value, (np.bool_, np.integer, int)) else float(f"{float(value):.9g}")


def linear_graph(rng):
    kind = rng.choice(["float32"] * 6 + ["float64", "float64", "float16", "int64"])
    n = int(rng.integers(1, 6))
    rows = rng.normal(size=(ROWS, n)) * 2
    x = (np.round(rows * 2) if kind == "int64" else rows).astype(kind)
    graph = Graph(rng, x, int(rng.choice([11, 13, 17, 18, 21])))
    live = ["x"]
    for _ in range(int(rng.integers(1, 8))):
        source = live[-1] if rng.random() < 0.8 else str(rng.choice(live))
        live += step(graph, source, live) or []
    outputs = [live[-1]]
    if rng.random() < 0.6:
        outputs = finish(graph, live[-1]) or outputs
    if rng.random() < 0.15:
        outputs.append(str(rng.choice(live)))
    return case(graph, list(dict.fromkeys(name for name in outputs if name != "x")) or ["x"], x) if graph.nodes else None


def numbers(graph, dtype, *shape):
    values = graph.rng.normal(size=shape) * 1.5
    if graph.rng.random() < 0.2:
        values = values * 0
    if np.dtype(dtype).kind in "iu":
        values = np.round(values * 3)
    return values.astype(dtype)


def folded(graph, dtype, *shape):
    """A constant of that type and shape, through operators on constants whose types matter."""
    rng, name = graph.rng, graph.constant(numbers(graph, dtype, *shape))
    for _ in range(int(rng.integers(0, 4))):
        value = graph.values[name]
        choice = int(rng.integers(0, 9))
        found = None
        if choice == 0:
            other = rng.choice([7, 6, 9, 3, 1, 11, 10])
            found = graph.add("Cast", [name], to=int(other))
            if found and graph.values[found[0]].dtype != dtype:
                inner = graph.values[found[0]]
                if inner.dtype.kind == "i" and rng.random() < 0.7:
                    divisor = graph.constant((rng.integers(1, 4, size=inner.shape)).astype(inner.dtype))
                    found = graph.add(str(rng.choice(["Div", "Mul", "Sub"])), [found[0], divisor]) or found
                found = graph.add("Cast", found, to=TYPES[np.dtype(dtype)])
        elif choice == 1:
            found = graph.add(str(rng.choice(["Add", "Sub", "Mul", "Div", "Max", "Min"])), [name, graph.constant(numbers(graph, dtype, *value.shape[-1:]))])
        elif choice == 2:
            found = graph.add(str(rng.choice(["Neg", "Abs", "Sqrt", "Exp", "Reciprocal", "Sigmoid"])), [name])
        elif choice == 3 and value.ndim == 2:
            found = graph.add("Transpose", [name])
            found = found and graph.add("Transpose", found, perm=[1, 0])
        elif choice == 4:
            found = graph.add("Reshape", [name, graph.constant(np.array([-1]))])
            found = found and graph.add("Reshape", [found[0], graph.constant(np.array(value.shape, np.int64))])
        elif choice == 5 and value.ndim:
            found = graph.add("Concat", [name, name], axis=-1)
            found = found and graph.add("Slice", [found[0], *map(graph.constant, [np.array([0]), np.array([value.shape[-1]]), np.array([-1])])])
        elif choice == 6:
            found = graph.add("Unsqueeze", [name, graph.constant(np.array([0]))])
            found = found and graph.add("Squeeze", [found[0], graph.constant(np.array([0]))])
        elif choice == 7 and value.ndim:
            found = graph.add("Gather", [name, graph.constant(rng.integers(-value.shape[-1], value.shape[-1], size=value.shape[-1]))], axis=value.ndim - 1)
        elif choice == 8:
            other = graph.constant(numbers(graph, dtype, *value.shape))
            found = graph.add("Less", [name, other])
            found = found and graph.add("Where", [found[0], name, other])
        if found and graph.values[found[0]].dtype == np.dtype(dtype) and graph.values[found[0]].shape == value.shape:
            name = found[0]
    return name


def step(graph, source, live):
    """One operator behind `source`; the names of what it gives."""
    rng, value = graph.rng, graph.values[source]
    dtype, shape = value.dtype, value.shape
    k = shape[-1] if len(shape) == 2 else 1
    choice = str(rng.choice(["elementwise"] * 8 + ["matmul", "matmul", "gemm", "gemm", "shape", "shape", "pick", "pick", "pick", "concat", "split", "cast",
                             "unary", "sum", "both", "both", "reduce", "batch", "scaler", "linear", "clip"]))
    if choice == "elementwise":
        operator = str(rng.choice(["Add", "Sub", "Mul", "Div"]))
        wanted = [(), (1,), (k,), (1, k), (k,), (1, 1), (3,), (ROWS, k), (ROWS, 1), (1, 1, k)][int(rng.integers(0, 10))]
        pair = [source, folded(graph, dtype, *wanted)]
        return graph.add(operator, pair[::-1] if rng.random() < 0.3 else pair)
    if choice == "matmul":
        return graph.add("MatMul", [source, folded(graph, dtype, *([k] if rng.random() < 0.2 else [k, int(rng.integers(1, 4))]))])
    if choice == "gemm":
        turned, m = int(rng.integers(0, 2)), int(rng.integers(1, 4))
        inputs = [source, folded(graph, dtype, *([m, k] if turned else [k, m]))]
        if rng.random() < 0.8:
            inputs.append(folded(graph, dtype, *[(), (1,), (m,), (1, m), (ROWS, m), (ROWS, 1)][int(rng.integers(0, 6))]))
        return graph.add("Gemm", inputs, transB=turned, alpha=float(rng.choice([1, 0.5, -2])), beta=float(rng.choice([1, 0.5, 0])))
    if choice == "shape":
        target = [[-1, k], [0, k], [0, -1], [-1, 1], [-1], [ROWS, k], [k, -1], [1, -1, k], [-1, k, 1]][int(rng.integers(0, 9))]
        operator = str(rng.choice(["Reshape", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity"]))
        if operator == "Reshape":
            return graph.add(operator, [source, graph.constant(np.array(target, np.int64))])
        if operator in ["Squeeze", "Unsqueeze"]:
            axis = int(rng.choice([0, 1, -1]))
            if graph.opset < 13:
                return graph.add(operator, [source], axes=[axis])
            return graph.add(operator, [source, graph.constant(np.array([axis]))])
        return graph.add(operator, [source], **({"axis": int(rng.choice([0, 1, -1, 2]))} if operator == "Flatten" else {}))
    if choice == "pick":
        operator = str(rng.choice(["Slice", "Slice", "Gather", "ArrayFeatureExtractor"]))
        if operator == "Slice":
            ends = [np.array([v], np.int64) for v in [rng.integers(-k - 1, k + 1), rng.choice([*range(-k - 1, k + 2), 2**63 - 1, -2**63]), rng.choice([1, -1, 1, 0]),
                                                      rng.choice([1, 2, -1, -2])]]
            return graph.add(operator, [source, *map(graph.constant, ends)])
        indices = rng.integers(-k, k, size=[(), (1,), (2,), (3,), (1, 2)][int(rng.integers(0, 5))])
        if operator == "Gather":
            return graph.add(operator, [source, graph.constant(np.asarray(indices, np.int64))], axis=int(rng.choice([1, -1, 1, 0])))
        return graph.add(operator, [source, graph.constant(np.abs(np.asarray(indices, np.int64)))], domain=ML)
    if choice == "concat":
        return graph.add("Concat", [source, *[str(rng.choice(live)) for _ in range(int(rng.integers(0, 3)))]], axis=int(rng.choice([1, -1, 0])))
    if choice == "split":
        axis, attributes = int(rng.choice([1, -1, 0])), {}
        parts = int(rng.integers(1, 4))
        inputs = [source]
        if rng.random() < 0.5 and k >= 2:
            lengths = [int(rng.integers(1, k))]
            lengths.append(k - lengths[0])
            parts = 2
            if graph.opset < 13:
                attributes["split"] = lengths
            else:
                inputs.append(graph.constant(np.array(lengths, np.int64)))
        elif graph.opset >= 18:
            attributes["num_outputs"] = parts
        return graph.add("Split", inputs, outputs=parts, axis=axis, **attributes)
    if choice == "cast":
        if rng.random() < 0.2:
            return graph.add("CastLike", [source, graph.constant(np.zeros(1, rng.choice(["float32", "float64", "int64"])))])
        return graph.add("Cast", [source], to=int(rng.choice([1, 11, 1, 11, 10, 7, 6, 9])))
    if choice == "unary":
        return graph.add(str(rng.choice(["Neg", "Neg", "Abs", "Sqrt", "Reciprocal", "Exp", "Relu", "Log", "Dropout", "Floor", "Tanh"])), [source])
    if choice == "sum":
        parts = [source, *[str(rng.choice(live)) if rng.random() < 0.6 else folded(graph, dtype, k) for _ in range(int(rng.integers(0, 3)))]]
        return graph.add(str(rng.choice(["Sum", "Mean", "Sum", "Mean", "Max"])), parts)
    if choice == "both":
        return graph.add(str(rng.choice(["Add", "Sub", "Add", "Sub", "Mul"])), [source, str(rng.choice(live))])
    if choice == "reduce":
        operator, axis, keep = str(rng.choice(["ReduceSum", "ReduceMean"])), int(rng.choice([1, -1, 1, 0])), int(rng.integers(0, 2))
        if graph.opset >= (13 if operator == "ReduceSum" else 18):
            return graph.add(operator, [source, graph.constant(np.array([axis]))], keepdims=keep)
        return graph.add(operator, [source], axes=[axis], keepdims=keep)
    if choice == "batch":
        scale, shift, mean, variance = (folded(graph, dtype, k) for _ in range(4))
        variance = graph.add("Abs", [variance])
        return variance and graph.add("BatchNormalization", [source, scale, shift, mean, variance[0]], epsilon=float(rng.choice([1e-5, 0.1])))
    if choice == "scaler":
        size = int(rng.choice([1, k]))
        draw = lambda: [float(v) for v in rng.normal(size=size)]
        return graph.add("Scaler", [source], domain=ML, offset=draw(), scale=draw())
    if choice == "linear":
        targets = int(rng.integers(1, 4))
        attributes = dict(coefficients=[float(v) for v in rng.normal(size=targets * k)], targets=targets)
        if rng.random() < 0.7:
            attributes["intercepts"] = [float(v) for v in rng.normal(size=targets)]
        return graph.add("LinearRegressor", [source], domain=ML, post_transform=str(rng.choice(["NONE", "NONE", "LOGISTIC", "SOFTMAX"])), **attributes)
    if choice == "clip":
        low = sorted(rng.normal(size=2))
        return graph.add("Clip", [source, *(graph.constant(np.array(v, dtype)) for v in low)])
    return None


def finish(graph, source):
    """A link, a label or a classifier behind `source`; the names of the outputs."""
    rng, value = graph.rng, graph.values[source]
    k = value.shape[-1] if value.ndim == 2 else 1
    classes = [int(v) for v in rng.choice(50, size=max(k, 2), replace=False)]
    choice = str(rng.choice(["link", "label", "both", "classifier", "svm", "normalized", "logistic", "compare"]))
    if choice == "link":
        operator = str(rng.choice(["Sigmoid", "Exp", "Softmax"]))
        found = graph.add(operator, [source], **({"axis": int(rng.choice([1, -1]))} if operator == "Softmax" else {}))
        if found and rng.random() < 0.4:
            more = str(rng.choice(["Mul", "Add", "Div"]))
            dtype = graph.values[found[0]].dtype
            found = graph.add(more, [found[0], graph.constant(np.array(rng.choice([1.0, 2.5, 0.0 if more == "Add" else 0.5]), dtype))]) or found
        return found
    if choice in ["label", "both"]:
        scores = graph.add("Softmax", [source], axis=1) if choice == "both" else [source]
        label = scores and graph.add("ArgMax", [scores[0] if rng.random() < 0.5 else source], axis=1, keepdims=int(rng.integers(0, 2)))
        if label and rng.random() < 0.6:
            label = graph.add("ArrayFeatureExtractor", [graph.constant(np.array(classes, np.int64)), label[0]], domain=ML) or label
            label = graph.add("Reshape", [label[0], graph.constant(np.array([-1]))]) or label
        outputs = label and label + (scores if choice == "both" else [])
        return outputs[::-1] if outputs and rng.random() < 0.2 else outputs
    if choice == "classifier":
        rows = int(rng.choice([1, 2, 3]))
        labels = dict(classlabels_ints=[int(v) for v in rng.choice(9, size=max(rows, 2), replace=False)])
        found = graph.add("LinearClassifier", [source], 2, ML, coefficients=[float(v) for v in rng.normal(size=rows * k)],
                          intercepts=[float(v) for v in rng.normal(size=rows)], post_transform=str(rng.choice(["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])), **labels)
        if found and rng.random() < 0.3:
            columns = [graph.add("Slice", [found[1], *(graph.constant(np.array([v])) for v in [j, j + 1, 1])]) for j in range(max(rows, 2))]
            return [found[0]] + [c[0] for c in columns if c]
        return found if rng.random() < 0.8 else found and [found[int(rng.integers(0, 2))]]
    if choice == "svm":
        count = int(rng.integers(1, 4))
        return graph.add("SVMClassifier", [source], 2, ML, kernel_type="LINEAR", kernel_params=[0.0, 0.0, 0.0], coefficients=[float(v) for v in rng.normal(size=count)],
                         support_vectors=[float(v) for v in rng.normal(size=count * k)], rho=[0.1], vectors_per_class=[count, 0], classlabels_ints=[4, 2],
                         post_transform="NONE")
    if choice == "normalized":
        first = graph.add(str(rng.choice(["Sigmoid", "Exp", "Identity"])), [source])
        if first and rng.random() < 0.5:
            return graph.add("Normalizer", first, domain=ML, norm=str(rng.choice(["L1", "L1", "L2", "MAX"])))
        if not first or graph.opset < 13:
            return first
        total = graph.add("ReduceSum", [first[0], graph.constant(np.array([1]))], keepdims=1)
        return total and graph.add("Div", [first[0], total[0]])
    if choice == "logistic":
        one = graph.constant(np.array(1, value.dtype))
        negated = graph.add("Neg", [source])
        exponential = negated and graph.add("Exp", negated)
        below = exponential and graph.add("Add", [one, exponential[0]])
        p = below and graph.add("Div", [one, below[0]])
        if not p or rng.random() < 0.4:
            return p
        q = graph.add("Sub", [one, p[0]])
        both = q and graph.add("Concat", [q[0], p[0]], axis=-1)
        label = both and graph.add("ArgMax", both, axis=-1)
        return label and label + both
    level = graph.constant(np.array(rng.normal(), value.dtype))
    truth = graph.add(str(rng.choice(["Less", "Greater", "LessOrEqual", "GreaterOrEqual"])), [source, level])
    return truth and graph.add("Cast", truth, to=7)


def tree_graph(rng):
    n = int(rng.integers(1, 5))
    dtype = str(rng.choice(["float32"] * 5 + ["float64", "int64"]))
    x = rng.normal(size=(24, n)) * 2
    graph = Graph(rng, (np.round(x * 3) if dtype == "int64" else x).astype(dtype), int(rng.choice([13, 17, 18])))
    source, thresholds = "x", []
    for _ in range(int(rng.choice([0, 0, 1, 1, 2, 3]))):
        source = (scale(graph, source) or [source])[0]
    k = graph.values[source].shape[-1] if graph.values[source].ndim == 2 else 1
    heads, kind = [], str(rng.choice(["regressor", "regressor", "classifier", "classifier"]))
    shared = int(rng.integers(1, 4))
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        found = ensemble(graph, source, k, kind, shared, thresholds)
        if found:
            heads.append(found)
    if not heads:
        return None
    outputs = heads[0] if len(heads) == 1 else joined(graph, heads, kind) or heads[0]
    if rng.random() < 0.4:
        outputs = behind(graph, outputs) or outputs
    return case(graph, outputs, edges(graph, source, thresholds))


def scale(graph, source):
    rng, value = graph.rng, graph.values[source]
    k, dtype = value.shape[-1], value.dtype
    choice = str(rng.choice(["Scaler", "Sub", "Div", "Mul", "Add", "Clip", "Cast", "Gather", "Neg", "Binarizer"]))
    if choice == "Scaler":
        draw = lambda: [float(v) for v in np.float32(rng.normal(size=k))]
        return graph.add(choice, [source], domain=ML, offset=draw(), scale=draw())
    if choice in ["Sub", "Div", "Mul", "Add"]:
        pair = [source, graph.constant(numbers(graph, dtype, k))]
        return graph.add(choice, pair[::-1] if rng.random() < 0.2 else pair)
    if choice == "Clip":
        return graph.add(choice, [source, *(graph.constant(np.array(v, dtype)) for v in sorted(rng.normal(size=2)))])
    if choice == "Cast":
        return graph.add(choice, [source], to=int(rng.choice([1, 11, 10, 7])))
    if choice == "Gather":
        return graph.add(choice, [source, graph.constant(rng.integers(0, k, size=k))], axis=1)
    if choice == "Binarizer":
        return graph.add(choice, [source], domain=ML, threshold=float(np.float32(rng.normal())))
    return graph.add("Neg", [source])


def ensemble(graph, source, k, kind, outputs, thresholds):
    rng, values = graph.rng, graph.values[source].astype(np.float64)
    prefix = "class" if kind == "classifier" else "target"
    classes = int(rng.integers(2, 4)) if outputs == 1 else max(outputs, 2)
    sign = str(rng.choice(["positive", "mixed", "mixed"]))
    single = kind == "classifier" and classes == 2 and rng.random() < 0.6
    own = int(rng.choice([0, 0, 0, 1]))
    nodes = {name: [] for name in ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids", "missing_value_tracks_true"]}
    leaves = {name: [] for name in ["treeids", "nodeids", "ids", "weights"]}
    mode = str(rng.choice(["BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE"]))
    tracks = rng.random() < 0.3
    for tree in range(int(rng.choice([1, 1, 2, 3]))):
        depth = int(rng.integers(0, 4))
        for node in range(2 ** (depth + 1) - 1):
            leaf = node >= 2**depth - 1
            feature = int(rng.integers(0, k))
            column = values[:, feature] if values.ndim == 2 else values
            threshold = float(np.float32(rng.choice(column) if rng.random() < 0.6 else rng.normal()))
            own_mode = "LEAF" if leaf else mode if rng.random() < 0.9 else str(rng.choice(["BRANCH_EQ", "BRANCH_NEQ", "BRANCH_LT", "BRANCH_LEQ"]))
            for name, entry in zip(nodes, [tree, node, feature, own_mode, 0.0 if leaf else threshold, 0 if leaf else 2 * node + 1, 0 if leaf else 2 * node + 2,
                                           int(tracks and not leaf and rng.random() < 0.5)]):
                nodes[name].append(entry)
            if not leaf:
                thresholds.append((source, feature, threshold))
                continue
            for target in [own] if single else range(classes if kind == "classifier" else outputs):
                weight = float(np.float32(rng.normal()))
                for name, entry in zip(leaves, [tree, node, target, abs(weight) if sign == "positive" else weight]):
                    leaves[name].append(entry)
    attributes = {f"nodes_{name}": entries for name, entries in nodes.items()} | {f"{prefix}_{name}": entries for name, entries in leaves.items()}
    transform = str(rng.choice(["NONE", "NONE", "LOGISTIC", "SOFTMAX"]))
    if rng.random() < 0.3:
        attributes["base_values"] = [float(np.float32(v)) for v in rng.normal(size=1 if single else classes if kind == "classifier" else outputs)]
    if kind == "classifier":
        return graph.add("TreeEnsembleClassifier", [source], 2, ML, classlabels_int64s=list(range(3, 3 + classes)), post_transform=transform, **attributes)
    return graph.add("TreeEnsembleRegressor", [source], 1, ML, n_targets=outputs, post_transform=transform,
                     aggregate_function=str(rng.choice(["SUM", "SUM", "AVERAGE"])), **attributes)


def joined(graph, heads, kind):
    """Several ensembles as one, as Bagging, Voting, AdaBoost and MultiOutput are."""
    rng, scores = graph.rng, [head[-1] for head in heads]
    choice = str(rng.choice(["concat", "sum", "mean", "vote", "reduce"]))
    if choice == "concat":
        return graph.add("Concat", scores, axis=1)
    if choice == "sum":
        weighted = [graph.add("Mul", [score, graph.constant(np.float32(rng.random()))]) for score in scores]
        total = all(weighted) and graph.add("Sum", [w[0] for w in weighted])
        label = total and kind == "classifier" and graph.add("ArgMax", total, axis=1)
        return label + total if label else total
    if choice == "mean":
        return graph.add("Mean", scores)
    if choice == "reduce":
        columns = graph.values[scores[0]].shape[-1]
        shaped = [graph.add("Reshape", [score, graph.constant(np.array([1, -1, columns]))]) for score in scores]
        merged = all(shaped) and graph.add("Concat", [s[0] for s in shaped], axis=0)
        if not merged:
            return None
        if graph.opset >= 18:
            return graph.add("ReduceMean", [merged[0], graph.constant(np.array([0]))], keepdims=0)
        return graph.add("ReduceMean", merged, axes=[0], keepdims=0)
    votes = []
    for score in scores:
        classes = graph.values[score].shape[-1]
        best = graph.add("ArgMax", [score], axis=1)
        shape = graph.add("Shape", [score])
        one = shape and graph.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.ones(1, np.float32)))
        hit = best and graph.add("Equal", [best[0], graph.constant(np.arange(classes).reshape(1, -1))])
        vote = hit and one and graph.add("Where", [hit[0], one[0], graph.constant(np.array([-0.5], np.float32))])
        vote = vote and graph.add("Mul", [vote[0], graph.constant(np.float32(rng.random()))])
        if not vote:
            return None
        votes.append(vote[0])
    total = graph.add("Sum", votes)
    label = total and graph.add("ArgMax", total, axis=1)
    return label and label + total


def behind(graph, outputs):
    rng, score = graph.rng, outputs[-1]
    choice = str(rng.choice(["Mul", "Exp", "Sigmoid", "Div", "Slice", "Reshape", "Add", "ExpMul", "Linear", "Log", "Clip", "Abs"]))
    constant = lambda: graph.constant(np.float32(rng.choice([1.0, 2.0, 0.3])))
    if choice in ["Mul", "Div", "Add"]:
        found = graph.add(choice, [score, constant()])
    elif choice == "ExpMul":
        found = graph.add("Exp", [score])
        found = found and graph.add("Mul", [found[0], constant()])
    elif choice == "Slice":
        found = graph.add("Slice", [score, *(graph.constant(np.array([v])) for v in [0, 1, 1])])
    elif choice == "Reshape":
        found = graph.add("Reshape", [score, graph.constant(np.array([-1, graph.values[score].shape[-1]]))])
    elif choice == "Linear":
        k = graph.values[score].shape[-1]
        found = graph.add("LinearRegressor", [score], domain=ML, coefficients=[float(v) for v in rng.normal(size=k)], intercepts=[0.5])
    elif choice == "Clip":
        found = graph.add("Clip", [score, graph.constant(np.float32(0)), graph.constant(np.float32(1))])
    else:
        found = graph.add(choice, [score])
    return found and outputs[:-1] + found


def edges(graph, source, thresholds):
    """Rows that are compared at thresholds and one step beside, moved back through the steps before the trees by bisection."""
    rows, sessions = [*graph.x[:8]], {}
    dtype = graph.x.dtype
    for origin, feature, threshold in thresholds[:8]:
        for column in range(graph.x.shape[1]):
            base = graph.x[0].copy()
            if origin not in sessions:
                sessions[origin] = graph.session([origin]) if origin != "x" else None

            def value(v):
                row = base.copy()
                row[column] = v
                row = row.reshape(1, -1)
                found = sessions[origin].run(None, {"x": row})[0] if origin != "x" else row
                return float(found.reshape(1, -1)[0, min(feature, found.size - 1)])

            if dtype.kind != "f":
                low, high = -1000.0, 1000.0
            else:
                low, high = -1e4, 1e4
            at_low, at_high = value(low), value(high)
            if at_low == at_high or not min(at_low, at_high) <= threshold <= max(at_low, at_high):
                continue
            rising = at_high > at_low
            for _ in range(45):
                middle = (low + high) / 2
                low, high = (middle, high) if (value(middle) <= threshold) == rising else (low, middle)
            for near in {np.asarray(low, dtype).item(), np.asarray(high, dtype).item()}:
                steps = [near, near + 1, near - 1] if dtype.kind != "f" else [
                    near, *(np.nextafter(dtype.type(near), dtype.type(to)).item() for to in [-np.inf, np.inf])]
                for v in steps:
                    row = base.copy()
                    row[column] = v
                    rows.append(row)
    if dtype.kind == "f":
        for v in [0.0, -0.0, 1e30, -1e30, np.nan]:
            row = graph.x[1].copy()
            row[int(graph.rng.integers(0, len(row)))] = v
            rows.append(row)
    return np.array(rows[:60], dtype)


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
