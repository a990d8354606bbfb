"""Records scikit-learn's coefficients for the tests of this crate.

Usage: make_reference.py DATA_DIR [CASE...]; writes coefficients.json beside itself. Convex problems are solved to a tight
tolerance, so that what is recorded is the minimizer and not where the solver happened to stop.
"""
import json, pathlib, sys, warnings
import numpy as np, pandas as pd, sklearn
from sklearn import linear_model as lm, svm
warnings.simplefilter("error")
HERE = pathlib.Path(__file__).parent
T = dict(tol=1e-12, max_iter=100_000)
CASES = [
    # name, data file, target(s), weight column, estimator, parameters as in `--set`, what only scikit-learn needs
    ("linear_pima", "pima.csv", ["bmi"], None, lm.LinearRegression, {}, {}),
    ("linear_diabetes", "diabetes.csv", ["y"], None, lm.LinearRegression, {}, {}),
    ("linear_diabetes_no_intercept", "diabetes.csv", ["y"], None, lm.LinearRegression, {"fit_intercept": False}, {}),
    ("linear_pima_two_targets", "pima.csv", ["bmi", "glu"], None, lm.LinearRegression, {}, {}),
    ("linear_insurance_weighted", "insurance.csv", ["Claims"], "Holders", lm.LinearRegression, {}, {}),
    ("logistic_pima", "pima.csv", ["diabetes"], None, lm.LogisticRegression, {}, T),
    ("logistic_pima_balanced", "pima.csv", ["diabetes"], None, lm.LogisticRegression, {"C": 0.1, "class_weight": "balanced"}, T),
    ("logistic_pima_weighted", "pima.csv", ["diabetes"], "age", lm.LogisticRegression, {"C": 10.0}, T),
    ("logistic_iris", "iris.csv", ["y"], None, lm.LogisticRegression, {}, T),
    ("logistic_wine", "wine_std.csv", ["y"], None, lm.LogisticRegression, {"fit_intercept": False}, T),
]
def main(data, only):
    out = {}
    for name, file, targets, weight, cls, params, extra in CASES:
        if only and name not in only: continue
        frame = pd.read_csv(data / file)
        x = frame.drop(columns=targets + ([weight] if weight else [])).to_numpy(float)
        y = frame[targets].to_numpy()
        y = y[:, 0] if len(targets) == 1 else y
        w = frame[weight].to_numpy(float) if weight else None
        if cls is lm.LogisticRegression:
            extra = dict(tol=1e-10, max_iter=1000, solver="newton-cholesky")
        model = cls(**params, **extra)
        model.fit(x, y, **({"sample_weight": w} if weight else {}))
        out[name] = dict(estimator=cls.__name__, data=file, targets=targets, weight=weight,
                         params={k: str(v) for k, v in params.items()},
                         coef=np.atleast_2d(model.coef_).tolist(), intercept=np.atleast_1d(model.intercept_).astype(float).tolist())
        print(name, np.round(model.coef_, 5).ravel()[:5], model.intercept_)
    (HERE / "coefficients.json").write_text(json.dumps(dict(scikit_learn=sklearn.__version__, cases=out), indent=1) + "\n")
main(pathlib.Path(sys.argv[1]), sys.argv[2:])
