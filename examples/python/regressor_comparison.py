"""Regressions on one data set, float and encrypted, after Concrete ML's notebooks of linear, tree and network regressions."""

from sklearn.datasets import make_regression
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from tenebra.sklearn import (
    DecisionTreeRegressor,
    ElasticNet,
    Lasso,
    LinearRegression,
    LinearSVR,
    MLPRegressor,
    RandomForestRegressor,
    Ridge,
    XGBRegressor,
)

X, y = make_regression(n_samples=400, n_features=6, noise=10, random_state=0)
y = y / y.std()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)

for model in (
    LinearRegression(n_bits=8),
    Ridge(n_bits=8),
    Lasso(alpha=0.01, n_bits=8),
    ElasticNet(alpha=0.01, n_bits=8),
    LinearSVR(n_bits=8, max_iter=5000, random_state=0),
    DecisionTreeRegressor(max_depth=6, random_state=0),
    RandomForestRegressor(n_estimators=10, max_depth=5, random_state=0),
    XGBRegressor(n_estimators=20, max_depth=3, random_state=0),
    MLPRegressor(hidden_layer_sizes=(8,), max_iter=3000, random_state=0),
):
    model.fit(X_train, y_train)
    report = model.compile(X_train, measure=False)
    simulated = model.predict(X_test, fhe="simulate")
    assert (model.predict(X_test[:5], fhe="execute") == simulated[:5]).all()
    clear, encrypted = model.score(X_test, y_test), r2_score(y_test, simulated)
    print(f"{type(model).__name__:24} R2 {clear:.4f} -> {encrypted:.4f}, predicted {report['predicted_evaluate_ms']:.2f} ms a row")
    assert abs(clear - encrypted) < 0.03
