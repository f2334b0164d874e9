"""`report.html`: one file with everything in it, for the artifact: facts, plots, and the flame drawings of each stage.

It loads nothing: a content security policy allows its own style and script, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jinja2
from markupsafe import Markup

from perf_action.model.metric import Series
from perf_action.model.report import FlameGraph, Report
from perf_action.model.snapshot import Snapshot
from perf_action.render import escape, plot, words
from perf_action.render import sentence as sentences
from perf_action.render.clauses import name_of
from perf_action.render.facts import Facts, facts
from perf_action.render.flamegraph import Drawing, Drawings, resource
from perf_action.render.rows import MetricRow
from perf_action.render.sentence import Span

MAX_CHARTS = 8
MAX_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One flame graph of a stage: difference, head or base."""

    label: str
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Flames:
    """The flame drawings of one stage and kind of value."""

    title: str
    tabs: tuple[Tab, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One series, base and head."""

    label: Span
    picture: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPicture:
    """A row of the table of metrics, with its picture."""

    row: MetricRow
    strip: Markup


def html(report: Report, known: Facts | None = None) -> str:
    """The report as one HTML file."""
    style = resource("report.css") + resource("flamegraph.css")
    script = resource("flamegraph.js")
    f = known or facts(report)
    text = environment.get_template("report.html.j2").render(
        f=f,
        metrics=_metrics(report, f.metrics),
        charts=_charts(report),
        flames=[_flames(flame, i, f.drawings) for flame in report.flames for i in _kinds(flame, report)],
        rows=MAX_ROWS,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {style_hash(style)}; script-src {style_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
    )
    return text + "\n"


def style_hash(text: str) -> str:
    """A style or script as a content security policy names it."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _metrics(report: Report, rows: Sequence[MetricRow]) -> list[MetricPicture]:
    """The rows of the table, what changed first; each with its strip where there is a comparison."""
    changes = report.comparison.metrics if report.comparison is not None else ()
    if not changes:
        return [MetricPicture(row=row, strip=Markup("")) for row in rows]
    base = {m.name: m for m in report.base.metrics} if report.base is not None else {}
    head = {m.name: m for m in report.head.metrics}
    out = []
    for row, change in zip(rows, changes, strict=True):
        known = change.name in base and change.name in head
        dots = plot.ratios(base[change.name], head[change.name]) if known else ()
        out.append(MetricPicture(row=row, strip=plot.strip(dots, change.change, change.interval)))
    return sorted(out, key=lambda m: not m.row.moved)


def _charts(report: Report) -> list[Chart]:
    names = list(dict.fromkeys(s.name for s in report.head.series))[:MAX_CHARTS]
    charts = [
        Chart(
            label=name_of(name),
            picture=plot.series_chart(_named(report.base, name), _named(report.head, name)),
        )
        for name in names
    ]
    return [chart for chart in charts if chart.picture]


def _named(snapshot: Snapshot | None, name: str) -> list[Series]:
    return [s for s in snapshot.series if s.name == name][:50] if snapshot is not None else []


def _kinds(flame: FlameGraph, report: Report) -> Iterable[int]:
    """The first kind of a profile, and the others of which a function changed."""
    changed = {f.kind for f in report.comparison.functions} if report.comparison is not None else set()
    return [i for i, kind in enumerate(flame.head.kinds) if i == 0 or kind.kind in changed]


def _flames(flame: FlameGraph, kind: int, drawings: Drawings) -> Flames:
    what = flame.head.kinds[kind]
    stage = escape.name(flame.stage, 40)
    title = f"{stage}: {words.kind_words(what.kind).heading}"
    base_kind = flame.base.find_kind(what.kind) if flame.base is not None else None
    tabs = [_tab("Head", drawings.of(flame.head, kind), f"{title}, head")]
    if flame.base is not None and base_kind is not None:
        difference = drawings.difference(flame.base, flame.head, kind=kind, base_kind=base_kind)
        tabs.insert(0, _tab("Difference", difference, f"{title}, head − base"))
        tabs.append(_tab("Base", drawings.of(flame.base, base_kind), f"{title}, base"))
    return Flames(title=title, tabs=tuple(tabs))


def _tab(label: str, drawing: Drawing, title: str) -> Tab:
    return Tab(label=label, picture=Markup(drawing.svg(title, embed=False)))  # noqa: S704  its parts are escaped


def _finalize(value: object) -> object:
    """Every value as visible text; sentences with their emphasis. Escaping is left to autoescape."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Span):
        return sentences.html((value,))
    if isinstance(value, tuple):
        return sentences.html(value)
    return escape.clean(str(value))


def _lines(text: str) -> Markup:
    return Markup("\n").join(escape.html(line[:500]) for line in text.rstrip().split("\n")[-200:])


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("perf_action", "templates"),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["lines"] = _lines
    return made


#: of every page: text is escaped, foreign or not
environment = _environment()
