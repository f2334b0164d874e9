"""Budgets that follow improvements: what a service has kept to before, it has to keep to from now on.

The limit becomes the best *settled* value of the history and a tolerance, where that is lower than the limit of perf.yml.
Settled is what three runs in succession kept to: one lucky run moves nothing. The tolerance is at least what two runs of
the same code differ by (the history's own noise). What was before a regression that somebody accepted does not count, as
long as the acceptance lasts. Pure over the history, so that a run that is judged again is judged alike.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from perf_action.judge.budgets.routes import routes_of
from perf_action.model import route, units
from perf_action.model.accepted import EVERYTHING, AcceptedAt
from perf_action.model.finding import Budget
from perf_action.model.metric_names import KNOWN
from perf_action.model.trend import Dot, Line, Trend

#: so many runs in succession settle a value
SETTLED_RUNS = 3


def ratcheted(
    budgets: Sequence[Budget], past: Trend | None, *, head: str = "", today: dt.date
) -> tuple[Budget, ...]:
    """The budgets with their effective limits. `head` is the commit that is judged: its own runs are no history."""
    return tuple(_followed(b, past, head, today) if b.ratchet is not None else b for b in budgets)


def _followed(budget: Budget, past: Trend | None, head: str, today: dt.date) -> Budget:
    line = _line(budget, past)
    if past is None or line is None:
        return replace(budget, followed="the ratchet has no history of it yet")
    dots = [d for d in line.dots if d.commit != head]
    dots = _since_accepted(dots, line.name, past.accepted, today)
    best = _settled(dots, at_least=budget.at_least)
    if best is None:
        missing = SETTLED_RUNS - len(dots)
        runs = "1 more run" if missing == 1 else f"{missing} more runs"
        return replace(budget, followed=f"the ratchet needs {runs}")
    tolerance = max(budget.ratchet or 0.0, line.floor or 0.0)
    value = best.value * units.measured_in(line.unit)[1]
    limit = value * (1 - tolerance) if budget.at_least else value * (1 + tolerance)
    if value <= 0 or (limit <= budget.limit if budget.at_least else limit >= budget.limit):
        return budget
    origin = f"the ratchet: {SETTLED_RUNS} runs up to {best.commit[:10]} kept to this but for {tolerance:.1%}"
    return replace(budget, limit=limit, followed=origin, lowered=True)


def _line(budget: Budget, past: Trend | None) -> Line | None:
    """The history of a budget's metric; of routes only where the pattern means one."""
    lines = [k for k in past.lines if k.basis != "ratios"] if past else []
    if budget.subject == "route":
        names = [k.name for k in lines if route.parts(k.name)[0] == budget.kind]
        mine = routes_of(names, budget)
        return next((k for k in lines if k.name == mine[0]), None) if len(mine) == 1 else None
    return next((k for k in lines if k.name == budget.rule), None)


def _since_accepted(dots: Sequence[Dot], name: str, kept: Sequence[AcceptedAt], today: dt.date) -> list[Dot]:
    """The dots from the last accepted regression on."""
    commits = {a.commit for a in kept if _is_meant(a, name) and (not a.until or a.until >= today.isoformat())}
    start = max((i for i, d in enumerate(dots) if d.commit in commits), default=0)
    return list(dots[start:])


def _is_meant(accepted: AcceptedAt, name: str) -> bool:
    """Whether a metric may have been accepted; a function that was makes all that measures cost go up."""
    is_metric = any(fnmatchcase(known, accepted.subject) for known in (*KNOWN, name))
    return accepted.subject == EVERYTHING or not is_metric or fnmatchcase(name, accepted.subject)


def _settled(dots: Sequence[Dot], *, at_least: bool) -> Dot | None:
    """The last dot of the best run of dots, with the worst of their values."""
    best: Dot | None = None
    for i in range(SETTLED_RUNS, len(dots) + 1):
        window = dots[i - SETTLED_RUNS : i]
        values = [d.value for d in window]
        value = min(values) if at_least else max(values)
        if best is None or (value > best.value if at_least else value < best.value):
            best = replace(window[-1], value=value)
    return best
