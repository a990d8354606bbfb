#!/usr/bin/env python3
"""Small networks as PyTorch's two exporters write them, with the outputs of onnxruntime: a case a line, as the test `onnx_graphs` reads it.

    benches/onnx_torch_graphs.py OUT.json [--seed 0]

Random weights: what counts is the form of the graphs. Needs torch, onnx, onnxruntime and onnxscript. The recorded ones are
`models/tests/data/onnx/torch_networks.json`; the test holds that each of them is read, and equal.
"""
import argparse
import io
import json
import logging
import pathlib
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn
from torch.nn import functional as F


class Fn(nn.Module):
    """A forward pass written by hand, over some layers."""

    def __init__(self, forward, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = forward

    def forward(self, x):
        return self.function(self, x)


def normalized(layer):
    """Batch normalization that has seen data."""
    layer.running_mean.normal_()
    layer.running_var.uniform_(0.5, 2)
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    nn.init.normal_(layer.bias)
    return layer


def image(*rest):
    return nn.Sequential(nn.Unflatten(1, (1, 4, 4)), *rest)


def networks():
    """`(name, features, network)`"""
    dense = lambda activation, last=(): nn.Sequential(nn.Linear(6, 8), activation, nn.Linear(8, 3), *last)
    for activation in (nn.ReLU(), nn.LeakyReLU(0.1), nn.PReLU(), nn.Sigmoid(), nn.Tanh(), nn.Hardswish(), nn.Hardsigmoid(), nn.Hardtanh(), nn.ReLU6(),
                       nn.ELU(0.7), nn.SELU(), nn.GELU(), nn.Softplus(), nn.SiLU()):
        yield f"dense {type(activation).__name__}", 6, dense(activation, [nn.Softmax(1)])
    yield "log softmax of two", 6, nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2), nn.LogSoftmax(-1))
    yield "one sigmoid", 6, nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid())
    yield "three layers, batch norm, dropout", 6, nn.Sequential(
        nn.Linear(6, 8, bias=False), normalized(nn.BatchNorm1d(8)), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    yield "scaled inputs", 6, Fn(lambda s, x: s.net((x - s.mean) / s.std), net=dense(nn.ReLU()), mean=nn.Parameter(torch.randn(6)), std=nn.Parameter(torch.rand(6) + 0.5))
    yield "residual", 6, Fn(lambda s, x: s.c(F.relu(s.b(F.relu(s.a(x)))) + F.relu(s.a(x))), a=nn.Linear(6, 8), b=nn.Linear(8, 8), c=nn.Linear(8, 2))
    yield "two branches", 6, Fn(lambda s, x: s.c(torch.cat([F.relu(s.a(x)), torch.tanh(s.b(x))], 1)), a=nn.Linear(6, 4), b=nn.Linear(6, 3), c=nn.Linear(7, 2))
    yield "halves of the features", 6, Fn(lambda s, x: s.c(F.relu(s.a(x[:, :3]) + s.b(x[:, 3:]))), a=nn.Linear(3, 5), b=nn.Linear(3, 5), c=nn.Linear(5, 2))
    yield "clamp", 6, Fn(lambda s, x: s.b(s.a(x).clamp(-0.5, 1.5)), a=nn.Linear(6, 8), b=nn.Linear(8, 2))
    yield "absolute", 6, Fn(lambda s, x: s.b(torch.abs(s.a(x))), a=nn.Linear(6, 8), b=nn.Linear(8, 2))
    yield "conv, pool, dense", 16, image(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 3))
    yield "conv, norm, stride, groups", 16, image(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), normalized(nn.BatchNorm2d(4)), nn.ReLU(), nn.Conv2d(4, 4, 2, stride=2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
    yield "conv, adaptive pool", 16, image(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    yield "conv of a view", 16, Fn(lambda s, x: s.b(F.relu(s.a(x.view(-1, 1, 4, 4))).view(x.size(0), -1)), a=nn.Conv2d(1, 2, 3), b=nn.Linear(8, 3))
    yield "padded conv", 16, Fn(lambda s, x: s.b(F.relu(s.a(F.pad(x.reshape(-1, 1, 4, 4), (1, 0, 0, 1)))).flatten(1)), a=nn.Conv2d(1, 2, 3, dilation=2), b=nn.Linear(2, 3))
    yield "conv over time", 12, Fn(lambda s, x: s.b(F.avg_pool1d(F.gelu(s.a(x.unflatten(1, (3, 4)))), 2).flatten(1)), a=nn.Conv1d(3, 4, 3, padding=1), b=nn.Linear(8, 2))
    yield "transposed features", 12, Fn(lambda s, x: s.b(F.relu(s.a(x.reshape(-1, 3, 4).transpose(1, 2))).flatten(1)), a=nn.Linear(3, 2), b=nn.Linear(8, 2))


# The exporter by `torch.export` takes seconds a network.
BY_BOTH = ["dense ReLU", "dense GELU", "residual", "conv, pool, dense", "conv of a view", "conv over time"]


def exported(net, features, dynamo):
    file = io.BytesIO()
    options = dict(dynamic_shapes=({0: torch.export.Dim("N")},), verbose=False) if dynamo else dict(opset_version=17, dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})
    torch.onnx.export(net, (torch.zeros(2, features),), file, dynamo=dynamo, input_names=["x"], output_names=["y"], **options)
    return file.getvalue()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("output", type=pathlib.Path)
    p.add_argument("--seed", type=int, default=0)
    a = p.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    rows = np.random.default_rng(a.seed)
    cases = []
    for name, features, net in networks():
        net.eval()
        for dynamo in (False, True) if name in BY_BOTH else (False,):
            data = exported(net, features, dynamo)
            x = rows.normal(size=(12, features)).astype(np.float32)
            y = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
            outputs = [dict(name="y", kind="number", values=y.astype(float).tolist())]
            cases.append(dict(name=f"torch {name}{', torch.export' if dynamo else ''}", onnx=data.hex(), rows=x.astype(float).tolist(), outputs=outputs))
    versions = dict(onnx=onnx.__version__, onnxruntime=onnxruntime.__version__, torch=torch.__version__)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    a.output.write_text(f'{{"versions":{json.dumps(versions)},"cases":[\n{lines}\n]}}\n')
    print(f"{len(cases)} graphs, {a.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
