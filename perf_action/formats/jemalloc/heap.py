"""jemalloc's heap profiles (``jeprof.<pid>.<n>.f.heap``): what was in use when it was dumped, by call stack.

Format: https://github.com/jemalloc/jemalloc/blob/dev/src/prof_data.c, ``prof_dump_impl``
Sample: ``heap_v2/524288``, then for each stack ``@ 0x7f4b 0x55e9`` (leaf first), ``t*: 20: 2320 [120: 15920]`` (objects and
bytes in use, ever allocated; the latter with ``prof_accum:true`` only), and the same for each thread; at the end
``MAPPED_LIBRARIES:`` and /proc/self/maps.
Kinds: `in_use` and `in_use_count`, `allocated` and `allocations` where they were recorded; worked out from samples as
jeprof does. Bytes are usable sizes: 1,000 asked for are 1,024. Names come from the programs of this machine.
Lost: threads.
"""

from __future__ import annotations

import re
from typing import Final

from perf_action.formats import heap_stacks
from perf_action.formats.heap_stacks import Entry
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "jemalloc-heap"
_FIRST: Final = re.compile(rb"heap_v2/(\d{1,18})\s*\n")
_OTHER: Final = re.compile(rb"heap_v\d+/")
_COUNTS: Final = re.compile(r"t\*: +(\d{1,19}): +(\d{1,19}) +\[ *(\d{1,19}): +(\d{1,19})\]")


def sniff(source: Source) -> bool:
    return _OTHER.match(source.head) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:
    first = _FIRST.match(source.head)
    if first is None:
        raise source.error("is of a version that is not known", place="line 1", remedy="heap_v2 is")
    data, maps = heap_stacks.parts(source)
    entries, total = _entries(source, data)
    return heap_stacks.capture(
        NAME,
        source,
        entries,
        total,
        maps=maps,
        options=options,
        system=system,
        tool="jemalloc",
        rate=int(first[1]),
        sampling="poisson",
    )


def _entries(source: Source, text: str) -> tuple[list[Entry], Entry]:
    """The stacks, and the line that sums them up."""
    entries: list[Entry] = []
    total: Entry | None = None
    stack: tuple[int, ...] | None = None
    for number, raw in enumerate(text.split("\n")[1:], 2):
        line = raw.strip()
        if line.startswith("@"):
            stack = heap_stacks.stack(source, line[1:], number)
        elif line.startswith("t*:"):
            match = _COUNTS.fullmatch(line)
            if match is None:
                raise source.error(
                    "has counts that cannot be read", place=f"line {number}", remedy=heap_stacks.AGAIN
                )
            entry = Entry(stack or (), *(int(word) for word in match.groups()))
            if stack is None:
                total = entry
            else:
                entries.append(entry)
        elif line and not re.match(r"t\d+:", line):
            raise source.error(
                "is no line of a heap profile", place=f"line {number}", remedy=heap_stacks.AGAIN
            )
    if total is None:
        raise source.error("is cut off: it has no total", remedy=heap_stacks.AGAIN)
    return entries, total
