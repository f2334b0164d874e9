"""The database's own count of queries, before and after the load of a launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.machine.queries import Counter, since
from perf_action.measure.launch import Launch
from perf_action.model.query import Query
from perf_action.model.trial import CLEAN, Side, Trial

#: a side -> what its database had counted
Counts = Mapping[Side, Mapping[str, Query]]


def counts(launches: Sequence[Launch], trial: Trial) -> Counts:
    """What was counted so far, in launches without a profiler. What cannot be asked becomes a note of its launch."""
    if trial.stage.name != CLEAN:
        return {}
    counters = {one.side: one.service.queries for one in launches}
    known = [c for c in counters.values() if c is not None]
    if len(known) > 1 and len(set(known)) == 1:
        launches[0].notes.append("both sides share one database, so its queries are those of neither")
        return {}
    return {one.side: told for one in launches if (told := _asked(one, counters[one.side])) is not None}


def _asked(one: Launch, counter: Counter | None) -> Mapping[str, Query] | None:
    if counter is None:
        return None
    try:
        return counter.so_far()
    except (CannotMeasure, ToolMissing) as error:
        one.notes.append(f"{one.side.value}: {error}")
        return None


def between(before: Counts, after: Counts) -> tuple[tuple[Side, tuple[Query, ...]], ...]:
    """The queries of each side that was asked twice."""
    return tuple((side, since(before[side], after[side])) for side in before if side in after)
