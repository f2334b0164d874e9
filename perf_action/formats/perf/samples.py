"""Text of `perf script`, as it comes, to a profile: half a million stacks in seconds and little memory.

Lines become numbers (perf_lines), and everything else works on arrays of those: where samples begin, which frames are
whose, down the tree of stacks together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from perf_action.formats.perf.events import kind_of, ordered
from perf_action.formats.perf.lines import BLANK, HEAD, SOURCE, Lines, UnknownLine
from perf_action.formats.source import Source
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, Int32, Int64, Profile
from perf_action.model.stacks import StackTable

#: lines that are worked on at once, and samples that go down the tree of stacks together
_AT_ONCE, _TOGETHER = 1 << 17, 40_000
#: as deep as perf records and prints if it is not told otherwise
_DEEPEST: Final = 127


class Samples:
    """Takes text with `feed` and gives the profile with `profile`. InputError names the line that is wrong."""

    def __init__(self, source: Source, *, timeline: bool = False) -> None:
        self._source, self._timeline = source, timeline
        self._lines, self._stacks = Lines(), StackTable()
        self._waiting: list[Int32] = []
        self._rest = b""
        self._number = 1  # of the first line that is not worked on
        self._frames: list[Int32] = []
        self._lengths: list[Int32] = []
        self._nodes: list[Int32] = []
        self._heads: list[Int32] = []
        #: how often each frame was in a stack, and on top of one
        self._seen, self._leaves = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._cut = 0
        self._with_heads: bool | None = None

    def feed(self, text: bytes) -> None:
        """The next piece of the text, cut anywhere."""
        lines = (self._rest + text).split(b"\n")
        self._rest = lines.pop()
        self._take(lines)

    def finish(self, *, complete: bool) -> int:
        """The number of samples. If the text is not known to be `complete`, it must not end within a stack."""
        rest, self._rest = self._rest.rstrip(), b""
        if rest:
            self._take([rest])
        last = int(self._waiting[-1][-1]) if self._waiting else BLANK
        # who strips a text takes its last line ends off, but leaves the last line whole
        stripped = rest.endswith(b")") and last >= 0
        if not (complete or stripped or self._lines.ends_sample(last)):
            raise self._source.error(
                "the last stack is not followed by an empty line: it is cut off",
                remedy="run perf script again",
            )
        self._work(last=True)
        self._down()
        return sum(len(part) for part in self._heads)

    def profile(self, *, duration_ns: int | None = None) -> Profile:
        """All samples, once. Each event is a kind of its own."""
        heads, nodes = _joined(self._heads), _joined(self._nodes)
        self._heads, self._nodes, total = [], [], len(heads)
        times = self._times(total)
        counts = np.ones(total, dtype=np.int64) if times is not None else None
        if counts is None:
            heads, nodes, counts = _counted(heads, nodes)
        table = list(self._lines.heads) or [("", "", -1)]
        events = ordered(dict.fromkeys(event for _, event, _ in table))
        threads = list(dict.fromkeys(thread for thread, _, _ in table))
        builder = ProfileBuilder([kind_of(event, events) for event in events], tool="perf")
        values = np.zeros((len(heads), len(events)), dtype=np.int64)
        values[np.arange(len(heads)), _lookup(events, [event for _, event, _ in table])[heads]] = counts
        builder.samples(
            self._stacks,
            nodes,
            values,
            frames=self._frame_numbers(builder),
            threads=threads,
            thread=_lookup(threads, [thread for thread, _, _ in table])[heads] if any(threads) else None,
            times_ns=times,
        )
        for note in self._notes(total):
            builder.note(note)
        return builder.build(duration_ns=duration_ns)

    def _frame_numbers(self, builder: ProfileBuilder) -> list[int]:
        """Puts the frames into `builder`; the number that each has there, -1 if it is in no stack."""
        self._lines.clear()
        numbers = []
        for frame in self._lines.settled_frames(self._seen.tolist()):
            if frame is None:
                numbers.append(-1)
            else:
                function = builder.function(frame.name, file=frame.file, module=frame.module)
                numbers.append(builder.frame(function, frame.line))
        return numbers

    def _notes(self, total: int) -> Iterator[str]:
        leaves = zip(self._lines.frames, self._leaves.tolist(), strict=False)
        nameless = sum(count for frame, count in leaves if frame.name == UNKNOWN)
        if nameless:
            yield f"{nameless} of {total} samples are in code that has no name ({UNKNOWN})"
        if self._cut:
            yield f"{self._cut} of {total} stacks are cut off at {_DEEPEST} frames: who called is lost"

    def _times(self, count: int) -> Int64 | None:
        """When each sample was taken, from the first one on; None if not asked for, or not all say so."""
        times = np.frombuffer(self._lines.times, dtype=np.int64)
        return times - times.min() if self._timeline and 0 < len(times) == count else None

    def _take(self, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        try:
            codes = np.fromiter(map(self._lines.__getitem__, lines), dtype=np.int32, count=len(lines))
        except UnknownLine as unknown:
            before = sum(len(part) for part in self._waiting)
            shown = unknown.line[:80].decode(errors="backslashreplace")
            raise self._source.error(
                f"{shown!r} is no line of perf script",
                place=f"line {self._number + before + lines.index(unknown.line)}",
                remedy="the file may be cut off or mixed with other output",
            ) from None
        self._waiting.append(codes)
        if sum(len(part) for part in self._waiting) >= _AT_ONCE:
            self._work()

    def _work(self, *, last: bool = False) -> None:
        """Put the samples that are whole, of the lines that wait, into the table."""
        codes = _joined(self._waiting)
        self._lines.add_sources(codes)
        starts, keep = self._starts(codes), len(codes)
        if not last:
            keep = int(starts[-1]) if len(starts) else 0
            starts = starts[:-1]
        self._waiting = [codes[keep:].copy()] if keep < len(codes) else []
        self._number += keep
        if len(starts):
            self._add(codes[:keep], starts)

    def _starts(self, codes: Int32) -> Int64:
        """The first line of each sample: its head, or its leaf where the text has no heads (``-F ip,sym,dso``)."""
        heads = (codes <= HEAD) & (codes > SOURCE)
        orphans = codes >= 0
        orphans[1:] &= codes[:-1] == BLANK
        if self._with_heads is None and (heads.any() or orphans.any()):
            self._with_heads = bool(heads.any())
        wrong = orphans if self._with_heads else heads
        if wrong.any():
            raise self._source.error(
                "a frame that belongs to no sample",
                place=f"line {self._number + int(wrong.argmax())}",
                remedy="the file may be cut off",
            )
        return np.flatnonzero(heads | orphans)

    def _add(self, codes: Int32, starts: Int64) -> None:
        is_start = np.zeros(len(codes), dtype=np.int32)
        is_start[starts] = 1
        frame_at = np.flatnonzero(codes >= 0)
        owners = np.cumsum(is_start, dtype=np.int32)[frame_at] - 1
        frames = codes[frame_at]
        lengths = np.bincount(owners, minlength=len(starts)).astype(np.int32)
        heads = HEAD - codes[starts] if self._with_heads else np.zeros(len(starts), dtype=np.int32)
        bare = np.flatnonzero(lengths == 0)
        if len(bare):
            only = self._lines.only_frames(heads[bare].tolist())
            frames = np.insert(frames, np.searchsorted(owners, bare), only)
            lengths[bare] = 1
        self._cut += int(np.count_nonzero(lengths == _DEEPEST))
        self._seen = _plus(self._seen, frames)
        self._leaves = _plus(self._leaves, frames[np.cumsum(lengths) - lengths])
        self._frames.append(frames)
        self._lengths.append(lengths)
        self._heads.append(heads.astype(np.int32, copy=False))
        if sum(len(part) for part in self._lengths) >= _TOGETHER:
            self._down()

    def _down(self) -> None:
        frames, lengths = _joined(self._frames), _joined(self._lengths)
        self._frames, self._lengths = [], []
        self._nodes.append(self._stacks.add(frames, lengths, leaf_first=True))


def _joined(parts: list[Int32]) -> Int32:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)


def _counted(heads: Int32, nodes: Int32) -> tuple[Int32, Int32, Int64]:
    """Samples of one head and node are one with a count: sorted in place, since there may be millions."""
    keys = nodes.astype(np.int64) << 32 | heads
    keys.sort()
    first = np.ones(len(keys), dtype=np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    counts = np.diff(np.flatnonzero(first), append=len(keys))
    keys = keys[first]
    return (keys & 0xFFFFFFFF).astype(np.int32), (keys >> 32).astype(np.int32), counts


def _lookup(names: Sequence[str], column: Sequence[str]) -> Int32:
    """The place in `names` of each entry of `column`."""
    places = {name: i for i, name in enumerate(names)}
    return np.array([places[name] for name in column], dtype=np.int32)


def _plus(counts: Int64, frames: Int32) -> Int64:
    out = np.bincount(frames, minlength=len(counts))
    out[: len(counts)] += counts
    return out
