"""Generalized linear models of claims: Poisson, Gamma and Tweedie, of scikit-learn and of statsmodels, after Concrete ML's GLMComparison."""

import numpy as np
import tenebra
from sklearn.metrics import mean_gamma_deviance, mean_poisson_deviance, mean_tweedie_deviance
from sklearn.model_selection import train_test_split
from tenebra.sklearn import GammaRegressor, PoissonRegressor, TweedieRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(2000, 5))
rate = np.exp(0.3 + X @ [0.4, -0.3, 0.2, 0.0, 0.1])
claims = rng.poisson(rate)
amounts = rng.gamma(2.0, rate / 2.0) + 1e-3

for model, y, deviance in (
    (PoissonRegressor(alpha=1e-4, n_bits=10), claims, mean_poisson_deviance),
    (GammaRegressor(alpha=1e-4, n_bits=10), amounts, mean_gamma_deviance),
    (TweedieRegressor(power=1.5, alpha=1e-4, n_bits=10), amounts, lambda a, b: mean_tweedie_deviance(a, b, power=1.5)),
):
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    model.fit(X_train, y_train)
    model.compile(X_train, measure=False)
    clear, encrypted = model.predict(X_test), model.predict(X_test, fhe="execute")
    print(f"{type(model).__name__:20} deviance {deviance(y_test, clear):.4f} -> {deviance(y_test, encrypted):.4f}")
    assert abs(deviance(y_test, clear) - deviance(y_test, encrypted)) < 0.01

try:
    import statsmodels.api as sm
except ImportError:
    print("statsmodels is not installed")
else:
    X_train, X_test, y_train, y_test = train_test_split(sm.add_constant(X), claims, random_state=0)
    results = sm.GLM(y_train, X_train, family=sm.families.Poisson()).fit()
    compiled = tenebra.from_fitted(results).compile(X_train, n_bits=10, measure=False)
    encrypted = compiled.predict(X_test, fhe="execute")
    print(f"{'statsmodels':20} deviance {mean_poisson_deviance(y_test, results.predict(X_test)):.4f} -> {mean_poisson_deviance(y_test, encrypted):.4f}")
    np.testing.assert_allclose(encrypted, results.predict(X_test), rtol=0.05)
