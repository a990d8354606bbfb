"""What fails of scikit-learn's own checks, each with the reason; the originals fail the same ones with the same parameters."""

from __future__ import annotations

import re

_WEIGHTS = "weights do not count as repetitions, for rows are drawn, or the solver stops early or is not exact"
_WEIGHTED = """BaggingClassifier BaggingRegressor GradientBoostingClassifier GradientBoostingRegressor HuberRegressor IsolationForest
    KMeans LassoCV LinearSVC LinearSVR MiniBatchKMeans NuSVR OneClassSVM Perceptron RANSACRegressor RandomForestClassifier
    RandomForestRegressor SGDClassifier SGDOneClassSVM SGDRegressor SVC SVR""".split()
#: Of scikit-learn's estimators: check by check.
SKLEARN: dict[str, dict[str, str]] = {
    **{
        name: {f"check_sample_weight_equivalence_on_{kind}_data": _WEIGHTS for kind in ("dense", "sparse")}
        for name in _WEIGHTED
    },
    **{
        name: {"check_non_transformer_estimators_n_iter": "solvers that do not iterate have no `n_iter_`"}
        for name in ("Ridge", "RidgeClassifier")
    },
    "CalibratedClassifierCV": {"check_supervised_y_2d": "the isotonic curve of one row has no second column"},
    "LassoLarsIC": {"check_fit2d_1sample": "the message about one row says otherwise than the check expects"},
    "LogisticRegressionCV": {
        "check_sparsify_coefficients": "the check has fewer rows of a class than folds",
        "check_non_transformer_estimators_n_iter": "`n_iter_` is of each fold",
    },
    "MLPRegressor": {"check_regressors_train": "eight neurons fit the check's data not well enough"},
    "NuSVC": {
        check: "no solution at this `nu` for the check's weights"
        for check in (
            *("check_sample_weights_pandas_series", "check_sample_weights_not_an_array", "check_class_weight_classifiers"),
            *("check_classifiers_one_label_sample_weights", "check_sample_weight_equivalence_on_dense_data"),
            "check_sample_weight_equivalence_on_sparse_data",
        )
    },
}
#: Of other libraries, which do not claim to pass: patterns of estimators, of checks without `check_`, and why.
_ELSEWHERE: list[tuple[str, str, str]] = [
    ("(XGB|LGBM|CatBoost)Ranker", ".*", "the checks know no groups of rows, which rankers need, or fail as those of the library's regressor do"),
    ("XGB.*Classifier", "estimators_dtypes|sample_weights_.*|classifier_data_not_an_array|classifiers_classes|fit2d_1(sample|feature)", "classes must be numbers from 0 on"),
    ("XGB.*Classifier", "(estimators|dont)_overwrite_param(s|eters)", "`fit` sets `objective` by how many classes there are"),
    ("XGB.*Classifier", "classifiers_multilabel_output_format_predict", "several labels come as floating-point numbers"),
    ("XGB.*Regressor", "regressor_multioutput", "several targets come in single precision"),
    ("XGBRF.*", "sample_weight_equivalence_.*", _WEIGHTS),
    ("(XGB|LGBM).*", "all_zero_sample_weights_error", "weights that are all zero are taken, or refused in other words"),
    ("LGBM.*", "no_attributes_set_in_init", "`verbose` is among the keywords that it takes besides its parameters"),
    ("LGBMRegressor", "regressors_train", "three trees fit the check's data not well enough"),
    ("CatBoost.*", "estimators_unfitted|all_zero_sample_weights_error|sample_weights_shape|classifiers_one_label|fit2d_1sample|requires_y_none|dtype_object", "its errors are CatBoostError, in words of its own"),
    ("CatBoost.*", "do_not_raise_errors_in_init_or_set_params", "parameters are compared with their defaults"),
    ("CatBoost.*", "sample_weights_not_an_array|(classifier|regressor)_data_not_an_array", "it takes the kinds of arrays that it knows"),
    ("CatBoost.*", "sample_weight_equivalence_on_dense_data", "the borders of features do not depend on weights"),
    ("CatBoost.*", "sample_weight_equivalence_on_sparse_data|estimator_sparse_.*", "sparse arrays, which are newer than sparse matrices, are not known"),
    (
        "CatBoost.*|ExplainableBoosting.*",
        "complex_data|estimators_empty_data_messages|(classifiers|regressors)_train|supervised_y_.*|classifiers_regression_target|n_features_in.*|fit1d|fit2d_predict1d|requires_y_none",
        "it takes what the check wants refused, without a warning, or refuses it in other words",
    ),
    ("ExplainableBoosting.*", "valid_tag_types", "a tag has another type than the check expects"),
    ("ExplainableBoosting.*", "sample_weight_equivalence_.*|classifiers_one_label_sample_weights", "weights of zero are refused"),
    ("ExplainableBoostingClassifier", "classifiers_one_label", "classes that are floating-point numbers become words"),
]


def reason(estimator: str, check: str) -> str | None:
    """Why a check of another library's estimator fails, if it is known to."""
    check = check.removeprefix("check_")
    fits = (why for names, checks, why in _ELSEWHERE if re.fullmatch(names, estimator) and re.fullmatch(checks, check))
    return next(fits, None)
