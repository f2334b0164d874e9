"""Costs from exact counters (allocations, bytes, instructions): no error, only floors.

Two captures of a side with different numbers of requests are subtracted, so that the cost of starting up cancels:
(high - low) / (requests of high - requests of low). With one capture a side it is value / requests where both know
them, and then the change must show in the plain values too, because part of them belongs to starting up.

Memory of Python is exact only where every allocation was seen. Elsewhere memray sees CPython's own allocator fetch
arenas of 1 MiB (`Profile.granule`), and books each on whoever needed the object that did not fit any more: two runs of
identical code differ by whole arenas in single functions, though not in all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perf_action.compare.calls import Floats, Shapes, call_tree
from perf_action.compare.captured import STATES, Chosen, Units
from perf_action.compare.work import TIMES_SCATTER, Effects, View, Work, log_ratio

#: least change per unit that is worth a word: per request, and for a whole capture
_LEAST = {
    "count": (0.1, 10.0),
    "bytes": (32.0, 1024.0),
    "instructions": (50.0, 1000.0),
    "ns": (500.0, 1e6),
    "samples": (0.01, 10.0),
}
#: what is alive at the end also holds caches that had not filled yet
_LEAST_LEFT = (100.0, 1024.0)
#: a state (bytes live) depends on the moment it was taken at: more of the total must have changed
_SHARE, _SHARE_OF_STATE = 0.0025, 0.01
#: what is left per request must be left by the longer launches too: by so much of all their requests
_HELD = 0.5
#: of the functions that count, so many must have changed by one factor to mean a different amount of work
_UNIFORM_SHARE = 0.9
_UNIFORM_FUNCTIONS = 5
_UNIFORM_WITHIN = 0.02


def of_counters(base: Sequence[Chosen], head: Sequence[Chosen], shapes: Shapes) -> Work | None:
    """The work of one exact kind; None if both sides are empty."""
    kind = head[0].kind
    tree = call_tree([c.weighed for c in base], [c.weighed for c in head], shapes=shapes)
    state = kind.kind in STATES
    costing = _Costing(base, head, kind.kind)
    own = costing.effects(tree.own(tree.base), tree.own(tree.head))
    if not own.base.any() and not own.head.any():
        return None
    granule = max(c.capture.profile.granule for c in (*base, *head)) if kind.unit == "bytes" else 0
    least = _LEAST_LEFT if kind.kind == "leaked" else _LEAST.get(kind.unit, (0.0, 0.0))
    notes = () if costing.per_request or not _is_uniform(own) else (_DIFFERENT_WORK,)
    return Work(
        tree=tree,
        kind=kind.kind,
        unit=f"{kind.unit}/request" if costing.per_request else kind.unit,
        own=own,
        inclusive=costing.effects(tree.inclusive(tree.base), tree.inclusive(tree.head)),
        base_total=float(own.base.sum()),
        head_total=float(own.head.sum()),
        df=1.0,
        floor=0.05,
        absolute=least[0] if costing.per_request else least[1],
        share=_SHARE_OF_STATE if state else _SHARE,
        exact=True,
        holds_total=state or bool(granule),
        granule=costing.per_unit(granule) if granule else 0.0,
        per_request=costing.per_request,
        notes=notes,
    )


_DIFFERENT_WORK = "nearly every function changed by the same factor: the two did different amounts of work, or all of it more often"


def _is_uniform(own: Effects) -> bool:
    """Whether (nearly) everything changed by one factor other than 1."""
    most = max(float(own.base.sum()), float(own.head.sum()))
    clear = np.isfinite(own.log) & (np.maximum(own.base, own.head) >= 0.005 * most)
    if clear.sum() < _UNIFORM_FUNCTIONS:
        return False
    middle = float(np.median(own.log[clear]))
    same = np.abs(own.log[clear] - middle) < _UNIFORM_WITHIN
    return abs(middle) > _UNIFORM_WITHIN and float(same.mean()) >= _UNIFORM_SHARE


def _longest(values: Floats, requests: Sequence[int]) -> Floats:
    """The values of the launches with the most requests."""
    return values[:, np.array(requests) == max(requests)]


def _error(base: Floats, head: Floats, log: Floats, apart: Floats) -> Floats:
    """How far repetitions lie apart, as an error of the logarithm. Where one side is zero, which has none: nothing if the
    change is beyond what they explain, else infinite.
    """
    change = np.abs(head - base)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(change > 0, np.abs(log) / change, 1 / np.maximum(base, head))
        se = np.where(apart > 0, slope * apart, 0.0)
    return np.where(np.isfinite(log), se, np.where(change > TIMES_SCATTER * apart, 0.0, np.inf))


class _Costing:
    """How values of captures become cost: by difference, per request, or as they are."""

    def __init__(self, base: Sequence[Chosen], head: Sequence[Chosen], kind: str) -> None:
        self.base, self.head = Units(base), Units(head)
        known = all(self.base.requests) and all(self.head.requests)
        self.steps = known and all(len(set(side.requests)) > 1 for side in (self.base, self.head))
        self.stepped = self.steps and kind != "peak"
        self.per_request = self.stepped or (known and kind not in STATES)
        self.state = kind in STATES

    def effects(self, base: Floats, head: Floats) -> Effects:
        """From values per function and capture, both (functions, captures). The error is what repetitions of a side
        differ by, at the scale of the change: five times (in the decision) the one is less than the other.
        """
        base, head = self.base.values(base), self.head.values(head)
        (b, apart_b), (h, apart_h) = (
            self._cost(base, self.base.requests),
            self._cost(head, self.head.requests),
        )
        views: tuple[View, ...] = ()
        if self.per_request and not self.stepped:
            views = (View(log_ratio(base.mean(axis=1), head.mean(axis=1)), np.zeros(len(b))),)
        log = log_ratio(b, h)
        held = self._held(base, head, b, h) if self.stepped and self.state else None
        return Effects(
            base=b,
            head=h,
            log=log,
            se=_error(b, h, log, np.maximum(apart_b, apart_h)),
            views=views,
            held=held,
        )

    def _held(self, base: Floats, head: Floats, per_base: Floats, per_head: Floats) -> NDArray[np.bool_]:
        """Where what is alive after the most requests differs too: what is alive after few scatters by what had not been
        collected yet, or was not cached yet, and that looks like a growth of its own. Where base's launches are of
        another length, it is what base would hold after as many requests as head.
        """
        most = max(self.head.requests)
        longer = most - max(self.base.requests)
        alive = _longest(base, self.base.requests).mean(axis=1) + per_base * longer
        change = per_head - per_base
        apart = _longest(head, self.head.requests).mean(axis=1) - alive
        return np.asarray(np.sign(change) * apart >= _HELD * np.abs(change) * most, dtype=bool)

    def per_unit(self, value: float) -> float:
        """The cost that one `value` more makes in one capture of head."""
        cost, _ = self._cost(np.array([[value] + [0.0] * (len(self.head) - 1)]), self._most_first())
        return float(cost[0])

    def _most_first(self) -> Sequence[int]:
        return sorted(self.head.requests, reverse=True)

    def _cost(self, values: Floats, requests: Sequence[int]) -> tuple[Floats, Floats]:
        """Cost per function, and how far repetitions lie apart in the same unit."""
        counted = np.array(requests, dtype=float)
        few, many = values[:, counted == counted.min()], _longest(values, requests)
        if self.stepped:
            step = counted.max() - counted.min()
            grown = np.maximum(many.mean(axis=1) - few.mean(axis=1), 0.0)
            return grown / step, np.maximum(np.ptp(few, axis=1), np.ptp(many, axis=1)) / step
        costs = many if self.steps else values
        if self.per_request:
            costs = values / counted
        return costs.mean(axis=1), np.ptp(costs, axis=1)
