"""Three parties with a folder between them, after Concrete ML's ClientServer: who trained, who computes, whose data it is."""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from tenebra.deployment import FHEModelClient, FHEModelDev, FHEModelServer
from tenebra.sklearn import XGBClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=42)
model = XGBClassifier(n_estimators=10, max_depth=3).fit(X_train, y_train)
model.compile(X_train, query="packed", measure=False)

with tempfile.TemporaryDirectory() as root:
    dev, server_side, client_side = (Path(root) / name for name in ("dev", "server", "client"))
    FHEModelDev(dev, model).save()
    # Each gets its own file, and no more.
    for side, file in ((server_side, "server.tnb"), (client_side, "client.tnb")):
        side.mkdir()
        shutil.copy(dev / file, side)

    client = FHEModelClient(client_side, key_dir=client_side / "keys")
    evaluation_key = client.get_serialized_evaluation_keys()
    server = FHEModelServer(server_side)
    print(f"evaluation key {len(evaluation_key):,} bytes")
    found = []
    start = time.perf_counter()
    for row in X_test[:10]:
        query = client.quantize_encrypt_serialize(row.reshape(1, -1))
        response = server.run(query, evaluation_key)
        found.append(client.deserialize_decrypt_dequantize(response)[0].argmax())
    print(f"query {len(query):,} bytes, response {len(response):,}; {(time.perf_counter() - start) * 100:.0f} ms a row")
    np.testing.assert_array_equal(found, model.predict(X_test[:10]))
