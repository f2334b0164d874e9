"""Measuring again what got worse, on services that are only numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from perf_action.config import parse
from perf_action.measure.campaign import Campaign, calibrate, carry_out
from perf_action.measure.confirm import First, Repeated, measure_again
from perf_action.measure.listener import Silent
from perf_action.measure.schedule import Schedule, calibrated, schedule
from perf_action.measure.snapshot import snapshot
from perf_action.model.environment import Environment
from perf_action.model.snapshot import Capture, Snapshot
from perf_action.model.trial import Side, Slice, Trial, TrialRecord

BOTH = (Side.BASE, Side.HEAD)


def order(*, confirm: bool = True, minutes: float = 3, sides: tuple[Side, ...] = BOTH) -> Schedule:
    config = parse(
        {
            "service": {"command": "x --port {port}"},
            "load": {"baseline": {"script": "l.py"}},
            "stages": {"more": {"profiler": "none"}},
            "measure": {"launches": "8..10", "max-minutes": minutes, "confirm": confirm, "soak": 0},
        },
        "perf.yml",
    )
    return calibrated(schedule(config, sides, (0, 1)), {"baseline": 1000.0})


def service(head_costs: Callable[[int], float]) -> Callable[[Trial], TrialRecord]:
    """A service whose head costs so many times as much as base in trial number n; five seconds a trial."""

    def perform(trial: Trial) -> TrialRecord:
        noise = np.random.default_rng(trial.seed)
        slices = [
            Slice(
                side=side,
                launch=trial.pair,
                pair=trial.pair,
                index=i,
                core=0,
                start_ns=i * 10**9,
                end_ns=(i + 1) * 10**9,
                requests=1000,
                errors=0,
                latency_p50_ns=1e6,
                latency_p95_ns=2e6,
                latency_p99_ns=3e6,
                cpu_ns=int(
                    1e8
                    * (head_costs(trial.number) if side is Side.HEAD else 1.0)
                    * np.exp(noise.normal(0, 0.003))
                ),
                user_ns=0,
                system_ns=0,
                rss_bytes=10**7,
                pss_bytes=None,
                read_bytes=0,
                written_bytes=0,
            )
            for i in range(trial.stage.slices)
            for side in trial.sides
        ]
        return TrialRecord(trial=trial, slices=tuple(slices), seconds=5.0)

    return perform


def snapshots_in(folder: str) -> Callable[[Campaign], dict[Side, Snapshot]]:
    def both(campaign: Campaign) -> dict[Side, Snapshot]:
        return {side: taken(campaign, side, folder) for side in BOTH}

    return both


def taken(campaign: Campaign, side: Side, folder: str) -> Snapshot:
    def nothing(path: Path) -> Capture:
        raise AssertionError(path)

    return snapshot(
        campaign.records,
        side,
        folder=Path(folder),
        checkout=Path(folder),
        read=nothing,
        label=side.value,
        commit="",
        environment=Environment(),
        max_error_rate=0.01,
    )


def measured_twice(
    plan: Schedule,
    perform: Callable[[Trial], TrialRecord],
    second: Callable[[Trial], TrialRecord] | None = None,
) -> tuple[Campaign, Repeated]:
    campaign = carry_out(plan, perform, Silent())
    snapshots = snapshots_in("nowhere")
    first = First(order=plan, campaign=campaign, sides=snapshots(campaign), touched=())
    return campaign, measure_again(first, second or perform, Silent(), snapshots)


def test_what_got_worse_is_measured_again_with_launches_of_its_own() -> None:
    campaign, again = measured_twice(order(), service(lambda _: 1.2))
    assert again.confirmation is not None
    assert set(again.confirmation.sides) == set(BOTH)
    assert {r.trial.stage.name for r in campaign.records} == {"clean", "more"}
    assert {r.trial.stage.name for r in again.records} == {"clean"}
    assert len(again.records) == 8
    numbers = [r.trial.number for r in (*campaign.records, *again.records)]
    assert numbers == list(range(1, len(numbers) + 1))
    clean = [r.trial.seed for r in (*campaign.records, *again.records) if r.trial.stage.name == "clean"]
    assert len(set(clean)) == len(clean)
    assert [s.name for s in again.stages] == ["clean, again"]


def test_nothing_is_measured_again_where_nothing_got_worse_or_nobody_asked() -> None:
    for factor in (1.0, 0.8):
        _, again = measured_twice(order(), service(lambda _, factor=factor: factor))
        assert again.confirmation is not None
        assert (again.confirmation.sides, again.records) == ({}, ())
    _, unasked = measured_twice(order(confirm=False), service(lambda _: 1.2))
    assert unasked.confirmation is None


def test_a_third_of_the_time_is_kept_for_it() -> None:
    plan = order(minutes=3)
    assert (plan.max_seconds, plan.reserved) == (120.0, 60.0)
    campaign, again = measured_twice(plan, service(lambda _: 1.2))
    assert sum(r.seconds for r in campaign.records) <= 120
    assert sum(r.seconds for r in (*campaign.records, *again.records)) <= 180
    assert order(sides=(Side.HEAD,)).reserved == 0


def test_a_second_measurement_that_fails_says_why() -> None:
    def fails(trial: Trial) -> TrialRecord:
        return TrialRecord(trial=trial, failure="the service died under load: oh", failed_side=Side.BASE)

    _, again = measured_twice(order(), service(lambda _: 1.2), fails)
    assert again.confirmation is not None
    assert again.confirmation.sides == {}
    assert "died under load" in again.confirmation.why_not


def test_a_clock_that_stepped_back_leaves_only_what_needs_no_clock() -> None:
    def stepped(trial: Trial) -> TrialRecord:
        record = service(lambda _: 1.0)(trial)
        return replace(record, slices=tuple(replace(s, end_ns=s.start_ns - 5) for s in record.slices))

    campaign = carry_out(order(), stepped, Silent())
    for side in BOTH:
        names = {m.name for m in taken(campaign, side, "nowhere").metrics}
        assert "cpu.per_request" in names
        assert names.isdisjoint({"load.throughput", "cpu.cores"})
    calibrate(order(), stepped, Silent())
