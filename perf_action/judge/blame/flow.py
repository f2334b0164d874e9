"""Through which callers the added cost of a function flows: its call tree of both sides, and the difference by stack."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perf_action.compare.calls import CallTree, Shapes, Weighed, call_tree
from perf_action.model.change import FunctionChange
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot

#: of so many stacks that end in a function the heaviest are looked at, up to so many callers
_MOST_STACKS = 3_000
_DEEPEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack that ends in the function: the numbers of its functions, nearest first and without the function itself;
    which part of the added cost is its own, and which part of what base cost.
    """

    callers: tuple[int, ...]
    added: float
    base: float


class Flow:
    """The calls of one kind of cost on both sides."""

    def __init__(self, tree: CallTree) -> None:
        self.tree = tree
        self.functions = tree.functions
        self._numbers: dict[FunctionKey, int] = {key: i for i, key in enumerate(tree.functions)}
        everything = max(float(tree.head_own.sum()), 1e-300)
        self._totals = tree.inclusive(tree.head_own[:, None])[:, 0] / everything

    def number(self, row: FunctionChange) -> int | None:
        """The function of a row, if it is here."""
        return self._numbers.get(FunctionKey(row.name, row.file, row.module))

    def share(self, function: int) -> float:
        """Which part of all that head costs is in a function and beneath it."""
        return float(self._totals[function])

    def above(self, row: FunctionChange) -> tuple[Stack, ...]:
        """The stacks that end in the function of a row."""
        function = self.number(row)
        if function is None:
            return ()
        nodes, added, base = self._change(function, row)
        order = np.argsort(-np.abs(added), kind="stable")[:_MOST_STACKS]
        return tuple(
            Stack(callers=tuple(self._callers(int(nodes[i]))), added=float(added[i]), base=float(base[i]))
            for i in order
        )

    def below(self, row: FunctionChange, wanted: Collection[int]) -> dict[int, float]:
        """Of the `wanted` functions beneath that of a row: which part of its added cost is theirs and of what they call."""
        function = self.number(row)
        if function is None:
            return {}
        tree = self.tree
        scale_head, scale_base = self._scales(function, row)
        grown = tree.head_weight * scale_head - tree.base_weight * scale_base
        whole = max(row.head - row.base, 1e-300)
        out: dict[int, float] = {}
        way: dict[int, frozenset[int]] = {}  # node beneath the function -> the wanted ones on the way to it
        for node, parent in enumerate(tree.parent):
            mine = int(tree.function[node])
            above = way.get(parent)
            if above is None:
                if mine == function:
                    way[node] = frozenset()
                continue
            if mine in wanted and mine != function and mine not in above:
                out[mine] = out.get(mine, 0.0) + float(grown[node]) / whole
                above = above | {mine}
            way[node] = above
        return out

    def _change(
        self, function: int, row: FunctionChange
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """The nodes of a function, with each node's part of the added cost and of base's cost."""
        tree = self.tree
        nodes = np.flatnonzero(tree.function == function)
        if row.value == "total":
            nodes = np.intersect1d(nodes, tree.outer)
        head, base = self._costs(row)
        scale_head, scale_base = self._scales(function, row)
        mine, theirs = head[nodes] * scale_head, base[nodes] * scale_base
        whole = max(row.head - row.base, 1e-300)
        before = theirs / row.base if row.base > 0 else np.zeros_like(theirs)
        return nodes, (mine - theirs) / whole, before

    def _costs(self, row: FunctionChange) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        tree = self.tree
        if row.value == "total":
            return tree.head_weight, tree.base_weight
        return tree.head_own, tree.base_own

    def _scales(self, function: int, row: FunctionChange) -> tuple[float, float]:
        """What the sides' values are multiplied with to be in the unit of the row."""
        nodes = np.flatnonzero(self.tree.function == function)
        if row.value == "total":
            nodes = np.intersect1d(nodes, self.tree.outer)
        head, base = (float(side[nodes].sum()) for side in self._costs(row))
        return row.head / head if head else 0.0, row.base / base if base else 0.0

    def _callers(self, node: int) -> Iterator[int]:
        parent = self.tree.parent[node]
        for _ in range(_DEEPEST):
            if parent < 0:
                return
            yield int(self.tree.function[parent])
            parent = self.tree.parent[parent]


def flow_of(kind: str, base: Snapshot, head: Snapshot, shapes: Shapes) -> Flow | None:
    """The calls of one kind; None where either side has no profile of it."""
    sides = [_weighed(snapshot, kind, other) for snapshot, other in ((base, head), (head, base))]
    if not all(sides):
        return None
    return Flow(call_tree(*sides, shapes=shapes))


def _weighed(snapshot: Snapshot, kind: str, other: Snapshot) -> Sequence[Weighed]:
    if kind == "cpu" and snapshot.slices and other.slices:
        return [Weighed(profile=s.profile, kind=0) for s in snapshot.slices]
    found = [(c, column) for c in snapshot.captures if (column := c.profile.find_kind(kind)) is not None]
    stages = {c.stage for c in other.captures if c.profile.find_kind(kind) is not None}
    stage = next((c.stage for c, _ in found if c.stage in stages), None)
    chosen = [(c, column) for c, column in found if stage is None or c.stage == stage]
    longest = max((c.requests or 0 for c, _ in chosen), default=0)
    exact = [(c, k) for c, k in chosen if c.profile.fidelity == "sampled" or (c.requests or 0) == longest]
    return [Weighed(profile=c.profile, kind=k) for c, k in exact]
