"""The limits of the profiling guide, by rule, and how a budget of perf.yml takes their place.

A rule whose quantity can also be limited by a budget is judged as that budget is, so that the two never disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from perf_action.model.finding import Budget
from perf_action.model.units import NS_PER_S

HOT_FUNCTION: Final = "cpu.hot_function"
BLOCKING: Final = "cpu.blocking_in_async"
LOCKS: Final = "cpu.lock_contention"
SERIALIZATION: Final = "cpu.serialization"
DATABASE: Final = "cpu.database"
CORES: Final = "cpu.cores"
STABLE: Final = "memory.stable"
LEAK: Final = "memory.leak"
TOTAL: Final = "memory.total"
ALLOCATION_RATE: Final = "memory.allocation_rate"
ALLOCATIONS: Final = "memory.allocations_per_second"
FRAGMENTATION: Final = "memory.fragmentation"
SLOW_QUERY: Final = "database.slow_query"

#: rule -> limit in canonical units, and the unit
LIMITS: Final[Mapping[str, tuple[float, str]]] = MappingProxyType(
    {
        HOT_FUNCTION: (0.10, "ratio"),
        BLOCKING: (0.1 * NS_PER_S, "ns"),
        LOCKS: (0.05, "ratio"),
        SERIALIZATION: (0.15, "ratio"),
        DATABASE: (0.20, "ratio"),
        CORES: (2.0, "ratio"),
        TOTAL: (500e6, "bytes"),
        ALLOCATION_RATE: (100e6, "bytes/s"),
        ALLOCATIONS: (1e6, "1/s"),
        FRAGMENTATION: (0.20, "ratio"),
        SLOW_QUERY: (0.05 * NS_PER_S, "ns"),
    }
)
#: from this share on a function is worth a look, and serialization is an issue
HOT_WARNING: Final = 0.05
SERIALIZATION_ISSUE: Final = 0.20

#: rule -> the metric or category that a budget of perf.yml names
_METRICS: Final = {TOTAL: "memory.rss.peak"}
_CATEGORIES: Final = {LOCKS: "locks", SERIALIZATION: "serialization", DATABASE: "database"}


def budget_of(rule: str, limits: Mapping[str, float]) -> Budget:
    """The rule as a budget of the program's own, with the limit of `limits` or the guide's."""
    limit, unit = LIMITS[rule]
    category = _CATEGORIES.get(rule, "")
    return Budget(
        rule=f"category {category}" if category else _METRICS.get(rule, rule),
        limit=limits.get(rule, limit),
        unit=unit,
        subject="category" if category else "metric",
        pattern=category,
        kind="cpu" if category else "",
    )


def limits_of(budgets: Sequence[Budget]) -> dict[str, float]:
    """The limits that the user's budgets put in place of the guide's: those on head itself, of the same quantity."""
    out: dict[str, float] = {}
    for budget in budgets:
        if budget.relative or budget.at_least:
            continue
        for rule in LIMITS:
            own = budget_of(rule, {})
            if (budget.subject, budget.pattern, budget.kind) != (own.subject, own.pattern, own.kind):
                continue
            if budget.subject == "category" or budget.rule in (own.rule, rule):
                out[rule] = budget.limit
    return out
