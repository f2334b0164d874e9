"""massif's files: how large the heap was over time, and who held it at its peak.

Format: https://valgrind.org/docs/manual/ms-manual.html, read as ms_print reads it
Sample: ``snapshot=25``, ``mem_heap_B=16834936``, ``heap_tree=peak``, ``n2: 16834936 (heap allocation functions) …``,
`` n1: 16777216 0x1092BF: build_index (mem.c:15)``
Kinds: `peak` is the tree of the snapshot that massif marked as the peak, or of the largest one that has a tree. What
massif lumps together below its threshold is ``[below massif's threshold]``: a function of its own where nothing more
is known, the unknown caller where a function is.
Series: bytes on the heap, and the allocator's overhead and the stacks if there are any. Time is in milliseconds only
with ``--time-unit=ms``; instructions and allocated bytes are taken for nanoseconds, and a note says so.
Lost: the trees of the other snapshots, addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from perf_action.formats.massif.file import Snapshot, Tree, snapshots
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.formats.valgrind_frames import frame_of, service_frames
from perf_action.model.builder import ProfileBuilder
from perf_action.model.metric import Metric, Series
from perf_action.model.profile import Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "massif"
BELOW: Final = "[below massif's threshold]"
_NS: Final = {"ms": 1_000_000, "i": 1, "B": 1}
_UNITS: Final = {"i": "instructions", "B": "bytes allocated"}


def sniff(source: Source) -> bool:
    lines = source.head_lines
    keys = [line.partition(":")[0] for line in lines[:50] if not line.startswith("desc:")]
    return keys[:2] == ["cmd", "time_unit"] or any(line.startswith("mem_heap_B=") for line in lines[:50])


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    unit, found = snapshots(source)
    peak, tree = _peak(found)
    notes = list(_notes(unit, peak, tree))
    metric = Metric(
        name="memory.peak", unit="bytes", better="lower", samples=(peak.heap,), source="profiled", exact=True
    )
    series = tuple(_series(found, unit))
    if tree is None or tree.tree is None:
        return Capture(format=NAME, metrics=(metric,), series=series, notes=tuple(notes))
    capture = capture_of(NAME, _profile(tree.tree), *notes)
    return Capture(
        format=NAME, captures=capture.captures, metrics=(metric,), series=series, notes=capture.notes
    )


def _peak(found: Sequence[Snapshot]) -> tuple[Snapshot, Snapshot | None]:
    """The peak, and the snapshot whose tree shows it best."""
    marked = [s for s in found if s.is_peak]
    if marked:
        return marked[-1], marked[-1]
    with_tree = [s for s in found if s.tree is not None]
    most = max(found, key=lambda s: s.heap)
    return most, max(with_tree, key=lambda s: s.heap) if with_tree else None


def _notes(unit: str, peak: Snapshot, tree: Snapshot | None) -> Iterator[str]:
    if not peak.is_peak:
        yield "massif marked no peak: memory was not freed after it had grown; its largest snapshot is taken"
    if tree is None:
        yield "no snapshot says who held the memory; use --detailed-freq=1"
    elif tree.heap != peak.heap:
        yield (
            f"the functions are those of snapshot {tree.number} with {tree.heap} bytes, "
            f"the largest one that names them; the peak has {peak.heap}"
        )
    if unit in _UNITS:
        yield f"time in the series is in {_UNITS[unit]}, taken for nanoseconds (see --time-unit=ms)"


def _profile(tree: Tree) -> Profile:
    builder = ProfileBuilder([ValueKind("peak", "bytes")], tool="massif", fidelity="exact")
    for texts, value in tree.paths():
        frames = service_frames([frame_of(t) if t is not None else Frame(BELOW) for t in texts])
        ids = [builder.frame(builder.function(f.name, file=f.file, module=f.module), f.line) for f in frames]
        builder.sample(builder.stack_of(ids), (value,))
    return builder.build()


def _series(found: Sequence[Snapshot], unit: str) -> Iterator[Series]:
    times = tuple(s.time * _NS[unit] for s in found)
    for name, values in (
        ("memory.heap", [s.heap for s in found]),
        ("memory.heap.extra", [s.extra for s in found]),
        ("memory.stacks", [s.stacks for s in found]),
    ):
        if any(values) or name == "memory.heap":
            yield Series(name=name, unit="bytes", t_ns=times, values=tuple(values))
