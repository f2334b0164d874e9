"""Whether more launches are worth their time: the stopping rule of the clean launches.

Three things settle them: the scatter is so small that nothing that matters can hide; the change is certainly next to
nothing; or it is so large that no later launch can take it back. The verdict is then the ordinary test at its ordinary
level. The first two look at no effect that could be called a regression, and the third spends next to none of the
level, so that stopping costs hardly any false alarms. Measured against looks with O'Brien-Fleming levels, it needs fewer
launches for the same power: the table is in docs/statistics.md, made by benchmarks/verdicts/stopping.py.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from perf_action.compare.rules import FEW_LAUNCHES
from perf_action.compare.stats import Estimate, of_mean, sd
from perf_action.model.metric import Metric

#: level of the test that a metric of time has to pass
ALPHA = 0.001
#: the change that would be seen in four of five such runs: below this nothing is left to find
_FINE = 0.015
#: the same for one side alone, which is compared with a run at another time
_FINE_ALONE = 0.03
#: a 99 % interval inside this on both sides of zero: unchanged
_NOTHING = 0.02
#: a change of at least one percent at this level: no later launch takes it back
_CERTAIN, _WORTH_A_WORD = 1e-5, 0.01
#: fewer launches of one side than this show no scatter; two sides need as many as a verdict does
_LEAST_ALONE = 3
#: no clock repeats better than this from launch to launch
_LEAST_SD = 0.001


def is_settled(sides: Sequence[Metric]) -> bool:
    """Whether further launches would hardly change what is said, from one metric of each side (two: paired by launch;
    one: against a later run with as many launches).
    """
    logs = [_launch_logs(m) for m in sides]
    common = sorted(set.intersection(*(set(side) for side in logs))) if logs else []
    if len(common) < (_LEAST_ALONE if len(logs) == 1 else FEW_LAUNCHES):
        return False
    if len(logs) == 1:
        se = sd([logs[0][i] for i in common]) * math.sqrt(2 / len(common))
        return _is_fine(Estimate(mean=0.0, se=se, df=len(common) - 1), _FINE_ALONE)
    guess = of_mean([logs[1][i] - logs[0][i] for i in common], least_sd=_LEAST_SD)
    low, high = guess.interval()
    is_nothing = -math.log1p(_NOTHING) < low and high < math.log1p(_NOTHING)
    certain = min(guess.p_greater, guess.p_less) < _CERTAIN and abs(guess.mean) >= math.log1p(_WORTH_A_WORD)
    return is_nothing or certain or _is_fine(guess, _FINE)


def _is_fine(guess: Estimate, change: float) -> bool:
    return guess.detectable(ALPHA) <= math.log1p(change)


def _launch_logs(metric: Metric) -> dict[int, float]:
    by_launch: defaultdict[int, list[float]] = defaultdict(list)
    for launch, value in zip(metric.launches or range(len(metric.samples)), metric.samples, strict=False):
        if value > 0:
            by_launch[launch].append(math.log(value))
    return {launch: math.fsum(v) / len(v) for launch, v in by_launch.items()}
