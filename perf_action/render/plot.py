"""The small pictures of the HTML report: a quantity over time on both sides, and what each launch said of a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from perf_action.model.change import Interval
from perf_action.model.metric import Metric, Series
from perf_action.render import numbers

MAX_POINTS = 300
_W, _H, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 220, 70, 12, 12, 26
_STRIP_W, _STRIP_H, _STRIP_LABEL = 200, 28, 52

_CHART = Markup(
    '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{grid}{lines}'
    '<text class="axis" x="{x_end}" y="{y_end}" text-anchor="end">{t_end}</text></svg>'
)
_GRID = Markup(
    '<line class="grid" x1="{x1}" x2="{x2}" y1="{y:.1f}" y2="{y:.1f}"/>'
    '<text class="axis" x="{tx}" y="{ty:.1f}" text-anchor="end">{text}</text>'
)
_LINE = Markup('<polyline class="{side}" points="{points}"/>')
_STRIP = Markup(
    '<svg class="strip" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{label}">'
    '<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="2" y2="{bottom}"/>{marks}'
    '<text class="axis" x="{w}" y="12" text-anchor="end">±{reach}</text></svg>'
)
_DOT = Markup('<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="1.9"/>')
_BAR = Markup(
    '<line class="whisker" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y}" y2="{y}"/><circle class="mean" cx="{x:.1f}" cy="{y}" r="3.4"/>'
)


def series_chart(base: Sequence[Series], head: Sequence[Series]) -> Markup:
    """All launches of one series, base and head over the same axes; time runs from the start of each launch."""
    sides = [("base", s) for s in base] + [("head", s) for s in head]
    curves = [(side, _curve(series)) for side, series in sides]
    points = [point for _, curve in curves for point in curve]
    if not points:
        return Markup("")
    unit = sides[0][1].unit
    t_max = max(t for t, _ in points) or 1.0
    axis = ticks(min(v for _, v in points), max(v for _, v in points))
    low, high = axis[0], axis[-1]

    def place(t: float, v: float) -> tuple[float, float]:
        return _LEFT + t / t_max * (_W - _LEFT - _RIGHT), _H - _BOTTOM - (v - low) / (high - low) * (
            _H - _BOTTOM - _TOP
        )

    lines = [
        _LINE.format(
            side=side, points=" ".join(f"{x:.1f},{y:.1f}" for x, y in (place(t, v) for t, v in curve))
        )
        for side, curve in curves
    ]
    labels = numbers.pair_of(axis, unit)
    grid = [
        _GRID.format(
            x1=_LEFT, x2=_W - _RIGHT, y=place(0, v)[1], tx=_LEFT - 6, ty=place(0, v)[1] + 4, text=text
        )
        for v, text in zip(axis, labels, strict=True)
    ]
    return _CHART.format(
        w=_W,
        h=_H,
        label="over time, base and head",
        grid=Markup("").join(grid),
        lines=Markup("").join(lines),
        x_end=_W - _RIGHT,
        y_end=_H - 8,
        t_end=numbers.duration(t_max),
    )


def _curve(series: Series) -> list[tuple[float, float]]:
    """(ns since the start, value), at most `MAX_POINTS`, the last one kept."""
    points = [
        (float(t - series.t_ns[0]), float(v))
        for t, v in zip(series.t_ns, series.values, strict=True)
        if math.isfinite(v)
    ]
    step = max(1, math.ceil(len(points) / MAX_POINTS))
    return points[::step] + (points[-1:] if len(points) % step != 1 and step > 1 else [])


def ticks(low: float, high: float) -> list[float]:
    """Four or so round values that enclose [low, high]."""
    span = (high - low) or abs(high) or 1.0
    raw = span / 3
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    return [i * step for i in range(first, last + 1)]


def ratios(base: Metric, head: Metric) -> tuple[float, ...]:
    """head/base - 1 of each pair of launches that both sides have, geometric means within a launch; () without pairs."""
    b, h = _by_pair(base), _by_pair(head)
    return tuple(math.exp(h[pair] - b[pair]) - 1 for pair in sorted(b.keys() & h.keys()))


def _by_pair(metric: Metric) -> dict[int, float]:
    """Mean logarithm of the positive samples of each pair."""
    found: dict[int, list[float]] = {}
    for pair, value in zip(metric.pairs or (), metric.samples, strict=False):
        if value > 0 and math.isfinite(value):
            found.setdefault(pair, []).append(math.log(value))
    return {pair: sum(logs) / len(logs) for pair, logs in found.items()}


def strip(dots: Sequence[float], change: float | None, interval: Interval | None) -> Markup:
    """One dot a pair of launches, the change and its interval over them, zero in the middle."""
    dots = dots[:500]
    known = [*dots, *(interval or ()), *(() if change is None else (change,))]
    known = [v for v in known if math.isfinite(v)]
    if not known:
        return Markup("")
    reach = max(max(map(abs, known)) * 1.1, 0.01)

    def x(value: float) -> float:
        bounded = max(-1.0, min(1.0, float(value / reach)))
        return 4 + (_STRIP_W / 2 - 4) * (1 + bounded)

    marks = [
        _DOT.format(x=x(v), y=_STRIP_H - 5 - (i % 4) * 2) for i, v in enumerate(dots) if math.isfinite(v)
    ]
    if change is not None and math.isfinite(change):
        low, high = (
            interval if interval is not None and all(map(math.isfinite, interval)) else (change, change)
        )
        marks.append(_BAR.format(x1=x(low), x2=x(high), x=x(change), y=9))
    return _STRIP.format(
        w=_STRIP_W + _STRIP_LABEL,
        h=_STRIP_H,
        zero=_STRIP_W / 2,
        bottom=_STRIP_H - 1,
        marks=Markup("").join(marks),
        reach=numbers.share(reach),
        label=f"change {numbers.change(change)}",
    )
