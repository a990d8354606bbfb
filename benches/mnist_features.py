#!/usr/bin/env python3
"""What a client may do with an MNIST image in public before it encrypts it: straighten, and pool.

    benches/mnist_features.py IN.csv.gz OUT.csv.gz [--pool 2] [--no-straighten] [--shifts N]

The slant of a digit is the covariance of its ink's columns and rows over the variance of its rows; the image is sheared by it
and its centre of mass put in the middle (as in LeCun et al. 1998, section III.A), by linear interpolation. Then the mean of each
POOL x POOL block is a feature, `q0` on. `--shifts N` adds, for training alone, copies moved by a pixel in the first N of the
directions right, left, down, up.
"""
import argparse
import gzip

import numpy as np

SIDE = 28


def sampled(images, rows, cols):
    """Linear interpolation at real places, nothing beyond the edge."""
    n = np.arange(len(images))[:, None, None]
    r0, c0 = np.floor(rows).astype(int), np.floor(cols).astype(int)
    out = np.zeros(rows.shape)
    for dr in (0, 1):
        for dc in (0, 1):
            r, c = r0 + dr, c0 + dc
            weight = (1 - np.abs(rows - r)) * (1 - np.abs(cols - c))
            inside = (r >= 0) & (r < SIDE) & (c >= 0) & (c < SIDE)
            out += np.where(inside, weight * images[n, r.clip(0, SIDE - 1), c.clip(0, SIDE - 1)], 0)
    return out


def straightened(images):
    r, c = np.mgrid[0:SIDE, 0:SIDE]
    ink = images.sum((1, 2)) + 1e-9
    r_mean, c_mean = (images * r).sum((1, 2)) / ink, (images * c).sum((1, 2)) / ink
    dr, dc = r - r_mean[:, None, None], c - c_mean[:, None, None]
    slant = (images * dr * dc).sum((1, 2)) / ((images * dr**2).sum((1, 2)) + 1e-9)
    middle = (SIDE - 1) / 2
    rows = (r - middle)[None] + r_mean[:, None, None]
    cols = (c - middle)[None] + slant[:, None, None] * (r - middle)[None] + c_mean[:, None, None]
    return sampled(images, rows, cols)


def pooled(images, size):
    n = SIDE // size
    return images.reshape(-1, n, size, n, size).mean((2, 4)).reshape(len(images), n * n)


def moved(images, down, right):
    out = np.zeros_like(images)
    out[:, max(down, 0):SIDE + min(down, 0), max(right, 0):SIDE + min(right, 0)] = \
        images[:, max(-down, 0):SIDE - max(down, 0), max(-right, 0):SIDE - max(right, 0)]
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("source")
    p.add_argument("target")
    p.add_argument("--pool", type=int, default=2)
    p.add_argument("--no-straighten", action="store_true")
    p.add_argument("--shifts", type=int, default=0)
    a = p.parse_args()
    with gzip.open(a.source, "rt") as file:
        header = file.readline().strip().split(",")
        table = np.loadtxt(file, delimiter=",")
    digit = header.index("digit")
    labels = table[:, digit].astype(int)
    images = np.delete(table, digit, 1).reshape(-1, SIDE, SIDE) / 255
    if not a.no_straighten:
        images = straightened(images)
    directions = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)][:a.shifts + 1]
    features = np.concatenate([pooled(moved(images, *d), a.pool) for d in directions])
    labels = np.tile(labels, len(directions))
    with gzip.open(a.target, "wt") as file:
        file.write(",".join(f"q{i}" for i in range(features.shape[1])) + ",digit\n")
        for row, label in zip(features, labels):
            file.write(",".join(f"{x:.3g}" for x in row) + f",{label}\n")


if __name__ == "__main__":
    main()
