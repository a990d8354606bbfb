"""Trees whose parameters are searched for behind a pipeline, after Concrete ML's notebooks of DecisionTree, RandomForest and XGBoost."""

import numpy as np
import tenebra
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from tenebra.sklearn import DecisionTreeClassifier, RandomForestClassifier, XGBClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)

for model, grid in (
    (DecisionTreeClassifier(random_state=0), {"max_depth": [3, 5], "min_samples_leaf": [1, 5]}),
    (RandomForestClassifier(random_state=0), {"n_estimators": [5, 10], "max_depth": [3, 4]}),
    (XGBClassifier(random_state=0), {"n_estimators": [5, 10], "max_depth": [2, 3]}),
):
    best = GridSearchCV(model, grid, cv=3, scoring="accuracy").fit(X_train, y_train).best_estimator_
    best.compile(X_train, measure=False)
    simulated = best.predict(X_test, fhe="simulate")
    np.testing.assert_array_equal(simulated, best.predict(X_test))
    np.testing.assert_array_equal(best.predict(X_test[:10], fhe="execute"), simulated[:10])
    print(f"{type(model).__name__:24} accuracy {accuracy_score(y_test, simulated):.3f}, as in the clear")

# The client scales and projects before it encrypts.
pipeline = Pipeline([("scale", StandardScaler()), ("project", PCA(8, random_state=0)), ("trees", XGBClassifier(n_estimators=10, max_depth=3))])
pipeline.fit(X_train, y_train)
compiled = tenebra.from_fitted(pipeline).compile(X_train, measure=False)
encrypted = compiled.predict(X_test[:20], fhe="execute")
print(f"{'pipeline':24} accuracy {pipeline.score(X_test, y_test):.3f}, 20 encrypted rows as in the clear")
np.testing.assert_array_equal(encrypted, pipeline.predict(X_test[:20]))
