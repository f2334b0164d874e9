"""What stands round the numbers: what was compared, on which machine, how far it can be trusted, how to do it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perf_action.model.change import Comparison
from perf_action.model.check import Check
from perf_action.model.environment import Environment
from perf_action.model.finding import State
from perf_action.model.report import Report
from perf_action.model.snapshot import Snapshot
from perf_action.render import escape, numbers
from perf_action.render.sentence import Sentence, Span, code, say


def _short(commit: str) -> str:
    return escape.commit(commit)[:9]


def _label(snapshot: Snapshot | None, commit: str = "") -> Span:
    known = _short(commit) or (_short(snapshot.commit) if snapshot else "")
    return code(known or (snapshot.label if snapshot else "") or "unknown")


def baseline(report: Report) -> Sentence:
    b = report.baseline
    nameless = not (report.stages or report.head.commit or b.commit)
    if nameless or (report.comparison is None and report.base is None):
        return say(escape.sentence(b.note)) if b.note else ()
    base, head = _label(report.base, b.commit), _label(report.head)
    note = f" Note: {escape.sentence(b.note).rstrip('.')}." if b.note else ""
    if b.how == "side-by-side":
        before = f", {numbers.plural(b.commits_behind, 'commit')} before" if b.commits_behind else ""
        return say(head, " against ", base, f"{before}, measured side by side on this machine.{note}")
    how = ", a stored baseline" if b.how == "stored" else ""
    distance = _distance(b.commits_behind, b.days_old)
    return say(head, " against ", base, how + (f", {distance}" if distance else "") + "." + note)


def _distance(commits: int | None, days: float | None) -> str:
    parts = []
    if commits:
        parts.append(f"{numbers.plural(commits, 'commit')} behind")
    if days is not None and days >= 0.05:
        parts.append(f"{days:.1f} days old" if days < 10 else f"{days:,.0f} days old")
    return ", ".join(parts)


_ANSWERS = {State.PASS: "✓", State.FAIL: "✗", State.CANNOT_TELL: "?"}


def environment(e: Environment | None) -> tuple[tuple[str, str], ...]:
    if e is None:
        return ()
    facts_of: tuple[tuple[str, object, Callable[[float], str] | None], ...] = (
        ("Processor", e.cpu_model, None),
        ("Cores", e.cores, str),
        (
            "CPU limit",
            e.cpu_quota,
            lambda v: numbers.plural(round(v), "core") if v == round(v) else f"{v:g} cores",
        ),
        ("Memory", e.memory_bytes, numbers.size),
        ("Kernel", e.kernel, None),
        ("System", e.os, None),
        ("Architecture", e.arch, None),
        ("Image", e.image, None),
    )
    rows = [
        (
            label,
            write(value) if write and isinstance(value, int | float) else escape.sentence(str(value), 120),
        )
        for label, value, write in facts_of
        if value
    ]
    rows += [(escape.name(k, 40), escape.sentence(v, 120)) for k, v in (*e.tools, *e.extra)]
    return (*rows, ("Fingerprint", e.fingerprint()))


def conditions(checks: Sequence[Check]) -> tuple[tuple[str, str], ...]:
    """Rows that go with the environment: of the machine only what is not as it should be."""
    return tuple(
        (
            escape.name(check.name[:1].upper() + check.name[1:], 40),
            escape.sentence(f"{_ANSWERS[check.state]} {check.evidence}", 160),
        )
        for check in checks
        if check.topic != "machine" or check.state is State.FAIL
    )


def self_check(c: Comparison) -> str:
    if c.self_check is None or not c.self_check.of:
        return ""
    s = c.self_check
    alarmed = "none" if not s.false_alarms else f"{s.false_alarms:,}"
    return f"Base was compared with itself {numbers.plural(s.of, 'time')}: {alarmed} of them raised an alarm"
