"""Under which conditions the profiles were taken, from what the trials recorded: the profiling guide's lists before
(warmed up, stable load) and during profiling (long enough, no interference) as checks with their evidence. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from perf_action.model.check import Check, Topic
from perf_action.model.finding import State
from perf_action.model.trial import CLEAN, Side, Slice, TrialRecord

#: seconds of samples below which a profile is thin, of the 30 to 60 that are advised
_LEAST_SECONDS = 30.0
#: by which share the first slice of a launch may cost more than the later ones: surely warm, surely not
_WARM, _COLD = 0.05, 0.15
#: by which share the throughput of a launch's slices may scatter (standard deviation): surely stable, surely not
_STEADY, _UNSTEADY = 0.10, 0.30
#: share of time that the hypervisor may take away
_STOLEN = 0.01


def conditions(records: Sequence[TrialRecord], *, cores: int, side: Side = Side.HEAD) -> tuple[Check, ...]:
    """What can be said of the launches of `side` on a machine of `cores`; nothing about what was not measured."""
    launches = _launches(records, side)
    return (
        *_warmed_up(launches),
        *_stable(launches),
        *_long_enough(records, side),
        *_undisturbed(launches, cores),
    )


def _launches(records: Sequence[TrialRecord], side: Side) -> tuple[tuple[Slice, ...], ...]:
    """The slices of each clean launch."""
    clean = (r for r in records if r.trial.stage.name == CLEAN and r.failure is None)
    slices = (tuple(s for s in r.slices if s.side is side) for r in clean)
    return tuple(s for s in slices if len(s) >= 2)


def _check(name: str, topic: Topic, state: State, evidence: str, remedy: str = "") -> Check:
    shown = remedy if state is not State.PASS else ""
    return Check(name=name, topic=topic, state=state, evidence=evidence, remedy=shown)


def _between(value: float, good: float, bad: float) -> State:
    return State.PASS if value <= good else State.FAIL if value > bad else State.CANNOT_TELL


def _warmed_up(launches: Sequence[Sequence[Slice]]) -> Iterator[Check]:
    """By how much the first slice of a launch costs more than the median of the later ones."""
    above = []
    for slices in launches:
        costs = [s.cpu_ns / s.requests for s in slices if s.requests and s.cpu_ns]
        if len(costs) == len(slices):
            above.append(costs[0] / statistics.median(costs[1:]) - 1)
    if above:
        middle = statistics.median(above)
        evidence = f"the first slice costs {middle:+.1%} per request against later ones (median of {len(above)} launches)"
        state = _between(middle, _WARM, _COLD)
        yield _check("warmed up", "before profiling", state, evidence, "raise measure.warm-up")


def _stable(launches: Sequence[Sequence[Slice]]) -> Iterator[Check]:
    """How much the throughput of a launch scatters from slice to slice."""
    scatters = []
    for slices in launches:
        rates = [
            s.requests * 1e9 / (s.end_ns - s.start_ns) for s in slices if s.requests and s.end_ns > s.start_ns
        ]
        if len(rates) == len(slices):
            scatters.append(statistics.stdev(rates) / statistics.fmean(rates))
    if scatters:
        middle = statistics.median(scatters)
        evidence = f"throughput scatters by {middle:.1%} within a launch (median of {len(scatters)} launches)"
        remedy = "longer slices: requests or duration of the load"
        yield _check(
            "stable load", "before profiling", _between(middle, _STEADY, _UNSTEADY), evidence, remedy
        )


def _long_enough(records: Sequence[TrialRecord], side: Side) -> Iterator[Check]:
    """How many seconds each sampling profiler saw; exact counters need no length."""
    seconds: dict[str, float] = {}
    for record in records:
        stage = record.trial.stage
        if stage.profiler != "none" and not stage.counts and record.failure is None:
            seen = sum(s.end_ns - s.start_ns for s in record.slices if s.side is side and s.recorded)
            seconds[stage.name] = seconds.get(stage.name, 0.0) + seen / 1e9
    yield from _lengths(seconds)


def _lengths(seconds: Mapping[str, float]) -> Iterator[Check]:
    for stage, total in seconds.items():
        yield _check(
            f"long enough: {stage}",
            "during profiling",
            State.PASS if total >= _LEAST_SECONDS else State.FAIL,
            f"{total:.0f} s were profiled, at least {_LEAST_SECONDS:.0f} s are advised",
            f"more launches or slices of stages.{stage}, or a longer duration",
        )


def _undisturbed(launches: Sequence[Sequence[Slice]], cores: int) -> Iterator[Check]:
    """How much of all processors' time the hypervisor gave to others meanwhile."""
    slices = [s for launch in launches for s in launch]
    wall = sum(s.end_ns - s.start_ns for s in slices)
    if wall:
        share = sum(s.steal_ns for s in slices) / (wall * max(1, cores))
        evidence = f"{share:.1%} of the processors' time was stolen by the hypervisor"
        state = State.PASS if share <= _STOLEN else State.FAIL
        yield _check(
            "no interference", "during profiling", state, evidence, "measure on a machine of its own"
        )
