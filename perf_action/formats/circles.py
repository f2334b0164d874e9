"""Takes the circles out of a flow: what goes round and round between functions that call each other.

Inclusive costs of recursive functions count again and again: if f calls itself n deep, the edge from f to f carries the
cost of the innermost call n times. Subtracting from every edge of a circle what its cheapest edge carries changes
nothing about what comes in and what is spent, and leaves a flow without circles (flow decomposition: Ahuja, Magnanti,
Orlin, Network Flows, 1993, 3.5).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

Edges = dict[tuple[int, int], int]

#: no program comes near; the edges that still close circles then are left out
_MOST_STEPS: Final = 3_000_000


def without_circles(edges: Edges, starts: Iterable[int]) -> tuple[Edges, bool]:
    """Edges (from, to) with what is left of them, none zero; and whether all circles were subtracted.

    `starts` are all nodes, in the order in which ways begin: what is on the way from an earlier one is kept longest.
    """
    search = _Search(edges)
    for start in starts:
        search.walk(start)
    return {pair: cost for pair, cost in search.edges.items() if cost}, search.steps <= _MOST_STEPS


class _Search:
    """A depth-first search for ways that come back to themselves, without recursion."""

    def __init__(self, edges: Edges) -> None:
        self.edges = {pair: cost for pair, cost in edges.items() if cost and pair[0] != pair[1]}
        self.steps = 0
        self._next: dict[int, list[int]] = {}
        for node, follower in sorted(self.edges, key=lambda pair: self.edges[pair]):
            self._next.setdefault(node, []).append(follower)  # the costliest last, to be popped first
        self._path: list[int] = []
        self._place: dict[int, int] = {}  # of the nodes on the path

    def walk(self, start: int) -> None:
        """Follow all edges from `start`; each is done with when nothing that it leads to can come back."""
        self._enter(start)
        while self._path:
            self.steps += 1
            node = self._path[-1]
            followers = self._next.get(node, [])
            while followers and not self.edges[node, followers[-1]]:
                followers.pop()
            if not followers:
                self._leave()
            elif followers[-1] in self._place:
                self._subtract(followers[-1])
            elif followers[-1] in self._next:
                self._enter(followers[-1])
            else:
                followers.pop()

    def _enter(self, node: int) -> None:
        self._place[node] = len(self._path)
        self._path.append(node)

    def _leave(self) -> None:
        """The last node of the path leads nowhere any more, so the edge to it is done with."""
        node = self._path.pop()
        del self._place[node]
        self._next.pop(node, None)
        if self._path:
            self._next[self._path[-1]].pop()

    def _subtract(self, first: int) -> None:
        """The path from `first` to its end is a circle: subtract it, and go back to where it is broken."""
        if self.steps > _MOST_STEPS:
            self.edges[self._path[-1], first] = 0
            return
        circle = self._path[self._place[first] :]
        pairs = [*pairwise(circle), (circle[-1], first)]
        least = min(self.edges[pair] for pair in pairs)
        for pair in pairs:
            self.edges[pair] -= least
        self.steps += len(pairs)
        broken = next(node for node, follower in pairs if not self.edges[node, follower])
        while self._path[-1] != broken:
            del self._place[self._path.pop()]
