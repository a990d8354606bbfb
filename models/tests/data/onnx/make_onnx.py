"""Exports scikit-learn models as ONNX and records what onnxruntime answers.

Usage: make_onnx.py DATA_DIR [NAME...]; writes NAME.onnx and expected.json beside itself, or makes those of the named cases
anew. Chains that no exporter of scikit-learn
writes are built by hand with onnx.helper, as PyTorch's and TensorFlow's exporters write them.
"""
import json, pathlib, sys, warnings
import numpy as np, onnx, onnxruntime, pandas as pd, skl2onnx, sklearn
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import *
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

warnings.simplefilter("ignore")
HERE, ROWS = pathlib.Path(__file__).parent, 20
data = pathlib.Path(sys.argv[1])
pima, iris = pd.read_csv(data / "pima.csv"), pd.read_csv(data / "iris.csv")
P, y = pima.drop(columns="diabetes").to_numpy(np.float32), pima.diabetes.astype(int).to_numpy()
I, yi = iris.drop(columns="y").to_numpy(np.float32), iris.y.astype(int).to_numpy()
B = pima.drop(columns=["diabetes", "bmi"]).to_numpy(np.float32)
BS = StandardScaler().fit_transform(B).astype(np.float32)
S, words = StandardScaler().fit_transform(P).astype(np.float32), np.array(["no", "yes"])[y]
R = dict(random_state=0)
MODELS = {
    "linear_regression": (LinearRegression(), B, pima.bmi), "linear_two_targets": (LinearRegression(), P[:, :4], pima[["bmi", "age"]].to_numpy()),
    "svr": (SVR(kernel="linear"), BS, pima.bmi), "linear_svr": (LinearSVR(**R), BS, pima.bmi),
    "poisson": (PoissonRegressor(), S[:, 1:], pima.npreg), "tweedie_identity": (TweedieRegressor(power=0), S[:, 1:], pima.npreg),
    "logistic": (LogisticRegression(max_iter=5000), P, y), "logistic_words": (LogisticRegression(max_iter=5000), P, words),
    "logistic_three": (LogisticRegression(max_iter=1000), I, yi), "one_vs_rest": (OneVsRestClassifier(LogisticRegression()), I, yi),
    "sgd_hinge": (SGDClassifier(**R), S, y), "sgd_log": (SGDClassifier(loss="log_loss", **R), S, y),
    "sgd_log_three": (SGDClassifier(loss="log_loss", alpha=0.1, **R), I, yi), "sgd_hinge_three": (SGDClassifier(**R), I, yi),
    "linear_svc": (LinearSVC(**R), S, y), "linear_svc_three": (LinearSVC(**R), I, yi),
    "svc": (SVC(kernel="linear"), S, y), "svc_platt": (SVC(kernel="linear", probability=True, **R), S, y),
    "scaled_logistic": (make_pipeline(StandardScaler(), LogisticRegression()), P, y),
    "min_max_ridge": (make_pipeline(MinMaxScaler(), Ridge()), B, pima.bmi),
    "max_abs_poisson": (make_pipeline(MaxAbsScaler(), PoissonRegressor()), P[:, 1:], pima.npreg),
    "elastic_net": (ElasticNet(alpha=0.1), BS, pima.bmi), "sgd_regressor": (SGDRegressor(**R), BS, pima.bmi),
    "gamma": (GammaRegressor(), BS, pima.bmi), "tweedie_19": (TweedieRegressor(power=1.9), BS, pima.bmi),
    "ridge_two_targets": (Ridge(), BS[:, :4], pima[["bmi", "age"]].to_numpy()),
    "ridge_classifier": (RidgeClassifier(), S, y), "discriminant": (LinearDiscriminantAnalysis(), I, yi),
    "robust_components": (make_pipeline(RobustScaler(), PCA(3), LogisticRegression()), P, words),
    "column_transformer": (make_pipeline(ColumnTransformer([("a", StandardScaler(), [0, 3]), ("b", MinMaxScaler(), [1])], remainder="passthrough"), Ridge()), B, pima.bmi),
    # What must be refused, with a message that says why.
    "refused_svc_three": (SVC(kernel="linear"), I, yi), "refused_svc_rbf": (SVC(kernel="rbf"), S, y),
    "refused_normalizer": (make_pipeline(Normalizer(), Ridge()), B, pima.bmi),
    "refused_modified_huber": (SGDClassifier(loss="modified_huber", **R), I, yi),
}

def chain(nodes, constants, n, outputs, opset=17):
    """A graph of (operator, inputs, outputs, attributes) on one input `x` of n columns."""
    graph = helper.make_graph(
        [helper.make_node(op, i, o, **a) for op, i, o, a in nodes], "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, n])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)

rng = np.random.default_rng(0)
f32 = lambda *shape: rng.normal(size=shape).astype(np.float32)
CHAINS = {
    "torch_softmax": chain([("Gemm", ["x", "w1", "b1"], ["h"], dict(transB=1)), ("Gemm", ["h", "w2", "b2"], ["z"], dict(transB=1, alpha=0.5)),
                            ("Softmax", ["z"], ["p"], dict(axis=1))], dict(w1=f32(5, 4), b1=f32(5), w2=f32(3, 5), b2=f32(3)), 4, [("p", 1)]),
    "torch_sigmoid": chain([("Gemm", ["x", "w", "b"], ["z"], dict(transB=1)), ("Sigmoid", ["z"], ["p"], {})], dict(w=f32(1, 4), b=f32(1)), 4, [("p", 1)]),
    "two_way_softmax": chain([("MatMul", ["x", "w"], ["z"], {}), ("Softmax", ["z"], ["p"], {})], dict(w=f32(4, 2)), 4, [("p", 1)]),
    "arithmetic": chain([("Sub", ["x", "mean"], ["c"], {}), ("Div", ["c", "std"], ["s"], {}), ("MatMul", ["s", "w"], ["z"], {}), ("Neg", ["z"], ["n"], {}),
                         ("Mul", ["n", "two"], ["m"], {}), ("Sub", ["one", "m"], ["o"], {}), ("Add", ["o", "z"], ["y"], {})],
                        dict(mean=f32(4), std=np.abs(f32(1, 4)) + 1, w=f32(4, 2), two=np.float32(2), one=np.ones(1, np.float32)), 4, [("y", 1)]),
    "columns": chain([("Slice", ["x", "i1", "i3", "i1"], ["a"], {}), ("Gather", ["x", "pick"], ["b"], dict(axis=1)), ("Concat", ["a", "b"], ["c"], dict(axis=-1)),
                      ("MatMul", ["c", "w"], ["z"], {}), ("Squeeze", ["z", "i1"], ["s"], {}), ("Exp", ["s"], ["y"], {})],
                     dict(i1=np.array([1]), i3=np.array([3]), pick=np.array([3, -4]), w=0.1 * f32(4, 1)), 4, [("y", 1)]),
    "doubles_arg_max": chain([("MatMul", ["x", "w"], ["z"], {}), ("ArgMax", ["z"], ["label"], dict(axis=1))], dict(w=f32(4, 3)), 4, [("label", 7)]),
    "refused_relu": chain([("MatMul", ["x", "w"], ["z"], {}), ("Relu", ["z"], ["y"], {})], dict(w=f32(4, 3)), 4, [("y", 1)]),
    "exported_weights": chain([("Identity", ["x"], ["i"], {}), ("Cast", ["i"], ["f"], dict(to=1)), ("Dropout", ["f"], ["d"], {}), ("Transpose", ["w"], ["t"], dict(perm=[1, 0])),
                               ("MatMul", ["d", "t"], ["z"], {}), ("Add", ["z", "b"], ["s"], {}), ("Reshape", ["s", "flat"], ["y"], {})],
                              dict(w=f32(1, 4), b=f32(1), flat=np.array([-1])), 4, [("y", 1)]),
    "refused_shape": chain([("Shape", ["x"], ["s"], {}), ("Concat", ["s", "large"], ["t"], dict(axis=0)), ("Reshape", ["x", "t"], ["y"], {})],
                           dict(large=np.array([2**60])), 4, [("y", 1)]),
    "refused_nan": chain([("Relu", ["x"], ["r"], {}), ("Min", ["r", "nan"], ["m"], {}), ("MatMul", ["m", "w"], ["y"], {})],
                         dict(nan=np.array([np.nan], np.float32), w=f32(4, 1)), 4, [("y", 1)]),
    "refused_division": chain([("Div", ["one", "x"], ["r"], {}), ("MatMul", ["r", "w"], ["y"], {})], dict(one=np.ones(1, np.float32), w=f32(4, 1)), 4, [("y", 1)]),
}

def record(name, model, rows):
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())
    if name.startswith("refused"):
        return {}
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name
    answers = [np.asarray(a).reshape(len(rows), -1).tolist() if not isinstance(a, list) else [list(r.values()) for r in a]
               for a in session.run(None, {feed: rows})]
    return dict(rows=rows.astype(float).tolist(), answers=answers)

only = set(sys.argv[2:])
cases = json.loads((HERE / "expected.json").read_text())["cases"] if only else {}
wanted = lambda name: not only or name in only
for name, (model, x, target) in MODELS.items():
    if not wanted(name) and not (name == "logistic_words" and wanted("logistic_zip_map")): continue
    model.fit(x, target)
    classifier = hasattr(model, "classes_")
    zip_map = not classifier or isinstance(model, (LinearSVC, RidgeClassifier)) or hasattr(model, "steps")
    options = None if zip_map else {id(model): {"zipmap": False}}
    cases[name] = record(name, to_onnx(model, x[:1], options=options), x[:ROWS])
if wanted("logistic_zip_map"):
    cases["logistic_zip_map"] = record("logistic_zip_map", to_onnx(MODELS["logistic_words"][0], P[:1]), P[:ROWS])
for name, model in CHAINS.items():
    if wanted(name): cases[name] = record(name, model, I[:ROWS])
versions = dict(scikit_learn=sklearn.__version__, skl2onnx=skl2onnx.__version__, onnx=onnx.__version__, onnxruntime=onnxruntime.__version__)
(HERE / "expected.json").write_text(json.dumps(dict(versions=versions, cases=cases)) + "\n")
for name, case in cases.items():
    print(name, [np.asarray(a)[:2].tolist() for a in case.get("answers", [])])
