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
class Shape:
    """A tree without values: `parent[node]` (-1: root) and `function[node]`; `places` are the nodes that the samples of
    each unit lie on, base's units first.
    """

    functions: tuple[FunctionKey, ...]
    lines: tuple[int, ...]
    parent: tuple[int, ...]
    function: NDArray[np.int64]
    places: tuple[NDArray[np.int64], ...]

    @cached_property
    def outer(self) -> NDArray[np.int64]:
        """Nodes whose function does not occur further down their own stack."""
        return np.array(outermost(self.parent, self.function.tolist()), dtype=np.int64)


class Shapes:
    """The shapes of captures, each found once for all kinds of cost that the captures know."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[Profile, ...], tuple[Profile, ...]], Shape] = {}

    def of(self, base: Sequence[Weighed], head: Sequence[Weighed]) -> Shape:
        profiles = tuple(unit.profile for unit in base), tuple(unit.profile for unit in head)
        found = self._known.get(profiles)
        if found is None:
            found = self._known[profiles] = _shape(*profiles)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class CallTree:
    """A shape with the nodes' own values of one kind, `base` and `head`, both (nodes, units)."""

    shape: Shape
    base: Floats
    head: Floats

    @property
    def functions(self) -> tuple[FunctionKey, ...]:
        return self.shape.functions

    @property
    def lines(self) -> tuple[int, ...]:
        """Where each function is defined, 0 if nobody knows."""
        return self.shape.lines

    @property
    def parent(self) -> tuple[int, ...]:
        return self.shape.parent

    @property
    def function(self) -> NDArray[np.int64]:
        return self.shape.function

    @property
    def outer(self) -> NDArray[np.int64]:
        return self.shape.outer

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
    base: Sequence[Weighed],
    head: Sequence[Weighed],
    *,
    idle: Collection[FunctionKey] = (),
    shapes: Shapes | None = None,
) -> CallTree:
    """The tree of both sides' units. Samples whose leaf is one of `idle` count for nothing."""
    shape = (shapes or Shapes()).of(base, head)
    values = [(where, _values(unit, idle)) for where, unit in zip(shape.places, (*base, *head), strict=True)]
    return CallTree(
        shape=shape,
        base=_matrix(values[: len(base)], len(shape.parent)),
        head=_matrix(values[len(base) :], len(shape.parent)),
    )


def _shape(base: Sequence[Profile], head: Sequence[Profile]) -> Shape:
    base_ids, head_ids, functions = match_functions(_keys(base), _keys(head))
    nodes = Edges()
    lines = [0] * len(functions)
    places: list[NDArray[np.int64]] = []
    for profiles, ids in ((base, base_ids), (head, head_ids)):
        for p in profiles:
            numbers = np.array([ids[key] for key in p.function_keys], dtype=np.int64)
            stacks = nodes.nodes(p.stack_parent, numbers[p.frame_function[p.stack_frame]])
            places.append(stacks[p.sample_stack].astype(np.int64))
            for number, line in zip(numbers.tolist(), p.function_line.tolist(), strict=True):
                if line:
                    lines[number] = line
    parents, called = nodes.columns()
    return Shape(
        functions=tuple(functions),
        lines=tuple(lines),
        parent=tuple(parents.tolist()),
        function=called.astype(np.int64),
        places=tuple(places),
    )


def _keys(profiles: Sequence[Profile]) -> dict[FunctionKey, None]:
    return {key: None for profile in profiles for key in profile.function_keys}


def _values(unit: Weighed, idle: Collection[FunctionKey]) -> Floats:
    """Of each sample of a profile."""
    p = unit.profile
    values = p.sample_values[:, unit.kind].astype(float)
    if not idle:
        return values
    idles = np.array([key in idle for key in p.function_keys], dtype=bool)
    return np.where(idles[p.frame_function[p.stack_frame[p.sample_stack]]], 0.0, values)


def _matrix(columns: Sequence[tuple[NDArray[np.int64], Floats]], nodes: int) -> Floats:
    out = np.zeros((nodes, len(columns)))
    for i, (where, values) in enumerate(columns):
        np.add.at(out[:, i], where, values)
    return out
