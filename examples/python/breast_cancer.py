"""A diagnosis that only its owner sees: three parties, three files."""

import tempfile
from pathlib import Path

import tenebra
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

with tempfile.TemporaryDirectory() as folder:
    model = Path(folder)

    # The model's owner fits, compiles and hands out two files. Scalers fold into a linear model.
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_train, y_train)
    compiled = tenebra.from_fitted(pipeline).compile(X_train, n_bits=10)
    compiled.save(model)
    print(compiled.report)

    # The data's owner encrypts.
    client = tenebra.Client.open(model / "client.tnb")
    keys = client.keygen()
    query = client.encrypt(keys, X_test[: client.max_rows])

    # The server computes on what it cannot read.
    server = tenebra.Server.open(model / "server.tnb")
    response = server.run(query, evaluation_key=keys.evaluation_key)

    # The data's owner decrypts.
    found = client.decrypt(keys, response)

agreeing = (found.labels == pipeline.predict(X_test[: len(found)])).mean()
print(f"{len(found)} rows, {agreeing:.1%} as in the clear")
assert agreeing > 0.98
