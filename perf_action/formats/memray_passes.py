"""memray's own passes over a capture file. Runs in a process of its own: memray's reader trusts what it reads, and a
damaged file can crash it.

`main` writes the profile as pprof (see pprof_write.py) and prints what else there is to say as one JSON object: the
peak, the number of allocations (null if the file does not tell) and notes, or an error with its remedy.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import memray

from perf_action.formats import memray_file
from perf_action.formats.allocators import callers_only
from perf_action.formats.pprof_write import to_pprof
from perf_action.formats.py_spy_frames import named
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import Profile, ValueKind

_KINDS: Final = {name: ValueKind(name, "bytes") for name in ("peak", "leaked", "allocated")}
#: FREE, MUNMAP and PYMALLOC_FREE of memray.AllocatorType
_FREES: Final = frozenset((1, 5, 15))
#: https://github.com/python/cpython/blob/3.12/Include/internal/pycore_obmalloc.h: ARENA_SIZE
_ARENA: Final = 1 << 20
_ALL_FRAMES: Final = 2**31 - 1

Stack = Sequence[tuple[str, str, int]]


def main(capture: str, out: str, native: str) -> None:
    """Entry point of the child process; `native` is "native" or empty."""
    try:
        facts = _read(Path(capture), Path(out), native=bool(native))
    except memray_file.Damaged as error:
        facts = {"error": str(error), "remedy": "fetch or copy it again, or record it again"}
    except (OSError, RuntimeError, AssertionError) as error:
        facts = {
            "error": f"memray cannot read it: {error}",
            "remedy": "it is damaged, or was written by another version of memray",
        }
    print(json.dumps(facts))  # noqa: T201 - to the parent process


def _read(capture: Path, out: Path, *, native: bool) -> dict[str, Any]:
    # it prints each broken record to stderr, and goes on
    memray.set_log_level(logging.CRITICAL + 1)  # type: ignore[attr-defined]
    with memray.FileReader(capture) as reader:
        metadata = reader.metadata
        notes = memray_file.check_complete(capture, metadata.start_time, metadata.total_allocations)
        profile, allocations = Passes(reader, native=native and metadata.has_native_traces).run()
    if native and not metadata.has_native_traces:
        notes = (*notes, "the file has no native frames; record it with memray run --native")
    out.write_bytes(to_pprof(profile))
    return {"peak": metadata.peak_memory, "allocations": allocations, "notes": notes}


class Passes:
    """memray's own passes over the file, one for each kind, each adding its column to one profile."""

    def __init__(self, reader: Any, *, native: bool) -> None:
        self._reader, self._native = reader, native
        self._aggregated = reader.metadata.file_format == memray.FileFormat.AGGREGATED_ALLOCATIONS
        names = ("peak", "leaked") if self._aggregated else ("peak", "leaked", "allocated")
        self._kinds = [_KINDS[name] for name in names]
        self._builder = ProfileBuilder(
            self._kinds, tool="memray", tool_version=version("memray"), fidelity="exact"
        )
        self._frames: dict[tuple[str, str, int], int] = {}

    def run(self) -> tuple[Profile, int | None]:
        """The profile, and how many allocations there were (None if the file does not tell)."""
        # memray hides its own frames on the main thread only while threads are kept apart
        merge = not self._native
        self._add(
            0, ((r, r.size) for r in self._reader.get_high_watermark_allocation_records(merge_threads=merge))
        )
        self._add(1, ((r, r.size) for r in self._reader.get_leaked_allocation_records(merge_threads=merge)))
        count = None if self._aggregated else self._all()
        metadata = self._reader.metadata
        duration = (metadata.end_time - metadata.start_time).total_seconds()
        seen = metadata.trace_python_allocators or metadata.python_allocator != "pymalloc"
        granule = 0 if seen else _ARENA
        return self._builder.build(
            duration_ns=round(duration * 1e9) if duration > 0 else None, granule=granule
        ), count

    def _all(self) -> int:
        """Adds up every allocation, one entry per stack; returns how many there were."""
        by_stack: dict[Any, list[Any]] = {}
        native, frees, count = self._native, _FREES, 0
        # one turn a record of the file: what is done for each is a good part of the time that reading a file takes
        for record in self._reader.get_allocation_records():
            if record.allocator in frees:
                continue
            count += 1
            key = _native_key(record) if native else record.stack_id
            try:
                by_stack[key][1] += record.size
            except KeyError:
                by_stack[key] = [record, record.size]
        self._add(2, ((record, size) for record, size in by_stack.values()))
        return count

    def _add(self, column: int, records: Iterable[tuple[Any, int]]) -> None:
        stack_of = self._native_stack if self._native else self._python_stack
        width = len(self._kinds)
        for record, size in records:
            values = [0] * width
            values[column] = size
            self._builder.sample(self._stack(stack_of(record)), values)

    def _python_stack(self, record: Any) -> Stack:
        stack: Stack = record.stack_trace(_ALL_FRAMES)
        return stack

    def _native_stack(self, record: Any) -> Stack:
        """Python and C frames together, without the allocation functions that memray's own hook leaves at the leaf."""
        stack = [frame for frame in record.hybrid_stack_trace() if frame is not None]
        keep = callers_only([frame[0] for frame in reversed(stack)])
        return stack[len(stack) - keep :]

    def _stack(self, frames: Stack) -> int:
        """The node of a stack, whose frames are leaf first."""
        ids = self._frames
        out = []
        for frame in reversed(frames):
            index = ids.get(frame)
            if index is None:
                parts = named(*frame)
                function = self._builder.function(parts.name, file=parts.file, module=parts.module)
                index = ids[frame] = self._builder.frame(function, parts.line)
            out.append(index)
        return self._builder.stack_of(out)


def _native_key(record: Any) -> tuple[int, int, int, int]:
    return record.tid, record.stack_id, record.native_stack_id, record.native_segment_generation
