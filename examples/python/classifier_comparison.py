"""Classifiers on three small data sets, float and encrypted: the comparison of scikit-learn's gallery, and of Concrete ML's."""

import numpy as np
from sklearn.datasets import make_circles, make_classification, make_moons
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tenebra.sklearn import (
    DecisionTreeClassifier,
    GaussianNB,
    LinearSVC,
    LogisticRegression,
    MLPClassifier,
    RandomForestClassifier,
    XGBClassifier,
)

X, y = make_classification(n_features=2, n_redundant=0, n_informative=2, random_state=1, n_clusters_per_class=1)
X += 2 * np.random.RandomState(2).uniform(size=X.shape)
SETS = {
    "moons": make_moons(noise=0.3, random_state=0),
    "circles": make_circles(noise=0.2, factor=0.5, random_state=1),
    "separable": (X, y),
}
MODELS = [
    LogisticRegression(n_bits=8),
    LinearSVC(n_bits=8, C=0.025),
    GaussianNB(n_bits=10),
    DecisionTreeClassifier(max_depth=5, random_state=0),
    RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0),
    XGBClassifier(n_estimators=10, max_depth=3, random_state=0),
    MLPClassifier((8,), alpha=1, max_iter=1000, random_state=0),
]

print(f"{'':24}" + "".join(f"{name:>20}" for name in SETS))
for model in MODELS:
    cells = []
    for X, y in SETS.values():
        X = StandardScaler().fit_transform(X)
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=42)
        model.fit(X_train, y_train)
        model.compile(X_train, measure=False)
        in_the_clear = model.score(X_test, y_test)
        simulated = model.predict(X_test, fhe="simulate")
        # Encrypted is simulated, row by row.
        assert (model.predict(X_test[:5], fhe="execute") == simulated[:5]).all()
        encrypted = (simulated == y_test).mean()
        assert abs(in_the_clear - encrypted) <= 0.1
        cells.append(f"{in_the_clear:.3f} -> {encrypted:.3f}")
    print(f"{type(model).__name__:24}" + "".join(f"{cell:>20}" for cell in cells))
