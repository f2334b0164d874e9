"""jemalloc's statistics as text (``MALLOC_CONF=stats_print:true``, malloc_stats_print): how fragmented the heap is.

Format: https://jemalloc.net/jemalloc.3.html#malloc_stats_print; written by src/stats.c
Sample: ``Allocated: 4311520, active: 5414912, metadata: 2916944 (n_thp 0), resident: 8237056, mapped: 11706368, retained: 2449408``
Of several in one file, the last one counts. `memory.fragmentation` is the share of the resident bytes, without jemalloc's
own, that holds no allocation. Lost: arenas, bins and size classes.
"""

from __future__ import annotations

import re
from typing import Final

from perf_action.formats.reader import statistic
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "jemalloc-stats"
_BEGIN: Final = re.compile(rb"___ Begin jemalloc statistics ___|Allocated: \d+, active: \d+, metadata: \d+")
_LINE: Final = re.compile(
    r"^Allocated: (\d{1,18}), active: (\d{1,18}), metadata: (\d{1,18})(?: \(n_thp \d+[^)]*\))?, resident: (\d{1,18}), mapped: ",
    re.MULTILINE,
)


def sniff(source: Source) -> bool:
    return _BEGIN.match(source.head.lstrip()) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    found = _LINE.findall(source.text)
    if not found:
        raise source.error(
            "is cut off: the line with the totals is missing", remedy="let the program end by itself"
        )
    allocated, active, metadata, resident = (int(word) for word in found[-1])
    used = resident - metadata
    if not allocated <= active <= resident or used <= 0:
        raise source.error("has totals that contradict each other", remedy="copy it again")
    fragmentation = max(0.0, 1 - allocated / used)
    return Capture(
        format=NAME,
        metrics=(
            statistic("memory.fragmentation", "ratio", fragmentation),
            statistic("memory.heap.allocated", "bytes", allocated),
            statistic("memory.heap.active", "bytes", active),
            statistic("memory.heap.resident", "bytes", resident),
        ),
    )
