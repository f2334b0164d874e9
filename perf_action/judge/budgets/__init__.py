"""Budgets: limits that the user set on head, or on its change against base; pass, fail or cannot tell.

A quantity that nobody measured is never a pass: the message says what would measure it, or which name is nearest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from perf_action.judge.budgets.categories import category_budget
from perf_action.judge.budgets.derived import derived
from perf_action.judge.budgets.functions import function_budget
from perf_action.judge.budgets.hot import hot_function
from perf_action.judge.budgets.limits import joined, nearest_one, unknown
from perf_action.judge.budgets.metrics import of_change, of_metric
from perf_action.judge.budgets.routes import route_budget
from perf_action.judge.budgets.unmeasured import of_metric_name, remedy
from perf_action.model import route
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison
from perf_action.model.finding import Budget, Finding
from perf_action.model.metric import Metric
from perf_action.model.metric_names import KNOWN, why_unknown
from perf_action.model.snapshot import Snapshot


def judge(
    budgets: Sequence[Budget],
    head: Snapshot,
    comparison: Comparison | None,
    categories: Sequence[CategoryCost] = (),
) -> tuple[Finding, ...]:
    """One finding for each budget, in their order. `categories` are what head's costs were spent on."""
    return tuple(_judge(budget, head, comparison, categories) for budget in budgets)


def _judge(
    budget: Budget, head: Snapshot, comparison: Comparison | None, categories: Sequence[CategoryCost]
) -> Finding:
    if budget.subject in ("function", "site"):
        return function_budget(budget, head, comparison)
    if budget.subject == "category":
        return category_budget(budget, head, categories)
    if budget.subject == "route":
        return route_budget(budget, head, comparison)
    if budget.relative:
        return of_change(budget, budget.rule, comparison)
    if budget.rule == "cpu.hot_function":
        found = hot_function(budget, head)
        return replace(found, origin=budget.origin) if found else _not_measured(budget, head)
    metric = head.metric(budget.rule)
    note = ""
    if metric is None:
        metric = derived(budget.rule, head)
        note = "what a request allocates, times the throughput of the clean launches" if metric else ""
    return _of(budget, metric, head, note)


def _of(budget: Budget, metric: Metric | None, head: Snapshot, note: str) -> Finding:
    found = of_metric(budget, metric, head.not_comparable) if metric else None
    if found is None:
        return _not_measured(budget, head)
    return replace(found, message=joined(note, found.message))


def _not_measured(budget: Budget, head: Snapshot) -> Finding:
    measured = [m.name for m in head.metrics if not route.parts(m.name)[1]]
    if why_unknown(budget.rule):
        near = nearest_one(budget.rule, (*measured, *KNOWN))
        return unknown(budget, f"it was not measured; no metric of this name was read{near}")
    return unknown(budget, f"it was not measured; {remedy(of_metric_name(budget.rule), head)}")
