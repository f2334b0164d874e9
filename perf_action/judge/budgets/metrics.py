"""Budgets on metrics of head, or on their change against base.

A value is the median over launches. Where launches scatter, a limit that lies inside the 80 % interval of their mean
cannot be judged: one time in ten the next run would say the opposite.
"""

from __future__ import annotations

import math
from collections import defaultdict

from perf_action.compare import stats
from perf_action.compare.rows import median
from perf_action.compare.rules import rule_for
from perf_action.judge.budgets.limits import LEVEL, Value, against, finding, half_of_row, is_judged, unknown
from perf_action.model import units
from perf_action.model.change import Comparison, MetricChange
from perf_action.model.finding import Budget, Finding, State
from perf_action.model.metric import Metric

_LEAST_LAUNCHES = 3
#: rates of rare events are averaged: their median over launches is zero
_AVERAGED = ("load.error_rate",)
_CLOSE = "too close to the limit for how much the launches scatter; more launches would tell"
#: units whose values may be written without one
_BARE = ({"count", "ratio"}, {"count", "1/s"})


def of_metric(budget: Budget, metric: Metric, spoilt: str) -> Finding | None:
    """A limit on head itself; None if there is no finite value. `spoilt` says why the load was no good, or is empty."""
    kind, scale = units.measured_in(metric.unit)
    measured = value_of(metric, scale)
    if measured is None:
        return None
    if kind != budget.unit and {kind, budget.unit} not in _BARE:
        return unknown(
            budget, f"the limit is in {budget.unit}, {metric.name} is in {kind}; write the limit with a unit"
        )
    if spoilt and not metric.name.startswith("load."):
        return finding(
            budget, State.CANNOT_TELL, value=measured.value, message=f"the load was no good: {spoilt}"
        )
    state, close = against(budget, measured, _CLOSE)
    return finding(budget, state, value=measured.value, message=close)


def value_of(metric: Metric, scale: float) -> Value | None:
    """The median over launches, times `scale`; None without a finite sample."""
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for i, value in enumerate(metric.samples):
        if math.isfinite(value):
            groups[metric.launches[i] if metric.launches is not None else 0].append(value * scale)
    if not groups:
        return None
    if metric.name in _AVERAGED:
        everything = [v for group in groups.values() for v in group]
        return Value(value=math.fsum(everything) / len(everything))
    launches = [median(group) for group in groups.values()]
    if len(launches) < _LEAST_LAUNCHES or metric.exact:
        return Value(value=median(launches))
    low, high = stats.of_mean(launches).interval(LEVEL)
    return Value(value=median(launches), half=(high - low) / 2)


def of_change(budget: Budget, name: str, comparison: Comparison | None) -> Finding:
    """A limit on the change of the metric `name` against base."""
    if comparison is None:
        return unknown(budget, "there is nothing to compare with yet")
    row = next((m for m in comparison.metrics if m.name == name), None)
    if row is None:
        return unknown(budget, "it was not measured on both sides")
    if row.change is None or comparison.not_comparable or not _may_be_judged(row):
        return finding(
            budget, State.CANNOT_TELL, value=row.change, message=row.reason or "there is no change to judge"
        )
    # a budget on a change limits it for the worse, whichever way that is
    worse = -row.change if row.better == "higher" and not budget.at_least else row.change
    measured = Value(value=worse, half=half_of_row(row.interval))
    state, close = against(budget, measured, _CLOSE)
    return finding(budget, state, value=worse, message=close)


def _may_be_judged(row: MetricChange) -> bool:
    """What is only shown, because nobody asked for it, may be judged by a limit that somebody set."""
    rule = rule_for(Metric(name=row.name, unit=row.unit, better=row.better, samples=()))
    only_shown = not rule.judged and row.reason == rule.why_not and row.interval is not None
    return only_shown or is_judged(row.verdict, row.p)
