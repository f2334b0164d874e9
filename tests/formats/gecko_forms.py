"""A raw Firefox profile in the processed form, as it is in the versions that changed where things are."""

from __future__ import annotations

from typing import Any

from perf_action.formats.gecko.raw import Libraries, frame_of
from perf_action.model.profile import UNKNOWN


class Tables:
    """Frames, functions, resources and strings of one or all threads, as columns."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self.libs: list[str] = []
        self.functions: list[tuple[Any, ...]] = []
        self.frames: list[tuple[int, int | None, int]] = []
        self.stacks: list[tuple[int | None, int]] = []

    def add(self, thread: dict[str, Any], libs: list[Any]) -> int:
        """Adds a raw thread; where its stacks begin."""
        first_frame, first_stack = len(self.frames), len(self.stacks)
        libraries = Libraries(libs)
        frames, stacks = thread["frameTable"], thread["stackTable"]
        for cells in frames["data"]:
            row = [*cells, *[None] * 8]
            text, line = (
                thread["stringTable"][row[frames["schema"]["location"]]],
                row[frames["schema"]["line"]],
            )
            place = frame_of(text, line or 0, libraries)
            name = text if place.name == UNKNOWN else place.name
            lib = self._index(self.libs, place.module) if place.module else -1
            function = (
                self.string(name),
                lib,
                self.string(place.file) if place.file else None,
                place.start or None,
            )
            self.frames.append((self._index(self.functions, function), line, lib))
        for prefix, frame in stacks["data"]:
            self.stacks.append((None if prefix is None else prefix + first_stack, frame + first_frame))
        return first_stack

    def string(self, text: str) -> int:
        return self._index(self.strings, text)

    @staticmethod
    def _index(table: list[Any], value: Any) -> int:
        if value not in table:
            table.append(value)
        return table.index(value)

    def columns(self, version: int) -> dict[str, Any]:
        functions: dict[str, Any] = {
            "name": [f[0] for f in self.functions],
            "resource": [f[1] for f in self.functions],
            "lineNumber": [f[3] for f in self.functions],
        }
        functions["source" if version >= 58 else "fileName"] = [f[2] for f in self.functions]
        resources: dict[str, Any] = {
            "name": [self.string(lib) for lib in self.libs],
            "type": [1] * len(self.libs),
        }
        frames = {"func": [f[0] for f in self.frames], "line": [f[1] for f in self.frames]}
        if version >= 70:
            frames["lib"] = [f[2] for f in self.frames]
        else:
            resources["lib"] = list(range(len(self.libs)))
        stacks: dict[str, Any] = {"frame": [s[1] for s in self.stacks]}
        prefixes = [s[0] for s in self.stacks]
        if version >= 66:
            stacks["prefixOffset"] = [0 if p is None else i - p for i, p in enumerate(prefixes)]
        else:
            stacks["prefix"] = prefixes
        return {
            "frameTable": frames,
            "stackTable": stacks,
            "funcTable": functions,
            "resourceTable": resources,
        }


def processed(raw: dict[str, Any], version: int) -> dict[str, Any]:
    """Versions 40 (libs and strings for each thread), 55 (libs shared), 57 (strings, too), 60 and later (all)."""
    threads, shared, tables = [], {}, Tables()
    pending = [raw]
    for process in pending:
        pending.extend(process["processes"])
        for thread in process["threads"]:
            if version < 60:
                strings = tables.strings if version >= 56 else []
                libs = tables.libs if version >= 41 else []
                tables = Tables()
                tables.strings, tables.libs = strings, libs
            first = tables.add(thread, process["libs"])
            stacks = [None if row[0] is None else row[0] + first for row in thread["samples"]["data"]]
            body = {
                "name": thread["name"],
                "samples": {"stack": stacks, "weight": None, "weightType": "samples"},
            }
            if version < 60:
                body |= tables.columns(version)
            if version < 56:
                body["stringArray"] = tables.strings
            if version < 41:
                body["libs"] = [{"name": name} for name in tables.libs]
            threads.append(body)
    if version >= 60:
        shared = tables.columns(version)
    if version >= 56:
        shared["stringArray"] = tables.strings
    if version >= 58:
        # each string as a source of its own, under the same index
        shared["sources"] = {"filename": list(range(len(tables.strings)))}
    out = {
        "meta": {"preprocessedProfileVersion": version, "version": 30, "interval": 1, "product": "Firefox"}
    }
    return {**out, "threads": threads, "shared": shared, "libs": [{"name": name} for name in tables.libs]}
