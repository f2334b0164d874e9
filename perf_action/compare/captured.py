"""Costs from whole captures of a sampling profiler: quasi-Poisson, with a generous dispersion.

Two captures may cover different amounts of work. Where requests were counted, cost is per request. Where they were
not, the same samples are read in every plausible way: as they are, as a share, per second, and against the function
in the middle. Each is wrong for some recordings (as they are: one ran longer; as a share: a doubled function makes
all others look improved), so a change must show in all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perf_action.compare import stats
from perf_action.compare.calls import Floats, Shapes, Weighed, call_tree
from perf_action.compare.idle import idle_functions
from perf_action.compare.work import Effects, View, Work
from perf_action.model.profile import CapturedProfile, Profile, ValueKind

#: dispersion assumed for samples of time, worth so many degrees of freedom against what several captures show
_PHI = 2.0
_PHI_DF = 10.0
#: the same for samples of bytes: no clock, no scheduler, but objects of all sizes
_PHI_OF_BYTES = 1.2
#: relative scatter of one function from launch to launch; of bytes, which depend on no memory layout
_LAUNCH_SD = 0.05
_LAUNCH_SD_OF_BYTES = 0.01
#: kinds that are states of the whole process rather than sums over time
STATES = frozenset({"peak", "in_use", "in_use_count", "leaked"})
#: https://go.dev/src/runtime/mprof.go: one sample every 512 KiB, what heap samplers take if they do not say
_HEAP_PERIOD = 512 * 1024
#: functions from which the middle is taken, and samples that each must have
_LEAST_FUNCTIONS = 3
_LEAST_SAMPLES = 20
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A capture and the column of it that is compared."""

    capture: CapturedProfile
    column: int

    @property
    def kind(self) -> ValueKind:
        return self.capture.profile.kinds[self.column]

    @property
    def requests(self) -> int | None:
        counted = self.capture.requests or self.capture.profile.requests
        return counted if counted and counted > 0 else None

    @property
    def duration_ns(self) -> int:
        return self.capture.profile.duration_ns or 0

    @property
    def weighed(self) -> Weighed:
        return Weighed(profile=self.capture.profile, kind=self.column)


class Units:
    """The launches of one side: captures of one launch (its processes) are one unit of work.

    `requests` and `nanoseconds` per unit, zero where nobody knows.
    """

    def __init__(self, chosen: Sequence[Chosen]) -> None:
        names = list(dict.fromkeys((c.capture.launch, c.requests) for c in chosen))
        self._member = np.array(
            [[float((c.capture.launch, c.requests) == name) for name in names] for c in chosen]
        )
        self.requests = [requests or 0 for _, requests in names]
        self.nanoseconds = [
            max(c.duration_ns for c in chosen if (c.capture.launch, c.requests) == name) for name in names
        ]

    def __len__(self) -> int:
        return len(self.requests)

    def values(self, captures: Floats) -> Floats:
        """Values per function and unit, of values per function and capture."""
        return np.asarray(captures @ self._member, dtype=float)


def of_captures(base: Sequence[Chosen], head: Sequence[Chosen], shapes: Shapes) -> Work | None:
    """The work of one kind in captures of both sides, None if either has no sample."""
    kind = head[0].kind
    profiles = [c.capture.profile for c in (*base, *head)]
    keys = {key for p in profiles for key in p.function_keys}
    idle = idle_functions(keys, native=False) if kind.kind == "cpu" else frozenset()
    tree = call_tree([c.weighed for c in base], [c.weighed for c in head], idle=idle, shapes=shapes)
    b, h = _Side(base), _Side(head)
    if not tree.base.sum() or not tree.head.sum():
        return None
    counted = bool(b.requests and h.requests) and kind.kind not in STATES
    per_b, per_h = (b.requests, h.requests) if counted else (b.launches, h.launches)
    readings = _Readings(b, h, bytes_like=kind.unit == "bytes", counted=counted, state=kind.kind in STATES)
    own = (tree.own(tree.base), tree.own(tree.head))
    return Work(
        tree=tree,
        kind=kind.kind,
        unit=f"{kind.unit}/request" if counted else kind.unit,
        own=readings.effects(*own),
        inclusive=readings.effects(tree.inclusive(tree.base), tree.inclusive(tree.head)),
        base_total=float(tree.base.sum()) / per_b,
        head_total=float(tree.head.sum()) / per_h,
        df=b.launches + h.launches - 2 + _PHI_DF,
        floor=0.10,
        absolute=0.0,
        share=0.01,
        exact=False,
        holds_total=kind.kind in STATES,
        per_request=counted,
    )


class _Side:
    """What the captures of one side cover. Requests and seconds are zero unless every launch knows them."""

    def __init__(self, chosen: Sequence[Chosen]) -> None:
        self.units = Units(chosen)
        self.launches = len(self.units)
        self.requests = sum(self.units.requests) if all(self.units.requests) else 0
        self.nanoseconds = sum(self.units.nanoseconds) if all(self.units.nanoseconds) else 0
        self.quantum = max(_quantum(c.capture.profile, c.column) for c in chosen)


def _quantum(profile: Profile, column: int) -> float:
    """The value of one sample: 1 where samples are counted, else the sampler's period, or the least value seen."""
    kind = profile.kinds[column]
    if kind.unit in ("samples", "count"):
        return 1.0
    values = profile.sample_values[:, column]
    least = float(values[values > 0].min()) if (values > 0).any() else 1.0
    if kind.unit == "bytes":
        return float(profile.period) if profile.period and profile.period > 1 else float(_HEAP_PERIOD)
    return max(least, float(profile.period or 0) if kind == profile.kinds[0] else 0.0)


@dataclass(frozen=True, slots=True)
class _Samples:
    """Samples per function and side (half a one is added), their dispersion, and the variance that launches add."""

    base: Floats
    head: Floats
    phi: Floats
    luck: float

    def se(self, log: Floats) -> Floats:
        """The standard error of a log ratio of the sides, whatever each of them is divided by."""
        return self._se(log, 1 / self.base + 1 / self.head)

    def view(self, log: Floats) -> View:
        return View(log, self.se(log))

    @property
    def share(self) -> View:
        """The change of the shares of all samples."""
        p_b, p_h = (np.minimum(x / x.sum(), 1.0) for x in (self.base, self.head))
        log = np.log(p_h) - np.log(p_b)
        return View(log, self._se(log, (1 - p_b) / self.base + (1 - p_h) / self.head))

    def _se(self, log: Floats, wald: Floats) -> Floats:
        variance = stats.log_ratio_variance(log, self.base, self.head, wald)
        return np.asarray(np.sqrt(self.phi * variance + self.luck), dtype=float)


class _Readings:
    """The ways to read the same samples; the first is the one whose numbers are shown."""

    def __init__(self, b: _Side, h: _Side, *, bytes_like: bool, counted: bool, state: bool) -> None:
        self.b, self.h, self.counted, self.state = b, h, counted, state
        self.phi = _PHI_OF_BYTES if bytes_like else _PHI
        sd = _LAUNCH_SD_OF_BYTES if bytes_like else _LAUNCH_SD
        self.luck = sd**2 * (1 / b.launches + 1 / h.launches)

    def effects(self, base: Floats, head: Floats) -> Effects:
        """From values per function and capture, both (functions, captures)."""
        base, head = self.b.units.values(base), self.h.units.values(head)
        v_b, v_h = base.sum(axis=1), head.sum(axis=1)
        x_b, x_h = v_b / self.b.quantum + _HALF, v_h / self.h.quantum + _HALF
        phi = self._dispersion(base / self.b.quantum, head / self.h.quantum)
        raw = np.log(x_h * self.h.quantum) - np.log(x_b * self.b.quantum)
        plain = raw - math.log(self.h.launches / self.b.launches)
        worked = raw - math.log(self.h.requests / self.b.requests) if self.counted else plain
        samples = _Samples(x_b, x_h, phi, self.luck)
        views = [samples.view(plain)] if self.counted else self._views(plain, samples)
        work_b = self.b.requests if self.counted else self.b.launches
        work_h = self.h.requests if self.counted else self.h.launches
        return Effects(
            base=v_b / work_b, head=v_h / work_h, log=worked, se=samples.se(worked), views=tuple(views)
        )

    def _views(self, plain: Floats, samples: _Samples) -> list[View]:
        if self.state:
            return []
        views = [samples.share]
        if self.b.nanoseconds and self.h.nanoseconds:
            per_launch = math.log(self.h.launches / self.b.launches)
            longer = math.log(self.h.nanoseconds / self.b.nanoseconds) - per_launch
            views.append(samples.view(plain - longer))
        middle = _against_middle(plain, samples.base, samples.head)
        return views if middle is None else [*views, samples.view(middle)]

    def _dispersion(self, base: Floats, head: Floats) -> Floats:
        """Pearson's chi square per degree of freedom over launches of a side, shrunk towards what is assumed."""
        chi2, df = np.zeros(len(base)), 0
        for counts in (base, head):
            expected = counts.mean(axis=1, keepdims=True)
            with np.errstate(divide="ignore", invalid="ignore"):
                terms = (counts - expected) ** 2 / expected
            chi2 += np.where(np.isfinite(terms), terms, 0.0).sum(axis=1)
            df += counts.shape[1] - 1
        return np.asarray(np.maximum(1.0, (chi2 + _PHI_DF * self.phi) / (df + _PHI_DF)), dtype=float)


def _against_middle(plain: Floats, x_b: Floats, x_h: Floats) -> Floats | None:
    """The change against the function in the middle of all changes, so that a longer recording is nobody's fault.

    Of two middles each change is held against the one nearer to no change of its own kind: with two of four
    functions doubled, the two are the news.
    """
    share = (x_b + x_h) / (x_b + x_h).sum()
    clear = (x_b + x_h >= _LEAST_SAMPLES) & (share >= 0.01)
    if clear.sum() < _LEAST_FUNCTIONS:
        return None
    ordered = np.sort(plain[clear])
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return np.asarray(np.where(plain > 0, plain - low, plain - high), dtype=float)
