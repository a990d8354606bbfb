#!/usr/bin/env python3
"""Pipelines of scikit-learn, exported by skl2onnx, and what onnxruntime computes of rows.

    benches/onnx_pipelines.py [--seed S] [--rows N] [--only NAME]… -o FILE

Writes FILE for the test `onnx_pipelines` of tenebra-models (`TENEBRA_ONNX_PIPELINES=FILE cargo test …`), which holds the imported model to
onnxruntime row by row, and the circuit to its encrypted run; `models/tests/data/onnx/pipelines.json` is `--seed 1 --rows 60`. Data are drawn at
random: two numbers with missing cells, whole numbers, two columns of words, of which some rows have words that training never saw.
Needs numpy, pandas, onnxruntime, scikit-learn, skl2onnx, onnxmltools, xgboost and lightgbm.
"""
import argparse
import json
import warnings

import lightgbm
import numpy as np
import onnxruntime
import pandas as pd
import skl2onnx
import sklearn
import xgboost
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes, calculate_linear_regressor_output_shapes
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (Binarizer, KBinsDiscretizer, MaxAbsScaler, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PolynomialFeatures,
                                   PowerTransformer, QuantileTransformer, RobustScaler, StandardScaler)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
CLASSIFIER = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
for kind, shapes, convert, options in [
    (lightgbm.LGBMClassifier, calculate_linear_classifier_output_shapes, convert_lightgbm, CLASSIFIER),
    (xgboost.XGBClassifier, calculate_linear_classifier_output_shapes, convert_xgboost, CLASSIFIER),
    (xgboost.XGBRegressor, calculate_linear_regressor_output_shapes, convert_xgboost, {}),
]:
    update_registered_converter(kind, kind.__name__, shapes, convert, options=options)

NUMBERS, WORDS = ["age", "income"], ["city", "job"]


def people(rng, rows, strangers):
    """A table of people; with `strangers`, some live in cities that are in no other table."""
    age, kids = rng.normal(45, 14, rows).clip(18, 90).round(), rng.integers(0, 5, rows)
    income = rng.lognormal(3.2, 0.6, rows).round(2)
    city = rng.choice(["Oslo", "Paris", "Roma", "Wien"], rows, p=[0.4, 0.3, 0.2, 0.1]).astype(object)
    job = rng.choice(["baker", "nurse", "pilot"], rows).astype(object)
    score = (age - 45) / 14 + np.log(income / 24) + 0.6 * (city == "Roma") - 0.8 * (job == "pilot") - 0.3 * kids + rng.normal(0, 0.5, rows)
    frame = pd.DataFrame(dict(age=age, income=income, kids=kids, city=city, job=job)).astype(dict(age=np.float32, income=np.float32))
    frame.loc[rng.random(rows) < 0.15, "age"] = np.nan
    if strangers:
        frame.loc[rng.random(rows) < 0.1, "city"] = "Bern"
    return frame, score


def blocks(rng, rows):
    """Six numbers without gaps, of different sizes and shapes."""
    z = rng.normal(size=(rows, 6))
    z[:, 3] = z[:, 0] + 0.3 * z[:, 3]
    x = np.column_stack([z[:, 0] * 3 + 10, np.exp(z[:, 1]), z[:, 2] * 0.01, z[:, 3], rng.integers(0, 4, rows), (z[:, 5] > 1.2) * 1.0])
    score = z[:, 0] - z[:, 1] + z[:, 2] * z[:, 3] + 0.5 * x[:, 4] - 1
    return x.astype(np.float32), score + rng.normal(0, 0.3, rows)


def columns(numbers, words, rest="drop", kids=None):
    parts = [("numbers", numbers, NUMBERS), ("words", words, WORDS)]
    return ColumnTransformer(parts + ([("kids", kids, ["kids"])] if kids else []), remainder=rest)


def filled(*steps, **settings):
    return make_pipeline(SimpleImputer(**settings), *steps)


def ignoring():
    return OneHotEncoder(handle_unknown="ignore")


def coded():
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def bins(encode, strategy="quantile", n_bins=4):
    method = dict(quantile_method="averaged_inverted_cdf") if strategy == "quantile" else {}
    return KBinsDiscretizer(n_bins, encode=encode, strategy=strategy, **method)


def pipelines():
    """Name, steps of the table of people or of numbers, and the model behind them."""
    people = {
        "columns_logistic": (columns(filled(StandardScaler()), ignoring(), kids="passthrough"), LogisticRegression(max_iter=1000)),
        "columns_ordinal_forest": (columns(filled(strategy="median"), coded(), kids="passthrough"), RandomForestClassifier(12, max_depth=4, random_state=0)),
        "columns_one_hot_tree": (columns(filled(strategy="constant", fill_value=-1), ignoring(), kids=ignoring()), DecisionTreeClassifier(max_depth=5)),
        "columns_drop_first_ridge": (columns(filled(RobustScaler()), OneHotEncoder(drop="first", handle_unknown="ignore")), Ridge()),
        "columns_rare_words_logistic": (columns(filled(MaxAbsScaler()), OneHotEncoder(min_frequency=0.15, handle_unknown="infrequent_if_exist")), LogisticRegression(C=0.3)),
        "columns_xgboost": (columns(filled(MinMaxScaler()), coded(), kids="passthrough"), xgboost.XGBClassifier(n_estimators=8, max_depth=3)),
        "columns_lightgbm": (columns("passthrough", ignoring(), kids="passthrough"), lightgbm.LGBMClassifier(n_estimators=8, num_leaves=6, verbose=-1, min_child_samples=5)),
        "columns_gradient_boosting": (columns(filled(), coded()), GradientBoostingRegressor(n_estimators=10, max_depth=3, random_state=0)),
        "columns_mlp": (columns(filled(StandardScaler()), ignoring()), MLPClassifier((6,), max_iter=800, random_state=0)),
        "columns_bins_poisson": (columns(filled(bins("onehot-dense")), ignoring()), PoissonRegressor()),
        "columns_quantile_logistic": (columns(filled(QuantileTransformer(n_quantiles=30)), ignoring(), kids="passthrough"), LogisticRegression(max_iter=1000)),
    }
    numbers = {
        "scaler_pca_logistic": ((StandardScaler(), PCA(3)), LogisticRegression()),
        "whitened_pca_tree": ((PCA(3, whiten=True),), DecisionTreeClassifier(max_depth=4)),
        "svd_ridge": ((MaxAbsScaler(), TruncatedSVD(3)), Ridge()),
        "pca_mlp": ((StandardScaler(), PCA(3)), MLPRegressor(hidden_layer_sizes=(5,), max_iter=1500, random_state=0)),
        "bins_ordinal_tree": ((bins("ordinal", "uniform"),), DecisionTreeClassifier(max_depth=4)),
        "bins_quantile_linear": ((bins("ordinal"), StandardScaler()), LinearRegression()),
        "bins_one_hot_logistic": ((bins("onehot-dense", "kmeans", 3),), LogisticRegression()),
        "polynomial_linear": ((StandardScaler(), PolynomialFeatures(2, include_bias=False)), LinearRegression()),
        "interactions_tree": ((PolynomialFeatures(2, interaction_only=True),), DecisionTreeRegressor(max_depth=4)),
        "best_three_sgd": ((SelectKBest(f_classif, k=3), StandardScaler()), SGDClassifier(loss="log_loss", random_state=0)),
        "variance_xgboost": ((VarianceThreshold(0.01),), xgboost.XGBRegressor(n_estimators=8, max_depth=3)),
        "clipped_logistic": ((MinMaxScaler(clip=True),), LogisticRegression()),
        "binarizer_logistic": ((Binarizer(threshold=1.0),), LogisticRegression()),
        "union_ridge": ((FeatureUnion([("pca", PCA(2)), ("best", SelectKBest(f_regression, k=2))]),), Ridge()),
        "power_logistic": ((PowerTransformer(),), LogisticRegression()),
        "power_tree": ((PowerTransformer(standardize=False),), DecisionTreeClassifier(max_depth=4)),
        "quantile_logistic": ((QuantileTransformer(n_quantiles=20),), LogisticRegression()),
        "quantile_pca_tree": ((QuantileTransformer(n_quantiles=20), PCA(4)), DecisionTreeRegressor(max_depth=4)),
    }
    return people, numbers


def exported(model, inputs):
    final = model.steps[-1][1]
    options = {id(final): {"zipmap": False}} if sklearn.base.is_classifier(final) else None
    return convert_sklearn(model, initial_types=inputs, options=options, target_opset={"": 18, "ai.onnx.ml": 3})


def answers(onnx, feed):
    session = onnxruntime.InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"])
    return [value.reshape(len(value), -1).tolist() for value in session.run(None, feed)]


def targets(model, score):
    return (score > np.median(score)).astype(int) if hasattr(model, "classes_") or sklearn.base.is_classifier(model) else np.exp(score / 4)


def of_people(rng, steps, model, rows, strangers):
    train, score = people(rng, 300, False)
    fitted = make_pipeline(steps, model).fit(train, targets(model, score))
    kinds = dict(age=FloatTensorType, income=FloatTensorType, kids=Int64TensorType, city=StringTensorType, job=StringTensorType)
    onnx = exported(fitted, [(name, kind([None, 1])) for name, kind in kinds.items()])
    test = people(rng, rows, strangers)[0]
    used = {graph_input.name for graph_input in onnx.graph.input}
    feed = {name: test[[name]].to_numpy(dtype=object if name in WORDS else np.int64 if name == "kids" else np.float32) for name in used}
    names = [graph_input.name for graph_input in onnx.graph.input]
    cells = [[None if isinstance(cell, float) and np.isnan(cell) else cell for cell in row] for row in test[names].astype(object).values.tolist()]
    return onnx, names, cells, answers(onnx, feed)


def of_numbers(rng, steps, model, rows, _):
    train, score = blocks(rng, 300)
    fitted = make_pipeline(*steps, model).fit(train, targets(model, score))
    onnx = exported(fitted, [("X", FloatTensorType([None, 6]))])
    test = blocks(rng, rows)[0]
    return onnx, [], test.astype(np.float64).tolist(), answers(onnx, {"X": test})


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rows", type=int, default=60)
    arguments.add_argument("--only", action="append")
    arguments.add_argument("-o", "--output", required=True)
    arguments = arguments.parse_args()
    versions = {module.__name__: module.__version__ for module in (sklearn, skl2onnx, onnxruntime, xgboost, lightgbm)}
    cases = []
    for make, named in zip((of_people, of_numbers), pipelines()):
        for at, (name, (steps, model)) in enumerate(named.items()):
            if arguments.only and name not in arguments.only:
                continue
            # onnxruntime fails on words that a graph with rare ones does not know.
            rng = np.random.default_rng([arguments.seed, at, make is of_people])
            onnx, names, rows, outputs = make(rng, steps, model, arguments.rows, "rare" not in name)
            cases.append(dict(name=name, columns=names, onnx=onnx.SerializeToString().hex(), rows=rows, outputs=outputs))
            print(f"{name}: {len(onnx.graph.node)} nodes")
    with open(arguments.output, "w") as file:
        lines = ",\n".join(json.dumps(case) for case in cases)
        file.write(f'{{"versions": {json.dumps(versions)}, "seed": {arguments.seed}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
