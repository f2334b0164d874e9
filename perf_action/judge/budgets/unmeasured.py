"""What would measure that which nobody measured: a stage to add, or one that is there but had no time or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from perf_action.model.outcome import StageOutcome
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import SOAK


@dataclass(frozen=True, slots=True)
class Measure:
    """What measures something: `advice` says how to get it, `profilers` and `stages` name the stages that give it."""

    advice: str
    profilers: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()

    def includes(self, stage: StageOutcome) -> bool:
        return stage.profiler in self.profilers or stage.name in self.stages


_CPU_PROFILERS: Final = frozenset({"py-spy", "perf", "cargo-flamegraph", "pprof", "auto"})
_MEMORY_PROFILERS: Final = frozenset({"memray", "heaptrack", "massif", "dhat", "jemalloc", "pprof", "auto"})


def _one(profiler: str) -> Measure:
    return Measure(f"add a stage with {profiler}", frozenset({profiler}))


CPU: Final = Measure("add a stage with a CPU profiler, such as py-spy", _CPU_PROFILERS)
MEMORY: Final = Measure("add a stage with a memory profiler, such as memray or heaptrack", _MEMORY_PROFILERS)
TIMELINE: Final = Measure("add a stage with py-spy, which records a time-line", frozenset({"py-spy"}))
QUERIES: Final = Measure(
    "let service.queries name who counts queries, or add a stage with py-spy", frozenset({"py-spy"})
)
ALLOCATOR: Final = Measure(
    "add a stage with malloc-info, in which glibc's allocator says it, or with jemalloc",
    frozenset({"malloc-info", "jemalloc"}),
)
SOAKED: Final = Measure("set measure.soak to 60s or longer", stages=frozenset({SOAK}))
_REQUESTS: Final = Measure("use a load tool that counts requests", frozenset({"none"}))
#: kind of cost -> what measures it; all others are memory
_KINDS: Final = {
    "cpu": CPU,
    "wall": Measure("add a stage with a profiler of wall time"),
    "lock_wait": Measure("add a stage with pprof's mutex profile", frozenset({"pprof"})),
    "instructions": _one("callgrind"),
    "bytecodes": _one("bytecodes"),
}
#: start of a metric's name -> what measures it
_METRICS: Final = (
    ("cpu.hot_function", CPU),
    ("cpu.instructions", _one("callgrind")),
    ("cpu.bytecodes", _one("bytecodes")),
    ("memory.rss", Measure("add clean launches, or a soak", frozenset({"none"}))),
    ("memory.leak", _one("memcheck")),
    ("memory.errors", _one("memcheck")),
    ("memory.fragmentation", ALLOCATOR),
    ("memory.", MEMORY),
    ("latency.", Measure("use a load tool that reports latencies", frozenset({"none"}))),
    ("load.", _REQUESTS),
    ("cpu.", _REQUESTS),
)


def of_kind(kind: str) -> Measure:
    """What measures a kind of cost (cpu, allocated …)."""
    return _KINDS.get(kind, MEMORY)


def of_metric_name(name: str) -> Measure:
    """What measures the metric."""
    return next((m for start, m in _METRICS if name.startswith(start)), Measure("no stage here measures it"))


def remedy(measure: Measure, head: Snapshot) -> str:
    """What would measure it on head: a stage that is there already is not advised again, it is said what became of it."""
    there = next((stage for stage in head.unmeasured if measure.includes(stage)), None)
    if there is None:
        return measure.advice
    if there.state == "failed":
        return f"stage {there.name} was to tell, but failed: {there.reason}"
    return f"stage {there.name} was to tell, but {there.reason}; raise measure.max-minutes"
