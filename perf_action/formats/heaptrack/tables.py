"""The tables of a heaptrack capture: strings, places in the code, call stacks and what was allocated.

Every entry is a line; entries are numbered from 1 as they come (allocations from 0), and 0 stands for none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from perf_action.formats.heaptrack.numbers import Malformed, number
from perf_action.model.profile import Int64

#: heaptrack 1.0 wrote the first one; https://github.com/KDE/heaptrack/blob/master/src/util/config.h.cmake
_VERSIONS: Final = range(1, 4)
#: functions that are the same to heaptrack as the one that called them, if they are first
_NEW: Final = frozenset(
    f"operator new{array}(unsigned {word})" for array in ("", "[]") for word in ("long", "int")
)


class Column:
    """A growing array of integers."""

    def __init__(self, *values: int) -> None:
        self._array = np.array(values, dtype=np.int64)
        self._size = len(values)

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> Int64:
        """All of it; writing to it is allowed."""
        return self._array[: self._size]

    def extend(self, values: Int64) -> None:
        needed = self._size + len(values)
        if needed > len(self._array):
            grown = np.empty(max(needed, 2 * len(self._array)), dtype=np.int64)
            grown[: self._size] = self.values
            self._array = grown
        self._array[self._size : needed] = values
        self._size = needed


class Place(NamedTuple):
    """What is at an address: function, file (indices of strings) and line, innermost first if inlined."""

    module: int
    frames: tuple[tuple[int, int, int], ...]


@dataclass(slots=True, kw_only=True)
class Tables:
    """All lines but the events. `trace_place` and `trace_parent` are indexed by trace, entry 0 is none;
    `traces` by allocation. `ended` is what the file says about itself at its end: how many strings and
    places it has.
    """

    version: int = 0
    tool: str = ""
    strings: list[str] = field(default_factory=lambda: [""])
    places: list[Place] = field(default_factory=lambda: [Place(0, ())])
    trace_place: Column = field(default_factory=lambda: Column(0))
    trace_parent: Column = field(default_factory=lambda: Column(0))
    traces: Column = field(default_factory=Column)
    suppressions: list[str] = field(default_factory=list)
    attached: bool = False
    now_ms: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    _new_strings: set[int] = field(default_factory=set)
    _new_places: set[int] = field(default_factory=set)

    def add(self, line: bytes) -> None:
        """One line. ValueError says what is wrong with it."""
        add = _LINES.get(line[:1])
        if add is None:
            raise ValueError("is no line of a heaptrack file")
        add(self, line)

    def add_traces(self, places: Int64, parents: Int64) -> None:
        """Lines ``t``. Malformed if one names what is not there."""
        first = len(self.trace_place)
        wrong = (places >= len(self.places)) | (parents >= np.arange(first, first + len(parents)))
        if wrong.any():
            raise Malformed(int(np.argmax(wrong)), "names a place or a caller that is not there")
        self.trace_place.extend(places)
        self.trace_parent.extend(parents)
        if self._new_places:
            self._skip_new(np.flatnonzero(np.isin(places, list(self._new_places))) + first)

    def add_allocations(self, sizes: Int64, traces: Int64) -> Int64:
        """Lines ``a``; their sizes. Malformed if one names what is not there."""
        wrong = traces >= len(self.trace_place)
        if wrong.any():
            raise Malformed(int(np.argmax(wrong)), "names a stack that is not there")
        self.traces.extend(traces)
        return sizes

    def _skip_new(self, traces: Int64) -> None:
        """Where a new trace begins in ``operator new``, it is the one of its caller."""
        places, parents, new = self.trace_place.values, self.trace_parent.values, self._new_places
        for trace in traces.tolist():
            while int(places[trace]) in new:
                parent = parents[trace]
                places[trace], parents[trace] = places[parent], parents[parent]

    def _string(self, line: bytes) -> None:
        text = line[2:]
        if self.version >= 3:
            size, _, text = text.partition(b" ")
            if number(size) != len(text):
                raise ValueError("is shorter or longer than it says")
        name = text.decode("utf-8", errors="backslashreplace")
        if name in _NEW:
            self._new_strings.add(len(self.strings))
        self.strings.append(name)

    def _place(self, line: bytes) -> None:
        words = line[2:].split()
        if len(words) < 2:
            raise ValueError("has another form than its kind")
        module, *rest = [number(word) for word in words[1:]]
        if len(rest) < 3 and rest:  # where the file is not known, it and the line are left out
            rest = [rest[0], 0, 0]
        frames = tuple(zip(rest[::3], rest[1::3], rest[2::3], strict=False))
        known = len(self.strings)
        if module >= known or any(function >= known or file >= known for function, file, _ in frames):
            raise ValueError("names a string that is not there")
        if frames and frames[0][0] in self._new_strings:
            self._new_places.add(len(self.places))
        self.places.append(Place(module, frames))

    def _time(self, line: bytes) -> None:
        self.now_ms = max(self.now_ms, number(line[2:]))

    def _version(self, line: bytes) -> None:
        tool, *version = [number(word) for word in line[2:].split()] or [0]
        self.version = version[0] if version else int(tool == 0x010200)
        self.tool = f"{tool >> 16}.{tool >> 8 & 0xFF}.{tool & 0xFF}"
        if self.version not in _VERSIONS:
            raise ValueError(
                f"says that it is of version {self.version} (by heaptrack {self.tool}); versions 1 to 3 can be read"
            )

    def _suppression(self, line: bytes) -> None:
        self.suppressions.append(line[2:].decode("utf-8", errors="backslashreplace"))

    def _attached(self, _: bytes) -> None:
        self.attached = True

    def _comment(self, line: bytes) -> None:
        what, _, count = line[2:].partition(b": ")
        if what in (b"strings", b"ips") and count.isdigit():
            self.ended[what.decode()] = int(count[:20])

    def _nothing(self, _: bytes) -> None:
        """Lines that matter to nobody: the command, the machine's memory, the resident set with heaptrack in it."""


_LINES: Final[dict[bytes, Callable[[Tables, bytes], None]]] = {
    b"s": Tables._string,  # noqa: SLF001
    b"i": Tables._place,  # noqa: SLF001
    b"c": Tables._time,  # noqa: SLF001
    b"v": Tables._version,  # noqa: SLF001
    b"S": Tables._suppression,  # noqa: SLF001
    b"A": Tables._attached,  # noqa: SLF001
    b"#": Tables._comment,  # noqa: SLF001
    b"": Tables._nothing,  # noqa: SLF001
    b"X": Tables._nothing,  # noqa: SLF001
    b"I": Tables._nothing,  # noqa: SLF001
    b"R": Tables._nothing,  # noqa: SLF001
}
