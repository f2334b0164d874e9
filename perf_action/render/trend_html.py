"""`trend --format html`: one page with a plot for each metric; it loads nothing and runs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from perf_action.model.trend import Line, Trend
from perf_action.render import escape
from perf_action.render.flamegraph import resource
from perf_action.render.html import environment, style_hash
from perf_action.render.trend import LineRow, headline, line_row
from perf_action.render.trend_plot import line_chart


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    row: LineRow
    picture: Markup


def trend_html(trend: Trend) -> str:
    """The page: what moved first, then the rest in the order of the history."""
    style = resource("report.css") + resource("trend.css")
    figures = sorted(map(_figure, trend.lines), key=lambda f: not (f.row.beyond or f.row.steps))
    text = environment.get_template("trend.html.j2").render(
        title=headline(trend),
        figures=figures,
        notes=[escape.sentence(note) for note in trend.notes],
        style=style,
        policy=f"default-src 'none'; style-src {style_hash(style)}; base-uri 'none'; form-action 'none'",
    )
    return text + "\n"


def _figure(line: Line) -> _Figure:
    return _Figure(row=line_row(line), picture=line_chart(line))
