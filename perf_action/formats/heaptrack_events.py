"""The events of a heaptrack capture, ``+ 1f`` and ``- 1f``: which entry of the allocation table came and went.

They are nearly all of a file, so they are counted with arrays, a large piece of the file at a time. What is counted is
what ``heaptrack_print`` counts (src/analyze/accumulatedtracedata.cpp of heaptrack), its ways included:

* the peak is reached where the live bytes first exceed all that was before;
* an allocation is temporary if the event after it frees the same entry. After a free, heaptrack takes entry 0 for the
  one that was allocated last.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from perf_action.formats.heaptrack_numbers import Lines, Malformed, numbers
from perf_action.model.profile import Int64

PLUS: Final = ord("+")
MINUS: Final = ord("-")
_LIMIT = 1 << 62


class Events:
    """Counts per entry of the allocation table, each of the shape (entries,): `calls`, `temporary`, `live` (those not
    freed yet) and `at_peak` (`live` when the most bytes were live).
    """

    def __init__(self) -> None:
        none = np.zeros(0, dtype=np.int64)
        self.sizes = self.calls = self.temporary = self.live = self.at_peak = none
        self.live_bytes = self.peak_bytes = 0
        self._changes = none  # what a free and an allocation of each entry do to the live bytes, in turns
        self._largest = 0
        self._last = 0

    def grow(self, sizes: list[int]) -> None:
        """Entries of these sizes, in bytes, are added to the table."""
        if not sizes:
            return
        self._largest = max(self._largest, *sizes)
        new = np.array(sizes, dtype=np.int64)
        self.sizes = np.concatenate((self.sizes, new))
        self._changes = np.concatenate((self._changes, np.stack((-new, new), axis=1).ravel()))
        zeros = np.zeros(len(sizes), dtype=np.int64)
        self.calls, self.temporary, self.live, self.at_peak = (
            np.concatenate((column, zeros))
            for column in (self.calls, self.temporary, self.live, self.at_peak)
        )

    def add(self, lines: Lines) -> Int64:
        """Count the events on these lines. The live bytes before the first and after each of them."""
        entries = numbers(lines)
        if not len(entries):
            return np.array([self.live_bytes], dtype=np.int64)
        known = len(self.sizes)
        if int(entries.max()) >= known:
            line = int(np.argmax(entries >= known))
            raise Malformed(line, f"names allocation {int(entries[line])} of {known}")
        came = lines.modes == PLUS
        steps = entries * 2
        steps += came
        live = self._live_bytes(steps)
        self._count(steps, live)
        before = np.empty_like(entries)
        before[0] = self._last
        np.multiply(entries[:-1], came[:-1], out=before[1:])
        self._last = int(entries[-1]) * int(came[-1])
        again = before == entries
        again &= ~came
        self.temporary += np.bincount(entries[again], minlength=known)
        return live

    def _live_bytes(self, steps: Int64) -> Int64:
        if abs(self.live_bytes) + len(steps) * self._largest >= _LIMIT:
            raise ValueError("more bytes than a profile can hold")
        live = np.empty(len(steps) + 1, dtype=np.int64)
        live[0] = self.live_bytes
        np.take(self._changes, steps, out=live[1:])
        return np.cumsum(live, out=live)

    def _count(self, steps: Int64, live: Int64) -> None:
        place = int(live.argmax())
        if live[place] > self.peak_bytes:
            self.peak_bytes = int(live[place])
            freed, called = self._tally(steps[:place])
            self.at_peak = self.live + called - freed
        freed, called = self._tally(steps)
        self.calls += called
        self.live += called
        self.live -= freed
        self.live_bytes = int(live[-1])

    def _tally(self, steps: Int64) -> tuple[Int64, Int64]:
        """How often each entry was freed and allocated."""
        counts = np.bincount(steps, minlength=2 * len(self.sizes))
        return counts[::2], counts[1::2]
