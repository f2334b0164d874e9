"""Flame graphs drawn by inferno (cargo-flamegraph, py-spy) and by flamegraph.pl, read back from the picture.

Format: https://github.com/jonhoo/inferno/blob/main/src/flamegraph/mod.rs and
https://github.com/brendangregg/FlameGraph/blob/master/flamegraph.pl
Sample: ``<g><title>main (1,300 samples, 59.63%)</title><rect x="0%" y="37" width="59.63%" … fg:x="0" fg:w="1300"/></g>``
The count of a frame stands in its title; whose caller it is follows from where the rectangle lies. What the picture calls
samples are periods of the event where it was made from perf.data: ns of a clock, or cycles.
Lost: frames too narrow to be drawn, which are part of their caller here; files and lines (but py-spy's); the event.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from perf_action.formats import py_spy_frames
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.formats.svg_boxes import Box, boxes_of
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "flamegraph-svg"
NOT_DRAWN: Final = "[not drawn]"
_START: Final = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml.{0,200}?\?>\s*)?(<!--.*?-->\s*)*(<!doctype svg.{0,300}?>\s*)?(<!--.*?-->\s*)*<svg\b",
    re.DOTALL | re.IGNORECASE,
)
#: flamegraph.pl rounds places to a tenth of a pixel
_ROUNDED: Final = 0.2
#: more samples than any profiler takes, and a period that all of several different counts share: the counts are periods, not samples
_NEVER_SAMPLES, _PERIOD, _DIFFERENT = 10**8, 1000, 3
_TIMES: Final = {"ns": 1, "us": 10**3, "µs": 10**3, "microseconds": 10**3, "ms": 10**6, "milliseconds": 10**6}


@dataclass(slots=True, eq=False)
class _Node:
    """A box and what is still free of it for callees."""

    box: Box
    free: int
    stack: int = -1
    callees: list[_Node] = field(default_factory=list)


def sniff(source: Source) -> bool:
    return _START.match(source.head) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    boxes = boxes_of(source)
    root = next((box for box in boxes if box.name == "all" and box.is_all), None)
    if root is None:
        raise source.error(
            "is a picture (SVG), but no flame graph with its counts",
            remedy="give one by inferno, cargo-flamegraph, py-spy or flamegraph.pl, or the profile it was drawn from",
        )
    rows = _rows(boxes, root)
    if len(rows[0]) > 1:
        raise source.error("has several boxes at the bottom", remedy="give one picture a file")
    _stack_up(source, rows)
    with source.refusing():
        return capture_of(NAME, _profile(rows, rows[0][0]))


def _rows(boxes: Sequence[Box], root: Box) -> list[list[_Node]]:
    """The boxes by depth, each from left to right; depth counts from the root, wherever that is drawn."""
    by_depth: defaultdict[float, list[_Node]] = defaultdict(list)
    for box in boxes:
        by_depth[abs(box.y - root.y)].append(_Node(box, box.value))
    return [sorted(by_depth[y], key=lambda node: (node.box.x, node.box.end)) for y in sorted(by_depth)]


def _stack_up(source: Source, rows: Sequence[Sequence[_Node]]) -> None:
    """Put every box onto the one that it lies on."""
    for callers, nodes in pairwise(rows):
        starts = [caller.box.x for caller in callers]
        for node in nodes:
            caller = _caller(callers, bisect_right(starts, node.box.middle) - 1, node)
            if caller is None:
                raise source.error(
                    f"the box of {node.box.name[:80]!r} lies on no other box that has room for it",
                    remedy="the picture is damaged or was edited",
                )
            caller.free -= node.box.value
            caller.callees.append(node)


def _profile(rows: Sequence[Sequence[_Node]], root: _Node) -> Profile:
    kind, factor, period = _kind(root.box.unit, [node.box.value for row in rows for node in row])
    py_spy = _is_py_spy(rows)
    builder = ProfileBuilder([kind], tool="py-spy" if py_spy else "")
    for row in rows:
        for node in row:
            if node is not root:
                frame = py_spy_frames.frame(node.box.name) if py_spy else Frame(node.box.name)
                function = builder.function(frame.name, file=frame.file, module=frame.module)
                node.stack = builder.stack(node.stack, builder.frame(function, frame.line))
            for callee in node.callees:
                callee.stack = node.stack  # until it is its turn: the stack of its caller
            if node.free:
                stack = node.stack if node is not root else builder.stack(-1, _not_drawn(builder))
                builder.sample(stack, [node.free * factor])
    return builder.build(period=period)


def _not_drawn(builder: ProfileBuilder) -> int:
    builder.note("the picture leaves out stacks that are too narrow to be drawn")
    return builder.frame(builder.function(NOT_DRAWN))


def _caller(callers: Sequence[_Node], at: int, node: _Node) -> _Node | None:
    """The box under the middle of `node`; its neighbour, if they are so narrow that rounding hides which it is."""
    for place in (at, at - 1, at + 1):
        if 0 <= place < len(callers):
            caller = callers[place]
            near = caller.box.x - _ROUNDED <= node.box.middle <= caller.box.end + _ROUNDED
            if near and caller.free >= node.box.value:
                return caller
    return None


def _is_py_spy(rows: Sequence[Sequence[_Node]]) -> bool:
    names = [node.box.name for row in rows[1:] for node in row]
    frames = all(py_spy_frames.is_frame(name) or py_spy_frames.is_pseudo(name) for name in names)
    return frames and any(py_spy_frames.is_python_frame(name) for name in names)


def _kind(unit: str, values: Sequence[int]) -> tuple[ValueKind, int, int | None]:
    """What is counted, by the word in the titles; the factor to our unit; and the period, where all counts share one."""
    if unit in _TIMES:
        return ValueKind("cpu", "ns"), _TIMES[unit], None
    if unit != "samples":
        return ValueKind(unit or "count", "bytes" if unit == "bytes" else "count"), 1, None
    period = math.gcd(*values)
    if period >= _PERIOD and len(set(values)) >= _DIFFERENT:
        return ValueKind("cpu", "ns"), 1, period
    return ValueKind("cpu", "ns" if max(values) >= _NEVER_SAMPLES else "samples"), 1, None
