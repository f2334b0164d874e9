"""Strongly connected components of a graph: which functions can call each other in a circle.

Tarjan's algorithm (https://doi.org/10.1137/0201010) with a stack of its own in place of recursion: call graphs may be
a hundred thousand functions deep.
"""

from __future__ import annotations

from collections.abc import Sequence


def components(followers: Sequence[Sequence[int]]) -> list[list[int]]:
    """The components of the graph with an edge from i to each of `followers[i]`; a follower's comes before its own."""
    order = [0] * len(followers)  # when a node was first seen, from 1; 0: not yet
    lowest = [0] * len(followers)
    is_open = [False] * len(followers)
    opened: list[int] = []
    found: list[list[int]] = []
    seen = 0
    for root in range(len(followers)):
        todo = [(root, 0)] if not order[root] else []
        while todo:
            node, place = todo.pop()
            if place == 0:
                seen += 1
                order[node] = lowest[node] = seen
                opened.append(node)
                is_open[node] = True
            else:
                lowest[node] = min(lowest[node], lowest[followers[node][place - 1]])
            for at in range(place, len(followers[node])):
                follower = followers[node][at]
                if not order[follower]:
                    todo += [(node, at + 1), (follower, 0)]
                    break
                if is_open[follower]:
                    lowest[node] = min(lowest[node], order[follower])
            else:
                if lowest[node] == order[node]:
                    found.append(_closed(opened, is_open, node))
    return found


def _closed(opened: list[int], is_open: list[bool], first: int) -> list[int]:
    """Take the component that begins with `first` off the open nodes."""
    members: list[int] = []
    while not members or members[-1] != first:
        members.append(opened.pop())
        is_open[members[-1]] = False
    return members
