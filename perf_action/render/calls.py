"""One call tree out of one or two profiles, merged by function, as parallel lists: what flame graphs are drawn from.

Parents stand before their children, so nothing here recurses: a stack may be a hundred thousand frames deep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from perf_action.model.profile import FunctionKey, Int32, Profile
from perf_action.model.stacks import Edges
from perf_action.model.tree import inclusive, stack_self


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTree:
    """Node `i` is `keys[i]` called by node `parents[i]` (-1: the root); `totals[side][i]` is its inclusive value.

    Values are in the unit of the profiles' kind. `lines[i]` is where the function is defined, 0 if not known.
    """

    keys: tuple[FunctionKey, ...]
    lines: tuple[int, ...]
    parents: tuple[int, ...]
    depths: tuple[int, ...]
    totals: tuple[tuple[int, ...], ...]
    selves: tuple[tuple[int, ...], ...]

    def total(self, side: int) -> int:
        return sum(self.selves[side])

    def children(self, of: Iterable[int] | None = None) -> dict[int, list[int]]:
        """The children of each node (key -1: the roots), among the nodes of `of`."""
        out: dict[int, list[int]] = {}
        for node in range(len(self.parents)) if of is None else of:
            out.setdefault(self.parents[node], []).append(node)
        return out


class Shapes:
    """The merged trees of profiles, each found once for all kinds of their values."""

    def __init__(self) -> None:
        self._known: dict[tuple[Profile, ...], tuple[CallTree, tuple[Int32, ...]]] = {}

    def of(self, profiles: tuple[Profile, ...]) -> tuple[CallTree, tuple[Int32, ...]]:
        """The tree without values, and for each profile the nodes that its stacks became."""
        if profiles not in self._known:
            self._known[profiles] = _merged(profiles)
        return self._known[profiles]


def call_tree(sides: Sequence[tuple[Profile, int]], shapes: Shapes) -> CallTree:
    """The merged tree of profiles, each with the index of the kind to show; lines and threads are not told apart."""
    tree, places = shapes.of(tuple(profile for profile, _ in sides))
    selves = []
    for nodes, (profile, kind) in zip(places, sides, strict=True):
        row = np.zeros(len(tree.parents), dtype=np.int64)
        np.add.at(row, nodes, stack_self(profile, kind))
        selves.append(tuple(row.tolist()))
    totals = tuple(tuple(inclusive(row, tree.parents)) for row in selves)
    return replace(tree, totals=totals, selves=tuple(selves))


def _merged(profiles: Sequence[Profile]) -> tuple[CallTree, tuple[Int32, ...]]:
    known: dict[FunctionKey, int] = {}
    nodes = Edges()
    lines: list[int] = []
    places = tuple(_add(profile, known, nodes, lines) for profile in profiles)
    parents, numbers = (column.tolist() for column in nodes.columns())
    keys = list(known)
    tree = CallTree(
        keys=tuple(keys[number] for number in numbers),
        lines=tuple(lines),
        parents=tuple(parents),
        depths=_depths(parents),
        totals=(),
        selves=(),
    )
    return tree, places


def _add(profile: Profile, known: dict[FunctionKey, int], nodes: Edges, lines: list[int]) -> Int32:
    """Add the stacks of a profile; for each the node it became. `lines` gets those of the nodes that are new."""
    numbers = np.array([known.setdefault(key, len(known)) for key in profile.function_keys], dtype=np.int64)
    functions = profile.frame_function[profile.stack_frame]
    places = nodes.nodes(profile.stack_parent, numbers[functions])
    found, first = np.unique(places, return_index=True)
    lines += profile.function_line[functions[first[found >= len(lines)]]].tolist()
    return places


def _depths(parents: Sequence[int]) -> tuple[int, ...]:
    depths: list[int] = []
    for parent in parents:
        depths.append(depths[parent] + 1 if parent >= 0 else 0)
    return tuple(depths)
