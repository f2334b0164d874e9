"""One call tree for both sides: every stack once, with what each unit of either side spent there, as columns.

A *unit* is a slice of load or a whole capture. Lines are left out: a function that moved down its file is the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from perf_action.compare.identity import match_functions
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.stacks import Edges
from perf_action.model.tree import inclusive, outermost

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A profile with one of its kinds, and the functions whose own samples are not work (idle waits)."""

    profile: Profile
    kind: int


@dataclass(frozen=True, kw_only=True, eq=False)
class CallTree:
    """`parent[node]` (-1: root) and `function[node]`; `base` and `head` hold the nodes' own values, (nodes, units)."""

    functions: tuple[FunctionKey, ...]
    lines: tuple[int, ...]
    parent: tuple[int, ...]
    function: NDArray[np.int64]
    base: Floats
    head: Floats

    @cached_property
    def outer(self) -> NDArray[np.int64]:
        """Nodes whose function does not occur further down their own stack."""
        return np.array(outermost(self.parent, self.function.tolist()), dtype=np.int64)

    @cached_property
    def base_own(self) -> Floats:
        """All of base at each node itself."""
        return np.asarray(self.base.sum(axis=1), dtype=float)

    @cached_property
    def head_own(self) -> Floats:
        """All of head at each node itself."""
        return np.asarray(self.head.sum(axis=1), dtype=float)

    @cached_property
    def base_weight(self) -> Floats:
        """All of base at each node with everything above it."""
        return np.asarray(self.subtree(self.base_own[:, None])[:, 0], dtype=float)

    @cached_property
    def head_weight(self) -> Floats:
        """All of head at each node with everything above it."""
        return np.asarray(self.subtree(self.head_own[:, None])[:, 0], dtype=float)

    def own(self, values: Floats) -> Floats:
        """Self values per function, (functions, units), of node values (nodes, units)."""
        out = np.zeros((len(self.functions), values.shape[1]))
        np.add.at(out, self.function, values)
        return out

    def subtree(self, values: Floats) -> Floats:
        """Values of each node with everything above it, (nodes, units)."""
        units = [inclusive(unit, self.parent) for unit in values.T.tolist()]
        return np.array(units, dtype=float).T.reshape(values.shape)

    def inclusive(self, values: Floats) -> Floats:
        """Total values per function, (functions, units), each function once per stack."""
        out = np.zeros((len(self.functions), values.shape[1]))
        np.add.at(out, self.function[self.outer], self.subtree(values)[self.outer])
        return out

    def stack(self, node: int) -> tuple[str, ...]:
        """The names of a node's stack, root first."""
        names: list[str] = []
        while node >= 0:
            names.append(self.functions[int(self.function[node])].name)
            node = self.parent[node]
        return tuple(reversed(names))


def call_tree(
    base: Sequence[Weighed], head: Sequence[Weighed], *, idle: Collection[FunctionKey] = ()
) -> CallTree:
    """The tree of both sides' units. Samples whose leaf is one of `idle` count for nothing."""
    base_ids, head_ids, functions = match_functions(_keys(base), _keys(head))
    nodes = Edges()
    columns = {
        side: [_column(unit, ids, nodes, idle) for unit in units]
        for side, units, ids in (("base", base, base_ids), ("head", head, head_ids))
    }
    lines = [0] * len(functions)
    for units, ids in ((base, base_ids), (head, head_ids)):
        for unit in units:
            _note_lines(unit.profile, ids, lines)
    parents, numbers = nodes.columns()
    return CallTree(
        functions=tuple(functions),
        lines=tuple(lines),
        parent=tuple(parents.tolist()),
        function=numbers.astype(np.int64),
        base=_matrix(columns["base"], len(nodes)),
        head=_matrix(columns["head"], len(nodes)),
    )


def _keys(units: Sequence[Weighed]) -> dict[FunctionKey, None]:
    return {key: None for unit in units for key in unit.profile.function_keys}


def _column(
    unit: Weighed,
    ids: dict[FunctionKey, int],
    nodes: Edges,
    idle: Collection[FunctionKey],
) -> tuple[NDArray[np.int64], Floats]:
    """The shared nodes that a profile's samples lie on, and their values."""
    p = unit.profile
    keys = p.function_keys
    number = np.array([ids[key] for key in keys], dtype=np.int64)
    function_of = p.frame_function[p.stack_frame]
    where = nodes.nodes(p.stack_parent, number[function_of])[p.sample_stack].astype(np.int64)
    values = p.sample_values[:, unit.kind].astype(float)
    if idle:
        idles = np.array([key in idle for key in keys], dtype=bool)
        values = np.where(idles[function_of[p.sample_stack]], 0.0, values)
    return where, values


def _matrix(columns: Sequence[tuple[NDArray[np.int64], Floats]], nodes: int) -> Floats:
    out = np.zeros((nodes, len(columns)))
    for i, (where, values) in enumerate(columns):
        np.add.at(out[:, i], where, values)
    return out


def _note_lines(profile: Profile, ids: dict[FunctionKey, int], lines: list[int]) -> None:
    for key, line in zip(profile.function_keys, profile.function_line.tolist(), strict=True):
        if line:
            lines[ids[key]] = line
