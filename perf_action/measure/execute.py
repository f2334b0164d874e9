"""Carries out one trial: starts the service of each side, warms it up, loads it slice by slice, and stops it.

The only effect of measuring. It knows no profiler and no load tool by name: what they want done is a `Plan` and a
`LoadSession`.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from perf_action.config import Config
from perf_action.errors import CannotMeasure, LoadFailed
from perf_action.load import tool
from perf_action.load.session import Amount, LoadResult, LoadSession, Where
from perf_action.machine.prepare import Prepared
from perf_action.machine.sampler import Sampler
from perf_action.machine.service import Service
from perf_action.machine.tree import Usage
from perf_action.measure.schedule import CALIBRATION
from perf_action.measure.snapshot import Read, trial_folder
from perf_action.model.trial import CaptureFile, Side, Slice, Stage, Trial, TrialRecord
from perf_action.profilers import profiler
from perf_action.profilers.plan import Plan
from perf_action.recording import write_trial
from perf_action.system import Process, System

#: how long a side-car may take until it records, and to write its file after it was told to stop, in seconds
_ATTACH_TIMEOUT, _FLUSH_TIMEOUT = 20.0, 60.0
_WARM_UP_TIMEOUT = 300.0
_COSTED_LAUNCHES = 2
#: the service must be at rest before the clocks are read: what the last requests left undone belongs to their slice
_SETTLE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every trial of a run shares. `run` is the run folder, `prepared` each side's checkout, ready to start."""

    config: Config
    system: System
    run: Path
    prepared: Mapping[Side, Prepared]
    read: Read


class _SideError(Exception):
    """A failure of one side, on its way to the record."""

    def __init__(self, side: Side, error: CannotMeasure) -> None:
        super().__init__(str(error))
        self.side = side


@dataclass(slots=True, kw_only=True)
class _Launch:
    """One side of a trial while it runs."""

    side: Side
    core: int | None
    load_apart: bool
    out: Path
    service: Service
    plan: Plan
    session: LoadSession
    sampler: Sampler
    recorder: Process | None = None
    start_up_ns: int = 0
    requests: int | None = 0
    slices: list[Slice] = field(default_factory=list)
    captures: tuple[CaptureFile, ...] = ()

    def count(self, result: LoadResult) -> None:
        self.requests = (
            None if self.requests is None or result.requests is None else self.requests + result.requests
        )


def execute(trial: Trial, bench: Bench) -> TrialRecord:
    """Carry out a trial and write its record. Failures are in the record; only an interrupt passes through."""
    began = bench.system.monotonic_ns()
    folder = trial_folder(bench.run, trial.number)
    folder.mkdir(parents=True, exist_ok=True)
    failure, failed_side, launches = None, None, []
    try:
        with contextlib.ExitStack() as stack:
            launches = [
                stack.enter_context(_launched(trial, side, _core(trial, i), folder, bench))
                for i, side in enumerate(trial.sides)
            ]
            _get_ready(launches, trial)
            for index in range(trial.stage.slices + _extra(launches, trial)):
                _slice(launches, trial, index, bench)
            _stop(launches, trial, folder)
    except _SideError as error:
        failure, failed_side = str(error), error.side
    except CannotMeasure as error:
        failure = str(error)
    record = TrialRecord(
        trial=trial,
        slices=tuple(s for one in launches for s in one.slices),
        series=tuple((one.side, one.sampler.series(trial.pair)) for one in launches),
        captures=tuple(c for one in launches for c in one.captures),
        start_up_ns=tuple((one.side, one.start_up_ns) for one in launches),
        rss_peak_bytes=tuple((one.side, one.sampler.peak_bytes) for one in launches),
        seconds=(bench.system.monotonic_ns() - began) / 1e9,
        failure=failure,
        failed_side=failed_side,
        notes=tuple(dict.fromkeys(note for one in launches for note in one.plan.notes)),
    )
    if trial.stage.name == CALIBRATION and failure is None:
        shutil.rmtree(folder)
    else:
        write_trial(folder, record)
    return record


def _core(trial: Trial, index: int) -> int | None:
    return trial.cores[index] if index < len(trial.cores) else None


def _free_cores(trial: Trial, bench: Bench) -> tuple[int, ...]:
    """Cores on which no service of the trial runs: where a recorder works, and the load beside it."""
    return tuple(core for core in bench.system.cores() if core not in trial.cores)


@contextlib.contextmanager
def _blamed_on(side: Side) -> Iterator[None]:
    try:
        yield
    except CannotMeasure as error:
        raise _SideError(side, error) from None


@contextlib.contextmanager
def _launched(trial: Trial, side: Side, core: int | None, folder: Path, bench: Bench) -> Iterator[_Launch]:
    """A started service with an idle load generator; both are gone at the end, whatever happens."""
    out = folder / side.value
    out.mkdir(parents=True, exist_ok=True)
    cores = () if core is None else (core,)
    with contextlib.ExitStack() as stack:
        with _blamed_on(side):
            service = stack.enter_context(
                Service(bench.prepared[side], bench.system, log=out / "service.log")
            )
            plan = profiler(trial.stage.profiler).plan(service.target, trial.stage, out, bench.system)
            service.start(plan, cores)
            apart = _free_cores(trial, bench) if plan.attach else ()
            session = _open_session(trial.stage, service, out, apart or cores, bench)
        stack.callback(session.close)
        sampler = Sampler(service.tree)
        stack.callback(sampler.stop)
        launch = _Launch(
            side=side,
            core=core,
            load_apart=bool(apart),
            out=out,
            service=service,
            plan=plan,
            session=session,
            sampler=sampler,
        )
        stack.callback(lambda: launch.recorder.close() if launch.recorder else None)
        yield launch


def _open_session(
    stage: Stage, service: Service, out: Path, cores: Sequence[int], bench: Bench
) -> LoadSession:
    scenario = bench.config.load[stage.load]
    head = bench.prepared[Side.HEAD]  # the same scenario for both sides: that of head
    where = Where(
        url=scenario.host.replace("{port}", str(service.port)),
        port=service.port,
        directory=head.directory,
        env=bench.system.environ,
        out=out,
        cores=cores,
    )
    return tool(scenario.tool, bench.read).open(scenario, where, bench.system)


def _get_ready(launches: Sequence[_Launch], trial: Trial) -> None:
    """Wait until all are ready, and warm all up at once."""
    for one in launches:
        with _blamed_on(one.side):
            one.start_up_ns = one.service.wait_ready()
        one.sampler.start()
    stage = trial.stage
    if stage.warm_up_seconds or stage.warm_up_requests:
        timed = bool(stage.warm_up_seconds)
        amount = Amount(
            requests=None if timed else stage.warm_up_requests,
            seconds=stage.warm_up_seconds if timed else None,
            seed=trial.seed * 1000 + 999,
        )
        _load(launches, amount, _WARM_UP_TIMEOUT + stage.warm_up_seconds)


def _load(launches: Sequence[_Launch], amount: Amount, timeout: float) -> list[LoadResult]:
    """The same amount of load on all of them at once."""
    for one in launches:
        with _blamed_on(one.side):
            one.session.begin(amount)
    results = []
    for one in launches:
        with _blamed_on(one.side):
            results.append(_finish(one, timeout))
    return results


def _finish(one: _Launch, timeout: float) -> LoadResult:
    try:
        result = one.session.finish(timeout)
    except LoadFailed as error:
        if not one.service.alive():
            raise CannotMeasure(f"the service died under load: {_last_line(one)}") from None
        raise error from None
    if not one.service.alive():
        raise CannotMeasure(f"the service died under load: {_last_line(one)}")
    if result.requests == 0:
        raise LoadFailed("the load made no request; does its script reach the service's address?")
    if result.requests and result.errors == result.requests:
        raise LoadFailed(
            f"all {result.requests} requests failed; does the load send the right headers and paths? {_last_line(one)}"
        )
    one.count(result)
    return result


def _last_line(one: _Launch) -> str:
    lines = [line.strip() for line in one.service.log_tail().splitlines() if line.strip()]
    return f"its last output was: {lines[-1]}" if lines else "it printed nothing"


def _record(launches: Sequence[_Launch], trial: Trial, index: int, bench: Bench) -> None:
    """Start the recorders of a slice, if the plan has one, and wait until they record."""
    for one in launches:
        template = _recording(one, trial, index)
        if template is None:
            continue
        pids = one.service.tree.service_pids()
        pid = str(pids[0] if pids else one.service.pid)
        argv = [word.replace("{pid}", pid).replace("{slice}", str(index)) for word in template]
        log = one.out / f"profiler-{index}.log"
        with _blamed_on(one.side):
            one.recorder = bench.system.start(argv, log=log, cores=_free_cores(trial, bench))
            _wait_until_recording(one, log, bench)


def _wait_until_recording(one: _Launch, log: Path, bench: Bench) -> None:
    deadline = bench.system.monotonic_ns() + int(_ATTACH_TIMEOUT * 1e9)
    expression = re.compile(one.plan.attached)
    while bench.system.monotonic_ns() < deadline:
        text = log.read_text(errors="replace") if log.exists() else ""
        if expression.search(text):
            return
        if one.recorder is not None and one.recorder.poll() is not None:
            raise CannotMeasure(f"the profiler ended before it recorded: {_one_line(text)}")
        bench.system.sleep(0.005)
    raise CannotMeasure(f"the profiler did not begin to record within {_ATTACH_TIMEOUT:g} s")


def _stop_recording(launches: Sequence[_Launch]) -> None:
    for one in launches:
        if one.recorder is not None:
            one.recorder.signal(one.plan.stop_profiler)
    for one in launches:
        if one.recorder is not None:
            with _blamed_on(one.side):
                if one.recorder.wait(_FLUSH_TIMEOUT) is None:
                    raise CannotMeasure(f"the profiler did not write its file within {_FLUSH_TIMEOUT:g} s")
            one.recorder.close()
            one.recorder = None


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def _slice(launches: Sequence[_Launch], trial: Trial, index: int, bench: Bench) -> None:
    """One slice on all sides at once; cores are swapped in ABBA order before it."""
    if trial.swap:
        _swap(launches, trial, index)
    stage = trial.stage
    amount = Amount(
        requests=stage.requests,
        seconds=None if stage.requests else stage.seconds,
        seed=trial.seed * 1000 + index,
    )
    _record(launches, trial, index, bench)
    before = [one.service.usage(pss=False) for one in launches]
    results = _load(launches, amount, 120.0 + 20 * (stage.seconds or 0.0))
    bench.system.sleep(_SETTLE)
    after = [one.service.usage() for one in launches]
    _stop_recording(launches)
    for one, was, now, result in zip(launches, before, after, results, strict=True):
        recorded = _recording(one, trial, index) is not None
        if index < stage.slices or not recorded:
            one.slices.append(
                replace(_slice_of(one, trial.pair, index, (was, now), result), recorded=recorded)
            )


def _swap(launches: Sequence[_Launch], trial: Trial, index: int) -> None:
    swapped = index % 4 in (1, 2)
    for i, one in enumerate(launches):
        core = trial.cores[(i + swapped) % len(launches)]
        if core != one.core:
            one.core = core
            one.service.pin((core,))
            if not one.load_apart:
                one.session.pin((core,))


def _slice_of(one: _Launch, pair: int, index: int, clocks: tuple[Usage, Usage], result: LoadResult) -> Slice:
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
    )


def _extra(launches: Sequence[_Launch], trial: Trial) -> int:
    """Slices after those that count: one for the time-line in the first launch, one without a recorder in the next two,
    to see what the recorder costs the service.
    """
    return int(trial.pair <= _COSTED_LAUNCHES and any(one.plan.attach for one in launches))


def _recording(one: _Launch, trial: Trial, index: int) -> tuple[str, ...] | None:
    """What records this slice, if anything."""
    if index < trial.stage.slices:
        return one.plan.attach
    return one.plan.timeline if trial.pair == 0 else None


def _stop(launches: Sequence[_Launch], trial: Trial, folder: Path) -> None:
    """Stop the services, so that what was wrapped round them writes; collect what was written."""
    for one in launches:
        one.sampler.stop()
    for one in launches:
        with _blamed_on(one.side):
            one.session.close()
            one.service.stop()
            one.captures = _collect(one, trial, folder)


def _collect(one: _Launch, trial: Trial, folder: Path) -> tuple[CaptureFile, ...]:
    files = sorted({f for pattern in one.plan.artifacts for f in one.out.glob(pattern) if f.is_file()})
    written = [f for f in files if f.stat().st_size > 0]
    if one.plan.artifacts and not written:
        raise CannotMeasure(profiler(trial.stage.profiler).silence(one.out))
    if one.plan.attach:
        for file in written:
            one.service.scrub(file)
    slices = {_written_in(one, s.index): s for s in one.slices}
    return tuple(
        CaptureFile(
            side=one.side,
            launch=trial.pair,
            path=str(f.relative_to(folder)),
            tool=trial.stage.profiler,
            slice=slices[f.name].index if f.name in slices else None,
            requests=slices[f.name].requests if f.name in slices else one.requests,
        )
        for f in written
    )


def _written_in(one: _Launch, index: int) -> str:
    """The name of the file that the recorder of a slice writes; empty without one."""
    names = [Path(word).name for word in one.plan.attach or () if "{slice}" in word]
    return names[0].replace("{slice}", str(index)) if names else ""
