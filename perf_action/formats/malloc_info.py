"""What glibc's allocator says of itself (``malloc_info``): how fragmented the heap of the service is.

Format: https://man7.org/linux/man-pages/man3/malloc_info.3.html; written by ``__malloc_info`` in malloc/malloc.c
Sample: ``<malloc version="1"> <heap nr="0">…</heap> … <total type="rest" count="10075" size="20786761"/> …
<system type="current" size="42737664"/> … </malloc>``
`memory.fragmentation` is the share of what the allocator got from the system, blocks that it mapped one by one included,
that no allocation is in. At the top of each heap 132 KiB are left out, used or not: so much at once is what glibc gets
(``M_TOP_PAD``), in a small service most of what is free, and no fragmentation. Freed pages that it gave back
(``malloc_trim``) count, as their addresses are still held; what a thread keeps for itself (tcache) counts as allocated.
Lost: arenas and sizes.
"""

from __future__ import annotations

import re
from typing import Final

from perf_action.formats.reader import statistic
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "malloc-info"
_START: Final = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<malloc version=\"\d+\">")
_END: Final = re.compile(r"</malloc>\s*$")
#: so much more than it needs is what a heap gets at once: DEFAULT_TOP_PAD and a page
_ROOM: Final = 132 * 1024
_SIZE: Final = re.compile(
    r'<(?:size|unsorted) from="\d{1,18}" to="\d{1,18}" total="(\d{1,18})" count="\d{1,18}"\s*/>'
)
#: what stands after the last heap is about all of them
_TOTAL: Final = re.compile(
    r'<(?:total|system) type="(fast|rest|mmap|current)"(?: count="\d{1,18}")? size="(\d{1,18})"\s*/>'
)
#: without these it says nothing
_NEEDED: Final = ("fast", "rest", "current")


def sniff(source: Source) -> bool:
    return _START.match(source.head) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    text = source.text
    if _END.search(text) is None:
        raise source.error(
            "is cut off: </malloc> is missing", remedy="let malloc_info end before it is copied"
        )
    *heaps, end = text.split("</heap>")
    found = _totals(source, end)
    room = sum(_at_top(_totals(source, heap), heap) for heap in heaps)
    held = found["current"] + found.get("mmap", 0) - room
    free = found["fast"] + found["rest"] - room
    if not 0 <= free <= held or held == 0:
        raise source.error("has totals that contradict each other", remedy="copy it again")
    return Capture(
        format=NAME,
        metrics=(
            statistic("memory.fragmentation", "ratio", free / held),
            statistic("memory.heap.allocated", "bytes", held - free),
            statistic("memory.heap.held", "bytes", held),
        ),
    )


def _totals(source: Source, text: str) -> dict[str, int]:
    """The sizes at the end of a heap, or of the file."""
    found = {kind: int(size) for kind, size in _TOTAL.findall(text)}
    missing = [kind for kind in _NEEDED if kind not in found]
    if missing:
        raise source.error(f"a total of type {missing[0]} is missing", remedy="copy it again")
    return found


def _at_top(totals: dict[str, int], heap: str) -> int:
    """How much of the free room at the top of a heap is no fragmentation: what is free and in no list of free blocks."""
    listed = sum(map(int, _SIZE.findall(heap)))
    return max(0, min(totals["rest"] - listed, _ROOM))
