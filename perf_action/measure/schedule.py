"""What is measured, in which order, within the time allowed: pure, so that `run --dry-run` and a test can look at it.

Launches of base and head are interleaved (a duet runs both at once), their order balanced and their cores rotated.
Stages: clean launches for times first (at least `measure.launches`' lower bound), then counters, the soak that looks for
leaks, and sampling profilers; what time is left goes to more clean launches until those are settled
(`compare/precision.py` says when).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from perf_action.config import Config, Service, StageOptions
from perf_action.model.trial import CLEAN, SOAK, Placement, Side, Stage, Trial, TrialRecord
from perf_action.profilers import profiler

CALIBRATION, RECORDING = "calibration", "recording"
#: of the time, where what got worse is measured a second time
_SECOND_SHARE = 1 / 3
_SOAK_SLICE_SECONDS = 5.0
_TIMED_SLICE_SECONDS = 5.0
#: from here on another launch costs more than it tells
_SLOW = 20.0
#: assumed for a plan before anything is known: start and stop of a launch, a slice, in seconds
_GUESS_START, _GUESS_SLICE, _GUESS_WARM_UP = 3.0, 0.8, 1.0
#: and reading what a profiler wrote that keeps each event
_GUESS_READING = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`stages` in their order; `max_seconds` for all trials together; `sides` both or head alone; `taken` trials that
    went before, in the same run; `reserved` seconds besides, for what got worse to be measured again.
    """

    stages: tuple[Stage, ...]
    sides: tuple[Side, ...]
    cores: tuple[int, ...]
    max_seconds: float
    taken: int = 0
    reserved: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Nothing more is worth measuring; `dropped` says what time did not allow."""

    dropped: tuple[str, ...] = ()


def schedule(config: Config, sides: tuple[Side, ...], cores: tuple[int, ...]) -> Schedule:
    """The stages for these sides on these cores."""
    placement = _placement(config, sides, cores)
    profiled = [_profiled(config, name, options, placement, cores) for name, options in config.stages.items()]
    stages = (
        _clean(config, placement),
        *(s for s in profiled if s.counts),
        *((_soak(config, placement),) if config.measure.soak else ()),
        *(s for s in profiled if not s.counts),  # last, for they can be cut short
    )
    seconds = config.measure.max_minutes * 60
    reserved = seconds * _SECOND_SHARE if config.measure.confirm and len(sides) == 2 else 0.0
    return Schedule(
        stages=stages, sides=sides, cores=cores, max_seconds=seconds - reserved, reserved=reserved
    )


def calibration(schedule: Schedule) -> Trial:
    """The launch of head that finds out how fast the service is; nothing of it is kept."""
    clean = schedule.stages[0]
    stage = replace(clean, name=CALIBRATION, slices=2, requests=None, seconds=1.0, placement="alone")
    return Trial(number=0, stage=stage, pair=0, sides=(Side.HEAD,), cores=schedule.cores[:1])


def calibrated(schedule: Schedule, requests_per_second: Mapping[str, float | None]) -> Schedule:
    """Amounts for services as fast as measured (per load; None where the load tool does not count).

    A clean slice lasts about half a second when a service runs alone, a profiled one two; both at least 50 requests.
    """
    return replace(
        schedule, stages=tuple(_amounts(s, requests_per_second.get(s.load)) for s in schedule.stages)
    )


def next_trial(schedule: Schedule, done: Sequence[TrialRecord], *, settled: bool) -> Trial | Settled:
    """The next launch. `settled`: more clean launches than the least would hardly change what is said."""
    for stage in schedule.stages:
        if _pairs_done(stage, done, schedule) < stage.min_launches:
            trials = len(_done_of(stage, done))
            few = trials < _fewest(stage) * _trials_of_pair(stage, schedule)
            if _fits(stage, done, schedule) or (few and (trials > 0 or stage.name == CLEAN)):
                return _trial(schedule, stage, done)
    clean = schedule.stages[0]
    wanted = not settled and _pairs_done(clean, done, schedule) < clean.max_launches
    if wanted and _fits(clean, done, schedule):
        return _trial(schedule, clean, done)
    return Settled(dropped=tuple(_dropped(schedule, done, settled=settled)))


def expected_seconds(schedule: Schedule) -> tuple[tuple[Stage, float], ...]:
    """About how long each stage takes at least, before anything was measured."""
    both = len(schedule.sides) == 2
    return tuple(
        (s, s.min_launches * _seconds_of(s, ()) * (2 if both and s.placement == "interleaved" else 1))
        for s in schedule.stages
        if s.max_launches
    )


def _placement(config: Config, sides: tuple[Side, ...], cores: tuple[int, ...]) -> Placement:
    if len(sides) == 1:
        return "alone"
    if config.measure.placement != "auto":
        return config.measure.placement
    return "duet" if len(cores) >= 2 and _any_port(config.service) else "interleaved"


def _any_port(service: Service) -> bool:
    """Whether the service listens where it is told, so that two can run at once."""
    return (
        not service.existing
        and service.port is None
        and "{port}" in f"{service.command} {list(service.env.values())}"
    )


def _clean(config: Config, placement: Placement) -> Stage:
    load = next(iter(config.load))
    scenario = config.load[load]
    return Stage(
        name=CLEAN,
        profiler="none",
        load=load,
        placement=placement,
        min_launches=config.measure.launches.least if config.measure.clean else 0,
        max_launches=config.measure.launches.most if config.measure.clean else 0,
        slices=_balanced(config.measure.slices, placement),
        requests=scenario.requests,
        seconds=scenario.duration,
        warm_up_requests=0 if scenario.warm_up else config.measure.warm_up,
        warm_up_seconds=scenario.warm_up or 0.0,
    )


def _beside_recorder(placement: Placement, cores: tuple[int, ...]) -> Placement:
    """A duet under a sampling profiler needs a core for each recorder too: on the service's core it disturbs what it
    looks at.
    """
    return "interleaved" if placement == "duet" and len(cores) < 4 else placement


def _profiled(
    config: Config, name: str, options: StageOptions, placement: Placement, cores: tuple[int, ...]
) -> Stage:
    load = config.load_of(options)
    scenario = config.load[load]
    traits = profiler(options.profiler).traits
    counts = traits.counts
    launches = options.launches
    default = (
        _counted(traits.slowdown)
        if counts
        else (config.measure.launches.least if options.profiler == "none" else 5)
    )
    return Stage(
        name=name,
        profiler=options.profiler,
        load=load,
        placement=_beside_recorder(placement, cores)
        if not counts and options.profiler != "none"
        else placement,
        # one count has start-up in it, and what start-up allocates differs from launch to launch
        min_launches=max(launches.least, 2 if counts else 1) if launches else default,
        max_launches=max(launches.most, 2 if counts else 1) if launches else default,
        slices=1 if counts else options.slices or 3,
        requests=None
        if traits.timed
        else options.requests or (None if options.duration else scenario.requests),
        seconds=options.duration
        or (_TIMED_SLICE_SECONDS if traits.timed else None if options.requests else scenario.duration),
        warm_up_requests=0
        if scenario.warm_up
        else min(
            config.measure.warm_up, round(100 / traits.slowdown**0.5) if counts else config.measure.warm_up
        ),
        warm_up_seconds=scenario.warm_up or 0.0,
        rate_hz=0.0 if counts or options.profiler == "none" else float(options.rate or 250),
        counts=counts,
        slowdown=traits.slowdown,
        native=options.native,
        gil=options.gil,
        call_graph=options.call_graph,
        subprocesses=options.subprocesses,
        url=options.url or "",
        headers=tuple(options.headers.items()),
    )


def _counted(slowdown: float) -> int:
    """How many launches count: one short, one long, and another long one that shows what does not repeat (timers)."""
    return 3 if slowdown < _SLOW else 2


def _soak(config: Config, placement: Placement) -> Stage:
    clean = _clean(config, placement)
    slices = max(1, math.ceil(config.measure.soak / _SOAK_SLICE_SECONDS))
    return replace(
        clean,
        name=SOAK,
        min_launches=1,
        max_launches=1,
        slices=slices,
        requests=None,
        seconds=config.measure.soak / slices,
    )


def _balanced(slices: int, placement: Placement) -> int:
    """A duet swaps cores in ABBA order: a multiple of four keeps every launch balanced, an even number nearly so."""
    return slices + slices % 2 if placement == "duet" else slices


def _amounts(stage: Stage, rate: float | None) -> Stage:
    if stage.counts:
        requests = stage.requests or (_round(0.3 * rate / stage.slowdown**0.5) if rate else None)
        if not requests:
            return stage
        # far enough apart that what differs by chance is little of the difference
        few = max(min(20, requests // 3), requests // 10)
        return replace(stage, requests=requests, request_steps=(few, requests, requests))
    if stage.requests or stage.seconds:
        return stage
    if rate is None:
        return replace(stage, seconds=2.0)
    return replace(stage, requests=_round(rate * (0.5 if stage.profiler == "none" else 2.0)))


def _round(requests: float) -> int:
    """Two significant digits, at least 50."""
    if requests <= 50:
        return 50
    digits = 10 ** (math.floor(math.log10(requests)) - 1)
    return int(round(requests / digits) * digits)


def _seconds_of(stage: Stage, done: Sequence[TrialRecord]) -> float:
    """How long one trial of a stage takes: the median of those measured, or a guess."""
    measured = sorted(r.seconds for r in done if r.trial.stage.name == stage.name)
    if measured:
        return measured[len(measured) // 2]
    warm_up = stage.warm_up_seconds or _GUESS_WARM_UP
    slice_seconds = stage.seconds or (_GUESS_SLICE if stage.profiler == "none" else 4.0)
    reading = _GUESS_READING if stage.counts else 0.0
    return _GUESS_START + warm_up + stage.slices * slice_seconds + reading


def _done_of(stage: Stage, done: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [r for r in done if r.trial.stage.name == stage.name]


def _trials_of_pair(stage: Stage, schedule: Schedule) -> int:
    """In an interleaved stage each side has a trial of its own."""
    return len(schedule.sides) if stage.placement == "interleaved" else 1


def _pairs_done(stage: Stage, done: Sequence[TrialRecord], schedule: Schedule) -> int:
    """Complete pairs of launches."""
    return len(_done_of(stage, done)) // _trials_of_pair(stage, schedule)


def _fits(stage: Stage, done: Sequence[TrialRecord], schedule: Schedule) -> bool:
    """Whether there is time until the stage says something, or, if it does, until it says more. Half a pair says
    nothing: it is made whole.
    """
    trials, a_pair = len(_done_of(stage, done)), _trials_of_pair(stage, schedule)
    if trials % a_pair:
        return True
    still = max(_fewest(stage) * a_pair - trials, a_pair)
    return sum(r.seconds for r in done) + still * _seconds_of(stage, done) <= schedule.max_seconds


def _fewest(stage: Stage) -> int:
    """With how many pairs of launches a stage still says something, where time cuts it short: counts must be whole."""
    if stage.name == CLEAN:
        return min(3, stage.min_launches)
    return stage.min_launches if stage.counts else math.ceil(stage.min_launches / 2)


def _trial(schedule: Schedule, stage: Stage, done: Sequence[TrialRecord]) -> Trial:
    mine = len(_done_of(stage, done))
    number = schedule.taken + len(done) + 1
    first_seed = schedule.taken + 1
    cores = schedule.cores
    if stage.placement == "alone":
        return Trial(
            number=number,
            stage=_sized(stage, mine),
            pair=mine,
            sides=schedule.sides,
            cores=cores[:1],
            seed=first_seed + mine,
        )
    if stage.placement == "duet":
        swapped = mine % 2 == 1
        pinned = (cores[1], cores[0]) if swapped else (cores[0], cores[1])
        return Trial(
            number=number,
            stage=_sized(stage, mine),
            pair=mine,
            sides=schedule.sides,
            cores=pinned,
            swap=True,
            seed=first_seed + mine,
        )
    pair, second = divmod(mine, 2)
    first = schedule.sides if pair % 2 == 0 else schedule.sides[::-1]  # ABBA: neither side is always first
    core = cores[pair % len(cores) : pair % len(cores) + 1]
    return Trial(
        number=number,
        stage=_sized(stage, pair),
        pair=pair,
        sides=(first[second],),
        cores=core,
        seed=first_seed + pair,
    )


def _sized(stage: Stage, pair: int) -> Stage:
    if not stage.request_steps:
        return stage
    return replace(stage, requests=stage.request_steps[pair % len(stage.request_steps)])


def _dropped(schedule: Schedule, done: Sequence[TrialRecord], *, settled: bool) -> Iterator[str]:
    minutes = f"{schedule.max_seconds / 60:.3g} minutes"
    for stage in schedule.stages:
        pairs = _pairs_done(stage, done, schedule)
        if pairs < stage.min_launches:
            yield f"{stage.name}: {pairs} of {stage.min_launches} launches within {minutes}"
        elif stage.name == CLEAN and not settled and pairs < stage.max_launches:
            yield f"{stage.name}: {pairs} of up to {stage.max_launches} launches within {minutes}"
