"""The frame of a perf.data file: whether all of it is there, and how many samples it must therefore give.

perf itself takes half a file for a smaller whole one (exit code 0), so this looks first: the sections that the header
names lie inside the file, and its records follow each other up to the end. What is in the records is perf's business.
Format: https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/tools/perf/Documentation/perf.data-file-format.txt
Lost: everything but counts and times.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

from perf_action.formats.source import Source

MAGICS: Final = {b"PERFILE2": "<", b"2ELIFREP": ">"}
_HEADER, _PIPE_HEADER = 104, 16
_FEATURES: Final = 256
_SAMPLE_TIME: Final = 21
#: PERF_RECORD_*
_LOST, _SAMPLE, _LOST_SAMPLES, _TRACING_DATA, _AUXTRACE, _COMPRESSED, _COMPRESSED2 = 2, 9, 13, 66, 71, 81, 83
_CHUNK: Final = 1 << 20
_AGAIN: Final = "fetch or copy it again, or record it again"


class Section(NamedTuple):
    """A part of the file."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """`samples` None: they are compressed or made of a hardware trace, so that the records do not say. `lost`: events
    that the kernel could not deliver.
    """

    samples: int | None
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where what is. `records` reaches to the end of the file where it was written to a pipe. `max_stack`: the deepest
    stack that was asked for, 0 for the usual one.
    """

    order: str
    records: Section
    duration_ns: int | None = None
    max_stack: int = 0


def layout(source: Source, path: Path) -> Layout:
    """What the header says. InputError if a part of the file is missing."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER)
        order = MAGICS[head[:8]]
        if len(head) < _PIPE_HEADER:
            raise _cut_off(source, "the header is not whole")
        (header_size,) = struct.unpack_from(order + "Q", head, 8)
        if header_size == _PIPE_HEADER:
            return Layout(order=order, records=Section(_PIPE_HEADER, size - _PIPE_HEADER))
        if header_size != _HEADER or len(head) < _HEADER:
            raise _cut_off(
                source, f"the header is not whole ({len(head)} of {min(header_size, _HEADER)} bytes)"
            )
        return _whole(source, file, order, head, size)


def _whole(source: Source, file: IO[bytes], order: str, head: bytes, size: int) -> Layout:
    attr_size, *places = struct.unpack_from(order + "7Q", head, 16)
    attrs, data = Section(places[0], places[1]), Section(places[2], places[3])
    if data.size == 0:
        raise source.error(
            "has no records: perf record was killed before it could finish the file",
            remedy="end perf record with SIGINT and wait for it",
        )
    _inside(source, "the records", data, size)
    _inside(source, "the list of events", attrs, size)
    words = struct.unpack_from(order + "4Q", head, 72)
    wanted = [n for n in range(_FEATURES) if words[n // 64] >> n % 64 & 1]
    table = Section(data.offset + data.size, 16 * len(wanted))
    _inside(source, "the list of its parts", table, size)
    file.seek(table.offset)
    numbers = struct.unpack(f"{order}{2 * len(wanted)}Q", file.read(table.size))
    sections = {n: Section(*numbers[2 * i : 2 * i + 2]) for i, n in enumerate(wanted)}
    for section in sections.values():
        _inside(source, "a part", section, size)
    return Layout(
        order=order,
        records=data,
        duration_ns=_duration(file, order, sections.get(_SAMPLE_TIME)),
        max_stack=_max_stack(file, order, attrs, attr_size),
    )


def _inside(source: Source, what: str, section: Section, size: int) -> None:
    if section.offset + section.size > size:
        raise _cut_off(source, f"{what} should end at byte {section.offset + section.size} of {size}")


def _cut_off(source: Source, reason: str) -> Exception:
    return source.error(f"is cut off: {reason}", remedy=_AGAIN)


def _duration(file: IO[bytes], order: str, section: Section | None) -> int | None:
    """From the first sample to the last."""
    if section is None or section.size < 16:
        return None
    file.seek(section.offset)
    first, last = struct.unpack(order + "QQ", file.read(16))
    return last - first if 0 < first < last < 2**62 else None


def _max_stack(file: IO[bytes], order: str, attrs: Section, attr_size: int) -> int:
    """`sample_max_stack`, the largest of all events (perf_event_attr has it from byte 108 on)."""
    if not 128 <= attr_size <= 4096:
        return 0
    file.seek(attrs.offset)
    found = 0
    for _ in range(min(attrs.size // attr_size, 4096)):
        found = max(found, struct.unpack_from(order + "H", file.read(attr_size), 108)[0])
    return found


def contents(source: Source, path: Path, where: Layout) -> Contents:
    """Goes from record to record. InputError if one is damaged or the last one is not whole."""
    walk = _Walk(source, where)
    with path.open("rb") as file:
        while walk.position < walk.end:
            file.seek(walk.position)
            walk.through(file.read(_CHUNK))
    if walk.position != walk.end:
        raise _cut_off(source, "the last record is not whole")
    return Contents(samples=walk.samples if walk.countable else None, lost=walk.lost)


class _Walk:
    def __init__(self, source: Source, where: Layout) -> None:
        self._source, self._order = source, where.order
        self._header = struct.Struct(where.order + "IHH")
        self.position, self.end = where.records.offset, sum(where.records)
        self.samples, self.lost, self.countable = 0, 0, True

    def through(self, chunk: bytes) -> None:
        """All records that begin in `chunk`, which is what stands at `position`."""
        header, at, samples = self._header, 0, 0
        last = min(len(chunk), self.end - self.position) - header.size
        if last < 0:
            raise _cut_off(self._source, "the last record is not whole")
        while at <= last:
            kind, _, size = header.unpack_from(chunk, at)
            if size < header.size or kind == 0:
                reason = f"is damaged: no record begins at byte {self.position + at}"
                raise self._source.error(reason, remedy=_AGAIN)
            if kind == _SAMPLE:
                samples += 1
            else:
                at += self._other(kind, chunk[at : at + 32])
            at += size
        self.samples += samples
        self.position += at

    def _other(self, kind: int, record: bytes) -> int:
        """Takes note of a record that is no sample; how many bytes follow it that are no records."""
        if kind == _LOST:
            self.lost += self._number(record, "Q", 16)
        elif kind == _LOST_SAMPLES:
            self.lost += self._number(record, "Q", 8)
        elif kind in (_COMPRESSED, _COMPRESSED2):
            self.countable = False
        elif kind == _AUXTRACE:
            self.countable = False
            return self._number(record, "Q", 8)
        elif kind == _TRACING_DATA:
            return (self._number(record, "I", 8) + 7) & ~7
        return 0

    def _number(self, record: bytes, kind: str, at: int) -> int:
        try:
            return int(struct.unpack_from(self._order + kind, record, at)[0])
        except struct.error:
            raise _cut_off(self._source, "the last record is not whole") from None
