"""Budgets that the history suggests: what nearly all runs kept to, and what runs of the same code differ by.

Pure over the history. Of a metric that made a step (a change point), only what came after it counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from perf_action.model import units
from perf_action.model.suggestion import NEEDED_RUNS, Suggestion
from perf_action.model.trend import Dot, Line, Trend

#: older runs are another program
_MOST_RUNS = 50
_QUANTILE = 0.95
_LEAST_MARGIN = 0.05
#: what is limited although it is neither good nor bad by itself
_LIMITED = ("load.error_rate", "cpu.cores")
#: never there in a good program: the limit is nothing
_NONE_AT_ALL = ("memory.errors", "memory.leak.definite")


def suggestions(past: Trend) -> tuple[Suggestion, ...]:
    """One for each metric that has a good direction, in the order of the history."""
    return tuple(s for line in past.lines if (s := _of_line(line)) is not None)


def _of_line(line: Line) -> Suggestion | None:
    if line.basis == "ratios" or (line.better == "neither" and line.name not in _LIMITED):
        return None
    dots = _since_last_step(line)
    unit, scale = units.measured_in(line.unit)
    at_least = line.better == "higher"
    usual = _quantile([d.value * scale for d in dots], at_least=at_least)
    margin = max(_LEAST_MARGIN, line.floor or 0.0)
    if usual <= 0 and line.name not in _NONE_AT_ALL:
        return None  # nothing was ever seen of it, or only now and then
    limit = usual * (1 - margin) if at_least else usual * (1 + margin)
    missing = max(0, NEEDED_RUNS - len(dots))
    return Suggestion(
        name=line.name,
        unit=unit,
        limit=None if missing else rounded(limit, up=not at_least),
        usual=usual,
        runs=len(dots),
        margin=margin,
        at_least=at_least,
        missing=missing,
    )


def _since_last_step(line: Line) -> Sequence[Dot]:
    dots = line.dots[-_MOST_RUNS:]
    if not line.steps:
        return dots
    last = next((i for i, d in enumerate(dots) if d.commit == line.steps[-1].commit), 0)
    return dots[last:]


def _quantile(values: Sequence[float], *, at_least: bool) -> float:
    """The value that 95 % keep to: an order statistic, of few runs the worst."""
    ordered = sorted(values, reverse=at_least)
    return ordered[min(len(ordered) - 1, math.ceil(_QUANTILE * len(ordered)) - 1)]


def rounded(value: float, *, up: bool) -> float:
    """`value` to two digits, away from what must be allowed."""
    if value <= 0 or not math.isfinite(value):
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    count = value / step
    return (math.ceil(count - 1e-9) if up else math.floor(count + 1e-9)) * step
