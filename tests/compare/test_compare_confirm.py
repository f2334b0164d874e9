"""A regression stays one only if a second measurement sees it too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from compare_cases import captured, launches, profile, series, sliced

from perf_action.compare import compare
from perf_action.compare.confirm import confirm
from perf_action.model.change import Comparison, LeakState, Verdict
from perf_action.model.snapshot import Snapshot

R, Q = Verdict.REGRESSION, Verdict.INCONCLUSIVE


def times(change: float, seed: int, *, n: int = 8, sd: float = 0.01) -> Comparison:
    rng = np.random.default_rng(seed)
    base = np.exp(rng.normal(np.log(0.01), 0.02, n))
    head = base * (1 + change) * np.exp(rng.normal(0, sd, n))
    return compare(
        *(
            Snapshot(label=label, metrics=(launches("cpu.per_request", side.tolist()),))
            for label, side in (("base", base), ("head", head))
        )
    )


def test_a_change_that_is_seen_again_stays() -> None:
    first = times(0.05, 1)
    assert first.verdict is R
    assert confirm(first, times(0.05, 2)) == first
    assert confirm(first, times(0.03, 3, sd=0.02)).verdict is R  # less strict than the first time


@pytest.mark.parametrize("second", [0.0, -0.05, -0.5])
def test_a_change_that_is_not_seen_again_is_taken_back(second: float) -> None:
    found = confirm(times(0.05, 1), times(second, 5))
    (row,) = found.metrics
    assert (row.verdict, found.verdict) == (Q, Q)
    assert row.reason.startswith("not seen again")


def test_what_was_not_measured_again_says_why() -> None:
    (row,) = confirm(times(0.05, 1), None, "the service died").metrics
    assert (row.verdict, row.reason) == (Q, "not measured a second time: the service died")
    (row,) = confirm(times(0.05, 1), Comparison()).metrics
    assert row.verdict is Q
    failed = replace(times(0.05, 2), not_comparable=True, reasons=("base: the load made no request",))
    (row,) = confirm(times(0.05, 1), failed).metrics
    assert row.reason == "not measured a second time: base: the load made no request"


def test_everything_else_is_left_as_it_was() -> None:
    for change in (0.0, -0.1):
        first = times(change, 1)
        assert confirm(first, times(0.3, 2)) == first
        assert confirm(first, None, "whatever") == first


def slower(factor: float, seed: int) -> Comparison:
    costs = {f"main@x.py;f{i}@x.py": 8000.0 for i in range(8)}
    return compare(
        sliced(costs, seed=seed), sliced(costs | {"main@x.py;f3@x.py": 8000 * factor}, seed=seed + 50)
    )


def test_functions_are_confirmed_one_by_one() -> None:
    first = slower(1.5, 1)
    assert [f.name for f in first.functions if f.verdict is R] == ["f3"]
    assert confirm(first, slower(1.3, 2)).verdict is R
    found = confirm(first, slower(1.0, 3))
    assert found.verdict is Q
    row = next(f for f in found.functions if f.name == "f3")
    assert row.reason.startswith("not seen again")


def test_a_cost_that_turned_out_to_have_moved_is_not_confirmed() -> None:
    first = slower(1.5, 1)
    moved = slower(1.5, 2)
    moved = replace(
        moved,
        functions=tuple(
            replace(f, verdict=Verdict.UNCHANGED, reason="moved here from g") if f.name == "f3" else f
            for f in moved.functions
        ),
    )
    assert confirm(first, moved).verdict is Q


def test_exact_counts_are_a_regression_again_or_not() -> None:
    def allocations(count: int) -> Comparison:
        sides = [
            profile(
                {"main;f": n, "main;g": 5000},
                kind="allocations",
                unit="count",
                fidelity="exact",
                requests=100,
            )
            for n in (5000, count)
        ]
        return compare(captured(sides[0]), captured(sides[1]))

    first = allocations(9000)
    assert first.verdict is R
    assert confirm(first, allocations(9000)).verdict is R
    assert confirm(first, allocations(5000)).verdict is Q


def test_leaks_too() -> None:
    def soak(rate: float) -> Comparison:
        sides = [
            Snapshot(label="s", series=(series(lambda t, r=r: 50e6 + r * t, seconds=90),))
            for r in (0.0, rate)
        ]
        return compare(*sides)

    first = soak(50e3)
    assert first.leaks[0].verdict is LeakState.LEAKING
    assert confirm(first, soak(50e3)).verdict is R
    (row,) = confirm(first, soak(0.0)).leaks
    assert (row.verdict, row.new) == (LeakState.INCONCLUSIVE, False)


def test_chance_seldom_fools_both() -> None:
    first = times(0.05, 1)
    kept = sum(confirm(first, times(0.0, seed)).verdict is R for seed in range(200, 400))
    assert 2 <= kept <= 20  # one in twenty
