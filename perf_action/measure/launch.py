"""One side of a trial while it runs: the started service, its load generator, and what watches it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perf_action.config import Config
from perf_action.errors import CannotMeasure
from perf_action.load.session import LoadResult, LoadSession, Where
from perf_action.machine.existing import ExistingService
from perf_action.machine.needs import Needed
from perf_action.machine.prepare import Prepared
from perf_action.machine.role import Role
from perf_action.machine.running import RunningService
from perf_action.machine.sampler import Sampler
from perf_action.machine.service import Service
from perf_action.measure.loads import Loads
from perf_action.measure.recorder import Recorder
from perf_action.model.trial import CaptureFile, Side, Slice, Stage, Trial
from perf_action.profilers import profiler
from perf_action.profilers.plan import Plan
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every trial of a run shares. `run` is the run folder, `prepared` each side's checkout, ready to start, `loads`
    how load is made, `needed` what the services need, running.
    """

    config: Config
    system: System
    run: Path
    prepared: Mapping[Side, Prepared]
    loads: Loads
    needed: Needed = field(default_factory=Needed)


class SideError(Exception):
    """A failure of one side, on its way to the record."""

    def __init__(self, side: Side, error: CannotMeasure) -> None:
        super().__init__(str(error))
        self.side = side


@contextlib.contextmanager
def blamed_on(side: Side) -> Iterator[None]:
    """CannotMeasure inside becomes a SideError of that side."""
    try:
        yield
    except CannotMeasure as error:
        raise SideError(side, error) from None


@dataclass(slots=True, kw_only=True)
class Launch:
    """`core` is where the service is pinned, `load_apart` whether the load runs elsewhere and stays there when cores
    are swapped; `requests` counts all that were made (None: nobody counted), `timeline_requests` those of the time-line's
    slice; `slices` and `captures` fill as it goes.
    """

    side: Side
    core: int | None
    load_apart: bool
    out: Path
    service: RunningService
    plan: Plan
    session: LoadSession
    sampler: Sampler
    recorder: Recorder
    start_up_ns: int | None = None
    requests: int | None = 0
    timeline_requests: int | None = None
    slices: list[Slice] = field(default_factory=list)
    captures: tuple[CaptureFile, ...] = ()
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def answered(self) -> tuple[tuple[str, str, int], ...]:
        """How all requests were answered: (route, outcome, requests)."""
        return tuple((route, outcome, n) for (route, outcome), n in sorted(self.answers.items()))

    def count(self, result: LoadResult) -> None:
        """Add the requests of a result."""
        for route, outcome, n in result.answers:
            self.answers[route, outcome] += n
        self.requests = (
            None if self.requests is None or result.requests is None else self.requests + result.requests
        )

    def last_line(self) -> str:
        """The last output of the service, as the end of an error."""
        lines = [line.strip() for line in self.service.log_tail().splitlines() if line.strip()]
        return f"its last output was: {lines[-1]}" if lines else "it printed nothing"


@contextlib.contextmanager
def launched(trial: Trial, side: Side, core: int | None, folder: Path, bench: Bench) -> Iterator[Launch]:
    """A started service with an idle load generator; both are gone at the end, whatever happens."""
    stage, out = trial.stage, folder / side.value
    out.mkdir(parents=True, exist_ok=True)
    cores = () if core is None else (core,)
    with contextlib.ExitStack() as stack:
        with blamed_on(side):
            bench.needed.reset(side)
            bench.needed.pin(side, cores or bench.system.cores())
            service = stack.enter_context(_service(bench, side, stage, out))
            plan = profiler(stage.profiler).plan(service.target, stage, out, bench.system)
            service.start(plan, cores)
            apart = _free_cores(trial, bench) if plan.attach else ()
            session = _open_session(stage, service, out, apart or cores, bench)
        stack.callback(session.close)
        sampler = Sampler(service.tree)
        stack.callback(sampler.stop)
        recorder = Recorder(plan, service, bench.system, out=out, cores=apart, seconds=stage.seconds)
        stack.callback(recorder.close)
        yield Launch(
            side=side,
            core=core,
            load_apart=bool(apart),
            out=out,
            service=service,
            plan=plan,
            session=session,
            sampler=sampler,
            recorder=recorder,
        )


def _service(bench: Bench, side: Side, stage: Stage, out: Path) -> RunningService:
    prepared = bench.prepared[side]
    if prepared.service.existing:
        return ExistingService(prepared, bench.system)
    role = Role(places=bench.needed.values(side))
    return Service(prepared, bench.system, log=out / "service.log", patience=stage.slowdown, role=role)


def _free_cores(trial: Trial, bench: Bench) -> tuple[int, ...]:
    """Cores on which no service of the trial runs: where a recorder works, and the load beside it."""
    return tuple(core for core in bench.system.cores() if core not in trial.cores)


def _open_session(
    stage: Stage, service: RunningService, out: Path, cores: Sequence[int], bench: Bench
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
    return bench.loads.open(stage, where)
