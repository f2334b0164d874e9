"""The sentence that says why something is suspected.

`encode` +31 % CPU per request; called from `serialize_all`, changed in this pull request, lines 40–47
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perf_action.model.change import FunctionChange
from perf_action.model.suspect import Suspect
from perf_action.model.touched import Lines

_NOUNS: Mapping[str, str] = {
    "cpu": "CPU",
    "wall": "time",
    "lock_wait": "waiting for locks",
    "temporary": "temporary allocations",
    "allocated": "memory allocated",
    "peak": "memory at the peak",
    "in_use": "memory in use",
    "leaked": "memory left behind",
}
_LONGEST_NAME = 100
_MOST_RANGES = 4
#: calls of a path that are named
_MOST_STEPS = 4


def reason_of(row: FunctionChange, suspect: Suspect) -> str:
    """One sentence; `suspect.reason` holds what speaks against it, which is said at its end."""
    doubt = f" ({suspect.reason})" if suspect.reason else ""
    return f"{_name(row.name)} {_cost(row)}; {_link(suspect)}{doubt}"


def _cost(row: FunctionChange) -> str:
    noun = _NOUNS.get(row.kind, row.kind)
    per = f" per {row.unit.partition('/')[2]}" if "/" in row.unit else ""
    with_all = " with all it calls" if row.value == "total" else ""
    if row.change is None:
        return f"costs {noun}{per}{with_all} that it did not before"
    return f"{100 * row.change:+,.0f} % {noun}{per}{with_all}"


def _link(suspect: Suspect) -> str:
    where = _lines(suspect.lines)
    changed = _name(suspect.changed)
    if suspect.relation == "dependency":
        belongs = "which it works for" if suspect.share is not None else "which it belongs to"
        return f"this pull request changes {suspect.changed[:_LONGEST_NAME]}, {belongs}"
    if suspect.relation == "itself":
        return f"changed in this pull request{where}"
    if suspect.relation == "called by it":
        return f"it calls {changed}, changed in this pull request{where}"
    return f"called from {changed}{_through(suspect.path)}, changed in this pull request{where}"


def _through(path: Sequence[str]) -> str:
    """What is between the changed function and the one that got worse, such as `` through `dumps` › `iterencode` ``."""
    between = list(path[1:-1])
    if not between:
        return ""
    if len(between) > _MOST_STEPS:
        between = [*between[:2], "…", *between[-1:]]
    return " through " + " › ".join(name if name == "…" else _name(name) for name in between)


def _lines(lines: Sequence[Lines]) -> str:
    if not lines:
        return ""
    shown = [f"{a}–{b}" if b > a else f"{a}" for a, b in lines[:_MOST_RANGES]]
    more = ", …" if len(lines) > _MOST_RANGES else ""
    one = len(lines) == 1 and lines[0][0] == lines[0][1]
    return f", line{'' if one else 's'} {', '.join(shown)}{more}"


def _name(name: str) -> str:
    """In backticks, of which the name itself has none: renderers tell names from words by them."""
    name = name.replace("`", "'")
    return f"`{name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + '…'}`"
