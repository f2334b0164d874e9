"""The traces of a heaptrack capture as stacks of a profile, all of them together, with arrays.

A trace is a place and the trace that called it. A *path* is a row of frames on top of another path: for each trace that
calls others, what is on the stack there; for each that allocated, what is on it then. Paths go down the tree together,
depth by depth, so that equal ones share their nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perf_action.model.profile import Int32, Int64

#: below this many paths at a depth, arrays cost more than a dictionary
_FEW = 12


@dataclass(frozen=True, slots=True)
class StackColumns:
    """A tree that is whole: parent (-1: none, else smaller than its own number) and frame of every node."""

    parents: Int32
    frames: Int32

    def __len__(self) -> int:
        return len(self.parents)

    def columns(self) -> tuple[Int32, Int32]:
        return self.parents, self.frames


class Rows(NamedTuple):
    """Rows of different length, one behind the other: row i is `values` from `starts[i]`, `lengths[i]` of them."""

    values: Int64
    starts: Int64
    lengths: Int64


class _Paths(NamedTuple):
    """`below` is the path that each is on top of (the number of paths: none), `depth` where it begins, `start` and
    `length` are of its frames.
    """

    below: Int64
    depth: Int64
    start: Int64
    length: Int64


def rows(lists: Sequence[Sequence[int]]) -> Rows:
    lengths = np.array([len(row) for row in lists], dtype=np.int64)
    values = np.array([value for row in lists for value in row], dtype=np.int64)
    return Rows(values, np.cumsum(lengths) - lengths, lengths)


def inherited(own: Int64, parents: Int64) -> Int64:
    """For each trace the sum of `own` over itself and all that called it; trace 0 is none, and calls nothing."""
    total, above = own.copy(), parents
    while above.any():
        total += total[above]
        above = above[above]
    return total


def build(
    places: Int64, parents: Int64, calls: Rows, leaves: Rows, allocated: Int64
) -> tuple[StackColumns, Int32]:
    """All stacks, and the node of each trace of `allocated`.

    `calls` and `leaves` are the frames of each place, outermost first: where it calls, and where it allocates.
    """
    depth = inherited(calls.lengths[places], parents)
    is_called = np.zeros(len(places), dtype=np.bool_)
    is_called[parents] = True
    is_called[0] = False
    called = np.flatnonzero(is_called)
    path_of = np.full(len(places), len(called) + len(allocated), dtype=np.int64)
    path_of[called] = np.arange(len(called))
    above = np.concatenate((parents[called], parents[allocated]))
    at_call, at_leaf = places[called], places[allocated]
    paths = _Paths(
        below=path_of[above],
        depth=depth[above],
        start=np.concatenate((calls.starts[at_call], leaves.starts[at_leaf] + len(calls.values))),
        length=np.concatenate((calls.lengths[at_call], leaves.lengths[at_leaf])),
    )
    columns, nodes = _descend(paths, np.concatenate((calls.values, leaves.values)))
    return columns, nodes[len(called) :]


def _descend(paths: _Paths, frames: Int64) -> tuple[StackColumns, Int32]:
    """The tree of the paths, and the node that each ends in."""
    count = len(paths.below)
    path = np.repeat(np.arange(count), paths.length)
    step = np.arange(len(path)) - np.repeat(np.cumsum(paths.length) - paths.length, paths.length)
    depth = paths.depth[path] + step
    order = np.argsort(depth, kind="stable")
    ends = np.cumsum(np.bincount(depth))
    path, step = path[order], step[order]
    before = np.where(step == 0, paths.below[path], path)  # whose node is the parent
    frame = frames[paths.start[path] + step]
    nodes = np.full(count + 1, -1, dtype=np.int64)
    edges: list[Int64] = []
    made, begin = 0, 0
    for end in ends.tolist():
        keys = (nodes[before[begin:end]] + 1) << 32 | frame[begin:end]
        distinct, places = _distinct(keys)
        nodes[path[begin:end]] = made + places
        edges.append(distinct)
        made += len(distinct)
        begin = end
    every = np.concatenate(edges) if edges else np.zeros(0, dtype=np.int64)
    if made > np.iinfo(np.int32).max:
        raise ValueError("more than two thousand million stacks")
    columns = StackColumns(((every >> 32) - 1).astype(np.int32), (every & 0xFFFFFFFF).astype(np.int32))
    return columns, nodes[:count].astype(np.int32)


def _distinct(keys: Int64) -> tuple[Int64, NDArray[np.int64]]:
    """The distinct keys, and for each key its place among them."""
    if len(keys) > _FEW:
        distinct, places = np.unique(keys, return_inverse=True)
        return distinct, places.reshape(-1)
    found: dict[int, int] = {}
    places = np.array([found.setdefault(key, len(found)) for key in keys.tolist()], dtype=np.int64)
    return np.array(list(found), dtype=np.int64), places
