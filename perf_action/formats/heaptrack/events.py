"""The events of a heaptrack capture, ``+ 1f`` and ``- 1f``: which entry of the allocation table came and went.

They are nearly all of a file, so they are counted with arrays, a large piece of the file at a time. What is counted is
what ``heaptrack_print`` counts (src/analyze/accumulatedtracedata.cpp of heaptrack), its ways included:

* the peak is reached where the live bytes first exceed all that was before;
* an allocation is temporary if the event after it frees the same entry. After a free, heaptrack takes entry 0 for the
  one that was allocated last.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from perf_action.formats.heaptrack.numbers import Lines, Malformed, numbers
from perf_action.model.profile import Int64

PLUS: Final = ord("+")
MINUS: Final = ord("-")
_LIMIT = 1 << 62
_MANY = 1 << 20


class _Change(NamedTuple):
    """How often entries were freed and allocated; `entries` are distinct, or the table up to some entry."""

    entries: Int64 | slice
    freed: Int64
    called: Int64


class Events:
    """Counts per entry of the allocation table. After `finish`, each of the shape (entries,): `sizes`, `calls`,
    `temporary`, `live` (those not freed yet) and `at_peak` (`live` when the most bytes were live).
    """

    def __init__(self) -> None:
        self._known = 0
        self.sizes, self.calls, self.temporary, self.live, self.at_peak = (_empty() for _ in range(5))
        self._changes = _empty()  # what a free and an allocation of each entry do to the live bytes, in turns
        self._after: list[_Change] = []  # since the peak
        self.live_bytes = self.peak_bytes = 0
        self._largest = 0
        self._last = 0

    def grow(self, sizes: Int64) -> None:
        """Entries of these sizes, in bytes, are added to the table."""
        if not len(sizes):
            return
        self._largest = max(self._largest, int(sizes.max()))
        first, self._known = self._known, self._known + len(sizes)
        if self._known > len(self.sizes):
            more = max(self._known, 2 * len(self.sizes)) - len(self.sizes)
            self.sizes, self.calls, self.temporary, self.live = (
                np.concatenate((column, np.zeros(more, dtype=np.int64)))
                for column in (self.sizes, self.calls, self.temporary, self.live)
            )
            self._changes = np.concatenate((self._changes, np.zeros(2 * more, dtype=np.int64)))
        self.sizes[first : self._known] = sizes
        self._changes[2 * first : 2 * self._known : 2] = -sizes
        self._changes[2 * first + 1 : 2 * self._known : 2] = sizes

    def finish(self) -> None:
        """All events were added. ValueError if they allocated more bytes than a profile can hold."""
        if float(np.dot(self.calls.astype(np.float64), self.sizes.astype(np.float64))) >= _LIMIT:
            raise ValueError("more bytes than a profile can hold")
        self.sizes, self.calls, self.temporary, self.live = (
            column[: self._known] for column in (self.sizes, self.calls, self.temporary, self.live)
        )
        self.at_peak = self.live.copy()
        for change in self._after:
            self.at_peak[change.entries] += change.freed - change.called

    def add(self, lines: Lines) -> Int64:
        """Count the events on these lines. The live bytes before the first and after each of them."""
        entries = numbers(lines)
        if not len(entries):
            return np.array([self.live_bytes], dtype=np.int64)
        if int(entries.max()) >= self._known:
            line = int(np.argmax(entries >= self._known))
            raise Malformed(line, f"names allocation {int(entries[line])} of {self._known}")
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
        np.add.at(self.temporary, entries[again], 1)
        return live

    def _live_bytes(self, steps: Int64) -> Int64:
        if abs(self.live_bytes) + len(steps) * self._largest >= _LIMIT:
            raise ValueError("more bytes than a profile can hold")
        live = np.empty(len(steps) + 1, dtype=np.int64)
        live[0] = self.live_bytes
        np.take(self._changes, steps, out=live[1:])
        return np.cumsum(live, out=live)

    def _count(self, steps: Int64, live: Int64) -> None:
        change = self._tally(steps)
        self.calls[change.entries] += change.called
        self.live[change.entries] += change.called - change.freed
        self.live_bytes = int(live[-1])
        place = int(live.argmax())
        if live[place] > self.peak_bytes:
            self.peak_bytes = int(live[place])
            self._after = [self._tally(steps[place:])]
        else:
            self._after.append(change)
            if sum(len(one.freed) for one in self._after) > 4 * self._known + _MANY:
                self._after = [self._summed(self._after)]

    def _tally(self, steps: Int64) -> _Change:
        if 2 * self._known <= 4 * len(steps):
            counts = np.bincount(steps, minlength=2 * self._known)
            return _Change(slice(self._known), counts[::2], counts[1::2])
        distinct, counts = np.unique(steps, return_counts=True)
        entries = np.unique(distinct >> 1)
        freed, called = np.zeros(len(entries), dtype=np.int64), np.zeros(len(entries), dtype=np.int64)
        rows, is_call = np.searchsorted(entries, distinct >> 1), (distinct & 1).astype(np.bool_)
        called[rows[is_call]] = counts[is_call]
        freed[rows[~is_call]] = counts[~is_call]
        return _Change(entries, freed, called)

    def _summed(self, changes: list[_Change]) -> _Change:
        freed, called = np.zeros(self._known, dtype=np.int64), np.zeros(self._known, dtype=np.int64)
        for change in changes:
            freed[change.entries] += change.freed
            called[change.entries] += change.called
        return _Change(slice(self._known), freed, called)


def _empty() -> Int64:
    return np.zeros(0, dtype=np.int64)
