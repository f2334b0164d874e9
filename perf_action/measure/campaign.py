"""Runs a schedule to its end: calibrate, then trial after trial until nothing more is worth measuring.

A trial that fails is tried once more; a stage that fails twice is given up with its reason, except the clean
launches, without which there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from perf_action.compare.precision import is_settled
from perf_action.errors import CannotMeasure
from perf_action.measure.listener import Listener
from perf_action.measure.schedule import (
    Schedule,
    Settled,
    calibrated,
    calibration,
    expected_seconds,
    next_trial,
)
from perf_action.measure.snapshot import clean_cpu
from perf_action.model.outcome import StageOutcome
from perf_action.model.trial import CLEAN, Side, Stage, Trial, TrialRecord

Execute = Callable[[Trial], TrialRecord]


class SideFailed(CannotMeasure):
    """One side could not be measured at all; the other one may still be."""

    def __init__(self, side: Side, reason: str) -> None:
        super().__init__(f"{side.value}: {reason}")
        self.side, self.reason = side, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What came of a schedule: the good records, how each stage went, and what time did not allow."""

    records: tuple[TrialRecord, ...]
    stages: tuple[StageOutcome, ...]
    dropped: tuple[str, ...]


def calibrate(schedule: Schedule, execute: Execute, listener: Listener) -> Schedule:
    """The schedule with amounts that fit the service's speed. Raises CannotMeasure if the service or the load fails."""
    listener.step("calibrating: one launch to see how fast the service is", 0.0)
    first = calibration(schedule)
    rates: dict[str, float | None] = {}
    for load in dict.fromkeys(s.load for s in schedule.stages):
        record = execute(replace(first, stage=replace(first.stage, load=load)))
        if record.failure is not None:
            raise _fatal(record)
        last = record.slices[-1]
        lasted = max(last.end_ns - last.start_ns, 1)
        rates[load] = None if last.requests is None else last.requests * 1e9 / lasted
        if rates[load] == 0:
            raise CannotMeasure(f"the load {load} made no request in {lasted / 1e9:.1f} s")
    return calibrated(schedule, rates)


def carry_out(schedule: Schedule, execute: Execute, listener: Listener) -> Campaign:
    """Measure. Raises SideFailed or CannotMeasure if the clean launches fail twice."""
    expected = sum(seconds for _, seconds in expected_seconds(schedule))
    done: list[TrialRecord] = []
    given_up: dict[str, str] = {}
    failures: dict[str, int] = {}
    while True:
        active = replace(schedule, stages=tuple(s for s in schedule.stages if s.name not in given_up))
        step = next_trial(active, done, settled=_settled(done, schedule.sides))
        if isinstance(step, Settled):
            return Campaign(
                records=tuple(done), stages=_outcomes(schedule, done, given_up), dropped=step.dropped
            )
        spent = sum(r.seconds for r in done)
        listener.step(_title(step, schedule), min(0.99, spent / max(expected, 1.0)))
        record = execute(step)
        if record.failure is None:
            done.append(record)
            continue
        stage = step.stage
        failures[stage.name] = failures.get(stage.name, 0) + 1
        listener.say(f"{stage.name}: {record.failure}")
        if failures[stage.name] < 2:
            continue
        if stage.name == CLEAN:
            raise _fatal(record)
        given_up[stage.name] = record.failure


def _fatal(record: TrialRecord) -> CannotMeasure:
    reason = record.failure or ""
    return SideFailed(record.failed_side, reason) if record.failed_side else CannotMeasure(reason)


def _settled(done: Sequence[TrialRecord], sides: tuple[Side, ...]) -> bool:
    """Whether CPU per request of the clean launches so far needs no more of them."""
    metrics = [m for side in sides if (m := clean_cpu(done, side)) is not None]
    return len(metrics) == len(sides) and is_settled(metrics)


def _title(trial: Trial, schedule: Schedule) -> str:
    stage = trial.stage
    who = " and ".join(s.value for s in trial.sides) if len(schedule.sides) == 2 else "the service"
    what = (
        "times"
        if stage.name == CLEAN
        else stage.name
        if stage.profiler == "none"
        else f"{stage.name} with {stage.profiler}"
    )
    return f"{what}: launch {trial.pair + 1} of {_launches(stage)}, {who}"


def _launches(stage: Stage) -> str:
    return (
        f"{stage.min_launches}"
        if stage.min_launches == stage.max_launches
        else f"{stage.min_launches}–{stage.max_launches}"
    )


def _outcomes(
    schedule: Schedule, done: Sequence[TrialRecord], given_up: dict[str, str]
) -> tuple[StageOutcome, ...]:
    out = []
    for stage in (s for s in schedule.stages if s.max_launches):
        mine = [r for r in done if r.trial.stage.name == stage.name]
        reason = given_up.get(stage.name, "" if mine else "no time was left for it")
        state = "failed" if stage.name in given_up else "done" if mine else "skipped"
        out.append(
            StageOutcome(
                name=stage.name,
                profiler=stage.profiler,
                state=state,
                launches=len(mine),
                seconds=sum(r.seconds for r in mine),
                reason=reason,
            )
        )
    return tuple(out)
