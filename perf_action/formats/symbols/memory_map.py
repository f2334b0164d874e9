"""What was mapped where in a process: ``/proc/<pid>/maps``, which profilers of addresses put behind their data.

Format: https://man7.org/linux/man-pages/man5/proc_pid_maps.5.html
Sample: ``55e9aa650000-55e9aa651000 r-xp 00001000 fe:00 2187459    /srv/shop/shop``
"""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import PurePosixPath
from typing import Final, NamedTuple

_LINE: Final = re.compile(
    r"^\s*([0-9a-f]{1,16})-([0-9a-f]{1,16}) [r-][w-]([x-])[ps] ([0-9a-f]{1,16}) \S+ \d+[ \t]*([^\n]*)$",
    re.MULTILINE,
)


class Mapping(NamedTuple):
    """Addresses from `start` up to `end` are the bytes of the file `path` from `offset`; `path` may be empty or
    something like ``[vdso]``.
    """

    start: int
    end: int
    offset: int
    path: str

    @property
    def module(self) -> str:
        """The name of the file, without folders."""
        return PurePosixPath(self.path.removesuffix(" (deleted)")).name


class MemoryMap:
    """The mappings that may be executed. `text` may hold other lines too."""

    def __init__(self, text: str) -> None:
        found = (
            Mapping(int(start, 16), int(end, 16), int(offset, 16), path.strip())
            for start, end, executable, offset, path in _LINE.findall(text)
            if executable == "x"
        )
        self._mappings = sorted(found)
        self._starts = [mapping.start for mapping in self._mappings]

    def __bool__(self) -> bool:
        return bool(self._mappings)

    def find(self, address: int) -> Mapping | None:
        place = bisect_right(self._starts, address) - 1
        if place < 0 or address >= self._mappings[place].end:
            return None
        return self._mappings[place]
