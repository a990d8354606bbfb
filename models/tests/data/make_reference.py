"""Records scikit-learn's coefficients for the tests of this crate.

Usage: make_reference.py DATA_DIR [CASE...]; writes coefficients.json beside itself. Convex problems are solved to a tight
tolerance, so that what is recorded is the minimizer and not where the solver happened to stop.
"""
import json, pathlib, sys, warnings
import numpy as np, pandas as pd, sklearn
from sklearn import linear_model as lm, svm
warnings.simplefilter("error")
HERE = pathlib.Path(__file__).parent
SMOOTH = dict(tol=1e-10, max_iter=1000, solver="newton-cholesky")
# Problems whose solver takes our parameters as they are: tight on both sides.
CD = dict(tol=1e-12, max_iter=100_000)
LIBLINEAR = dict(tol=1e-10, max_iter=10_000_000, random_state=0, dual=True)
STEPS = dict(shuffle=False)
# More features than rows; the other columns of wide.csv are targets.
WIDE = ["value", "count", "class", "three", "w"]
CASES = [
    # name, data file, target(s), weight column, estimator, parameters as in `--set`, what only scikit-learn needs
    ("linear_pima", "pima.csv", ["bmi"], None, lm.LinearRegression, {}, {}),
    ("linear_diabetes", "diabetes.csv", ["y"], None, lm.LinearRegression, {}, {}),
    ("linear_diabetes_no_intercept", "diabetes.csv", ["y"], None, lm.LinearRegression, {"fit_intercept": False}, {}),
    ("linear_pima_two_targets", "pima.csv", ["bmi", "glu"], None, lm.LinearRegression, {}, {}),
    ("linear_insurance_weighted", "insurance.csv", ["Claims"], "Holders", lm.LinearRegression, {}, {}),
    ("ridge_diabetes", "diabetes.csv", ["y"], None, lm.Ridge, {"alpha": 0.1}, {}),
    ("ridge_pima", "pima.csv", ["bmi"], None, lm.Ridge, {}, {}),
    ("ridge_wine_two_targets", "wine_std.csv", ["f0", "f1"], "y", lm.Ridge, {"alpha": 3.0}, {}),
    ("lasso_diabetes", "diabetes.csv", ["y"], None, lm.Lasso, {"alpha": 0.1} | CD, {}),
    ("lasso_pima_weighted", "pima.csv", ["bmi"], "age", lm.Lasso, {"alpha": 0.5} | CD, {}),
    ("elasticnet_diabetes", "diabetes.csv", ["y"], None, lm.ElasticNet, {"alpha": 0.001} | CD, {}),
    ("elasticnet_wine", "wine_std.csv", ["f0"], None, lm.ElasticNet, {"alpha": 0.2, "l1_ratio": 0.3, "fit_intercept": False} | CD, {}),
    ("logistic_pima", "pima.csv", ["diabetes"], None, lm.LogisticRegression, {}, SMOOTH),
    ("logistic_pima_balanced", "pima.csv", ["diabetes"], None, lm.LogisticRegression, {"C": 0.1, "class_weight": "balanced"}, SMOOTH),
    ("logistic_pima_weighted", "pima.csv", ["diabetes"], "age", lm.LogisticRegression, {"C": 10.0}, SMOOTH),
    ("logistic_pima_balanced_weighted", "pima.csv", ["diabetes"], "age", lm.LogisticRegression, {"class_weight": "balanced"}, SMOOTH),
    ("logistic_iris", "iris.csv", ["y"], None, lm.LogisticRegression, {}, SMOOTH),
    ("logistic_wine", "wine_std.csv", ["y"], None, lm.LogisticRegression, {"fit_intercept": False}, SMOOTH),
    ("logistic_wine_balanced", "wine_std.csv", ["y"], None, lm.LogisticRegression, {"class_weight": "balanced"}, SMOOTH),
    ("poisson_insurance", "insurance.csv", ["Claims"], None, lm.PoissonRegressor, {"alpha": 0.01}, SMOOTH),
    ("poisson_insurance_weighted", "insurance.csv", ["Frequency"], "Holders", lm.PoissonRegressor, {}, SMOOTH),
    ("poisson_pima", "pima.csv", ["npreg"], None, lm.PoissonRegressor, {"fit_intercept": False}, SMOOTH),
    ("gamma_pima", "pima.csv", ["bmi"], None, lm.GammaRegressor, {}, SMOOTH),
    ("gamma_diabetes", "diabetes.csv", ["y"], None, lm.GammaRegressor, {"alpha": 1e-4}, SMOOTH),
    ("tweedie_insurance_19", "insurance.csv", ["Claims"], "Holders", lm.TweedieRegressor, {"power": 1.9, "alpha": 0.01}, SMOOTH),
    ("tweedie_pima_15", "pima.csv", ["npreg"], None, lm.TweedieRegressor, {"power": 1.5}, SMOOTH),
    ("tweedie_pima_3", "pima.csv", ["bmi"], None, lm.TweedieRegressor, {"power": 3}, SMOOTH),
    ("tweedie_pima_identity", "pima.csv", ["bmi"], None, lm.TweedieRegressor, {"power": 0}, SMOOTH),
    ("tweedie_diabetes_log", "diabetes.csv", ["y"], None, lm.TweedieRegressor, {"power": 0, "link": "log", "alpha": 0.1}, SMOOTH),
    ("linear_svc_wine", "wine_std.csv", ["y"], None, svm.LinearSVC, {}, LIBLINEAR),
    ("linear_svc_iris", "iris.csv", ["y"], None, svm.LinearSVC, {"C": 0.1, "class_weight": "balanced"}, LIBLINEAR),
    ("linear_svc_pima_std", "pima_std.csv", ["diabetes"], None, svm.LinearSVC, {"intercept_scaling": 2.0}, LIBLINEAR),
    ("linear_svc_balanced_weighted", "pima_std.csv", ["diabetes"], "w", svm.LinearSVC, {"class_weight": "balanced"}, LIBLINEAR),
    ("linear_svc_hinge_wine", "wine_std.csv", ["y"], None, svm.LinearSVC, {"loss": "hinge", "tol": 1e-8, "max_iter": 1_000_000}, LIBLINEAR),
    ("linear_svc_hinge_pima_std", "pima_std.csv", ["diabetes"], "w", svm.LinearSVC, {"loss": "hinge", "C": 0.1, "tol": 1e-8, "max_iter": 1_000_000}, LIBLINEAR),
    ("linear_svr_wine", "wine_std.csv", ["f0"], None, svm.LinearSVR, {"tol": 1e-8, "max_iter": 1_000_000}, LIBLINEAR),
    ("linear_svr_pima_std", "pima_std.csv", ["bmi"], "w", svm.LinearSVR, {"C": 0.5, "epsilon": 0.2, "tol": 1e-8, "max_iter": 1_000_000}, LIBLINEAR),
    ("linear_svr_squared_pima_std", "pima_std.csv", ["bmi"], None, svm.LinearSVR, {"loss": "squared_epsilon_insensitive", "epsilon": 0.1}, LIBLINEAR),
    ("linear_wide", "wide.csv", ["value"], None, lm.LinearRegression, {}, {}),
    ("linear_wide_weighted", "wide.csv", ["value", "count"], "w", lm.LinearRegression, {"fit_intercept": False}, {}),
    ("ridge_wide", "wide.csv", ["value"], None, lm.Ridge, {"alpha": 0.5}, {"solver": "svd"}),
    ("ridge_wide_weighted", "wide.csv", ["value", "count"], "w", lm.Ridge, {}, {"solver": "svd"}),
    ("logistic_wide", "wide.csv", ["class"], None, lm.LogisticRegression, {}, SMOOTH),
    ("logistic_wide_three", "wide.csv", ["three"], "w", lm.LogisticRegression, {"fit_intercept": False}, SMOOTH),
    ("linear_svc_wide", "wide.csv", ["three"], None, svm.LinearSVC, {}, LIBLINEAR),
    ("linear_svr_wide", "wide.csv", ["value"], "w", svm.LinearSVR, {"loss": "squared_epsilon_insensitive", "epsilon": 0.1}, LIBLINEAR),
    ("poisson_wide", "wide.csv", ["count"], None, lm.PoissonRegressor, {}, SMOOTH),
    ("sgd_hinge_pima_std", "pima_std.csv", ["diabetes"], None, lm.SGDClassifier, STEPS, {}),
    ("sgd_log_wine", "wine_std.csv", ["y"], None, lm.SGDClassifier, {"loss": "log_loss", "class_weight": "balanced"} | STEPS, {}),
    ("sgd_elasticnet_pima_std", "pima_std.csv", ["diabetes"], "w", lm.SGDClassifier, {"loss": "modified_huber", "penalty": "elasticnet", "alpha": 0.01, "learning_rate": "adaptive", "class_weight": "balanced"} | STEPS, {}),
    ("sgd_l1_pima_std", "pima_std.csv", ["diabetes"], None, lm.SGDClassifier, {"loss": "squared_hinge", "penalty": "l1", "alpha": 0.001, "learning_rate": "invscaling"} | STEPS, {}),
    ("sgd_perceptron_wine", "wine_std.csv", ["y"], None, lm.SGDClassifier, {"loss": "perceptron", "penalty": None, "learning_rate": "constant", "eta0": 0.1} | STEPS, {}),
    ("sgd_regressor_pima_std", "pima_std.csv", ["bmi"], None, lm.SGDRegressor, STEPS, {}),
    ("sgd_huber_wine", "wine_std.csv", ["f0"], None, lm.SGDRegressor, {"loss": "huber", "penalty": "l1", "epsilon": 0.3} | STEPS, {}),
    ("sgd_epsilon_pima_std", "pima_std.csv", ["bmi"], "w", lm.SGDRegressor, {"loss": "epsilon_insensitive", "tol": 1e-4, "learning_rate": "optimal", "alpha": 0.01} | STEPS, {}),
]
def main(data, only):
    out = {}
    for name, file, targets, weight, cls, params, extra in CASES:
        if only and name not in only: continue
        frame = pd.read_csv(data / file)
        others = WIDE if file == "wide.csv" else targets + ([weight] if weight else [])
        x = frame.drop(columns=others).to_numpy(float)
        y = frame[targets].to_numpy()
        y = y[:, 0] if len(targets) == 1 else y
        w = frame[weight].to_numpy(float) if weight else None
        model = cls(**params | extra)
        # A penalty of 0 steps or a warning about convergence would make the record worthless: warnings are errors.
        model.fit(x, y, **({"sample_weight": w} if weight else {}))
        out[name] = dict(estimator=cls.__name__, data=file, targets=targets, weight=weight,
                         **({"drop": drop} if (drop := [c for c in others if c not in targets and c != weight]) else {}),
                         params={k: str(v) for k, v in params.items()},
                         coef=np.atleast_2d(model.coef_).tolist(), intercept=np.broadcast_to(np.atleast_1d(model.intercept_), len(np.atleast_2d(model.coef_))).astype(float).tolist())
        print(name, np.round(model.coef_, 5).ravel()[:5], model.intercept_)
    (HERE / "coefficients.json").write_text(json.dumps(dict(scikit_learn=sklearn.__version__, cases=out), indent=1) + "\n")
main(pathlib.Path(sys.argv[1]), sys.argv[2:])
