"""The tables and counts of a heaptrack capture as a profile, stack by stack as ``heaptrack_print -F`` prints it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import numpy as np

from perf_action.formats import heaptrack_suppressions as suppressions
from perf_action.formats.allocators import is_allocator
from perf_action.formats.heaptrack_events import Events
from perf_action.formats.heaptrack_tables import Place, Tables
from perf_action.formats.symbols import demangle
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, Profile, ValueKind

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
    stacks = _Stacks(tables, builder)
    traces = np.flatnonzero(values.any(axis=1))
    for trace, row in zip(traces.tolist(), values[traces].tolist(), strict=True):
        builder.sample(stacks.leaf(trace), row)
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
    np.add.at(out, np.array(tables.traces, dtype=np.int64), np.stack(columns, axis=1))
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
    traces = [False] * len(tables.trace_place)
    for trace, (place, parent) in enumerate(zip(tables.trace_place, tables.trace_parent, strict=True)):
        traces[trace] = traces[parent] or places[place]
    rows = np.flatnonzero(traces)
    hidden = int(values[rows, _LEAKED].sum())
    values[rows, _LEAKED] = 0
    return hidden


class _Stacks:
    """Traces as stacks of a profile. Callers come before those that they call, so that one pass makes them all."""

    def __init__(self, tables: Tables, builder: ProfileBuilder) -> None:
        self._tables, self._builder = tables, builder
        self._names = [demangle(text) for text in tables.strings]
        self._modules = [PurePosixPath(text).name for text in tables.strings]
        self._frames = [self._frames_of(place) for place in tables.places]
        stop = [bool(p.frames) and tables.strings[p.frames[0][0]] in _STOP for p in tables.places]
        self._parents = [
            0 if stop[place] else parent
            for place, parent in zip(tables.trace_place, tables.trace_parent, strict=True)
        ]
        self._kept = [self._without_allocators(place) for place in range(len(tables.places))]
        self._calls = self._call_stacks()

    def leaf(self, trace: int) -> int:
        """The stack of what was allocated there; allocation functions are no part of it."""
        places, parents = self._tables.trace_place, self._parents
        while not (kept := self._kept[places[trace]]) and places[parents[trace]]:
            trace = parents[trace]
        return self._on_top(self._calls[parents[trace]], kept or self._frames[places[trace]][:1])

    def _call_stacks(self) -> list[int]:
        """The stack of a call from each trace, inlined functions on top of those that they are inlined in."""
        stack, parents, places = self._builder.stack, self._parents, self._tables.trace_place
        called = set(parents)
        inward = [frames[::-1] for frames in self._frames]
        inward[0] = []
        nodes = [-1] * len(parents)
        for trace in range(1, len(parents)):
            if trace in called:
                node = nodes[parents[trace]]
                for frame in inward[places[trace]]:
                    node = stack(node, frame)
                nodes[trace] = node
        return nodes

    def _on_top(self, stack: int, frames: list[int]) -> int:
        for frame in frames:
            stack = self._builder.stack(stack, frame)
        return stack

    def _without_allocators(self, place: int) -> list[int]:
        names = [self._names[name] for name, _, _ in self._tables.places[place].frames]
        keep = len(names)
        while keep and is_allocator(names[keep - 1]):
            keep -= 1
        return self._frames[place][:keep] if names else self._frames[place]

    def _frames_of(self, place: Place) -> list[int]:
        """The frames of a place, the innermost first; at least one."""
        frames = place.frames or ((0, 0, 0),)
        return [
            self._frame(function, file, line, self._modules[place.module]) for function, file, line in frames
        ]

    def _frame(self, function: int, file: int, line: int, module: str) -> int:
        name = self._names[function] or UNKNOWN
        return self._builder.frame(
            self._builder.function(name, file=self._tables.strings[file], module=module), line
        )
