"""Goldens of the Fréchet distance between Gaussians fitted to features, by numpy alone.

    python parity/measure/frechet.py crates/reliad-evaluation/tests/fixtures/frechet.json

The trace of (C1 C2)^(1/2) is the sum of the square roots of the eigenvalues of C1 C2, which are real and not negative
for covariances. FID's reference takes scipy.linalg.sqrtm instead; where scipy is installed the script asserts that both
agree where both covariances are of full rank.
"""

import json
import sys

import numpy as np


def distance(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    c1, c2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    shift = a.mean(0) - b.mean(0)
    cross = np.sqrt(np.clip(np.linalg.eigvals(c1 @ c2).real, 0, None)).sum()
    total = shift @ shift + np.trace(c1) + np.trace(c2) - 2 * cross
    if min(len(a), len(b)) > a.shape[1]:
        try:
            from scipy.linalg import sqrtm
        except ImportError:
            return total
        root = np.trace(sqrtm(c1 @ c2)).real
        reference = shift @ shift + np.trace(c1) + np.trace(c2) - 2 * root
        assert abs(reference - total) < 1e-9 * max(1, total), (reference, total)
    return total


def main(path):
    rng = np.random.default_rng(7)
    cases = []
    # The last case has fewer rows than columns: covariances of deficient rank, as for few pictures.
    for rows, width, shift in [(40, 3, 0.0), (30, 6, 1.5), (5, 7, 0.3)]:
        a = rng.normal(size=(rows, width)) @ rng.normal(size=(width, width))
        b = rng.normal(size=(rows + 2, width)) @ rng.normal(size=(width, width)) + shift
        a, b = a.astype(np.float32), b.astype(np.float32)
        tidy = lambda x: [[float(f"{v:.6g}") for v in row] for row in x]
        a, b = np.float32(tidy(a)), np.float32(tidy(b))
        cases.append({"a": tidy(a), "b": tidy(b), "distance": distance(a, b)})
    with open(path, "w") as file:
        json.dump(cases, file)
        file.write("\n")
    print([case["distance"] for case in cases])


main(sys.argv[1])
