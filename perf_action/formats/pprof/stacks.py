"""The stacks of a pprof profile: location ids to stack nodes, each location and each list of them taken apart once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from perf_action.formats.allocators import callers_only
from perf_action.formats.source import Source
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN


class Stacks:
    """Makes stacks in `builder`. `modules`: functions keep their module even if they have a file (our own profiles);
    `memory`: allocation functions are taken off the leaf.
    """

    def __init__(
        self,
        source: Source,
        message: Any,
        strings: list[str],
        builder: ProfileBuilder,
        *,
        modules: bool,
        memory: bool,
    ) -> None:
        self._source, self._strings, self._builder = source, strings, builder
        self._modules, self._memory = modules, memory
        self._functions = {function.id: function for function in message.function}
        self._mappings = {mapping.id: mapping for mapping in message.mapping}
        self._locations = {location.id: location for location in message.location}
        self._frames: dict[int, list[tuple[int, str]]] = {}
        self._made: dict[tuple[int, ...], int] = {}
        self._unresolved = 0

    def of(self, location_ids: Sequence[int], sample: int) -> int:
        """The stack of a sample, whose location ids are leaf first."""
        key = tuple(location_ids)
        made = self._made.get(key)
        if made is None:
            frames = [pair for location in reversed(key) for pair in self._location(location, sample)]
            if self._memory:
                frames = frames[: callers_only([name for _, name in frames])]
            made = self._made[key] = self._builder.stack_of([frame for frame, _ in frames])
        return made

    def notes(self) -> Iterator[str]:
        if self._unresolved:
            yield f"{self._unresolved} addresses without a symbol are shown as {UNKNOWN}"

    def _location(self, id_: int, sample: int) -> list[tuple[int, str]]:
        """Frames of a location with their names, root first."""
        frames = self._frames.get(id_)
        if frames is None:
            location = self._locations.get(id_)
            if location is None:
                raise self._source.error(f"location {id_} does not exist", place=f"sample {sample}")
            module = self._module(location.mapping_id)
            frames = [self._line(line, module, id_) for line in reversed(location.line)]
            if not frames:
                self._unresolved += 1
                function = self._builder.function(UNKNOWN, module=module)
                frames = [(self._builder.frame(function), UNKNOWN)]
            self._frames[id_] = frames
        return frames

    def _line(self, line: Any, module: str, location: int) -> tuple[int, str]:
        function = self._functions.get(line.function_id)
        if function is None:
            raise self._source.error(
                f"function {line.function_id} does not exist", place=f"location {location}"
            )
        name = self._string(function.name) or self._string(function.system_name)
        file = self._string(function.filename)
        index = self._builder.function(
            name,
            file=file,
            module=module if self._modules or not file else "",
            line=function.start_line,
        )
        return self._builder.frame(index, line.line), name

    def _module(self, mapping_id: int) -> str:
        mapping = self._mappings.get(mapping_id)
        return self._string(mapping.filename).rpartition("/")[2] if mapping is not None else ""

    def _string(self, index: int) -> str:
        if not 0 <= index < len(self._strings):
            raise self._source.error(
                f"string {index} does not exist ({len(self._strings)} strings)", place="string table"
            )
        return self._strings[index]
