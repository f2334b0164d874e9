"""How a measurement is cut: side, launch, pair, slice.

A *launch* is a fresh process and the unit of replication; a *pair* is what was taken together; a *side* is base or
head; a *slice* is a stretch of stable load between two readings of the clocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from perf_action.model.metric import Series
from perf_action.model.query import Query
from perf_action.model.route import RouteResult

#: the stages that every run has besides those of perf.yml: launches without a profiler, and the one that looks for leaks
CLEAN, SOAK = "clean", "soak"


class Side(str, Enum):
    BASE = "base"
    HEAD = "head"


#: how perf finds out who called: by frame pointers, by unwinding copies of the stack, by the processor's branch records
CallGraph = Literal["fp", "dwarf", "lbr"]
#: duet: both sides loaded at once on swapped cores; interleaved: one after the other, order balanced; alone: one side
Placement = Literal["duet", "interleaved", "alone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One phase of the measurement.

    `profiler` "none" means clean launches (times come from these only). `slices` of `requests` requests each (or
    `seconds`, where the scenario is timed or nobody counts); `launches` pairs of launches, at least and at most.
    `request_steps`: requests per launch where two launches of different length are subtracted (exact counters).
    `open_rate`: requests per second of an open loop, None for a closed one. `counts`: the profiler counts exactly;
    `slowdown`: how many times slower the service runs under it. `native`, `gil`, `call_graph` (None: what is usual for
    the profiler) and `subprocesses` are options of profilers that know them; `url` is where a profiler that asks the
    service finds it, `headers` go with its requests (as in perf.yml, ``$NAME`` not replaced) and are never stored.
    """

    name: str
    profiler: str
    load: str
    placement: Placement
    min_launches: int
    max_launches: int
    slices: int = 4
    requests: int | None = None
    seconds: float | None = None
    warm_up_requests: int = 0
    warm_up_seconds: float = 0.0
    request_steps: tuple[int, ...] = ()
    open_rate: float | None = None
    rate_hz: float = 0.0
    counts: bool = False
    slowdown: float = 1.0
    native: bool = False
    gil: bool = False
    call_graph: CallGraph | None = None
    subprocesses: bool = True
    url: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One launch of each of `sides` (both at once in a duet), `cores[i]` for `sides[i]` (empty: not pinned).

    `number` counts all trials of a run, `pair` the trials of a stage; `swap` whether cores are swapped in mid-launch.
    """

    number: int
    stage: Stage
    pair: int
    sides: tuple[Side, ...]
    cores: tuple[int, ...] = ()
    swap: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What the clocks said about one side over one slice. Latencies in ns; None where the load tool gave none.

    `requests` None: the tool does not count. `start_ns` and `end_ns` are of the monotonic clock.
    CPU times, I/O and faults are summed over the process tree. `recorded`: a profiler was attached. `load_cpu_ns` is
    what the load generator itself spent, None where nobody looked; `routes` the busiest ones.
    """

    side: Side
    launch: int
    pair: int
    index: int
    core: int | None
    start_ns: int
    end_ns: int
    requests: int | None
    errors: int
    latency_p50_ns: float | None
    latency_p95_ns: float | None
    latency_p99_ns: float | None
    cpu_ns: int
    user_ns: int
    system_ns: int
    rss_bytes: int
    pss_bytes: int | None
    read_bytes: int
    written_bytes: int
    minor_faults: int = 0
    context_switches: int = 0
    steal_ns: int = 0
    recorded: bool = False
    load_cpu_ns: int | None = None
    routes: tuple[RouteResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureFile:
    """A file that a profiler wrote, relative to the trial's folder.

    `slice` is the index of the slice it was recorded in, None if it covers the whole launch; `requests` how many the
    service answered meanwhile, None where nobody counted. `timeline`: it says when what ran and waited, and nothing is
    added up from it.
    """

    side: Side
    launch: int
    path: str
    tool: str
    slice: int | None = None
    requests: int | None = None
    timeline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What came of a trial. `failure` is None, or one line saying why nothing here may be used; `failed_side` is the
    side whose service or load failed, where it was one of them.

    `start_up_ns` is how long each side took until it was ready; `rss_peak_bytes` the highest sum over the tree.
    `answers` is how each side answered: (route, class of the status or ``failed``, requests), where the load tool says so.
    `queries` is what each side's database counted during the slices.
    """

    trial: Trial
    slices: tuple[Slice, ...] = ()
    series: tuple[tuple[Side, Series], ...] = ()
    captures: tuple[CaptureFile, ...] = ()
    start_up_ns: tuple[tuple[Side, int], ...] = ()
    rss_peak_bytes: tuple[tuple[Side, int], ...] = ()
    answers: tuple[tuple[Side, tuple[tuple[str, str, int], ...]], ...] = ()
    queries: tuple[tuple[Side, tuple[Query, ...]], ...] = ()
    seconds: float = 0.0
    failure: str | None = None
    failed_side: Side | None = None
    notes: tuple[str, ...] = ()
