#!/usr/bin/env python3
"""The figures of docs/deployment.md on isolation: one client's time of a query while another floods the server, on loopback.

cargo build --release -p tenebra -p tenebra-server && deploy/server/examples/flood.py
"""

import multiprocessing as mp
import socket, threading, time, subprocess, sys, os, json, statistics
import tempfile

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
S = ROOT + "/target/release/"
tmp = tempfile.mkdtemp()
os.chdir(tmp)


def sh(*a, **k):
    return subprocess.run(a, check=True, capture_output=True, text=True, **k).stdout.strip()


D = ROOT + "/deploy/cli/tests/cmd/flow.in/"
T = S + "tenebra"
toks = {
    n: sh(T, "token", "add", n, "--role", r, "--store", "store")
    for n, r in [("own", "owner"), ("bob", "client"), ("eve", "client")]
}
log = open("log", "w+")
p = subprocess.Popen(
    [
        S + "tenebra-server",
        "serve",
        "--store",
        "store",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--log",
        "json",
    ],
    stderr=log,
)
time.sleep(1)
l = [json.loads(x) for x in open("log")]
l = [x for x in l if "address" in x][0]
host, port = l["address"].split(":")
A = (host, int(port))
ad = l["admin_address"].split(":")
ADM = (ad[0], int(ad[1]))
url = "http://" + l["address"]
sh(T, "train", "RandomForestClassifier", "--data", D + "train.csv", "--target", "sold", "-o", "model.json")
sh(T, "compile", "model.json", "--query", "direct", "-o", "model")
sh(T, "push", "model", "--name", "m", "--server", url, "--token", toks["own"])
sh(T, "keygen", "model", "-o", "keys")
sh(T, "encrypt", "model", "--keys", "keys", "--data", D + "test.csv", "--row", "0", "-o", "q.tnb")
Q = open("q.tnb", "rb").read()
print("query", len(Q))
H = (
    lambda tok, extra: f"POST /v1/models/m/predict HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {tok}\r\n{extra}\r\n\r\n".encode()
)


def one(tok):
    s = socket.create_connection(A)
    s.settimeout(60)
    t = time.time()
    s.sendall(H(tok, f"Content-Length: {len(Q)}\r\nConnection: close") + Q)
    b = b""
    while True:
        try:
            r = s.recv(65536)
        except OSError:
            break
        if not r:
            break
        b += r
    return time.time() - t, int(b.split(b" ", 2)[1]) if b else 0


def ready():
    s = socket.create_connection(ADM)
    s.settimeout(10)
    s.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return s.recv(100).split(b" ")[1]


def run(n=100):
    r = [one(toks["bob"]) for _ in range(n)]
    t = sorted(x[0] for x in r)
    return t[n // 2] * 1e3, t[int(n * 0.99) - 1] * 1e3, sum(x[1] != 200 for x in r), ready()


stop = mp.Event()


def batch():
    while not stop.is_set():
        try:
            s = socket.create_connection(A)
            s.settimeout(5)
            s.sendall(H(toks["eve"], "Transfer-Encoding: chunked"))
            c = b"%x\r\n" % len(Q) + Q + b"\r\n"

            def rd():
                try:
                    while s.recv(1 << 16):
                        pass
                except OSError:
                    pass

            threading.Thread(target=rd, daemon=True).start()
            while not stop.is_set():
                s.sendall(c)
            s.close()
        except OSError:
            time.sleep(0.05)


def half():
    while not stop.is_set():
        try:
            ss = []
            for _ in range(20):
                s = socket.create_connection(A)
                s.sendall(H(toks["eve"], f"Content-Length: {len(Q)}") + Q[: len(Q) // 2])
                ss.append(s)
            stop.wait(3)
        except OSError:
            time.sleep(0.05)


def idle():
    ss = []
    while not stop.is_set():
        try:
            ss.append(socket.create_connection(A))
            if len(ss) > 1500:
                ss = ss[500:]
        except OSError:
            pass
        time.sleep(0.002)


def bad():
    i = 0
    while not stop.is_set():
        try:
            s = socket.create_connection(A)
            i += 1
            s.sendall(
                f"GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer tnb_{i:064x}\r\nConnection: close\r\n\r\n".encode()
            )
            s.settimeout(5)
            while s.recv(4096):
                pass
        except OSError:
            pass


run(20)
q = run()
print("quiet", q)


def attack(name, ws):
    stop.clear()
    ts = [mp.Process(target=w, daemon=True) for w in ws]
    [t.start() for t in ts]
    time.sleep(2)
    r = run()
    print(name, [round(x, 1) if isinstance(x, float) else x for x in r], "p99 ratio %.2f" % (r[1] / q[1]))
    stop.set()
    [(t.join(3), t.kill()) for t in ts]
    time.sleep(2)


attack("batches", [batch] * 6)
attack("half", [half] * 4)
attack("idle", [idle] * 2)
attack("bad", [bad] * 4)
attack("all", [batch] * 4 + [half] * 2 + [idle] + [bad] * 2)
print("quiet again", run())
p.terminate()
