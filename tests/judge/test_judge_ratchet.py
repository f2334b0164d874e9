"""Budgets that follow improvements: what three runs in succession kept to."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.judge import judge
from perf_action.judge.budgets.ratchet import ratcheted
from perf_action.model.accepted import AcceptedAt
from perf_action.model.finding import Budget, State
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot
from perf_action.model.trend import Dot, Line, Trend

TODAY = dt.date(2026, 6, 1)


def past(values, name="memory.peak", unit="MB", floor=None, accepted=()) -> Trend:
    dots = tuple(Dot(commit=f"{i:040x}", time_s=float(i), value=v) for i, v in enumerate(values))
    line = Line(name=name, unit=unit, better="lower", basis="absolute", dots=dots, floor=floor)
    return Trend(
        configuration="c", environment="e", points=len(dots), lines=(line,), accepted=tuple(accepted)
    )


PEAK = Budget(rule="memory.peak", limit=500e6, unit="bytes", ratchet=0.05)


def limit(values, budget=PEAK, **more) -> Budget:
    head = more.pop("head", "")
    (found,) = ratcheted([budget], past(values, **more), head=head, today=TODAY)
    return found


def test_the_best_that_three_runs_kept_to_and_a_tolerance():
    found = limit([300, 200, 210, 205, 290])
    assert found.limit == pytest.approx(210e6 * 1.05)
    assert "runs up to 0000000000 kept to this but for 5.0%" in found.followed
    assert found.lowered


def test_one_lucky_run_moves_nothing():
    assert limit([300, 300, 100, 300, 300]).limit == pytest.approx(300e6 * 1.05)


def test_the_limit_of_perf_yml_is_never_raised():
    assert limit([900, 900, 900]) == PEAK


def test_noise_of_the_history_is_the_least_tolerance():
    assert limit([200, 200, 200], floor=0.2).limit == pytest.approx(240e6)


def test_at_least_is_followed_upwards():
    budget = Budget(rule="load.throughput", limit=100, unit="1/s", at_least=True, ratchet=0.1)
    assert limit([150, 200, 180, 190], budget, name="load.throughput", unit="1/s").limit == pytest.approx(162)


def test_the_judged_commit_is_no_history():
    assert limit([200, 200, 200], head=f"{2:040x}").followed == "the ratchet needs 1 more run"


def test_without_history_the_limit_stands():
    (found,) = ratcheted([PEAK], None, today=TODAY)
    assert (found.limit, found.followed) == (500e6, "the ratchet has no history of it yet")
    assert limit([200]).followed == "the ratchet needs 2 more runs"


def test_nothing_is_made_of_zeros():
    assert limit([0, 0, 0]).limit == 500e6


@pytest.mark.parametrize(
    ("subject", "until", "expected"),
    [
        ("memory.peak", "2026-12-31", 300),
        ("*", "", 300),
        ("memory.*", "", 300),
        ("hoard", "", 300),
        ("cpu.per_request", "", 200),
        ("memory.peak", "2026-05-01", 200),
    ],
)
def test_what_was_before_an_accepted_regression_does_not_count(subject, until, expected):
    values = [200, 200, 200, 300, 300, 300]
    kept = AcceptedAt(commit=f"{3:040x}", subject=subject, until=until)
    assert limit(values, accepted=[kept]).limit == pytest.approx(expected * 1.05e6)


def test_a_route_is_followed_where_the_pattern_means_one():
    budget = Budget(
        rule="latency.p95{GET /a*}",
        limit=1e9,
        unit="ns",
        subject="route",
        pattern="GET /a*",
        kind="latency.p95",
        ratchet=0.0,
    )
    assert limit([0.2] * 3, budget, name="latency.p95{GET /a}", unit="s").limit == pytest.approx(2e8)


def test_what_is_not_ratcheted_stays():
    budget = Budget(rule="memory.peak", limit=1, unit="bytes")
    assert ratcheted([budget], past([1, 1, 1]), today=TODAY) == (budget,)


@given(st.lists(st.floats(min_value=1, max_value=400), min_size=3, max_size=20), st.integers(0, 19))
def test_a_later_run_never_raises_the_limit(values, cut):
    earlier = limit(values[: max(3, cut)])
    assert limit(values).limit <= earlier.limit


def test_the_finding_says_where_the_limit_comes_from():
    budgets = ratcheted([PEAK], past([200, 200, 200]), today=TODAY)
    head = Snapshot(
        label="head", metrics=(Metric(name="memory.peak", unit="MB", better="lower", samples=(250.0,)),)
    )
    (finding,) = judge(budgets, head, None)
    assert finding.state is State.FAIL
    assert finding.against_past
    assert finding.origin.startswith("the ratchet: 3 runs up to")
    assert finding.limit == pytest.approx(210e6)
