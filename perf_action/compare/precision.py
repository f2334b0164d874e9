"""How small a change the launches so far would show: what decides whether more of them are needed.

It looks at the spread only, never at the effect, so that measuring longer costs no false alarms.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from perf_action.compare.stats import Estimate, sd
from perf_action.model.metric import Metric

#: level of the test that a metric of time has to pass
ALPHA = 0.001


def detectable_change(sides: Sequence[Metric]) -> float | None:
    """The relative change found with 80 % power, from one metric of each side (two: paired by launch; one: against a
    later run with as many launches). None with fewer than three launches.
    """
    logs = [_launch_logs(m) for m in sides]
    common = sorted(set.intersection(*(set(side) for side in logs)))
    if len(common) < 3:
        return None
    if len(logs) == 2:
        spread = sd([logs[1][i] - logs[0][i] for i in common])
    else:
        spread = sd([logs[0][i] for i in common]) * math.sqrt(2)
    n = len(common)
    return math.expm1(Estimate(mean=0.0, se=spread / math.sqrt(n), df=n - 1).detectable(ALPHA))


def _launch_logs(metric: Metric) -> dict[int, float]:
    by_launch: defaultdict[int, list[float]] = defaultdict(list)
    for launch, value in zip(metric.launches or range(len(metric.samples)), metric.samples, strict=False):
        if value > 0:
            by_launch[launch].append(math.log(value))
    return {launch: math.fsum(v) / len(v) for launch, v in by_launch.items()}
