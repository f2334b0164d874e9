"""Budgets as perf.yml has them: suggested ones, to be pasted, and those in force."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal

from perf_action.model.finding import Budget
from perf_action.model.suggestion import NEEDED_RUNS, Suggestion
from perf_action.model.trend import Trend
from perf_action.render import escape, numbers

_PLAIN = re.compile(r"[a-z0-9_.]+")
#: canonical unit -> what perf.yml calls it, largest first
_UNITS: dict[str, tuple[tuple[str, float], ...]] = {
    "ns": (("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0)),
    "bytes": (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)),
    "ratio": (("%", 0.01),),
    "count": (("", 1.0),),
    "1/s": (("/s", 1.0),),
}


def limit_text(value: float, unit: str) -> str:
    """A canonical limit as it is written in perf.yml: ``300MB``, ``10%``, ``2kB/request``."""
    bare, slash, per = unit.partition("/")
    table, tail = (_UNITS[unit], "") if unit in _UNITS else (_UNITS.get(bare, (("", 1.0),)), f"{slash}{per}")
    name, factor = next(((n, f) for n, f in table if value >= f), table[-1])
    digits = format(Decimal(f"{value / factor:.6g}"), "f")
    return f"{digits}{name}{tail}"


def suggestion_block(found: Sequence[Suggestion], past: Trend) -> str:
    """A block for perf.yml, with the reasons as comments; only comments where the history is too short."""
    ready = [s for s in found if s.limit is not None]
    early = [s for s in found if s.limit is None]
    lines = []
    if ready:
        lines.append(
            f"# From {numbers.plural(past.points, 'run', 'runs')} of configuration {escape.name(past.configuration)}: what 95 % "
            "of the runs kept to, and what runs of the same code differ by."
        )
        lines.append("budgets:")
        lines += [f"  {_key(s.name)}: {_value(s)}  # {_why(s)}" for s in ready]
    if early or not found:
        lines.append(_too_early(early, past))
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else json.dumps(escape.name(name), ensure_ascii=True)


def _value(s: Suggestion) -> str:
    text = limit_text(s.limit or 0.0, s.unit)
    return f'">= {text}"' if s.at_least else text


def _why(s: Suggestion) -> str:
    usual = numbers.quantity(s.usual, s.unit)
    way = "reached" if s.at_least else "kept to"
    return f"{numbers.plural(s.runs, 'run', 'runs')} {way} {usual}; {s.margin:.1%} for noise"


def _too_early(early: Sequence[Suggestion], past: Trend) -> str:
    have = max((s.runs for s in early), default=past.points)
    more = numbers.plural(max(1, NEEDED_RUNS - have), "more run", "more runs")
    names = ", ".join(_key(s.name) for s in early[:8]) + (" …" if len(early) > 8 else "")
    what = f" for {names}" if early else ""
    return f"# Too little history{what}: {more} on the default branch are needed; {NEEDED_RUNS} say what is usual."


def budget_lines(budgets: Sequence[Budget]) -> list[str]:
    """The budgets in force: rule, limit, where it comes from."""
    rows = [(escape.name(b.rule), _limit(b), b.origin or "perf.yml") for b in budgets]
    widths = [max((len(row[i]) for row in rows), default=0) for i in (0, 1)]
    return [f"{rule:{widths[0]}}  {limit:{widths[1]}}  {origin}" for rule, limit, origin in rows]


def _limit(b: Budget) -> str:
    sign = "+" if b.relative else ">= " if b.at_least else ""
    return sign + limit_text(b.limit, b.unit)
