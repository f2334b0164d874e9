"""What the trials say about how they were taken."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perf_action.measure.conditions import conditions
from perf_action.model.check import Check
from perf_action.model.finding import State
from perf_action.model.trial import Side, Slice, Stage, Trial, TrialRecord

PASS, FAIL, UNKNOWN = State.PASS, State.FAIL, State.CANNOT_TELL
SECOND = 1_000_000_000


def slice_of(
    index: int, *, cost: float = 100.0, rate: float = 1000.0, seconds: float = 1.0, **more: object
) -> Slice:
    """`cost` in µs of CPU per request, `rate` in requests per second."""
    requests = round(rate * seconds)
    values: dict[str, object] = {
        "side": Side.HEAD, "launch": 0, "pair": 0, "index": index, "core": 0, "start_ns": 0,
        "end_ns": int(seconds * SECOND), "requests": requests, "errors": 0, "latency_p50_ns": None,
        "latency_p95_ns": None, "latency_p99_ns": None, "cpu_ns": int(cost * 1000 * requests), "user_ns": 0,
        "system_ns": 0, "rss_bytes": 1, "pss_bytes": None, "read_bytes": 0, "written_bytes": 0, **more,
    }  # fmt: skip
    return Slice(**values)  # type: ignore[arg-type]


def record(
    slices: Sequence[Slice], stage: str = "clean", profiler: str = "none", **more: object
) -> TrialRecord:
    one = Stage(
        name=stage, profiler=profiler, load="l", placement="alone", min_launches=1, max_launches=1,
        counts=profiler == "memray",
    )  # fmt: skip
    return TrialRecord(
        trial=Trial(number=1, stage=one, pair=0, sides=(Side.HEAD,)), slices=tuple(slices), **more  # type: ignore[arg-type]
    )  # fmt: skip


def clean(*costs: float, rates: Sequence[float] | None = None, **more: object) -> TrialRecord:
    speeds = rates or [1000.0] * len(costs)
    return record(
        [slice_of(i, cost=c, rate=r, **more) for i, (c, r) in enumerate(zip(costs, speeds, strict=True))]
    )


def found(records: Sequence[TrialRecord]) -> dict[str, Check]:
    return {check.name: check for check in conditions(records, cores=2)}


@pytest.mark.parametrize(
    ("first", "state", "evidence"),
    [
        (102.0, PASS, "+2.0%"),
        (90.0, PASS, "-10.0%"),
        (110.0, UNKNOWN, "+10.0%"),
        (130.0, FAIL, "+30.0%"),
    ],
)
def test_a_service_is_warm_when_its_first_slice_costs_what_the_later_ones_cost(first, state, evidence):
    check = found([clean(first, 100, 100, 100)] * 3)["warmed up"]
    assert check.state is state
    assert (
        check.evidence
        == f"the first slice costs {evidence} per request against later ones (median of 3 launches)"
    )
    assert check.remedy == ("" if state is PASS else "raise measure.warm-up")
    assert check.topic == "before profiling"


def test_one_launch_of_many_that_stumbles_says_nothing():
    seen = found([clean(300, 100, 100, rates=[10, 1000, 1000]), *[clean(100, 100, 100)] * 4])
    assert (seen["warmed up"].state, seen["stable load"].state) == (PASS, PASS)


@pytest.mark.parametrize(
    ("rates", "state"), [([1000, 1010, 990], PASS), ([1000, 1200, 800], UNKNOWN), ([1000, 2000, 200], FAIL)]
)
def test_load_is_stable_when_its_throughput_is(rates, state):
    assert found([clean(100, 100, 100, rates=rates)])["stable load"].state is state


def test_where_nobody_counts_requests_nothing_is_said_of_warmth_and_load():
    assert found([clean(100, 100, requests=None)]).keys() == {"no interference"}


def test_a_profile_of_less_than_thirty_seconds_is_thin():
    def profiled(stage: str, profiler: str, seconds: float) -> TrialRecord:
        slices = [slice_of(i, seconds=seconds, recorded=i < 2) for i in range(3)]
        return record(slices, stage, profiler)

    seen = found([profiled("cpu", "perf", 4), profiled("cpu", "perf", 4), profiled("long", "py-spy", 16),
                  profiled("memory", "memray", 1)])  # fmt: skip
    assert seen.keys() == {"long enough: cpu", "long enough: long"}
    assert seen["long enough: cpu"].state is FAIL
    assert seen["long enough: cpu"].evidence == "16 s were profiled, at least 30 s are advised"
    assert seen["long enough: cpu"].remedy == "more launches or slices of stages.cpu, or a longer duration"
    assert (seen["long enough: long"].state, seen["long enough: long"].evidence[:4]) == (PASS, "32 s")


def test_what_the_hypervisor_takes_is_interference():
    assert found([clean(1, 1, steal_ns=10_000_000)])["no interference"].state is PASS
    seen = found([clean(1, 1, steal_ns=100_000_000)])["no interference"]
    assert (seen.state, seen.evidence) == (FAIL, "5.0% of the processors' time was stolen by the hypervisor")


def test_nothing_is_said_of_what_failed_or_was_not_measured():
    failed = record([slice_of(0), slice_of(1)], failure="died")
    base = clean(100, 100, side=Side.BASE)
    assert found([failed, base]) == {}
    assert found([]) == {}
