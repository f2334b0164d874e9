"""What head spent, by function or by call site: the numbers that budgets on them are held against.

Of cost that is counted per launch (bytes, allocations) the longest launch counts, averaged over those as long; per
request it is the difference of two lengths where there are two, so that start-up cancels.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perf_action.compare.idle import idle_functions
from perf_action.model.profile import UNKNOWN, CapturedProfile, FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.tree import costs, self_costs, stack_self

#: https://go.dev/src/runtime/mprof.go: one sample every 512 KiB, what heap samplers take if they do not say
_HEAP_PERIOD = 512 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A function, or with `site` > 0 a line in it that spends by itself; `line` is where the function is defined."""

    key: FunctionKey
    site: int = 0

    def __str__(self) -> str:
        file, name = self.key.file, self.key.name
        if self.site:
            return f"{name} ({file}:{self.site})" if file else name
        return f"{name} ({file})" if file else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One source (a stage, or all slices). `shares` are of the total; `absolute` in `unit`, None where only shares are
    known, `per_request` in the unit a request, None where nobody counted. `samples` behind the total, 0 if all was
    counted. Functions that only wait are in neither.
    """

    stage: str
    unit: str
    shares: Mapping[Place, float]
    samples: float
    absolute: Mapping[Place, float] | None = None
    per_request: Mapping[Place, float] | None = None


def spent(head: Snapshot, kind: str, *, inclusive: bool = False, sites: bool = False) -> tuple[Spent, ...]:
    """Every source of that kind of cost."""
    if kind == "cpu" and head.slices:
        return tuple(s for s in [_of_slices(head, inclusive=inclusive)] if s is not None)
    stages: defaultdict[str, list[tuple[CapturedProfile, int]]] = defaultdict(list)
    for capture in head.captures:
        column = capture.profile.find_kind(kind)
        if column is not None:
            stages[capture.stage].append((capture, column))
    found = (_of_captures(name, group, inclusive=inclusive, sites=sites) for name, group in stages.items())
    return tuple(s for s in found if s is not None)


def _of_slices(head: Snapshot, *, inclusive: bool) -> Spent | None:
    values: Counter[Place] = Counter()
    total = 0.0
    idle = _idle([s.profile for s in head.slices])
    for one in head.slices:
        mine, whole = _values(one.profile, 0, idle, inclusive=inclusive, sites=False)
        values.update(mine)
        total += whole
    requests = sum(s.requests for s in head.slices)
    if not total:
        return None
    shares = {place: value / total for place, value in values.items()}
    ns = sum(s.cpu_ns_per_request * s.requests for s in head.slices) / requests if requests else None
    return Spent(
        stage="",
        unit="ns",
        shares=shares,
        samples=total,
        per_request=None if ns is None else {place: share * ns for place, share in shares.items()},
    )


def _of_captures(
    stage: str, group: Sequence[tuple[CapturedProfile, int]], *, inclusive: bool, sites: bool
) -> Spent | None:
    first, column = group[0]
    kind = first.profile.kinds[column]
    idle = _idle([c.profile for c, _ in group]) if kind.kind == "cpu" else frozenset()
    launches: defaultdict[tuple[int, int], Counter[Place]] = defaultdict(Counter)
    total, samples = 0.0, 0.0
    for capture, place in group:
        if capture.profile.kinds[place].unit != kind.unit:
            continue
        mine, whole = _values(capture.profile, place, idle, inclusive=inclusive, sites=sites)
        requests = capture.requests or capture.profile.requests or 0
        launches[capture.launch, requests].update(mine)
        total += whole
        samples += _samples(capture.profile, place, whole)
    if not total:
        return None
    values: Counter[Place] = Counter()
    for one in launches.values():
        values.update(one)
    lengths = sorted({requests for _, requests in launches})
    means = {length: _mean([v for (_, n), v in launches.items() if n == length]) for length in lengths}
    countable = kind.unit != "samples"
    return Spent(
        stage=stage,
        unit=kind.unit,
        shares={place: value / total for place, value in values.items()},
        samples=samples,
        absolute=means[lengths[-1]] if countable else None,
        per_request=_per_request(means) if countable else None,
    )


def _values(
    profile: Profile, column: int, idle: frozenset[FunctionKey], *, inclusive: bool, sites: bool
) -> tuple[dict[Place, float], float]:
    """What each place spent, and all of them together."""
    if sites:
        return _site_values(profile, column)
    own = self_costs(profile, column)
    total = float(sum(value for key, value in own.items() if key not in idle))
    chosen = {key: cost.total for key, cost in costs(profile, column).items()} if inclusive else own
    return {
        Place(key): value for key, value in chosen.items() if key not in idle and key.name != UNKNOWN
    }, total


def _site_values(profile: Profile, column: int) -> tuple[dict[Place, float], float]:
    """By the innermost frame, with its line."""
    keys, values = profile.function_keys, Counter[Place]()
    own = stack_self(profile, column)
    for node in own.nonzero()[0].tolist():
        frame = int(profile.stack_frame[node])
        key = keys[int(profile.frame_function[frame])]
        values[Place(key, max(int(profile.frame_line[frame]), 0))] += int(own[node])
    total = sum(values.values())
    return {place: value for place, value in values.items() if place.key.name != UNKNOWN}, total


def _idle(profiles: Sequence[Profile]) -> frozenset[FunctionKey]:
    return frozenset(idle_functions({k for p in profiles for k in p.function_keys}, native=False))


def _samples(profile: Profile, column: int, total: float) -> float:
    """How many samples are behind the total; 0 if it was counted."""
    if profile.fidelity != "sampled":
        return 0.0
    unit = profile.kinds[column].unit
    if unit == "samples":
        return total
    if unit == "ns" and profile.period:
        return total / profile.period
    return total / (profile.period or _HEAP_PERIOD) if unit == "bytes" else float(len(profile.sample_stack))


def _mean(launches: Sequence[Mapping[Place, float]]) -> dict[Place, float]:
    places = dict.fromkeys(place for one in launches for place in one)
    return {place: math.fsum(one.get(place, 0) for one in launches) / len(launches) for place in places}


def _per_request(means: Mapping[int, Mapping[Place, float]]) -> dict[Place, float] | None:
    counted = sorted(length for length in means if length)
    if not counted:
        return None
    longest = counted[-1]
    if len(counted) == 1:
        return {place: value / longest for place, value in means[longest].items()}
    short, more = means[counted[0]], longest - counted[0]
    return {place: max(0.0, value - short.get(place, 0.0)) / more for place, value in means[longest].items()}
