"""Profilers, one file each; `PROFILERS` lists them all."""

from __future__ import annotations

from perf_action.errors import UsageError
from perf_action.profilers.bytecodes import Bytecodes
from perf_action.profilers.callgrind import Callgrind
from perf_action.profilers.cargo_flamegraph import CargoFlamegraph
from perf_action.profilers.dhat import Dhat
from perf_action.profilers.heaptrack import Heaptrack
from perf_action.profilers.jemalloc import Jemalloc
from perf_action.profilers.malloc_info import MallocInfo
from perf_action.profilers.massif import Massif
from perf_action.profilers.memcheck import Memcheck
from perf_action.profilers.memray import Memray
from perf_action.profilers.none import NoProfiler
from perf_action.profilers.perf import Perf
from perf_action.profilers.plan import Plan, Profiler, Report, Target, Traits
from perf_action.profilers.pprof import Pprof
from perf_action.profilers.py_spy import PySpy

PROFILERS: tuple[Profiler, ...] = (
    NoProfiler(),
    PySpy(),
    Bytecodes(),
    Perf(),
    CargoFlamegraph(),
    Memray(),
    Heaptrack(),
    Jemalloc(),
    MallocInfo(),
    Pprof(),
    Callgrind(),
    Dhat(),
    Massif(),
    Memcheck(),
)


def profiler(name: str) -> Profiler:
    """The profiler of that name. UsageError lists the known ones."""
    for known in PROFILERS:
        if known.name == name:
            return known
    raise UsageError(f"there is no profiler {name!r}; there is {', '.join(p.name for p in PROFILERS)}")


__all__ = ["PROFILERS", "Plan", "Profiler", "Report", "Target", "Traits", "profiler"]
