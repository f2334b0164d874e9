"""Labelled histories for `trend`, made and not measured: what happened to the code is known, the noise is normal.

Run as a program it judges them with Apache Otava as `trend` does, and prints one JSON object: how many histories of
each kind were found right, and how many false change points there were.
"""

from __future__ import annotations

import json
import math
import random
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module

from perf_action.compare.change_points import MAX_P, MIN_MAGNITUDE, WINDOW, detector

RUNS = 100
AT = 50


def history(
    seed: int, *, noise: float, step: float = 0.0, creep: float = 0.0, outliers: float = 0.05
) -> list[float]:
    """100 runs: a step at run 50, or a creep of so much per run; a share of runs is spoilt by 1.1×, 3× or 100×."""
    r = random.Random(seed)
    values = []
    for i in range(RUNS):
        level = (1 + step if i >= AT else 1.0) * (1 + creep) ** i
        spoilt = r.choice((1.1, 3.0, 100.0)) if r.random() < outliers else 1.0
        values.append(level * math.exp(r.gauss(0, noise)) * spoilt)
    return values


def score(detect: Callable[[Sequence[float]], Sequence[int]], n: int) -> dict[str, dict[str, float]]:
    """For each kind the share of `n` histories in which the step was found within two runs, and in which anything
    else was called a change.
    """
    out = {}
    for noise in (0.005, 0.015):
        for step in (0.0, 0.02, 0.05):
            found = [detect(history(seed, noise=noise, step=step)) for seed in range(n)]
            near = [[i for i in at if step and abs(i - AT) <= 2] for at in found]
            false = [len(at) > len(hit) for at, hit in zip(found, near, strict=True)]
            out[f"noise {noise:.1%}, step {step:.0%}"] = {
                "found": sum(map(bool, near)) / n,
                "false": sum(false) / n,
            }
    return out


def main() -> None:
    ours = detector()
    if ours is None:
        sys.exit("Apache Otava is not installed")
    compute = import_module("otava.analysis").compute_change_points

    def bare(values: Sequence[float]) -> list[int]:
        """Otava alone, with the smallest change that others use, 2 %."""
        points, _ = compute(list(values), window_len=WINDOW, max_pvalue=MAX_P, min_magnitude=0.02)
        return [int(p.index) for p in points]

    warnings.simplefilter("ignore")
    n = int(sys.argv[1])
    walks = 0
    for seed in range(n):
        r, log, walk = random.Random(seed), 0.0, []
        for _ in range(RUNS):
            log += r.gauss(0, 0.003)
            walk.append(math.exp(log))
        walks += bool(ours(walk))
    print(
        json.dumps(
            {
                "trend": score(lambda v: [s.index for s in ours(v)], n),
                "bare": score(bare, n),
                "walk": walks / n,
                "settings": [WINDOW, MAX_P, MIN_MAGNITUDE],
            }
        )
    )


if __name__ == "__main__":
    main()
