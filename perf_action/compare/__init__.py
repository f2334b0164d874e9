"""Two snapshots in, one comparison out: metrics, functions and leaks, each row with its own verdict.

Everything here is pure: no clock, no file, no process, and the same two snapshots always give the same answer.
"""

from __future__ import annotations

from dataclasses import replace

from perf_action.compare.kinds import function_changes, ordered
from perf_action.compare.leaks import leak_changes
from perf_action.compare.metrics import by_name, hold_up, metric_changes, of_moving
from perf_action.compare.options import CompareOptions
from perf_action.compare.rows import factor, median
from perf_action.compare.selfcheck import NOT_CHECKED, believe_function, believe_metric, self_check
from perf_action.model.change import Comparison, LeakChange, LeakState, Verdict
from perf_action.model.environment import Environment
from perf_action.model.snapshot import Snapshot

__all__ = ["CompareOptions", "compare", "leaks_of"]

#: error rates that differ by more than this mean that the two sides did different work
_ERROR_RATES_DIFFER = 0.01
_NOTHING = "base and head have nothing in common that could be compared"
_CALLED = (Verdict.REGRESSION, Verdict.IMPROVEMENT)


def compare(base: Snapshot, head: Snapshot, options: CompareOptions | None = None) -> Comparison:
    """Head against base. Times are judged only on the same hardware, and nothing is where the load itself was no good."""
    options = options or CompareOptions()
    base, head = base.by_function(), head.by_function()
    ours, theirs = base.environment or Environment(), head.environment or Environment()
    untimed = options.untimed if ours.same_hardware(theirs) else "measured on different hardware"
    functions = function_changes(base, head, options, untimed=untimed)
    checked = self_check(base, options) if options.self_check else NOT_CHECKED
    metrics = metric_changes(base.metrics, head.metrics, options=options, untimed=untimed)
    metrics = of_moving(metrics, functions.rows, head.metrics)
    leaks = leak_changes(base.series, head.series)
    if not functions.rows and not leaks:
        metrics = hold_up(metrics, head.metrics)
    found = Comparison(
        metrics=tuple(believe_metric(m, checked) for m in metrics),
        functions=ordered(believe_function(f, checked) for f in functions.rows),
        leaks=leaks,
        environment_differences=ours.differences(theirs),
        self_check=checked.result,
        reasons=(untimed,) if untimed else (),
        notes=(*functions.notes, *_one_sided(base, head)),
    )
    spoilt = [f"{s.label}: {s.not_comparable}" for s in (base, head) if s.not_comparable]
    spoilt = spoilt or _error_rates(base, head)
    shared = {s.name for s in base.series} & {k.name for k in found.leaks}
    if not found.metrics and not found.functions and not shared:
        return replace(found, reasons=(*spoilt, _NOTHING), not_comparable=True)
    return _unsettled(found, spoilt) if spoilt else found


def leaks_of(head: Snapshot) -> tuple[LeakChange, ...]:
    """The series of head judged by itself, where there is no base. Whether a leak is new nobody knows: it is not said."""
    found = tuple(replace(leak, new=False) for leak in leak_changes((), head.series))
    return _no_leak(found, f"{head.label}: {head.not_comparable}") if head.not_comparable else found


def _no_leak(leaks: tuple[LeakChange, ...], reason: str) -> tuple[LeakChange, ...]:
    return tuple(
        replace(leak, verdict=LeakState.INCONCLUSIVE, new=False, reason=reason)
        if leak.verdict is LeakState.LEAKING
        else leak
        for leak in leaks
    )


def _unsettled(found: Comparison, reasons: list[str]) -> Comparison:
    """Nothing can be concluded from a load that failed: every row says so."""
    reason = reasons[0]
    return replace(
        found,
        metrics=tuple(
            replace(m, verdict=Verdict.INCONCLUSIVE, reason=reason) if m.verdict in _CALLED else m
            for m in found.metrics
        ),
        functions=ordered(
            replace(f, verdict=Verdict.INCONCLUSIVE, reason=reason) if f.verdict in _CALLED else f
            for f in found.functions
        ),
        leaks=_no_leak(found.leaks, reason),
        reasons=(*reasons, *found.reasons),
        not_comparable=True,
    )


def _error_rates(base: Snapshot, head: Snapshot) -> list[str]:
    """Why the loads differ: a request that fails early is cheap, so a side with more errors looks faster."""
    ours, theirs = by_name(base.metrics).get("load.error_rate"), by_name(head.metrics).get("load.error_rate")
    if ours is None or theirs is None or not ours.samples or not theirs.samples:
        return []
    b, h = median(ours.samples) * factor(ours.unit), median(theirs.samples) * factor(theirs.unit)
    if abs(h - b) <= _ERROR_RATES_DIFFER:
        return []
    return [f"not comparable: {b:.1%} of the requests failed on base, {h:.1%} on head"]


def _one_sided(base: Snapshot, head: Snapshot) -> tuple[str, ...]:
    ours, theirs = by_name(base.metrics), by_name(head.metrics)
    gone, new = [n for n in ours if n not in theirs], [n for n in theirs if n not in ours]
    notes = [
        f"only on {side}: {', '.join(names)}" for side, names in (("base", gone), ("head", new)) if names
    ]
    return tuple(notes)
