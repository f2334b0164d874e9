"""Processed Firefox profiles: columns, with functions, resources and libraries in tables of their own.

What https://profiler.firefox.com saves, and what samply and ``python -m profiling.sampling --gecko`` write. Since
version 56 the threads share strings, since 60 all tables; since 66 a stack says how far before it its parent is.
Format: https://github.com/firefox-devtools/profiler/blob/main/docs-developer/CHANGELOG-formats.md
"""

from __future__ import annotations

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
    text,
)
from perf_action.formats.source import Source
from perf_action.model.profile import UNKNOWN

_LIBRARY = 1
#: what CPython has for a file where there is none (``<GC>``, ``<native>``)
_NO_FILE = "~"


def threads(source: Source, document: dict[str, Any]) -> Iterator[Thread]:
    """All threads; those that have no samples, too."""
    shared = document.get("shared")
    shared = shared if isinstance(shared, dict) else {}
    libs = document.get("libs")
    libs = libs if isinstance(libs, list) else []
    together = _Tables(source, shared, shared, libs, "shared").tables() if "stackTable" in shared else None
    for index, thread in enumerate(listed(source, document.get("threads"), "threads")):
        place = f"threads[{index}]"
        if not isinstance(thread, dict) or not isinstance(samples := thread.get("samples"), dict):
            raise source.error("has no samples", place=place)
        own = thread.get("libs")
        weights = samples.get("weight")
        yield Thread(
            place=place,
            name=str(thread.get("name") or ""),
            tables=together
            or _Tables(source, thread, shared, own if isinstance(own, list) else libs, place).tables(),
            stacks=listed(source, samples.get("stack"), f"{place}.samples.stack"),
            weights=None if weights is None else listed(source, weights, f"{place}.samples.weight"),
            weight_type=str(samples.get("weightType") or "samples"),
        )


class _Tables:
    """The tables of `owner`, a thread or what all threads share; `shared` may have the strings and sources."""

    def __init__(
        self, source: Source, owner: dict[str, Any], shared: dict[str, Any], libs: list[Any], place: str
    ) -> None:
        self._source, self._owner, self._shared, self._libs, self._place = source, owner, shared, libs, place
        strings = [of.get(key) for of in (owner, shared) for key in ("stringArray", "stringTable")]
        found = next((value for value in strings if isinstance(value, list)), None)
        self._strings = listed(source, found, f"{place}.stringArray")
        self._functions: dict[Any, Place] = {}
        self._columns: dict[tuple[str, str], list[Any]] = {}

    def tables(self) -> Tables:
        functions = self._column("frameTable", "func")
        lines = self._optional("frameTable", "line", len(functions))
        libraries = self._optional("frameTable", "lib", len(functions))
        frames = [
            self._frame(function, line(at), library)
            for function, at, library in zip(functions, lines, libraries, strict=True)
        ]
        place = f"{self._place}.stackTable"
        stacks = self._owner.get("stackTable")
        offsets = isinstance(stacks, dict) and "prefixOffset" in stacks
        prefix = self._column("stackTable", "prefixOffset" if offsets else "prefix")
        frame = self._column("stackTable", "frame")
        if len(frame) != len(prefix):
            raise self._source.error(f"{len(frame)} frames for {len(prefix)} prefixes", place=place)
        return Tables(
            frames=frames,
            parents=parents(self._source, prefix, place, _behind if offsets else before),
            stack_frames=indices(self._source, frame, len(frames), place),
        )

    def _frame(self, function: Any, at: int, library: Any) -> Place:
        found = self._functions.get(function) if isinstance(function, int) else None
        if found is None:
            found = self._functions[function] = self._function(function)
        module = "" if found.file or found.module else self._library(library)
        return found._replace(line=at, module=module or found.module)

    def _function(self, index: Any) -> Place:
        place = f"{self._place}.funcTable"
        names = self._column("funcTable", "name")
        indices(self._source, [index], len(names), place)
        name = text(self._source, self._strings, names[index], place)
        module = self._resource(index, len(names))
        if is_address(name):
            return Place(UNKNOWN, module=module)
        start = self._optional("funcTable", "lineNumber", len(names))[index]
        file = self._file(index, len(names))
        if file == _NO_FILE:
            return Place(name)
        return Place(name, file, "" if file else module, start=line(start))

    def _file(self, function: int, count: int) -> str:
        """The file of a function: a string of its own, since version 58 an entry of the sources."""
        index = self._optional("funcTable", "fileName", count)[function]
        source = self._optional("funcTable", "source", count)[function]
        sources = self._shared.get("sources")
        names = sources.get("filename") if isinstance(sources, dict) else None
        if isinstance(source, int) and isinstance(names, list) and 0 <= source < len(names):
            index = names[source]
        return (
            ""
            if index is None
            else text(self._source, self._strings, index, self._place).removeprefix("file://")
        )

    def _resource(self, function: int, count: int) -> str:
        """The library that a function is of."""
        resource = self._optional("funcTable", "resource", count)[function]
        table = self._owner.get("resourceTable")
        types = table.get("type") if isinstance(table, dict) else None
        if not isinstance(types, list) or not isinstance(resource, int) or not 0 <= resource < len(types):
            return ""
        if types[resource] != _LIBRARY:
            return ""
        library = self._library(self._optional("resourceTable", "lib", len(types))[resource])
        name = self._optional("resourceTable", "name", len(types))[resource]
        return library or ("" if name is None else text(self._source, self._strings, name, self._place))

    def _library(self, index: Any) -> str:
        if not isinstance(index, int) or not 0 <= index < len(self._libs):
            return ""
        lib = self._libs[index]
        return str(lib.get("name") or "").rpartition("/")[2] if isinstance(lib, dict) else ""

    def _column(self, table: str, name: str) -> list[Any]:
        body = self._owner.get(table)
        column = body.get(name) if isinstance(body, dict) else None
        return listed(self._source, column, f"{self._place}.{table}.{name}")

    def _optional(self, table: str, name: str, count: int) -> list[Any]:
        """A column that not every version has; nothing but None if it is not there, or not as long as the others."""
        found = self._columns.get((table, name))
        if found is None:
            body = self._owner.get(table)
            column = body.get(name) if isinstance(body, dict) else None
            found = column if isinstance(column, list) and len(column) == count else [None] * count
            self._columns[table, name] = found
        return found


def _behind(index: int, offset: Any) -> Any:
    """A parent as a distance, 0 for none."""
    if not isinstance(offset, int):
        return offset
    return index - offset if offset > 0 else -1
