"""A regression is said only if a second measurement of the same two programs sees it again.

The second one looks at nothing but what the first one flagged, so it need not be as strict: the same direction at
p < .05 (exact counts: a regression again). Chance that fooled the first one fools both in one of twenty cases.
"""

from __future__ import annotations

from dataclasses import replace

from perf_action.compare.rows import direction
from perf_action.model.change import (
    Comparison,
    FunctionChange,
    LeakChange,
    LeakState,
    MetricChange,
    Verdict,
)

_AGREES = 0.05
_NOT_SEEN = "not seen again when it was measured a second time"


def is_flagged(row: MetricChange | FunctionChange | LeakChange) -> bool:
    """Whether a row says that head got worse."""
    if isinstance(row, LeakChange):
        return row.verdict is LeakState.LEAKING and row.new
    return row.verdict is Verdict.REGRESSION


def confirm(found: Comparison, again: Comparison | None, why_not: str = "") -> Comparison:
    """`found` with every regression that `again` does not show made inconclusive; without `again`, all of them, because
    of `why_not`.
    """
    if again is not None and again.not_comparable:
        why_not = why_not or (again.reasons[0] if again.reasons else "the two could not be compared")
    metrics = {m.name: m for m in again.metrics} if again else {}
    functions = {_key(f): f for f in again.functions} if again else {}
    leaks = {k.name: k for k in again.leaks} if again else {}
    missing = f"not measured a second time: {why_not}" if why_not else ""
    return replace(
        found,
        metrics=tuple(
            replace(m, verdict=Verdict.INCONCLUSIVE, reason=reason)
            if is_flagged(m) and (reason := missing or _of_metric(metrics.get(m.name)))
            else m
            for m in found.metrics
        ),
        functions=tuple(
            replace(f, verdict=Verdict.INCONCLUSIVE, reason=reason)
            if is_flagged(f) and (reason := missing or _of_function(functions.get(_key(f))))
            else f
            for f in found.functions
        ),
        leaks=tuple(
            replace(k, verdict=LeakState.INCONCLUSIVE, new=False, reason=reason)
            if is_flagged(k) and (reason := missing or _of_leak(leaks.get(k.name)))
            else k
            for k in found.leaks
        ),
    )


def _key(f: FunctionChange) -> tuple[str, str, str, str, str]:
    return f.name, f.file, f.module, f.kind, f.value


def _of_metric(row: MetricChange | None) -> str:
    """Why a metric is not confirmed, or nothing."""
    if row is None:
        return f"{_NOT_SEEN}: nothing to compare"
    worse = row.base is not None and row.head is not None and row.change is not None and row.change != 0
    same_way = worse and direction(row, row.change or 0.0) is Verdict.REGRESSION
    if is_flagged(row) or (same_way and row.p is not None and row.p < _AGREES):
        return ""
    return _differs(row.change, row.p)


def _of_function(row: FunctionChange | None) -> str:
    if row is None:
        return f"{_NOT_SEEN}: it hardly ran"
    moved = row.verdict is Verdict.UNCHANGED and bool(row.reason)
    agrees = row.head > row.base and row.p is not None and row.p < _AGREES and not moved
    return "" if is_flagged(row) or agrees else _differs(row.change, row.p)


def _of_leak(row: LeakChange | None) -> str:
    return "" if row is not None and row.verdict is LeakState.LEAKING else _NOT_SEEN


def _differs(change: float | None, p: float | None) -> str:
    said = [f"{change:+.1%}"] if change is not None else []
    said += [f"p = {p:.2g}"] if p is not None else []
    return f"{_NOT_SEEN} ({', '.join(said)})" if said else _NOT_SEEN
