#!/usr/bin/env python3
"""Networks with quantizers, as tools of quantization-aware training export them, and what onnxruntime computes of rows.

    benches/onnx_quantized_graphs.py [--graphs N] [--seed S] -o FILE

Writes FILE for the test `onnx_quantized` of tenebra-models (`TENEBRA_ONNX_QUANTIZED=FILE cargo test …`), which holds the
integers of the circuit to it row by row; `models/tests/data/onnx/quantized_graphs.json` is `--graphs 60 --seed 1`. Scales are
powers of two, so that single precision is exact, and features lie on half steps, so that ties are met. `Quant` of Brevitas, which
onnxruntime lacks, is written out by its definition (round(clamp(x / scale + zero, min, max)) - zero) * scale.
"""
import argparse
import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


class Net:
    def __init__(self, rng, brevitas):
        self.rng, self.brevitas = rng, brevitas
        # Of the file, and of its equal in standard operators.
        self.nodes, self.standard, self.constants, self.count = [], [], [], 0

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def constant(self, value):
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, op, inputs, **attributes):
        return self.both(op, inputs, self.name(), **attributes)

    def both(self, op, inputs, output, **attributes):
        node = helper.make_node(op, inputs, [output], **attributes)
        self.nodes.append(node)
        self.standard.append(node)
        return output

    def quantized(self, x, scale, signed, bits, narrow=False, zero=0, rank=2):
        """The nearest level to x, `scale` a number or one per output channel of a weight."""
        scale = np.asarray(scale, np.float32)
        least, greatest = (-(1 << bits - 1) + narrow, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1 - narrow)
        if self.brevitas:
            if scale.ndim:
                scale = scale.reshape(-1, *[1] * (rank - 1))
            inputs = [self.constant(v) for v in (scale, np.float32(zero), np.float32(bits))]
            output = self.name()
            self.nodes.append(helper.make_node("Quant", [x, *inputs], [output], domain="qonnx.custom_op.general",
                                               signed=int(signed), narrow=int(narrow), rounding_mode="ROUND"))
            value = x
            for op, operand in [("Div", scale), ("Add", np.float32(zero)), ("Max", np.float32(least)), ("Min", np.float32(greatest)),
                                ("Round", None), ("Sub", np.float32(zero)), ("Mul", scale)]:
                inner = output if op == "Mul" else self.name()
                inputs = [value] + ([] if operand is None else [self.constant(operand)])
                self.standard.append(helper.make_node(op, inputs, [inner]))
                value = inner
            return output
        kind = np.int8 if signed else np.uint8
        zeros = self.constant(np.full(scale.shape, zero, kind))
        axis = dict(axis=0) if scale.ndim else {}
        scale = self.constant(scale)
        value = self.add("QuantizeLinear", [x, scale, zeros], **axis)
        full = (-128, 127) if signed else (0, 255)
        if (least, greatest) != full:
            value = self.add("Clip", [value, self.constant(kind(least)), self.constant(kind(greatest))])
        return self.add("DequantizeLinear", [value, scale, zeros], **axis)

    def weights(self, *shape):
        bits = int(self.rng.integers(2, 5))
        scale = 2.0 ** -self.rng.integers(1, 4, size=shape[0] if self.rng.random() < 0.6 else ())
        values = self.rng.normal(size=shape) * 2.0 ** (bits - 3)
        return self.quantized(self.constant(values.astype("float32")), scale, True, bits, narrow=self.rng.random() < 0.5, rank=len(shape))

    def bias(self, n):
        return self.constant((self.rng.integers(-8, 9, size=n) / 8).astype("float32"))

    def activated(self, x):
        rng, bits = self.rng, int(self.rng.integers(1, 4))
        function = str(rng.choice(["Relu", "Relu", "LeakyRelu", "none", "Relu6"]))
        if function == "LeakyRelu":
            x = self.add("LeakyRelu", [x], alpha=0.25)
        elif function == "Relu6":
            x = self.add("Clip", [x, self.constant(np.float32(0)), self.constant(np.float32(1.5))])
        elif function == "Relu":
            x = self.add("Relu", [x])
        signed = function in ["LeakyRelu", "none"]
        zero = 0 if signed or rng.random() < 0.7 else int(rng.integers(0, 1 << bits))
        x = self.quantized(x, 2.0 ** -int(rng.integers(0, 3)), signed and bits > 1, bits, zero=zero)
        return self.add("Relu", [x]) if signed and bits > 1 and rng.random() < 0.3 else x

    def dense(self, x, n, width):
        return self.add("Gemm", [x, self.weights(width, n), self.bias(width)], transB=1)

    def model(self, nodes, inputs, output):
        graph = helper.make_graph(nodes, "quantized", inputs, [onnx.ValueInfoProto(name=output)], self.constants)
        sets = [helper.make_opsetid("", 17), helper.make_opsetid("qonnx.custom_op.general", 1)]
        return helper.make_model(graph, opset_imports=sets, ir_version=8)


def case(rng, at):
    net = Net(rng, brevitas=bool(at % 3 == 2))
    image = rng.random() < 0.3
    shape = [1, 4, 4] if image else [int(rng.integers(2, 6))]
    n, bits = int(np.prod(shape)), int(rng.integers(1, 5))
    signed = bool(rng.random() < 0.4) and bits > 1
    step = 2.0 ** -int(rng.integers(0, 4))
    # Halves of steps, beyond the range as well.
    rows = (rng.integers(-(2 << bits), 2 << bits, size=(60, n)) * step / 2).astype("float32")
    x = "x"
    if not image and rng.random() < 0.3:
        # What is done to features before they are quantized.
        x = net.add("Mul", [net.add("Sub", [x, net.constant(np.float32(0.5))]), net.constant(np.float32(0.25))])
        step *= 0.25
    x = net.quantized(x, step, signed, bits, zero=0 if signed or rng.random() < 0.6 else int(rng.integers(0, 1 << bits)))
    if image:
        filters = int(rng.integers(1, 3))
        x = net.add("Conv", [x, net.weights(filters, 1, 3, 3), net.bias(filters)], pads=[0, 0, 1, 1] if rng.random() < 0.5 else [0] * 4)
        side = 3 if net.nodes[-1].attribute[0].ints[2] else 2
        x = net.add("Flatten", [net.activated(x)])
        n = filters * side * side
    for _ in range(1 if image else int(rng.integers(1, 3))):
        width = int(rng.integers(2, 5))
        x, n = net.activated(net.dense(x, n, width)), width
    x = net.dense(x, n, int(rng.integers(1, 4)))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])]
    standard = net.model(net.standard, inputs, x)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(standard.SerializeToString(), options, providers=["CPUExecutionProvider"])
    scores = session.run(None, {"x": rows.reshape(-1, *shape)})[0]
    return dict(name=f"{'Quant' if net.brevitas else 'QuantizeLinear'} {at}", onnx=net.model(net.nodes, inputs, x).SerializeToString().hex(),
                rows=rows.astype(float).tolist(), scores=scores.astype(float).tolist())


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--graphs", type=int, default=300)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("-o", "--output", required=True)
    a = p.parse_args()
    cases = [case(np.random.default_rng([a.seed, at]), at) for at in range(a.graphs)]
    with open(a.output, "w") as file:
        json.dump(dict(onnxruntime=onnxruntime.__version__, cases=cases), file, separators=(",", ":"))


if __name__ == "__main__":
    main()
