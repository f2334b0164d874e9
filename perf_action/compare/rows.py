"""Small questions that every row of metrics asks: its unit, its middle, its direction."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perf_action.model import units
from perf_action.model.change import MetricChange, Verdict

#: changes are cut off here: an interval from two launches can be absurdly wide
LARGEST_LOG = math.log(1e6)
#: ten times as much
_UNHEARD_OF = 9.0


def same_unit(base: str, head: str) -> bool:
    return base == head or (units.is_unit(base) and units.is_unit(head) and units.comparable(base, head))


def factor(unit: str) -> float:
    """Canonical units in one `unit`; an unknown unit is its own."""
    return units.measured_in(unit)[1]


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    n = len(ordered)
    return ordered[(n - 1) // 2] / 2 + ordered[n // 2] / 2


def change_of(base: float, head: float) -> float | None:
    """head/base - 1; None where there is no such number."""
    if base == head:
        return 0.0
    change = head / base - 1 if base else math.inf
    return change if math.isfinite(change) else None


def relative(log: float) -> float:
    """A log ratio as a relative change, within bounds that can be printed."""
    return math.expm1(max(-LARGEST_LOG, min(LARGEST_LOG, log)))


def unseen(change: float, digits: int = 0) -> str:
    """What the data would not have shown: anything below a relative `change`."""
    if change >= _UNHEARD_OF:
        return "even ten times as much would not have been seen"
    return f"less than {change:+.{digits}%} would not have been seen"


def reaches(value: float, floor: float) -> bool:
    """Whether a value is at least a floor, whatever units and roundings it came through."""
    return value >= floor * (1 - 1e-9)


def direction(row: MetricChange, growth: float) -> Verdict:
    worse = growth < 0 if row.better == "higher" else growth > 0
    return Verdict.REGRESSION if worse else Verdict.IMPROVEMENT
