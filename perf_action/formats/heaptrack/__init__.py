"""heaptrack's captures, interpreted (``heaptrack.<program>.<pid>.zst`` or ``.gz``) or raw.

Format: https://github.com/KDE/heaptrack/blob/master/src/analyze/accumulatedtracedata.cpp reads it, line by line
Sample: ``s 4 main`` (a string), ``i 55e8 1 14 15 12`` (a place), ``t 8 7`` (a stack), ``a 1000 9`` (so many bytes from
there), ``+ 1`` (allocated), ``- 1`` (freed), ``c 1f`` (ms since the start)
Kinds: `allocations`, `temporary`, `leaked` and `peak` as ``heaptrack_print -F`` prints them, and `allocated`. The stack
of a place with inlined functions ends in the function that is not inlined, which ``heaptrack_print`` takes for the one
that allocated. `leaked` is what was not freed, reachable or not. A series has the live bytes at every time stamp.
Lost: what is below main, addresses, the resident set (heaptrack's own memory is in it).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from perf_action.errors import InputError, ToolMissing
from perf_action.formats.heaptrack.events import MINUS, PLUS, Events
from perf_action.formats.heaptrack.numbers import Lines, Malformed, lines_of, pairs
from perf_action.formats.heaptrack.profile import KINDS, profile_of
from perf_action.formats.heaptrack.tables import Tables
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.metric import Metric, Series
from perf_action.model.profile import Int64, Profile
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "heaptrack"
_FIRST: Final = re.compile(rb"v [0-9a-f]{4,8}( [0-9a-f]{1,8})?\n")
_RAW: Final = re.compile(rb"v [0-9a-f]+ [0-9a-f]+\n(?:x|m|X [^\n]*\n[xm]) ")
#: the command of the program, which may have lines in it; the machine's memory comes next
_COMMAND: Final = re.compile(rb"(?ms)^X .{0,8192}?\n(?=I [0-9a-f]+ [0-9a-f]+\n)")
_PIECE: Final = 1 << 17
_LONGEST_LINE: Final = 1 << 24
_TRACE: Final = ord("t")
_ALLOCATION: Final = ord("a")
_INTERPRET_TIMEOUT_S: Final = 600

_T = TypeVar("_T")


def sniff(source: Source) -> bool:
    return _FIRST.match(source.head) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:
    if _RAW.match(source.head):
        with tempfile.NamedTemporaryFile(prefix="perf-action-") as file:
            return _read(_interpreted(source, Path(file.name), options, system))
    return _read(source)


def _read(source: Source) -> Capture:
    parser = _Parser(source)
    parser.run()
    with source.refusing():
        profile = profile_of(parser.tables, parser.events)
    capture = capture_of(NAME, profile)
    return Capture(
        format=NAME,
        captures=capture.captures,
        metrics=_metrics(parser, profile),
        series=(parser.series(),) if parser.times else (),
        notes=capture.notes,
    )


def _interpreted(source: Source, out: Path, options: ReadOptions, system: System) -> Source:
    """The same capture with names, by heaptrack's own tool: it looks them up in the programs of this machine."""
    if options.inside is not None:
        raise source.error(
            "is a raw heaptrack file from another machine, which has addresses only",
            remedy="record it without --raw",
        )
    found = system.which("heaptrack")
    beside = (
        Path(found).resolve().parent.parent / "lib/heaptrack/libexec/heaptrack_interpret" if found else None
    )
    tool = str(beside) if beside is not None and beside.is_file() else system.which("heaptrack_interpret")
    if tool is None:
        raise ToolMissing(
            "heaptrack_interpret, which turns a raw heaptrack file into one that can be read,",
            "sudo apt-get install heaptrack",
        )
    done = system.run([tool], stdin=source.data, output=out, timeout=_INTERPRET_TIMEOUT_S)
    if done.code:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.code}"])[-1]
        raise source.error(f"heaptrack_interpret failed on it: {last}", remedy="record it again")
    try:
        return Source(out, ReadOptions(max_bytes=options.max_bytes))
    except InputError as error:
        raise source.error(f"heaptrack_interpret made nothing of it: {error.reason}") from None


class _Parser:
    """Reads a capture from its start to its end."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.tables, self.events = Tables(), Events()
        self.times: list[int] = []
        self._live: list[int] = []
        self._lines = 0

    def run(self) -> None:
        """InputError if a line is wrong, or the end is missing."""
        for text in self._whole_lines():
            self._add(text)
        with self._source.refusing():
            self.events.finish()
        tables, ended = self.tables, self.tables.ended
        if not ended:
            raise self._source.error(
                "is cut off: it does not end as heaptrack ends its files",
                remedy="fetch or copy it again; if heaptrack was killed, record it again",
            )
        if (
            ended.get("strings", 0) != len(tables.strings) - 1
            or ended.get("ips", 0) != len(tables.places) - 1
        ):
            raise self._source.error("is damaged: parts of it are missing", remedy="fetch or copy it again")
        if len(self.events.live) and int(self.events.live.min()) < 0:
            raise self._source.error("is damaged: more is freed than was allocated", remedy="record it again")

    def series(self) -> Series:
        return Series(
            name="memory.heap",
            unit="bytes",
            t_ns=tuple(time * 1_000_000 for time in self.times),
            values=tuple(self._live),
        )

    def _whole_lines(self) -> Iterator[bytes]:
        """The file in pieces that end with a line; they are small, for the caches."""
        rest = b""
        for piece in self._source.pieces():
            text, begin = rest + piece, 0
            if not self._lines:
                text = _COMMAND.sub(lambda command: b"X" + b"\n" * command[0].count(b"\n"), text, count=1)
            while end := text.rfind(b"\n", begin, begin + _PIECE) + 1 or text.find(b"\n", begin) + 1:
                yield text[begin:end]
                begin = end
            rest = text[begin:]
            if len(rest) > _LONGEST_LINE:
                raise self._source.error("a line has no end", place=f"line {self._lines + 1}")
        if rest:
            yield rest + b"\n"

    def _add(self, piece: bytes) -> None:
        """A piece of the file. What an event names is in the tables before the events are counted."""
        lines = lines_of(piece)
        modes = lines.modes
        is_event, is_trace, is_allocation = (
            (modes == PLUS) | (modes == MINUS),
            modes == _TRACE,
            modes == _ALLOCATION,
        )
        others = np.flatnonzero(~(is_event | is_trace | is_allocation))
        stamps = self._others(piece, others, lines.where(others))
        self._many(lines, is_trace, lambda some: self.tables.add_traces(*pairs(some)))
        sizes = self._many(lines, is_allocation, lambda some: self.tables.add_allocations(*pairs(some)))
        with self._source.refusing():
            self.events.grow(sizes)
            live = self._many(lines, is_event, self.events.add)
        self._live += live[np.cumsum(is_event)[stamps]].tolist()
        self._lines += len(modes)

    def _others(self, piece: bytes, numbers: Int64, lines: Lines) -> list[int]:
        """Puts lines into the tables one by one; which of them are time stamps."""
        stamps = []
        tables = self.tables
        places = zip(numbers.tolist(), lines.begins.tolist(), lines.ends.tolist(), strict=True)
        for line, begin, end in places:
            content = piece[begin:end]
            try:
                tables.add(content)
            except ValueError as error:
                raise self._error(line, str(error)) from None
            if content[:2] == b"c ":
                stamps.append(line)
                self.times.append(tables.now_ms)
        return stamps

    def _many(self, lines: Lines, mask: NDArray[np.bool_], add: Callable[[Lines], _T]) -> _T:
        try:
            return add(lines.where(mask))
        except Malformed as error:
            raise self._error(int(np.flatnonzero(mask)[error.line]), str(error)) from None

    def _error(self, line: int, reason: str) -> InputError:
        return self._source.error(
            reason,
            place=f"line {self._lines + line + 1}",
            remedy="the file is damaged; fetch or copy it again",
        )


def _metrics(parser: _Parser, profile: Profile) -> tuple[Metric, ...]:
    """Sums as ``heaptrack_print`` has them; its run time is the last time stamp and one millisecond."""
    totals = {kind.kind: profile.total(column) for column, kind in enumerate(KINDS)}
    seconds = (parser.tables.now_ms + 1) / 1000

    def exact(name: str, unit: str, value: int) -> Metric:
        return Metric(name=name, unit=unit, better="lower", samples=(value,), source="profiled", exact=True)

    def rate(name: str, unit: str, value: int) -> Metric:
        samples = (value / seconds,)
        return Metric(name=name, unit=unit, better="neither", samples=samples, source="profiled")

    return (
        exact("memory.peak", "bytes", parser.events.peak_bytes),
        exact("memory.allocations", "count", totals["allocations"]),
        exact("memory.allocated", "bytes", totals["allocated"]),
        rate("memory.allocations_per_second", "1/s", totals["allocations"]),
        rate("memory.allocation_rate", "bytes/s", totals["allocated"]),
    )
