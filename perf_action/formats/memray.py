"""memray's capture files, through memray's own reader.

Format: https://bloomberg.github.io/memray/run.html (its layout is private to memray; files may be LZ4 frames)
Sample: ``memray run --output profile.bin app.py``
Kinds: `peak` is what was alive at the high-water mark, `leaked` at the end, `allocated` all that was ever allocated
(the last one, and the counts, only where the file is not ``--aggregate``). Threads are merged. Without `native` the
leaf is the Python function that allocated.
Lost: addresses, and when each allocation lived.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from perf_action.formats import memray_file
from perf_action.formats.allocators import callers_only
from perf_action.formats.py_spy_frames import named
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.builder import ProfileBuilder
from perf_action.model.metric import Metric
from perf_action.model.profile import Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "memray"
_KINDS: Final = {name: ValueKind(name, "bytes") for name in ("peak", "leaked", "allocated")}
#: FREE, MUNMAP and PYMALLOC_FREE of memray.AllocatorType
_FREES: Final = frozenset((1, 5, 15))
_ALL_FRAMES: Final = 2**31 - 1

Stack = Sequence[tuple[str, str, int]]


def sniff(source: Source) -> bool:
    return memray_file.is_memray(source.head)


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    with source.local_path() as path:
        memray_file.check_whole(source, path)
        return _read(source, path, native=options.native)


def _read(source: Source, path: Path, *, native: bool) -> Capture:
    import memray  # noqa: PLC0415 - takes a while, and only this format needs it

    # it prints each broken record to stderr, and goes on
    memray.set_log_level(logging.CRITICAL + 1)  # type: ignore[attr-defined]
    try:
        reader = memray.FileReader(path)
    except OSError as error:
        raise source.error(
            f"memray cannot read it: {error}",
            remedy="it is cut off, or was written by another version of memray",
        ) from None
    with reader:
        facts = memray_file.check_complete(source, path, reader.metadata)
        try:
            profile, allocations = _Passes(reader, native=native and reader.metadata.has_native_traces).run()
        except (OSError, RuntimeError, AssertionError) as error:
            raise source.error(f"memray cannot read it: {error}", remedy="the file is damaged") from None
        notes = list(facts)
        if native and not reader.metadata.has_native_traces:
            notes.append("the file has no native frames; record it with memray run --native")
        metrics = [_metric("memory.peak", "bytes", reader.metadata.peak_memory)]
    if allocations is None:
        notes.append("the file is aggregated: it does not say what was allocated in all")
    else:
        metrics.append(_metric("memory.allocations", "count", allocations))
        metrics.append(
            _metric("memory.allocated", "bytes", profile.total(profile.find_kind("allocated") or 0))
        )
    capture = capture_of(NAME, profile, *notes)
    return Capture(format=NAME, captures=capture.captures, metrics=tuple(metrics), notes=capture.notes)


def _metric(name: str, unit: str, value: int) -> Metric:
    return Metric(name=name, unit=unit, better="lower", samples=(value,), source="profiled", exact=True)


class _Passes:
    """memray's own passes over the file, one for each kind, each adding its column to one profile."""

    def __init__(self, reader: Any, *, native: bool) -> None:
        import memray  # noqa: PLC0415

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
        return self._builder.build(duration_ns=round(duration * 1e9) if duration > 0 else None), count

    def _all(self) -> int:
        """Adds up every allocation, one entry per stack; returns how many there were."""
        by_stack: dict[Any, list[Any]] = {}
        key_of = _native_key if self._native else _python_key
        for record in self._reader.get_allocation_records():
            if record.allocator in _FREES:
                continue
            key = key_of(record)
            entry = by_stack.get(key)
            if entry is None:
                by_stack[key] = [record, record.size, 1]
            else:
                entry[1] += record.size
                entry[2] += 1
        self._add(2, ((record, size) for record, size, _ in by_stack.values()))
        return sum(count for _, _, count in by_stack.values())

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


def _python_key(record: Any) -> int:
    key: int = record.stack_id
    return key


def _native_key(record: Any) -> tuple[int, int, int, int]:
    return record.tid, record.stack_id, record.native_stack_id, record.native_segment_generation
