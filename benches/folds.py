"""Rows of two files of data split anew, so that every row is a test row once."""
import numpy as np


def splits(train, test, folds, seed=0):
    """Lines of training and of test rows with their head: those of the files, or of each of `folds` parts of all rows, drawn by `seed`."""
    (head, *first), (_, *second) = (path.read_text().splitlines() for path in (train, test))
    if not folds:
        return [([head, *first], [head, *second])]
    lines = np.array(first + second)
    order = np.random.default_rng(seed).permutation(len(lines))
    parts = [lines[order[k::folds]].tolist() for k in range(folds)]
    return [([head, *(line for other in parts[:k] + parts[k + 1:] for line in other)], [head, *parts[k]]) for k in range(folds)]


def written(folder, train, test):
    """The lines as `train.csv` and `test.csv` in `folder`, and the paths of these."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "train.csv", folder / "test.csv"
    for path, lines in zip(paths, (train, test)):
        path.write_text("\n".join(lines) + "\n")
    return paths
