"""What passes.py leaves behind as a profile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from perf_action.formats.allocators import is_allocator
from perf_action.formats.py_spy_frames import named
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, Int32, Int64, Profile, ValueKind

_KINDS: Final = tuple(ValueKind(name, "bytes") for name in ("peak", "leaked", "allocated"))
#: https://github.com/python/cpython/blob/3.12/Include/internal/pycore_obmalloc.h: ARENA_SIZE
_ARENA: Final = 1 << 20
_NS: Final = 10**9


def profile_of(facts: dict[str, Any], folder: Path, *, native: bool) -> Profile:
    """The profile; with `native`, the allocation functions that memray's own hook leaves at the leaf are taken off."""
    kinds = _KINDS if facts["allocations"] is not None else _KINDS[:2]
    values = np.fromfile(folder / "values", dtype=np.int64).reshape(-1, len(kinds))
    rows = np.flatnonzero(values.any(axis=1))
    nodes = _Nodes(facts["frames"], np.fromfile(folder / "stacks", dtype=np.int64))
    leaves = [row if row < len(nodes.parents) else -1 for row in rows.tolist()]
    if native:
        leaves = nodes.callers(leaves)
    builder = ProfileBuilder(kinds, tool="memray", tool_version=facts["version"], fidelity="exact")
    stacks, places = nodes.stacks(builder, leaves)
    builder.samples(stacks, places, values[rows], frames=range(len(facts["frames"]) + 1))
    return builder.build(
        duration_ns=round(facts["seconds"] * _NS) if facts["seconds"] > 0 else None,
        granule=0 if facts["pymalloc_seen"] else _ARENA,
    )


class _Nodes:
    """The tree of stacks that was left behind. Node -1 is the stack without frames."""

    def __init__(self, names: list[tuple[str, str, int]], edges: Int64) -> None:
        self._names = names
        self.parents: list[int] = (edges >> 32).tolist()
        self._frames: list[int] = (edges & 0xFFFFFFFF).tolist()

    def callers(self, leaves: Iterable[int]) -> list[int]:
        """For each leaf the node below the allocation functions that it ends in; its root if there is nothing else."""
        allocator = [is_allocator(name) for name, _, _ in self._names]
        out = []
        for leaf in leaves:
            node = leaf
            while node >= 0 and self.parents[node] >= 0 and allocator[self._frames[node]]:
                node = self.parents[node]
            out.append(node)
        return out

    def stacks(self, builder: ProfileBuilder, leaves: list[int]) -> tuple[_Stacks, Int32]:
        """The nodes that some leaf stands on, and the place of each leaf among them."""
        used = self._used(leaves)
        frames = self._places(builder, used)
        edges: dict[int, int] = {}
        places: list[int] = []
        for is_used, parent, frame in zip(used, self.parents, self._frames, strict=True):
            if is_used:
                below = places[parent] if parent >= 0 else -1
                places.append(edges.setdefault(below << 32 | frames[frame], len(edges)))
            else:
                places.append(-1)
        if -1 in leaves:
            unknown = builder.frame(builder.function(UNKNOWN))
            places.append(edges.setdefault(-1 << 32 | unknown, len(edges)))
        found = np.array([places[leaf] for leaf in leaves], dtype=np.int32)
        return _Stacks(np.fromiter(edges, dtype=np.int64, count=len(edges))), found

    def _used(self, leaves: Iterable[int]) -> list[bool]:
        used = [False] * (len(self.parents) + 1)
        for leaf in leaves:
            used[leaf] = True
        del used[-1]
        for node in range(len(used) - 1, -1, -1):
            if used[node] and self.parents[node] >= 0:
                used[self.parents[node]] = True
        return used

    def _places(self, builder: ProfileBuilder, used: list[bool]) -> dict[int, int]:
        """The frames of the builder."""
        places: dict[int, int] = {}
        for frame in dict.fromkeys(
            frame for frame, is_used in zip(self._frames, used, strict=True) if is_used
        ):
            parts = named(*self._names[frame])
            function = builder.function(parts.name, file=parts.file, module=parts.module)
            places[frame] = builder.frame(function, parts.line)
        return places


@dataclass(frozen=True, slots=True)
class _Stacks:
    """A tree of stacks whose nodes are known: each the one it stands on (-1: none) above 32 bits of the frame."""

    edges: Int64

    def __len__(self) -> int:
        return len(self.edges)

    def columns(self) -> tuple[Int32, Int32]:
        return (self.edges >> 32).astype(np.int32), (self.edges & 0xFFFFFFFF).astype(np.int32)
