"""Leaks: does memory keep growing under a steady load, and did it before?

Significance alone is worthless here (Mann-Kendall fired on 56-90 % of steady minutes), so the test is one of size:
the lower end of the slope's interval must be above a threshold, the growth must be monotone, and it must not be
flattening. Slopes are Theil-Sen's on medians of a few seconds, after the first seconds are dropped.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from perf_action.compare import stats
from perf_action.compare.rows import factor
from perf_action.model import units
from perf_action.model.change import LeakChange, LeakState
from perf_action.model.metric import Series

_NS = 1e-9
#: at most so many seconds are dropped from the start, and at most this part of a short series
_WARM_UP_S, _WARM_UP_PART = 20.0, 1 / 3
#: seconds per bin, less for a short series so that there are so many; fewer could not be monotone for sure
_BIN_S, _BINS, _LEAST_BINS = 5.0, 10, 8
#: below this a series says nothing; it is not even listed below the second
_SHORTEST_S, _NOT_A_SOAK_S = 20.0, 5.0
#: growth below this is no leak: 256 kB a minute; or, under light load, 512 bytes a request and 64 kB a minute
_BYTES_PER_S = 256e3 / 60
_BYTES_PER_REQUEST, _LEAST_BYTES_PER_S = 512.0, 64e3 / 60
#: the same for counts (objects, handles): a part of the level per second
_PART_PER_S = 0.05 / 60
_MONOTONE_P = 0.001
#: a leak does not slow down: the later half must grow at least this much of the earlier half
_LATER_PART = 0.7
_TIMES_BASE = 2.0
#: what falls back by this part of its growth in between is collected, not leaked; the first tenth may do as it likes
_FALLS_BACK, _SETTLING_PART = 0.5, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Growth:
    """The growth of all launches of one series on one side, per second in canonical units.

    `draws` is the bootstrap of the slope, `earlier` and `later` the slopes of the two halves, `rate` requests per
    second (0: not counted), `level` the median value, `fall` the deepest fall from an earlier bin to a later one.
    """

    slope: float
    draws: stats.Floats
    rising_p: float
    earlier: float
    later: float
    rate: float
    level: float
    seconds: float
    fall: float


def leak_changes(base: Sequence[Series], head: Sequence[Series]) -> tuple[LeakChange, ...]:
    """One row for each series of bytes or counts of head, in its order."""
    ours, theirs = _by_name(base), _by_name(head)
    rows = []
    for name, launches in theirs.items():
        kind = units.canonical_unit(launches[0].unit) if units.is_unit(launches[0].unit) else ""
        if kind in ("bytes", "count") and max(map(_seconds, launches)) >= _NOT_A_SOAK_S:
            rows.append(_of_series(launches, ours.get(name, []), bytes_like=kind == "bytes"))
    return tuple(rows)


def _by_name(series: Sequence[Series]) -> dict[str, list[Series]]:
    out: defaultdict[str, list[Series]] = defaultdict(list)
    for s in series:
        out[s.name].append(s)
    return dict(out)


def _of_series(head: Sequence[Series], base: Sequence[Series], *, bytes_like: bool) -> LeakChange:
    unit = head[0].unit
    row = LeakChange(
        name=head[0].name,
        unit=unit,
        per_second=None,
        per_request=None,
        interval_per_second=None,
        verdict=LeakState.INCONCLUSIVE,
        new=False,
    )
    growth = _growth(head, seed=1)
    if growth is None:
        longest, points = max(map(_seconds, head)), max(len(s.t_ns) for s in head)
        reason = f"{points} points over {longest:.0f} s are too few; {_SHORTEST_S:.0f} s, better 60, tell"
        return replace(row, reason=reason)
    before = _growth([s for s in base if _is_same_unit(s, unit)], seed=2)
    scale = factor(unit)
    low, high = stats.central(growth.draws)
    state, reason = _state(growth, _threshold(growth, bytes_like=bytes_like))
    new = state is LeakState.LEAKING and _is_new(growth, before, _threshold(growth, bytes_like=bytes_like))
    return replace(
        row,
        per_second=growth.slope / scale,
        per_request=growth.slope / growth.rate / scale if growth.rate else None,
        interval_per_second=(min(low, growth.slope) / scale, max(high, growth.slope) / scale),
        base_per_second=None if before is None else before.slope / scale,
        verdict=state,
        new=new,
        reason=reason,
    )


def _is_same_unit(series: Series, unit: str) -> bool:
    return series.unit == unit or (units.is_unit(series.unit) and units.comparable(series.unit, unit))


def _threshold(growth: _Growth, *, bytes_like: bool) -> float:
    if not bytes_like:
        return max(_PART_PER_S * abs(growth.level), 1 / 60)
    if not growth.rate:
        return _BYTES_PER_S
    return min(_BYTES_PER_S, max(_LEAST_BYTES_PER_S, _BYTES_PER_REQUEST * growth.rate))


def _state(growth: _Growth, threshold: float) -> tuple[LeakState, str]:
    low, high = stats.central(growth.draws)
    grows = min(low, growth.slope) > threshold and growth.rising_p < _MONOTONE_P
    flattens = growth.later < _LATER_PART * growth.earlier
    if grows and growth.fall > _FALLS_BACK * growth.slope * growth.seconds:
        return LeakState.INCONCLUSIVE, "it grows, but falls back in between; a longer soak would tell"
    if grows and not flattens:
        return LeakState.LEAKING, ""
    if growth.slope > threshold and flattens:
        if growth.later < threshold / 2:
            return LeakState.STABLE, "it grew at first and has stopped"
        return LeakState.WARMING_UP, "it grows, but more and more slowly; a longer soak would tell"
    if max(high, growth.slope) < threshold or growth.slope < threshold / 2:
        return LeakState.STABLE, ""
    return LeakState.INCONCLUSIVE, "it may grow, but too unsteadily to tell; a longer soak would"


def _is_new(growth: _Growth, before: _Growth | None, threshold: float) -> bool:
    """Whether base did not do it already. A base that was not measured is no excuse."""
    if before is None:
        return True
    low, _ = stats.central(growth.draws - before.draws)
    return low > threshold and growth.slope > _TIMES_BASE * before.slope


# --- one side ----------------------------------------------------------------------------------------------------


def _seconds(series: Series) -> float:
    return (series.t_ns[-1] - series.t_ns[0]) * _NS if len(series.t_ns) > 1 else 0.0


def _growth(launches: Sequence[Series], *, seed: int) -> _Growth | None:
    """None unless some launch is long enough and has enough points."""
    curves = [curve for s in launches if (curve := _curve(s)) is not None]
    if not curves:
        return None
    slopes, steps, halves = [], [], []
    for t, y, _ in curves:
        slopes.append(stats.theil_sen(t, y))
        steps.append(np.diff(y[::2]) / np.diff(t[::2]))
        middle = len(t) // 2
        halves.append(
            (stats.theil_sen(t[: middle + 1], y[: middle + 1]), stats.theil_sen(t[middle:], y[middle:]))
        )
    draws = np.mean(
        [stats.bootstrap_means(s, block=2, seed=seed + 10 * i) for i, s in enumerate(steps)], axis=0
    )
    rates = [rate for _, _, rate in curves]
    return _Growth(
        slope=float(np.mean(slopes)),
        draws=draws,
        rising_p=stats.mann_kendall([y.tolist() for _, y, _ in curves]),
        earlier=float(np.mean([e for e, _ in halves])),
        later=float(np.mean([later for _, later in halves])),
        rate=float(np.mean(rates)) if all(rates) else 0.0,
        level=float(np.median(np.concatenate([y for _, y, _ in curves]))),
        seconds=float(np.mean([t[-1] - t[0] for t, _, _ in curves])),
        fall=float(np.mean([_fall(s) for s in launches if _curve(s) is not None])),
    )


def _fall(series: Series) -> float:
    """The deepest fall of the medians of 20 stretches, from where the series has settled to its end."""
    y = np.array(series.values, dtype=float) * factor(series.unit)
    parts = np.array_split(y[np.isfinite(y)][int(len(y) * _SETTLING_PART) :], 20)
    medians = np.array([np.median(part) for part in parts if len(part)])
    return float((np.maximum.accumulate(medians) - medians).max())


def _curve(series: Series) -> tuple[stats.Floats, stats.Floats, float] | None:
    """Seconds, medians in canonical units, and requests per second of the part after the warm-up."""
    t = np.array(series.t_ns, dtype=float) * _NS
    y = np.array(series.values, dtype=float) * factor(series.unit)
    good = np.isfinite(y)
    duration = _seconds(series)
    if duration < _SHORTEST_S or good.sum() < _LEAST_BINS:
        return None
    start = t[0] + min(_WARM_UP_S, duration * _WARM_UP_PART)
    kept = good & (t >= start)
    bins = max(_BINS, math.floor((t[-1] - start) / _BIN_S))
    number = np.minimum(((t - start) / (t[-1] - start) * bins).astype(int), bins - 1)
    used = [b for b in range(bins) if (kept & (number == b)).any()]
    if len(used) < _LEAST_BINS:
        return None
    times = np.array([float(np.mean(t[kept & (number == b)])) for b in used])
    medians = np.array([float(np.median(y[kept & (number == b)])) for b in used])
    return times, medians, _rate(series, t, kept)


def _rate(series: Series, t: stats.Floats, kept: stats.Floats) -> float:
    if series.requests is None:
        return 0.0
    counted, times = np.array(series.requests, dtype=float)[kept], t[kept]
    elapsed = float(times[-1] - times[0])
    return max(float(counted[-1] - counted[0]) / elapsed, 0.0) if elapsed > 0 else 0.0
