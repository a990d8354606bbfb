"""A network on iris, float and encrypted, after Concrete ML's FullyConnectedNeuralNetwork: fitted by scikit-learn, quantized by `compile`."""

from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tenebra.sklearn import MLPClassifier

X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=42)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

model = MLPClassifier((8,), max_iter=2000, random_state=0).fit(X_train, y_train)
report = model.compile(X_train)
simulated = model.predict(X_test, fhe="simulate")
encrypted = model.predict(X_test, fhe="execute")
print(report)
print(f"accuracy in the clear {model.score(X_test, y_test):.3f}, encrypted {(encrypted == y_test).mean():.3f}")
assert (encrypted == simulated).all()
assert abs(model.score(X_test, y_test) - (encrypted == y_test).mean()) <= 0.06
