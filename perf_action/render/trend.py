"""The history as rows ready to print, and as a table on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import IO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from perf_action.model.trend import Basis, ChangePoint, Drift, Line, Trend
from perf_action.render import escape, numbers
from perf_action.render.clauses import name_of
from perf_action.render.console import WIDTH, console_for, plain
from perf_action.render.sentence import Span

_BARS = "▁▂▃▄▅▆▇█"
_SPARK = 16
BASES: dict[Basis, str] = {
    "absolute": "this hardware",
    "anywhere": "any hardware",
    "ratios": "side by side",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A change point. `tone` is bad, good or empty."""

    commit: str
    previous: str
    change: str
    p: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """The history of one metric in words; `since` is its drift, `beyond` whether that is more than noise."""

    label: Span
    basis: str
    runs: str
    latest: str
    floor: str
    since: str
    reference: str
    beyond: bool
    tone: str
    steps: tuple[StepRow, ...]
    spark: str


def short(commit: str) -> str:
    return escape.commit(commit)[:9] or escape.name(commit, 16)


def line_row(line: Line) -> LineRow:
    drift = line.drift
    return LineRow(
        label=name_of(line.name),
        basis=BASES[line.basis],
        runs=numbers.count(len(line.dots)),
        latest=value(line, line.dots[-1].value),
        floor=numbers.share(line.floor),
        since=f"{numbers.change(drift.change)} ± {numbers.share(drift.error)}" if drift else numbers.MISSING,
        reference=_reference(drift) if drift else "",
        beyond=bool(drift and drift.exceeds),
        tone=_tone(worse=drift.worse) if drift and drift.exceeds else "",
        steps=tuple(_step_row(s, line) for s in line.steps or ()),
        spark=spark([d.value for d in line.dots]),
    )


def value(line: Line, of: float) -> str:
    """One value of a line: with its unit, or for added ratios the change since the start."""
    return numbers.change(of - 1) if line.basis == "ratios" else numbers.quantity(of, line.unit)


def drift_sentence(line: Line) -> str:
    """What is said of a line that has crept away from its reference."""
    assert line.drift is not None
    d = line.drift
    how = {"ratios": ", its side-by-side runs added up", "absolute": " on this hardware"}.get(line.basis, "")
    moved = f"{numbers.change(d.change)} ± {numbers.share(d.error)}"
    return f"{name_of(line.name).text} is {moved} from {_reference(d)}{how}"


def _reference(drift: Drift) -> str:
    return f"{'the reference' if drift.chosen else 'the first runs,'} {short(drift.reference)}"


def _step_row(step: ChangePoint, line: Line) -> StepRow:
    tone = "" if line.better == "neither" else _tone(worse=step.worse)
    return StepRow(
        commit=short(step.commit),
        previous=short(step.previous),
        change=numbers.change(step.change),
        p=numbers.p_value(step.p),
        tone=tone,
    )


def _tone(*, worse: bool) -> str:
    return "bad" if worse else "good"


def spark(values: Sequence[float]) -> str:
    """The course of a line in a few characters: medians of equal stretches, from the lowest to the highest."""
    n = min(_SPARK, len(values))
    edges = [round(i * len(values) / n) for i in range(n + 1)]
    levels = [median(values[a:b]) for a, b in itertools.pairwise(edges)]
    low, high = min(levels), max(levels)
    if high <= low * 1.001:
        return _BARS[0] * n
    top = len(_BARS) - 1
    return "".join(_BARS[round((v - low) / (high - low) * top)] for v in levels)


def terminal_trend(trend: Trend) -> str:
    """The history as text of 80 columns without any colour."""
    return plain(lambda out: print_trend(trend, out, width=WIDTH))


def print_trend(trend: Trend, file: IO[str], *, width: int | None = None) -> None:
    """Write the history to `file`: in colour and as wide as it is where that is a terminal, plain text elsewhere."""
    console = console_for(file, width)
    console.print(_document(trend))


_STYLES = {"bad": "red", "good": "green", "": ""}


def _document(trend: Trend) -> Group:
    rows = [line_row(line) for line in trend.lines]
    parts: list[RenderableType] = [Text(headline(trend), "bold")]
    for basis in dict.fromkeys(r.basis for r in rows):
        mine = [r for r in rows if r.basis == basis]
        parts += [Text(), Text(basis[:1].upper() + basis[1:], "bold"), _table(mine)]
    if any(r.steps for r in rows):
        parts += [Text(), Text("Changes", "bold"), _changes(rows)]
    crept = [line for line in trend.lines if line.drift and line.drift.exceeds]
    said = [drift_sentence(line) for line in crept] + [escape.sentence(note) for note in trend.notes]
    parts += [Text(), *(Text(f"• {sentence}") for sentence in said)] if said else []
    return Group(*parts)


def headline(trend: Trend) -> str:
    """What this is the history of."""
    runs = numbers.plural(trend.points, "run")
    where = f"configuration {short(trend.configuration)}, times on environment {short(trend.environment)}"
    return f"{runs} of {where}"


def _table(rows: Sequence[LineRow]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, right in (
        ("Metric", 0),
        ("History", 0),
        ("Runs", 1),
        ("Latest", 1),
        ("Noise", 1),
        ("Since", 1),
    ):
        table.add_column(title, justify="right" if right else "left", no_wrap=title != "Metric")
    for r in rows:
        since = Text(("! " if r.beyond else "") + r.since, _STYLES[r.tone])
        table.add_row(Text(r.label.text), Text(r.spark), r.runs, r.latest, r.floor, since)
    return table


def _changes(rows: Sequence[LineRow]) -> Table:
    """The commits as a range for `git log`, since several may have been pushed between two runs."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for r in rows:
        for s in r.steps:
            change = Text(s.change, _STYLES[s.tone])
            table.add_row(f"{s.previous}..{s.commit}", Text(r.label.text), change, r.basis)
    return table
