"""gperftools' heap profiles (``HEAPPROFILE=…``, ``/pprof/heap``): what was in use when it was dumped, by call stack.

Format: https://gperftools.github.io/gperftools/heapprofile.html; written by src/heap-profile-table.cc and src/malloc_extension.cc
Sample: ``heap profile:     72:    19089 [   375:  1109433] @ heapprofile`` (objects and bytes in use, ever allocated), lines of
``    60:     6651 [    60:     6651] @ 0x559d 0x7f14``, ``MAPPED_LIBRARIES:`` and /proc/self/maps
Kinds: `in_use`, `in_use_count`, `allocated`, `allocations`; worked out from samples as pprof does where the first line ends
in a rate. Names come from the programs of this machine.
"""

from __future__ import annotations

import re
from typing import Final

from perf_action.formats import heap_stacks
from perf_action.formats.heap_sampling import Sampling
from perf_action.formats.heap_stacks import Entry
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "gperftools-heap"
_NUMBERS: Final = r" *(\d{1,19}): +(\d{1,19}) +\[ *(\d{1,19}): +(\d{1,19})\]"
_FIRST: Final = re.compile(rf"heap profile:{_NUMBERS} *@ *([^/\s]*)(?:/(\d{{1,18}}))?\s*")
_LINE: Final = re.compile(rf"{_NUMBERS} +@(.*)")
_OLD_RATE: Final = 128 * 1024


def sniff(source: Source) -> bool:
    return source.head.startswith(b"heap profile:")


def read(source: Source, options: ReadOptions, system: System) -> Capture:
    data, maps = heap_stacks.parts(source)
    lines = data.split("\n")
    first = _FIRST.fullmatch(lines[0])
    if first is None:
        raise source.error("has a first line that cannot be read", place="line 1", remedy=heap_stacks.AGAIN)
    sampling, rate = _sampling(first[5], int(first[6] or 0))
    entries = []
    for number, line in enumerate(lines[1:], 2):
        match = _LINE.fullmatch(line.rstrip("\r"))
        if match is not None:
            counts = (int(word) for word in match.groups()[:4])
            entries.append(Entry(heap_stacks.stack(source, match[5], number), *counts))
        elif line.strip():
            raise source.error(
                "is no line of a heap profile", place=f"line {number}", remedy=heap_stacks.AGAIN
            )
    total = Entry((), *(int(word) for word in first.groups()[:4]))
    return heap_stacks.capture(
        NAME,
        source,
        entries,
        total,
        maps=maps,
        options=options,
        system=system,
        tool="gperftools",
        rate=rate,
        sampling=sampling,
    )


def _sampling(kind: str, rate: int) -> tuple[Sampling, float]:
    """As pprof takes the words behind the ``@``."""
    if "heap" not in kind or kind == "heapprofile":
        return "none", 0
    if "_v2" in kind:
        return "poisson", rate or _OLD_RATE
    return "uniform", rate / 2 or _OLD_RATE
