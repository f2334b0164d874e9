"""Budgets: pass, fail, or cannot tell with what would tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from perf_action.compare import compare
from perf_action.judge import judge
from perf_action.model.builder import ProfileBuilder
from perf_action.model.finding import Budget, Finding, State
from perf_action.model.metric import Metric
from perf_action.model.profile import CapturedProfile, Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Snapshot

PASS, FAIL, UNSURE = State.PASS, State.FAIL, State.CANNOT_TELL


def metric(name: str, samples, unit: str, **rest) -> Metric:
    return Metric(name=name, unit=unit, better="lower", samples=tuple(samples), **rest)


def snapshot(*metrics: Metric, **rest) -> Snapshot:
    return Snapshot(label="head", metrics=metrics, **rest)


def judged(budget: Budget, head: Snapshot, base: Snapshot | None = None) -> Finding:
    (finding,) = judge([budget], head, None if base is None else compare(base, head))
    return finding


@pytest.mark.parametrize(
    ("peak", "unit", "state"),
    [(400.0, "MB", PASS), (500.0, "MB", PASS), (501.0, "MB", FAIL), (5e8, "bytes", PASS)],
)
def test_a_limit_in_any_unit(peak, unit, state):
    finding = judged(
        Budget(rule="memory.peak", limit=500e6, unit="bytes"), snapshot(metric("memory.peak", [peak], unit))
    )
    assert finding.state is state
    assert (finding.limit, finding.unit) == (500e6, "bytes")
    assert finding.value == pytest.approx(peak * (1e6 if unit == "MB" else 1))


def test_the_median_over_launches_is_held_against_the_limit():
    slices = metric(
        "latency.p95", [1, 1, 1, 1, 9, 9, 9, 9, 2, 2, 2, 2], "ms", launches=(0,) * 4 + (1,) * 4 + (2,) * 4
    )
    assert judged(Budget(rule="latency.p95", limit=20e6, unit="ns"), slices_of(slices)).value == 2e6


def slices_of(m: Metric) -> Snapshot:
    return snapshot(m)


@pytest.mark.parametrize(("limit", "state"), [(9.0, FAIL), (9.97, UNSURE), (10.03, UNSURE), (11.0, PASS)])
def test_a_limit_within_the_scatter_of_the_launches_cannot_be_judged(limit, state):
    values = 10 + np.random.default_rng(1).normal(0, 0.3, 12)
    head = snapshot(
        metric("latency.p50", (values - values.mean() + 10).tolist(), "ms", launches=tuple(range(12)))
    )
    finding = judged(Budget(rule="latency.p50", limit=limit * 1e6, unit="ns"), head)
    assert finding.state is state
    assert ("scatter" in finding.message) == (state is UNSURE)


def test_at_least():
    head = snapshot(metric("load.throughput", [900.0], "1/s"))
    assert judged(Budget(rule="load.throughput", limit=1000, unit="1/s", at_least=True), head).state is FAIL
    assert judged(Budget(rule="load.throughput", limit=800, unit="1/s", at_least=True), head).state is PASS


def test_rates_of_errors_are_averaged_and_held_even_where_the_load_was_no_good():
    rate = metric("load.error_rate", [0, 0, 0, 0.3], "ratio", launches=(0, 1, 2, 3))
    head = snapshot(rate, metric("latency.p50", [1.0], "ms"), not_comparable="too many errors")
    finding = judged(Budget(rule="load.error_rate", limit=0.01, unit="ratio"), head)
    assert (finding.state, finding.value) == (FAIL, pytest.approx(0.075))
    other = judged(Budget(rule="latency.p50", limit=2e6, unit="ns"), head)
    assert other.state is UNSURE
    assert "too many errors" in other.message


@pytest.mark.parametrize(
    ("rule", "remedy"),
    [
        ("memory.peak", "memray"),
        ("cpu.hot_function", "py-spy"),
        ("latency.p95", "load tool"),
        ("memory.leak.definite", "memcheck"),
        ("mine", "no metric of this name"),
    ],
)
def test_what_was_not_measured_is_never_a_pass(rule, remedy):
    finding = judged(Budget(rule=rule, limit=1, unit="ratio"), snapshot())
    assert (finding.state, finding.value) == (UNSURE, None)
    assert remedy in finding.message


def test_a_limit_in_another_kind_of_unit_cannot_be_held():
    finding = judged(
        Budget(rule="memory.peak", limit=500, unit="count"), snapshot(metric("memory.peak", [1.0], "MB"))
    )
    assert finding.state is UNSURE
    assert "write the limit with a unit" in finding.message


# --- relative


def cpu(level: float, seed: int, n: int = 24, sd: float = 0.005) -> Metric:
    values = level * np.exp(np.random.default_rng(seed).normal(0, sd, n))
    return metric("cpu.per_request", values.tolist(), "s", launches=tuple(range(n)), pairs=tuple(range(n)))


@pytest.mark.parametrize(("head", "state"), [(0.0101, PASS), (0.0112, FAIL), (0.01051, UNSURE)])
def test_a_limit_on_the_change(head, state):
    budget = Budget(rule="cpu.per_request", limit=0.05, unit="ratio", relative=True)
    finding = judged(budget, snapshot(cpu(head, 2)), snapshot(cpu(0.01, 1)))
    assert finding.state is state
    assert finding.value == pytest.approx(head / 0.01 - 1, abs=0.01)


def test_a_change_needs_something_to_compare_with():
    budget = Budget(rule="cpu.per_request", limit=0.05, unit="ratio", relative=True)
    assert judged(budget, snapshot(cpu(0.01, 1))).state is UNSURE
    missing = judged(budget, snapshot(cpu(0.01, 1)), snapshot())
    assert (missing.state, missing.message) == (UNSURE, "it was not measured on both sides")
    single = snapshot(metric("cpu.per_request", [0.01], "s"))
    assert judged(budget, single, single).state is UNSURE


def test_a_limit_on_a_change_is_for_the_worse():
    def rate(level, seed):
        return snapshot(replace(cpu(level, seed), name="mine.hits", better="higher"))

    budget = Budget(rule="mine.hits", limit=0.05, unit="ratio", relative=True)
    assert judged(budget, rate(0.8, 2), rate(1.0, 1)).state is FAIL
    assert judged(budget, rate(1.2, 2), rate(1.0, 1)).state is PASS


# --- the hottest function


def profile(stacks: dict[str, int], unit: str = "samples") -> Profile:
    builder = ProfileBuilder([ValueKind("cpu", unit)])
    for text, value in stacks.items():
        frames = [
            builder.frame(builder.function(n, file="app.py", line=10 * len(n))) for n in text.split(";")
        ]
        builder.sample(builder.stack_of(frames), [value])
    return builder.build()


def captured(stacks: dict[str, int]) -> Snapshot:
    return Snapshot(label="head", captures=(CapturedProfile(stage="cpu", profile=profile(stacks)),))


HOT = {"main;encode": 2000, "main;parse": 5000, "main;encode;dump": 3000}


@pytest.mark.parametrize(("limit", "state"), [(0.1, FAIL), (0.6, PASS), (0.498, UNSURE)])
def test_the_hottest_function_is_named(limit, state):
    finding = judged(Budget(rule="cpu.hot_function", limit=limit, unit="ratio"), captured(HOT))
    assert (finding.state, finding.value, finding.file, finding.line) == (state, 0.5, "app.py", 50)
    assert finding.message.startswith("parse takes 50.0% of the CPU time itself")
    assert finding.evidence == ("parse (app.py) 50.0%", "dump (app.py) 30.0%", "encode (app.py) 20.0%")


def test_slices_are_pooled_and_come_first():
    slices = tuple(
        ProfileSlice(
            launch=i, slice=0, requests=100, cpu_ns_per_request=1e5, rate_hz=250, profile=profile(stacks)
        )
        for i, stacks in enumerate(({"main;f": 300, "main;g": 100}, {"main;f": 100, "main;g": 100}))
    )
    head = replace(captured(HOT), slices=slices)
    finding = judged(Budget(rule="cpu.hot_function", limit=0.1, unit="ratio"), head)
    assert finding.message.startswith("f takes 66.7%")


def test_few_samples_and_unnamed_ones_blame_nobody():
    few = judged(Budget(rule="cpu.hot_function", limit=0.1, unit="ratio"), captured({"main;f": 30}))
    assert (few.state, "only 30 samples" in few.message) == (UNSURE, True)
    unknown = captured({"main;[unknown]": 900, "main;f": 100})
    assert judged(Budget(rule="cpu.hot_function", limit=0.5, unit="ratio"), unknown).state is PASS
