"""Metrics, base against head: worse, better, the same, or cannot tell and why.

The rule of every metric stands in `rules.py`; how samples become independent values in `replicas.py`. A regression
needs both a p below the report's level and a change above the metric's floor; "unchanged" needs data that would have
shown a change of 5 %. Everything else is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from perf_action.compare.counted import is_repeatable, judge_count
from perf_action.compare.measured import judge_measurement, shown_only
from perf_action.compare.options import CompareOptions
from perf_action.compare.replicas import Replicas, replicas
from perf_action.compare.rows import change_of, factor, median, same_unit
from perf_action.compare.rules import Rule, rule_for
from perf_action.model.change import FunctionChange, MetricChange, Verdict
from perf_action.model.metric import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What holds for all metrics of a comparison: the level, why times may not be judged (or an empty text), and
    whether pair numbers mean anything; `run_sd` is the scatter between runs that the history knows, by name.
    """

    alpha: float = 0.001
    untimed: str = ""
    paired: bool = True
    run_sd: Mapping[str, float] = field(default_factory=dict)


def metric_changes(
    base: Sequence[Metric],
    head: Sequence[Metric],
    *,
    options: CompareOptions,
    untimed: str = "",
) -> tuple[MetricChange, ...]:
    """One row for each metric that both sides have, in the order of head. `untimed` is why times may not be judged."""
    theirs = by_name(base)
    pairs = [(theirs[m.name], m) for m in by_name(head).values() if m.name in theirs]
    tested = sum(1 for _, m in pairs if (rule := rule_for(m)).judged and not (rule.exact or m.exact))
    around = Circumstances(
        alpha=options.metric_alpha(tested), untimed=untimed, paired=options.paired, run_sd=options.run_sd
    )
    return tuple(compare_metric(b, h, around) for b, h in pairs)


def hold_up(rows: Sequence[MetricChange], head: Sequence[Metric]) -> tuple[MetricChange, ...]:
    """Where nothing that is judged was settled, even latencies hold up the headline: it rests on them alone."""
    judged = {m.name for m in by_name(head).values() if rule_for(m).judged and m.better != "neither"}
    if any(r.verdict is not Verdict.INCONCLUSIVE for r in rows if r.name in judged):
        return tuple(rows)
    return tuple(replace(r, gating=True) if r.name in judged else r for r in rows)


def of_moving(
    rows: Sequence[MetricChange], functions: Sequence[FunctionChange], head: Sequence[Metric]
) -> tuple[MetricChange, ...]:
    """Code that is cut into other functions costs some calls more, and in Python each allocates: a count that rose by less
    than twice its floor is no regression where functions only moved and none got worse.
    """
    if not any(f.moved_from for f in functions) or any(f.verdict is Verdict.REGRESSION for f in functions):
        return tuple(rows)
    floors = {m.name: rule_for(m).floor for m in by_name(head).values() if m.exact or rule_for(m).exact}
    return tuple(
        replace(r, verdict=Verdict.UNCHANGED, reason="code was moved between functions, and none got worse")
        if r.verdict is Verdict.REGRESSION and r.change and abs(r.change) < 2 * floors.get(r.name, 0.0)
        else r
        for r in rows
    )


def by_name(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """One metric per name; of two, the one from launches without a profiler."""
    out: dict[str, Metric] = {}
    for m in metrics:
        if m.name not in out or (out[m.name].source != "clean" and m.source == "clean"):
            out[m.name] = m
    return out


def compare_metric(base: Metric, head: Metric, around: Circumstances) -> MetricChange:
    """One metric of both sides. Values are given in head's unit."""
    rule = rule_for(head)
    rule = replace(rule, run_sd=max(rule.run_sd, around.run_sd.get(head.name, 0.0)))
    row = MetricChange(
        name=head.name,
        unit=head.unit,
        better=head.better,
        base=None,
        head=None,
        change=None,
        verdict=Verdict.INCONCLUSIVE,
        gating=rule.gating and rule.judged and head.better != "neither",
    )
    if not same_unit(base.unit, head.unit):
        return replace(row, reason=f"base is in {base.unit}, head in {head.unit}")
    scale = factor(base.unit) / factor(head.unit)
    mine = [v * scale for v in base.samples if math.isfinite(v)]
    theirs = [v for v in head.samples if math.isfinite(v)]
    if not mine or not theirs:
        return replace(row, reason=f"no value on {'base' if not mine else 'head'}")
    if (rule.exact or head.exact) and is_repeatable(mine, theirs, rule):
        return judge_count(row, rule, mine, theirs)
    found = replicas(base, head, base_factor=scale, paired=around.paired)
    if found is None or min(mine) <= 0 or min(theirs) <= 0:
        return _without_ratio(row, mine, theirs, rule.why_not)
    row = _with_values(row, found)
    why_not = _why_not(rule, base, head, around)
    if why_not:
        return shown_only(row, rule, found, why_not)
    return judge_measurement(row, rule, found, around.alpha)


def _without_ratio(
    row: MetricChange, base: Sequence[float], head: Sequence[float], why_not: str
) -> MetricChange:
    row = replace(row, base=median(base), head=median(head))
    if not any(base) and not any(head):
        return replace(row, change=0.0, verdict=Verdict.UNCHANGED)
    return replace(row, reason=why_not or "some values are zero or below, so there is no ratio to judge")


def _with_values(row: MetricChange, found: Replicas) -> MetricChange:
    """Geometric means over launches, so that head / base - 1 is the change that is judged."""
    base, head = (math.exp(math.fsum(side) / len(side)) for side in (found.base, found.head))
    launches = found.launches if found.known else 0
    return replace(row, base=base, head=head, change=change_of(base, head), launches=launches)


def _why_not(rule: Rule, base: Metric, head: Metric, around: Circumstances) -> str:
    if not rule.judged:
        return rule.why_not
    if head.better == "neither":
        return "neither direction is better, so it is not judged"
    if rule.timed and "profiled" in (base.source, head.source):
        return "measured under a profiler, which slows it down"
    return around.untimed if rule.timed else ""
