"""Budgets on categories: the share of a kind of cost that serialization, locks, the database … may take."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perf_action.judge.budgets.limits import (
    LEAST_SAMPLES,
    Value,
    against,
    finding,
    half_of_share,
    joined,
    nearest_one,
    unknown,
    worst,
)
from perf_action.judge.budgets.unmeasured import of_kind, remedy
from perf_action.model.category import CATEGORIES, OTHER, CategoryCost
from perf_action.model.finding import Budget, Finding
from perf_action.model.snapshot import Snapshot

_CLOSE = "too close to the limit for so few samples"
_EVIDENCE = 5


def category_budget(budget: Budget, head: Snapshot, categories: Sequence[CategoryCost]) -> Finding:
    """The finding; of several stages with that kind of cost, the worst counts."""
    costs = [c for c in categories if c.kind == budget.kind]
    if not costs:
        return unknown(budget, f"it was not measured; {remedy(of_kind(budget.kind), head)}")
    known = {c.category.lower() for c in categories} | {*CATEGORIES, OTHER}
    if budget.pattern.lower() not in known:
        return unknown(budget, f"there is no such category{nearest_one(budget.pattern, sorted(known))}")
    stages = dict.fromkeys(c.stage for c in costs)
    return worst(budget, [_of_stage(budget, [c for c in costs if c.stage == stage]) for stage in stages])


def _of_stage(budget: Budget, costs: Sequence[CategoryCost]) -> Finding:
    """A category without a sample has no share of what was measured."""
    total = math.fsum(c.samples for c in costs)
    mine = next((c for c in costs if c.category.lower() == budget.pattern.lower()), None)
    if 0 < total < LEAST_SAMPLES:
        return unknown(budget, f"only {total:.0f} samples; {LEAST_SAMPLES} are needed")
    if budget.relative:
        return _of_change(budget, mine, total)
    share = mine.share if mine else 0.0
    state, close = against(budget, Value(value=share, half=half_of_share(share, total)), _CLOSE)
    functions = mine.functions[:_EVIDENCE] if mine else ()
    return finding(
        budget,
        state,
        value=share,
        message=joined(f"most in {functions[0][0]}" if functions else "", close),
        evidence=(*(f"{name} {part:.1%}" for name, part in functions), *(mine.stacks[:1] if mine else ())),
    )


def _of_change(budget: Budget, mine: CategoryCost | None, total: float) -> Finding:
    """The change of its share; both sides are taken to have as many samples."""
    if mine is None or mine.base_share is None:
        return unknown(budget, "it was not measured on both sides")
    if not mine.base_share:
        return unknown(budget, "base spends nothing on it, so there is no change")
    change = mine.share / mine.base_share - 1
    relative = math.hypot(
        half_of_share(mine.base_share, total) / mine.base_share,
        half_of_share(mine.share, total) / mine.share if mine.share else 0.0,
    )
    state, close = against(budget, Value(value=change, half=(1 + change) * relative), _CLOSE)
    message = joined("the change of its share", close)
    return finding(budget, state, value=change, message=message)
