"""From a measured run to the point that the history keeps of it: values, and ratios where base was measured too."""

from __future__ import annotations

import math
from collections.abc import Sequence

from perf_action.compare import stats
from perf_action.compare.counted import is_repeatable
from perf_action.compare.measured import estimate
from perf_action.compare.metrics import by_name
from perf_action.compare.replicas import replicas
from perf_action.compare.rows import factor, median, same_unit
from perf_action.compare.rules import Rule, rule_for
from perf_action.model.accepted import AcceptedAt
from perf_action.model.metric import Metric
from perf_action.model.route import parts
from perf_action.model.snapshot import Snapshot
from perf_action.model.trend import Point, PointValue


def point_of(
    head: Snapshot,
    base: Snapshot | None = None,
    *,
    time_s: float,
    fingerprint: str,
    reference: bool = False,
    accepted: Sequence[AcceptedAt] = (),
) -> Point:
    """The point of `head`; `base` is what was measured side by side with it. A side whose load was no good has no
    ratio, times under a profiler are not kept, and of the latencies of routes only p95.
    """
    together = base if base is not None and not base.not_comparable and base.commit != head.commit else None
    theirs = by_name(together.metrics) if together else {}
    values = [_value(m, theirs.get(m.name)) for m in by_name(head.metrics).values() if _is_kept(m.name)]
    return Point(
        commit=head.commit,
        base=together.commit if together else "",
        time_s=time_s,
        fingerprint=fingerprint,
        reference=reference,
        values=tuple(v for v in values if v is not None),
        accepted=tuple(accepted),
    )


def _is_kept(name: str) -> bool:
    metric, route = parts(name)
    return not route or metric == "latency.p95"


def _value(head: Metric, base: Metric | None) -> PointValue | None:
    rule = rule_for(head)
    samples = [v for v in head.samples if math.isfinite(v)]
    if not samples or (rule.timed and head.source == "profiled"):
        return None
    ratio = _ratio(base, head, rule) if base is not None else None
    return PointValue(
        name=head.name,
        unit=head.unit,
        better=head.better,
        value=_middle(head, samples, rule),
        timed=rule.timed,
        exact=rule.exact or head.exact,
        **({"ratio": ratio.mean, "ratio_se": ratio.se, "ratio_df": ratio.df} if ratio else {}),
    )


def _middle(metric: Metric, samples: list[float], rule: Rule) -> float:
    """The geometric mean over launches; of counts, and where a sample is not positive, the median."""
    found = replicas(metric, metric, paired=False)
    if found is None or min(samples) <= 0 or rule.exact or metric.exact:
        return median(samples)
    return math.exp(math.fsum(found.head) / len(found.head))


def _ratio(base: Metric, head: Metric, rule: Rule) -> stats.Estimate | None:
    """ln(head/base) with its error, None where there is no such number."""
    if not same_unit(base.unit, head.unit) or (rule.timed and base.source == "profiled"):
        return None
    scale = factor(base.unit) / factor(head.unit)
    mine = [v * scale for v in base.samples if math.isfinite(v)]
    theirs = [v for v in head.samples if math.isfinite(v)]
    if not mine or not theirs or min(mine) <= 0 or min(theirs) <= 0:
        return None
    if (rule.exact or head.exact) and is_repeatable(mine, theirs, rule):
        return stats.Estimate(mean=math.log(median(theirs) / median(mine)), se=0.0, df=1e9)
    found = replicas(base, head, base_factor=scale)
    return estimate(rule, found) if found else None
