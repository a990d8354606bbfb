#!/usr/bin/env python3
"""A small convolution on 8x8 digits, trained with quantizers by PyTorch and exported with QuantizeLinear/DequantizeLinear.

    benches/digits_cnn.py OUT.onnx [--data ../shared/peer/data] [--epochs 150] [--seed 0] [--order relu-pool|pool-relu]

4 filters 3x3, 2x2 average pooling, 32 neurons, 10 scores. Weights are integers whose sums fit the slots of a ring (RANGE values a neuron),
one scale per layer for activations, learned, and one per filter or neuron for weights. Prints the accuracy on the test rows, by integers.
"""
import argparse
import pathlib

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F


def straight(x, rounded):
    """Rounding counts as the identity backward."""
    return x + (rounded - x).detach()


def activation(x, step, bits):
    top = (1 << bits) - 1
    clamped = (x / step).clamp(0, top)
    return straight(clamped, clamped.round()) * step


def weight(w, cost, top, reach):
    """Integers times a step a row, with sum |integer| * cost <= reach."""
    flat = w.flatten(1)
    with torch.no_grad():
        step = flat.abs().amax(1, keepdim=True).clamp(min=1e-8) / top
        for _ in range(200):
            excess = (flat / step).round().abs().sum(1, keepdim=True) * cost / reach
            if (excess <= 1).all():
                break
            step = torch.where(excess > 1, step * excess.sqrt().clamp(min=1.005), step)
        rounded = (flat / step).round().clamp(-top, top)
    return straight(flat, rounded * step).view_as(w), rounded.view_as(w), step.flatten()


class Net(nn.Module):
    def __init__(self, order, bits=(2, 2, 3), ranges=(256, 204)):
        super().__init__()
        self.order, self.bits, self.ranges = order, bits, ranges
        self.conv, self.hidden, self.last = nn.Conv2d(1, 4, 3), nn.Linear(36, 32), nn.Linear(32, 10)
        self.log_steps = nn.Parameter(torch.log(torch.tensor([0.5, 0.5])))

    def steps(self):
        return self.log_steps.exp()

    def weights(self):
        top = [(1 << bits) - 1 for bits in self.bits]
        pooled = 4 if self.order == "pool-relu" else 1
        spread = 1 if self.order == "pool-relu" else 4
        return [weight(self.conv.weight, top[0] * pooled, 7, self.ranges[0] - 1),
                weight(self.hidden.weight, top[1] * spread, 7, self.ranges[1] - 1),
                weight(self.last.weight, top[2], 127, 1023)]

    def forward(self, x):
        (conv, *_), (hidden, *_), (last, *_) = self.weights()
        steps = self.steps()
        x = activation(x, 1 / ((1 << self.bits[0]) - 1), self.bits[0])
        x = F.conv2d(x.view(-1, 1, 8, 8), conv, self.conv.bias)
        if self.order == "pool-relu":
            x = activation(F.avg_pool2d(x, 2), steps[0], self.bits[1])
        else:
            x = F.avg_pool2d(activation(x, steps[0], self.bits[1]), 2)
        x = activation(F.linear(x.flatten(1), hidden, self.hidden.bias), steps[1], self.bits[2])
        return F.linear(x, last, self.last.bias)


def moved(x):
    """The images shifted, turned and stretched a little, each differently."""
    turn, stretch, shift = torch.randn(len(x)) * 0.08, 1 + torch.randn(len(x)) * 0.05, torch.randn(len(x), 2) * 0.08
    cos, sin = turn.cos() * stretch, turn.sin() * stretch
    maps = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(maps, (len(x), 1, 8, 8), align_corners=False)
    return F.grid_sample(x.view(-1, 1, 8, 8), grid, align_corners=False).flatten(1)


def train(net, x, y, epochs, rate=1e-2):
    adam = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-3)
    steps = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)
    best = (np.inf, None)
    for epoch in range(epochs):
        net.train()
        for rows in torch.randperm(len(x)).split(64):
            adam.zero_grad()
            F.cross_entropy(net(moved(x[rows])), y[rows], label_smoothing=0.05).backward()
            adam.step()
        steps.step()
        if epoch >= epochs * 0.7:
            with torch.no_grad():
                loss = float(F.cross_entropy(net(x), y))
            if loss < best[0]:
                best = (loss, {name: value.clone() for name, value in net.state_dict().items()})
    net.load_state_dict(best[1])


def exported(net):
    nodes, constants = [], []

    def constant(value):
        constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(constants)}"))
        return constants[-1].name

    def add(op, inputs, **attributes):
        nodes.append(helper.make_node(op, inputs, [f"v{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    def quantized(x, step, bits):
        scale, zero = constant(np.float32(step)), constant(np.uint8(0))
        x = add("Clip", [add("QuantizeLinear", [x, scale, zero]), zero, constant(np.uint8((1 << bits) - 1))])
        return add("DequantizeLinear", [x, scale, zero])

    def integers(found):
        _, whole, step = found
        whole = whole.detach().numpy().astype(np.int8)
        return add("DequantizeLinear", [constant(whole), constant(step.numpy().astype(np.float32)), constant(np.zeros(len(step), np.int8))], axis=0)

    conv, hidden, last = net.weights()
    steps, bits = net.steps().detach().numpy(), net.bits
    x = quantized("x", 1 / ((1 << bits[0]) - 1), bits[0])
    x = add("Reshape", [x, constant(np.array([-1, 1, 8, 8], np.int64))])
    x = add("Conv", [x, integers(conv), constant(net.conv.bias.detach().numpy())])
    pool = dict(kernel_shape=[2, 2], strides=[2, 2])
    if net.order == "pool-relu":
        x = quantized(add("Relu", [add("AveragePool", [x], **pool)]), steps[0], bits[1])
    else:
        x = add("AveragePool", [quantized(add("Relu", [x]), steps[0], bits[1])], **pool)
    x = add("Gemm", [add("Flatten", [x]), integers(hidden), constant(net.hidden.bias.detach().numpy())], transB=1)
    x = quantized(add("Relu", [x]), steps[1], bits[2])
    x = add("Gemm", [x, integers(last), constant(net.last.bias.detach().numpy())], transB=1)
    nodes.append(helper.make_node("Softmax", [x], ["y"], axis=1))
    graph = helper.make_graph(nodes, "digits", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def rows(path):
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    return torch.tensor(table[:, :-1], dtype=torch.float32), torch.tensor(table[:, -1].astype(int))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("output", type=pathlib.Path)
    p.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/peer/data"))
    p.add_argument("--epochs", type=int, default=150)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--order", choices=["relu-pool", "pool-relu"], default="pool-relu")
    p.add_argument("--ranges", type=int, nargs=2, default=(256, 204))
    p.add_argument("--bits", type=int, nargs=3, default=(2, 2, 3))
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    (x, y), (tx, ty) = (rows(a.data / f"digits_{part}.csv") for part in ("train", "test"))
    net = Net(a.order, tuple(a.bits), tuple(a.ranges))
    train(net, x, y, a.epochs)
    net.eval()
    with torch.no_grad():
        hits = [float((net(x_).argmax(1) == y_).float().mean()) for x_, y_ in ((x, y), (tx, ty))]
    print(f"{a.order}, bits {a.bits}, ranges {a.ranges}, seed {a.seed}: training rows {hits[0]:.4f}, test rows {hits[1]:.4f}")
    onnx.save(exported(net), a.output)


if __name__ == "__main__":
    main()
