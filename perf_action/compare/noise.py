"""How much the runs of a history scatter, and how far its latest values are from its reference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import median
from typing import Final

from perf_action.compare.change_points import MAD_TO_SD, without_outliers
from perf_action.compare.rows import relative
from perf_action.model.metric import Better
from perf_action.model.trend import Dot, Drift

#: fewer runs do not show how much runs scatter
LEAST_RUNS: Final = 8
#: the latest runs, and the first ones where nobody chose a reference, whose median is taken
_TOGETHER: Final = 5
#: normal quantiles, two-sided: 99 % for what is shown, 99.9 % for what is said
_SHOWN: Final = 2.576
_SAID: Final = 3.291


def sd_of_run(values: Sequence[float]) -> float | None:
    """The relative standard deviation of one run, from positive values in order; None with too few.

    From the median of the differences between neighbours, so that neither steps nor creep nor outliers count as noise
    (a difference has the variance of two runs: https://en.wikipedia.org/wiki/Median_absolute_deviation).
    """
    if len(values) < LEAST_RUNS:
        return None
    apart = [abs(b - a) for a, b in itertools.pairwise(map(math.log, values))]
    return MAD_TO_SD * median(apart) / math.sqrt(2)


def sd_of_ratio(ratios: Sequence[float]) -> float | None:
    """The standard deviation of one ln(head/base): most commits change nothing, so the median is noise alone."""
    return MAD_TO_SD * median(map(abs, ratios)) if len(ratios) >= LEAST_RUNS else None


def floor_of_runs(sd: float | None) -> float | None:
    """What two runs of the same code differ by less than 99 times of 100, as a relative change."""
    return None if sd is None else relative(_SHOWN * math.sqrt(2) * sd)


def floor_of_ratio(sd: float | None) -> float | None:
    """What a ratio of identical code differs from 1 by less than 99 times of 100."""
    return None if sd is None else relative(_SHOWN * sd)


def half_interval(se: float) -> float:
    """Half of the 99 % interval, as a relative change."""
    return relative(_SHOWN * se)


def drift_of(dots: Sequence[Dot], sd: float | None, *, least: float, better: Better) -> Drift | None:
    """From the reference that was chosen last, else from the first runs, to the latest; None where noise is unknown.

    `least` is the relative change below which nothing is said. Medians of up to five runs are compared, so that no
    single run decides, and a reference that is an outlier counts as its neighbours do; the error of a median is 1.25
    times that of a mean.
    """
    chosen = next((i for i in reversed(range(len(dots))) if dots[i].reference), None)
    first = 0 if chosen is None else chosen
    rest = first + (_TOGETHER if chosen is None else 1)
    if sd is None or len(dots) - rest < (_TOGETHER if chosen is None else 1):
        return None
    values = [d.value for d in dots]
    latest = [math.log(v) for v in values[rest:][-_TOGETHER:]]
    if (
        len(latest) == _TOGETHER
    ):  # a reference may be spoilt; but as one of the latest it may be right after a step
        values = without_outliers(values)
    start = [math.log(v) for v in values[first:rest]]
    return drift(
        median(latest) - median(start),
        sd * math.hypot(_error_of_median(len(start)), _error_of_median(len(latest))),
        reference=dots[first].commit,
        chosen=chosen is not None,
        least=least,
        better=better,
    )


def _error_of_median(n: int) -> float:
    return math.sqrt((math.pi / 2 if n > 2 else 1.0) / n)


def drift(log: float, se: float, *, reference: str, chosen: bool, least: float, better: Better) -> Drift:
    """A log ratio and its error as a drift."""
    beyond = abs(log) > max(_SAID * se, math.log1p(least))
    return Drift(
        reference=reference,
        chosen=chosen,
        change=relative(log),
        error=relative(_SAID * se),
        exceeds=beyond and better != "neither",
        worse=(log < 0) if better == "higher" else (log > 0 and better == "lower"),
    )
