"""A budget that the history suggests."""

from __future__ import annotations

from dataclasses import dataclass

#: so many runs say what is usual
NEEDED_RUNS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A limit on a metric; `limit` and `usual` (what 95 % of the runs kept to) are canonical, in `unit`. `margin` is
    what was added for noise. Where `runs` are too few, `missing` says how many more are needed and `limit` is None.
    """

    name: str
    unit: str
    limit: float | None
    usual: float
    runs: int
    margin: float
    at_least: bool = False
    missing: int = 0
