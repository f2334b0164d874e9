"""The tables of a heaptrack capture: strings, places in the code, call stacks and what was allocated.

Every entry is a line; entries are numbered from 1 as they come (allocations from 0), and 0 stands for none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: heaptrack 1.0 wrote the first one; https://github.com/KDE/heaptrack/blob/master/src/util/config.h.cmake
_VERSIONS: Final = range(1, 4)
#: functions that are the same to heaptrack as the one that called them, if they are first
_NEW: Final = frozenset(
    f"operator new{array}(unsigned {word})" for array in ("", "[]") for word in ("long", "int")
)
_DIGITS = 16


class Place(NamedTuple):
    """An address and what is there: function, file (indices of strings) and line, innermost first if inlined."""

    address: int
    module: int
    frames: tuple[tuple[int, int, int], ...]


@dataclass(slots=True, kw_only=True)
class Tables:
    """All lines that are no events. `trace_place` and `trace_parent` are indexed by trace, entry 0 is none;
    `sizes` and `traces` by allocation. `ended` is what the file says about itself at its end: how many strings and
    places it has.
    """

    version: int = 0
    tool: str = ""
    strings: list[str] = field(default_factory=lambda: [""])
    places: list[Place] = field(default_factory=lambda: [Place(0, 0, ())])
    trace_place: list[int] = field(default_factory=lambda: [0])
    trace_parent: list[int] = field(default_factory=lambda: [0])
    sizes: list[int] = field(default_factory=list)
    traces: list[int] = field(default_factory=list)
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

    def _string(self, line: bytes) -> None:
        text = line[2:]
        if self.version >= 3:
            size, _, text = text.partition(b" ")
            if _hex(size) != len(text):
                raise ValueError("is shorter or longer than it says")
        name = text.decode("utf-8", errors="backslashreplace")
        if name in _NEW:
            self._new_strings.add(len(self.strings))
        self.strings.append(name)

    def _place(self, line: bytes) -> None:
        address, module, *rest = [_hex(word) for word in line[2:].split()]
        if len(rest) < 3 and rest:  # where the file is not known, it and the line are left out
            rest = [rest[0], 0, 0]
        frames = tuple(zip(rest[::3], rest[1::3], rest[2::3], strict=False))
        known = len(self.strings)
        if module >= known or any(function >= known or file >= known for function, file, _ in frames):
            raise ValueError("names a string that is not there")
        if frames and frames[0][0] in self._new_strings:
            self._new_places.add(len(self.places))
        self.places.append(Place(address, module, frames))

    def _trace(self, line: bytes) -> None:
        place, parent = _pair(line)
        if place >= len(self.places) or parent >= len(self.trace_place):
            raise ValueError("names a place or a caller that is not there")
        while place in self._new_places:
            place, parent = self.trace_place[parent], self.trace_parent[parent]
        self.trace_place.append(place)
        self.trace_parent.append(parent)

    def _allocation(self, line: bytes) -> None:
        size, trace = _pair(line)
        if trace >= len(self.trace_place):
            raise ValueError("names a stack that is not there")
        self.sizes.append(size)
        self.traces.append(trace)

    def _time(self, line: bytes) -> None:
        self.now_ms = max(self.now_ms, _hex(line[2:]))

    def _version(self, line: bytes) -> None:
        tool, *version = [_hex(word) for word in line[2:].split()]
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
        what, _, number = line[2:].partition(b": ")
        if what in (b"strings", b"ips") and number.isdigit():
            self.ended[what.decode()] = int(number[:20])

    def _nothing(self, _: bytes) -> None:
        """Lines that matter to nobody: the command, the machine's memory, the resident set with the tool in it."""


_LINES: Final[dict[bytes, Callable[[Tables, bytes], None]]] = {
    b"s": Tables._string,  # noqa: SLF001
    b"i": Tables._place,  # noqa: SLF001
    b"t": Tables._trace,  # noqa: SLF001
    b"a": Tables._allocation,  # noqa: SLF001
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


def _hex(word: bytes) -> int:
    """A number as heaptrack writes it. `int` alone would take signs, underscores and ``0x`` too."""
    if not 0 < len(word) <= _DIGITS or word.strip(b"0123456789abcdef"):
        raise ValueError("has something else where a hexadecimal number should be")
    return int(word, 16)


def _pair(line: bytes) -> tuple[int, int]:
    one, _, other = line[2:].partition(b" ")
    return _hex(one), _hex(other)
