"""No query takes longer than 50 ms.

What the database itself says of its queries is a proof. A time-line is one for the good only: a stretch in one database
call that is longer than the limit may be one slow query or many fast ones in a row, and no sampler can tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from perf_action.judge.budgets.unmeasured import QUERIES, remedy
from perf_action.judge.categories import Categories
from perf_action.judge.checklist import targets
from perf_action.judge.checklist.stretches import stays, threads
from perf_action.judge.code.shown import shown_stack
from perf_action.model.finding import Finding, State
from perf_action.model.profile import Profile
from perf_action.model.query import Query
from perf_action.model.snapshot import Snapshot
from perf_action.model.units import NS_PER_S

_DATABASE: Final = "database"
_LEAST_NS: Final = NS_PER_S
_EVIDENCE: Final = 3


def slow_query(head: Snapshot, categories: Categories, limits: Mapping[str, float]) -> Finding:
    """The slowest query, as far as anything knows of single queries."""
    limit, unit = targets.LIMITS[targets.SLOW_QUERY]
    finding = Finding(
        rule=targets.SLOW_QUERY,
        state=State.CANNOT_TELL,
        limit=limits.get(targets.SLOW_QUERY, limit),
        unit=unit,
    )
    if head.queries is not None:
        return _counted(finding, head.queries)
    return _in_time_line(finding, head, categories)


def _counted(finding: Finding, queries: Sequence[Query]) -> Finding:
    """By the mean of each statement: that one call among many was late is no property of the query."""
    slowest = max(queries, key=lambda q: q.mean_ns, default=None)
    if slowest is None:
        said = "no query was counted during the load; does service.queries name the database that it asks?"
        return replace(finding, message=said)
    slow = [q for q in queries if q.mean_ns > (finding.limit or 0.0)]
    ranked = sorted(slow or [slowest], key=lambda q: -q.mean_ns)
    longest = max((q.longest_ns or 0.0 for q in queries), default=0.0)
    once = f", the longest single call {longest / 1e6:.3g} ms" if longest else ""
    return replace(
        finding,
        state=State.FAIL if slow else State.PASS,
        value=slowest.mean_ns,
        message=f"the mean of the slowest of {len(queries)} statements, as the database counts{once}",
        evidence=tuple(
            f"{q.text} ({q.calls} calls, {q.mean_ns / 1e6:.3g} ms each)" for q in ranked[:_EVIDENCE]
        ),
    )


def _in_time_line(finding: Finding, head: Snapshot, categories: Categories) -> Finding:
    limit = finding.limit or 0.0
    seen, longest = 0, None
    for capture in head.timelines:
        profile = capture.profile
        sites = _sites(profile, categories)
        seen += sum(profile.sample_values[:, 0].tolist())
        for moments in threads(profile):
            for stay in stays(moments, sites.__getitem__).values():
                if longest is None or stay.longest > longest[0].longest:
                    longest = (stay, profile)
    if seen < _LEAST_NS:
        return replace(finding, message=f"it was not measured; {remedy(QUERIES, head)}")
    if longest is None:
        return replace(finding, state=State.PASS, message="in the time-line nothing called a database")
    stay, profile = longest
    evidence = (shown_stack(profile, stay.node),)
    if stay.longest < limit:
        return replace(
            finding,
            state=State.PASS,
            value=float(stay.longest),
            message="the longest stay in one database call of the time-line",
            evidence=evidence,
        )
    said = (
        f"the time-line stays in one database call for {stay.longest / 1e6:.0f} ms: one slow query, or many fast "
        "ones in a row, which only the database can tell"
    )
    return replace(finding, message=said, evidence=evidence)


def _sites(profile: Profile, categories: Categories) -> list[int | None]:
    """For every stack node the node whence the database was called, None outside of it."""
    numbers, names = categories.of_stacks(profile)
    wanted = names.index(_DATABASE)
    found: list[int | None] = []
    for parent, number in zip(profile.stack_parent.tolist(), numbers.tolist(), strict=True):
        inside = found[parent] if parent >= 0 else None
        found.append(None if number != wanted else parent if inside is None else inside)
    return found
