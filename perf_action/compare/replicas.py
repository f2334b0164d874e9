"""From samples to independent values: one per launch, because slices of one launch share its luck.

Three of six comparisons of identical code, one launch a side and eight slices each, "differed" with p < .001 when
slices were taken for repetitions. Everything downstream therefore sees launches only.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from perf_action.compare import stats
from perf_action.model.metric import Metric

#: a launch without slices of its own is cut into this many stretches, to see how much it scatters
_STRETCHES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """Natural logarithms, one value per launch. `ratios` (head/base) where the two were taken in pairs, else empty.

    `known` says whether anybody recorded which launch a sample is of; `within_sd` is the scatter of one launch's
    slices, `samples` how many there are on the side that has fewer.
    """

    base: tuple[float, ...]
    head: tuple[float, ...]
    ratios: tuple[float, ...]
    known: bool
    within_sd: float
    samples: int

    @property
    def launches(self) -> int:
        return len(self.ratios) or min(len(self.base), len(self.head))


def replicas(base: Metric, head: Metric, *, base_factor: float = 1.0, paired: bool = True) -> Replicas | None:
    """The launches of two metrics, in pairs where the samples say so. `base_factor` brings base into head's unit.

    Samples that are not finite and positive have no logarithm and are left out; None if none are left on a side.
    """
    mine, theirs = _samples(base, base_factor), _samples(head, 1.0)
    if not mine or not theirs:
        return None
    known = base.launches is not None and head.launches is not None
    within = max(_within(mine), _within(theirs))
    samples = min(len(mine), len(theirs))
    if paired and base.pairs is not None and head.pairs is not None:
        together = _paired(mine, theirs)
        if together:
            b, h, ratios = together
            return Replicas(base=b, head=h, ratios=ratios, known=known, within_sd=within, samples=samples)
    b, h = _by_launch(mine), _by_launch(theirs)
    return Replicas(base=b, head=h, ratios=(), known=known, within_sd=within, samples=samples)


@dataclass(frozen=True, slots=True)
class _Sample:
    log: float
    launch: int
    pair: int


def _samples(metric: Metric, factor: float) -> list[_Sample]:
    n = len(metric.samples)
    launches, pairs = metric.launches or (0,) * n, metric.pairs or (0,) * n
    return [
        _Sample(math.log(value * factor), launch, pair)
        for value, launch, pair in zip(metric.samples, launches, pairs, strict=True)
        if math.isfinite(value) and value > 0
    ]


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _by_launch(samples: Sequence[_Sample]) -> tuple[float, ...]:
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for s in samples:
        groups[s.launch].append(s.log)
    return tuple(_mean(groups[k]) for k in sorted(groups))


def _paired(
    base: Sequence[_Sample], head: Sequence[_Sample]
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]] | None:
    """Launch means of base, of head and of their log ratio, over the pairs that both sides have."""
    mine, theirs = _by_pair(base), _by_pair(head)
    common = sorted(mine.keys() & theirs.keys())
    if not common:
        return None
    launch_of = {
        side: {s.pair: s.launch for s in samples} for side, samples in (("base", base), ("head", head))
    }
    # one launch of base measured against many of head is one repetition, not many
    fewest = min(("base", "head"), key=lambda side: len({launch_of[side][pair] for pair in common}))
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for pair in common:
        groups[launch_of[fewest][pair]].append(pair)
    ordered = [groups[k] for k in sorted(groups)]
    return (
        tuple(_mean(mine[p] for p in pairs) for pairs in ordered),
        tuple(_mean(theirs[p] for p in pairs) for pairs in ordered),
        tuple(_mean(theirs[p] - mine[p] for p in pairs) for pairs in ordered),
    )


def _by_pair(samples: Sequence[_Sample]) -> Mapping[int, float]:
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for s in samples:
        groups[s.pair].append(s.log)
    return {pair: _mean(logs) for pair, logs in groups.items()}


def _within(samples: Sequence[_Sample]) -> float:
    """The largest scatter of the slices of one launch; many samples are first averaged over stretches of time."""
    groups: defaultdict[int, list[float]] = defaultdict(list)
    for s in samples:
        groups[s.launch].append(s.log)
    return max(stats.sd(_stretches(logs)) for logs in groups.values())


def _stretches(logs: Sequence[float]) -> list[float]:
    if len(logs) <= 2 * _STRETCHES:
        return list(logs)
    edges = [round(i * len(logs) / _STRETCHES) for i in range(_STRETCHES + 1)]
    return [_mean(logs[a:b]) for a, b in itertools.pairwise(edges)]
