"""Boosted trees of several libraries: what is decrypted is what they predict."""

import tenebra
from sklearn.datasets import load_wine
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split

estimators = [
    RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0),
    GradientBoostingClassifier(n_estimators=10, random_state=0),
    HistGradientBoostingClassifier(max_iter=10),
]
try:
    from xgboost import XGBClassifier

    estimators.append(XGBClassifier(n_estimators=10, max_depth=3))
except ImportError:
    pass
try:
    from lightgbm import LGBMClassifier

    estimators.append(LGBMClassifier(n_estimators=10, max_depth=3, verbose=-1))
except ImportError:
    pass

X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
for estimator in estimators:
    estimator.fit(X_train, y_train)
    compiled = tenebra.compile(estimator, X_train)
    encrypted = compiled.predict(X_test[:10], fhe="execute")
    simulated = compiled.predict(X_test, fhe="simulate")
    accuracy = (simulated == y_test).mean()
    print(f"{type(estimator).__name__}: accuracy {accuracy:.3f}, {compiled.report['predicted_evaluate_ms']:.2f} ms a row")
    assert (encrypted == simulated[:10]).all()
    assert (simulated == estimator.predict(X_test)).mean() > 0.95
