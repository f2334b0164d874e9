"""What advice rests on where it is numbers and not stacks: metrics, leaks, and failed checks of the checklist."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from perf_action.judge.advice.rules import Failed, MetricOver
from perf_action.judge.globs import Glob
from perf_action.model import units
from perf_action.model.change import LeakChange, LeakState
from perf_action.model.finding import Finding, State
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot

_STACKS: Final = 3
_LONGEST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """That a condition holds. `share` is what could be saved of all `kind`, of `covers` that it is about; `regressed`: it
    runs through what got worse; `failed`: a check of the checklist says so.
    """

    share: float = 0.0
    covers: float = 0.0
    kind: str = ""
    function: str = ""
    file: str = ""
    line: int = 0
    evidence: tuple[str, ...] = ()
    regressed: bool = False
    failed: bool = False


def metric(head: Snapshot, asked: MetricOver) -> Held | None:
    """The metric that is furthest above the limit; None if there is none."""
    limit, unit = asked.limit
    glob = Glob(asked.name)
    values = ((m.name, _median(m, unit)) for m in head.metrics if glob.fits(m.name))
    over = [(value, name) for name, value in values if value is not None and value > limit]
    if not over:
        return None
    value, name = max(over)
    text = f"{name} is {value:.4g} {unit}, over {limit:.4g} {unit}"
    return Held(share=_excess(value, limit, unit), kind=name, evidence=(text,))


def leak(head: Snapshot, leaks: Sequence[LeakChange], names: Sequence[str]) -> Held | None:
    """The series that grows by the largest part of itself; None if none of these names leaks."""
    globs = [Glob(name) for name in names]
    found = [
        Held(share=_growth(head, row.name), kind=row.name, evidence=(_grows(row),), regressed=row.new)
        for row in leaks
        if row.verdict is LeakState.LEAKING and any(glob.fits(row.name) for glob in globs)
    ]
    return max(found, key=lambda held: held.share, default=None)


def failed(checklist: Sequence[Finding], asked: Failed) -> Held | None:
    """The failed check that is furthest over its limit; None if none failed."""
    rules, said = [Glob(c) for c in asked.check], [Glob(e) for e in asked.evidence]
    found = [
        Held(
            share=_excess(f.value, f.limit, f.unit),
            failed=True,
            kind=f.rule,
            function=f.function,
            file=f.file,
            line=f.line,
            evidence=(f.message, *f.evidence[:_STACKS]) if f.message else f.evidence[:_STACKS],
        )
        for f in checklist
        if f.state is State.FAIL and any(rule.fits(f.rule) for rule in rules)
        if not said or any(glob.fits(text) for text in _said(f) for glob in said)
    ]
    return max(found, key=lambda held: held.share, default=None)


def _said(finding: Finding) -> Iterable[str]:
    """What a check says, and the functions of the stacks that it shows."""
    yield finding.message
    for line in finding.evidence:
        yield line
        if ";" in line:
            stack = line[:_LONGEST].rpartition(" ")[0]
            yield from (frame.partition(" (")[0] for frame in stack.split(";"))


def _median(measured: Metric, unit: str) -> float | None:
    """In `unit`; None without a finite sample, or if it is in another kind of unit."""
    kind, scale = units.measured_in(measured.unit)
    values = [v * scale for v in measured.samples if math.isfinite(v)]
    if not values or (kind != unit and {kind, unit} != {"count", "ratio"}):
        return None
    return statistics.median(values)


def _excess(value: float | None, limit: float | None, unit: str) -> float:
    """What is saved by coming down to the limit; of a share, to nothing."""
    if value is None or value <= 0:
        return 0.0
    if unit == "ratio" and value <= 1:
        return value
    return min(1.0, max(0.0, (value - (limit or 0.0)) / value))


def _growth(head: Snapshot, name: str) -> float:
    """Which part of its last value a series has grown by, since the first third of it."""
    grown = [
        (s.values[-1] - s.values[len(s.values) // 3]) / s.values[-1]
        for s in head.series
        if s.name == name and s.values and s.values[-1] > 0
    ]
    return min(1.0, max(0.0, *grown)) if grown else 0.0


def _grows(row: LeakChange) -> str:
    if row.per_second is None:
        return f"{row.name} keeps growing"
    per_request = "" if row.per_request is None else f", {row.per_request:.4g} {row.unit} a request"
    return f"{row.name} keeps growing by {row.per_second:.4g} {row.unit} a second{per_request}"
