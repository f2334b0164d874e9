"""Memory: the heap is stable under load, nothing leaks, it is not too much, and not too much is allocated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from perf_action.judge.budgets.limits import WORST_FIRST, joined
from perf_action.judge.budgets.spent import spent
from perf_action.judge.budgets.unmeasured import ALLOCATOR, SOAKED, remedy
from perf_action.judge.checklist import targets
from perf_action.judge.checklist.cpu import as_budget
from perf_action.model.change import Comparison, LeakChange, LeakState, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot
from perf_action.model.tree import self_costs

_STATES: Final = {
    LeakState.LEAKING: State.FAIL,
    LeakState.STABLE: State.PASS,
    LeakState.WARMING_UP: State.CANNOT_TELL,
    LeakState.INCONCLUSIVE: State.CANNOT_TELL,
}
#: a checker for leaks that are lost for good, and what it counts
_LOST: Final = "memory.leak.definite"
_EVIDENCE: Final = 5
#: glibc has no such number
_OF_JEMALLOC: Final = "memory.heap.active"


def stable(leaks: Sequence[LeakChange], head: Snapshot) -> Finding:
    """Process memory under sustained load has stopped growing. Memory that goes on to grow is not stable."""
    memory = [leak for leak in leaks if leak.name.startswith("memory.")]
    if not memory:
        return _cannot(targets.STABLE, f"no memory was recorded over time; {remedy(SOAKED, head)}")
    return _worst(targets.STABLE, memory)


def leak(leaks: Sequence[LeakChange], head: Snapshot, comparison: Comparison | None = None) -> Finding:
    """Nothing grows without bound (memory, objects, handles), and a checker, if one ran, found nothing lost. Where no
    series can tell, a profiler that counted may: functions that leave more behind with each request than on base.
    """
    lost = head.metric(_LOST)
    if lost is not None and max(lost.samples) > 0:
        return Finding(
            rule=targets.LEAK,
            state=State.FAIL,
            value=max(lost.samples),
            unit="bytes",
            message="nothing points to this memory any more",
            evidence=_holders(head),
        )
    found = _worst(targets.LEAK, leaks) if leaks else None
    left = _left_behind(comparison)
    if left and (found is None or found.state is State.CANNOT_TELL):
        return left
    if found is not None:
        held = _holders(head) if found.state is State.FAIL else ()
        return replace(found, evidence=(*found.evidence, *held))
    if lost is not None:
        return Finding(
            rule=targets.LEAK,
            state=State.PASS,
            value=0.0,
            unit="bytes",
            message="no memory is lost; whether held memory grows, a soak would tell",
        )
    return _cannot(targets.LEAK, f"nothing was recorded over time; {remedy(SOAKED, head)}")


def total(head: Snapshot, limits: Mapping[str, float]) -> Finding:
    """The peak of resident memory of all processes of one instance."""
    return _with_spenders(as_budget(targets.TOTAL, head, (), limits), head, "peak")


def allocation_rate(head: Snapshot, limits: Mapping[str, float]) -> Finding:
    """Bytes allocated per second. A profiler of memory slows the service, so it is not its own rate: what a request
    allocates, times the throughput of the clean launches.
    """
    return _with_spenders(as_budget(targets.ALLOCATION_RATE, head, (), limits), head, "allocated")


def allocations(head: Snapshot, limits: Mapping[str, float]) -> Finding:
    """Allocations per second, found as the rate of bytes is."""
    return _with_spenders(as_budget(targets.ALLOCATIONS, head, (), limits), head, "allocations")


def fragmentation(head: Snapshot, limits: Mapping[str, float]) -> Finding:
    """Held but unused memory: from what the allocator says (jemalloc's statistics, glibc's ``malloc_info``); else what heap
    and resident memory say at most.

    Resident memory also has the program's code and what its runtime does not allocate, so the difference is an upper
    bound: below the limit it is a pass, above it says nothing.
    """
    by_allocator = head.metric(targets.FRAGMENTATION)
    if by_allocator is not None:
        found = as_budget(targets.FRAGMENTATION, head, (), limits)
        who = "jemalloc's own statistics" if head.metric(_OF_JEMALLOC) is not None else "glibc's malloc_info"
        message = joined(f"from {who}", found.message)
        return replace(found, message=message)
    budget = targets.budget_of(targets.FRAGMENTATION, limits)
    heap, resident = head.metric("memory.peak"), head.metric("memory.rss.peak")
    if heap is None or resident is None or not 0 < max(heap.samples) <= min(resident.samples):
        return _cannot(targets.FRAGMENTATION, remedy(ALLOCATOR, head), budget.limit)
    bound = 1 - max(heap.samples) / min(resident.samples)
    basis = "heap against resident memory, at their peaks"
    if bound < budget.limit:
        return Finding(
            rule=targets.FRAGMENTATION,
            state=State.PASS,
            limit=budget.limit,
            value=bound,
            unit="ratio",
            message=f"at most, from {basis}",
        )
    return _cannot(
        targets.FRAGMENTATION,
        f"{basis}, say at most {bound:.0%}, but code and the runtime are in that; {remedy(ALLOCATOR, head)}",
        budget.limit,
    )


def _with_spenders(found: Finding, head: Snapshot, kind: str) -> Finding:
    """With the functions that spend most of it."""
    source = next(iter(spent(head, kind)), None)
    if source is None or found.value is None:
        return found
    values = source.per_request if source.per_request is not None and kind != "peak" else source.shares
    everything = sum(values.values())
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:_EVIDENCE]
    return replace(
        found, evidence=tuple(f"{place} {value / everything:.1%}" for place, value in ranked if value)
    )


def _left_behind(comparison: Comparison | None) -> Finding | None:
    """Memory that counted profiles say is still there after each request, and was not on base."""
    rows = [
        row
        for row in (comparison.functions if comparison is not None else ())
        if row.kind == "leaked" and row.unit == "bytes/request" and row.verdict is Verdict.REGRESSION
    ]
    if not rows:
        return None
    return Finding(
        rule=targets.LEAK,
        state=State.FAIL,
        value=rows[0].head - rows[0].base,
        unit=rows[0].unit,
        message=f"{rows[0].name} leaves so much more behind than on base; what memory does over time was not told",
        evidence=tuple(
            f"{row.name}: {row.head - row.base:,.0f} bytes per request" for row in rows[:_EVIDENCE]
        ),
    )


def _cannot(rule: str, message: str, limit: float | None = None) -> Finding:
    unit = targets.LIMITS[rule][1] if rule in targets.LIMITS else ""
    return Finding(rule=rule, state=State.CANNOT_TELL, limit=limit, unit=unit, message=message)


def _worst(rule: str, leaks: Sequence[LeakChange]) -> Finding:
    """The series that says most, with its slope per request or, where nobody counted, per second."""
    row = min(leaks, key=lambda k: WORST_FIRST.index(_STATES[k.verdict]))
    per_request = row.per_request is not None
    value = row.per_request if per_request else row.per_second
    words = f"{row.name} is {'leaking' if row.verdict is LeakState.LEAKING else row.verdict.value}"
    return Finding(
        rule=rule,
        state=_STATES[row.verdict],
        value=value,
        unit=f"{row.unit}/{'request' if per_request else 's'}",
        message=joined(words, row.reason),
        evidence=tuple(f"{k.name}: {k.verdict.value}" for k in leaks[:_EVIDENCE]),
    )


def _holders(head: Snapshot) -> tuple[str, ...]:
    """The functions that left most memory behind, if a profiler says so."""
    held: dict[FunctionKey, int] = {}
    for capture in head.captures:
        column = capture.profile.find_kind("leaked")
        if column is not None:
            for key, value in self_costs(capture.profile, column).items():
                held[key] = max(held.get(key, 0), value)
    ranked = sorted(held.items(), key=lambda item: (-item[1], item[0]))[:_EVIDENCE]
    return tuple(f"{key.name} holds {value:,} bytes" for key, value in ranked if value)
