"""Addresses of a process as functions, files and lines, for profilers that record nothing else.

The programs that were mapped must lie where they lay, unchanged. Their symbol tables give the function; addr2line of the
binutils, where it is there, gives files, lines and inlined functions (https://sourceware.org/binutils/docs/binutils/addr2line.html),
also out of separate debug files. Its names count only where it knows the line or a symbol covers the address.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from perf_action.errors import CannotMeasure
from perf_action.formats.allocators import is_allocator
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.formats.symbols import demangle
from perf_action.formats.symbols.memory_map import MemoryMap
from perf_action.formats.symbols.program import ProgramSymbols
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN
from perf_action.system import System

_ALLOCATOR_LIBRARY: Final = re.compile(r"lib(jemalloc|tcmalloc|mimalloc|profiler)\w*[.-]")
#: functions of a jemalloc that is linked into a program, also as Rust's crates name them
_BUILT_IN: Final = re.compile(r"_?(?:_rjem_)?je_\w+|_rjem_\w+")
_PLACE: Final = re.compile(r"(.*):(\d+)(?: \(discriminator \d+\))?", re.DOTALL)
_TIMEOUT_S: Final = 300


class Addresses:
    """Names addresses. `frames` has for each of them what is there, innermost first; at least one frame."""

    def __init__(
        self, source: Source, maps: MemoryMap, addresses: Iterable[int], options: ReadOptions, system: System
    ) -> None:
        self._system = system
        self.frames: dict[int, tuple[Frame, ...]] = {}
        self._notes: dict[str, None] = {}
        self._missing: list[str] = []
        here = options.inside is None
        by_path: defaultdict[str, dict[int, int]] = defaultdict(dict)
        for address in dict.fromkeys(addresses):
            mapping = maps.find(address)
            self.frames[address] = (Frame(UNKNOWN, module=mapping.module if mapping else ""),)
            if mapping is not None and mapping.path.startswith("/"):
                by_path[mapping.path][address] = address - mapping.start + mapping.offset
        if not maps:
            self._notes["the file does not say what was mapped where: its addresses have no names"] = None
        elif not here:
            self._notes["the file comes from another machine: its addresses have no names"] = None
        else:
            for path, offsets in by_path.items():
                self._name(Path(path), offsets, source)

    def add_to(self, builder: ProfileBuilder, stack: Sequence[int], *, without_allocators: bool) -> int:
        """The stack (leaf first) as a node of `builder`."""
        frames = [frame for address in stack for frame in self.frames[address]]
        begin = _allocators(frames) if without_allocators else 0
        node = -1
        for frame in reversed(frames[begin:] or [Frame(UNKNOWN)]):
            function = builder.function(frame.name, file=frame.file, module=frame.module)
            node = builder.stack(node, builder.frame(function, frame.line))
        return node

    def notes(self) -> tuple[str, ...]:
        """What was not found out, and why."""
        nameless = sum(frames[0].name == UNKNOWN for frames in self.frames.values())
        why = f" (not found: {', '.join(self._missing)})" if self._missing else ""
        counted = (f"{nameless} of {len(self.frames)} addresses have no name{why}",) if nameless else ()
        return (*self._notes, *counted)

    def _name(self, path: Path, offsets: dict[int, int], source: Source) -> None:
        """`offsets` are places in the file, by address."""
        if not path.is_file():
            self._missing.append(path.name)
            return
        if path.stat().st_mtime > source.path.stat().st_mtime + 1:
            self._notes[f"{path.name} was changed since: its names may be wrong"] = None
        symbols = ProgramSymbols(path)
        places = {address: symbols.address(offset) for address, offset in offsets.items()}
        known = {address: place for address, place in places.items() if place is not None}
        lines = self._lines(path, list(dict.fromkeys(known.values())))
        for address, place in known.items():
            name = symbols.name(place)
            found = lines.get(place, ())
            if not any(frame.line for frame in found):
                found = (Frame(name),) if name else ()
            if found:
                self.frames[address] = tuple(
                    Frame(demangle(frame.name), frame.file, path.name, frame.line) for frame in found
                )

    def _lines(self, path: Path, places: list[int]) -> dict[int, tuple[Frame, ...]]:
        tool = self._system.which("addr2line")
        if tool is None or not places:
            if tool is None:
                self._notes["addr2line is not installed (binutils): no lines and no inlined functions"] = None
            return {}
        env = {key: value for key, value in self._system.environ.items() if key != "DEBUGINFOD_URLS"}
        asked = "".join(f"{place:#x}\n" for place in places).encode()
        try:
            done = self._system.run(
                [tool, "-a", "-f", "-i", "-e", str(path)], stdin=asked, env=env, timeout=_TIMEOUT_S
            )
        except CannotMeasure:
            self._notes[f"addr2line did not finish with {path.name}: no lines and no inlined functions"] = (
                None
            )
            return {}
        return _parsed(done.stdout)


def _parsed(text: str) -> dict[int, tuple[Frame, ...]]:
    """What addr2line said: for each address itself, then pairs of a function and a place, innermost first."""
    out: dict[int, tuple[Frame, ...]] = {}
    for block in re.split(r"^0x(?=[0-9a-f]{8,16}$)", text, flags=re.MULTILINE)[1:]:
        address, *lines = block.rstrip("\n").split("\n")
        pairs = zip(lines[::2], lines[1::2], strict=False)
        out[int(address, 16)] = tuple(_frame(name, place) for name, place in pairs)
    return out


def _frame(name: str, place: str) -> Frame:
    match = _PLACE.fullmatch(place)
    line = min(int(match[2][:10]), 2**31 - 1) if match else 0
    file = match[1] if match and line else ""
    return Frame(UNKNOWN if name == "??" else name, file=file, line=line)


def _allocators(frames: Sequence[Frame]) -> int:
    """How many of the innermost frames belong to the allocator, those between them that have no name included."""
    found = 0
    for index, frame in enumerate(frames[:-1]):
        own = _ALLOCATOR_LIBRARY.match(frame.module) or _BUILT_IN.fullmatch(frame.name)
        if own or is_allocator(frame.name):
            found = index + 1
        elif frame.name != UNKNOWN:
            break
    return found
