"""The profiling guide's lists and its table of targets, as filled in: rows ready to print, nothing escaped yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from perf_action.model.finding import Finding, State
from perf_action.model.report import Report
from perf_action.model.suspect import Suspect
from perf_action.render import escape, numbers
from perf_action.render.accused import suspects_of, why
from perf_action.render.sentence import Sentence

ICONS: Final[dict[State, str]] = {State.PASS: "✅", State.FAIL: "❌", State.CANNOT_TELL: "❔"}
WORDS: Final[dict[State, str]] = {State.PASS: "pass", State.FAIL: "fail", State.CANNOT_TELL: "cannot tell"}

#: rule -> what the guide says of it; ``{}`` is the limit
_CPU: Final[dict[str, str]] = {
    "cpu.hot_function": "No single function over {} CPU time",
    "cpu.blocking_in_async": "Async functions don't block, nor take over {} at once",
    "cpu.lock_contention": "Lock contention under {} of CPU time",
    "cpu.serialization": "Serialization under {} of CPU time",
    "cpu.database": "Database under {} of CPU time",
    "database.slow_query": "No database query over {}",
}
_MEMORY: Final[dict[str, str]] = {
    "memory.stable": "Heap usage stable under sustained load",
    "memory.leak": "No memory leaks",
    "memory.total": "Total memory under {} per instance",
    "memory.allocation_rate": "Allocation rate under {}",
    "memory.fragmentation": "Fragmentation under {}",
}
#: the guide's targets: rule -> metric
_TARGETS: Final[dict[str, str]] = {
    "cpu.cores": "CPU usage",
    "memory.total": "Memory usage",
    "memory.allocations_per_second": "Allocations",
    "cpu.hot_function": "Hot function time",
}
_LISTS: Final = (("before", "Before profiling"), ("during", "During profiling"), ("after", "After profiling"))
_EVIDENCE, _EVIDENCE_LENGTH = 2, 160


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check. `value` and `limit` are empty where there is none; `new`: it fails and did not on base.
    `because`: what the pull request changed that leads to it.
    """

    rule: str
    icon: str
    state: str
    label: str
    value: str
    limit: str
    message: str
    evidence: tuple[str, ...]
    because: tuple[Sentence, ...]
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckGroup:
    """One list of the guide."""

    title: str
    rows: tuple[CheckRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """`summary` counts the checks of the service; those of how it was measured have a summary of their own.

    `open`: something fails that did not fail on base, so that people should see it without asking.
    """

    summary: str = ""
    lists: tuple[CheckGroup, ...] = ()
    targets: tuple[CheckRow, ...] = ()
    conditions: tuple[CheckGroup, ...] = ()
    conditions_summary: str = ""
    open: bool = False


def checklist_facts(report: Report) -> Checklist:
    """The lists of a report; empty where nothing was checked."""
    new = {f.rule for f in report.new_failures}
    rows = {f.rule: _row(f, report.suspects, new=f.rule in new) for f in report.checklist}
    about_service = [f for f in report.checklist if not _is_condition(f)]
    lists = (
        CheckGroup(title="CPU analysis", rows=_labelled(rows, _CPU)),
        CheckGroup(title="Memory analysis", rows=_labelled(rows, _MEMORY)),
    )
    conditions = tuple(
        CheckGroup(
            title=title, rows=tuple(rows[f.rule] for f in report.checklist if f.rule.startswith(part + "."))
        )
        for part, title in _LISTS
    )
    return Checklist(
        summary=_summary(about_service),
        lists=tuple(group for group in lists if group.rows),
        targets=_labelled(rows, _TARGETS),
        conditions=tuple(group for group in conditions if group.rows),
        conditions_summary=_summary([f for f in report.checklist if _is_condition(f)]),
        open=any(rows[f.rule].new for f in about_service),
    )


def _is_condition(finding: Finding) -> bool:
    return finding.rule.startswith(tuple(f"{part}." for part, _ in _LISTS))


def _summary(findings: Sequence[Finding]) -> str:
    """``9 pass, 1 fail, 3 cannot tell``."""
    counts = Counter(f.state for f in findings)
    return ", ".join(f"{counts[state]:,} {word}" for state, word in WORDS.items() if counts[state])


def _labelled(rows: dict[str, CheckRow], labels: dict[str, str]) -> tuple[CheckRow, ...]:
    """The rows of a list in the guide's order and words."""
    return tuple(
        replace(rows[rule], label=label.format(rows[rule].limit or "its limit"))
        for rule, label in labels.items()
        if rule in rows
    )


def _row(f: Finding, suspects: Sequence[Suspect], *, new: bool) -> CheckRow:
    fails = f.state is State.FAIL
    name = f.rule.partition(".")[2]
    return CheckRow(
        rule=escape.name(f.rule),
        icon=ICONS[f.state],
        state=WORDS[f.state],
        label=escape.name(name[:1].upper() + name[1:]),
        value=_quantity(f, f.value),
        limit=_limit(f),
        message=escape.sentence(f.message).rstrip("."),
        evidence=tuple(_shown(text) for text in f.evidence[:_EVIDENCE])
        if fails or f.rule == "cpu.hot_function"
        else (),
        because=tuple(map(why, suspects_of(f, suspects))),
        new=new,
    )


def _quantity(f: Finding, value: float | None) -> str:
    if value is None:
        return ""
    return numbers.cores(value) if f.rule == "cpu.cores" else numbers.quantity(value, f.unit or "count")


def _limit(f: Finding) -> str:
    if f.limit is None:
        return ""
    return numbers.cores(f.limit) if f.rule == "cpu.cores" else numbers.limit(f.limit, f.unit or "count")


def _shown(text: str) -> str:
    """A stack's end is nearer to what it costs than its beginning."""
    whole = escape.clean(escape.without_hashes(text[-4 * _EVIDENCE_LENGTH :]))
    return whole if len(whole) <= _EVIDENCE_LENGTH else "…" + whole[-_EVIDENCE_LENGTH + 1 :]
