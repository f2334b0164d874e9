"""The tables and counts of a heaptrack capture as a profile, stack by stack as ``heaptrack_print -F`` prints it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

import numpy as np

from perf_action.formats import heaptrack_suppressions as suppressions
from perf_action.formats.allocators import is_allocator
from perf_action.formats.heaptrack_events import Events
from perf_action.formats.heaptrack_tables import Tables
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
    """Traces as stacks of a profile."""

    def __init__(self, tables: Tables, builder: ProfileBuilder) -> None:
        self._tables, self._builder = tables, builder
        self._inner: dict[int, int] = {0: -1}
        self._frames: dict[int, list[int]] = {}
        self._names = [demangle(text) for text in tables.strings]
        self._stop = {place for place, is_stop in enumerate(self._stops()) if is_stop}

    def leaf(self, trace: int) -> int:
        """The stack of what was allocated there; allocation functions are no part of it."""
        tables = self._tables
        while True:
            place = tables.trace_place[trace]
            frames = self._frames_of(place)
            names = [self._names[name] for name, _, _ in tables.places[place].frames]
            keep = len(frames)
            while keep and names and is_allocator(names[keep - 1]):
                keep -= 1
            parent = 0 if place in self._stop else tables.trace_parent[trace]
            if keep or not tables.trace_place[parent]:
                break
            trace = parent
        return self._on_top(self._caller(parent), frames[: max(keep, 1)])

    def _caller(self, trace: int) -> int:
        """The stack of a call from there, functions that were inlined on top of those that they are inlined in."""
        tables, inner = self._tables, self._inner
        chain = []
        while trace not in inner:
            chain.append(trace)
            place = tables.trace_place[trace]
            trace = 0 if place in self._stop or not place else tables.trace_parent[trace]
        stack = inner[trace]
        for trace in reversed(chain):
            place = tables.trace_place[trace]
            stack = inner[trace] = self._on_top(stack, self._frames_of(place)[::-1]) if place else -1
        return stack

    def _on_top(self, stack: int, frames: list[int]) -> int:
        for frame in frames:
            stack = self._builder.stack(stack, frame)
        return stack

    def _frames_of(self, place: int) -> list[int]:
        """The frames of a place, the innermost first; at least one."""
        frames = self._frames.get(place)
        if frames is None:
            address = self._tables.places[place]
            module = PurePosixPath(self._tables.strings[address.module]).name
            frames = self._frames[place] = [
                self._frame(function, file, line, module) for function, file, line in address.frames
            ] or [self._frame(0, 0, 0, module)]
        return frames

    def _frame(self, function: int, file: int, line: int, module: str) -> int:
        name = self._names[function] or UNKNOWN
        return self._builder.frame(
            self._builder.function(name, file=self._tables.strings[file], module=module), line
        )

    def _stops(self) -> list[bool]:
        strings = self._tables.strings
        return [bool(p.frames) and strings[p.frames[0][0]] in _STOP for p in self._tables.places]
