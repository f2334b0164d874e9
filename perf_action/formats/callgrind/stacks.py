"""Call stacks out of a call graph: exact in every sum, a guess in which caller goes with which callee.

A call graph does not determine the stacks: where a and b both call f, and f calls g and h, nothing says whether it was
g when a called. As gprof does, f is taken to do the same whoever called it: its callers share its costs in proportion.

The inclusive costs are a flow from where the program began to the functions that spent it: what comes into a function
is what it spent itself and what it passed on. What goes round between functions that call each other is subtracted
first (circles.py). Every split is in whole numbers and within what is left of each edge, so that self costs add up to
the file's, and inclusive costs are those of the ``calls=`` lines for all functions that are on no circle. A fixed number
of the largest flows is split in proportion; the rest goes where most is left, so that a graph of any size gives a
bounded number of stacks.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from perf_action.formats.circles import Edges, without_circles

#: makes a stack node of its parent (-1: none) and a function
Push = Callable[[int, int], int]
#: ends of a flow that are no calls: what a function spent itself; what it was called for and never spent
_SPENT, _LOST = -1, -2
#: no file of a real program comes near; what is left then is shown without its callers
_MOST_STEPS: Final = 3_000_000


@dataclass(slots=True)
class _Out:
    """Where a function's cost goes: to the function `end`, or an end of the flow."""

    end: int
    weight: int
    left: int


@dataclass(slots=True)
class _Function:
    """`outs` by weight; those before `first_left` have nothing left. `total` is what comes in or begins here."""

    outs: list[_Out] = field(default_factory=list)
    total: int = 0
    first_left: int = 0


class Flow:
    """The costs of one event, `own` of each function and `calls` of each caller and callee."""

    def __init__(self, own: Sequence[int], calls: Edges) -> None:
        uncalled = list(own)  # what each function spent and passed on, but was not called for
        for (caller, callee), cost in calls.items():
            uncalled[caller] += cost
            uncalled[callee] -= cost
        first = sorted(range(len(own)), key=lambda function: -uncalled[function])
        edges, self._is_plain = without_circles(calls, first)
        self._functions = [_Function() for _ in own]
        self._begins = [0] * len(own)
        self._steps = 0
        self._connect(own, edges)

    @property
    def is_complete(self) -> bool:
        """Whether every function is shown under its callers."""
        return self._is_plain and self._steps <= _MOST_STEPS

    def _connect(self, own: Sequence[int], edges: Edges) -> None:
        """What comes into a function and was never spent is lost; what it spent beyond that began in it."""
        came = [0] * len(own)
        for (caller, callee), cost in edges.items():
            came[callee] += cost
            self._functions[caller].outs.append(_Out(callee, cost, cost))
        for index, function in enumerate(self._functions):
            if own[index]:
                function.outs.append(_Out(_SPENT, own[index], own[index]))
            went = sum(out.weight for out in function.outs)
            if came[index] > went:
                lost = came[index] - went
                function.outs.append(_Out(_LOST, lost, lost))
            function.total = max(came[index], went)
            self._begins[index] = function.total - came[index]
            function.outs.sort(key=lambda out: -out.weight)

    def stacks(self, push: Push, *, budget: int) -> Iterator[tuple[int, int]]:
        """Stack nodes with what was spent there; the values of a function add up to its `own`.

        At least `budget` edges are split in proportion, largest flows first.
        """
        waiting = [(-value, push(-1, index), index) for index, value in enumerate(self._begins) if value]
        heapq.heapify(waiting)
        while waiting and self._steps <= _MOST_STEPS:
            negative, node, index = heapq.heappop(waiting)
            function = self._functions[index]
            parts = _in_proportion if budget > 0 else _where_most_is_left
            budget -= len(function.outs)
            for out, part in parts(function, -negative):
                if out.end == _SPENT:
                    yield node, part
                elif out.end != _LOST:
                    self._steps += 1
                    heapq.heappush(waiting, (-part, push(node, out.end), out.end))
        if waiting:
            yield from self._leftovers(push)

    def _leftovers(self, push: Push) -> Iterator[tuple[int, int]]:
        for index, function in enumerate(self._functions):
            for out in function.outs:
                if out.end == _SPENT and out.left:
                    yield push(-1, index), out.left


def _in_proportion(function: _Function, value: int) -> Iterator[tuple[_Out, int]]:
    """Give `value` to the outs by their weight; what rounding leaves goes where most is left."""
    parts = [min(out.left, value * out.weight // function.total) for out in function.outs]
    rest = value - sum(parts)
    for i, out in enumerate(function.outs):
        more = min(rest, out.left - parts[i])
        parts[i] += more
        rest -= more
        out.left -= parts[i]
    return ((out, part) for out, part in zip(function.outs, parts, strict=True) if part)


def _where_most_is_left(function: _Function, value: int) -> Iterator[tuple[_Out, int]]:
    """Give `value` to the first outs that have anything left."""
    while value:
        out = function.outs[function.first_left]
        part = min(value, out.left)
        out.left -= part
        value -= part
        if not out.left:
            function.first_left += 1
        if part:
            yield out, part
