"""How often the verdicts are wrong, on a few hundred reports with a known truth; `benchmarks/verdicts` does thousands."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from compare_cases import OPTIONS, launches, metric, sliced

from perf_action.compare.kinds import function_changes
from perf_action.compare.metrics import metric_changes
from perf_action.model.change import Verdict
from perf_action.model.metric import Metric

pytestmark = pytest.mark.once

REPORTS = 300
Scatter = Callable[[np.random.Generator, int], np.ndarray]

SCATTERS: dict[str, Scatter] = {
    "normal": lambda rng, n: rng.normal(0, 0.014, n),
    "heavy tails": lambda rng, n: rng.standard_t(3, n) * 0.012,
    "two layouts": lambda rng, n: rng.choice([-0.02, 0.02], n) + rng.normal(0, 1e-4, n),
    "bursts": lambda rng, n: rng.normal(0, 0.01, n) + rng.exponential(0.2, n) * (rng.random(n) < 0.2),
    "a shared drift": lambda rng, n: rng.normal(0, 0.01, n),
}


def report(rng: np.random.Generator, scatter: Scatter, n: int, *, effect: float, drift: bool, paired: bool):
    """CPU per request, p50 and p95 of `n` launches a side, correlated as they are in life."""
    trend = np.linspace(0, 0.3, n) if drift else np.zeros(n)
    out: list[list[Metric]] = []
    for shift in (0.0, math.log1p(effect)):
        cpu = scatter(rng, n) + trend + shift
        rows = {
            "cpu.per_request": cpu,
            "latency.p50": cpu + rng.normal(0, 0.01, n),
            "latency.p95": cpu + rng.normal(0, 0.03, n),
        }
        out.append([launches(name, np.exp(v).tolist(), paired=paired) for name, v in rows.items()])
    return metric_changes(*out, options=OPTIONS)


def false_alarms(name: str, n: int, *, paired: bool = True) -> int:
    rng = np.random.default_rng(n)
    rows = (
        report(rng, SCATTERS[name], n, effect=0.0, drift=name == "a shared drift", paired=paired)
        for _ in range(REPORTS)
    )
    return sum(any(r.verdict is Verdict.REGRESSION for r in row) for row in rows)


@pytest.mark.parametrize("name", SCATTERS)
@pytest.mark.parametrize("n", [3, 5, 8, 24])
def test_identical_code_rarely_alarms(name, n):
    assert false_alarms(name, n) <= REPORTS / 100


@pytest.mark.parametrize("name", ["normal", "bursts"])
@pytest.mark.parametrize("n", [2, 3, 8, 24])
def test_identical_code_rarely_alarms_against_a_stored_baseline(name, n):
    assert false_alarms(name, n, paired=False) <= REPORTS / 100


def test_one_launch_a_side_rarely_alarms():
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(REPORTS):
        sides = [
            [
                metric(
                    "cpu.per_request",
                    (math.exp(luck) * np.exp(rng.normal(0, 0.002, 8))).tolist(),
                    launches=(0,) * 8,
                    pairs=tuple(range(8)),
                )
            ]
            for luck in rng.normal(0, 0.03, 2)
        ]
        alarms += metric_changes(*sides, options=OPTIONS)[0].verdict is Verdict.REGRESSION
    assert alarms <= REPORTS / 100


@pytest.mark.parametrize(("effect", "n", "power"), [(0.05, 8, 0.95), (0.03, 24, 0.95), (0.02, 48, 0.9)])
def test_what_is_there_is_found(effect, n, power):
    rng = np.random.default_rng(n)
    found = [
        report(rng, lambda r, k: r.normal(0, 0.009, k), n, effect=effect, drift=True, paired=True)[0].verdict
        for _ in range(100)
    ]
    assert found.count(Verdict.REGRESSION) >= power * 100


COSTS = {
    f"main;handle;f{i}": cost * 1e3 for i, cost in enumerate((20, 15, 10, 10, 8, 8, 7, 6, 5, 4, 3, 2, 1, 1))
}


def test_no_function_is_blamed_in_identical_code():
    blamed = 0
    for seed in range(100):
        base, head = (sliced(COSTS, seed=2 * seed + i) for i in (0, 1))
        rows = function_changes(base, head, OPTIONS).rows
        blamed += any(r.verdict is Verdict.REGRESSION for r in rows)
    assert blamed <= 2


def test_a_function_that_costs_a_third_more_is_named_alone():
    named = others = 0
    for seed in range(40):
        base, head = sliced(COSTS, seed=seed), sliced({**COSTS, "main;handle;f2": 13.3e3}, seed=1000 + seed)
        worse = {
            r.name for r in function_changes(base, head, OPTIONS).rows if r.verdict is Verdict.REGRESSION
        }
        named += "f2" in worse
        others += bool(worse - {"f2"})
    assert named >= 38
    assert others <= 1
