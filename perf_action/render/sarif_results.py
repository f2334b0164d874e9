"""What a report has for code scanning: each finding once, with its place, its sentence, and what makes it the same finding
in the next run.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from perf_action.compare.identity import plain_name
from perf_action.model.change import FunctionChange, LeakChange, MetricChange, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.report import Report
from perf_action.model.suspect import Suspect
from perf_action.model.touched import Lines
from perf_action.render import escape, sentence
from perf_action.render.accused import accusation, advice_for, culprit, inside, suspects_of, why
from perf_action.render.clauses import function_clause, is_new_leak, leak_clause, metric_clause

SETTINGS: Final = "perf.yml"
_MOST_RELATED: Final = 20
_MOST_FRAMES: Final = 64

#: rule -> its name in one line
RULES: Final[dict[str, str]] = {
    "regression/function": "A function costs more than before",
    "regression/metric": "The service costs more than before",
    "leak": "Memory grows with every request",
    "budget": "A budget of perf.yml is exceeded",
    "checklist": "A check of the profiling guide fails",
}
#: rule -> what to do where no advice is more particular
REMEDIES: Final[dict[str, str]] = {
    "regression/function": "Look at the changed lines that lead to it, and at the flame graph of the difference.",
    "regression/metric": "The functions that got worse, if there are any, say where; the report has intervals and samples.",
    "leak": "Look at what the functions that leave memory behind keep: caches without a bound, listeners, global lists.",
    "budget": "Spend less, or raise the limit in perf.yml with a reason.",
    "checklist": "The evidence names the stacks that cost most.",
}

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`file` from the root of the repository; `lines` None where they are not known."""

    file: str
    lines: Lines | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """`fingerprint` is the same for the same finding in another run: no line, no number goes into it. `next_step` is what
    to do about it.
    """

    rule: str
    level: Level
    message: str
    place: Place
    fingerprint: str
    related: tuple[Place, ...] = ()
    properties: tuple[tuple[str, object], ...] = ()
    next_step: str = ""


def results_of(report: Report) -> Iterator[Result]:
    """Regressed functions, metrics, new leaks, broken budgets and failed checks, in this order."""
    comparison = report.comparison
    if comparison is not None:
        worse = [f for f in comparison.functions if f.verdict is Verdict.REGRESSION]
        yield from (_function(f, report) for f in worse)
        yield from (_metric(m) for m in comparison.metrics if m.verdict is Verdict.REGRESSION)
        yield from (_leak(k) for k in comparison.leaks if is_new_leak(k))
    yield from (_finding("budget", "error", b) for b in report.budgets if b.state is State.FAIL)
    yield from (_check(c, report) for c in report.checklist if c.state is State.FAIL)


def _function(row: FunctionChange, report: Report) -> Result:
    chief = culprit(row, report.suspects)
    own = None if row.file in report.foreign_files else _own_place(row)
    places = [
        Place(file=s.file, lines=lines, label=sentence.plain(why(s)))
        for s in suspects_of(row, report.suspects)
        for lines in (s.lines or (None,))
        if inside(s.file)
    ]
    if chief is not None and inside(chief.file):
        place = Place(file=chief.file, lines=chief.lines[0])
        message = sentence.plain(accusation(row, chief))
    else:
        place, message = own or Place(file=SETTINGS), sentence.plain(function_clause(row))
    related = [p for p in places if (p.file, p.lines) != (place.file, place.lines)]
    if own is not None and (own.file, own.lines) != (place.file, place.lines):
        related.append(own)
    advice = advice_for(row, report.advice)
    advised = ""
    if advice is not None:
        advised = advice.title + (f": {advice.solutions[0]}" if advice.solutions else "")
        message += f". {advised}"
    return Result(
        rule=f"regression/function:{escape.name(row.kind)}",
        level="warning",
        message=message,
        place=place,
        fingerprint=_fingerprint("function", row.kind, plain_name(row.name), inside(row.file)),
        related=tuple(related[:_MOST_RELATED]),
        properties=(
            ("function", row.name),
            ("kind", row.kind),
            ("unit", row.unit),
            *_numbers(base=row.base, head=row.head, change=row.change, p=row.p),
            ("stack", row.stack[-_MOST_FRAMES:]),
            *((("confidence", chief.confidence.value), ("relation", chief.relation)) if chief else ()),
        ),
        next_step=advised or _step(chief, row),
    )


def _step(chief: Suspect | None, row: FunctionChange) -> str:
    """What to do where no advice is more particular."""
    if chief is None:
        return f"find what calls {row.name} more often, or with more data; nothing in the change was seen to lead to it"
    lines = ", ".join(f"{a}–{b}" if b > a else f"{a}" for a, b in chief.lines[:5])
    if chief.relation == "dependency":
        return f"measure with the earlier version ({chief.changed}, {chief.file} line {lines})"
    return f"look at what {chief.changed} does differently in {chief.file}, lines {lines}"


def _own_place(row: FunctionChange) -> Place | None:
    file = inside(row.file)
    if not file:
        return None
    return Place(file=file, lines=(row.line, row.line) if row.line > 0 else None, label=row.name)


def _metric(row: MetricChange) -> Result:
    return Result(
        rule="regression/metric",
        level="warning",
        message=sentence.plain(metric_clause(row)),
        place=Place(file=SETTINGS),
        fingerprint=_fingerprint("metric", row.name),
        properties=(
            ("metric", row.name),
            ("unit", row.unit),
            *_numbers(base=row.base, head=row.head, change=row.change, p=row.p),
        ),
    )


def _leak(row: LeakChange) -> Result:
    return Result(
        rule="leak",
        level="warning",
        message=sentence.plain(leak_clause(row)),
        place=Place(file=SETTINGS),
        fingerprint=_fingerprint("leak", row.name),
        properties=(
            ("series", row.name),
            ("unit", row.unit),
            *_numbers(per_second=row.per_second, per_request=row.per_request),
        ),
    )


def _check(found: Finding, report: Report) -> Result:
    """On the changed lines that lead to it, if that is sure enough; its own place is related then."""
    result = _finding("checklist", "warning", found)
    chief = culprit(found, report.suspects)
    if chief is None or not inside(chief.file):
        return result
    own = (replace(result.place, label=found.function),) if result.place.lines else ()
    return replace(
        result,
        message=f"{found.rule}: {sentence.plain(accusation(found, chief))}",
        place=Place(file=chief.file, lines=chief.lines[0]),
        related=own,
        properties=(
            *result.properties,
            ("function", found.function),
            ("confidence", chief.confidence.value),
            ("relation", chief.relation),
        ),
    )


def _finding(rule: Literal["budget", "checklist"], level: Level, found: Finding) -> Result:
    file = inside(found.file)
    lines = (found.line, found.line) if file and found.line > 0 else None
    return Result(
        rule=f"{rule}:{escape.name(found.rule)}",
        level=level,
        message=f"{found.rule}: {found.message or 'over its limit'}",
        place=Place(file=file or SETTINGS, lines=lines),
        fingerprint=_fingerprint(rule, found.rule),
        properties=(
            ("unit", found.unit),
            *_numbers(limit=found.limit, value=found.value),
            ("evidence", found.evidence[:_MOST_FRAMES]),
        ),
    )


def _numbers(**values: float | None) -> Iterator[tuple[str, object]]:
    """Those that are known and finite."""
    return ((name, float(v)) for name, v in values.items() if v is not None and math.isfinite(v))


def _fingerprint(*parts: str) -> str:
    """As GitHub's own action writes it: a hash, and which of equal ones it is."""
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return f"{hashlib.sha256(text).hexdigest()[:16]}:1"
