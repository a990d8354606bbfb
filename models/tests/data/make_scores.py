"""Records scikit-learn's scores for `tests/scores.rs`; writes scores.json beside itself.

Usage: make_scores.py
"""
import json, pathlib
import numpy as np, sklearn
from sklearn import metrics as m

rng = np.random.default_rng(11)
n = 40
w = rng.uniform(0, 2, n).round(3)
sigmoid = lambda z: 1 / (1 + np.exp(-z))
softmax = lambda z: np.exp(z) / np.exp(z).sum(1, keepdims=True)

y2, z2 = rng.integers(0, 2, n), rng.normal(size=n).round(2)
y3, z3 = rng.integers(0, 3, n), rng.normal(size=(n, 3)).round(2)
yr, pr = rng.gamma(2, 1, n).round(3) + 0.01, rng.gamma(2, 1, n).round(3) + 0.01
yc = rng.poisson(1.0, n).astype(float)

def classes(y, labels, probabilities, decision, w):
    k = dict(sample_weight=w)
    out = dict(accuracy=m.accuracy_score(y, labels, **k), matthews_corrcoef=m.matthews_corrcoef(y, labels, **k),
               log_loss=m.log_loss(y, probabilities, **k), hinge_loss=m.hinge_loss(y, decision, labels=np.unique(y), **k))
    for average in ("macro", "weighted"):
        for name in ("precision", "recall", "f1"):
            out[f"{name}_{average}"] = getattr(m, f"{name}_score")(y, labels, average=average, **k)
    if decision.ndim == 1:
        out |= {name: getattr(m, f"{name}_score")(y, labels, **k) for name in ("precision", "recall", "f1")}
        out["roc_auc"] = m.roc_auc_score(y, decision, **k)
    return {name: float(value) for name, value in out.items()}

def numbers(y, p, w):
    k = dict(sample_weight=w)
    out = dict(r2=m.r2_score(y, p, **k), mean_squared_error=m.mean_squared_error(y, p, **k),
               mean_absolute_error=m.mean_absolute_error(y, p, **k), mean_poisson_deviance=m.mean_poisson_deviance(y, p, **k),
               d2_poisson=m.d2_tweedie_score(y, p, power=1, **k))
    powers = [0, 1.5] if (y == 0).any() else [-1, 0, 1.5, 2, 3]
    if 2 in powers:
        out |= dict(mean_gamma_deviance=m.mean_gamma_deviance(y, p, **k), d2_gamma=m.d2_tweedie_score(y, p, power=2, **k))
    for power in powers:
        out[f"mean_tweedie_deviance={power}"] = m.mean_tweedie_deviance(y, p, power=power, **k)
        out[f"d2_tweedie={power}"] = m.d2_tweedie_score(y, p, power=power, **k)
    return {name: float(value) for name, value in out.items()}

p2 = sigmoid(z2)
cases = {}
for weights in (None, w):
    name = "" if weights is None else "_weighted"
    lists = dict(weights=None if weights is None else weights.tolist())
    cases["two_classes" + name] = dict(lists, classes=2, link="sigmoid", truth=y2.tolist(), decisions=[[z] for z in z2.tolist()],
        scores=classes(y2, (z2 > 0).astype(int), np.c_[1 - p2, p2], z2, weights))
    cases["three_classes" + name] = dict(lists, classes=3, link="softmax", truth=y3.tolist(), decisions=z3.tolist(),
        scores=classes(y3, z3.argmax(1), softmax(z3), z3, weights))
    for kind, y in (("amounts", yr), ("counts", yc)):
        cases[kind + name] = dict(lists, classes=0, link="identity", truth=y.tolist(), decisions=[[p] for p in pr.tolist()], scores=numbers(y, pr, weights))
text = json.dumps(dict(scikit_learn=sklearn.__version__, cases=cases))
(pathlib.Path(__file__).parent / "scores.json").write_text(text + "\n")
print(len(cases), {k: len(c["scores"]) for k, c in cases.items()})
