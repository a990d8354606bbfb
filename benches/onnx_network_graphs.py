"""Random ONNX graphs of neural networks, as exporters of PyTorch and Keras write them; for `peer_onnx_graphs.py`."""
import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx_linear_graphs import ML, ROWS, TYPES, Graph, case

ACTIVATIONS = ["Relu"] * 6 + ["LeakyRelu", "PRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "Elu", "Selu", "Softplus", "Softsign",
                              "Clip", "Relu6", "Swish", "Gelu", "GeluErf", "Abs", "Sign", "Mish", "Max"]


class Image(Graph):
    """A graph whose input has channels and sizes."""

    def __init__(self, rng, x, opset, shape):
        self.shape = shape
        super().__init__(rng, x, opset)
        self.values["x"] = x.reshape(-1, *shape)

    def model(self, outputs):
        graph = helper.make_graph(
            self.nodes, "generated", [helper.make_tensor_value_info("x", TYPES[self.x.dtype], ["N", *self.shape])],
            [onnx.ValueInfoProto(name=name) for name in outputs],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset), helper.make_opsetid(ML, 3)], ir_version=8)

    def run(self, outputs, x=None):
        rows = self.x if x is None else x
        return self.session(outputs).run(None, {"x": rows.reshape(-1, *self.shape)})


def network_graph(rng):
    kind = str(rng.choice(["dense"] * 4 + ["image"] * 3 + ["series"]))
    opset = int(rng.choice([13, 17, 18, 20]))
    if kind == "dense":
        n = int(rng.integers(2, 7))
        graph, source = Graph(rng, rng.normal(size=(ROWS, n)).astype("float32"), opset), "x"
    else:
        sizes = (int(rng.integers(1, 3)), *(int(rng.integers(4, 7)) for _ in range(2 if kind == "image" else 1)))
        x = rng.normal(size=(ROWS, int(np.prod(sizes)))).astype("float32")
        if rng.random() < 0.5:
            graph, source = Image(rng, x, opset, sizes), "x"
        else:
            graph = Graph(rng, x, opset)
            source = graph.add("Reshape", ["x", graph.constant(np.array([-1, *sizes], np.int64))])[0]
        for _ in range(int(rng.integers(1, 3))):
            source = (convolution(graph, source) or [source])[0]
        source = graph.add("Flatten", [source], axis=1)[0]
    function = str(rng.choice(ACTIVATIONS))
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        found = dense(graph, source, int(rng.integers(2, 6)))
        if rng.random() < 0.2:
            found = normalized(graph, found) or found
        if rng.random() < 0.3:
            function = str(rng.choice(ACTIVATIONS))
        found = activation(graph, found, function) or found
        if rng.random() < 0.2:
            found = skipped(graph, source, found) or found
        source = found
    return case(graph, head(graph, source), rng.permutation(graph.x))


def weights(graph, *shape):
    values = graph.rng.normal(size=shape) / np.sqrt(max(1, np.prod(shape[:-1])))
    values[graph.rng.random(shape) < 0.1] = 0
    return values.astype("float32")


def dense(graph, source, width):
    k = graph.values[source].shape[1]
    if graph.rng.random() < 0.6:
        return graph.add("Gemm", [source, graph.constant(weights(graph, width, k)), graph.constant(weights(graph, width))], transB=1)[0]
    product = graph.add("MatMul", [source, graph.constant(weights(graph, k, width))])[0]
    return graph.add("Add", [product, graph.constant(weights(graph, width))])[0]


def normalized(graph, source):
    k = graph.values[source].shape[1]
    positive = lambda: graph.constant(np.float32(graph.rng.random(k) + 0.5))
    any_ = lambda: graph.constant(np.float32(graph.rng.normal(size=k)))
    found = graph.add("BatchNormalization", [source, positive(), any_(), any_(), positive()])
    return found and found[0]


def activation(graph, source, function):
    rng, rank = graph.rng, graph.values[source].ndim
    scalar = lambda value: graph.constant(np.float32(value))
    one = lambda found: found and found[0]
    if function == "PRelu":
        slopes = rng.random() * 0.5 if rng.random() < 0.5 else np.full((graph.values[source].shape[1],) + (1,) * (rank - 2), 0.25)
        return one(graph.add("PRelu", [source, graph.constant(np.float32(slopes))]))
    if function == "Clip":
        return one(graph.add("Clip", [source, *(scalar(v) for v in sorted(rng.normal(size=2)))]))
    if function == "Relu6":
        return one(graph.add("Min", [one(graph.add("Relu", [source])), scalar(1.5)]))
    if function == "Max":
        return one(graph.add("Max", [source, scalar(0)]))
    if function == "Swish":
        return one(graph.add("Mul", [source, one(graph.add("Sigmoid", [source]))]))
    if function == "GeluErf":
        inner = one(graph.add("Erf", [one(graph.add("Div", [source, scalar(np.sqrt(2))]))]))
        gate = one(graph.add("Add", [inner, scalar(1)]))
        return one(graph.add("Mul", [one(graph.add("Mul", [source, gate])), scalar(0.5)]))
    attributes = {}
    if function in ["LeakyRelu", "Elu"]:
        attributes["alpha"] = float(np.float32(rng.random()))
    if function == "HardSigmoid" and rng.random() < 0.5:
        attributes.update(alpha=float(np.float32(rng.random())), beta=0.5)
    if function == "Gelu" and rng.random() < 0.5:
        attributes["approximate"] = "tanh"
    return one(graph.add(function, [source], **attributes))


def skipped(graph, source, found):
    """The layer's input added to its result, or beside it."""
    if graph.values[source].shape == graph.values[found].shape and graph.rng.random() < 0.7:
        return graph.add("Add", [source, found])[0]
    joined = graph.add("Concat", [source, found], axis=1)
    return joined and joined[0]


def convolution(graph, source):
    rng, value = graph.rng, graph.values[source]
    channels, sizes = value.shape[1], value.shape[2:]
    group = channels if rng.random() < 0.2 else 1
    kernel = [int(rng.integers(1, min(4, size + 1))) for size in sizes]
    outputs = group * int(rng.integers(1, 3))
    attributes = dict(group=group, strides=[int(rng.integers(1, 3)) for _ in sizes])
    if rng.random() < 0.3:
        attributes["auto_pad"] = str(rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    elif rng.random() < 0.5:
        attributes["pads"] = [int(rng.integers(0, 2)) for _ in range(2 * len(sizes))]
    if rng.random() < 0.2:
        attributes["dilations"] = [1 + int(rng.random() < 0.5) for _ in sizes]
    inputs = [source, graph.constant(weights(graph, outputs, channels // group, *kernel))]
    if rng.random() < 0.7:
        inputs.append(graph.constant(weights(graph, outputs)))
    found = graph.add("Conv", inputs, **attributes)
    if not found:
        return None
    found = [activation(graph, found[0], str(rng.choice(ACTIVATIONS[:12]))) or found[0]]
    if rng.random() < 0.5:
        pool = str(rng.choice(["AveragePool", "MaxPool", "GlobalAveragePool"]))
        attributes = {} if pool.startswith("Global") else dict(kernel_shape=[min(2, s) for s in graph.values[found[0]].shape[2:]])
        if attributes and rng.random() < 0.6:
            attributes["strides"] = [2] * len(sizes)
        if attributes and pool == "AveragePool" and rng.random() < 0.3:
            attributes.update(pads=[1] * (2 * len(sizes)), count_include_pad=int(rng.random() < 0.5))
        found = graph.add(pool, found, **attributes) or found
    return found


def head(graph, source):
    rng = graph.rng
    kind = str(rng.choice(["scores", "scores", "sigmoid", "softmax", "argmax"]))
    width = 1 if kind == "sigmoid" else int(rng.integers(1, 4)) if kind == "scores" else int(rng.integers(3, 5))
    scores = dense(graph, source, width)
    if kind == "sigmoid":
        return graph.add("Sigmoid", [scores])
    if kind == "softmax":
        return graph.add("Softmax", [scores], axis=-1)
    if kind == "argmax":
        probabilities = graph.add("Softmax", [scores], axis=1)
        return graph.add("ArgMax", probabilities, axis=1, keepdims=int(rng.random() < 0.5)) + probabilities
    return [scores]
