"""DHAT's files: what was allocated, how much of it was alive at the peak and at the end, and how it was used.

Format: https://valgrind.org/docs/manual/dh-manual.html#dh-manual.fileformat (version 2; 1 was valgrind 3.15's)
Sample: ``{"dhatFileVersion":2 … "pps": [{"tb":20480,"tbk":5,"gb":20480,"eb":0,"fs":[1,2]}], "ftbl": ["[root]", …]}``
Kinds of heap mode (also of Rust's dhat crate): `allocated` (tb) and `allocations` (tbk), `peak` (gb) and `leaked` (eb),
where lifetimes were recorded; `read` and `written` bytes, where accesses were. Copy mode: `copied` bytes and `copies`.
Ad-hoc mode: `units` and `events` of the program's own, where there are any, and a note.
Lost: how long blocks lived, the largest size of each place by itself, and the histograms of accesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Final

from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.valgrind_frames import frame_of, service_frames
from perf_action.model.builder import ProfileBuilder
from perf_action.model.metric import Metric
from perf_action.model.profile import Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "dhat"
_START = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"dhatFileVersion"\s*:')
_HEAP: Final = {
    "tb": ValueKind("allocated", "bytes"),
    "tbk": ValueKind("allocations", "count"),
    "gb": ValueKind("peak", "bytes"),
    "eb": ValueKind("leaked", "bytes"),
    "rb": ValueKind("read", "bytes"),
    "wb": ValueKind("written", "bytes"),
}
_LIFETIMES, _ACCESSES = ("gb", "eb"), ("rb", "wb")
_COPY: Final = {"tb": ValueKind("copied", "bytes"), "tbk": ValueKind("copies", "count")}
_AD_HOC: Final = {"tb": ValueKind("units", "count"), "tbk": ValueKind("events", "count")}
#: what version 1 called the bytes at the end
_VERSION_1: Final = {"eb": "fb"}
_METRICS: Final = {
    "peak": "memory.peak",
    "allocations": "memory.allocations",
    "allocated": "memory.allocated",
}


def sniff(source: Source) -> bool:
    return _START.match(source.head) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    file = _File(source)
    with source.refusing():
        profile = _profile(file)
    notes = list(_notes(file, profile))
    if file.mode.endswith("ad-hoc") and not profile.total():
        return Capture(format=NAME, notes=tuple(notes))
    capture = capture_of(NAME, profile, *notes)
    metrics = tuple(_metrics(profile)) if file.is_heap else ()
    return Capture(format=NAME, captures=capture.captures, metrics=metrics, notes=capture.notes)


class _File:
    """The document, each part checked when it is asked for."""

    def __init__(self, source: Source) -> None:
        self._source = source
        # names are bytes to valgrind, and bytes that are no UTF-8 must not become escapes of JSON
        document = source.parse_json(source.data.decode("utf-8-sig", errors="surrogateescape"))
        self._document: dict[str, Any] = document if isinstance(document, dict) else {}
        self.version = self._document.get("dhatFileVersion")
        if self.version not in (1, 2):
            shown = str(self.version)[:40]
            raise source.error(
                f"dhatFileVersion {shown} is not known", remedy="known are 1 and 2 (valgrind 3.15 and later)"
            )
        self.mode = str(self._document.get("mode", "heap"))
        if self.mode not in ("heap", "copy", "ad-hoc", "rust-heap", "rust-ad-hoc"):
            raise source.error(f"mode {self.mode[:40]!r} is not known")

    @property
    def is_heap(self) -> bool:
        return self.mode.endswith("heap")

    @cached_property
    def columns(self) -> dict[str, ValueKind]:
        """The kinds of value, by the key under which this file has them."""
        if not self.is_heap:
            return _COPY if self.mode == "copy" else _AD_HOC
        absent = {
            *(_LIFETIMES if self._document.get("bklt") is False else ()),
            *(_ACCESSES if self._document.get("bkacc") is False else ()),
        }
        renamed = _VERSION_1 if self.version == 1 else {}
        return {renamed.get(key, key): kind for key, kind in _HEAP.items() if key not in absent}

    @cached_property
    def frames(self) -> list[str]:
        table = self._document.get("ftbl")
        if not isinstance(table, list) or not all(isinstance(text, str) for text in table):
            raise self._source.error("has no table of frames ('ftbl')")
        return [_plain(text) for text in table]

    def points(self) -> Iterator[tuple[list[int], Sequence[int]]]:
        """Values and frames (innermost first) of each place that allocated."""
        key = "aps" if self.version == 1 else "pps"
        points = self._document.get(key)
        if not isinstance(points, list):
            raise self._source.error(f"has no list of places that allocated ({key!r})")
        for number, point in enumerate(points):
            place = f"{key}[{number}]"
            if not isinstance(point, dict):
                raise self._source.error("is no object", place=place)
            yield [self._value(point, name, place) for name in self.columns], self._stack(point, place)

    def _value(self, point: dict[str, Any], key: str, place: str) -> int:
        value = point.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            shown = "missing" if value is None else f"{str(value)[:40]!r}, not a count"
            raise self._source.error(f"{key} is {shown}", place=place)
        return value

    def _stack(self, point: dict[str, Any], place: str) -> Sequence[int]:
        stack = point.get("fs")
        if not isinstance(stack, list):
            raise self._source.error("has no frames ('fs')", place=place)
        for index in stack:
            if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(self.frames):
                raise self._source.error(
                    f"frame {str(index)[:40]} is not in the table of {len(self.frames)}", place=place
                )
        return stack


def _plain(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _profile(file: _File) -> Profile:
    builder = ProfileBuilder(list(file.columns.values()), tool="dhat", fidelity="exact")
    places = [frame_of(text) for text in file.frames]
    ids: dict[int, int] = {}
    for values, stack in file.points():
        indices = [i for i in reversed(stack) if i != 0]  # 0 is "[root]"
        kept = service_frames([places[i] for i in indices])
        for i in indices[: len(kept)]:
            if i not in ids:
                f = places[i]
                ids[i] = builder.frame(builder.function(f.name, file=f.file, module=f.module), f.line)
        builder.sample(builder.stack_of([ids[i] for i in indices[: len(kept)]]), values)
    return builder.build()


def _notes(file: _File, profile: Profile) -> Iterator[str]:
    if file.mode == "copy":
        yield "copy mode: the bytes that memcpy and its like copied, not the heap"
    elif not file.is_heap:
        total = "" if profile.total() else ", and the program reported no event"
        yield f"ad-hoc mode: counts what the program itself reports, not the heap{total}"
    elif not profile.total():
        yield "the program allocated nothing"


def _metrics(profile: Profile) -> Iterator[Metric]:
    for column, kind in enumerate(profile.kinds):
        if kind.kind in _METRICS:
            yield Metric(
                name=_METRICS[kind.kind],
                unit=kind.unit,
                better="lower",
                samples=(profile.total(column),),
                source="profiled",
                exact=True,
            )
