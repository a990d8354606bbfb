#!/usr/bin/env python3
"""Float networks of other libraries, quantized after training: what `import` and `compile --calibrate` keep of their scores.

    benches/onnx_trained_networks.py WORK [--tenebra target/release/tenebra] [--data ../shared/peer/data] [--folds K] [--only NAME]… [--no-run]

Trains 16 networks on data sets of scikit-learn (rows of DATA, split there), by scikit-learn and by PyTorch, exports them through
skl2onnx and torch.onnx, and for each runs `import`, `compile --calibrate` with the training rows, and `eval` of all test rows in
the clear and simulated. Prints a table. With --folds, every row is a test row once: K networks are trained, each on all but a K-th of
the rows, and the table has the means, and the standard error of the difference by folds. Needs torch, onnx, scikit-learn; skl2onnx for the first six.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np
import torch
from torch import nn

from folds import splits, written

CLASSES = {"iris": 3, "wine_std": 3, "bc_std": 2, "digits": 10, "diabetes_std": 0}


class Image(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(-1, *self.shape)


class Residual(nn.Module):
    def __init__(self, width, activation):
        super().__init__()
        self.inner, self.activation = nn.Linear(width, width), activation

    def forward(self, x):
        return x + self.activation(self.inner(x))


def scikit_learn(kind, **settings):
    def make(x, y, _):
        from skl2onnx import to_onnx
        from sklearn import neural_network
        model = getattr(neural_network, kind)(random_state=0, max_iter=1000, **settings).fit(x, y)
        options = {id(model): {"zipmap": False}} if kind == "MLPClassifier" else None
        return to_onnx(model, x[:1].astype(np.float32), options=options, target_opset=17).SerializeToString()
    return make


def pytorch(build, epochs=200, rate=1e-2, decay=1e-3, shape=None):
    def make(x, y, classes):
        torch.manual_seed(0)
        net = build(x.shape[1], max(classes, 1))
        if shape:
            net = nn.Sequential(Image(shape), net)
        if classes == 0:
            mean, std = float(y.mean()), float(y.std())
            target, loss = torch.tensor((y - mean) / std, dtype=torch.float32)[:, None], nn.MSELoss()
        else:
            target, loss = torch.tensor(y.astype(int)), nn.CrossEntropyLoss()
        data = torch.utils.data.TensorDataset(torch.tensor(x, dtype=torch.float32), target)
        loader = torch.utils.data.DataLoader(data, batch_size=64, shuffle=True)
        adam = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
        steps = torch.optim.lr_scheduler.CosineAnnealingLR(adam, epochs)
        for _ in range(epochs):
            for rows, wanted in loader:
                adam.zero_grad()
                loss(net(rows), wanted).backward()
                adam.step()
            steps.step()
        net.eval()
        if classes == 0:
            back = nn.Linear(1, 1)
            back.weight.data[:], back.bias.data[:] = std, mean
            net = nn.Sequential(net, back)
        else:
            net = nn.Sequential(net, nn.Softmax(1))
        return exported(net, x.shape[1])
    return make


def exported(net, n):
    import io
    file = io.BytesIO()
    torch.onnx.export(net, (torch.zeros(1, n),), file, dynamo=False, opset_version=17, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})
    return file.getvalue()


def mlp(*sizes, activation=nn.ReLU, norm=False, dropout=0.0):
    def build(n, outputs):
        layers = []
        for size in sizes:
            layers += [nn.Linear(n, size, bias=not norm)] + ([nn.BatchNorm1d(size)] if norm else []) + [activation()]
            layers += [nn.Dropout(dropout)] if dropout else []
            n = size
        return nn.Sequential(*layers, nn.Linear(n, outputs))
    return build


def residual(n, outputs):
    return nn.Sequential(nn.Linear(n, 16), nn.ReLU(), Residual(16, nn.ReLU()), nn.Linear(16, outputs))


def convolution(n, outputs):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, outputs))


def deep_convolution(n, outputs):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 32), nn.ReLU(), nn.Linear(32, outputs))


def normalized_convolution(n, outputs):
    return nn.Sequential(nn.Conv2d(1, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(6), nn.SiLU(), nn.Flatten(), nn.Linear(96, outputs))


def series(n, outputs):
    return nn.Sequential(nn.Conv1d(8, 12, 3, padding=1), nn.GELU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(48, outputs))


NETWORKS = [
    ("sklearn iris 16", "iris", scikit_learn("MLPClassifier", hidden_layer_sizes=(16,))),
    ("sklearn wine 32 tanh", "wine_std", scikit_learn("MLPClassifier", hidden_layer_sizes=(32,), activation="tanh", alpha=0.1)),
    ("sklearn breast cancer 100", "bc_std", scikit_learn("MLPClassifier", hidden_layer_sizes=(100,), alpha=1.0)),
    ("sklearn breast cancer 32-16", "bc_std", scikit_learn("MLPClassifier", hidden_layer_sizes=(32, 16), alpha=1.0)),
    ("sklearn digits 64", "digits", scikit_learn("MLPClassifier", hidden_layer_sizes=(64,), alpha=0.1)),
    ("sklearn diabetes 32 logistic", "diabetes_std",
     scikit_learn("MLPRegressor", hidden_layer_sizes=(32,), activation="logistic", alpha=1.0, learning_rate_init=0.01)),
    ("torch iris 24 tanh", "iris", pytorch(mlp(24, activation=nn.Tanh))),
    ("torch wine 24 batch norm", "wine_std", pytorch(mlp(24, norm=True), epochs=60)),
    ("torch breast cancer 24-12 leaky", "bc_std", pytorch(mlp(24, 12, activation=nn.LeakyReLU), epochs=40)),
    ("torch breast cancer residual 16", "bc_std", pytorch(residual, epochs=40)),
    ("torch digits 48 dropout", "digits", pytorch(mlp(48, dropout=0.2), epochs=80, rate=5e-3)),
    ("torch digits conv 4x3x3, average pool", "digits", pytorch(convolution, epochs=80, shape=(1, 8, 8))),
    ("torch digits conv 4x3x3, average pool, 32", "digits", pytorch(deep_convolution, epochs=80, decay=1e-2, shape=(1, 8, 8))),
    ("torch digits conv stride 2, norm, SiLU", "digits", pytorch(normalized_convolution, epochs=60, shape=(1, 8, 8))),
    ("torch digits conv1d, GELU", "digits", pytorch(series, epochs=80, shape=(8, 8))),
    ("torch diabetes 16 ELU", "diabetes_std", pytorch(mlp(16, activation=nn.ELU), epochs=60, rate=5e-3, decay=0.1)),
]


def rows(path):
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    return table[:, :-1], table[:, -1]


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stderr}")
    return json.loads(done.stdout) if "--json" in command else done.stderr


def evaluated(folder, a, make, classes):
    """Scores in the clear and simulated, and the report of `compile`; None with --no-run."""
    onnx, train, test = (folder / name for name in ("model.onnx", "train.csv", "test.csv"))
    if not onnx.exists():
        onnx.write_bytes(make(*rows(train), classes))
    if a.no_run:
        return None
    (folder / "model.json").unlink(missing_ok=True)
    run(a.tenebra, "import", onnx, "-o", folder / "model.json")
    report = run(a.tenebra, "compile", folder / "model.json", "--calibrate", train, "--target", "y", "--no-measure", "--force",
                 "-o", folder / "compiled", "--json")
    scores = [run(a.tenebra, "eval", folder / "compiled", "--data", test, "--target", "y", "--mode", mode, "--json")["metric"]["value"]
              for mode in ("clear", "simulate")]
    return scores, report


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("work", type=pathlib.Path)
    p.add_argument("--tenebra", default="target/release/tenebra")
    p.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/peer/data"))
    p.add_argument("--folds", type=int, default=0)
    p.add_argument("--only", action="append")
    p.add_argument("--no-run", action="store_true", help="trains and writes the files alone")
    a = p.parse_args()
    torch.set_num_threads(1)
    print("| network | float | quantized | lost | bits of a query | products | predicted ms |\n|---|---|---|---|---|---|---|")
    for name, data, make in NETWORKS:
        if a.only and not any(part in name for part in a.only):
            continue
        found = []
        parts = splits(*(a.data / f"{data}_{part}.csv" for part in ("train", "test")), a.folds)
        for fold, lines in enumerate(parts):
            folder = a.work / ("".join(c if c.isalnum() else "_" for c in name) + (f"_{fold}" if a.folds else ""))
            written(folder, *lines)
            found.append(evaluated(folder, a, make, CLASSES[data]))
        if a.no_run:
            continue
        scores = np.array([scores for scores, _ in found])
        lost = scores[:, 0] - scores[:, 1]
        error = f" ± {lost.std(ddof=1) / len(lost) ** 0.5:.4f}" if a.folds else ""
        mean = lambda key: np.mean([report[key] for _, report in found])
        print(f"| {name} | {scores[:, 0].mean():.4f} | {scores[:, 1].mean():.4f} | {lost.mean():.4f}{error} | {mean('input_bits'):.0f} "
              f"| {mean('external_products'):.0f} | {mean('predicted_evaluate_ms'):.1f} |", flush=True)


if __name__ == "__main__":
    main()
