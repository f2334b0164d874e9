"""Limits as perf.yml has them: whatever is printed reads back as what it was."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from perf_action.config.budgets import parse_budget
from perf_action.judge.budgets.suggest import rounded, suggestions
from perf_action.model.suggestion import NEEDED_RUNS, Suggestion
from perf_action.model.trend import ChangePoint, Dot, Line, Trend
from perf_action.render.suggest import limit_text, suggestion_block


@given(
    st.floats(min_value=1e-3, max_value=1e15),
    st.sampled_from(["ns", "bytes", "count", "1/s", "bytes/s", "bytes/request", "ns/request", "ratio"]),
)
def test_a_limit_is_read_back(value, unit):
    limit = parse_budget("mine", limit_text(rounded(value, up=True), unit))
    assert limit.limit == pytest.approx(rounded(value, up=True))
    assert limit.unit == unit


@given(st.floats(min_value=1e-9, max_value=1e15))
def test_rounding_never_forbids_what_was(value):
    assert value * (1 - 1e-6) <= rounded(value, up=True) <= value * 1.11
    assert value * 0.9 <= rounded(value, up=False) <= value * (1 + 1e-6)


def line(values, name="memory.peak", unit="MB", *, better="lower", floor=None, step=None) -> Line:
    dots = tuple(Dot(commit=f"{i:040x}", time_s=float(i), value=v) for i, v in enumerate(values))
    steps = (
        None
        if step is None
        else (
            ChangePoint(
                commit=dots[step].commit, previous=dots[step - 1].commit, change=0.5, p=1e-6, worse=True
            ),
        )
    )
    return Line(name=name, unit=unit, better=better, basis="absolute", dots=dots, floor=floor, steps=steps)


def only(one: Line) -> Suggestion:
    (found,) = suggestions(past(one))
    return found


def past(*lines: Line) -> Trend:
    return Trend(configuration="c" * 12, environment="e", points=20, lines=lines)


def test_the_high_quantile_and_noise():
    assert only(line([100.0] * 30 + [200.0])).limit == pytest.approx(110e6)
    assert only(line([100.0] * 8, floor=0.3)).limit == pytest.approx(130e6)


def test_what_should_be_high_is_limited_from_below():
    found = only(line([100.0] * 8, name="load.throughput", unit="1/s", better="higher"))
    assert (found.limit, found.at_least) == (pytest.approx(95), True)
    assert '">= 95/s"' in suggestion_block([found], past())


def test_only_what_came_after_the_last_step_counts():
    assert only(line([200.0] * 10 + [100.0] * 10, step=10)).limit == pytest.approx(110e6)


def test_too_few_runs_have_no_limit():
    found = only(line([100.0] * 5))
    assert (found.limit, found.missing) == (None, NEEDED_RUNS - 5)


def test_what_never_happens_may_never_happen():
    assert only(line([0.0] * 9, name="memory.errors", unit="count")).limit == 0
    assert suggestions(past(line([0.0] * 9, name="load.error_rate", unit="ratio", better="neither"))) == ()


def test_a_hostile_name_stays_in_its_place():
    name = 'latency.p95{GET /a"\n  x: 1 # }'
    text = suggestion_block(suggestions(past(line([1.0] * 9, name=name, unit="ms"))), past())
    (key,) = yaml.safe_load(text)["budgets"]
    assert key.startswith("latency.p95{GET /a")
