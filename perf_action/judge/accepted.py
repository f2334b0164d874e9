"""Which regressions somebody has accepted, in a label or in a line of a message, so that they do not fail the policy.

    Perf-accept: encode cpu.per_request until 2026-12-31 because the new codec checks signatures

A label is ``perf-accepted`` (all regressions of this pull request) or ``perf-accept: cpu.per_request``, with ``until`` if
wanted; its description is the reason. What is accepted still shows as a regression. Texts are hostile: bounded, never
regular expressions of their own.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from perf_action.judge.budgets.limits import nearest_one
from perf_action.judge.budgets.patterns import Pattern
from perf_action.judge.budgets.spent import Place
from perf_action.model.accepted import EVERYTHING, Accepted, AcceptedState, Spoken
from perf_action.model.change import Comparison, LeakState, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.profile import FunctionKey

LABEL_FOR_ALL = "perf-accepted"
_PREFIX = "perf-accept:"
_LONGEST_TEXT, _LONGEST_LINE, _LONGEST_REASON = 65_536, 500, 300
_MOST_LINES, _MOST_SUBJECTS = 20, 20
_TOKEN = re.compile(r"`([^`]{1,200})`|\"([^\"]{1,200})\"|([^\s,`\"]{1,200})")
_BECAUSE = re.compile(r"\bbecause\b", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    subjects: tuple[str, ...]
    reason: str
    until: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Something that was judged. `key` is how policy and report call it."""

    key: str
    name: str
    place: Place | None = None
    worse: bool = False

    def is_meant(self, subject: str, pattern: Pattern | None) -> bool:
        if subject == EVERYTHING:
            return True
        if self.place is not None:
            return self.name == subject or (pattern is not None and pattern.matches(self.place))
        return self.name == subject or fnmatchcase(self.name, subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """What every statement is held against."""

    rows: tuple[_Row, ...]
    allowed: Collection[str]
    today: dt.date


def accepted(
    spoken: Iterable[Spoken],
    comparison: Comparison | None,
    budgets: Sequence[Finding],
    *,
    allowed: Collection[str],
    today: dt.date,
) -> tuple[Accepted, ...]:
    """What was accepted, in the order in which it was said. `allowed` are the sources that count."""
    around = _Around(rows=tuple(_rows(comparison, budgets)), allowed=allowed, today=today)
    out = [
        _judge(subject, statement, said, around)
        for said in spoken
        for statement in _statements(said)
        for subject in statement.subjects
    ]
    return tuple(dict.fromkeys(out))


def is_label(name: str) -> bool:
    """Whether a label accepts something."""
    return name.strip().lower() == LABEL_FOR_ALL or name.strip().lower().startswith(_PREFIX)


def covered(found: Iterable[Accepted]) -> frozenset[str]:
    """The rows that do not fail the policy."""
    return frozenset(row for a in found if a.state.counts for row in a.rows)


def metric_key(name: str) -> str:
    return f"metric {name}"


def function_key(name: str) -> str:
    return f"function {name}"


def leak_key(name: str) -> str:
    return f"leak {name}"


def budget_key(rule: str) -> str:
    return f"budget {rule}"


def _rows(comparison: Comparison | None, budgets: Sequence[Finding]) -> Iterator[_Row]:
    """Metrics, functions and leaks, and budgets on what changed. A limit that perf.yml itself sets is changed there."""
    if comparison is not None:
        for m in comparison.metrics:
            yield _Row(key=metric_key(m.name), name=m.name, worse=m.verdict is Verdict.REGRESSION)
        for f in comparison.functions:
            place = Place(FunctionKey(f.name, f.file, f.module))
            worse = f.verdict is Verdict.REGRESSION
            yield _Row(key=function_key(f.name), name=f.name, place=place, worse=worse)
        for k in comparison.leaks:
            leaking = k.verdict is LeakState.LEAKING and k.new
            yield _Row(key=leak_key(k.name), name=k.name, worse=leaking)
    for b in budgets:
        if b.against_past:
            yield _Row(key=budget_key(b.rule), name=b.rule, worse=b.state is State.FAIL)


# --- what was said


def _statements(said: Spoken) -> Iterator[_Statement]:
    if said.source == "label":
        name = said.text.strip()[:_LONGEST_LINE]
        if name.lower() == LABEL_FOR_ALL:
            yield _Statement(subjects=(EVERYTHING,), reason=said.description[:_LONGEST_REASON], until="")
        elif name.lower().startswith(_PREFIX):
            found = _parse(name[len(_PREFIX) :])
            yield replace(found, reason=found.reason or said.description[:_LONGEST_REASON])
        return
    lines = [line.strip() for line in said.text[:_LONGEST_TEXT].splitlines()]
    for line in [x for x in lines if x[: len(_PREFIX)].lower() == _PREFIX][:_MOST_LINES]:
        yield _complete(_parse(line[len(_PREFIX) : _LONGEST_LINE]))


def _parse(text: str) -> _Statement:
    because = _BECAUSE.search(text)
    said, reason = (text[: because.start()], text[because.end() :]) if because else (text, "")
    words = [next(group for group in match if group) for match in _TOKEN.findall(said)]
    until, problem = "", ""
    at = next((i for i, word in enumerate(words) if word.lower() == "until"), None)
    if at is not None:
        until = words[at + 1] if at + 1 < len(words) else ""
        problem = "" if _is_date(until) else f"{until or 'nothing'!r} is no day such as 2026-12-31"
        words = words[:at]
    subjects = tuple(dict.fromkeys(words))[:_MOST_SUBJECTS]
    return _Statement(
        subjects=subjects or ("",),
        reason=" ".join(reason.split())[:_LONGEST_REASON],
        until=until if not problem else "",
        problem=problem or ("" if subjects else "it names nothing"),
    )


def _complete(found: _Statement) -> _Statement:
    """Who accepts in a message says why and until when."""
    if found.problem:
        return found
    if not found.until:
        return replace(found, problem="it has no last day; write: until 2026-12-31")
    if not found.reason:
        return replace(found, problem="it has no reason; write: because …")
    return found


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and bool(dt.date.fromisoformat(text))
    except ValueError:
        return False


# --- what comes of it


def _judge(subject: str, statement: _Statement, said: Spoken, around: _Around) -> Accepted:
    base = Accepted(
        subject=subject,
        state=AcceptedState.INVALID,
        source=said.source,
        where=said.where,
        by=said.by,
        reason=statement.reason,
        until=statement.until,
        note=statement.problem,
    )
    if statement.problem:
        return base
    if said.source not in around.allowed:
        why = f"perf.yml does not accept by {said.source}; see accept"
        return replace(base, state=AcceptedState.NOT_ALLOWED, note=why)
    if statement.until and dt.date.fromisoformat(statement.until) < around.today:
        return replace(base, state=AcceptedState.EXPIRED, note=f"it ended on {statement.until}")
    pattern = Pattern(subject) if subject != EVERYTHING and subject.count("*") <= _MOST_SUBJECTS else None
    mine = [row for row in around.rows if row.is_meant(subject, pattern)]
    if not mine and subject != EVERYTHING:
        near = nearest_one(subject, (row.name for row in around.rows))
        return replace(base, state=AcceptedState.UNKNOWN, note=f"nothing of this name was compared{near}")
    worse = tuple(dict.fromkeys(row.key for row in mine if row.worse))
    if not worse:
        return replace(base, state=AcceptedState.NOT_NEEDED, note="it has not got worse")
    return replace(base, state=AcceptedState.HONOURED, rows=worse)
