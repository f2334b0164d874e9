"""Base against base, from launches that were measured anyway: what this machine calls a change of identical code.

Of two neighbouring launches of base one plays head. Nothing may alarm; where something does, the machine was not steady enough
for that row, and a regression there is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from perf_action.compare.kinds import function_changes
from perf_action.compare.metrics import metric_changes
from perf_action.compare.options import CompareOptions
from perf_action.model.change import FunctionChange, MetricChange, SelfCheck, Verdict
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot

#: fewer launches than this cannot be divided
_LEAST_LAUNCHES = 6
_LEAST_SLICED_LAUNCHES = 4
_ALARMS = (Verdict.REGRESSION, Verdict.IMPROVEMENT)
_REASON = "base against itself differs here too on this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfChecked:
    """How many rows alarmed, and which: names of metrics, (name, file) of functions."""

    result: SelfCheck | None
    metrics: frozenset[str]
    functions: frozenset[tuple[str, str]]


NOT_CHECKED = SelfChecked(result=None, metrics=frozenset(), functions=frozenset())


def self_check(base: Snapshot, options: CompareOptions) -> SelfChecked:
    """Compare two ways of halving base's launches; None where there are too few to halve."""
    options = replace(options, paired=True)
    metric_rows: list[MetricChange] = []
    function_rows: list[FunctionChange] = []
    for run in (1, 2):
        sides = [_half(base, run=run, other=other) for other in (False, True)]
        metric_rows += metric_changes(sides[0].metrics, sides[1].metrics, options=options)
        function_rows += function_changes(sides[0], sides[1], options).rows
    alarming = frozenset(m.name for m in metric_rows if m.verdict in _ALARMS)
    blamed = frozenset((f.name, f.file) for f in function_rows if f.verdict in _ALARMS)
    checked = {m.name for m in metric_rows}, {(f.name, f.file) for f in function_rows}
    of = len(checked[0]) + len(checked[1])
    result = SelfCheck(false_alarms=len(alarming) + len(blamed), of=of) if of else None
    return SelfChecked(result=result, metrics=alarming, functions=blamed)


def believe_metric(row: MetricChange, checked: SelfChecked) -> MetricChange:
    """The row, unless it calls a regression where base differs from itself."""
    if row.verdict is Verdict.REGRESSION and row.name in checked.metrics:
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=_REASON)
    return row


def believe_function(row: FunctionChange, checked: SelfChecked) -> FunctionChange:
    """The row, unless it calls a regression where base differs from itself."""
    if row.verdict is Verdict.REGRESSION and (row.name, row.file) in checked.functions:
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=_REASON)
    return row


def _half(base: Snapshot, *, run: int, other: bool) -> Snapshot:
    """One of two halves of base. Metrics: neighbouring launches become pairs, whose first is now on this side, now on
    that; run 2 pairs them one launch later. Slices: launches 0 2 4 … or 1 3 5 …; in run 2 0 1 4 5 … or 2 3 6 7 ….
    """
    launches = sorted({s.launch for s in base.slices})
    mine = {launch for i, launch in enumerate(launches) if (i // run % 2 == 1) == other}
    enough = len(launches) >= _LEAST_SLICED_LAUNCHES
    metrics = [half for m in base.metrics if (half := _half_metric(m, run=run, other=other))]
    return replace(
        base,
        metrics=tuple(metrics),
        series=(),
        captures=(),
        slices=tuple(s for s in base.slices if s.launch in mine) if enough else (),
    )


def _half_metric(metric: Metric, *, run: int, other: bool) -> Metric | None:
    if metric.launches is None:
        return None
    launches = sorted(set(metric.launches))[run - 1 :]
    if len(launches) < _LEAST_LAUNCHES:
        return None
    pair_of = {
        launch: i // 2
        for i, launch in enumerate(launches[: len(launches) // 2 * 2])
        if (i % 2 == 1) == (other == (i // 2 % 2 == 0))
    }
    kept = [(v, pair_of[n]) for v, n in zip(metric.samples, metric.launches, strict=True) if n in pair_of]
    pairs = tuple(pair for _, pair in kept)
    return replace(metric, samples=tuple(v for v, _ in kept), launches=pairs, pairs=pairs)
