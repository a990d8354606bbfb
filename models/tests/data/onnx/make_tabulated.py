"""Graphs of kernel machines, nearest neighbours, Gaussian processes and a small network for `tests/tabulate.rs`, with what onnxruntime
gives at every point of the grid {0, 1, 3, 7}^3: `python make_tabulated.py` writes `tabulated/*.onnx` and `tabulated/expected.json`.

scikit-learn 1.7, skl2onnx 1.20, onnxruntime 1.32.
"""
import itertools
import json
import pathlib
import warnings

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent / "tabulated"
HERE.mkdir(exist_ok=True)
rng = np.random.default_rng(7)
levels = [0.0, 1.0, 3.0, 7.0]
grid = np.array(list(itertools.product(levels, repeat=3)), dtype=np.float32)
X = rng.uniform(0, 7, (40, 3)).astype(np.float32)
number = np.sin(X[:, 0]) + X[:, 1] * X[:, 2] / 7
two = (number > 1.5).astype(int)
three = np.array(["high", "low", "mid"])[np.digitize(number, [0.8, 2.5])]
models = {
    "svc": (SVC(), two),
    "svc_three": (SVC(gamma=0.1), three),
    "svc_probability": (SVC(probability=True, random_state=0), three),
    "svc_poly": (SVC(kernel="poly", degree=2, coef0=1.0), two),
    "svr": (SVR(C=10), number),
    "svr_scaled_sigmoid": (make_pipeline(StandardScaler(), SVR(kernel="sigmoid", gamma=0.1)), number),
    "one_class": (OneClassSVM(gamma=0.1), None),
    "neighbours": (KNeighborsClassifier(3), three),
    "neighbours_regressor": (make_pipeline(StandardScaler(), KNeighborsRegressor(3, weights="distance")), number),
    "gaussian_process": (GaussianProcessRegressor(ConstantKernel(1.0, "fixed") * RBF(2.0, "fixed") + WhiteKernel(0.1, "fixed"), normalize_y=True), number),
    "network": (make_pipeline(StandardScaler(), MLPClassifier((5, 5, 5, 5), max_iter=500, random_state=0)), two),
}
expected = {}
for name, (model, y) in models.items():
    model.fit(X, y)
    options = {id(model): {"zipmap": name == "neighbours"}} if hasattr(model, "classes_") else None
    graph = to_onnx(model, X[:1], options=options, target_opset=17).SerializeToString()
    (HERE / f"{name}.onnx").write_bytes(graph)
    session = onnxruntime.InferenceSession(graph)
    outputs = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"X": grid})))
    labels = next((outputs.pop(name) for name in list(outputs) if "label" in name), None)
    scores = list(outputs.values())[0]
    if isinstance(scores, list):
        classes = sorted(scores[0])
        scores = np.array([[row[c] for c in classes] for row in scores])
    expected[name] = {
        "labels": None if labels is None else [str(l) for l in labels.ravel()],
        "scores": [[float(v) for v in row] for row in np.asarray(scores).reshape(len(grid), -1)],
    }
(HERE / "expected.json").write_text(json.dumps({"points": grid.tolist(), "models": expected}))
