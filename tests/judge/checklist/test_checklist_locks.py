"""Lock contention: waiting for locks of own code, in Python's time-line and in Go's mutex profile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import captured, metric, profile, seen

from perf_action.judge.checklist.locks import contention
from perf_action.model.category import CategoryCost
from perf_action.model.finding import State


def cost(category: str, share: float, samples: float = 1000) -> CategoryCost:
    return CategoryCost(category=category, kind="cpu", stage="cpu", share=share, samples=samples * share)


QUIET = (cost("locks", 0.002), cost("other", 0.998))


def test_threads_that_wait_for_each_other_are_found() -> None:
    found = contention(seen("locked"), QUIET, {})
    assert found.state is State.FAIL
    assert found.value is not None
    assert found.value > 0.2
    assert found.evidence[0].startswith("locked ")


@pytest.mark.parametrize("sample", ["fine", "threaded", "sleepy"])
def test_waiting_for_work_is_no_contention(sample: str) -> None:
    found = contention(seen(sample), QUIET, {})
    assert (found.state, found.value) == (State.PASS, 0.002)


def test_spinning_counts_as_cpu() -> None:
    found = contention(seen("fine"), (cost("locks", 0.2), cost("other", 0.8)), {})
    assert (found.state, found.value, found.limit) == (State.FAIL, 0.2, 0.05)


def test_nothing_measured_cannot_be_told() -> None:
    assert contention(captured(profile({"a": 1}, "peak", "bytes")), (), {}).state is State.CANNOT_TELL


@pytest.mark.parametrize(("ns", "state"), [(1_000_000, State.PASS), (50_000_000, State.FAIL)])
def test_mutexes_of_go(ns: int, state: State) -> None:
    """1,000 requests of 100 µs of CPU each."""
    waits = profile(
        {"main.main /srv/app/main.go;main.(*Store).Put /srv/app/store.go;sync.(*Mutex).Unlock": ns},
        "lock_wait", "ns", event="mutex",
    )  # fmt: skip
    head = replace(captured(waits), metrics=(metric("cpu.per_request", "s", 100e-6),))
    found = contention(head, QUIET, {})
    assert (found.state, found.value) == (state, pytest.approx(max(ns / 100e6, 0.002)))


def test_blocking_on_channels_is_no_contention() -> None:
    waits = profile({"main.main;main.worker": 10**12}, "lock_wait", "ns", event="block")
    head = replace(captured(waits), metrics=(metric("cpu.per_request", "s", 100e-6),))
    assert contention(head, QUIET, {}).state is State.PASS
