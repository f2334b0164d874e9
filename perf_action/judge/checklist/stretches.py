"""A time-line as stretches: who was where without a break, and for how long.

A sampler sees a thread every so often. That it is in the same place each time is no proof that it never left: calls so
short and so many that a sample always hits one look like a single long call. So a stretch counts as one call only if
short calls that take this share of the time would hardly ever line up so, if there is that much time for each request,
or if the stretches are alike, as those of short calls are not.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from perf_action.model.profile import Profile

#: two samples belong together if no more than this is between them
_BREAK_NS: Final = 1_000_000
#: how often a stretch may be expected from short calls, for it to count as a long one
_CHANCE: Final = 0.01
#: critical value of the corrected statistic for an exponential distribution of unknown mean
_LILLIEFORS: Final = 1.308
#: a place as somebody groups stack nodes
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One sample: from `at` for `ns`, at stack node `stack`."""

    at: int
    ns: int
    stack: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """What is known of a place: the length of every stretch in ns, ascending, how many samples they are together, and a
    stack node of the longest.
    """

    lengths: tuple[int, ...]
    samples: int
    node: int

    @property
    def longest(self) -> int:
        return self.lengths[-1]

    def one_call(self, everything: int, requests: int | None, limit_ns: float) -> float | None:
        """How long a single call surely took at once, in ns, if that is `limit_ns` or more; else None. `everything` is
        how many samples the thread has.
        """
        total, middle = sum(self.lengths), self.lengths[len(self.lengths) // 2]
        if self.longest < limit_ns:
            return None
        if requests and total / requests >= limit_ns:
            return min(float(self.longest), total / requests)
        if (
            _by_chance(self.samples / max(everything, 1), everything, self.longest * self.samples / total)
            < _CHANCE
        ):
            return float(self.longest)
        return float(middle) if middle >= limit_ns and _too_regular(self.lengths) else None


def _too_regular(lengths: tuple[int, ...]) -> bool:
    """Whether too few of the lengths (ascending) are short for stretches of short calls, which would be exponential.

    Lilliefors' test with Stephens' correction at 1 %, on one side: https://doi.org/10.1080/01621459.1974.10480196
    """
    n, mean = len(lengths), sum(lengths) / len(lengths)
    lacking = max(1 - math.exp(-length / mean) - i / n for i, length in enumerate(lengths))
    return (lacking - 0.2 / n) * (math.sqrt(n) + 0.26 + 0.5 / math.sqrt(n)) > _LILLIEFORS


def _by_chance(share: float, everything: int, length: float) -> float:
    """How many stretches of `length` samples or more are expected of samples that fall into a place by chance."""
    return everything * (1 - share) * share**length if share < 1 else math.inf


def threads(profile: Profile) -> tuple[tuple[Moment, ...], ...]:
    """The samples of each thread, in the order of time. Empty where the profile has no times."""
    if profile.sample_time_ns is None:
        return ()
    of: defaultdict[int, list[Moment]] = defaultdict(list)
    names = (
        profile.sample_thread.tolist()
        if profile.sample_thread is not None
        else [0] * len(profile.sample_stack)
    )
    columns = (
        names,
        profile.sample_time_ns.tolist(),
        profile.sample_values[:, 0].tolist(),
        profile.sample_stack.tolist(),
    )
    for thread, at, ns, stack in zip(*columns, strict=True):
        of[thread].append(Moment(at=at, ns=ns, stack=stack))
    return tuple(tuple(sorted(moments, key=lambda m: m.at)) for moments in of.values())


def stays(moments: tuple[Moment, ...], place: Callable[[int], K | None]) -> Mapping[K, Stay]:
    """For each place of one thread how long it stayed there; `place` gives None for what is of no interest."""
    lengths: defaultdict[K, list[int]] = defaultdict(list)
    nodes: dict[K, int] = {}
    for key, first, last in _runs(moments, place):
        length = last.at + last.ns - first.at
        if length >= max(lengths[key], default=0):
            nodes[key] = last.stack
        lengths[key].append(length)
    samples = Counter(found for moment in moments if (found := place(moment.stack)) is not None)
    return {
        key: Stay(lengths=tuple(sorted(of)), samples=samples[key], node=nodes[key])
        for key, of in lengths.items()
    }


def _runs(
    moments: tuple[Moment, ...], place: Callable[[int], K | None]
) -> Iterator[tuple[K, Moment, Moment]]:
    """Consecutive samples in one place: the place, the first and the last of them."""
    key: K | None = None
    first = last = None
    for moment in moments:
        now = place(moment.stack)
        together = last is not None and moment.at - (last.at + last.ns) <= _BREAK_NS
        if first is not None and last is not None and key is not None and (now != key or not together):
            yield key, first, last
            first = None
        if now is not None and first is None:
            first = moment
        key, last = now, moment
    if first is not None and last is not None and key is not None:
        yield key, first, last
