"""What each line of `perf script` is, as a number: the same lines come again and again, each is understood once.

A number from 0 on is a frame; blank lines and those that say nothing have one of their own; from `HEAD` downwards it
is the head of a sample, from `SOURCE` downwards the source line of the frame above it.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from perf_action.formats.perf import frames as perf_frames
from perf_action.formats.stack_lines import Frame
from perf_action.model.profile import UNKNOWN, Int32

BLANK, NOTHING, HEAD, SOURCE = -1, -2, -16, -(1 << 30)
#: distinct lines that are remembered: addresses that nobody resolves come only once
_REMEMBERED = 1 << 16
#: comments, and what perf says on the other stream
_CHATTER: Final = re.compile(
    r"#|\[ ?perf |Warning:|WARNING: |Processed \d+ events|Check IO/CPU overload|addr2line: |cmd__addr2line|BFD: |"
    r"Samples for '"
)
_SOURCE_LINE: Final = re.compile(r"  \S")
_OTHER_RECORD: Final = re.compile(r"(^|\s)PERF_RECORD_\w+")


class UnknownLine(Exception):
    """A line that perf script does not print."""

    def __init__(self, line: bytes) -> None:
        super().__init__(line)
        self.line = line


class Lines(dict[bytes, int]):
    """Line to number. The tables that the numbers lead to are `frames` and `heads`; `times` has one entry for each head
    with a time, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.frames: dict[Frame, int] = {}
        self.heads: dict[tuple[str, str, int], int] = {}
        self.times = array("q")
        self.has_sources = False
        self._with_events: bool | None = None
        self._sources: dict[tuple[str, int], int] = {}

    def __missing__(self, line: bytes) -> int:
        text = line.decode(errors="backslashreplace").rstrip("\r")
        number, again = self._number(text, line)
        if again:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[line] = number
        return number

    def _number(self, text: str, line: bytes) -> tuple[int, bool]:
        """The number of a line, and whether it means the same when it comes again."""
        if not text.strip():
            return BLANK, True
        if not text.startswith("\t"):
            head = perf_frames.head(text)
            if head is not None and self._of_this_text(head, text):
                return self._head(head, text)
        frame = perf_frames.frame(text) if text[0].isspace() else None
        if frame is not None:
            return self.frame(frame), True
        if _SOURCE_LINE.match(text):
            return self._source(*perf_frames.source_line(text)), True
        if _CHATTER.match(text):
            return NOTHING, True
        raise UnknownLine(line)

    def frame(self, frame: Frame) -> int:
        return self.frames.setdefault(frame, len(self.frames))

    def _of_this_text(self, head: perf_frames.Head, text: str) -> bool:
        """All heads name their event, or none does: what looks like one without is else something else."""
        if _OTHER_RECORD.search(text):
            return True
        if self._with_events is None:
            self._with_events = bool(head.event)
        return self._with_events == bool(head.event)

    def _head(self, head: perf_frames.Head, text: str) -> tuple[int, bool]:
        if _OTHER_RECORD.search(text):
            return NOTHING, False
        only = perf_frames.frame(head.only) if head.only else None
        key = (head.thread, head.event, -1 if only is None else self.frame(only))
        number = HEAD - self.heads.setdefault(key, len(self.heads))
        if head.time_ns is None:
            return number, True
        self.times.append(head.time_ns)
        return number, False

    def _source(self, file: str, line: int) -> int:
        self.has_sources = True
        return SOURCE - self._sources.setdefault((file, line), len(self._sources))

    def add_sources(self, codes: Int32) -> None:
        """Frames that are followed by a source line become frames at that line, in place."""
        if not self.has_sources:
            return
        at = np.flatnonzero(codes <= SOURCE)
        at = at[at > 0]
        pairs = np.stack([codes[at - 1], codes[at]], axis=1)
        distinct, which = np.unique(pairs, axis=0, return_inverse=True)
        tables = list(self.frames), list(self.heads), list(self._sources)
        replaced = [self._placed(above, SOURCE - source, *tables) for above, source in distinct.tolist()]
        if replaced:
            codes[at - 1] = np.array(replaced, dtype=np.int32)[which.reshape(-1)]
        codes[codes <= SOURCE] = NOTHING

    def _placed(
        self,
        above: int,
        source: int,
        frames: list[Frame],
        heads: list[tuple[str, str, int]],
        sources: list[tuple[str, int]],
    ) -> int:
        """The number of what stands above a source line, with that line."""
        file, line = sources[source]
        if above >= 0:
            return self.frame(frames[above]._replace(file=file, line=line))
        if above > HEAD or above <= SOURCE:  # nothing, or one more source line
            return above
        thread, event, only = heads[HEAD - above]
        if only >= 0:
            only = self.frame(frames[only]._replace(file=file, line=line))
        return HEAD - self.heads.setdefault((thread, event, only), len(self.heads))

    def ends_sample(self, code: int) -> bool:
        """Whether a text may end with that line: not within a stack, nor with a head whose stack is to come."""
        if code >= 0:
            return False
        if SOURCE < code <= HEAD:
            return list(self.heads)[HEAD - code][2] >= 0 or not self.frames
        return True

    def only_frames(self, heads: Sequence[int]) -> Int32:
        """For each of `heads` the frame of a sample that has no stack: its own one, or ``[unknown]``."""
        only = [frame for _, _, frame in self.heads] or [-1]
        found = [only[head] for head in heads]
        if -1 in found:
            unknown = self.frame(Frame(UNKNOWN))
            found = [unknown if frame < 0 else frame for frame in found]
        return np.array(found, dtype=np.int32)

    def settled_frames(self, seen: Sequence[int]) -> list[Frame | None]:
        """The frames, each function in the one file that it is in most often; None for one that was in no stack. `seen`:
        how often each was.

        At the address of a call that was inlined the source line is that of the callee, in whatever header it stands.
        """
        counts = [*seen, *[0] * (len(self.frames) - len(seen))]
        files: dict[tuple[str, str], Counter[str]] = {}
        for frame, count in zip(self.frames, counts, strict=True):
            files.setdefault((frame.name, frame.module), Counter())[frame.file] += count
        best = {key: _most(found) for key, found in files.items()}
        return [
            _in_file(frame, best[frame.name, frame.module]) if count else None
            for frame, count in zip(self.frames, counts, strict=True)
        ]


def _most(files: Counter[str]) -> str:
    return max(files, key=lambda file: (file != "", files[file], file))


def _in_file(frame: Frame, file: str) -> Frame:
    if frame.module == perf_frames.JIT or frame.file == file:
        return frame
    return frame._replace(file=file, line=0)
