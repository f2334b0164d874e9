"""How much the runs of a history scatter, and how far its latest values are from its reference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from statistics import median
from typing import Final

from perf_action.compare.change_points import MAD_TO_SD
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
    single run decides; the error of a median is 1.25 times that of a mean.
    """
    chosen = next((i for i in reversed(range(len(dots))) if dots[i].reference), None)
    start = [dots[chosen]] if chosen is not None else list(dots[:_TOGETHER])
    rest = dots[chosen + 1 :] if chosen is not None else dots[_TOGETHER:]
    if sd is None or not rest or (chosen is None and len(rest) < _TOGETHER):
        return None
    latest = rest[-_TOGETHER:]
    logs = [median(math.log(d.value) for d in group) for group in (start, latest)]
    se = sd * math.hypot(*(_error_of_median(len(group)) for group in (start, latest)))
    return drift(
        logs[1] - logs[0],
        se,
        reference=start[0].commit,
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
