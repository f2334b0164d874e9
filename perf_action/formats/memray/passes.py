"""memray's own passes over a capture file: the program of a process of its own, because memray's reader trusts what it
reads and a damaged file can crash it. It needs memray and nothing else, so that it starts at once.

`main` leaves two columns of int64 in a folder and prints the rest as one JSON object, or an error with its remedy:
`stacks`, a node each: the node it stands on (-1: none) above 32 bits of the frame; `values`, a row each node, and one
for what has no stack: bytes at the peak, leaked and (unless the file is aggregated) ever allocated.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import marshal
import os
import signal
import sys
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import memray

#: FREE, MUNMAP and PYMALLOC_FREE of memray.AllocatorType
_FREES: Final = frozenset((1, 5, 15))
_ALL_FRAMES: Final = 2**31 - 1

#: name, file and line
Frame = tuple[str, str, int]
#: bytes by whatever tells stacks apart
Sums = dict[Any, int]
#: the same, with the first record of each
First = list[tuple[Any, Any]]


def main(capture: str, out: str, native: str) -> None:
    """Read `capture`, write to the folder `out`; `native` is "native" (C frames too) or empty."""
    gc.disable()  # millions of tuples, none of them in a cycle
    try:
        facts = _read(capture, Path(out), native=bool(native))
    except (OSError, RuntimeError, AssertionError, ValueError, LookupError, OverflowError) as error:
        facts = {
            "error": f"memray cannot read it: {str(error) or type(error).__name__}",
            "remedy": "it is damaged, or was written by another version of memray",
        }
    print(json.dumps(facts))  # noqa: T201 - to the parent process


def _read(capture: str, out: Path, *, native: bool) -> dict[str, Any]:
    # it prints each broken record to stderr, and goes on
    memray.set_log_level(logging.CRITICAL + 1)  # type: ignore[attr-defined]
    with memray.FileReader(capture) as reader:
        metadata = reader.metadata
        aggregated = metadata.file_format == memray.FileFormat.AGGREGATED_ALLOCATIONS
        passes = _Passes(reader, native=native and metadata.has_native_traces)
        allocations = None
        if aggregated:
            passes.aggregated()
        else:
            allocations = passes.whole()
    passes.write(out)
    return {
        "version": memray.__version__,  # type: ignore[attr-defined]
        "frames": list(passes.stacks.frames),
        "allocations": allocations,
        "records": metadata.total_allocations,
        "peak": metadata.peak_memory,
        "started": metadata.start_time.timestamp(),
        "seconds": (metadata.end_time - metadata.start_time).total_seconds(),
        "native": metadata.has_native_traces,
        "pymalloc_seen": metadata.trace_python_allocators or metadata.python_allocator != "pymalloc",
    }


class _Passes:
    """Bytes by stack. All passes number the stacks alike, as they appear in the file, so that each is looked up once."""

    def __init__(self, reader: Any, *, native: bool) -> None:
        self.stacks = _Stacks()
        self._reader, self._native = reader, native
        self._nodes: dict[Any, int] = {}
        self._sums: list[dict[Any, int]] = []

    def aggregated(self) -> None:
        """The passes over a file that does not know each allocation."""
        for sums, first in self._alive():
            self._sums.append(sums)
            self._look_up(first)

    def whole(self) -> int:
        """The passes over any other file; those for what was alive run beside the long one over all there was.
        Returns how many allocations there were.
        """
        with contextlib.closing(_Beside(lambda: [sums for sums, _ in self._alive()])) as alive:
            sums, first, count = self._allocated()
            self._look_up(first)
            self._sums = [*alive.result(), sums]
        return count

    def _alive(self) -> Iterator[tuple[Sums, First]]:
        """What was alive at the high-water mark, and at the end."""
        # memray hides its own frames on the main thread only while threads are kept apart
        merge = not self._native
        for records in (
            self._reader.get_high_watermark_allocation_records(merge_threads=merge),
            self._reader.get_leaked_allocation_records(merge_threads=merge),
        ):
            sums: Sums = {}
            first: First = []
            for record in records:
                key = self._key(record)
                if key not in sums:
                    sums[key] = 0
                    first.append((key, record))
                sums[key] += record.size
            yield sums, first

    def _allocated(self) -> tuple[Sums, First, int]:
        """All there was, and how many allocations that is."""
        sums: Sums = {}
        first: First = []
        native, frees, count = self._native, _FREES, 0
        # one turn a record of the file: what is done for each is a good part of the time that reading a file takes
        for record in self._reader.get_allocation_records():
            key = record.stack_id
            if key or record.allocator not in frees:  # a free has no stack
                count += 1
                if native:
                    key = self._key(record)
                try:
                    sums[key] += record.size
                except KeyError:
                    sums[key] = record.size
                    first.append((key, record))
        return sums, first, count

    def write(self, out: Path) -> None:
        width = len(self._sums)
        values = [0] * (len(self.stacks.edges) + 1) * width
        for column, sums in enumerate(self._sums):
            for key, size in sums.items():
                if key not in self._nodes:
                    raise LookupError("its passes do not agree")
                values[self._nodes[key] * width + column] += size  # -1 counts from the end
        (out / "stacks").write_bytes(array("q", self.stacks.edges).tobytes())
        (out / "values").write_bytes(array("q", values).tobytes())

    def _key(self, record: Any) -> Any:
        if not self._native:
            return record.stack_id
        return record.tid, record.stack_id, record.native_stack_id, record.native_segment_generation

    def _look_up(self, first: First) -> None:
        """The stacks of keys that are new, from a record of each."""
        while first:  # a stack looked up stays with its record: let go of it
            key, record = first.pop()
            if key not in self._nodes:
                self._nodes[key] = self.stacks.add(self._stack(record))

    def _stack(self, record: Any) -> list[Frame]:
        if self._native:
            return [frame for frame in record.hybrid_stack_trace() if frame is not None]
        stack: list[Frame] = record.stack_trace(_ALL_FRAMES)
        return stack


class _Stacks:
    """A tree of stacks. `edges`: the key of each node, in order; `frames`: each distinct frame, in order."""

    def __init__(self) -> None:
        self.edges: dict[int, int] = {}
        self.frames = _Numbers()
        self._last: list[Frame] = []
        self._path: list[int] = []

    def add(self, stack: list[Frame]) -> int:
        """The node of a stack, given leaf first and used up; -1 if it has no frames."""
        stack.reverse()
        path, edges = self._path, self.edges
        shared = _shared(stack, self._last)
        del path[shared:]
        node = path[-1] if path else -1
        for frame in map(self.frames.__getitem__, stack[shared:]):
            node = edges.setdefault(node << 32 | frame, len(edges))
            path.append(node)
        self._last = stack
        return node


class _Numbers(dict[Frame, int]):
    """Numbers what it is asked for, from 0."""

    def __missing__(self, key: Frame) -> int:
        number = self[key] = len(self)
        return number


def _shared(one: list[Frame], other: list[Frame]) -> int:
    """How many elements two lists have in common at the start. Neighbours share most of a stack: whole slices are
    compared, which is faster than to compare, or look up, frame by frame.
    """
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class _Beside:
    """Does `work` in a fork of this process, until it is closed."""

    def __init__(self, work: Callable[[], list[Sums]]) -> None:
        out, into = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            _send(work, into)
        os.close(into)
        self._pipe = os.fdopen(out, "rb")

    def close(self) -> None:
        self._pipe.close()
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def result(self) -> list[Sums]:
        """Waits for it. RuntimeError if the work failed; if it crashed, this process does too."""
        data = self._pipe.read()
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        if os.WIFSIGNALED(status):
            os.kill(os.getpid(), os.WTERMSIG(status))
        result: list[Sums] | str = marshal.loads(data)  # noqa: S302 - from the same program
        if isinstance(result, str):
            raise RuntimeError(result)
        return result


def _send(work: Callable[[], list[Sums]], into: int) -> NoReturn:
    with os.fdopen(into, "wb") as pipe:
        try:
            marshal.dump(work(), pipe)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the other side's to report
            marshal.dump(f"{error}", pipe)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
