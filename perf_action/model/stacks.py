"""Stacks by the hundred thousand: a tree of them built with arrays, for readers whose files are large.

`ProfileBuilder.stack_of` costs 100 ns and 100 bytes a frame. Here a whole batch of stacks goes down the tree together,
level by level, and a node costs 12 bytes, of which 8 are those of the finished profile. One sort a level finds the
stacks that still share their path; a second, smaller one finds the nodes that are new.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from perf_action.model.profile import Int32, Int64

#: rows that go down together, and frames, so that group, frame and row fit into one integer that is sorted
_ROW_BITS, _FRAME_BITS = 18, 27
_BATCH, _FRAMES = 1 << _ROW_BITS, 1 << _FRAME_BITS
#: below this depth there are too few stacks for arrays to pay
_DEEP = 192


class Stacks(Protocol):
    """A finished tree of stacks, as `ProfileBuilder.samples` takes it."""

    def __len__(self) -> int: ...

    def columns(self) -> tuple[Int32, Int32]:
        """Parent (-1: none) and frame of every node, once."""


class Edges(defaultdict[int, int]):
    """A tree of stacks that is looked up node by node: the key of each node is its parent (-1: none) above 32 bits of a
    number for what is called there (millions of tuples would cost more); nodes are numbered as they are asked for.
    """

    def __init__(self) -> None:
        super().__init__(self.__len__)

    def nodes(self, parents: Int32, numbers: NDArray[np.signedinteger[Any]]) -> Int32:
        """The node that each stack of another tree is in this one, made where it is new; `numbers` says what is called."""
        found = [-1]  # and from place 1 on the nodes
        for parent, number in zip((parents + 1).tolist(), numbers.tolist(), strict=True):
            found.append(self[found[parent] << 32 | number])
        return np.array(found[1:], dtype=np.int32)

    def columns(self) -> tuple[Int32, Int32]:
        """Parent (-1: none) and number of every node."""
        edges = np.array(list(self), dtype=np.int64)
        return (edges >> 32).astype(np.int32), (edges & 0xFFFFFFFF).astype(np.int32)


class StackTable:
    """A tree of stacks. Nodes are numbered as they come, so that every parent has a smaller number than its children."""

    def __init__(self) -> None:
        self._parents, self._frames = array("i"), array("i")  # of every node; these grow without being copied
        self._levels: list[Int32] = []  # for each depth its nodes, in the order of their edges
        self._deep: dict[int, int] = {}  # edge -> node, for all below

    def __len__(self) -> int:
        return len(self._parents)

    def add(self, frames: Int32, lengths: Int32, *, leaf_first: bool = False) -> Int32:
        """The node of every stack. Stack i is the next `lengths[i]` (at least 1) of `frames`, root first if not
        `leaf_first`. ValueError if they do not fit together.
        """
        total = int(lengths.sum(dtype=np.int64))
        if total != len(frames) or (len(lengths) and lengths.min() < 1):
            raise ValueError("frames and lengths of stacks do not fit together")
        if len(frames) and not 0 <= int(frames.min()) <= int(frames.max()) < _FRAMES:
            raise ValueError("a frame of a stack does not exist, or there are more than 100 million")
        ends = np.cumsum(lengths, dtype=np.int64)
        nodes = np.empty(len(lengths), dtype=np.int32)
        for start in range(0, len(lengths), _BATCH):
            rows = slice(start, start + _BATCH)
            roots = ends[rows] - 1 if leaf_first else ends[rows] - lengths[rows]
            nodes[rows] = self._batch(frames, roots, lengths[rows], -1 if leaf_first else 1)
        return nodes

    def columns(self) -> tuple[Int32, Int32]:
        """Parent (-1: none) and frame of every node. The table is empty afterwards: two copies are not held."""
        parents, frames = self._parents, self._frames
        self._parents, self._frames = array("i"), array("i")
        self._levels, self._deep = [], {}
        return _column(parents), _column(frames)

    def _batch(self, frames: Int32, roots: Int64, lengths: Int32, step: int) -> Int32:
        out = np.empty(len(lengths), dtype=np.int32)
        rows = np.arange(len(lengths))  # that reach the depth, in their order: neighbours are often alike
        groups = np.zeros(len(lengths), dtype=np.int64)  # of each of `rows`: the place of its node in `nodes`
        nodes = np.full(1, -1, dtype=np.int32)
        for depth in range(min(int(lengths.max()), _DEEP)):
            groups, edges = _grouped(groups, frames[roots[rows] + step * depth], nodes)
            nodes = self._nodes(depth, edges)
            longer = lengths[rows] > depth + 1
            if not longer.all():
                out[rows[~longer]] = nodes[groups[~longer]]
                rows, groups = rows[longer], groups[longer]
        for row, node in zip(rows.tolist(), nodes[groups].tolist(), strict=True):
            path = frames[int(roots[row]) + step * np.arange(_DEEP, lengths[row])]
            out[row] = self._one(node, path.tolist())
        return out

    def _nodes(self, depth: int, edges: Int64) -> Int32:
        """The node of each of `edges` (distinct, in any order); those that are new are made."""
        if depth == len(self._levels):
            self._levels.append(np.empty(0, dtype=np.int32))
        nodes = self._levels[depth]
        known = (_column(self._parents)[nodes].astype(np.int64) + 1) << 32
        known |= _column(self._frames)[nodes]
        places = np.searchsorted(known, edges)
        is_new = np.ones(len(edges), dtype=np.bool_)
        inside = places < len(known)
        is_new[inside] = known[places[inside]] != edges[inside]
        out = np.empty(len(edges), dtype=np.int32)
        out[~is_new] = nodes[places[~is_new]]
        fresh = np.flatnonzero(is_new)
        if len(fresh):
            fresh = fresh[np.argsort(edges[fresh])]
            out[fresh] = self._make(edges[fresh])
            self._levels[depth] = np.insert(nodes, places[fresh], out[fresh])
        return out

    def _make(self, edges: Int64) -> Int32:
        start = len(self)
        if start + len(edges) > np.iinfo(np.int32).max:
            raise ValueError("more than two thousand million stacks")
        self._parents.frombytes(((edges >> 32) - 1).astype(np.int32).tobytes())
        self._frames.frombytes((edges & 0xFFFFFFFF).astype(np.int32).tobytes())
        return np.arange(start, len(self), dtype=np.int32)

    def _one(self, node: int, path: list[int]) -> int:
        edges = self._deep
        for frame in path:
            edge = node + 1 << 32 | frame
            found = edges.get(edge)
            if found is None:
                found = edges[edge] = len(self._parents)
                self._parents.append(node)
                self._frames.append(frame)
            node = found
        return node


def _grouped(groups: Int64, frames: Int32, nodes: Int32) -> tuple[Int64, Int64]:
    """Rows of one group and one frame are one group of the next level: its number for each row, and the edge of each
    group (parent node + 1 above 32 bits of frame).
    """
    keys = (groups << _FRAME_BITS) | frames
    new = np.ones(len(keys), dtype=np.bool_)  # where a run of equal keys begins: only those are sorted
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    runs = keys[new] << _ROW_BITS
    runs |= np.arange(len(runs))
    runs.sort()
    places = runs & (_BATCH - 1)
    runs >>= _ROW_BITS
    first = np.ones(len(runs), dtype=np.bool_)
    np.not_equal(runs[1:], runs[:-1], out=first[1:])
    numbers = np.empty(len(runs), dtype=np.int64)
    numbers[places] = np.cumsum(first) - 1
    distinct = runs[first]
    parents = nodes[distinct >> _FRAME_BITS].astype(np.int64) + 1
    return numbers[np.cumsum(new) - 1], parents << 32 | (distinct & (_FRAMES - 1))


def _column(values: array[int]) -> Int32:
    """The same memory as a column; nothing may be added while somebody has it."""
    return np.frombuffer(values, dtype=np.int32) if values else np.empty(0, dtype=np.int32)
