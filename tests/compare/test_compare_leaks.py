"""Leaks: found in short and long soaks, never on a steady service however it looks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from compare_cases import series

from perf_action.compare import leaks_of
from perf_action.compare.leaks import leak_changes
from perf_action.model.change import LeakChange, LeakState
from perf_action.model.metric import Series
from perf_action.model.snapshot import Snapshot

LEAKING, STABLE, WARMING, UNSURE = (
    LeakState.LEAKING,
    LeakState.STABLE,
    LeakState.WARMING_UP,
    LeakState.INCONCLUSIVE,
)
LEVEL = 80e6


def noise(seed: int, sd: float = 20e3):
    rng = np.random.default_rng(seed)
    return lambda t: LEVEL + rng.normal(0, sd, np.shape(t))


def steady(seconds: float = 60, seed: int = 1) -> Series:
    return series(noise(seed), seconds=seconds)


def growing(per_second: float, seconds: float = 60, **rest) -> Series:
    quiet = noise(2)
    return series(lambda t: quiet(t) + per_second * t, seconds=seconds, **rest)


def judged(head: Series, base: Series | None = None) -> LeakChange:
    (row,) = leak_changes([] if base is None else [base], [head])
    return row


@pytest.mark.parametrize("seconds", [30, 45, 60, 180])
@pytest.mark.parametrize(("per_second", "per_request"), [(1e6 / 60, None), (100e3, 1e3)])
def test_a_leak_is_found(seconds, per_second, per_request):
    row = judged(growing(per_second, seconds), steady(seconds))
    assert (row.verdict, row.new) == (LEAKING, True)
    assert row.per_second == pytest.approx(per_second, rel=0.1)
    assert row.per_request == pytest.approx(per_request or per_second / 100, rel=0.1)
    low, high = row.interval_per_second
    assert low <= row.per_second <= high
    assert row.base_per_second == pytest.approx(0, abs=2e3)


def test_a_leak_of_a_kilobyte_a_request_is_found_under_light_load():
    assert judged(growing(2e3, 60, rate=2.0), steady()).verdict is LEAKING


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("seconds", [30, 60, 120])
def test_a_steady_service_is_stable(seconds, seed):
    row = judged(steady(seconds, seed), steady(seconds, seed + 50))
    assert (row.verdict, row.new) == (STABLE, False)


SHAPES = {
    "plateau": lambda t: 30e6 * (1 - np.exp(-t / 6)),
    "step": lambda t: np.where(t > 35, 4e6, 0),
    "sawtooth": lambda t: (t / 7 % 1) * 8e6,
    "one fall": lambda t: np.where(t > t[-1] * 0.6, t - t[-1] * 0.6, t) * 200e3,
    "creep": lambda t: t * 1e3,
    "shrinking": lambda t: -t * 100e3,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seconds", [30, 45, 60, 120])
def test_what_is_no_leak_is_not_called_one(shape, seconds):
    quiet = noise(3)
    head = series(lambda t: quiet(t) + SHAPES[shape](t), seconds=seconds)
    assert judged(head, steady(seconds)).verdict is not LEAKING


def test_growth_that_slows_down_is_warming_up():
    head = series(lambda t: LEVEL + 40e6 * (1 - np.exp(-t / 15)), seconds=45)
    row = judged(head, steady(45))
    assert row.verdict is WARMING
    assert "longer soak" in row.reason


def test_a_leak_that_base_has_too_is_not_new():
    row = judged(growing(50e3), growing(45e3))
    assert (row.verdict, row.new) == (LEAKING, False)
    assert judged(growing(150e3), growing(45e3)).new is True
    assert judged(growing(50e3)).new is True


@pytest.mark.parametrize(("unit", "size"), [("KiB", 1024), ("MB", 1e6)])
def test_slopes_are_in_the_units_of_the_series(unit, size):
    head = growing(100e3)
    row = judged(replace(head, unit=unit, values=tuple(v / size for v in head.values)), steady())
    assert (row.unit, row.verdict) == (unit, LEAKING)
    assert row.per_second * size == pytest.approx(100e3, rel=0.05)


def test_without_requests_there_is_no_slope_per_request():
    assert judged(growing(100e3, rate=None)).per_request is None


def test_launches_are_pooled():
    heads = [replace(growing(20e3), launch=i) for i in range(3)]
    (row,) = leak_changes([], heads)
    assert row.verdict is LEAKING
    (mixed,) = leak_changes([], [growing(5e3), replace(steady(seed=4), launch=1)])
    assert mixed.per_second < 4e3


def test_short_series_are_not_judged_and_very_short_ones_not_listed():
    row = judged(growing(1e6, 10))
    assert (row.verdict, row.per_second) == (UNSURE, None)
    assert "too few" in row.reason
    assert leak_changes([], [growing(1e6, 3)]) == ()


def test_only_sizes_and_counts_can_leak():
    assert leak_changes([], [growing(1e6, unit="ms")]) == ()
    handles = series(lambda t: 100 + np.floor(t), unit="count")
    assert judged(handles, series(lambda t: 100 + 0 * t, unit="count")).verdict is LEAKING


def test_holes_and_odd_clocks_do_no_harm():
    head = growing(100e3)
    holed = replace(head, values=tuple(float("nan") if i % 7 == 0 else v for i, v in enumerate(head.values)))
    assert judged(holed).verdict is LEAKING
    late = replace(head, t_ns=tuple(t + 10**18 for t in head.t_ns))
    assert judged(late).per_second == pytest.approx(judged(head).per_second, rel=1e-3)
    empty = Series(name="memory.rss", unit="bytes", t_ns=(), values=())
    assert leak_changes([empty], [empty]) == ()
    same = Series(name="memory.rss", unit="bytes", t_ns=(0,) * 50, values=(1.0,) * 50)
    assert leak_changes([], [same]) == ()


def test_the_same_series_gives_the_same_answer():
    assert judged(growing(30e3), steady()) == judged(growing(30e3), steady())


def test_head_is_judged_alone_where_there_is_no_base():
    head = Snapshot(label="head", series=(growing(1e6 / 60),))
    (row,) = leaks_of(head)
    assert (row.verdict, row.new, row.base_per_second) == (LEAKING, False, None)
    assert leaks_of(replace(head, series=(steady(),)))[0].verdict is STABLE
    (spoilt,) = leaks_of(replace(head, not_comparable="9 of 9 requests failed"))
    assert (spoilt.verdict, spoilt.reason) == (UNSURE, "head: 9 of 9 requests failed")
