"""Counts that repeat to the digit (allocations, bytes, instructions): judged by size alone, single values too.

Where the repetitions of one side differ by u, only a change of five times u (`TIMES_SCATTER`) is believed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from perf_action.compare.rows import change_of, direction, factor, median, reaches
from perf_action.compare.rules import FEW_LAUNCHES, SETTLED_BELOW, Rule
from perf_action.compare.work import TIMES_SCATTER
from perf_action.model.change import MetricChange, Verdict


def is_repeatable(base: Sequence[float], head: Sequence[float], rule: Rule) -> bool:
    """Few values, or values that do repeat. Many that scatter are judged like any other measurement."""
    few = min(len(base), len(head)) < FEW_LAUNCHES
    return few or TIMES_SCATTER * max(_spread(base), _spread(head)) <= rule.floor


def judge_count(row: MetricChange, rule: Rule, base: Sequence[float], head: Sequence[float]) -> MetricChange:
    """The finished row; `base` and `head` are finite and in the row's unit."""
    b, h = median(base), median(head)
    spread = max(_spread(base), _spread(head))
    tolerance = max(rule.floor, TIMES_SCATTER * spread)
    low, high = change_of(max(base), min(head)), change_of(min(base), max(head))
    row = replace(
        row,
        base=b,
        head=h,
        change=change_of(b, h),
        interval=(low, high) if min(base) > 0 and low is not None and high is not None else None,
        minimum_detectable=tolerance,
        launches=min(len(base), len(head)),
    )
    grown = abs(h - b) * factor(row.unit)
    if row.better == "neither" and b != h:
        return replace(row, reason="neither direction is better, so it is not judged")
    if reaches(grown, rule.absolute) and reaches(_step(b, h), math.log1p(tolerance)):
        return replace(row, verdict=direction(row, h - b))
    if (
        tolerance > SETTLED_BELOW
        and reaches(grown, rule.absolute)
        and reaches(_step(b, h), math.log1p(rule.floor))
    ):
        return replace(row, reason=f"repetitions of one side differ by {spread:.1%} already")
    return replace(row, verdict=Verdict.UNCHANGED)


def _step(base: float, head: float) -> float:
    """How far apart, as a log ratio without sign: swapped sides give the mirrored verdict."""
    if base > 0 and head > 0:
        return abs(math.log(head) - math.log(base))
    return 0.0 if base == head else math.inf


def _spread(values: Sequence[float]) -> float:
    """How far repetitions of one side lie apart, relative to their median."""
    middle = abs(median(values))
    apart = max(values) - min(values)
    return min(apart / middle, 1e6) if middle else float(apart > 0)
