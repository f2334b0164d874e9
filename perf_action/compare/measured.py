"""Measurements that scatter: a t test over launches, a floor, and what the data could not have shown."""

from __future__ import annotations

import math
from dataclasses import replace

from perf_action.compare import stats
from perf_action.compare.replicas import Replicas
from perf_action.compare.rows import LARGEST_LOG, direction, factor, reaches, relative, unseen
from perf_action.compare.rules import FEW_LAUNCHES, SETTLED_BELOW, Rule
from perf_action.model.change import MetricChange, Verdict

#: no timer and no counter of pages repeats better than this from launch to launch
_LEAST_SD = 0.001
#: a change above its floor at this level, but not at the report's, is not called unchanged either
_SUSPICIOUS = 0.01
#: one launch a side: so many slices are needed to see how much it scatters at all
_LEAST_SLICES = 4
#: assumed scatter is worth this many degrees of freedom, so that p < .001 asks for six standard errors
_ASSUMED_DF = 5.0
_RUN_DF = 20.0
#: a change between two runs must be larger than what runs differ by anyway
_TIMES_RUN_SD = 4


def estimate(rule: Rule, found: Replicas) -> stats.Estimate | None:
    """ln(head/base) with its error, None if the data cannot show how much it scatters.

    One launch a side, or launches that nobody recorded: the scatter between launches is assumed to be the rule's, or
    that of the slices where it is larger, and no number of slices makes it smaller; the same is the least for a few
    launches that were not paired. Sides measured at different times also get the scatter between runs.
    """
    if found.known and len(found.ratios) > 1:
        return stats.of_mean(found.ratios, least_sd=_LEAST_SD)
    if found.known and not found.ratios and found.launches > 1:
        few = found.launches < FEW_LAUNCHES
        least = max(rule.launch_sd, found.within_sd) if few else _LEAST_SD
        guess = stats.of_difference(
            found.base, found.head, least_sd=least, between_sd=rule.run_sd, between_df=_RUN_DF
        )
        return replace(guess, df=min(guess.df, len(found.base) + len(found.head) - 2)) if few else guess
    if found.samples < _LEAST_SLICES:
        return None
    mean = math.fsum(found.head) / len(found.head) - math.fsum(found.base) / len(found.base)
    se = math.sqrt(2) * max(rule.launch_sd, found.within_sd)
    return stats.Estimate(mean=mean, se=se, df=_ASSUMED_DF)


def shown_only(row: MetricChange, rule: Rule, found: Replicas, why_not: str) -> MetricChange:
    """A row that is not judged: at most its interval may say that nothing moved."""
    guess = estimate(rule, found)
    if guess is None:
        return replace(row, reason=why_not)
    low, high = guess.interval()
    row = replace(row, interval=(relative(low), relative(high)))
    settled = -math.log1p(SETTLED_BELOW) < low and high < math.log1p(SETTLED_BELOW)
    if settled and (not rule.judged or row.better == "neither"):
        return replace(row, verdict=Verdict.UNCHANGED)
    return replace(row, reason=why_not)


def judge_measurement(row: MetricChange, rule: Rule, found: Replicas, alpha: float) -> MetricChange:
    """The finished row of a metric that may be judged; `row` has its values already."""
    guess = estimate(rule, found)
    launches = found.launches if found.known else 1
    if guess is None:
        n = "one sample" if found.samples == 1 else f"{found.samples} samples"
        return _open(row, f"{n} a side", rule.launches - launches)
    low, high = guess.interval()
    p = min(guess.p_greater, guess.p_less)
    row = replace(
        row,
        change=relative(guess.mean),
        interval=(relative(low), relative(high)),
        p=p,
        minimum_detectable=math.expm1(min(guess.detectable(alpha), LARGEST_LOG)),
    )
    if (
        p < alpha
        and launches >= rule.least
        and _is_large(row, rule, guess.mean, _floor(rule, found, launches))
    ):
        return replace(row, verdict=direction(row, guess.mean))
    return _without_alarm(row, rule, guess, launches, alpha)


def _floor(rule: Rule, found: Replicas, launches: int) -> float:
    few = rule.few_floor if launches < max(FEW_LAUNCHES, rule.launches) else 0.0
    apart = 0.0 if found.ratios else _TIMES_RUN_SD * rule.run_sd
    return max(rule.floor, few, apart)


def _is_large(row: MetricChange, rule: Rule, log: float, floor: float) -> bool:
    assert row.base is not None
    assert row.head is not None
    grown = abs(row.head - row.base) * factor(row.unit)
    return reaches(abs(log), math.log1p(floor)) and reaches(grown, rule.absolute)


def _without_alarm(
    row: MetricChange, rule: Rule, guess: stats.Estimate, launches: int, alpha: float
) -> MetricChange:
    assert row.base is not None
    assert row.head is not None
    assert row.p is not None
    assert row.minimum_detectable is not None
    if launches < rule.launches:
        n = "one launch" if launches == 1 else f"{launches} launches"
        return _open(row, f"{n} a side, {rule.launches} are needed", rule.launches - launches)
    if row.p < _SUSPICIOUS and _is_large(row, rule, guess.mean, rule.floor):
        way = "worse" if direction(row, guess.mean) is Verdict.REGRESSION else "better"
        reason = f"probably {way}, but not certain (p = {row.p:.2g})"
        return _open(row, reason, _more(guess, launches, abs(guess.mean), alpha))
    least = row.minimum_detectable
    if least > SETTLED_BELOW and least * max(row.base, row.head) * factor(row.unit) >= rule.absolute:
        target = math.log1p(SETTLED_BELOW)
        return _open(row, f"noisy: {unseen(least, 1)}", _more(guess, launches, target, alpha))
    return replace(row, verdict=Verdict.UNCHANGED)


def _open(row: MetricChange, reason: str, more: int | None) -> MetricChange:
    """An inconclusive row, with what would settle it: `more` launches a side, or none that anybody has the time for."""
    if more is None:
        would = "no number of launches within reason would settle it, a quieter machine might"
    elif more == 1:
        would = "about 1 more launch a side would settle it"
    else:
        would = f"about {more} more launches a side would settle it"
    return replace(row, reason=f"{reason}; {would}", more_launches=more)


def _more(guess: stats.Estimate, launches: int, effect: float, alpha: float) -> int | None:
    """How many more pairs of launches would probably settle it; None if it is a matter of a quieter machine."""
    if launches < 2:
        return max(FEW_LAUNCHES - launches, 1)
    needed = stats.launches_needed(guess.se * math.sqrt(launches), effect, alpha, at_least=launches + 1)
    return None if needed is None else needed - launches
