"""Cost that only moved: inlined, split, renamed, or shifted from one function to its neighbour.

A function's increase is no regression if another's decrease accounts for more than half of it and what they have in
common (their nearest common caller, or the function itself where callees were inlined into it) did not get dearer.
Where neither of the two appeared or vanished, they may also be two separate changes: then the decrease must match the
increase, and what they have in common must not have changed at all. The same holds, mirrored, for decreases.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from perf_action.compare import stats
from perf_action.compare.work import Work
from perf_action.model.profile import FunctionKey

#: a common caller whose cost changed by less than this, or two standard errors, did not change
_LEAST_RISE = 0.02
_ERRORS = 2.0
#: a neighbour must have changed for sure to be the place that cost came from: more so if it is still there
_NEIGHBOUR_P, _GONE_P = 0.001, 0.01
#: and by a fair part of what it explains
_FAIR_PART = 0.2
#: exact counters: the common caller may keep this share of the increase
_LEFT_OVER = 0.25
#: a decrease within this factor of an increase matches it
_MATCHES = 1.33
#: below this part of its other side a function has come or gone
_HARDLY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """The increase (or decrease) of a function is that of `partners`, most important first."""

    function: int
    partners: tuple[int, ...]


class Shifts:
    """Finds shifts in one kind of work; the relations between functions are computed once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._callers: defaultdict[int, defaultdict[int, float]] = defaultdict(lambda: defaultdict(float))
        tree = work.tree
        weight = tree.base_weight / max(float(tree.base.sum()), 1.0)
        weight = weight + tree.head_weight / max(float(tree.head.sum()), 1.0)
        for node, function in enumerate(tree.function.tolist()):
            parent = tree.parent[node]
            if parent >= 0 and (caller := int(tree.function[parent])) != function:
                self._callers[function][caller] += float(weight[node])
        self._callees: defaultdict[int, set[int]] = defaultdict(set)
        for callee, callers in self._callers.items():
            for caller in callers:
                self._callees[caller].add(callee)

    def of(self, function: int, sign: int) -> Shift | None:
        """Where the increase (`sign` 1) or decrease (-1) of a function's self cost came from; None if it is its own."""
        own = self._work.own
        grown = sign * float(own.head[function] - own.base[function])
        return self._into(function, sign, grown) or self._beside(function, sign, grown)

    def of_total(self, function: int, sign: int) -> Shift | None:
        """The same for its total cost, which may have come from outside of what it calls."""
        total = self._work.inclusive
        grown = sign * float(total.head[function] - total.base[function])
        apart = self.below(function)
        return self._beside(function, sign, grown, apart_from=apart) or self._whole(function, sign, grown)

    def _whole(self, function: int, sign: int, grown: float) -> Shift | None:
        """A function that came or went with all it calls, or whose place another one took, while their caller costs what
        it did: functions that call each other are beneath each other, so that what is beneath tells nothing.
        """
        caller = self._common_caller(function)
        if self._moved(caller, sign) >= self._unmoved(caller, grown):
            return None
        if self._comes_or_goes(function, total=True):
            return Shift(function=function, partners=())
        total = self._work.inclusive
        change = -sign * (total.head - total.base)
        alike = np.flatnonzero((change > grown / _MATCHES) & (change < grown * _MATCHES)).tolist()
        beneath = self.below(function)
        partners = tuple(f for f in alike if f in beneath and self._comes_or_goes(f, total=True))
        return Shift(function=function, partners=partners) if partners else None

    def _into(self, function: int, sign: int, grown: float) -> Shift | None:
        """Callees that became part of the function: its total did not change."""
        return self._explained(function, self.below(function), function, sign, grown)

    def _beside(
        self, function: int, sign: int, grown: float, *, apart_from: Collection[int] = ()
    ) -> Shift | None:
        """Functions under the nearest common caller, or the caller itself."""
        caller = self._common_caller(function)
        everything = set(range(len(self._work.tree.functions)))
        below = everything if caller is None else self.below(caller) | {caller}
        return self._explained(function, below.difference(apart_from), caller, sign, grown)

    def _explained(
        self, function: int, among: Collection[int], common: int | None, sign: int, grown: float
    ) -> Shift | None:
        partners = self._shrunk(set(among) - {function}, sign, grown * _FAIR_PART)
        amount = self._amount(partners, sign)
        if not partners or amount <= grown / 2 or self._moved(common, sign) >= self._unmoved(common, grown):
            return None
        replaced = self._comes_or_goes(function) or any(map(self._comes_or_goes, partners))
        matches = 1 / _MATCHES < amount / grown < _MATCHES
        if replaced or (matches and self._moved(common, -sign) < self._unmoved(common, grown)):
            return Shift(function=function, partners=partners)
        return None

    def _comes_or_goes(self, function: int, *, total: bool = False) -> bool:
        """Whether one side hardly has it."""
        cost = self._work.inclusive if total else self._work.own
        base, head = float(cost.base[function]), float(cost.head[function])
        return min(base, head) < _HARDLY * max(base, head)

    def _common_caller(self, function: int) -> int | None:
        """The first of the main callers that both sides have."""
        total = self._work.inclusive
        seen = {function}
        while callers := {f: w for f, w in self._callers[function].items() if f not in seen}:
            function = max(callers, key=lambda f: (callers[f], self._name(f)))
            if total.base[function] > 0 and total.head[function] > 0:
                return function
            seen.add(function)
        return None

    def below(self, function: int) -> set[int]:
        """All functions that occur anywhere beneath it."""
        seen: set[int] = set()
        todo = [function]
        while todo:
            for callee in self._callees[todo.pop()]:
                if callee not in seen:
                    seen.add(callee)
                    todo.append(callee)
        return seen

    def _shrunk(self, among: set[int], sign: int, least: float) -> tuple[int, ...]:
        """Those whose self cost went the other way for sure, and by `least`, largest first."""
        change = self._work.own.head - self._work.own.base
        listed = [f for f in among if -sign * change[f] >= least and self._is_sure(f)]
        return tuple(sorted(listed, key=lambda f: (-abs(float(change[f])), self._name(f))))

    def _name(self, function: int) -> FunctionKey:
        return self._work.tree.functions[function]

    def _is_sure(self, function: int) -> bool:
        own = self._work.own
        se, size = float(own.se[function]), abs(float(own.log[function]))
        if self._work.exact:
            return size > 5 * se
        p = stats.Estimate(mean=size, se=se, df=self._work.df).p_greater
        return p < (_GONE_P if self._comes_or_goes(function) else _NEIGHBOUR_P)

    def _amount(self, partners: Sequence[int], sign: int) -> float:
        own = self._work.own
        return -sign * math.fsum(float(own.head[f] - own.base[f]) for f in partners)

    def _moved(self, function: int | None, sign: int) -> float:
        """How far the total cost of a function (None: of everything) went one way."""
        total = self._work.inclusive
        if function is None:
            return sign * (self._work.head_total - self._work.base_total)
        return sign * float(total.head[function] - total.base[function])

    def _unmoved(self, function: int | None, grown: float) -> float:
        """What such a cost may change by without having changed."""
        work = self._work
        if work.exact:
            return _LEFT_OVER * grown
        if function is None:
            return max(_LEAST_RISE, _ERRORS * float(np.min(work.inclusive.se))) * min(
                work.base_total, work.head_total
            )
        least = min(float(work.inclusive.base[function]), float(work.inclusive.head[function]))
        return max(_LEAST_RISE, _ERRORS * float(work.inclusive.se[function])) * least
