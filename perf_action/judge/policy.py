"""What makes a job red: the words of `fail-on`, applied to a finished report."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum

from perf_action.judge.accepted import budget_key, covered, function_key, leak_key, metric_key
from perf_action.model.change import Comparison, LeakChange, LeakState, Verdict
from perf_action.model.finding import State
from perf_action.model.report import Report


def fails(report: Report, fail_on: Collection[str]) -> tuple[str, ...]:
    """One line for each word of `fail_on` (regression, budget, leak, inconclusive; never) that applies.

    What somebody has accepted (`report.accepted`) does not count. A leak counts if head has it and base has not, or there is no base. Nothing to compare with is inconclusive, unless the measurement was
    skipped on purpose.
    """
    gone = covered(report.accepted)
    words = {str(word.value) if isinstance(word, Enum) else word for word in fail_on}
    found = {
        "regression": _regressions(report.comparison, gone),
        "budget": [
            b.rule for b in report.budgets if b.state is State.FAIL and budget_key(b.rule) not in gone
        ],
        "leak": _leaks(report.leaks, gone, any_base=report.comparison is not None),
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


def _regressions(comparison: Comparison | None, gone: Collection[str]) -> list[str]:
    if comparison is None or comparison.verdict is not Verdict.REGRESSION:
        return []
    worse = Verdict.REGRESSION
    functions = [
        f.name for f in comparison.functions if f.verdict is worse and function_key(f.name) not in gone
    ]
    metrics = [m.name for m in comparison.metrics if m.verdict is worse and metric_key(m.name) not in gone]
    return [*functions, *metrics, *_leaks(comparison.leaks, gone)]


def _leaks(leaks: Sequence[LeakChange], gone: Collection[str], *, any_base: bool = True) -> list[str]:
    """The leaks that base has not; without a base, all."""
    leaking = [k for k in leaks if k.verdict is LeakState.LEAKING and (k.new or not any_base)]
    return [k.name for k in leaking if leak_key(k.name) not in gone]


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
