"""Call stacks out of a call graph: exact in every sum, a guess in which caller goes with which callee.

A call graph does not determine the stacks: where a and b both call f, and f calls g and h, nothing says whether it was
g when a called. As gprof does, f is taken to do the same whoever called it: its callers share its costs in proportion.

The inclusive costs are a flow from where the program began to the functions that spent it: what comes into a function
is what it spent itself and what it passed on. Every split is in whole numbers and within what is left of each edge, so
that self costs add up to the file's, and inclusive costs are those of the ``calls=`` lines. Functions that call each
other in a circle are one node of the flow, because the costs of the calls inside count again and again; inside, the way
over the costliest calls from where the circle was entered is shown. A fixed number of the largest flows is split in
proportion; the rest goes where most is left, so that a graph of any size gives a bounded number of stacks.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from perf_action.formats.components import components

#: makes a stack node of its parent (-1: none) and a function
Push = Callable[[int, int], int]
#: no file of a real program comes near; what is left then is shown without its callers
_MOST_STEPS: Final = 3_000_000


@dataclass(slots=True)
class _Out:
    """Where a component's cost goes: to `callee` when `function` calls it, or to `function` itself (-1)."""

    function: int
    callee: int
    weight: int
    left: int = 0


@dataclass(slots=True)
class _Component:
    """Functions that can call each other, `outs` by weight; those before `first_left` have nothing left."""

    members: list[int]
    outs: list[_Out] = field(default_factory=list)
    total: int = 0
    first_left: int = 0


class Flow:
    """The costs of one event, `own` of each function and `calls` of each caller and callee."""

    def __init__(self, own: Sequence[int], calls: dict[tuple[int, int], int]) -> None:
        edges = {pair: cost for pair, cost in calls.items() if cost}
        followers: list[list[int]] = [[] for _ in own]
        for caller, callee in edges:
            followers[caller].append(callee)
        self._components = [_Component(members) for members in components(followers)]
        self._of = [0] * len(own)
        for index, component in enumerate(self._components):
            for member in component.members:
                self._of[member] = index
        self._inside: dict[int, list[tuple[int, int]]] = {}
        self._ways: dict[int, dict[int, int]] = {}
        self._roots: list[tuple[int, int]] = []
        self._steps = 0
        self._connect(own, edges)

    @property
    def is_complete(self) -> bool:
        """Whether every function is shown under its callers."""
        return self._steps <= _MOST_STEPS

    def _connect(self, own: Sequence[int], edges: dict[tuple[int, int], int]) -> None:
        """Weigh all edges so that no component gets more than it spends; what it gets less, it began with."""
        incoming: list[list[_Out]] = [[] for _ in self._components]
        uncalled = list(own)  # what each function spent and passed on, but was not called for
        for (caller, callee), cost in edges.items():
            uncalled[caller] += cost
            uncalled[callee] -= cost
            if self._of[caller] == self._of[callee]:
                self._inside.setdefault(caller, []).append((callee, cost))
                continue
            out = _Out(caller, callee, cost)
            self._components[self._of[caller]].outs.append(out)
            incoming[self._of[callee]].append(out)
        for component, edges_in in zip(self._components, incoming, strict=True):  # callees first
            component.outs += [_Out(f, -1, own[f]) for f in component.members if own[f]]
            component.outs.sort(key=lambda out: -out.weight)
            component.total = sum(out.weight for out in component.outs)
            for out in component.outs:
                out.left = out.weight
            given = _scaled(edges_in, component.total)
            if component.total > given:
                first = max(component.members, key=lambda function: uncalled[function])
                self._roots.append((first, component.total - given))

    def stacks(self, push: Push, *, budget: int) -> Iterator[tuple[int, int]]:
        """Stack nodes with what was spent there; the values of a function add up to its `own`.

        At least `budget` edges are split in proportion, largest flows first.
        """
        waiting = [(-value, push(-1, function), function) for function, value in self._roots]
        heapq.heapify(waiting)
        while waiting and self.is_complete:
            negative, node, entry = heapq.heappop(waiting)
            component = self._components[self._of[entry]]
            parts = _in_proportion if budget > 0 else _where_most_is_left
            budget -= len(component.outs)
            nodes = {entry: node}
            for out, part in parts(component, -negative):
                at = self._inner(nodes, entry, out.function, push)
                if out.callee < 0:
                    yield at, part
                else:
                    self._steps += 1
                    heapq.heappush(waiting, (-part, push(at, out.callee), out.callee))
        if waiting:
            yield from self._leftovers(push)

    def _leftovers(self, push: Push) -> Iterator[tuple[int, int]]:
        for component in self._components:
            for out in component.outs:
                if out.callee < 0 and out.left:
                    yield push(-1, out.function), out.left

    def _inner(self, nodes: dict[int, int], entry: int, function: int, push: Push) -> int:
        """The stack node of a member of the component that was entered at `entry`."""
        way = []
        while function not in nodes:
            way.append(function)
            function = self._way(entry).get(function, entry)
        for step in reversed(way):
            nodes[step] = push(nodes[function], step)
            function = step
        self._steps += len(way)
        return nodes[function]

    def _way(self, entry: int) -> dict[int, int]:
        """Which member calls each member, on the way from `entry` whose cheapest call is the costliest; empty when too
        many steps were taken.
        """
        if entry not in self._ways:
            found: dict[int, int] = {}
            todo = [(0, entry, entry)] if self.is_complete else []
            while todo:
                cheapest, function, caller = heapq.heappop(todo)
                if function in found:
                    continue
                found[function] = caller
                for callee, cost in self._inside.get(function, ()):
                    if callee not in found:
                        heapq.heappush(todo, (max(cheapest or -cost, -cost), callee, function))
                self._steps += 1
            self._ways[entry] = found
        return self._ways[entry]


def _scaled(edges: list[_Out], most: int) -> int:
    """Make the edges carry at most `most` together, each in proportion; what they carry then."""
    given = sum(out.weight for out in edges)
    if given > most:
        for out in edges:
            out.weight = out.weight * most // given
    return sum(out.weight for out in edges)


def _in_proportion(component: _Component, value: int) -> Iterator[tuple[_Out, int]]:
    """Give `value` to the outs by their weight; what rounding leaves goes where most is left."""
    parts = [min(out.left, value * out.weight // component.total) for out in component.outs]
    rest = value - sum(parts)
    for i, out in enumerate(component.outs):
        more = min(rest, out.left - parts[i])
        parts[i] += more
        rest -= more
        out.left -= parts[i]
    return ((out, part) for out, part in zip(component.outs, parts, strict=True) if part)


def _where_most_is_left(component: _Component, value: int) -> Iterator[tuple[_Out, int]]:
    """Give `value` to the first outs that have anything left."""
    while value:
        out = component.outs[component.first_left]
        part = min(value, out.left)
        out.left -= part
        value -= part
        if not out.left:
            component.first_left += 1
        if part:
            yield out, part
