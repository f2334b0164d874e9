"""Percentiles of latencies as exact order statistics: one of the values that were measured, never between two."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentiles(values: Sequence[float]) -> list[float | None]:
    """The median, p95 and p99 of these values, in any order."""
    ordered = sorted(values)
    return [order_statistic(ordered, share) for share in (0.50, 0.95, 0.99)]


def order_statistic(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of these ascending values that at least `share` of them do not exceed; None of nothing."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
