"""Base-to-head ratios added up: how much a commit differs from another that it was never measured against.

Each ratio was taken side by side, so the sum is free of hardware; but each has an error, and the errors add up too.
Of all ways from one commit to another the one with the least error is taken, so that a run against the reference
itself (`run --base REF`) puts everything right again.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from perf_action.model.trend import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """`log` is ln(commit/start) and `variance` that of its error."""

    log: float
    variance: float


def levels(points: Iterable[Point], metric: str, start: str) -> dict[str, Level]:
    """The level of each commit that ratios of `metric` lead to from `start` (Dijkstra's algorithm over variances)."""
    edges: defaultdict[str, list[tuple[str, float, float]]] = defaultdict(list)
    for point in points:
        for value in point.values:
            if value.name == metric and value.ratio is not None and point.base:
                variance = value.ratio_se**2
                edges[point.base].append((point.commit, value.ratio, variance))
                edges[point.commit].append((point.base, -value.ratio, variance))
    if start not in edges:
        return {}
    found: dict[str, Level] = {}
    todo = [(0.0, start, 0.0)]
    while todo:
        variance, commit, log = heapq.heappop(todo)
        if commit not in found:
            found[commit] = Level(log=log, variance=variance)
            for other, step, more in edges[commit]:
                heapq.heappush(todo, (variance + more, other, log + step))
    return found
