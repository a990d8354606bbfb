"""Random ONNX graphs that are affine or close to it, and what onnxruntime makes of them; for `peer_onnx_graphs.py`."""
import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

ROWS = 11
ML = "ai.onnx.ml"
TYPES = {np.dtype(k): v for k, v in {
    np.float32: 1, np.float64: 11, np.float16: 10, np.int64: 7, np.int32: 6, np.bool_: 9, np.int8: 3, np.uint8: 2}.items()}
onnxruntime.set_default_logger_severity(4)
# Without its optimizer, which takes a cast to half precision and back for nothing.
SINGLE = onnxruntime.SessionOptions()
SINGLE.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
SINGLE.intra_op_num_threads = SINGLE.inter_op_num_threads = 1


class Graph:
    """A graph on `x` that grows a node at a time, as far as onnxruntime takes it."""

    def __init__(self, rng, x, opset):
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
    return dict(onnx=graph.model(outputs).SerializeToString().hex(), rows=listed, half=bool(rows.dtype == np.float16), outputs=recorded)


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
