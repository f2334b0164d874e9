"""The profiling guide's checklists and targets, filled in by the program: each check with value, limit and evidence.

One file for each kind of check; a check that nothing measured cannot tell, and says what would measure it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perf_action.judge.categories import Categories
from perf_action.judge.checklist import cpu, memory
from perf_action.judge.checklist.blocking import blocking
from perf_action.judge.checklist.conditions import conditions
from perf_action.judge.checklist.locks import contention
from perf_action.judge.checklist.queries import slow_query
from perf_action.judge.checklist.targets import limits_of
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, LeakChange
from perf_action.model.check import Check
from perf_action.model.finding import Budget, Finding
from perf_action.model.snapshot import Snapshot

__all__ = ["Subject", "checklist"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is checked. `categories` are what its costs were spent on, by the rules in `rules`; `leaks` its series as
    judged; `checks` the conditions under which it was measured; `budgets` those of perf.yml, whose limits take the place
    of the guide's. `flat` is head by function, if that is known already: most checks ask for no lines.
    """

    head: Snapshot
    flat: Snapshot | None = None
    comparison: Comparison | None = None
    categories: Sequence[CategoryCost] = ()
    leaks: Sequence[LeakChange] = ()
    checks: Sequence[Check] = ()
    budgets: Sequence[Budget] = ()
    rules: Categories = field(default_factory=Categories.builtin)


def checklist(subject: Subject) -> tuple[Finding, ...]:
    """One finding for each check, in the guide's order: CPU, memory, queries, then before, during and after."""
    limits = limits_of(subject.budgets)
    return (
        *_cpu(subject, limits),
        *_memory(subject, limits),
        slow_query(subject.head, subject.rules, limits),
        *conditions(subject.checks, subject.comparison, budgets=len(subject.budgets)),
    )


def _cpu(subject: Subject, limits: Mapping[str, float]) -> tuple[Finding, ...]:
    head, categories = subject.head, subject.categories
    return (
        cpu.hot_function(head, limits),
        blocking(head, limits),
        contention(head, categories, limits),
        cpu.serialization(head, categories, subject.rules, limits),
        cpu.database(head, categories, subject.rules, limits),
        cpu.cores(head, limits),
    )


def _memory(subject: Subject, limits: Mapping[str, float]) -> tuple[Finding, ...]:
    head, leaks = subject.flat or subject.head, subject.leaks
    return (
        memory.stable(leaks, head),
        memory.leak(leaks, head, subject.comparison),
        memory.total(head, limits),
        memory.allocation_rate(head, limits),
        memory.allocations(head, limits),
        memory.fragmentation(head, limits),
    )
