"""Patterns in which `*` stands for any characters and nothing else is special, for hundreds of them and many names.

Whether one fits is found by looking for its fixed parts one after the other, which takes time in proportion to the name:
rules come from files that anybody may write, and a regular expression can be made to run forever. Symbols are full of
brackets, dots and braces, so there are no further special characters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

#: patterns are found by as much of their beginning, the longest that they have
_KEYS: Final = (12, 8, 4, 2)
#: those without one by as much of what every text holds that they fit
_INSIDE: Final = 4


class Glob:
    """One pattern. It fits whole texts only, and minds capitals."""

    __slots__ = ("_first", "_last", "_least", "_middle", "_whole", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        parts = pattern.split("*")
        self._whole = len(parts) == 1
        self._first, self._last = parts[0], parts[-1]
        self._middle = tuple(part for part in parts[1:-1] if part)
        self._least = sum(map(len, parts))

    def fits(self, text: str) -> bool:
        if self._whole:
            return text == self.pattern
        if not text.startswith(self._first):
            return False
        if not self._last and not self._middle:
            return True
        if len(text) < self._least or not text.endswith(self._last):
            return False
        at, end = len(self._first), len(text) - len(self._last)
        for part in self._middle:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return at <= end

    @property
    def beginning(self) -> str:
        """What every text begins with that it fits."""
        return self._first

    @property
    def inside(self) -> str:
        """Something that every text holds that it fits."""
        return max(self.pattern.split("*"), key=len)

    @property
    def is_whole(self) -> bool:
        return self._whole


class Globs:
    """Many patterns, each with a number: which of them fit a text is found without trying all."""

    def __init__(self, numbered: Iterable[tuple[str, int]]) -> None:
        self._whole: defaultdict[str, list[int]] = defaultdict(list)
        self._by_beginning: defaultdict[str, list[tuple[Glob, int]]] = defaultdict(list)
        self._by_middle: defaultdict[str, list[tuple[Glob, int]]] = defaultdict(list)
        for pattern, number in numbered:
            glob = Glob(pattern)
            length = next((n for n in _KEYS if n <= len(glob.beginning)), 0)
            if glob.is_whole:
                self._whole[pattern].append(number)
            elif length:
                self._by_beginning[glob.beginning[:length]].append((glob, number))
            else:
                self._by_middle[glob.inside[:_INSIDE]].append((glob, number))

    def fitting(self, text: str) -> set[int]:
        """The numbers of the patterns that fit."""
        found = set(self._whole.get(text, ()))
        for length in _KEYS:
            found.update(n for glob, n in self._by_beginning.get(text[:length], ()) if glob.fits(text))
        for inside, globs in self._by_middle.items():
            if inside in text:
                found.update(n for glob, n in globs if glob.fits(text))
        return found
