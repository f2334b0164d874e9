"""What memray_passes.py leaves behind as a profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from perf_action.formats.allocators import is_allocator
from perf_action.formats.py_spy_frames import named
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import Profile, ValueKind

_KINDS: Final = tuple(ValueKind(name, "bytes") for name in ("peak", "leaked", "allocated"))
#: https://github.com/python/cpython/blob/3.12/Include/internal/pycore_obmalloc.h: ARENA_SIZE
_ARENA: Final = 1 << 20
_NS: Final = 10**9


def profile_of(facts: dict[str, Any], folder: Path, *, native: bool) -> Profile:
    """The profile; with `native`, the allocation functions that memray's own hook leaves at the leaf are taken off."""
    kinds = _KINDS if facts["allocations"] is not None else _KINDS[:2]
    edges = np.fromfile(folder / "stacks", dtype=np.int64)
    values = np.fromfile(folder / "values", dtype=np.int64).reshape(-1, len(kinds))
    parents, frames = (edges >> 32).tolist(), (edges & 0xFFFFFFFF).tolist()
    rows = np.flatnonzero(values.any(axis=1)).tolist()
    leaves = {row: row for row in rows if row < len(parents)}
    if native:
        allocators = [is_allocator(name) for name, _, _ in facts["frames"]]
        leaves = {row: _caller(row, parents, frames, allocators) for row in leaves}
    builder = ProfileBuilder(kinds, tool="memray", tool_version=facts["version"], fidelity="exact")
    nodes = _nodes(builder, facts["frames"], parents, frames, set(leaves.values()))
    for row in rows:
        builder.sample(nodes[leaves[row]] if row in leaves else builder.stack_of(()), values[row].tolist())
    return builder.build(
        duration_ns=round(facts["seconds"] * _NS) if facts["seconds"] > 0 else None,
        granule=0 if facts["pymalloc_seen"] else _ARENA,
    )


def _caller(node: int, parents: list[int], frames: list[int], allocators: list[bool]) -> int:
    """The node below the allocation functions that `node` ends in; its root if there is nothing else."""
    while parents[node] >= 0 and allocators[frames[node]]:
        node = parents[node]
    return node


def _nodes(
    builder: ProfileBuilder,
    names: list[tuple[str, str, int]],
    parents: list[int],
    frames: list[int],
    leaves: set[int],
) -> list[int]:
    """The stack of each node that is one of `leaves` or under one; -1 for the others."""
    used = [False] * len(parents)
    for node in range(len(parents) - 1, -1, -1):
        if node in leaves:
            used[node] = True
        if used[node] and parents[node] >= 0:
            used[parents[node]] = True
    places: dict[int, int] = {}
    out: list[int] = []
    for node, parent in enumerate(parents):
        if not used[node]:
            out.append(-1)
            continue
        frame = frames[node]
        if frame not in places:
            parts = named(*names[frame])
            function = builder.function(parts.name, file=parts.file, module=parts.module)
            places[frame] = builder.frame(function, parts.line)
        out.append(builder.stack(out[parent] if parent >= 0 else -1, places[frame]))
    return out
