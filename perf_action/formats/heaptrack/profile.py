"""The tables and counts of a heaptrack capture as a profile, stack by stack as ``heaptrack_print -F`` prints it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import numpy as np

from perf_action.formats.allocators import is_allocator
from perf_action.formats.heaptrack import suppressions
from perf_action.formats.heaptrack.events import Events
from perf_action.formats.heaptrack.stacks import StackColumns, build, inherited, rows
from perf_action.formats.heaptrack.tables import Place, Tables
from perf_action.formats.symbols import demangle
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, Int32, Int64, Profile, ValueKind

KINDS: Final = (
    ValueKind("peak", "bytes"),
    ValueKind("leaked", "bytes"),
    ValueKind("allocated", "bytes"),
    ValueKind("allocations", "count"),
    ValueKind("temporary", "count"),
)
_LEAKED: Final = 1
#: whoever called these is of no interest to heaptrack
_STOP: Final = ("main", "__libc_start_main", "__static_initialization_and_destruction_0")


def profile_of(tables: Tables, events: Events) -> Profile:
    """ValueError if the values are too large for a profile."""
    builder = ProfileBuilder(KINDS, tool="heaptrack", tool_version=tables.tool, fidelity="exact")
    values = _values(tables, events)
    hidden = _suppressed(tables, values)
    if hidden:
        builder.note(
            f"{hidden} bytes of leaks are not counted: heaptrack knows them, or the program names them, as harmless"
        )
    if tables.attached:
        builder.note("heaptrack attached to a running process: what was allocated before is not in it")
    allocated = np.flatnonzero(values.any(axis=1))
    columns, nodes = _stacks(tables, builder, allocated)
    builder.samples(columns, nodes, values[allocated], frames=range(int(columns.frames.max(initial=-1)) + 1))
    return builder.build(duration_ns=(tables.now_ms + 1) * 1_000_000)


def _values(tables: Tables, events: Events) -> np.ndarray:
    """For every trace its value of each kind."""
    sizes = events.sizes
    columns = (
        events.at_peak * sizes,
        events.live * sizes,
        events.calls * sizes,
        events.calls,
        events.temporary,
    )
    out = np.zeros((len(tables.trace_place), len(KINDS)), dtype=np.int64)
    np.add.at(out, tables.traces.values, np.stack(columns, axis=1))
    return out


def _suppressed(tables: Tables, values: np.ndarray) -> int:
    """Takes the leaks that do not count out of `values`; how many bytes they are."""
    patterns = (*suppressions.BUILT_IN, *suppressions.patterns(tables.suppressions))
    strings = [any(suppressions.matches(p, name) for p in patterns) for name in tables.strings]
    if not any(strings):
        return 0
    places = [
        strings[place.module] or any(strings[name] or strings[file] for name, file, _ in place.frames)
        for place in tables.places
    ]
    own = np.array(places, dtype=np.int64)[tables.trace_place.values]
    traces = np.flatnonzero(inherited(own, tables.trace_parent.values))
    hidden = int(values[traces, _LEAKED].sum())
    values[traces, _LEAKED] = 0
    return hidden


def _stacks(tables: Tables, builder: ProfileBuilder, allocated: Int64) -> tuple[StackColumns, Int32]:
    """The stacks of all traces, and the node of each of `allocated`."""
    names = [demangle(text) for text in tables.strings]
    modules = [PurePosixPath(text).name for text in tables.strings]
    frames = [_frames(place, tables, builder, names, modules) for place in tables.places]
    kept = [_without_allocators(place, row, names) for place, row in zip(tables.places, frames, strict=True)]
    stop = np.array([bool(p.frames) and tables.strings[p.frames[0][0]] in _STOP for p in tables.places])
    places = tables.trace_place.values
    parents = np.where(stop[places], 0, tables.trace_parent.values)
    parents[places[parents] == 0] = 0
    allocated = allocated.copy()
    empty = np.array([not row for row in kept])
    while (only_allocators := empty[places[allocated]] & (parents[allocated] > 0)).any():
        allocated[only_allocators] = parents[allocated[only_allocators]]
    calls = rows([[], *(row[::-1] for row in frames[1:])])
    leaves = rows([row or frames[place][:1] for place, row in enumerate(kept)])
    return build(places, parents, calls, leaves, allocated)


def _frames(
    place: Place, tables: Tables, builder: ProfileBuilder, names: list[str], modules: list[str]
) -> list[int]:
    """The frames of a place, the innermost first; at least one."""
    module = modules[place.module]
    return [
        builder.frame(
            builder.function(names[name] or UNKNOWN, file=tables.strings[file], module=module), line
        )
        for name, file, line in place.frames or ((0, 0, 0),)
    ]


def _without_allocators(place: Place, frames: list[int], names: list[str]) -> list[int]:
    keep = len(place.frames)
    while keep and is_allocator(names[place.frames[keep - 1][0]]):
        keep -= 1
    return frames[:keep] if place.frames else frames
