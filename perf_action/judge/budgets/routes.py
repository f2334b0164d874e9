"""Budgets on the latency of routes: each route that matches is held to the limit, the worst one counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import translate

from perf_action.judge.budgets.limits import joined, nearest_one, unknown, worst
from perf_action.judge.budgets.metrics import of_change, of_metric
from perf_action.model import route
from perf_action.model.change import Comparison
from perf_action.model.finding import Budget, Finding
from perf_action.model.snapshot import Snapshot


def route_budget(budget: Budget, head: Snapshot, comparison: Comparison | None) -> Finding:
    """The finding; cannot tell, with the nearest route, if none matches."""
    names = [m.name for m in head.metrics if route.parts(m.name)[1]]
    mine = [n for n in routes_of(names, budget) if route.parts(n)[0] == budget.kind]
    if not mine:
        return _not_measured(budget, names)
    found = []
    for name in mine:
        if budget.relative:
            one: Finding | None = of_change(budget, name, comparison)
        else:
            metric = next(m for m in head.metrics if m.name == name)
            one = of_metric(budget, metric, head.not_comparable)
        if one is not None:
            which = route.parts(name)[1]
            found.append(replace(one, message=joined(which, one.message)))
    return worst(budget, found) if found else _not_measured(budget, names)


def routes_of(names: Iterable[str], budget: Budget) -> list[str]:
    """Those of the metrics, of whatever percentile, whose route the budget's pattern means."""
    glob = route.normal(budget.pattern).replace("[", "[[]")
    match = re.compile(translate(glob)).match
    any_method = re.compile(translate(f"* {glob}")).match  # a pattern without a method
    labels = [(name, route.normal(route.parts(name)[1])) for name in names]
    return [n for n, label in labels if match(label) or (glob.startswith("/") and any_method(label))]


def _not_measured(budget: Budget, names: list[str]) -> Finding:
    if not names:
        return unknown(
            budget, "no latency by route was measured; locust scripts, replays and k6 thresholds give them"
        )
    if routes_of(names, budget):
        return unknown(
            budget,
            "too few requests of this route in a slice for this percentile; raise requests of the load",
        )
    labels = dict.fromkeys(route.parts(name)[1] for name in names)
    return unknown(
        budget, f"no such route was measured, or it had too few requests{nearest_one(budget.pattern, labels)}"
    )
