"""The text of a mangled Rust name while it is read: where one is, what was written, how much of it is allowed.

Names come from files of strangers and may repeat parts of themselves, again and again; so depth, steps and length are
bounded.
"""

from __future__ import annotations

import contextlib
import string
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

DIGITS: Final = string.digits
HEX: Final = "0123456789abcdef"
BASE_62: Final = string.digits + string.ascii_lowercase + string.ascii_uppercase
_DEEPEST, _LONGEST, _MOST_STEPS = 100, 1 << 16, 1 << 16
_LARGEST = (1 << 64) - 1
_T = TypeVar("_T")


class NotMangled(Exception):
    """The text is no mangled name, or one that is too large."""


class Text:
    """Reads `text` from its start and collects what it says."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._out: list[str] = []
        self._length = self._depth = self._steps = 0
        self._silent = False

    def peek(self) -> str:
        """The next character; one that no name has at the end."""
        return self._text[self._at] if self._at < len(self._text) else "\n"

    def take(self) -> str:
        character = self.peek()
        self._at += 1
        self.count_steps(1)
        return character

    def untake(self) -> None:
        self._at -= 1

    def accept(self, character: str) -> bool:
        found = self.peek() == character
        self._at += found
        return found

    def rest(self) -> str:
        return self._text[self._at :]

    def write(self, words: str) -> None:
        if not self._silent:
            self._out.append(words)
            self._length += len(words)
            if self._length > _LONGEST:
                raise NotMangled

    def written(self) -> str:
        return "".join(self._out)

    def count_steps(self, count: int) -> None:
        self._steps += count
        if self._steps > _MOST_STEPS:
            raise NotMangled

    @contextlib.contextmanager
    def deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotMangled
        yield
        self._depth -= 1

    def quietly(self, body: Callable[[], None]) -> None:
        """Read without writing."""
        silent, self._silent = self._silent, True
        body()
        self._silent = silent

    def back(self, body: Callable[[], _T]) -> _T | None:
        """Read again what stands at a place before; None if nothing is written anyway."""
        start = self._at - 1
        place = self.number(BASE_62)
        if place >= start:
            raise NotMangled
        if self._silent:
            return None
        at, self._at = self._at, place
        result = body()
        self._at = at
        return result

    def digits(self, alphabet: str) -> str:
        """Digits up to ``_``, without leading zeros where there are others."""
        end = self._text.find("_", self._at)
        digits = self._text[self._at : end]
        if end < 0 or digits.strip(alphabet) or len(digits) > _LONGEST:
            raise NotMangled
        self._at = end + 1
        return digits

    def number(self, alphabet: str) -> int:
        """A number: ``_`` is 0, ``0_`` is 1, and so on."""
        digits = self.digits(alphabet)
        if not digits:
            return 0
        value = 0
        for digit in digits:
            value = value * len(alphabet) + alphabet.index(digit)
            if value >= _LARGEST:
                raise NotMangled
        return value + 1

    def identifier(self) -> str:
        """A name with its length before it, in Punycode where it is not ASCII."""
        is_punycode = self.accept("u")
        start = self._at
        while self.peek() in DIGITS and self._at < start + 6:
            self._at += 1
            if self._text[start] == "0":
                break
        if start == self._at:
            raise NotMangled
        length = int(self._text[start : self._at])
        self.accept("_")
        name = self._text[self._at : self._at + length]
        self._at += length
        if len(name) != length:
            raise NotMangled
        return _from_punycode(name) if is_punycode else name


def _from_punycode(name: str) -> str:
    """Rust joins the ASCII part and the code by ``_``, as it has no ``-``."""
    ascii_part, joined, code = name.rpartition("_")
    try:
        return f"{ascii_part}{'-' if joined else ''}{code}".encode("ascii").decode("punycode")
    except (UnicodeError, OverflowError):
        raise NotMangled from None
