"""Carries out one trial: starts the service of each side, warms it up, loads it slice by slice, and stops it.

The only effect of measuring. It knows no profiler and no load tool by name: what they want done is a `Plan` and a
`LoadSession`.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from perf_action.errors import CannotMeasure, LoadFailed
from perf_action.load.session import Amount, LoadResult
from perf_action.machine.tree import Usage
from perf_action.measure.captured import trial_folder
from perf_action.measure.collect import captures, reports
from perf_action.measure.launch import Bench, Launch, SideError, blamed_on, launched
from perf_action.measure.queries import between, counts
from perf_action.measure.schedule import CALIBRATION, RECORDING
from perf_action.measure.warm_up import warm_up
from perf_action.model.query import Query
from perf_action.model.route import MOST_ROUTES
from perf_action.model.trial import Side, Slice, Trial, TrialRecord
from perf_action.recording import write_trial

_SLICE_TIMEOUT = 120.0
_COSTED_LAUNCHES = 2
#: how long the time-line is to be, and how many times the requests of a slice it gets for it at most
_TIMELINE_NS, _MOST_TIMES = 3_000_000_000, 16
#: the service must be at rest before the clocks are read: what the last requests left undone belongs to their slice
_SETTLE = 0.02


def execute(trial: Trial, bench: Bench) -> TrialRecord:
    """Carry out a trial and write its record. Failures are in the record; only an interrupt passes through."""
    began = bench.system.monotonic_ns()
    folder = trial_folder(bench.run, trial.number)
    folder.mkdir(parents=True, exist_ok=True)
    failure, failed_side, launches = None, None, []
    queries: tuple[tuple[Side, tuple[Query, ...]], ...] = ()
    try:
        with contextlib.ExitStack() as stack:
            bench.needed.reset_shared()
            launches = [
                stack.enter_context(launched(trial, side, _core(trial, i), folder, bench))
                for i, side in enumerate(trial.sides)
            ]
            _get_ready(launches, trial)
            asked = counts(launches, trial)
            for index in range(trial.stage.slices + _extra(launches, trial)):
                _slice(launches, trial, index, bench)
            queries = between(asked, counts(launches, trial)) if asked else ()
            _stop(launches, trial, folder, bench)
    except SideError as error:
        failure, failed_side = f"{error}{bench.needed.deaths(error.side)}", error.side
    except CannotMeasure as error:
        failure = str(error)
    record = TrialRecord(
        trial=trial,
        slices=tuple(s for one in launches for s in one.slices),
        series=tuple((one.side, one.sampler.series(trial.pair)) for one in launches),
        captures=tuple(c for one in launches for c in one.captures),
        start_up_ns=tuple((one.side, one.start_up_ns) for one in launches if one.start_up_ns is not None),
        rss_peak_bytes=tuple((one.side, one.sampler.peak_bytes) for one in launches),
        answers=tuple((one.side, one.answered()) for one in launches),
        queries=queries,
        seconds=(bench.system.monotonic_ns() - began) / 1e9,
        failure=failure,
        failed_side=failed_side,
        notes=tuple(dict.fromkeys(note for one in launches for note in (*one.plan.notes, *one.notes))),
    )
    if trial.stage.name == RECORDING or (trial.stage.name == CALIBRATION and failure is None):
        shutil.rmtree(folder)
    else:
        write_trial(folder, record)
    return record


def _core(trial: Trial, index: int) -> int | None:
    return trial.cores[index] if index < len(trial.cores) else None


def _get_ready(launches: Sequence[Launch], trial: Trial) -> None:
    """Wait until all are ready, and warm all up at once."""
    for one in launches:
        with blamed_on(one.side):
            one.start_up_ns = one.service.wait_ready()
        one.sampler.start()
    warm_up(launches, trial, _load)


def _load(launches: Sequence[Launch], amount: Amount, timeout: float) -> list[LoadResult]:
    """The same amount of load on all of them at once."""
    for one in launches:
        with blamed_on(one.side):
            one.session.begin(amount)
    results = []
    for one in launches:
        with blamed_on(one.side):
            results.append(_finish(one, timeout))
    return results


def _finish(one: Launch, timeout: float) -> LoadResult:
    try:
        result = one.session.finish(timeout)
    except LoadFailed as error:
        if not one.service.alive():
            raise CannotMeasure(f"the service died under load: {one.last_line()}") from None
        raise error from None
    if not one.service.alive():
        raise CannotMeasure(f"the service died under load: {one.last_line()}")
    if result.requests == 0:
        raise LoadFailed("the load made no request; does its script reach the service's address?")
    if result.requests and result.errors == result.requests:
        raise LoadFailed(
            f"all {result.requests} requests failed; does the load send the right headers and paths? {one.last_line()}"
        )
    one.count(result)
    return result


def _slice(launches: Sequence[Launch], trial: Trial, index: int, bench: Bench) -> None:
    """One slice on all sides at once; cores are swapped in ABBA order before it."""
    if trial.swap:
        _swap(launches, trial, index, bench)
    stage = trial.stage
    amount = _amount(trial, index, launches[0].slices[-1:])
    for one in launches:
        if template := _recording(one, trial, index):
            _start_recording(one, template, index, needed=index < stage.slices)
    before = [one.service.usage(pss=False) for one in launches]
    results = _load(launches, amount, _SLICE_TIMEOUT * stage.slowdown + 20 * (stage.seconds or 0.0))
    bench.system.sleep(_SETTLE)
    after = [one.service.usage() for one in launches]
    _stop_recording(launches)
    for one, was, now, result in zip(launches, before, after, results, strict=True):
        recorded = _recording(one, trial, index) is not None
        if recorded and index >= stage.slices:
            one.timeline_requests = result.requests
        if index < stage.slices or not recorded:
            one.slices.append(
                replace(_slice_of(one, trial.pair, index, (was, now), result), recorded=recorded)
            )


def _amount(trial: Trial, index: int, before: Sequence[Slice]) -> Amount:
    """How much load a slice gets: what the stage says; the time-line, where rare things are looked for, some seconds."""
    stage, times = trial.stage, 1
    if index >= stage.slices and trial.pair == 0:
        lasted = max((s.end_ns - s.start_ns for s in before), default=_TIMELINE_NS)
        times = min(_MOST_TIMES, max(1, math.ceil(_TIMELINE_NS / max(lasted, 1))))
    return Amount(
        requests=stage.requests * times if stage.requests else stage.requests,
        seconds=stage.seconds if stage.seconds and not stage.requests else None,
        seed=trial.seed * 1000 + index,
    )


def _start_recording(one: Launch, template: Sequence[str], index: int, *, needed: bool) -> None:
    """Attach the recorder. What is not `needed` becomes a note of the launch if it fails."""
    with blamed_on(one.side):
        try:
            one.recorder.start(template, index)
        except CannotMeasure as error:
            if needed:
                raise
            one.recorder.close()
            one.notes.append(f"there is no time-line: {error}")


def _swap(launches: Sequence[Launch], trial: Trial, index: int, bench: Bench) -> None:
    swapped = index % 4 in (1, 2)
    for i, one in enumerate(launches):
        core = trial.cores[(i + swapped) % len(launches)]
        if core != one.core:
            one.core = core
            one.service.pin((core,))
            bench.needed.pin(one.side, (core,))
            if not one.load_apart:
                one.session.pin((core,))


def _slice_of(one: Launch, pair: int, index: int, clocks: tuple[Usage, Usage], result: LoadResult) -> Slice:
    was, now = clocks
    return Slice(
        side=one.side,
        launch=pair,
        pair=pair,
        index=index,
        core=one.core,
        start_ns=result.start_ns,
        end_ns=result.end_ns,
        requests=result.requests,
        errors=result.errors,
        latency_p50_ns=result.latency_p50_ns,
        latency_p95_ns=result.latency_p95_ns,
        latency_p99_ns=result.latency_p99_ns,
        cpu_ns=now.cpu_ns - was.cpu_ns,
        user_ns=now.user_ns - was.user_ns,
        system_ns=now.system_ns - was.system_ns,
        rss_bytes=now.rss_bytes,
        pss_bytes=now.pss_bytes,
        read_bytes=now.read_bytes - was.read_bytes,
        written_bytes=now.written_bytes - was.written_bytes,
        minor_faults=now.minor_faults - was.minor_faults,
        context_switches=now.context_switches - was.context_switches,
        steal_ns=now.steal_ns - was.steal_ns,
        load_cpu_ns=result.cpu_ns,
        routes=result.routes[:MOST_ROUTES],
    )


def _extra(launches: Sequence[Launch], trial: Trial) -> int:
    """Slices after those that count: one for the time-line in the first launch, one without a recorder in the next two,
    to see what the recorder costs the service.
    """
    return int(trial.pair <= _COSTED_LAUNCHES and any(one.plan.attach for one in launches))


def _recording(one: Launch, trial: Trial, index: int) -> tuple[str, ...] | None:
    """What records this slice, if anything."""
    if index < trial.stage.slices:
        return one.plan.attach
    return one.plan.timeline if trial.pair == 0 else None


def _stop_recording(launches: Sequence[Launch]) -> None:
    for one in launches:
        one.recorder.tell_to_stop()
    for one in launches:
        with blamed_on(one.side):
            one.recorder.finish()


def _stop(launches: Sequence[Launch], trial: Trial, folder: Path, bench: Bench) -> None:
    """Stop the services, so that what was wrapped round them writes; collect what was written.

    At the same time: while one side writes, the other would go on with what it does by the clock, and counts show that.
    """
    for one in launches:
        one.sampler.stop()
        one.session.close()
    with ThreadPoolExecutor(len(launches)) as pool:
        endings = [pool.submit(one.service.stop) for one in launches]
    for one, ending in zip(launches, endings, strict=True):
        with blamed_on(one.side):
            ending.result()
            one.captures = captures(one, trial, folder)
    if (
        trial.pair == trial.stage.min_launches - 1
    ):  # a tool's own printer takes seconds; one launch is enough to look at
        with ThreadPoolExecutor(len(launches)) as pool:
            list(pool.map(lambda one: reports(one, bench.system), launches))
