"""One line of the history as SVG: its runs in order, the band of noise round its reference, change points by commit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from perf_action.compare.change_points import without_outliers
from perf_action.model.trend import Line
from perf_action.render import numbers
from perf_action.render.plot import ticks
from perf_action.render.trend import line_row, short, value

_W, _H, _LEFT, _RIGHT, _TOP, _BOTTOM = 460, 200, 70, 12, 36, 22

_CHART = Markup(
    '<svg class="chart trend" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{grid}{band}{steps}'
    '<polyline class="head" points="{points}"/>{dots}'
    '<text class="axis" x="{x1}" y="{y}">{first}</text>'
    '<text class="axis" x="{x2}" y="{y}" text-anchor="end">{last}</text></svg>'
)
_GRID = Markup(
    '<line class="grid" x1="{x1}" x2="{x2}" y1="{y:.1f}" y2="{y:.1f}"/>'
    '<text class="axis" x="{tx}" y="{ty:.1f}" text-anchor="end">{text}</text>'
)
_BAND = Markup('<rect class="band" x="{x}" y="{y:.1f}" width="{w}" height="{h:.1f}"/>')
_STEP = Markup(
    '<line class="step {tone}" x1="{x:.1f}" x2="{x:.1f}" y1="{y1}" y2="{y2}"/>'
    '<text class="axis step {tone}" x="{x:.1f}" y="{ty}" text-anchor="{anchor}">{text}</text>'
)
_DOT = Markup('<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{r}"><title>{title}</title></circle>')
_ERROR = Markup('<line class="whisker" x1="{x:.1f}" x2="{x:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>')

Place = Callable[[int, float], tuple[float, float]]


def line_chart(line: Line) -> Markup:
    """The picture. What lies far outside (an outlier of 100×) is drawn at the edge, so that the rest can be seen."""
    axis = ticks(*_range(line))
    low, high = axis[0], axis[-1]

    def place(i: int, v: float) -> tuple[float, float]:
        x = _LEFT + (i + 0.5) / len(line.dots) * (_W - _LEFT - _RIGHT)
        share = (min(max(v, low), high) - low) / (high - low)
        return x, _H - _BOTTOM - share * (_H - _BOTTOM - _TOP)

    return _CHART.format(
        w=_W,
        h=_H,
        label="history, oldest run first",
        grid=_grid(line, axis, place),
        band=_band(line, place),
        steps=_steps(line, place),
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in (place(i, d.value) for i, d in enumerate(line.dots))),
        dots=_dots(line, place),
        x1=_LEFT,
        x2=_W - _RIGHT,
        y=_H - 6,
        first=short(line.dots[0].commit),
        last=short(line.dots[-1].commit),
    )


def _range(line: Line) -> tuple[float, float]:
    values = [d.value for d in line.dots]
    if min(values) > 0:
        values = without_outliers(values)
    spread = [
        v * (1 + sign * (d.error or 0.0)) for v, d in zip(values, line.dots, strict=True) for sign in (-1, 1)
    ]
    low, high = min(spread), max(spread)
    room = 0.01 * max(abs(low), abs(high))  # so that noise of a thousandth does not fill the picture
    return (low, high) if high - low > room else (low - room / 2, high + room / 2)


def _grid(line: Line, axis: Sequence[float], place: Place) -> Markup:
    labels = [value(line, v) for v in axis]
    if line.basis != "ratios":
        apart = axis[1] - axis[0]
        digits = 2 + math.ceil(math.log10(max(abs(v) for v in axis) / apart))
        labels = list(numbers.pair_of(axis, line.unit, digits))
    return Markup("").join(
        _GRID.format(
            x1=_LEFT, x2=_W - _RIGHT, y=place(0, v)[1], tx=_LEFT - 6, ty=place(0, v)[1] + 4, text=text
        )
        for v, text in zip(axis, labels, strict=True)
    )


def _band(line: Line, place: Place) -> Markup:
    """Where a run of the code of the reference (or of the first run) would lie 99 times of 100."""
    if line.floor is None or line.basis == "ratios":
        return Markup("")
    centre = next((d.value for d in reversed(line.dots) if d.reference), line.dots[0].value)
    top, bottom = (place(0, centre * factor)[1] for factor in (1 + line.floor, 1 / (1 + line.floor)))
    return _BAND.format(x=_LEFT, y=top, w=_W - _LEFT - _RIGHT, h=max(bottom - top, 0.5))


def _steps(line: Line, place: Place) -> Markup:
    """Change points where their commits were first measured, labelled in two rows, so that neighbours can be read."""
    first = {short(d.commit): i for i, d in reversed(list(enumerate(line.dots)))}
    marks: list[Markup] = []
    for step in line_row(line).steps:
        if step.commit not in first:
            continue
        x = place(first[step.commit], 0)[0]
        marks.append(
            _STEP.format(
                x=x,
                y1=_TOP - 6,
                y2=_H - _BOTTOM,
                ty=_TOP - 10 - 13 * (len(marks) % 2),
                tone=step.tone,
                anchor="end" if x > _W * 0.7 else "start",
                text=f"{step.commit} {step.change}",
            )
        )
    return Markup("").join(marks)


def _dots(line: Line, place: Place) -> Markup:
    marks = []
    for i, d in enumerate(line.dots):
        x, y = place(i, d.value)
        if d.error:
            marks.append(
                _ERROR.format(
                    x=x, y1=place(i, d.value * (1 + d.error))[1], y2=place(i, d.value * (1 - d.error))[1]
                )
            )
        kind, r = ("reference", 4) if d.reference else ("mean", 2)
        marks.append(
            _DOT.format(kind=kind, x=x, y=y, r=r, title=f"{short(d.commit)}: {value(line, d.value)}")
        )
    return Markup("").join(marks)
