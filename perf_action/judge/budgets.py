"""Budgets: limits that the user set on head, or on its change against base; pass, fail or cannot tell.

A value is the median over launches. Where launches scatter, a limit that lies inside the 80 % interval of their mean
cannot be judged: one time in ten the next run would say the opposite. A quantity that nobody measured is never a
pass: the message says what would measure it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from perf_action.compare import stats
from perf_action.judge.hot import hot_function
from perf_action.model import units
from perf_action.model.change import Comparison, MetricChange, Verdict
from perf_action.model.finding import Budget, Finding, State
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot

#: level of the interval inside which a limit cannot be judged
_LEVEL = 0.8
_LEAST_LAUNCHES = 3
#: rates of rare events are averaged: their median over launches is zero
_AVERAGED = ("load.error_rate",)
#: how a row's 99 % interval shrinks to one of 80 %, by the normal distribution
_NARROWER = 1.2816 / 2.5758

#: start of a metric's name -> what measures it
_REMEDIES: tuple[tuple[str, str], ...] = (
    ("cpu.hot_function", "add a stage with a CPU profiler, such as py-spy"),
    ("memory.rss", "add clean launches, or a soak"),
    ("memory.leak", "add a stage with memcheck"),
    ("memory.", "add a stage with a memory profiler, such as memray"),
    ("latency.", "use a load tool that reports latencies"),
    ("load.", "use a load tool that counts requests"),
    ("cpu.", "use a load tool that counts requests"),
)


def judge(budgets: Sequence[Budget], head: Snapshot, comparison: Comparison | None) -> tuple[Finding, ...]:
    """One finding for each budget, in their order."""
    return tuple(_judge(budget, head, comparison) for budget in budgets)


def _judge(budget: Budget, head: Snapshot, comparison: Comparison | None) -> Finding:
    if budget.relative:
        return _of_change(budget, comparison)
    if budget.rule == "cpu.hot_function":
        return hot_function(budget, head) or _not_measured(budget)
    metric = next((m for m in head.metrics if m.name == budget.rule and m.samples), None)
    if metric is None:
        return _not_measured(budget)
    return _of_metric(budget, metric, head.not_comparable)


def _finding(budget: Budget, state: State, *, value: float | None = None, message: str = "") -> Finding:
    return Finding(
        rule=budget.rule, state=state, limit=budget.limit, value=value, unit=budget.unit, message=message
    )


def _not_measured(budget: Budget) -> Finding:
    remedy = next((r for start, r in _REMEDIES if budget.rule.startswith(start)), "")
    message = "it was not measured" + (f"; {remedy}" if remedy else "; no metric of this name was read")
    return _finding(budget, State.CANNOT_TELL, message=message)


# --- head itself


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """A value with the half width of its 80 % interval (zero where there is nothing to tell it from)."""

    value: float
    half: float = 0.0


def _of_metric(budget: Budget, metric: Metric, spoilt: str) -> Finding:
    if units.is_unit(metric.unit):
        kind, scale = units.canonical_unit(metric.unit), units.factor(metric.unit)
    else:
        kind, scale = metric.unit, 1.0
    measured = _value(metric, scale)
    if measured is None:
        return _not_measured(budget)
    if kind != budget.unit and {kind, budget.unit} != {"count", "ratio"}:
        message = f"the limit is in {budget.unit}, {metric.name} is in {kind}; write the limit with a unit"
        return _finding(budget, State.CANNOT_TELL, message=message)
    if spoilt and not metric.name.startswith("load."):
        return _finding(
            budget, State.CANNOT_TELL, value=measured.value, message=f"the load was no good: {spoilt}"
        )
    return _against(budget, measured)


def _value(metric: Metric, scale: float) -> _Value | None:
    """The median over launches, in canonical units; None without a finite sample."""
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for i, value in enumerate(metric.samples):
        if math.isfinite(value):
            groups[metric.launches[i] if metric.launches is not None else 0].append(value * scale)
    if not groups:
        return None
    if metric.name in _AVERAGED:
        everything = [v for group in groups.values() for v in group]
        return _Value(value=math.fsum(everything) / len(everything))
    launches = [_median(group) for group in groups.values()]
    if len(launches) < _LEAST_LAUNCHES or metric.exact:
        return _Value(value=_median(launches))
    low, high = stats.of_mean(launches).interval(_LEVEL)
    return _Value(value=_median(launches), half=(high - low) / 2)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _against(budget: Budget, measured: _Value) -> Finding:
    over = budget.limit - measured.value if budget.at_least else measured.value - budget.limit
    if measured.half and abs(over) < measured.half:
        message = "too close to the limit for how much the launches scatter; more launches would tell"
        return _finding(budget, State.CANNOT_TELL, value=measured.value, message=message)
    return _finding(budget, State.FAIL if over > 0 else State.PASS, value=measured.value)


# --- its change against base


def _of_change(budget: Budget, comparison: Comparison | None) -> Finding:
    if comparison is None:
        message = "there is nothing to compare with yet"
        return _finding(budget, State.CANNOT_TELL, message=message)
    row = next((m for m in comparison.metrics if m.name == budget.rule), None)
    if row is None:
        message = "it was not measured on both sides"
        return _finding(budget, State.CANNOT_TELL, message=message)
    if row.change is None or comparison.not_comparable or not _is_judged(row):
        return _finding(
            budget, State.CANNOT_TELL, value=row.change, message=row.reason or "there is no change to judge"
        )
    # a budget on a change limits it for the worse, whichever way that is
    worse = -row.change if row.better == "higher" and not budget.at_least else row.change
    half = (row.interval[1] - row.interval[0]) / 2 * _NARROWER if row.interval and row.p is not None else 0.0
    return _against(budget, _Value(value=worse, half=half))


def _is_judged(row: MetricChange) -> bool:
    """Whether the row's data may be compared at all, be it settled or not."""
    return row.verdict is not Verdict.INCONCLUSIVE or row.p is not None
