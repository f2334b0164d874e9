"""Load before anything is counted, until the service is steady: caches filled, code compiled, pools grown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from perf_action.load.session import Amount, LoadResult
from perf_action.measure.launch import Launch
from perf_action.model.trial import Stage, Trial

Load = Callable[[Sequence[Launch], Amount, float], list[LoadResult]]

_TIMEOUT = 300.0
#: after the warm-up, parts follow until two in a row cost the same within the share, at most so many
_MOST_PARTS, _STEADY = 8, 0.1
#: fewer requests than this say nothing about what one costs
_LEAST = 50


def warm_up(launches: Sequence[Launch], trial: Trial, load: Load) -> None:
    """Warm all up at once. A launch that is not steady then says so in its notes.

    Counting stages get exactly what was asked for, because two launches of known length are subtracted.
    """
    stage = trial.stage
    seconds, requests = stage.warm_up_seconds, stage.warm_up_requests
    if not seconds and not requests:
        return
    whole = Amount(
        requests=None if seconds else requests, seconds=seconds or None, seed=trial.seed * 1000 + 900
    )
    if seconds or stage.counts or requests < _LEAST:
        load(launches, whole, _timeout(stage))
        return
    # a replay's slice is a round of the same requests: a warm-up of fewer would leave some of them cold
    slice_ = stage.requests or requests
    load(launches, replace(whole, requests=max(requests, slice_)), _timeout(stage))
    _until_steady(launches, stage, replace(whole, requests=min(requests, slice_)), load)


def _until_steady(launches: Sequence[Launch], stage: Stage, part: Amount, load: Load) -> None:
    costs: list[list[float]] = []
    for index in range(_MOST_PARTS):
        before = [one.service.usage(pss=False).cpu_ns for one in launches]
        results = load(launches, replace(part, seed=part.seed + 1 + index), _timeout(stage))
        if any(result.requests is None for result in results):
            return
        costs.append(
            [
                (one.service.usage(pss=False).cpu_ns - was) / (result.requests or 1)
                for one, was, result in zip(launches, before, results, strict=True)
            ]
        )
        if index and max(_apart(costs, i) for i in range(len(launches))) <= _STEADY:
            return
    for i, one in enumerate(launches):
        if (apart := _apart(costs, i)) > _STEADY:
            one.notes.append(
                f"{stage.name}: {one.side.value} was not steady after {len(costs) * (part.requests or 0)} requests of "
                f"warm-up (CPU per request moved by {apart:.0%}); raise measure.warm-up"
            )


def _apart(costs: Sequence[Sequence[float]], side: int) -> float:
    """How far the last two parts lie apart, as a share of the larger."""
    last, previous = costs[-1][side], costs[-2][side]
    return abs(last - previous) / max(last, previous, 1.0)


def _timeout(stage: Stage) -> float:
    return _TIMEOUT * stage.slowdown + stage.warm_up_seconds
