"""Hexadecimal numbers out of many lines at once, with arrays: lines of a heaptrack capture are little else."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perf_action.model.profile import Int64

Bytes = NDArray[np.uint8]
_Words = NDArray[np.uint64]

#: how many bytes behind the last line must be readable: eight are looked at together
PADDING: Final = 8
#: the most digits of a number that is read here
DIGITS: Final = 7
NEWLINE: Final = ord("\n")
_SPACE: Final = ord(" ")


class Malformed(Exception):
    """A line that is none of its kind; `line` is its place among the lines that were given, from 0."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class Lines(NamedTuple):
    """Lines of `text`, a piece of a file with `PADDING` bytes behind it: each from `begins` up to `ends`."""

    text: Bytes
    begins: Int64
    ends: Int64

    @property
    def modes(self) -> Bytes:
        """What kind each is of: its first byte."""
        return self.text[self.begins]

    def where(self, mask: NDArray[np.bool_] | Int64) -> Lines:
        return Lines(self.text, self.begins[mask], self.ends[mask])


def lines_of(piece: bytes) -> Lines:
    """The lines of a piece that ends with one."""
    text = np.frombuffer(piece + bytes(PADDING), dtype=np.uint8)
    ends = np.flatnonzero(text[: len(piece)] == NEWLINE)
    begins = np.empty_like(ends)
    begins[:1] = 0
    np.add(ends[:-1], 1, out=begins[1:])
    return Lines(text, begins, ends)


def numbers(lines: Lines) -> Int64:
    """The number on each line, behind the first byte and a space. Malformed if a line has another form, or more than
    `DIGITS` digits.
    """
    return _numbers(lines.text, lines.begins + 1, lines.ends)


def pairs(lines: Lines) -> tuple[Int64, Int64]:
    """The two numbers on each line, behind the first byte and a space. Malformed as above, or if one is above 2**62."""
    if not len(lines.begins):
        return lines.begins, lines.ends
    spaces = np.append(np.flatnonzero(lines.text == _SPACE), len(lines.text))
    second = spaces[np.searchsorted(spaces, lines.begins + 2).clip(max=len(spaces) - 1)]
    short = (second < lines.ends) & (second - lines.begins <= DIGITS + 2)
    if short.all():
        return _numbers(lines.text, lines.begins + 1, second), _numbers(lines.text, second, lines.ends)
    ones, others = np.empty_like(second), np.empty_like(second)
    for line, (begin, end) in enumerate(zip(lines.begins.tolist(), lines.ends.tolist(), strict=True)):
        try:
            one, _, other = lines.text[begin:end].tobytes()[2:].partition(b" ")
            ones[line], others[line] = number(one), number(other)
        except ValueError as error:
            raise Malformed(line, str(error)) from None
    return ones, others


def number(word: bytes) -> int:
    """A number of up to 16 digits and below 2**62; ValueError if it is none. `int` alone would take signs, underscores
    and ``0x``, too.
    """
    if not 0 < len(word) <= 16 or word.strip(b"0123456789abcdef"):
        raise ValueError("has something else where a hexadecimal number should be")
    value = int(word, 16)
    if value >> 62:
        raise ValueError(f"has the number {value}, which is too large")
    return value


def _repeated(byte: int) -> np.uint64:
    return np.uint64(byte * 0x0101010101010101)


def _numbers(text: Bytes, begins: Int64, ends: Int64) -> Int64:
    """The numbers between a space at `begins` and `ends`.

    The digits are the upper seven bytes of a word, the first one lowest; they are put together two by two. Turning the
    values back into digits shows whether they were any.
    """
    digits = ends - begins
    digits -= 1
    wrong = (digits < 1) | (digits > DIGITS)
    if wrong.any():
        raise Malformed(int(np.argmax(wrong)), "has another form than its kind")
    overlapping = np.ndarray((len(text) - PADDING + 1,), dtype="<u8", buffer=text, strides=(1,))
    words: _Words = overlapping[begins]
    wrong = words & np.uint64(0xFF) != _SPACE
    words >>= np.uint64(8)
    words <<= np.uint64(8)
    unused = ((DIGITS - digits) * 8).view(np.uint64)
    words <<= unused
    values = words >> np.uint64(6)
    values &= _repeated(1)
    values *= np.uint64(9)
    values += words & _repeated(0x0F)
    again = _as_digits(values)
    again ^= words
    again >>= np.uint64(8) + unused
    again |= values & _repeated(0x10)
    wrong |= again != 0
    if wrong.any():
        raise Malformed(int(np.argmax(wrong)), "has something else where a hexadecimal number should be")
    twos = (values << np.uint64(4) | values >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    fours = (twos << np.uint64(8) | twos >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    return ((fours << np.uint64(16) | fours >> np.uint64(32)) & np.uint64(0xFFFFFFFF)).view(np.int64)


def _as_digits(values: _Words) -> _Words:
    """Every byte of 0 to 15 as the character that stands for it."""
    out = values + _repeated(6)
    out >>= np.uint64(4)
    out &= _repeated(1)
    out *= np.uint64(ord("a") - ord("0") - 10)
    out += values
    out += _repeated(ord("0"))
    return out
