"""What makes a job red: the words of `fail-on`, applied to a finished report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum

from perf_action.model.change import Comparison, LeakChange, LeakState, Verdict
from perf_action.model.finding import State
from perf_action.model.report import Report


def fails(report: Report, fail_on: Collection[str]) -> tuple[str, ...]:
    """One line for each word of `fail_on` (regression, budget, leak, inconclusive; never) that applies.

    A leak counts if head has it and base has not, or there is no base. Nothing to compare with is inconclusive, unless the measurement was
    skipped on purpose.
    """
    words = {str(word.value) if isinstance(word, Enum) else word for word in fail_on}
    found = {
        "regression": _regressions(report.comparison),
        "budget": [b.rule for b in report.budgets if b.state is State.FAIL],
        "leak": _leaks(report.leaks, any_base=report.comparison is not None),
        "inconclusive": _open(report),
    }
    return tuple(
        f"{word}: {', '.join(what[:_LISTED])}{_more(what)}"
        for word, what in found.items()
        if word in words and what
    )


_LISTED = 5


def _more(what: Collection[str]) -> str:
    return f" and {len(what) - _LISTED} more" if len(what) > _LISTED else ""


def _regressions(comparison: Comparison | None) -> list[str]:
    if comparison is None or comparison.verdict is not Verdict.REGRESSION:
        return []
    functions = [f.name for f in comparison.functions if f.verdict is Verdict.REGRESSION]
    metrics = [m.name for m in comparison.metrics if m.verdict is Verdict.REGRESSION]
    return [*functions, *metrics, *_leaks(comparison.leaks)]


def _leaks(leaks: Sequence[LeakChange], *, any_base: bool = True) -> list[str]:
    """The leaks that base has not; without a base, all."""
    return [k.name for k in leaks if k.verdict is LeakState.LEAKING and (k.new or not any_base)]


def _open(report: Report) -> list[str]:
    unsure = [b.rule for b in report.budgets if b.state is State.CANNOT_TELL]
    if report.comparison is None:
        return unsure if report.skipped else ["nothing to compare with", *unsure]
    if report.comparison.verdict is not Verdict.INCONCLUSIVE:
        return unsure
    c = report.comparison
    rows = [m.name for m in c.metrics if m.gating and m.verdict is Verdict.INCONCLUSIVE]
    rows += [f.name for f in c.functions if f.verdict is Verdict.INCONCLUSIVE]
    rows += [k.name for k in c.leaks if k.verdict in (LeakState.INCONCLUSIVE, LeakState.WARMING_UP)]
    return [*(rows or list(c.reasons) or ["the comparison"]), *unsure]
