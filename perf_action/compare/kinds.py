"""Which captures are compared with which: kind by kind, stage by stage, and by which of the three methods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from perf_action.compare.calls import Shapes
from perf_action.compare.captured import Chosen, of_captures
from perf_action.compare.exact import of_counters
from perf_action.compare.functions import FunctionRows, function_rows
from perf_action.compare.options import CompareOptions
from perf_action.compare.sliced import of_slices
from perf_action.compare.touched import touched_functions
from perf_action.compare.work import Work
from perf_action.model.change import FunctionChange, Verdict
from perf_action.model.snapshot import Snapshot

#: kinds that are judged, in the order in which they are listed; True where they depend on the processor
KINDS: dict[str, bool] = {
    "cpu": True,
    "wall": True,
    "instructions": False,
    "bytecodes": False,
    "allocations": False,
    "allocated": False,
    "temporary": False,
    "peak": False,
    "in_use": False,
    "leaked": False,
}
#: what a sampler of bytes knows by extrapolation only: one sample may stand for any number of these
_EXTRAPOLATED = ("allocations", "temporary")
#: columns that say again what another says
_REPEATED = ("samples",)
#: kind and event of a column
_Column = tuple[str, str]


def function_changes(
    base: Snapshot,
    head: Snapshot,
    options: CompareOptions,
    *,
    untimed: str = "",
) -> FunctionRows:
    """All rows of all kinds that both sides have, ordered: regressions by cost added, improvements, the rest by cost.

    `untimed` is why kinds that depend on the processor may not be judged.
    """
    works, notes = _works(base, head)
    touched = touched_functions(base, head, options.touched)
    found: list[FunctionRows] = []
    for work in works:
        timed = KINDS.get(work.kind, True)
        found.append(function_rows(work, options, touched=touched, why_not=untimed if timed else ""))
        notes += [
            f"{work.kind}: {note}" if not note.startswith(work.kind) else note for note in found[-1].notes
        ]
    rows = ordered([row for f in found for row in f.rows])
    return FunctionRows(rows=rows, notes=tuple(notes))


def ordered(rows: Iterable[FunctionChange]) -> tuple[FunctionChange, ...]:
    """Regressions by cost added, then improvements by cost saved, then the rest by cost; kinds in their order. Of one
    kind, what is the service's own comes first.
    """
    kinds = list(KINDS)
    rank = {Verdict.REGRESSION: 0, Verdict.IMPROVEMENT: 1}

    def place(row: FunctionChange) -> tuple[int, int, bool, float, str, str]:
        called = row.verdict in rank
        size = abs(row.head - row.base) if called else max(row.head, row.base)
        kind = kinds.index(row.kind) if row.kind in KINDS else len(kinds)
        return rank.get(row.verdict, 2), kind, called and not row.own, -size, row.name, row.file

    return tuple(sorted(rows, key=place))


def _works(base: Snapshot, head: Snapshot) -> tuple[list[Work], list[str]]:
    works: list[Work | None] = []
    notes: list[str] = []
    shapes = Shapes()
    sliced = bool(base.slices and head.slices)
    if sliced:
        works.append(of_slices(base.slices, head.slices))
    mine, theirs = _columns(base), _columns(head)
    for kind in KINDS:
        if kind == "cpu" and sliced:
            continue
        pair = _same_column(kind, mine, theirs)
        if pair is None:
            continue
        stage = _same_stage(mine[pair[0]], theirs[pair[1]])
        if stage is None:
            notes.append(f"{kind}: base and head have no stage in common")
            continue
        chosen = mine[pair[0]][stage[0]], theirs[pair[1]][stage[1]]
        if kind in _EXTRAPOLATED and not _is_exact(*chosen):
            notes.append(f"{kind}: extrapolated from a sample of the bytes, so not judged")
            continue
        works.append(_work(*chosen, shapes))
    unjudged = {k for k, _ in mine.keys() & theirs.keys()} - KINDS.keys() - set(_REPEATED)
    notes += [f"{kind}: shown in the profiles, not judged" for kind in sorted(unjudged)]
    return [w for w in works if w is not None], notes


def _columns(snapshot: Snapshot) -> dict[_Column, dict[str, list[Chosen]]]:
    """(kind, event) -> stage -> captures that have it, in the order of the snapshot."""
    out: defaultdict[_Column, dict[str, list[Chosen]]] = defaultdict(dict)
    for capture in snapshot.captures:
        seen: set[_Column] = set()
        for i, kind in enumerate(capture.profile.kinds):
            column = (kind.kind, kind.event)
            if column not in seen:
                seen.add(column)
                out[column].setdefault(capture.stage, []).append(Chosen(capture=capture, column=i))
    return dict(out)


def _same_column(
    kind: str, base: Iterable[_Column], head: Iterable[_Column]
) -> tuple[_Column, _Column] | None:
    """The column of a kind to compare: the first event that both have; of single ones, whatever they are called."""
    ours, theirs = ([c for c in side if c[0] == kind] for side in (base, head))
    common = next((c for c in theirs if c in ours), None)
    if common:
        return common, common
    return (ours[0], theirs[0]) if len(ours) == len(theirs) == 1 else None


def _same_stage(base: dict[str, list[Chosen]], head: dict[str, list[Chosen]]) -> tuple[str, str] | None:
    """The stage to compare: one whose captures differ in their requests, if there is one, else the first in common."""
    common = [stage for stage in head if stage in base]
    stepped = [s for s in common if _steps(base[s]) and _steps(head[s])]
    if common:
        return (stepped or common)[0], (stepped or common)[0]
    return (next(iter(base)), next(iter(head))) if len(base) == len(head) == 1 else None


def _steps(captures: Sequence[Chosen]) -> bool:
    return len({c.requests for c in captures}) > 1


def _work(base: Sequence[Chosen], head: Sequence[Chosen], shapes: Shapes) -> Work | None:
    """The same unit on both sides, and exact only if every capture is."""
    unit = head[0].kind.unit
    base, head = ([c for c in side if c.kind.unit == unit] for side in (base, head))
    if not base or not head:
        return None
    of = of_counters if _is_exact(base, head) else of_captures
    return of(base, head, shapes)


def _is_exact(base: Sequence[Chosen], head: Sequence[Chosen]) -> bool:
    return all(c.capture.profile.fidelity != "sampled" for c in (*base, *head))
