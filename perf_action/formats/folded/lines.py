"""Folded stacks by the million: every distinct frame is understood once, and everything else works on arrays.

Says of every text the same as `stack_lines`, which finds the words for what is wrong with a line.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from perf_action.formats.source import Source
from perf_action.formats.stack_lines import INT64_MAX, NO_SAMPLES, Frame, count_stacks, empty_frames
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, Int32, Int64, Profile, ValueKind
from perf_action.model.stacks import StackTable

_BOM: Final = b"\xef\xbb\xbf"
#: how much text is taken apart at once, distinct pieces that are remembered, and stacks that go down the tree together
_PIECE, _REMEMBERED, _TOGETHER = 1 << 20, 1 << 18, 120_000
#: what stands between two `;` is a frame (from 0 on), nothing, or the end of a line: a blank one, or from `_END` downwards
#: a leaf and its count
_EMPTY, _BLANK, _END = -1, -2, -16


class _Malformed(Exception):
    """`count_stacks` says what is wrong."""


class _Pieces(dict[bytes, int]):
    """What stands between two ``;``, or before the end of a line, to its number."""

    def __init__(self, frame_of: Callable[[str], Frame]) -> None:
        super().__init__()
        self.frames: dict[Frame, int] = {}
        self.leaves, self.counts = array("i"), array("q")
        self._frame_of = frame_of

    def __missing__(self, piece: bytes) -> int:
        text = piece.decode(errors="backslashreplace")
        number = self[piece] = self._end(text) if text.endswith("\n") else self._frame(text)
        return number

    def frame(self, frame: Frame) -> int:
        return self.frames.setdefault(frame, len(self.frames))

    def _frame(self, text: str) -> int:
        return self.frame(self._frame_of(text)) if text else _EMPTY

    def _end(self, text: str) -> int:
        parts = text.rsplit(None, 1)
        if not parts:
            return _BLANK
        leaf, digits = parts if len(parts) == 2 else ("", parts[0] if text[0].isspace() else "")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 19 or int(digits) > INT64_MAX:
            raise _Malformed
        self.leaves.append(self._frame(leaf))
        self.counts.append(int(digits))
        return _END + 1 - len(self.leaves)

    def forget(self) -> None:
        """Make room, when nobody holds a number of an end any more."""
        if len(self) >= _REMEMBERED:
            self.clear()
            self.leaves, self.counts = array("i"), array("q")


class FoldedLines:
    """All stacks of a text of lines ``frame;frame;frame count``."""

    def __init__(self, frame_of: Callable[[str], Frame]) -> None:
        self._pieces, self._stacks = _Pieces(frame_of), StackTable()
        self._frames: list[Int32] = []
        self._lengths: list[Int32] = []
        self._waiting = self._empty = 0
        self._nodes: list[Int32] = []
        self._counts: list[Int64] = []

    def feed(self, lines: bytes) -> None:
        """Whole lines."""
        self._pieces.forget()
        pieces = lines.replace(b"\n", b"\n;").split(b";")
        pieces.pop()
        self._take(np.fromiter(map(self._pieces.__getitem__, pieces), dtype=np.int32, count=len(pieces)))
        if self._waiting >= _TOGETHER:
            self._add()

    def _take(self, codes: Int32) -> None:
        ends = np.flatnonzero(codes <= _BLANK)
        lengths = np.diff(ends, prepend=-1)
        blank = codes[ends] == _BLANK
        if (lengths[blank] > 1).any():
            raise _Malformed
        if blank.any():
            codes, ends, lengths = np.delete(codes, ends[blank]), ends[~blank], lengths[~blank]
            ends = np.cumsum(lengths) - 1
        if not len(ends):
            return
        numbers = _END - codes[ends]
        self._counts.append(np.frombuffer(self._pieces.counts, dtype=np.int64)[numbers])
        codes[ends] = np.frombuffer(self._pieces.leaves, dtype=np.int32)[numbers]
        self._put(codes, ends, lengths)

    def _put(self, codes: Int32, ends: Int64, lengths: Int64) -> None:
        """Frames of lines that have one or none; what is empty in a stack is left out."""
        empty = codes == _EMPTY
        if empty.any():
            gone = np.add.reduceat(empty, ends - lengths + 1, dtype=np.int64)
            only_count = (lengths == 1) & (gone == 1)
            self._empty += int(gone.sum()) - int(np.count_nonzero(only_count))
            bare = gone == lengths  # no frame at all is one `[unknown]`: the last empty one becomes it
            if bare.any():
                codes[ends[bare]] = self._pieces.frame(Frame(UNKNOWN))
                gone[bare] -= 1
            codes, lengths = codes[codes != _EMPTY], lengths - gone
        self._frames.append(codes)
        self._lengths.append(lengths.astype(np.int32))
        self._waiting += len(lengths)

    def _add(self) -> None:
        if self._lengths:
            self._nodes.append(self._stacks.add(np.concatenate(self._frames), np.concatenate(self._lengths)))
        self._frames, self._lengths, self._waiting = [], [], 0

    def profile(self, kind: ValueKind, tool: str = "") -> Profile:
        self._add()
        builder = ProfileBuilder([kind], tool=tool)
        frames = [
            builder.frame(builder.function(frame.name, file=frame.file, module=frame.module), frame.line)
            for frame in self._pieces.frames
        ]
        self._pieces.clear()
        nodes = np.concatenate(self._nodes or [np.zeros(0, dtype=np.int32)])
        counts = np.concatenate(self._counts or [np.zeros(0, dtype=np.int64)])
        self._nodes, self._counts = [], []
        if self._empty:
            builder.note(empty_frames(self._empty))
        if not counts.any():
            builder.note(NO_SAMPLES)
        builder.samples(self._stacks, nodes, counts.reshape(-1, 1), frames=frames)
        return builder.build()


def read_folded(
    source: Source, kind: ValueKind, *, frame_of: Callable[[str], Frame] = Frame, tool: str = ""
) -> Profile:
    """The profile of a text without threads. InputError names the line that is wrong."""
    lines = FoldedLines(frame_of)
    try:
        for text in _whole_lines(source):
            lines.feed(text)
    except _Malformed:
        count_stacks(source)
        raise  # never reached: what is malformed there is so here
    return lines.profile(kind, tool)


def _whole_lines(source: Source) -> Iterator[bytes]:
    """The text in pieces that end with a line."""
    parts: list[bytes] = []
    for piece in text_pieces(source):
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*parts, piece[:end]])
            parts = []
        parts.append(piece[end:])
    rest = b"".join(parts)
    if rest:
        yield rest + b"\n"


def text_pieces(source: Source) -> Iterator[bytes]:
    """The text without its byte order mark. What is packed is unpacked as a whole first: it may be a bomb."""
    if source.packed:
        data = source.data
        pieces: Iterator[bytes] = (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
    else:
        pieces = source.pieces()
    yield next(pieces, b"").removeprefix(_BOM)
    yield from pieces
