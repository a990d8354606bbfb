"""Tree models of XGBoost, LightGBM, CatBoost and scikit-learn, drawn from a generator, with the rows that decide at their edges and
the library's own scores; for `peer_tree_imports.py`."""
import json

import numpy as np
import pandas as pd


class Case:
    """A model file, rows, and what the library says of them."""

    def __init__(self, path, rows, names, scores, predictions, kind, labels=None, single=True, options=(), ort=None):
        self.path, self.rows, self.names, self.kind, self.labels = path, rows, names, kind, labels
        self.scores = None if scores is None else np.asarray(scores, float).reshape(len(rows), -1)
        self.predictions = np.asarray(predictions)
        self.single, self.options, self.ort = single, options, ort


class Untrained(Exception):
    """The library itself refused."""


# Data.


class Data:
    """Features, some of them categories, some values missing, and targets of several kinds."""

    def __init__(self, rng, missing=True, categories=True):
        self.rng = rng
        rows, self.columns = int(rng.integers(60, 400)), int(rng.integers(1, 8))
        decimals = int(rng.choice([1, 2, 3, 8]))
        self.X = np.round(rng.normal(size=(rows, self.columns)) * 10.0 ** rng.integers(-2, 4, self.columns), decimals)
        zeros = rng.random(self.X.shape) < rng.choice([0.0, 0.0, 0.3])
        self.X[zeros] = 0.0
        self.categorical = []
        if categories and rng.random() < 0.6:
            self.categorical = sorted(rng.choice(self.columns, rng.integers(1, min(3, self.columns) + 1), replace=False).tolist())
        for column in self.categorical:
            self.X[:, column] = rng.integers(0, rng.choice([2, 3, 5, 12, 40, 100]), rows)
        score = np.zeros(rows)
        for column in range(self.columns):
            x = self.X[:, column]
            if column in self.categorical:
                score += rng.normal(size=128)[x.astype(int)]
            else:
                score += rng.normal() * np.tanh(x / (x.std() + 1e-9)) + rng.normal() * (x > np.median(x))
        self.score = score + 0.3 * rng.normal(size=rows)
        self.missing = missing and rng.random() < 0.6
        if self.missing:
            self.X[rng.random(self.X.shape) < rng.choice([0.05, 0.3])] = np.nan
        self.single = None

    def classes(self, count):
        ranks = self.score.argsort().argsort()
        return (ranks * count // len(ranks)).astype(int)

    def positive(self):
        return np.exp(np.clip(self.score / (np.abs(self.score).max() + 1e-9), -1, 1)) + 0.1

    def unit(self):
        return (self.score - self.score.min()) / (np.ptp(self.score) + 1e-9)

    def rows(self, thresholds, step, missing, whole=False):
        """Rows of the data, and the same with values at the edges of decisions."""
        rng = self.rng
        rows = self.X[rng.permutation(len(self.X))[:60]].copy()
        if not missing:
            rows = np.where(np.isnan(rows), 0.0, rows)
        edges = []
        for column, value in thresholds:
            around = [value, step(value, 1), step(value, -1)]
            edges += [(column, edge) for edge in around if abs(edge) < 3.4e38]
        rng.shuffle(edges)
        for column in range(self.columns):
            odd = [0.0, -0.0, 1e-36, -1e-36, 1e-20, 1e38, -1e38, 0.5, -0.5, -1.0]
            if column in self.categorical:
                odd += [1.5, -0.99, 2.0, 31.0, 32.0, 40.0, 99.0, 100.0, 128.0, 1e9, 2.0**24, 2.0**31, -3.0]
                # Sets are found by walking through all codes.
                odd += list(range(0, 102, 3)) if not whole else []
            odd += [np.nan] * 2 if missing else []
            edges += [(column, value) for value in odd]
        edges = edges[-150:] if len(edges) > 300 else edges
        edges += [(c, v) for c, v in thresholds if abs(v) < 3.4e38][:100]
        extra = rows[rng.integers(0, len(rows), len(edges))].copy()
        for row, (column, value) in zip(extra, edges):
            row[int(column)] = value
        return np.vstack([rows, extra])


def step_single(value, by):
    return float(np.nextafter(np.float32(value), np.float32(np.inf if by > 0 else -np.inf)))


def step_double(value, by):
    return float(np.nextafter(value, np.inf if by > 0 else -np.inf))


def names(count):
    return [f"f{i}" for i in range(count)]


def levels(rng, shifts=(0.0,)):
    """What a data frame holds for 128 categories: codes, other numbers, or words, in the order that pandas gives them."""
    kind = rng.integers(3)
    if kind == 0:
        return [int(code) for code in range(128)]
    if kind == 1:
        shift = float(rng.choice(shifts))
        return [int(v) + shift if shift else int(v) for v in np.sort(rng.choice(1000, 128, replace=False)) - 200]
    return [f"w{code:03} x" for code in range(128)]


def cells_of(values, codes):
    """The cells of a column of codes; what is no code is missing."""
    return [values[int(code)] if 0 <= code < len(values) and code % 1 == 0 else None for code in codes]


# XGBoost.


def xgboost_model(rng, folder):
    import xgboost as xgb

    data = Data(rng)
    objective = str(rng.choice(["binary:logistic", "binary:logitraw", "binary:hinge", "multi:softprob", "multi:softmax", "reg:squarederror",
                                "reg:logistic", "reg:gamma", "reg:tweedie", "count:poisson", "reg:absoluteerror", "reg:pseudohubererror",
                                "reg:squaredlogerror", "reg:quantileerror", "survival:cox", "rank:pairwise", "labels", "targets"]))
    params = {"max_depth": int(rng.integers(1, 7)), "eta": float(rng.choice([0.1, 0.3, 1.0])), "seed": 1, "verbosity": 0, "nthread": 1,
              "max_cat_to_onehot": int(rng.choice([1, 4, 200])), "booster": str(rng.choice(["gbtree"] * 6 + ["dart"])),
              "tree_method": str(rng.choice(["hist", "hist", "approx", "exact"])), "num_parallel_tree": int(rng.choice([1, 1, 1, 3])),
              "subsample": float(rng.choice([1.0, 0.7])), "min_child_weight": float(rng.choice([0, 1])), "rate_drop": 0.3,
              "max_cat_threshold": int(rng.choice([2, 8, 64]))}
    if data.categorical and params["tree_method"] == "exact":
        params["tree_method"] = "hist"
    classes = int(rng.integers(3, 6))
    y = {"binary:logistic": data.classes(2), "binary:logitraw": data.classes(2), "binary:hinge": data.classes(2),
         "multi:softprob": data.classes(classes), "multi:softmax": data.classes(classes), "reg:logistic": data.unit(),
         "count:poisson": np.floor(3 * data.positive()), "labels": np.column_stack([data.classes(2), data.classes(3) == 1]),
         "targets": np.column_stack([data.score, data.positive()])}.get(objective)
    kind = "class" if objective.startswith(("binary", "multi")) else "number"
    if objective.startswith(("reg:gamma", "reg:tweedie", "reg:squaredlogerror", "survival", "reg:pseudo")):
        y = data.positive()
    y = data.score if y is None else y
    if objective.startswith("multi"):
        params["num_class"] = classes
    if objective in ("labels", "targets"):
        params["multi_strategy"] = str(rng.choice(["one_output_per_tree", "multi_output_tree"]))
        if params["multi_strategy"] == "multi_output_tree":
            params |= {"tree_method": "hist", "booster": "gbtree", "num_parallel_tree": 1}
    params["objective"] = {"labels": "binary:logistic", "targets": "reg:squarederror"}.get(objective, objective)
    if objective == "reg:quantileerror":
        params["quantile_alpha"] = 0.7
    if rng.random() < 0.15 and not data.categorical:
        data.X[rng.random(len(data.X)) < 0.2, 0] = np.float32(3.4028234e38)
    types = ["c" if c in data.categorical else "float" for c in range(data.columns)]
    frame = data.categorical and not data.missing and rng.random() < 0.4
    values = {}
    try:
        if frame:
            table = pd.DataFrame(data.X, columns=names(data.columns))
            for c in data.categorical:
                values[c] = levels(rng)
                table[f"f{c}"] = pd.Categorical(cells_of(values[c], data.X[:, c]))
            d = xgb.DMatrix(table, y, enable_categorical=True)
        else:
            d = xgb.DMatrix(data.X, y, feature_types=types)
        if objective.startswith("rank"):
            d.set_group([len(data.X)])
        rounds = int(rng.integers(1, 12))
        early = rng.random() < 0.15
        booster = xgb.train(params, d, rounds, evals=[(d, "v")] if early else [], early_stopping_rounds=2 if early else None, verbose_eval=False)
    except (xgb.core.XGBoostError, ValueError) as error:
        raise Untrained(str(error).splitlines()[0]) from error
    path = folder / str(rng.choice(["model.json", "model.ubj"]))
    booster.save_model(path)
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    model = model.get("model") or model["gbtree"]["model"]
    thresholds = [(f, v) for t in model["trees"] for f, v, l, s in zip(t["split_indices"], t["split_conditions"], t["left_children"], t["split_type"])
                  if l != -1 and s == 0]
    rows = data.rows(thresholds, step_single, True, whole=frame)
    options = []
    iterations = (0, 0)
    if booster.attr("best_iteration") and rng.random() < 0.5:
        options, iterations = ["--iterations", "best"], (0, int(booster.attr("best_iteration")) + 1)
    if frame:
        return xgboost_frame(xgb, booster, data, values, rows, kind, path, options, iterations)
    scored = xgb.DMatrix(rows, feature_types=types)
    predictions = booster.predict(scored, iteration_range=iterations)
    return Case(path, rows, names(data.columns), booster.predict(scored, output_margin=True, iteration_range=iterations),
                classes_of(predictions, objective), kind, options=options)


def xgboost_frame(xgb, booster, data, values, rows, kind, path, options, iterations):
    """Rows of a data frame: categories that training had, and missing ones."""
    known = {c: np.unique(data.X[:, c].astype(int)) for c in data.categorical}
    table = pd.DataFrame(rows, columns=names(data.columns))
    rows = rows.astype(object)
    for c in data.categorical:
        cells = cells_of(values[c], np.where(np.isin(table[f"f{c}"], known[c]), table[f"f{c}"], np.nan))
        table[f"f{c}"] = pd.Categorical(cells, categories=[values[c][code] for code in known[c]])
        rows[:, c] = [np.nan if cell is None else cell for cell in cells]
    scored = xgb.DMatrix(table, enable_categorical=True)
    predictions = booster.predict(scored, iteration_range=iterations)
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    return Case(path, rows, names(data.columns), booster.predict(scored, output_margin=True, iteration_range=iterations),
                classes_of(predictions, objective), kind, options=options)


def classes_of(predictions, objective):
    if objective == "binary:logistic":
        return (predictions > 0.5).astype(int)
    if objective == "binary:logitraw":
        return (predictions > 0).astype(int)
    if objective == "multi:softprob":
        return predictions.argmax(axis=1)
    return predictions.astype(int) if objective in ("multi:softmax", "binary:hinge") else predictions


# LightGBM.


def lightgbm_model(rng, folder):
    import lightgbm as lgb

    data = Data(rng)
    objective = str(rng.choice(["binary", "multiclass", "multiclassova", "regression", "regression_l1", "huber", "fair", "quantile", "mape",
                                "poisson", "gamma", "tweedie", "cross_entropy", "lambdarank"]))
    classes = int(rng.integers(3, 6))
    y = {"binary": data.classes(2), "multiclass": data.classes(classes), "multiclassova": data.classes(classes), "cross_entropy": data.unit(),
         "lambdarank": data.classes(3)}.get(objective, data.positive() if objective in ("poisson", "gamma", "tweedie", "mape") else data.score)
    boosting = str(rng.choice(["gbdt"] * 5 + ["dart", "rf"]))
    params = {"objective": objective, "num_leaves": int(rng.integers(2, 24)), "learning_rate": float(rng.choice([0.1, 0.5])), "verbose": -1,
              "min_data_in_leaf": int(rng.choice([1, 5, 20])), "min_data_per_group": int(rng.choice([1, 10, 100])),
              "cat_smooth": float(rng.choice([0, 1, 10])), "cat_l2": float(rng.choice([0, 10])), "max_cat_to_onehot": int(rng.choice([1, 4, 64])),
              "use_missing": bool(rng.random() < 0.8), "zero_as_missing": bool(rng.random() < 0.25), "num_threads": 1, "seed": 1,
              "boosting": boosting, "max_cat_threshold": int(rng.choice([4, 32])), "linear_tree": bool(rng.random() < 0.02)}
    if boosting == "rf":
        params |= {"bagging_freq": 1, "bagging_fraction": 0.6}
    if objective.startswith("multi"):
        params["num_class"] = classes
    if objective in ("binary", "multiclassova"):
        params["sigmoid"] = float(rng.choice([1.0, 1.0, 2.5]))
    frame = data.categorical and rng.random() < 0.4
    values = {}
    table = data.X
    if frame:
        table = pd.DataFrame(data.X, columns=names(data.columns))
        for c in data.categorical:
            values[c] = levels(rng, [0.0, 0.25])
            table[f"f{c}"] = pd.Categorical(cells_of(values[c], data.X[:, c]))
    try:
        train = lgb.Dataset(table, y, categorical_feature="auto" if frame else data.categorical, params=params,
                            group=[len(data.X)] if objective == "lambdarank" else None, free_raw_data=False)
        booster = lgb.train(params, train, int(rng.integers(1, 12)))
    except (lgb.basic.LightGBMError, ValueError) as error:
        raise Untrained(str(error).splitlines()[0]) from error
    path = folder / "model.txt"
    booster.save_model(path)
    thresholds = []

    def walk(node):
        if "split_feature" in node:
            if node["decision_type"] == "<=":
                thresholds.append((node["split_feature"], node["threshold"]))
            walk(node["left_child"])
            walk(node["right_child"])

    for tree in booster.dump_model()["tree_info"]:
        walk(tree["tree_structure"])
    rows = data.rows(thresholds, step_double, True, whole=frame)
    scored = rows
    if frame:
        scored = pd.DataFrame(rows, columns=names(data.columns))
        rows = rows.astype(object)
        for c in data.categorical:
            cells = cells_of(values[c], scored[f"f{c}"])
            scored[f"f{c}"] = pd.Categorical(cells, categories=values[c])
            rows[:, c] = [np.nan if cell is None else cell for cell in cells]
    predictions = booster.predict(scored)
    kind = "number"
    if objective == "binary":
        predictions, kind = (predictions > 0.5).astype(int), "class"
    elif objective.startswith("multi"):
        predictions, kind = predictions.argmax(axis=1), "class"
    # In the imported model, means and the steepness of the sigmoid are in the leaves.
    factor = params.get("sigmoid", 1.0) / (booster.current_iteration() if boosting == "rf" else 1)
    return Case(path, rows, names(data.columns), factor * booster.predict(scored, raw_score=True), predictions, kind, single=False)


# Through ONNX.


def through_onnx(path, rows):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: rows.astype(np.float32)})


def sklearn_model(rng, folder):
    from sklearn import ensemble, tree
    from skl2onnx import to_onnx

    kind = str(rng.choice(["class", "number"]))
    name = str(rng.choice(["DecisionTree", "RandomForest", "ExtraTrees", "GradientBoosting", "HistGradientBoosting"]))
    data = Data(rng, missing=name == "HistGradientBoosting", categories=False)
    X = data.X.astype(np.float32).astype(float)
    classes = int(rng.choice([2, 2, 3, 4]))
    estimator = getattr(tree if name == "DecisionTree" else ensemble, name + ("Classifier" if kind == "class" else "Regressor"))
    params = {"random_state": 1, "max_depth": int(rng.integers(1, 7))}
    if name in ("RandomForest", "ExtraTrees", "GradientBoosting"):
        params["n_estimators"] = int(rng.integers(1, 15))
    if name == "HistGradientBoosting":
        params |= {"max_iter": int(rng.integers(1, 15)), "min_samples_leaf": 3}
    y = data.classes(classes) if kind == "class" else data.score
    model = estimator(**params).fit(X, y)
    path = folder / "model.onnx"
    options = {id(model): {"zipmap": False}} if kind == "class" else None
    try:
        path.write_bytes(to_onnx(model, X[:1].astype(np.float32), options=options).SerializeToString())
    except Exception as error:
        raise Untrained(f"skl2onnx: {error}") from error
    fitted = [model] if name == "DecisionTree" else [] if name == "HistGradientBoosting" else np.ravel(model.estimators_)
    thresholds = [(f, t) for e in fitted for f, t in zip(e.tree_.feature, e.tree_.threshold) if f >= 0]
    if name == "HistGradientBoosting":
        for round in model._predictors:
            for one in round:
                thresholds += [(n["feature_idx"], n["num_threshold"]) for n in one.nodes if not n["is_leaf"]]
    data.X = X
    rows = data.rows(thresholds, step_single, name == "HistGradientBoosting" and data.missing).astype(np.float32).astype(float)
    if kind == "class":
        boosted = "Boosting" in name
        scores = model.decision_function(rows) if boosted else model.predict_proba(rows)
        # Leaves of equal probabilities tie, and how a binary graph breaks ties is onnxruntime's.
        return Case(path, rows, names(data.columns), scores, model.predict(rows), kind,
                    ort=lambda: (scores, through_onnx(path, rows)[0]))
    return Case(path, rows, names(data.columns), model.predict(rows), model.predict(rows), kind,
                ort=lambda: (through_onnx(path, rows)[0],) * 2)


def catboost_model(rng, folder):
    import catboost

    kind = str(rng.choice(["class", "number"]))
    data = Data(rng, categories=False)
    classes = int(rng.choice([2, 2, 3]))
    params = {"iterations": int(rng.integers(1, 15)), "depth": int(rng.integers(1, 6)), "verbose": False, "thread_count": 1, "random_seed": 1,
              "allow_writing_files": False, "nan_mode": str(rng.choice(["Min", "Max"]))}
    if kind == "class":
        model, y = catboost.CatBoostClassifier(**params), data.classes(classes)
    else:
        model, y = catboost.CatBoostRegressor(**params), data.score
    path = folder / "model.onnx"
    try:
        model.fit(data.X, y)
        model.save_model(str(path), format="onnx")
    except catboost.CatBoostError as error:
        raise Untrained(str(error)) from error
    borders = model._get_borders() if hasattr(model, "_get_borders") else {}
    thresholds = [(int(f), v) for f, values in borders.items() for v in values]
    rows = data.rows(thresholds, step_single, False).astype(np.float32).astype(float)
    scores = model.predict(rows, prediction_type="RawFormulaVal")
    predictions = np.ravel(model.predict(rows)) if kind == "class" else scores
    return Case(path, rows, names(data.columns), scores, predictions, kind,
                ort=lambda: (scores, np.ravel(through_onnx(path, rows)[0])))


MAKERS = {"xgboost": xgboost_model, "lightgbm": lightgbm_model, "scikit-learn": sklearn_model, "catboost": catboost_model}
