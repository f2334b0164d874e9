"""The lines of a massif file as snapshots and trees; strict, since a damaged file must not pass for a smaller heap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from perf_action.errors import InputError
from perf_action.formats.source import Source

_NODE = re.compile(r"( *)n(\d{1,9}): (\d{1,19}) (.*)", re.DOTALL)
_BELOW = re.compile(r"in \d+ places?, (?:all )?below massif's threshold \(\d+[.,]\d+%\)")
_NUMBER = re.compile(r"\d{1,19}")
_FIELDS = ("time", "mem_heap_B", "mem_heap_extra_B", "mem_stacks_B")
_UNITS = ("i", "ms", "B")
_CUT_OFF = "the file may be cut off; was massif killed? end the program with SIGTERM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A heap tree, upside down: the root's children are the functions that allocated, theirs who called them.

    Node 0 is the root; `parents[i] < i`. `texts` are places, None for what is below massif's threshold; `own` is what
    no child accounts for.
    """

    parents: tuple[int, ...]
    texts: tuple[str | None, ...]
    own: tuple[int, ...]

    def paths(self) -> Iterator[tuple[list[str | None], int]]:
        """Every stack that holds something, root of the stack first, with its bytes."""
        for node, value in enumerate(self.own):
            if value:
                path, at = [], node
                while at > 0:
                    path.append(self.texts[at])
                    at = self.parents[at]
                yield path, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One snapshot; sizes in bytes, `time` in the file's unit. `tree` None: not a detailed one."""

    number: int
    time: int
    heap: int
    extra: int
    stacks: int
    is_peak: bool
    tree: Tree | None


def snapshots(source: Source) -> tuple[str, list[Snapshot]]:
    """The unit of time and all snapshots, at least one. InputError names the line that is wrong."""
    lines = _Lines(source)
    unit = _header(lines)
    found: list[Snapshot] = []
    while lines.more():
        found.append(_snapshot(lines))
        if len(found) > 1 and found[-1].time < found[-2].time:
            raise lines.error("time goes back")
    if not found:
        raise source.error("has no snapshot", remedy=_CUT_OFF)
    if not source.text.endswith("\n"):
        raise source.error("the last line has no end", remedy=_CUT_OFF)
    return unit, found


class _Lines:
    """The lines of a file, comments left out, and where we are in them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines = source.text.split("\n")
        self._at = 0

    def more(self) -> bool:
        """Whether there is another line; comments and blank lines are none."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.strip() and not line.startswith("#"):
                return True
            self._at += 1
        return False

    def peek(self) -> str:
        return self._lines[self._at].rstrip("\r") if self.more() else ""

    def take(self) -> str:
        if not self.more():
            raise self._source.error("ends in the middle of a snapshot", remedy=_CUT_OFF)
        line = self._lines[self._at].rstrip("\r")
        self._at += 1
        return line

    def left(self) -> int:
        """How many lines follow at most."""
        return len(self._lines) - self._at

    def error(self, reason: str) -> InputError:
        """About the line that was taken last."""
        return self._source.error(reason, place=f"line {self._at}", remedy=_CUT_OFF)

    def number(self, key: str) -> int:
        name, equals, value = self.take().partition("=")
        if (name, equals) != (key, "="):
            raise self.error(f"not '{key}=', which should come here")
        if not _NUMBER.fullmatch(value):
            raise self.error(f"{value[:40]!r} where a number should be")
        return int(value)


def _header(lines: _Lines) -> str:
    """The unit of time. The command may hold line ends."""
    while lines.peek().startswith("desc:"):
        lines.take()
    if not lines.take().startswith("cmd:"):
        raise lines.error("not 'cmd:', which should come here")
    while not (line := lines.take()).startswith("time_unit:"):
        pass
    unit = line.partition(":")[2].strip()
    if unit not in _UNITS:
        raise lines.error(f"unknown unit of time {unit[:40]!r}")
    return unit


def _snapshot(lines: _Lines) -> Snapshot:
    number = lines.number("snapshot")
    time, heap, extra, stacks = (lines.number(key) for key in _FIELDS)
    key, _, state = lines.take().partition("=")
    if key != "heap_tree" or state not in ("empty", "detailed", "peak"):
        raise lines.error("not 'heap_tree=empty', 'detailed' or 'peak', which should come here")
    tree = None if state == "empty" else _tree(lines, heap)
    return Snapshot(
        number=number, time=time, heap=heap, extra=extra, stacks=stacks, is_peak=state == "peak", tree=tree
    )


def _tree(lines: _Lines, heap: int) -> Tree:
    parents: list[int] = []
    texts: list[str | None] = []
    own: list[int] = []
    waiting: list[tuple[int, int]] = [(-1, 0)]  # a node and its depth for each child that is still to come
    while waiting:
        parent, depth = waiting.pop()
        children, value, text = _node(lines, depth)
        if parent < 0 and value != heap:
            raise lines.error(f"the tree holds {value} bytes and mem_heap_B says {heap}")
        if parent >= 0:
            own[parent] -= value
            if own[parent] < 0:
                raise lines.error("more than the node above it holds")
        waiting += [(len(parents), depth + 1)] * children
        parents.append(parent)
        texts.append(None if _BELOW.fullmatch(text) else text)
        own.append(value)
    return Tree(parents=tuple(parents), texts=tuple(texts), own=tuple(own))


def _node(lines: _Lines, depth: int) -> tuple[int, int, str]:
    found = _NODE.fullmatch(lines.take())
    if found is None or len(found[1]) != depth or int(found[2]) > lines.left():
        raise lines.error(f"not a line of a heap tree ('n2: BYTES WHERE', {depth} spaces before it)")
    return int(found[2]), int(found[3]), found[4]
