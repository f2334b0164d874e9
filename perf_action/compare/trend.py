"""The history of a configuration, from its points: a line for each metric, its noise, its drift and its steps.

Values that depend on the hardware make a line of one environment; what does not (counts, sizes) makes one of all.
Ratios of base and head, which were measured side by side, are added up to a line that is free of hardware. Its errors
add up too, as in a random walk, and an algorithm that expects independent values sees steps in those (in two of three
flat histories of ratios good to 0.3 %); so a step of that line is a ratio that is significant by itself, and creep is
judged by the sum and its error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy.special import stdtr

from perf_action.compare import noise
from perf_action.compare.chain import Level, levels
from perf_action.compare.change_points import MAX_P, Detect
from perf_action.compare.rows import factor, relative, same_unit
from perf_action.compare.rules import rule_for
from perf_action.model.metric import Better, Metric
from perf_action.model.trend import ChangePoint, Dot, Line, Point, PointValue, Trend


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A value of one metric and the point that it is of."""

    point: Point
    value: PointValue


def trend(
    points: Sequence[Point],
    *,
    configuration: str = "",
    environment: str = "",
    detect: Detect | None = None,
) -> Trend:
    """All lines of `points`, which are of one configuration, oldest first. `environment` is the fingerprint that times are of, else
    that of the latest point. Without `detect` nobody looks for change points in values.
    """
    chosen = environment or (points[-1].fingerprint if points else "")
    lines: list[Line] = []
    for name in dict.fromkeys(v.name for p in reversed(points) for v in p.values):
        kept = _of_metric(points, name)
        here = [k for k in kept if not k.value.timed or k.point.fingerprint == chosen]
        lines += [line for line in (_values(here, detect), _ratios(points, kept)) if line is not None]
    elsewhere = sum(p.fingerprint != chosen for p in points)
    return Trend(
        configuration=configuration,
        environment=chosen,
        points=len(points),
        lines=tuple(lines),
        notes=_notes(len(points), elsewhere),
        accepted=tuple(a for p in points for a in p.accepted),
    )


def drifts(found: Trend) -> tuple[Line, ...]:
    """The lines that have got worse since the reference by more than noise; one for each metric, ratios first."""
    worse = {k.name: k for k in found.lines if k.drift and k.drift.exceeds and k.drift.worse}
    return tuple(worse.values())


def _notes(points: int, elsewhere: int) -> tuple[str, ...]:
    if not elsewhere:
        return ()
    return (f"{elsewhere} of {points} runs were on other hardware: their times are not in these lines",)


def _of_metric(points: Sequence[Point], name: str) -> list[_Kept]:
    """The values of one metric in the unit of the latest; those of another kind of unit are left out."""
    kept = [_Kept(point=p, value=v) for p in points for v in p.values if v.name == name]
    unit = kept[-1].value.unit
    scale = factor(unit)
    same = [k for k in kept if same_unit(k.value.unit, unit)]
    values = [k.value.value * (factor(k.value.unit) / scale) for k in same]
    return [
        replace(k, value=replace(k.value, unit=unit, value=value))
        for k, value in zip(same, values, strict=True)
        if math.isfinite(value)
    ]


def _values(kept: Sequence[_Kept], detect: Detect | None) -> Line | None:
    if not kept:
        return None
    last = kept[-1].value
    dots = tuple(
        Dot(commit=k.point.commit, time_s=k.point.time_s, value=k.value.value, reference=k.point.reference)
        for k in kept
    )
    line = Line(
        name=last.name,
        unit=last.unit,
        better=last.better,
        basis="absolute" if last.timed else "anywhere",
        dots=dots,
    )
    values = [d.value for d in dots]
    if min(values) <= 0:
        return line  # there are no ratios of these
    sd = noise.sd_of_run(values)
    return replace(
        line,
        noise=sd,
        floor=noise.floor_of_runs(sd),
        drift=noise.drift_of(dots, sd, least=_least(last), better=_judged(last)),
        steps=None if detect is None else _detected(dots, detect, last.better),
    )


def _detected(dots: Sequence[Dot], detect: Detect, better: Better) -> tuple[ChangePoint, ...]:
    return tuple(
        ChangePoint(
            commit=dots[step.index].commit,
            previous=dots[step.index - 1].commit,
            change=step.change,
            p=step.p,
            worse=_is_worse(step.change, better),
        )
        for step in detect([d.value for d in dots])
    )


def _ratios(points: Sequence[Point], kept: Sequence[_Kept]) -> Line | None:
    """The line of ratios; None where there are none, or hardware does not matter to the values anyway. What no chain
    of ratios leads to is not on it.
    """
    rated = [k for k in kept if k.value.ratio is not None and k.point.base and k.value.timed]
    if not rated:
        return None
    last = rated[-1].value
    known = {k.point.commit for k in rated} | {k.point.base for k in rated}
    chosen = next((p.commit for p in reversed(points) if p.reference and p.commit in known), "")
    start = chosen or rated[0].point.base
    sums = levels(points, last.name, start)
    sd = noise.sd_of_ratio([k.value.ratio or 0.0 for k in rated])
    scale = _claimed_too_little(rated, sd)
    dots = _dots(points, rated, sums, start, scale)
    end = sums[dots[-1].commit]
    moved = noise.drift(
        end.log,
        scale * math.sqrt(end.variance),
        reference=start,
        chosen=bool(chosen),
        least=_least(last),
        better=_judged(last),
    )
    return Line(
        name=last.name,
        unit=last.unit,
        better=last.better,
        basis="ratios",
        dots=dots,
        noise=sd,
        floor=noise.floor_of_ratio(sd),
        drift=moved if len(dots) > 1 else None,
        steps=tuple(s for k in rated if (s := _significant(k, scale)) is not None),
    )


def _dots(
    points: Sequence[Point], rated: Sequence[_Kept], sums: dict[str, Level], start: str, scale: float
) -> tuple[Dot, ...]:
    """One for each commit that a chain leads to, in the order in which they were first measured."""
    when = {k.point.base: k.point.time_s for k in reversed(rated)}
    when |= {p.commit: p.time_s for p in reversed(points)}
    order = [commit for k in rated for commit in (k.point.base, k.point.commit)]
    return tuple(
        Dot(
            commit=c,
            time_s=when[c],
            value=1 + relative(sums[c].log),
            error=noise.half_interval(scale * math.sqrt(sums[c].variance)),
            reference=c == start,
        )
        for c in dict.fromkeys(order)
        if c in sums
    )


def _claimed_too_little(rated: Sequence[_Kept], sd: float | None) -> float:
    """By how much ratios scatter more than their own errors say; at least 1."""
    claimed = math.sqrt(math.fsum(k.value.ratio_se**2 for k in rated) / len(rated))
    return max(1.0, sd / claimed) if sd and claimed else 1.0


def _significant(kept: _Kept, scale: float) -> ChangePoint | None:
    """A ratio that is a change by itself: as certain as change points must be, and above the metric's floor."""
    v = kept.value
    ratio, se = v.ratio or 0.0, scale * v.ratio_se
    p = 2 * float(stdtr(v.ratio_df, -abs(ratio) / se)) if se else float(ratio == 0)
    if p >= MAX_P or abs(ratio) < math.log1p(_least(v)):
        return None
    return ChangePoint(
        commit=kept.point.commit,
        previous=kept.point.base,
        change=relative(ratio),
        p=p,
        worse=_is_worse(ratio, v.better),
    )


def _metric(value: PointValue) -> Metric:
    return Metric(name=value.name, unit=value.unit, better=value.better, samples=(), exact=value.exact)


def _least(value: PointValue) -> float:
    return rule_for(_metric(value)).floor


def _judged(value: PointValue) -> Better:
    """Its direction, or neither for what is only shown (throughput, the tails of latency)."""
    return value.better if rule_for(_metric(value)).judged else "neither"


def _is_worse(growth: float, better: Better) -> bool:
    return growth < 0 if better == "higher" else growth > 0 and better == "lower"
