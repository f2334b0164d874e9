"""Raw Firefox profiles: rows with a schema, strings for each thread, processes inside of processes.

A frame is one text: ``encode (file:///srv/shop.js:9:4)[2]`` of JavaScript, ``malloc (in libc.so.6)`` of native code with
symbols, ``0x7fa40e81b104`` without, and anything else is a label, kept as it is.
Format: https://github.com/firefox-devtools/profiler/blob/main/docs-developer/gecko-profile-format.md
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from typing import Any

from perf_action.formats.gecko.tables import (
    Place,
    Tables,
    Thread,
    before,
    indices,
    is_address,
    line,
    listed,
    parents,
)
from perf_action.formats.gecko.tables import text as string
from perf_action.formats.source import Source
from perf_action.model.profile import UNKNOWN

_SOURCE_INDEX = re.compile(r"\)\[\d{1,10}\]$")
_POSITION = re.compile(r":(\d{1,10})(?::\d{1,10})?$")
_NATIVE = re.compile(r"\((?:in [^()]*)\)(?: \+ \d+| \([^()]*:[^()]*\))?$")
_NOWHERE = 1 << 30


def threads(source: Source, document: dict[str, Any]) -> Iterator[Thread]:
    """All threads of all processes."""
    pending: list[tuple[Any, str]] = [(document, "")]
    while pending:
        process, at = pending.pop()
        if not isinstance(process, dict):
            raise source.error("is no process", place=at)
        libraries = Libraries(process.get("libs"))
        for index, thread in enumerate(listed(source, process.get("threads") or [], f"{at}threads")):
            yield _thread(source, thread, libraries, f"{at}threads[{index}]")
        inner = listed(source, process.get("processes") or [], f"{at}processes")
        pending.extend((child, f"{at}processes[{i}].") for i, child in reversed(list(enumerate(inner))))


def _thread(source: Source, thread: Any, libraries: Libraries, place: str) -> Thread:
    if not isinstance(thread, dict):
        raise source.error("is no thread", place=place)
    locations, lines = _columns(source, thread, "frameTable", ("location", "line"), place)
    prefix, frame = _columns(source, thread, "stackTable", ("prefix", "frame"), place)
    (stacks,) = _columns(source, thread, "samples", ("stack",), place)
    strings = listed(source, thread.get("stringTable"), f"{place}.stringTable")
    texts = [string(source, strings, index, f"{place}.frameTable") for index in locations]
    tables = Tables(
        frames=[frame_of(text, line(at), libraries) for text, at in zip(texts, lines, strict=True)],
        parents=parents(source, prefix, f"{place}.stackTable", before),
        stack_frames=indices(source, frame, len(texts), f"{place}.stackTable"),
    )
    name = str(thread.get("name") or "")
    return Thread(place=place, name=name, tables=tables, stacks=stacks, weights=None, weight_type="samples")


def _columns(
    source: Source, thread: dict[str, Any], name: str, wanted: tuple[str, ...], place: str
) -> list[list[Any]]:
    """Columns of a table that is rows with a schema; what a short row leaves out is None."""
    table, where = thread.get(name), f"{place}.{name}"
    schema = table.get("schema") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(schema, dict):
        raise source.error(
            "has no schema: the file is cut off, or of a version that is too old",
            place=where,
            remedy="open it in https://profiler.firefox.com and save it anew",
        )
    rows = listed(source, table.get("data"), where)
    if not all(isinstance(row, list) for row in rows):
        raise source.error("has a row that is no list", place=where)
    columns = [schema.get(key, _NOWHERE) for key in wanted]
    if not all(isinstance(column, int) and column >= 0 for column in columns):
        raise source.error("its schema is none", place=where)
    return [[row[column] if column < len(row) else None for row in rows] for column in columns]


class Libraries:
    """Which library an address lies in. `libs` is what the file has; files of old versions have none that can be read."""

    def __init__(self, libs: Any) -> None:
        found = [
            (lib["start"], lib["end"], str(lib.get("name") or ""))
            for lib in (libs if isinstance(libs, list) else ())
            if isinstance(lib, dict) and isinstance(lib.get("start"), int) and isinstance(lib.get("end"), int)
        ]
        self._libs = sorted(found)
        self._starts = [start for start, _, _ in self._libs]

    def name_of(self, address: str) -> str:
        """The library's name; empty if none is there."""
        try:
            at = int(address[:20], 16)
        except ValueError:
            return ""
        index = bisect.bisect_right(self._starts, at) - 1
        if index < 0 or at >= self._libs[index][1]:
            return ""
        return self._libs[index][2].rpartition("/")[2]


def frame_of(text: str, at: int, libraries: Libraries) -> Place:
    """The parts of a frame's text; `at` is the line being executed."""
    if is_address(text):
        return Place(UNKNOWN, module=libraries.name_of(text))
    native = _NATIVE.search(text, max(0, len(text) - 500))
    if native is not None and text[: native.start()].endswith(" "):
        library = native.group()[len("(in ") :].partition(")")[0]
        return Place(text[: native.start() - 1], module=library.rpartition("/")[2], line=at)
    script = text[: text.rindex("[")] if _SOURCE_INDEX.search(text, max(0, len(text) - 20)) else text
    start = script.rfind(" (")
    named = script.endswith(")") and start > 0
    where = script[start + 2 : -1] if named else script
    position = _POSITION.search(where, max(0, len(where) - 30))
    if position is None or not position.start():
        return Place(text, line=at)
    file = where[: position.start()].rpartition(" -> ")[2].removeprefix("file://")
    name = script[:start] if named else f"(root scope) {file}"
    return Place(name, file, line=at, start=int(position[1]))
