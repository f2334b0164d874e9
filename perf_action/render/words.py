"""The words of the program: what metrics, kinds of cost, verdicts and states are called, and their icons.

A metric that is not in the list is shown by its own name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perf_action.model.change import FunctionChange, LeakState, MetricChange, Verdict
from perf_action.model.finding import State
from perf_action.render import numbers

#: what a report is about; the first four are verdicts
Variant = Literal[
    "regression", "improvement", "unchanged", "inconclusive", "first-run", "skipped", "failed", "over-budget"
]

ICONS: dict[str, str] = {
    "regression": "🔴",
    "improvement": "🟢",
    "unchanged": "✅",
    "inconclusive": "🟡",
    "first-run": "🌱",
    "skipped": "⏭️",
    "failed": "⚠️",
    "over-budget": "🔴",
}

TITLES: dict[str, str] = {
    "regression": "Regression",
    "improvement": "Improvement",
    "unchanged": "No change",
    "inconclusive": "Cannot tell",
    "first-run": "First run",
    "skipped": "Skipped",
    "failed": "Not measured",
    "over-budget": "Over budget",
}

#: of a check that fails, beside verdicts: it is no verdict on what changed
CHECK_ICON = "⚠️"
ROW_ICONS: dict[Verdict, str] = {
    Verdict.REGRESSION: "🔴",
    Verdict.IMPROVEMENT: "🟢",
    Verdict.UNCHANGED: "⚪",
    Verdict.INCONCLUSIVE: "🟡",
}
ROW_WORDS: dict[Verdict, str] = {
    Verdict.REGRESSION: "worse",
    Verdict.IMPROVEMENT: "better",
    Verdict.UNCHANGED: "same",
    Verdict.INCONCLUSIVE: "cannot tell",
}
STATE_ICONS: dict[State, str] = {State.PASS: "✅", State.FAIL: "🔴", State.CANNOT_TELL: "🟡"}
STATE_WORDS: dict[State, str] = {State.PASS: "kept", State.FAIL: "exceeded", State.CANNOT_TELL: "cannot tell"}
LEAK_WORDS: dict[LeakState, str] = {
    LeakState.LEAKING: "leaking",
    LeakState.STABLE: "stable",
    LeakState.WARMING_UP: "still warming up",
    LeakState.INCONCLUSIVE: "cannot tell",
}
STAGE_ICONS: dict[str, str] = {"done": "✅", "failed": "🔴", "skipped": "⏭️"}

_METRICS: dict[str, str] = {
    "cpu.per_request": "CPU time per request",
    "latency.p50": "Latency p50",
    "latency.p95": "Latency p95",
    "latency.p99": "Latency p99",
    "load.throughput": "Throughput",
    "load.requests": "Requests",
    "load.error_rate": "Error rate",
    "load.client_cpu_per_request": "CPU time of the load tool per request",
    "cpu.instructions.per_request": "Instructions per request",
    "cpu.bytecodes.per_request": "Bytecodes per request",
    "artefact.size": "Size of the built program",
    "memory.rss": "Process memory",
    "memory.rss.peak": "Process memory, peak",
    "memory.pss": "Process memory (PSS)",
    "memory.peak": "Heap, peak",
    "memory.allocations": "Allocations",
    "memory.allocated": "Bytes allocated",
    "memory.allocations.per_request": "Allocations per request",
    "memory.allocated.per_request": "Bytes allocated per request",
    "memory.fragmentation": "Fragmentation",
    "memory.allocation_rate": "Allocation rate",
    "memory.allocations_per_second": "Allocations per second",
    "memory.errors": "Memory errors",
    "memory.leak.definite": "Leaked, definitely",
    "memory.leak.indirect": "Leaked, indirectly",
    "memory.leak.possible": "Leaked, possibly",
    "memory.leak.reachable": "Still reachable at exit",
    "cpu.hot_function": "Hottest function",
    "cpu.cores": "CPU cores used",
    "service.start_up": "Start-up time",
    "profiler.overhead.cpu": "Cost of the profiler itself",
    "io.read_per_request": "Read per request",
    "io.written_per_request": "Written per request",
}
#: the metrics of the short table, besides those that changed
MAIN_METRICS = frozenset(
    {"cpu.per_request", "latency.p50", "latency.p95", "latency.p99", "load.throughput", "load.error_rate"}
    | {name for name in _METRICS if name.startswith("memory.")}
)


def metric_label(name: str) -> str | None:
    """What people call a metric, or None for one of the user's own, which is shown as code."""
    return _METRICS.get(name)


@dataclass(frozen=True, slots=True)
class KindWords:
    """``encode`` `verb` +31 % `noun` per request; `heading` names the kind where it stands alone."""

    verb: str
    noun: str
    heading: str


_KINDS: dict[str, KindWords] = {
    "cpu": KindWords("costs", "CPU", "CPU"),
    "wall": KindWords("takes", "time", "Wall time"),
    "instructions": KindWords("executes", "instructions", "Instructions"),
    "bytecodes": KindWords("executes", "bytecodes", "Bytecodes"),
    "lock_wait": KindWords("causes", "waiting for locks", "Waiting for locks"),
    "allocations": KindWords("makes", "allocations", "Allocations"),
    "temporary": KindWords("makes", "temporary allocations", "Temporary allocations"),
    "allocated": KindWords("allocates", "memory", "Memory allocated"),
    "peak": KindWords("holds", "memory at the peak", "Memory at the peak"),
    "in_use": KindWords("holds", "memory", "Memory in use"),
    "leaked": KindWords("leaves behind", "memory", "Memory left behind"),
}


#: kinds of cost that are time: they are named before the others
TIME_KINDS = ("cpu", "wall")


def kind_words(kind: str) -> KindWords:
    return _KINDS.get(kind, KindWords("costs", kind, kind))


def per_of(unit: str) -> str:
    """`` per request`` for ``ns/request``, nothing for ``samples`` or ``bytes/s``."""
    work = unit.partition("/")[2]
    return f" per {work}" if len(work) > 1 else ""


def certainty(row: MetricChange | FunctionChange) -> str:
    """How sure a row is, in words that its own interval and p bear out; empty if nothing is known."""
    if row.interval is not None:
        if row.interval[0] == row.interval[1]:
            return "counted exactly"
        low, high = (numbers.change(end) for end in row.interval)
        between = "" if low == high else f"between {numbers.interval(row.interval, to='and')}"
        # not sampled: the ends are what repetitions leave open
        if isinstance(row, FunctionChange) and row.p is None:
            return f"counted, {between}" if between else "counted"
        return f"99 % sure {between}".rstrip()
    if row.p is not None:
        return numbers.p_value(row.p)
    return "" if row.verdict is Verdict.INCONCLUSIVE else "counted, not sampled"
