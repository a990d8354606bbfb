"""Random ONNX graphs of tree ensembles, with what may stand before and behind them; for `peer_onnx_graphs.py`."""
import numpy as np
from onnx import numpy_helper
from onnx_linear_graphs import ML, Graph, case, numbers


def tree_graph(rng):
    n = int(rng.integers(1, 5))
    dtype = str(rng.choice(["float32"] * 5 + ["float64", "int64"]))
    x = rng.normal(size=(24, n)) * 2
    graph = Graph(rng, (np.round(x * 3) if dtype == "int64" else x).astype(dtype), int(rng.choice([13, 17, 18])))
    source, thresholds = "x", []
    for _ in range(int(rng.choice([0, 0, 1, 1, 2, 3]))):
        source = (scale(graph, source) or [source])[0]
    k = graph.values[source].shape[-1] if graph.values[source].ndim == 2 else 1
    heads, kind = [], str(rng.choice(["regressor", "regressor", "classifier", "classifier"]))
    shared = int(rng.integers(1, 4))
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        found = ensemble(graph, source, k, kind, shared, thresholds)
        if found:
            heads.append(found)
    if not heads:
        return None
    outputs = heads[0] if len(heads) == 1 else joined(graph, heads, kind) or heads[0]
    if rng.random() < 0.4:
        outputs = behind(graph, outputs) or outputs
    return case(graph, outputs, edges(graph, source, thresholds))


def scale(graph, source):
    rng, value = graph.rng, graph.values[source]
    k, dtype = value.shape[-1], value.dtype
    choice = str(rng.choice(["Scaler", "Sub", "Div", "Mul", "Add", "Clip", "Cast", "Gather", "Neg", "Binarizer"]))
    if choice == "Scaler":
        draw = lambda: [float(v) for v in np.float32(rng.normal(size=k))]
        return graph.add(choice, [source], domain=ML, offset=draw(), scale=draw())
    if choice in ["Sub", "Div", "Mul", "Add"]:
        pair = [source, graph.constant(numbers(graph, dtype, k))]
        return graph.add(choice, pair[::-1] if rng.random() < 0.2 else pair)
    if choice == "Clip":
        return graph.add(choice, [source, *(graph.constant(np.array(v, dtype)) for v in sorted(rng.normal(size=2)))])
    if choice == "Cast":
        return graph.add(choice, [source], to=int(rng.choice([1, 11, 10, 7])))
    if choice == "Gather":
        return graph.add(choice, [source, graph.constant(rng.integers(0, k, size=k))], axis=1)
    if choice == "Binarizer":
        return graph.add(choice, [source], domain=ML, threshold=float(np.float32(rng.normal())))
    return graph.add("Neg", [source])


def ensemble(graph, source, k, kind, outputs, thresholds):
    rng, values = graph.rng, graph.values[source].astype(np.float64)
    prefix = "class" if kind == "classifier" else "target"
    classes = int(rng.integers(2, 4)) if outputs == 1 else max(outputs, 2)
    sign = str(rng.choice(["positive", "mixed", "mixed"]))
    single = kind == "classifier" and classes == 2 and rng.random() < 0.6
    own = int(rng.choice([0, 0, 0, 1]))
    nodes = {name: [] for name in ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids", "missing_value_tracks_true"]}
    leaves = {name: [] for name in ["treeids", "nodeids", "ids", "weights"]}
    mode = str(rng.choice(["BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GT", "BRANCH_GTE"]))
    tracks = rng.random() < 0.3
    for tree in range(int(rng.choice([1, 1, 2, 3]))):
        depth = int(rng.integers(0, 4))
        for node in range(2 ** (depth + 1) - 1):
            leaf = node >= 2**depth - 1
            feature = int(rng.integers(0, k))
            column = values[:, feature] if values.ndim == 2 else values
            threshold = float(np.float32(rng.choice(column) if rng.random() < 0.6 else rng.normal()))
            own_mode = "LEAF" if leaf else mode if rng.random() < 0.9 else str(rng.choice(["BRANCH_EQ", "BRANCH_NEQ", "BRANCH_LT", "BRANCH_LEQ"]))
            for name, entry in zip(nodes, [tree, node, feature, own_mode, 0.0 if leaf else threshold, 0 if leaf else 2 * node + 1, 0 if leaf else 2 * node + 2,
                                           int(tracks and not leaf and rng.random() < 0.5)]):
                nodes[name].append(entry)
            if not leaf:
                thresholds.append((source, feature, threshold))
                continue
            for target in [own] if single else range(classes if kind == "classifier" else outputs):
                weight = float(np.float32(rng.normal()))
                for name, entry in zip(leaves, [tree, node, target, abs(weight) if sign == "positive" else weight]):
                    leaves[name].append(entry)
    attributes = {f"nodes_{name}": entries for name, entries in nodes.items()} | {f"{prefix}_{name}": entries for name, entries in leaves.items()}
    transform = str(rng.choice(["NONE", "NONE", "LOGISTIC", "SOFTMAX"]))
    if rng.random() < 0.3:
        attributes["base_values"] = [float(np.float32(v)) for v in rng.normal(size=1 if single else classes if kind == "classifier" else outputs)]
    if kind == "classifier":
        return graph.add("TreeEnsembleClassifier", [source], 2, ML, classlabels_int64s=list(range(3, 3 + classes)), post_transform=transform, **attributes)
    return graph.add("TreeEnsembleRegressor", [source], 1, ML, n_targets=outputs, post_transform=transform,
                     aggregate_function=str(rng.choice(["SUM", "SUM", "AVERAGE"])), **attributes)


def joined(graph, heads, kind):
    """Several ensembles as one, as Bagging, Voting, AdaBoost and MultiOutput are."""
    rng, scores = graph.rng, [head[-1] for head in heads]
    choice = str(rng.choice(["concat", "sum", "mean", "vote", "reduce"]))
    if choice == "concat":
        return graph.add("Concat", scores, axis=1)
    if choice == "sum":
        weighted = [graph.add("Mul", [score, graph.constant(np.float32(rng.random()))]) for score in scores]
        total = all(weighted) and graph.add("Sum", [w[0] for w in weighted])
        label = total and kind == "classifier" and graph.add("ArgMax", total, axis=1)
        return label + total if label else total
    if choice == "mean":
        return graph.add("Mean", scores)
    if choice == "reduce":
        columns = graph.values[scores[0]].shape[-1]
        shaped = [graph.add("Reshape", [score, graph.constant(np.array([1, -1, columns]))]) for score in scores]
        merged = all(shaped) and graph.add("Concat", [s[0] for s in shaped], axis=0)
        if not merged:
            return None
        if graph.opset >= 18:
            return graph.add("ReduceMean", [merged[0], graph.constant(np.array([0]))], keepdims=0)
        return graph.add("ReduceMean", merged, axes=[0], keepdims=0)
    votes = []
    for score in scores:
        classes = graph.values[score].shape[-1]
        best = graph.add("ArgMax", [score], axis=1)
        shape = graph.add("Shape", [score])
        one = shape and graph.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.ones(1, np.float32)))
        hit = best and graph.add("Equal", [best[0], graph.constant(np.arange(classes).reshape(1, -1))])
        vote = hit and one and graph.add("Where", [hit[0], one[0], graph.constant(np.array([-0.5], np.float32))])
        vote = vote and graph.add("Mul", [vote[0], graph.constant(np.float32(rng.random()))])
        if not vote:
            return None
        votes.append(vote[0])
    total = graph.add("Sum", votes)
    label = total and graph.add("ArgMax", total, axis=1)
    return label and label + total


def behind(graph, outputs):
    rng, score = graph.rng, outputs[-1]
    choice = str(rng.choice(["Mul", "Exp", "Sigmoid", "Div", "Slice", "Reshape", "Add", "ExpMul", "Linear", "Log", "Clip", "Abs"]))
    constant = lambda: graph.constant(np.float32(rng.choice([1.0, 2.0, 0.3])))
    if choice in ["Mul", "Div", "Add"]:
        found = graph.add(choice, [score, constant()])
    elif choice == "ExpMul":
        found = graph.add("Exp", [score])
        found = found and graph.add("Mul", [found[0], constant()])
    elif choice == "Slice":
        found = graph.add("Slice", [score, *(graph.constant(np.array([v])) for v in [0, 1, 1])])
    elif choice == "Reshape":
        found = graph.add("Reshape", [score, graph.constant(np.array([-1, graph.values[score].shape[-1]]))])
    elif choice == "Linear":
        k = graph.values[score].shape[-1]
        found = graph.add("LinearRegressor", [score], domain=ML, coefficients=[float(v) for v in rng.normal(size=k)], intercepts=[0.5])
    elif choice == "Clip":
        found = graph.add("Clip", [score, graph.constant(np.float32(0)), graph.constant(np.float32(1))])
    else:
        found = graph.add(choice, [score])
    return found and outputs[:-1] + found


def edges(graph, source, thresholds):
    """Rows that are compared at thresholds and one step beside, moved back through the steps before the trees by bisection."""
    rows, sessions = [*graph.x[:8]], {}
    dtype = graph.x.dtype
    for origin, feature, threshold in thresholds[:8]:
        for column in range(graph.x.shape[1]):
            base = graph.x[0].copy()
            if origin not in sessions:
                sessions[origin] = graph.session([origin]) if origin != "x" else None

            def value(v):
                row = base.copy()
                row[column] = v
                row = row.reshape(1, -1)
                found = sessions[origin].run(None, {"x": row})[0] if origin != "x" else row
                return float(found.reshape(1, -1)[0, min(feature, found.size - 1)])

            if dtype.kind != "f":
                low, high = -1000.0, 1000.0
            else:
                low, high = -1e4, 1e4
            at_low, at_high = value(low), value(high)
            if at_low == at_high or not min(at_low, at_high) <= threshold <= max(at_low, at_high):
                continue
            rising = at_high > at_low
            for _ in range(45):
                middle = (low + high) / 2
                low, high = (middle, high) if (value(middle) <= threshold) == rising else (low, middle)
            for near in {np.asarray(low, dtype).item(), np.asarray(high, dtype).item()}:
                steps = [near, near + 1, near - 1] if dtype.kind != "f" else [
                    near, *(np.nextafter(dtype.type(near), dtype.type(to)).item() for to in [-np.inf, np.inf])]
                for v in steps:
                    row = base.copy()
                    row[column] = v
                    rows.append(row)
    if dtype.kind == "f":
        for v in [0.0, -0.0, 1e30, -1e30, np.nan]:
            row = graph.x[1].copy()
            row[int(graph.rng.integers(0, len(row)))] = v
            rows.append(row)
    return np.array(rows[:60], dtype)
