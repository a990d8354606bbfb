"""A script of Concrete ML with other imports: fit, compile, predict encrypted, deploy."""

import tempfile

# from concrete.ml.sklearn import LogisticRegression, XGBClassifier
# from concrete.ml.deployment import FHEModelClient, FHEModelDev, FHEModelServer
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from tenebra.deployment import FHEModelClient, FHEModelDev, FHEModelServer
from tenebra.sklearn import LogisticRegression

X, y = make_classification(n_samples=500, n_features=10, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)

model = LogisticRegression(n_bits=8)
model.fit(X_train, y_train)
y_pred_clear = model.predict(X_test)
model.compile(X_train)
y_pred_fhe = model.predict(X_test, fhe="execute")
print(f"{(y_pred_fhe == y_pred_clear).mean():.1%} as in the clear")
assert (y_pred_fhe == y_pred_clear).mean() > 0.95

with tempfile.TemporaryDirectory() as folder:
    FHEModelDev(folder, model).save()
    client = FHEModelClient(folder)
    server = FHEModelServer(folder)
    encrypted = client.quantize_encrypt_serialize(X_test[[0]])
    result = server.run(encrypted, client.get_serialized_evaluation_keys())
    probabilities = client.deserialize_decrypt_dequantize(result)
print(f"probabilities {probabilities.round(3)}")
assert probabilities.shape == (1, 2)
