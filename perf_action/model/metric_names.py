"""The names of the metrics that a run can have: a budget on any other can never be judged, and is most likely a slip.

A test holds this list against the names that the sources say.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from perf_action.errors import did_you_mean

#: names, and globs for families whose members depend on the run
KNOWN: tuple[str, ...] = (
    "cpu.per_request",
    "cpu.cores",
    "cpu.hot_function",
    "cpu.instructions.per_request",
    "cpu.bytecodes.per_request",
    "latency.p50",
    "latency.p95",
    "latency.p99",
    "load.throughput",
    "load.requests",
    "load.iterations",
    "load.error_rate",
    "load.client_cpu_per_request",
    "memory.peak",
    "memory.rss.peak",
    "memory.allocations",
    "memory.allocations.per_request",
    "memory.allocations_per_second",
    "memory.allocated",
    "memory.allocated.per_request",
    "memory.allocation_rate",
    "memory.fragmentation",
    "memory.heap.allocated",
    "memory.heap.active",
    "memory.heap.held",
    "memory.heap.resident",
    "memory.heap.extra",
    "memory.errors",
    "memory.leak.definite",
    "memory.leak.indirect",
    "memory.leak.possible",
    "memory.leak.reachable",
    "io.written_per_request",
    "service.start_up",
    "artefact.size",
    "profiler.overhead.*",
)
#: as near as this, it is a slip
_NEAR = 0.8


def why_unknown(name: str) -> str:
    """Why no run can have a metric of that name, with the nearest one; empty if one can.

    A name that is like no other, in a family that there is, may be of a tool that is younger than this list.
    """
    if any(fnmatchcase(name, known) for known in KNOWN):
        return ""
    family = name.split(".", maxsplit=1)[0]
    meant = did_you_mean(name, KNOWN, alike=_NEAR)
    if meant:
        return f"there is no metric {name!r}; {meant}"
    if family in {known.split(".")[0] for known in KNOWN} and "." in name:
        return ""
    hint = did_you_mean(name, KNOWN, f"there is {', '.join(KNOWN[:4])} …", alike=0.4)
    return f"there is no metric {name!r}; {hint}"
