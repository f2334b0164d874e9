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
from numpy.typing import NDArray

from perf_action.model.profile import Int64

Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]

PLUS: Final = ord("+")
MINUS: Final = ord("-")
_SPACE = ord(" ")
_DIGITS = 8
_LIMIT = 2.0**62
_BAD = 255


def _hex_values() -> Bytes:
    table = np.full(256, _BAD, dtype=np.uint8)
    for value, digit in enumerate("0123456789abcdef"):
        table[ord(digit)] = value
    return table


_HEX: Final = _hex_values()


class Malformed(Exception):
    """An event that is none; `line` is its place among the lines that were given, from 0."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class Events:
    """Counts per entry of the allocation table, each of the shape (entries,): `calls`, `temporary`, `live` (those not
    freed yet) and `at_peak` (`live` when the most bytes were live).
    """

    def __init__(self) -> None:
        none = np.zeros(0, dtype=np.int64)
        self.sizes = self.calls = self.temporary = self.live = self.at_peak = none
        self.live_bytes = self.peak_bytes = 0
        self._moved = 0.0
        self._last = 0

    def grow(self, sizes: list[int]) -> None:
        """Entries of these sizes, in bytes, are added to the table. ValueError if one is too large."""
        if sizes and max(sizes) >= _LIMIT:
            raise ValueError(f"an allocation of {max(sizes)} bytes")
        self.sizes = np.concatenate((self.sizes, np.array(sizes, dtype=np.int64)))
        more = np.zeros(len(sizes), dtype=np.int64)
        self.calls, self.temporary, self.live, self.at_peak = (
            np.concatenate((column, more)) for column in (self.calls, self.temporary, self.live, self.at_peak)
        )

    def add(self, text: Bytes, begins: Int64, ends: Int64) -> Int64:
        """Count the events on these lines of `text`. The live bytes after each of them, and before the first."""
        entries = _entries(text, begins, ends)
        came = text[begins] == PLUS
        known = len(self.sizes)
        if len(entries) and int(entries.max()) >= known:
            line = int(np.argmax(entries >= known))
            raise Malformed(line, f"names allocation {int(entries[line])} of {known}")
        live = self._live_bytes(entries, came)
        before = np.empty_like(entries)
        before[:1] = self._last
        np.multiply(entries[:-1], came[:-1], out=before[1:])
        if len(entries):
            self._last = int(entries[-1]) * int(came[-1])
        self._count(entries, came, live)
        self.temporary += np.bincount(entries[~came & (before == entries)], minlength=known)
        return live

    def _live_bytes(self, entries: Int64, came: Bools) -> Int64:
        change = self.sizes[entries]
        self._moved += float(change.sum(dtype=np.float64))
        if self._moved >= _LIMIT:
            raise ValueError("more bytes than a profile can hold")
        np.negative(change, out=change, where=~came)
        live = np.empty(len(entries) + 1, dtype=np.int64)
        live[0] = self.live_bytes
        np.cumsum(change, out=live[1:])
        live[1:] += self.live_bytes
        return live

    def _count(self, entries: Int64, came: Bools, live: Int64) -> None:
        known = len(self.sizes)
        place = int(live.argmax())
        if live[place] > self.peak_bytes:
            self.peak_bytes = int(live[place])
            self.at_peak = self.live + _difference(entries[:place], came[:place], known)
        new = np.bincount(entries[came], minlength=known)
        self.calls += new
        self.live += new
        self.live -= np.bincount(entries[~came], minlength=known)
        self.live_bytes = int(live[-1])


def _difference(entries: Int64, came: Bools, known: int) -> Int64:
    return np.bincount(entries[came], minlength=known) - np.bincount(entries[~came], minlength=known)


def _entries(text: Bytes, begins: Int64, ends: Int64) -> Int64:
    """The number on each of the lines; Malformed if a line has another form."""
    digits = ends - begins - 2
    wrong = (digits < 1) | (digits > _DIGITS)
    if wrong.any() or (text[begins + 1] != _SPACE).any():
        wrong |= text[np.minimum(begins + 1, len(text) - 1)] != _SPACE
        raise Malformed(int(np.argmax(wrong)), "is no event")
    values = _HEX[text[begins + 2]].astype(np.int64)
    bad = values == _BAD
    for digit in range(1, int(digits.max()) if len(digits) else 0):
        rows = np.flatnonzero(digits > digit)
        value = _HEX[text[begins[rows] + 2 + digit]]
        bad[rows] |= value == _BAD
        values[rows] = values[rows] << 4 | value
    if bad.any():
        raise Malformed(int(np.argmax(bad)), "has no hexadecimal number")
    return values
