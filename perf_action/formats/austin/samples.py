"""What austin's text and binary files have in common: samples with a thread, frames and one to three metrics.

https://github.com/P403n1x87/austin: the mode says what the metrics are. `wall` and `cpu` time are µs, `memory` is by how
many bytes the resident size grew or shrank since the sample before, `full` has time, whether the thread was idle, and
memory.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from perf_action.formats.source import Source
from perf_action.formats.stack_lines import Frame
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, Profile, ValueKind

_WALL, _CPU = ValueKind("wall", "ns"), ValueKind("cpu", "ns")
_MEMORY = (ValueKind("allocated", "bytes"), ValueKind("freed", "bytes"))
KINDS: Final = {"wall": (_WALL,), "cpu": (_CPU,), "memory": _MEMORY, "full": (_CPU, _WALL, *_MEMORY)}
_SOURCE = re.compile(r"\.[A-Za-z]\w{0,6}$")


@dataclass(frozen=True, slots=True)
class Metrics:
    """What one sample measured: µs, whether the thread was idle, and bytes (less than 0 if memory shrank)."""

    time: int = 0
    idle: bool = False
    memory: int = 0

    def row(self, mode: str) -> tuple[int, ...]:
        """The values of the mode's kinds."""
        ns, grown, shrunk = self.time * 1000, max(0, self.memory), max(0, -self.memory)
        if mode == "full":
            return (0 if self.idle else ns, ns, grown, shrunk)
        return (grown, shrunk) if mode == "memory" else (ns,)


def mode_of(source: Source, metadata: dict[str, str]) -> str:
    """The file's mode; a file without a header has wall time. InputError if it is none of `KINDS`."""
    mode = metadata.get("mode", "wall")
    if mode not in KINDS:
        raise source.error(f"mode {mode[:40]!r} is not known", remedy=f"known are {', '.join(KINDS)}")
    return mode


Stack = TypeVar("Stack", bound=Hashable)


class Samples(Generic[Stack]):
    """Adds up the samples of one file; equal stacks (whatever they are told apart by) are made once."""

    def __init__(self, mode: str) -> None:
        self._kinds = KINDS[mode]
        self._rows: dict[tuple[str, Stack], list[int]] = {}

    def add(self, thread: str, stack: Stack, row: tuple[int, ...]) -> None:
        found = self._rows.get((thread, stack))
        if found is None:
            self._rows[thread, stack] = list(row)
        else:
            for column, value in enumerate(row):
                found[column] += value

    def stacks(self) -> Iterable[Stack]:
        return dict.fromkeys(stack for _, stack in self._rows)

    def build(
        self, source: Source, metadata: dict[str, str], frames: Mapping[Stack, Sequence[Frame]]
    ) -> Profile:
        """The profile; `frames` are those of each stack, root first."""
        builder = ProfileBuilder(self._kinds, tool="austin", tool_version=metadata.get("austin", "")[:40])
        made: dict[Frame, int] = {}
        nodes: dict[Stack, int] = {}
        for stack, texts in frames.items():
            for frame in texts:
                if frame not in made:
                    function = builder.function(frame.name, file=frame.file, module=frame.module)
                    made[frame] = builder.frame(function, frame.line)
            nodes[stack] = builder.stack_of([made[frame] for frame in texts])
        with source.refusing():
            for (thread, stack), row in self._rows.items():
                builder.sample(nodes[stack], row, thread=thread)
        if "duration" not in metadata:
            builder.note("the file has no end (its duration): it may be cut off")
        if not any(map(any, self._rows.values())):
            builder.note("the profile holds no samples")
        return builder.build(
            period=_positive(metadata.get("interval"), 1000) if self._kinds[0].unit == "ns" else None,
            duration_ns=_positive(metadata.get("duration"), 1000),
        )


def frame(file: str, function: str, line: int) -> Frame:
    """A frame from its parts. What austin could not read is ``[unknown]``; native code (austinp) has a library for file."""
    if function == "INVALID" and not file:
        return Frame(UNKNOWN)
    name = file.rpartition("/")[2]
    library = ".so" in name or (file.startswith("/") and _SOURCE.search(name) is None)
    return Frame(function, "", name) if library else Frame(function, file, "", line)


def _positive(text: str | None, scale: int) -> int | None:
    value = (
        int(text) * scale if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else 0
    )
    return value or None
