#!/usr/bin/env python3
"""A small convolution on 8x8 digits, trained with quantizers by PyTorch and exported with QuantizeLinear/DequantizeLinear.

    benches/digits_cnn.py OUT.onnx [--data ../shared/peer/data] [--bits 3 3 3] [--ranges 256 409] [--seed 1] [--hold-out]
    benches/digits_cnn.py OUT.onnx --halve-last IN.onnx

4 filters 3x3 over the image and a border of zeros, 2x2 average pooling, ReLU (LeNet's order), 32 neurons, 10 scores: 64-32-10 after the folding of
the linear convolution and the pooling. Three larger networks are taught first, and teach it (Hinton et al. 2015), first as a float network, then with
quantizers: inputs and activations of BITS bits, weights that are integers whose sums fit the slots of a ring (RANGES values a neuron), one scale
per layer for activations, learned, and one per filter or neuron for weights. Images are shifted, turned and stretched a little.
Settings and the seed were chosen by --hold-out, which trains on four fifths of the training rows and scores the rest; the test rows are scored once.
--halve-last takes a network that was trained so and gives the range of its scores one bit less, by the nearest integers: what packed queries ask for.
"""
import argparse
import pathlib

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

TOP_WEIGHT = 7
LAST_TOP_WEIGHT, LAST_RANGE = 127, 1023


def straight(x, rounded):
    """Rounding counts as the identity backward."""
    return x + (rounded - x).detach()


def activation(x, step, bits):
    top = (1 << bits) - 1
    clamped = (x / step).clamp(0, top)
    return straight(clamped, clamped.round()) * step


def row_sums(rows):
    return rows.abs().sum(1, keepdim=True)


def weight(w, top, reach, sums=row_sums):
    """Integers times a step a row, with sums(integers) <= reach."""
    flat = w.flatten(1)
    with torch.no_grad():
        step = torch.maximum(flat.abs().amax(1, keepdim=True).clamp(min=1e-8) / top, sums(flat) / reach * 0.97)
        for _ in range(200):
            excess = sums((flat / step).round().clamp(-top, top)) / reach
            if (excess <= 1).all():
                break
            step = torch.where(excess > 1, step * excess.sqrt().clamp(min=1.005), step)
        rounded = (flat / step).round().clamp(-top, top)
    return straight(flat, rounded * step).view_as(w), rounded.view_as(w), step.flatten()


def pooled(filters):
    """Sums of the weights of a pooled pixel: each filter moved by one pixel, or none, in both directions."""
    return row_sums(F.conv2d(filters.view(-1, 1, 3, 3), torch.ones(1, 1, 2, 2), padding=1).flatten(1))


class Net(nn.Module):
    def __init__(self, bits, ranges):
        super().__init__()
        self.bits, self.ranges, self.quantized = bits, ranges, False
        self.conv, self.hidden, self.last = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(64, 32), nn.Linear(32, 10)
        self.log_steps = nn.Parameter(torch.zeros(2))

    def steps(self):
        return self.log_steps.exp()

    def weights(self):
        top = [(1 << bits) - 1 for bits in self.bits]
        return [weight(self.conv.weight, TOP_WEIGHT, (self.ranges[0] - 1) / top[0], pooled),
                weight(self.hidden.weight, TOP_WEIGHT, (self.ranges[1] - 1) / top[1]),
                weight(self.last.weight, LAST_TOP_WEIGHT, LAST_RANGE / top[2])]

    def layers(self):
        if self.quantized:
            return [found[0] for found in self.weights()]
        return [self.conv.weight, self.hidden.weight, self.last.weight]

    def rounded(self, x, at):
        return activation(x, self.steps()[at], self.bits[at + 1]) if self.quantized else x.relu()

    def sums(self, x):
        """Before both activations, and the scores."""
        conv, hidden, last = self.layers()
        if self.quantized:
            x = activation(x, 1 / ((1 << self.bits[0]) - 1), self.bits[0])
        first = F.avg_pool2d(F.conv2d(x.view(-1, 1, 8, 8), conv, self.conv.bias, padding=1), 2).flatten(1)
        second = F.linear(self.rounded(first, 0), hidden, self.hidden.bias)
        return first, second, F.linear(self.rounded(second, 1), last, self.last.bias)

    def forward(self, x):
        return self.sums(x)[2]

    @torch.no_grad()
    def quantize(self, x):
        """Codes up to nearly the largest activations of the float network."""
        for at, (sums, share) in enumerate(zip(self.sums(x)[:2], (0.97, 0.985))):
            self.log_steps[at] = (sums[sums > 0].quantile(share) / ((1 << self.bits[at + 1]) - 1)).log()
        self.quantized = True


def moved(x, much):
    """The images shifted, turned and stretched a little, each differently."""
    turn, stretch, shift = torch.randn(len(x)) * 0.08 * much, 1 + torch.randn(len(x)) * 0.05 * much, torch.randn(len(x), 2) * 0.08 * much
    cos, sin = turn.cos() * stretch, turn.sin() * stretch
    maps = torch.stack([torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1)
    grid = F.affine_grid(maps, (len(x), 1, 8, 8), align_corners=False)
    return F.grid_sample(x.view(-1, 1, 8, 8), grid, align_corners=False).flatten(1)


def teacher():
    block = lambda of, to, **how: [nn.Conv2d(of, to, 3, **how), nn.BatchNorm2d(to), nn.ReLU()]
    return nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *block(1, 24, padding=1), *block(24, 32, padding=1, stride=2), *block(32, 48), nn.Flatten(),
                         nn.Dropout(0.3), nn.Linear(192, 10))


def train(net, x, y, epochs, rate, decay, much, teachers=()):
    """With teachers, 0.7 of the loss is the distance from their mean at a temperature of 2."""
    adam = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    steps = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            adam.zero_grad()
            images = moved(x[rows], much)
            scores = net(images)
            loss = F.cross_entropy(scores, y[rows], label_smoothing=0 if teachers else 0.05)
            if teachers:
                with torch.no_grad():
                    taught = sum(F.softmax(t(images) / 2, 1) for t in teachers) / len(teachers)
                loss = 0.3 * loss + 0.7 * 4 * F.kl_div(F.log_softmax(scores / 2, 1), taught, reduction="batchmean")
            loss.backward()
            adam.step()
        steps.step()
    net.eval()


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
    x = add("Conv", [x, integers(conv), constant(net.conv.bias.detach().numpy())], pads=[1, 1, 1, 1])
    x = quantized(add("Relu", [add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])]), steps[0], bits[1])
    x = add("Gemm", [add("Flatten", [x]), integers(hidden), constant(net.hidden.bias.detach().numpy())], transB=1)
    x = quantized(add("Relu", [x]), steps[1], bits[2])
    x = add("Gemm", [x, integers(last), constant(net.last.bias.detach().numpy())], transB=1)
    nodes.append(helper.make_node("Softmax", [x], ["y"], axis=1))
    graph = helper.make_graph(nodes, "digits", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 64])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def halved(model):
    """The network with integers of the last layer whose sums take one bit less, each row at the scale with the least squared error."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    whole, step = [constants[node.input[at]] for node in model.graph.node[-4:] for at in (0, 1) if node.op_type == "DequantizeLinear"
                   and node.input[0] in constants][-2:]
    integers, steps = numpy_helper.to_array(whole), numpy_helper.to_array(step).copy()
    top = int(np.abs(integers).sum(1).max()) / 2
    found = np.zeros_like(integers)
    for row, (w, s) in enumerate(zip(integers.astype(float), steps)):
        rounded = [(np.rint(w / by), by) for by in np.linspace(1.6, 2.6, 101)]
        nearest, by = min((fit for fit in rounded if np.abs(fit[0]).sum() <= top), key=lambda fit: ((fit[0] * fit[1] - w) ** 2).sum())
        found[row], steps[row] = nearest, s * by
    whole.CopyFrom(numpy_helper.from_array(found, whole.name))
    step.CopyFrom(numpy_helper.from_array(steps, step.name))
    return model


def rows(path):
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    return torch.tensor(table[:, :-1], dtype=torch.float32), torch.tensor(table[:, -1].astype(int))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("output", type=pathlib.Path)
    p.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/peer/data"))
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--ranges", type=int, nargs=2, default=(256, 409))
    p.add_argument("--bits", type=int, nargs=3, default=(3, 3, 3))
    p.add_argument("--hold-out", action="store_true")
    p.add_argument("--halve-last", type=pathlib.Path)
    a = p.parse_args()
    if a.halve_last:
        onnx.save(halved(onnx.load(a.halve_last)), a.output)
        return
    torch.set_num_threads(1)
    (x, y), (tx, ty) = (rows(a.data / f"digits_{part}.csv") for part in ("train", "test"))
    if a.hold_out:
        order = np.random.RandomState(5).permutation(len(x))
        (tx, ty), (x, y) = (x[order[:287]], y[order[:287]]), (x[order[287:]], y[order[287:]])
    teachers = []
    for seed in range(3):
        torch.manual_seed(seed)
        teachers.append(teacher())
        train(teachers[-1], x, y, 60, 3e-3, 1e-2, 1.2)
    torch.manual_seed(a.seed)
    net = Net(tuple(a.bits), tuple(a.ranges))
    scored = []
    for epochs, rate in ((200, 1e-2), (160, 3e-3)):
        train(net, x, y, epochs, rate, 1e-3, 0.3, teachers)
        with torch.no_grad():
            scored.append([float((net(x_).argmax(1) == y_).float().mean()) for x_, y_ in ((x, y), (tx, ty))])
        if not net.quantized:
            net.quantize(x)
    names = "rows trained on", "rows held out" if a.hold_out else "test rows"
    for kind, hits in zip(("float", f"bits {a.bits}, ranges {a.ranges}"), scored):
        print(f"{kind}, seed {a.seed}: " + ", ".join(f"{name} {hit:.4f}" for name, hit in zip(names, hits)), flush=True)
    onnx.save(exported(net), a.output)


if __name__ == "__main__":
    main()
